"""A recording that somebody sent, to a FLAC file that Oscine wrote: run in a process with limits."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from oscine.audio import FileReport, read_blocks
from oscine.audio.file import probe
from oscine.audio.output import write_audio
from oscine.errors import InputError

N_PEAKS = 400
_HIGHEST_RATE = 48_000
_PEAK_S = 0.05
_REPORTED = ("verdict", "reasons", "duration_s", "sample_rate", "n_channels", "clipped_s", "format")


def decode(source: str, target: str, name: str, longest_s: float) -> dict[str, Any]:
    """Judge a recording, and write what is sound of it as mono FLAC of 24 bits, 48 kHz at most.

    Args:
        source: The file.
        target: The FLAC file; it is not written where the recording is rejected.
        name: What the file is called, for sentences.
        longest_s: Longer ones are refused, seconds.

    Returns:
        The verdict, its reasons, the length, and the peaks: about 400 values from 0 to 1.

    Raises:
        InputError: When it is longer than that.
    """
    report = probe(source)
    told = report.model_dump(include=set(_REPORTED))
    told["reasons"] = [reason.replace(source, name) for reason in report.reasons]
    if report.verdict == "rejected":
        return told | {"peaks": []}
    if report.duration_s > longest_s:
        raise InputError(
            f"It lasts {report.duration_s / 60:.0f} minutes; cut it to {longest_s / 60:.0f} at most."
        )
    rate = min(report.sample_rate, _HIGHEST_RATE)
    peaks: list[float] = []
    write_audio(target, _blocks(source, rate, report, peaks), rate, round(report.duration_s * rate))
    return told | {"peaks": thinned(peaks), "sample_rate": rate}


def _blocks(source: str, rate: int, report: FileReport, peaks: list[float]) -> Iterator[Tensor]:
    step = max(1, round(_PEAK_S * rate))
    for block in read_blocks(source, rate, block_s=20 * _PEAK_S, offset=report.offset):
        peaks += [float(np.abs(block[i : i + step]).max()) for i in range(0, len(block), step)]
        yield torch.from_numpy(block)


def thinned(peaks: list[float]) -> list[float]:
    """Return about 400 of the values, each the greatest of its neighbours, and 1 at most."""
    n = -(-len(peaks) // N_PEAKS)
    return [round(min(1.0, max(peaks[i : i + n])), 3) for i in range(0, len(peaks), n)] if n else []
