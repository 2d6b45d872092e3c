"""Every shape annotation of the package is checked while the tests run."""

from jaxtyping import install_import_hook

install_import_hook("oscine", "beartype.beartype")

import pytest  # noqa: E402
import torch  # noqa: E402


@pytest.fixture(autouse=True)
def _one_thread_and_a_seed():
    """Two-core machines run the suite faster with one thread per operation, and every test starts alike."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
