"""A picture of notes or curves, and of the sound that was made of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from oscine.analysis.spectrogram import draw_spectrogram
from oscine.audio import Sound, sound_blocks
from oscine.data.curves import Curves
from oscine.note_names import note_name
from oscine.notes.midi_file import Event, Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from oscine.analysis.picture import Picture

_LONGEST_S = 60.0
_MOST_CURVES = 6
_MOST_NAMES = 8
_COLOURS = ("#d1495b", "#3f7cac", "#3d7d57", "#b5832a", "#7b5ea7", "#66727f")


def plot_score(played: Sound, score: Score, title: str = "") -> "Picture":
    """Return a picture of the first 60 s of a score: its notes, one colour a channel, and the spectrogram.

    Args:
        played: The sound.
        score: The played score.
        title: Stands above the picture.
    """
    picture, (notes, spectrum) = _panels(2, title)
    bars = _bars(score.events, score.seconds)
    for i, channel in enumerate(score.channels):
        own = [bar for bar in bars if bar[3] == channel]
        starts, stops, rows = (np.array([bar[j] for bar in own]) for j in range(3))
        colour = _COLOURS[i % len(_COLOURS)]
        notes.hlines(rows, starts, stops, color=colour, lw=4, label=f"channel {channel}")
    lowest, highest = min(bar[2] for bar in bars) - 2, max(bar[2] for bar in bars) + 2
    keys = sorted({bar[2] for bar in bars})
    ticks = keys if len(keys) <= _MOST_NAMES else list(range(-(-lowest // 12) * 12, highest + 1, 12))
    notes.set(ylim=(lowest, highest), ylabel="notes", yticks=ticks, yticklabels=map(note_name, ticks))
    if len(score.channels) > 1:
        notes.legend(loc="upper right", ncols=4)
    _draw_sound(spectrum, played)
    return picture


def plot_curves(played: Sound, curves: Curves, title: str = "") -> "Picture":
    """Return a picture of the first 60 s of curves, six at most, and of the spectrogram.

    Args:
        played: The sound.
        curves: The played curves.
        title: Stands above the picture.
    """
    shown = list(curves.values.items())[:_MOST_CURVES]
    picture, (*panels, spectrum) = _panels(len(shown) + 1, title)
    for axes, (name, values), colour in zip(panels, shown, _COLOURS, strict=False):
        axes.plot(curves.time_s, values, color=colour, lw=1.2)
        axes.set_ylabel(name)
        axes.grid(color="0.88", lw=0.5)
    _draw_sound(spectrum, played)
    return picture


def _panels(n_panels: int, title: str) -> "tuple[Picture, list[Axes]]":
    from oscine.analysis.picture import Picture

    picture = Picture(13.0, 2.5 * n_panels + 2, title=title)
    return picture, list(
        picture.subplots(n_panels, 1, sharex=True, height_ratios=[1] * (n_panels - 1) + [1.6])
    )


def _draw_sound(axes: "Axes", played: Sound) -> None:
    sample_rate = int(played[1]) if isinstance(played, tuple) else None
    blocks = list(sound_blocks(played, sample_rate))
    assert sample_rate is not None
    audio = torch.from_numpy(np.concatenate(blocks))[: round(_LONGEST_S * sample_rate)]
    draw_spectrogram(axes, audio, sample_rate)
    axes.set(xlim=(0, len(audio) / sample_rate), xlabel="time (s)", ylabel="output (Hz)")


def _bars(events: Sequence[Event], seconds: float) -> list[tuple[float, float, int, int]]:
    """Return the notes of a score: start and stop in seconds, key, channel; the pedal is left out."""
    sounding: dict[tuple[int, int], float] = {}
    bars = []
    for event in events:
        place = event.channel, event.number
        if event.kind in ("note_on", "note_off") and place in sounding:
            bars.append((sounding.pop(place), event.time_s, event.number, event.channel))
        if event.kind == "note_on":
            sounding[place] = event.time_s
    return bars + [(start, seconds, key, channel) for (channel, key), start in sounding.items()]
