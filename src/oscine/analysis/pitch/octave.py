"""The octave of a tracked note, from the signal itself.

A network may take a tone with a strong second harmonic for the note an octave above, as SwiftF0 often does
between C5 and E♭5, and one with a strong fourth for two octaves. The signal decides: a tone has nothing
halfway between its harmonics, where one that is an octave lower has half of its own.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from oscine.analysis.pitch.harmonics import fold, inner, multiples

_PERIODS = 12.0  # six of the pitch an octave below: its harmonics are three widths of the window's lobe apart
# In halves of the pitch.
_HALFWAY = (1, 3)
_HARMONICS = (2, 4, 6)
# Of the strongest harmonic. A room's reverberation of the octave below, and breath, stay under the first; the
# second keeps a fifth that sounds along, a deep rumble and a slow beat from passing for a tone.
_FUNDAMENTAL_DB, _THIRD_DB = -12.0, -30.0
_MOST_OCTAVES = 2
_MOST_INSTANTS = 16


def octaves_too_high(
    audio: np.ndarray, sample_rate: int, centers: np.ndarray, f0_hz: np.ndarray, lowest_hz: float
) -> int:
    """Return by how many octaves a note was heard too high, 0 to 2.

    Args:
        audio: Mono float32, ``(time,)``; beyond its ends there is silence.
        sample_rate: In Hz.
        centers: ``(value,)``, integer, instants within the note, in samples; sixteen of them are looked at.
        f0_hz: ``(value,)``, its pitch there in Hz, as it was heard.
        lowest_hz: No note is taken to be lower.
    """
    octaves = 0
    chosen = np.linspace(0, len(centers) - 1, min(len(centers), _MOST_INSTANTS)).round().astype(int)
    centers, f0_hz = centers[chosen], f0_hz[chosen]
    while octaves < _MOST_OCTAVES and np.median(f0_hz) / 2 >= lowest_hz:
        power = _powers(audio, sample_rate, centers, f0_hz)
        level_db = 10 * np.log10(power / (power.max(axis=0) + 1e-20) + 1e-20)
        # The median over the note: a guitar's body, struck, is the octave below for a moment.
        fundamental_db, third_db = np.median(level_db[: len(_HALFWAY)], axis=1)
        if fundamental_db < _FUNDAMENTAL_DB or third_db < _THIRD_DB:
            break
        octaves, f0_hz = octaves + 1, f0_hz / 2
    return octaves


def _powers(audio: np.ndarray, sample_rate: int, centers: np.ndarray, f0_hz: np.ndarray) -> np.ndarray:
    """Return the power halfway between a note's harmonics, and at them, (partial, value)."""
    half = int(np.ceil(_PERIODS / 2 * sample_rate / f0_hz.min()))
    offset = np.arange(half + 1)
    padded = np.pad(audio.astype(np.float32, copy=False), half)
    even, odd = fold(sliding_window_view(padded, 2 * half + 1)[centers])
    # Each window has its own width, so that the harmonics fall on its nulls.
    width = _PERIODS / 2 * sample_rate / f0_hz[:, None]
    angle = (np.pi * np.minimum(offset / width, 1.0)).astype(np.float32)
    window = (0.5 + 0.5 * np.cos(angle)) / width.astype(np.float32)
    even *= window
    odd *= window
    turns = f0_hz[:, None] / (2 * sample_rate) * offset
    orders = (*_HALFWAY, *_HARMONICS)
    power = [
        inner(even, cosine) ** 2 + inner(odd, sine) ** 2 for cosine, sine in multiples(turns, max(orders))
    ]
    return np.array([power[order - 1] for order in orders])
