"""Every test that asks for `form` runs once for each form of the kernels that this machine has."""

import pytest

from oscine import kernels
from oscine.kernels.library import INSTRUCTION_SETS


@pytest.fixture(params=[name for name in kernels.available() if name != "oracle"])
def form(request):
    """The form in use."""
    with kernels.use(request.param):
        yield request.param


@pytest.fixture(params=[name for name in kernels.available() if name in INSTRUCTION_SETS] or ["none"])
def compiled(request):
    """The compiled form in use."""
    if request.param == "none":
        pytest.skip("no compiled kernels: there was no C++ compiler when the package was installed")
    with kernels.use(request.param):
        yield request.param
