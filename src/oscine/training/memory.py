"""Whether a run fits into memory, before anything is allocated or written."""

import os
import sys

import torch

from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig, TrainingConfig

#: Weights, gradients, two moments, and the copy that the guard goes back to: float32 each.
_BYTES_PER_PARAMETER = 4 * 7
#: Of each sample of a batch at the very least: spectra of several sizes, of two sounds, and their gradients.
_BYTES_PER_SAMPLE = 256


def require_memory(instrument: InstrumentConfig, training: TrainingConfig, device: torch.device) -> None:
    """Refuse sizes that can't fit; the estimate is a lower bound, so what passes may still be too large.

    Raises:
        InputError: With what it would take, and what there is.
    """
    with torch.device("meta"):
        n_parameters = sum(one.numel() for one in Instrument(instrument).parameters())
    seconds = training.batch_size * (training.crop_s + training.preroll_s)
    needed = n_parameters * _BYTES_PER_PARAMETER + seconds * instrument.sample_rate * _BYTES_PER_SAMPLE
    there = _memory_bytes(device)
    if there is not None and needed > there:
        raise InputError(
            f"This recipe takes {needed / 1e9:,.0f} GB at least ({n_parameters / 1e6:,.1f} million "
            f"parameters, {seconds:,.0f} s of sound in a batch) and {device} has {there / 1e9:,.1f} GB; "
            "choose smaller sizes, a smaller training.batch_size or a shorter training.crop_s."
        )


def _memory_bytes(device: torch.device) -> int | None:
    """Return the memory of a device; None where it can't be told."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    if sys.platform == "win32" or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error says that memory is used up."""
    said = str(error)
    is_allocator = "can't allocate memory" in said or "out of memory" in said
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and is_allocator
    )
