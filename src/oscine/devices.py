"""Where tensors are: the choice of a device by name."""

import torch

from oscine.errors import InputError


def usable_device(name: str | torch.device = "auto") -> torch.device:
    """Return a device that is here.

    Args:
        name: ``"cpu"``, ``"cuda"``, ``"cuda:1"`` …, or ``"auto"``: a GPU where there is one, else the CPU.

    Raises:
        InputError: When there is no such device, or phases, which are float64, can't be computed there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        float(torch.zeros(1, dtype=torch.float64, device=device))  # "meta" has no values
    except (RuntimeError, TypeError, AssertionError, NotImplementedError):
        raise InputError(f"The device {name} can't be used here; give cpu, cuda or auto.") from None
    return device
