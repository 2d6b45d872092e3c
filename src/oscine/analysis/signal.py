"""The rate that the analysis works at, and the grid of its frames.

Because everything is measured at this rate, the same sound gives the same features whatever it was stored as.
"""

import numpy as np

from oscine.audio.samples import Rate, Samples, check_blocks, check_rate, mono_blocks, resample_blocks
from oscine.errors import InputError

ANALYSIS_RATE = 16000
"""In Hz: the tracker's rate, and that of both definitions of loudness."""


def default_hop_length(sample_rate: int) -> int:
    """Return the samples per frame that come nearest to 250 frames a second (64 at 16 kHz, 192 at 48 kHz)."""
    return max(1, round(sample_rate / 250))


def check_grid(sample_rate: Rate, hop_length: Rate | None) -> int:
    """Return the hop length to use.

    Raises:
        InputError: When the sample rate or the hop length cannot be worked with.
    """
    sample_rate = check_rate(sample_rate)
    if hop_length is None:
        return default_hop_length(sample_rate)
    if not 1 <= hop_length <= sample_rate or hop_length != int(hop_length):  # NaN is within nothing
        raise InputError(
            f"The hop length is {hop_length} samples; give a whole number, 1 to {sample_rate} (one second)."
        )
    return int(hop_length)


def to_analysis_rate(audio: Samples, sample_rate: Rate) -> np.ndarray:
    """Return a whole signal as mono float32 at ``ANALYSIS_RATE``.

    Raises:
        InputError: As ``mono_blocks`` and ``check_blocks``.
    """
    sample_rate = check_rate(sample_rate)
    blocks = resample_blocks(
        check_blocks(mono_blocks(audio, sample_rate), sample_rate), sample_rate, ANALYSIS_RATE
    )
    return np.concatenate([np.zeros(0, dtype=np.float32), *blocks])
