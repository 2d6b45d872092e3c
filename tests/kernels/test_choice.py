"""Which form runs."""

import os
import subprocess
import sys

import pytest
import torch

from oscine import kernels
from oscine.errors import InputError


def _ask(**environment: str) -> subprocess.CompletedProcess[str]:
    code = "from oscine import kernels; print(kernels.chosen())"
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "OSCINE_KERNEL": "", **environment},
        check=False,
    )


@pytest.mark.parametrize("form", kernels.available())
def test_the_environment_forces_a_form(form: str) -> None:
    assert _ask(OSCINE_KERNEL=form).stdout.strip() == form


def test_without_a_word_it_is_the_fastest() -> None:
    assert _ask().stdout.strip() == kernels.available()[0]


def test_a_form_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match=r"can't run here; name one of .*torch"), kernels.use("abacus"):
        pass
    assert "can't run here" in _ask(OSCINE_KERNEL="abacus").stderr


def test_the_command_refuses_it_in_a_sentence() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from oscine.cli.main import main; main(['train', 'dataset', 'instrument'])"],
        capture_output=True,
        text=True,
        env={**os.environ, "OSCINE_KERNEL": "abacus"},
        check=False,
    )
    assert run.returncode == 2
    assert "OSCINE_KERNEL is 'abacus'" in run.stderr
    assert "Traceback" not in run.stderr


def test_other_devices_get_torch() -> None:
    assert kernels.chosen(torch.device("meta")) == "torch"
