"""Which form of a kernel runs: the fastest that there is here, or the one that `OSCINE_KERNEL` names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from oscine.errors import InputError
from oscine.kernels import library, triton_bank

FORMS = ("triton", *library.INSTRUCTION_SETS, "torch", "oracle")
"""The Triton kernels for GPUs; the C++ library by instruction set; tiled torch; the formula in float64."""

_forced: list[str] = []


def available() -> tuple[str, ...]:
    """Return the forms that can run here, the fastest first; `triton` is only for tensors on a GPU."""
    here = {"triton": triton_bank.available(), "torch": True, "oracle": True}
    return tuple(name for name in FORMS if (here[name] if name in here else library.find(name) is not None))


def chosen(device: torch.device | str = "cpu") -> str:
    """Return the form that runs on a device.

    Raises:
        InputError: `OSCINE_KERNEL` names a form that there is not.
    """
    forced = _forced[-1] if _forced else os.environ.get("OSCINE_KERNEL", "")
    if forced and forced not in available():
        raise InputError(
            f"OSCINE_KERNEL is {forced!r}, which can't run here; name one of {', '.join(available())}."
        )
    kind = torch.device(device).type
    names = (forced,) if forced else FORMS
    # Where the one that is wanted can't run, as a compiled form on a GPU, torch can.
    return next((name for name in names if _runs_on(name, kind)), "torch")


def _runs_on(form: str, kind: str) -> bool:
    # A CPU's tensors must not wake a GPU's driver, so the kind is asked first.
    if form == "triton":
        return triton_bank.runs_on(kind) and triton_bank.available()
    return form in ("torch", "oracle") or (kind == "cpu" and library.find(form) is not None)


@contextmanager
def use(form: str) -> Iterator[None]:
    """Use a form, where it can run, until the block ends; for tests and benchmarks."""
    _forced.append(form)
    try:
        chosen()
        yield
    finally:
        _forced.pop()
