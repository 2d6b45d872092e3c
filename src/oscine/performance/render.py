"""From a MIDI file to sound: every voice of every instrument, mixed."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from oscine.audio.output import check_output, reduced, write_audio
from oscine.files import printable
from oscine.notes.midi_file import Score, read_midi
from oscine.performance.mixing import Block, mixed, mixed_length
from oscine.performance.options import RenderOptions
from oscine.performance.parts import Part, PartReport, Players, parts_of
from oscine.plural import counted


class RenderReport(BaseModel):
    """The report of a rendering."""

    model_config = ConfigDict(frozen=True)

    output: str | None = Field(description="the file that was written; null of a sound in memory")
    sample_rate: int
    seconds: float
    parts: list[PartReport]
    peak: float = Field(description="of the mix, before it was scaled")
    scaled_db: float
    real_time_factor: float = Field(description="time that it took, over the length")
    remarks: list[str]

    def __str__(self) -> str:
        """Return a line in words."""
        notes, n_players = sum(part.notes for part in self.parts), len(self.parts)
        return (
            f"song: {self.seconds:.1f} s at {self.sample_rate} Hz, {counted(notes, 'note')} by "
            f"{counted(n_players, 'instrument')}, {counted(len(self.remarks), 'remark')}"
        )

    __repr__ = __str__


def render(
    score: Score,
    instruments: Players,
    options: RenderOptions | None = None,
) -> tuple[Block, int]:
    """Return a score, played, and its sample rate: the highest of the instruments'.

    Args:
        score: What `read_midi` returns.
        instruments: Who plays each channel; None for those that are not named; or one for all.
        options: How; the defaults if left out.

    Raises:
        InputError: When no channel with notes has an instrument, or an instrument has no such identity.
    """
    audio, report = render_with_report(score, instruments, options)
    return audio, report.sample_rate


def render_with_report(
    score: Score, instruments: Players, options: RenderOptions | None = None
) -> tuple[Block, RenderReport]:
    """Return a score, played, and the report on it; see `render`."""
    options = options or RenderOptions()
    began = time.perf_counter()
    parts, remarks = parts_of(score, instruments, options)
    audio = np.concatenate(list(mixed(parts, options)))
    peak = float(np.abs(audio).max(initial=0.0))
    return audio, _report(None, parts, remarks, peak, 1.0, time.perf_counter() - began)


def render_file(
    midi_path: str | Path,
    instruments: Players,
    output_path: str | Path,
    options: RenderOptions | None = None,
    *,
    on_progress: Callable[[float], None] | None = None,
) -> RenderReport:
    """Play a MIDI file and write it, as 24-bit PCM; if its peak would clip, its level is reduced.

    Args:
        midi_path: Format 0 or 1.
        instruments: Who plays each channel; None for those that are not named; or one for all.
        output_path: ``.wav`` or ``.flac``; it appears complete or not at all.
        options: How; the defaults if left out.
        on_progress: Called with the share that is finished.

    Raises:
        InputError: As `render` and `read_midi`, and when the output can't be written.
    """
    options = options or RenderOptions()
    midi_path, output_path = Path(midi_path), Path(output_path)
    check_output(output_path, midi_path)
    began = time.perf_counter()
    parts, remarks = parts_of(read_midi(midi_path), instruments, options)
    sample_rate, n_samples = mixed_length(parts)
    blocks = map(torch.from_numpy, mixed(parts, options))
    peak, gain = write_audio(output_path, blocks, sample_rate, n_samples, on_progress)
    return _report(printable(output_path), parts, remarks, peak, gain, time.perf_counter() - began)


def _report(
    output: str | None,
    parts: Sequence[Part],
    remarks: Sequence[str],
    peak: float,
    gain: float,
    took_s: float,
) -> RenderReport:
    sample_rate, n_samples = mixed_length(parts)
    seconds = n_samples / sample_rate
    return RenderReport(
        output=output,
        sample_rate=sample_rate,
        seconds=seconds,
        parts=[part.report for part in parts],
        peak=peak,
        scaled_db=float(20 * np.log10(gain)),
        real_time_factor=took_s / seconds,
        remarks=[*remarks, *_remarks(parts, peak, gain)],
    )


def _remarks(parts: Sequence[Part], peak: float, gain: float) -> list[str]:
    remarks = []
    for part in parts:
        if part.report.range_share < 0.8:
            outside = round(100 * (1 - part.report.range_share))
            where = ", ".join(map(str, part.report.channels))
            remarks.append(
                f"{outside} % of the notes of channel {where} are outside the learned pitches and may sound "
                "wrong; try --octave."
            )
        if part.instrument.statistics is None:
            remarks.append("An instrument has no statistics, so velocities are not mapped to its loudness.")
    if gain < 1:
        remarks.append(reduced(peak, gain))
    return remarks
