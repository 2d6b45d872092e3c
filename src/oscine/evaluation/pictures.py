"""Plots of a recording beside an output."""

from typing import TYPE_CHECKING

import numpy as np

from oscine.analysis import CONFIDENT, VOICED
from oscine.analysis.spectrogram import draw_spectrogram, spectrogram_db
from oscine.evaluation.drawing import ACCENT, INK, Drawing, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from oscine.evaluation.tally import Sound

#: A picture has no more points than pixels.
_MOST_POINTS = 1200


def comparison_picture(
    target: "Sound", output: "Sound", names: tuple[str, str] = ("recording", "output")
) -> Drawing:
    """Return a picture: both spectrograms, below them the two pitches and the two loudnesses.

    Args:
        target: The recording.
        output: The output, on the same frames.
        names: The names of the two sounds.
    """
    top_db = max(
        float(spectrogram_db(sound.audio, sound.features.sample_rate).max()) for sound in (target, output)
    )

    def paint(figure: "Figure", is_narrow: bool) -> None:
        mosaic, heights = ("T;O;P;L", [1.3, 1.3, 1, 0.8]) if is_narrow else ("TO;PP;LL", [1.7, 1, 0.8])
        grid = figure.subplot_mosaic(mosaic, height_ratios=heights)
        for name, sound, title in zip("TO", (target, output), names, strict=True):
            draw_spectrogram(grid[name], sound.audio, sound.features.sample_rate, top_db=top_db)
            grid[name].set(title=title, ylabel="kHz")
            ticks_khz = np.arange(0, grid[name].get_ylim()[1] / 1000 + 0.1, 2)
            grid[name].set_yticks(1000 * ticks_khz, [f"{khz:.0f}" for khz in ticks_khz])
            if not is_narrow:
                grid[name].set_xlabel("s")
        _draw_pitch(grid["P"], target, output, names)
        _draw_loudness(grid["L"], target, output)
        # One axis of time: a pitch may end before the sound does.
        for name in "PL":
            grid[name].set_xlim(0, target.audio.shape[-1] / target.features.sample_rate)
        for axes in grid.values():
            _colour(axes)

    return draw(520.0, 620.0, paint)


def _colour(axes: "Axes") -> None:
    """Give axes the colours of the page."""
    axes.set_facecolor("none")
    axes.tick_params(colors=INK)
    for spine in axes.spines.values():
        spine.set_edgecolor(INK)
    for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
        text.set_color(INK)


def _draw_pitch(axes: "Axes", target: "Sound", output: "Sound", names: tuple[str, str]) -> None:
    for sound, color, name in zip((target, output), (INK, ACCENT), names, strict=True):
        features = sound.features
        step = max(1, features.n_frames // _MOST_POINTS)
        midi = features.midi.numpy().astype(np.float64)[::step]
        confident = (features.confidence >= CONFIDENT).numpy()[::step]
        voiced = (features.confidence >= VOICED).numpy()[::step]
        time_s = features.time_s.numpy()[::step]
        width = 3.5 if sound is target else 1.4
        axes.plot(time_s, np.where(voiced, midi, np.nan), color=color, lw=width / 2, alpha=0.5)
        axes.plot(time_s, np.where(confident, midi, np.nan), color=color, lw=width, label=name)
    axes.set_ylabel("pitch (MIDI)")
    axes.grid(color=INK, alpha=0.25, lw=0.5)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.0,
        ncols=2,
        frameon=False,
        labelcolor=INK,
    )


def _draw_loudness(axes: "Axes", target: "Sound", output: "Sound") -> None:
    for sound, color in ((target, INK), (output, ACCENT)):
        step = max(1, sound.features.n_frames // _MOST_POINTS)
        time_s, level_db = sound.features.time_s.numpy(), sound.features.loudness_db.numpy()
        axes.plot(time_s[::step], level_db[::step], color=color, lw=2.5 if sound is target else 1.2)
    axes.set(ylabel="loudness (dB)", xlabel="s")
    axes.grid(color=INK, alpha=0.25, lw=0.5)
