"""Plots of a recording beside an output."""

import io
from typing import TYPE_CHECKING

import numpy as np

from oscine.analysis import CONFIDENT, VOICED
from oscine.analysis.spectrogram import draw_spectrogram, spectrogram_db

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from oscine.evaluation.tally import Sound

# Readable on white and on black: the plots have no background.
_INK = "#7d8794"
_TARGET, _OUTPUT = "#8a94a3", "#d8654a"


def comparison_picture(target: "Sound", output: "Sound", title: str = "") -> bytes:
    """Return a PNG: both spectrograms side by side, below them the two pitches and the two loudnesses.

    Args:
        target: The recording.
        output: The output, on the same frames.
        title: Printed above.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7.5), layout="constrained", facecolor="none")
    FigureCanvasAgg(figure)
    grid = figure.subplot_mosaic(
        [["target", "output"], ["pitch", "pitch"], ["loudness", "loudness"]], height_ratios=[1.7, 1, 0.8]
    )
    figure.suptitle(title, color=_INK)
    top_db = max(
        float(spectrogram_db(sound.audio, sound.features.sample_rate).max()) for sound in (target, output)
    )
    for name, sound in (("target", target), ("output", output)):
        draw_spectrogram(grid[name], sound.audio, sound.features.sample_rate, top_db=top_db)
        grid[name].set(title=name, xlabel="time (s)")
    _draw_pitch(grid["pitch"], target, output)
    _draw_loudness(grid["loudness"], target, output)
    for axes in grid.values():
        axes.set_facecolor("none")
        axes.tick_params(colors=_INK)
        for spine in axes.spines.values():
            spine.set_edgecolor(_INK)
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
            text.set_color(_INK)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=100, facecolor="none")
    return png.getvalue()


def _draw_pitch(axes: "Axes", target: "Sound", output: "Sound") -> None:
    for sound, color, name in ((target, _TARGET, "target"), (output, _OUTPUT, "output")):
        features = sound.features
        midi = features.midi.numpy().astype(np.float64)
        confident = (features.confidence >= CONFIDENT).numpy()
        voiced = (features.confidence >= VOICED).numpy()
        time_s = features.time_s.numpy()
        width = 3.5 if sound is target else 1.2
        axes.plot(time_s, np.where(voiced, midi, np.nan), color=color, lw=width / 2, alpha=0.5)
        axes.plot(time_s, np.where(confident, midi, np.nan), color=color, lw=width, label=name)
    axes.set_ylabel("pitch (MIDI)")
    axes.margins(x=0)
    _legend(axes)


def _draw_loudness(axes: "Axes", target: "Sound", output: "Sound") -> None:
    for sound, color, name in ((target, _TARGET, "target"), (output, _OUTPUT, "output")):
        width = 2.5 if sound is target else 1.0
        axes.plot(
            sound.features.time_s.numpy(),
            sound.features.loudness_db.numpy(),
            color=color,
            lw=width,
            label=name,
        )
    axes.set_ylabel("loudness (dB)")
    axes.set_xlabel("s")
    axes.margins(x=0)
    _legend(axes)


def _legend(axes: "Axes") -> None:
    axes.grid(color=_INK, alpha=0.25, lw=0.5)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.0,
        ncols=2,
        frameon=False,
        labelcolor=_INK,
    )
