"""A spectrogram in a picture: the one that every picture of Oscine shows."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from oscine.functional.stft import stft_magnitude
from oscine.functional.units import amplitude_to_db

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RANGE_DB = 80.0
_HIGHEST_HZ = 10_000.0
_LOWEST_HZ = 50.0
_WINDOW_S = 0.064
# More columns than a picture has pixels would only cost memory.
_MOST_COLUMNS = 1800
_TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10_000)


def spectrogram_db(audio: Float[Tensor, " time"], sample_rate: int) -> Float[Tensor, "column bin"]:
    """Return the level in dB, at least −120, in windows of about 64 ms; a full-scale sine reads 0.

    Args:
        audio: The sound.
        sample_rate: In Hz.

    Returns:
        At most some 1800 columns; the first is centred on the first sample.
    """
    n_fft = 2 ** round(np.log2(_WINDOW_S * sample_rate))
    hop_length = max(n_fft // 8, -(-len(audio) // _MOST_COLUMNS))
    return amplitude_to_db(stft_magnitude(audio, n_fft, hop_length) / (n_fft / 4))


def draw_spectrogram(
    axes: "Axes",
    audio: Float[Tensor, " time"] | Float[np.ndarray, " time"],
    sample_rate: int,
    *,
    start_s: float = 0.0,
    top_db: float | None = None,
    logarithmic: bool = False,
) -> None:
    """Draw a spectrogram, 80 dB deep, over seconds and Hz.

    Args:
        axes: Where.
        audio: The sound.
        sample_rate: In Hz.
        start_s: The instant of its first sample on the axis of time.
        top_db: The brightest level, so that two pictures can share one scale; this sound's own when left out.
        logarithmic: Frequency in octaves from 50 Hz to the end of the band; else in Hz, up to 10 kHz.
    """
    audio = torch.as_tensor(audio).float()
    level_db = spectrogram_db(audio, sample_rate).T.numpy()
    top_db = float(level_db.max()) if top_db is None else top_db
    look = {"cmap": "magma", "vmin": top_db - _RANGE_DB, "vmax": max(top_db, -100.0)}
    n_bins, n_columns = level_db.shape
    stop_s, nyquist_hz = start_s + max(len(audio) / sample_rate, 1e-3), sample_rate / 2
    if logarithmic:
        times_s = np.linspace(start_s, stop_s, n_columns + 1)
        bins_hz = np.maximum((np.arange(n_bins + 1) - 0.5) * (nyquist_hz / (n_bins - 1)), 1.0)
        axes.pcolormesh(times_s, bins_hz, level_db, rasterized=True, **look)
        axes.set_yscale("log")
        ticks_hz = [hz for hz in _TICKS_HZ if hz <= nyquist_hz]
        axes.set_yticks(ticks_hz, [f"{hz // 1000} k" if hz >= 1000 else str(hz) for hz in ticks_hz])
        axes.minorticks_off()
        axes.set_ylim(_LOWEST_HZ, nyquist_hz)
    else:
        extent = (start_s, stop_s, 0.0, nyquist_hz)
        axes.imshow(level_db, origin="lower", aspect="auto", interpolation="nearest", extent=extent, **look)
        axes.set_ylim(0.0, min(nyquist_hz, _HIGHEST_HZ))
    axes.set_ylabel("frequency (Hz)")
