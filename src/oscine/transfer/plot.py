"""A plot of a transfer: pitch and loudness of input and output, and both spectrograms."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from oscine.analysis import Features
from oscine.analysis.spectrogram import draw_spectrogram
from oscine.audio import Sound, sound_blocks
from oscine.files import printable
from oscine.functional.units import hz_to_midi
from oscine.transfer.matching import Matched
from oscine.transfer.report import TransferReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from oscine.analysis.picture import Picture

_LONGEST_S = 60.0
_HEARD, _PLAYED = "#8a8f98", "#d1495b"


def plot_transfer(
    heard: Sound, played: Sound, features: Features, matched: Matched, report: TransferReport
) -> "Picture":
    """Return a picture of a transfer; of a long one, 60 s from shortly before the first note.

    Four panels share the time axis: pitch of the input and of the output (shaded outside notes), loudness of
    the input and target loudness of the output, the spectrogram of the input, and that of the output.

    Args:
        heard: The performance.
        played: The output.
        features: The input's features.
        matched: Pitch and loudness for the instrument.
        report: The report of the transfer, for the title.
    """
    from oscine.analysis.picture import Picture

    frame_rate = features.frame_rate
    notes = matched.on_notes.nonzero()[:, 0]
    start = max(int(notes[0]) - int(frame_rate), 0) if len(notes) else 0
    if features.n_frames <= _LONGEST_S * frame_rate:
        start = 0
    stop = min(start + int(_LONGEST_S * frame_rate), features.n_frames)
    frames = slice(start, stop)
    # A frame describes the instant at its end.
    time_s = (np.arange(start, stop) + 1) / frame_rate
    on = matched.on_notes[frames]

    figure = Picture(13.0, 11.0, title=_title(heard, report, start / frame_rate, stop / frame_rate))
    pitch, loudness, *spectra = figure.subplots(4, 1, sharex=True)

    _plot_pitch(pitch, time_s, features.f0_hz[frames], matched.f0_hz[frames], on)
    loudness.plot(time_s, features.loudness_db[frames], color=_HEARD, lw=1, label="input")
    loudness.plot(time_s, matched.target_loudness_db[frames], color=_PLAYED, lw=1, label="output")
    loudness.set_ylabel("loudness (dB)")
    loudness.legend(loc="upper right", ncols=2)
    low, high = loudness.get_ylim()
    loudness.set_ylim(low, high + 0.2 * (high - low))  # room for the legend
    for axes in (pitch, loudness):
        low, high = axes.get_ylim()
        axes.fill_between(time_s, low, high, where=~on.numpy(), color="0.94", lw=0, zorder=0)
        axes.set_ylim(low, high)
        axes.grid(color="0.88", lw=0.5)

    rate, hop_length = features.sample_rate, features.hop_length
    for axes, sound, name in zip(spectra, (heard, played), ("input", "output"), strict=True):
        audio = _excerpt(sound, rate, start * hop_length, stop * hop_length)
        draw_spectrogram(axes, audio, rate, start_s=start / frame_rate)
        axes.set_ylabel(f"{name} (Hz)")
    spectra[-1].set_xlabel("time (s); shaded: outside notes, where the pitch is held")
    spectra[-1].set_xlim(start / frame_rate, stop / frame_rate)
    return figure


def _title(heard: Sound, report: TransferReport, start_s: float, stop_s: float) -> str:
    parts = [
        f"{report.octave:+d} octave{'s' if abs(report.octave) != 1 else ''}",
        f"{report.loudness_shift_db:+.1f} dB",
        f"autotune {report.autotune:g}" + (f" to {report.scale}" if report.scale else ""),
        "dry" if report.dry else "with effects",
    ]
    if stop_s - start_s < report.seconds - 0.1:
        parts.append(f"seconds {start_s:.0f} to {stop_s:.0f} of {report.seconds:.0f}")
    source = "audio" if isinstance(heard, tuple) else printable(Path(heard).name)
    written = "" if report.output is None else f" → {printable(Path(report.output).name)}"
    return f"{source}{written}   ({', '.join(parts)})"


def _plot_pitch(
    axes: "Axes",
    time_s: np.ndarray,
    heard_hz: Float[Tensor, " frame"],
    played_hz: Float[Tensor, " frame"],
    on: Tensor,
) -> None:
    gap = torch.tensor(torch.nan)
    heard, played = hz_to_midi(heard_hz), hz_to_midi(played_hz)
    axes.plot(time_s, torch.where(on, heard, gap), color=_HEARD, lw=1.6, label="input")
    axes.plot(time_s, played, color=_PLAYED, lw=0.6, alpha=0.5)
    axes.plot(time_s, torch.where(on, played, gap), color=_PLAYED, lw=1.6, label="output")
    axes.set_ylabel("pitch (MIDI)")
    axes.legend(loc="upper right", ncols=2)
    both = torch.cat([heard[on], played[on]]) if bool(on.any()) else played
    # Room above for the legend, which would otherwise hide the highest notes.
    axes.set_ylim(float(both.min()) - 2, float(both.max()) + 5)


def _excerpt(sound: Sound, sample_rate: int, start: int, stop: int) -> Float[Tensor, " time"]:
    """Return the samples from start to stop, at ``sample_rate``, without holding the rest."""
    pieces, at = [], 0
    for block in sound_blocks(sound, sample_rate):
        pieces.append(block[max(start - at, 0) : max(stop - at, 0)])
        at += len(block)
        if at >= stop:
            break
    return torch.from_numpy(np.concatenate(pieces))
