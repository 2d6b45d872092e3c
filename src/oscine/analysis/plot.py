"""A plot of the analysis: waveform, spectrogram with the pitch, confidence, loudness."""

from pathlib import Path

import numpy as np
from torch import Tensor

from oscine.analysis.features import CONFIDENT, VOICED, Features
from oscine.analysis.signal import ANALYSIS_RATE, to_analysis_rate
from oscine.analysis.spectrogram import draw_spectrogram

_INK, _FAINT, _GRID = "#1b2733", "#66727f", "#e3e7eb"
_WAVE, _LOUD, _SURE, _PITCH = "#4c7a9c", "#b5532a", "#3d7d57", "#7ff0ff"
_COLUMNS = 1800


def plot_features(
    audio: Tensor | np.ndarray, sample_rate: int, features: Features, path: str | Path, title: str = ""
) -> None:
    """Draw a sound and its features, and write the picture.

    From the top: the waveform, a spectrogram (mono, 16 kHz, logarithmic frequency) with the pitch of the
    voiced frames, the confidence with the thresholds ``VOICED`` and ``CONFIDENT``, the loudness.

    Args:
        audio: ``(time,)`` or ``(channel, time)``, as for ``analyze``.
        sample_rate: In Hz.
        features: Of this audio.
        path: Where the PNG goes; a file that is there is replaced.
        title: Stands above the picture.

    Raises:
        InputError: When the audio cannot be analysed.
        OSError: When the picture cannot be written.
    """
    # Here and not above: everyone who measures would pay for the plotting library otherwise.
    from oscine.analysis.picture import Picture

    signal = to_analysis_rate(audio, sample_rate)
    duration_s = max(len(signal) / ANALYSIS_RATE, 1e-3)
    time_s = features.time_s.numpy()
    voiced = features.confidence.numpy() >= VOICED
    figure = Picture(14.0, 9.0, dpi=120)
    wave, spectrum, sure, loud = figure.subplots(4, 1, sharex=True, height_ratios=[1.1, 4.2, 0.9, 1.5])
    if title:
        # A name is not a formula, whatever dollar signs are in it.
        figure.suptitle(
            title, x=0.012, ha="left", fontsize=15, fontweight="bold", color=_INK, parse_math=False
        )

    _draw_waveform(wave, signal, duration_s)
    draw_spectrogram(spectrum, signal, ANALYSIS_RATE, logarithmic=True)
    f0_hz = np.where(voiced, features.f0_hz.numpy(), np.nan)
    # A leap is a new note: no line is drawn between the two.
    f0_hz[1:][np.abs(np.diff(np.log2(f0_hz))) > 0.8 / 12] = np.nan
    # A dark line below the bright one keeps the pitch visible on bright partials as on the dark ground.
    spectrum.plot(time_s, f0_hz, color="#00141c", linewidth=3.6, alpha=0.8, solid_capstyle="round")
    spectrum.plot(time_s, f0_hz, color=_PITCH, linewidth=1.8, solid_capstyle="round", label="f0")
    spectrum.legend(loc="upper right", facecolor="#10161d", edgecolor="none", labelcolor="white")

    confidence = features.confidence.numpy()
    sure.fill_between(time_s, 0, confidence, color=_SURE, alpha=0.25, linewidth=0)
    sure.plot(time_s, confidence, color=_SURE, linewidth=0.9)
    for level in (VOICED, CONFIDENT):
        sure.axhline(level, color=_FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
    sure.set(ylim=(0, 1.03), ylabel="confidence", yticks=[0, VOICED, CONFIDENT])

    loudness_db = features.loudness_db.numpy()
    floor_db = -80.0
    top_db = float(max(loudness_db.max(initial=floor_db), floor_db + 10.0))
    loud.fill_between(time_s, floor_db, loudness_db, color=_LOUD, alpha=0.2, linewidth=0)
    loud.plot(time_s, loudness_db, color=_LOUD, linewidth=1.0)
    loud.set(ylim=(floor_db, top_db + 5), ylabel="loudness (dB, A)", xlabel="time (s)")

    for axes in (wave, spectrum, sure, loud):
        axes.set_xlim(0, duration_s)
        axes.tick_params(colors=_FAINT, labelsize=9, length=3)
        axes.yaxis.label.set(color=_INK, fontsize=10)
        axes.xaxis.label.set(color=_INK, fontsize=10)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            axes.spines[side].set_color(_FAINT)
        if axes is not spectrum:
            axes.grid(True, color=_GRID, linewidth=0.7)
            axes.set_axisbelow(True)
    figure.align_ylabels()
    figure.write(path)


def _draw_waveform(axes, signal: np.ndarray, duration_s: float) -> None:
    """Draw the extremes of each column of pixels: a line through millions of samples hides the peaks."""
    n_columns = min(_COLUMNS, len(signal))
    edges = np.linspace(0, len(signal), n_columns + 1).astype(int)[:-1]
    low = np.minimum.reduceat(signal, edges) if n_columns else np.zeros(0)
    high = np.maximum.reduceat(signal, edges) if n_columns else np.zeros(0)
    time_s = (np.arange(n_columns) + 0.5) * (duration_s / max(n_columns, 1))
    axes.fill_between(time_s, low, high, color=_WAVE, linewidth=0.4, edgecolor=_WAVE)
    peak = float(np.abs(signal).max(initial=0.0))
    limit = max(1.08 * peak, 1e-3)
    axes.set(ylim=(-limit, limit), ylabel="amplitude")
