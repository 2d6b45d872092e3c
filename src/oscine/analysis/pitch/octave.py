"""The octave of a tracked note, from the signal itself.

A network may take a tone with a strong second harmonic for the note an octave above, as SwiftF0 often does
between C5 and E♭5, and one with a strong fourth for two octaves. It may also take a soft tone for the note an
octave below. The signal decides: a tone has nothing halfway between its harmonics, where one that is an
octave lower has half of its own.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from oscine.analysis.pitch.harmonics import fold, inner, multiples

_PERIODS = 12.0  # six of the pitch an octave below: its harmonics are three widths of the window's lobe apart
# In halves of the pitch.
_HALFWAY = (1, 3, 5, 7)
_HARMONICS = (2, 4, 6)
# Of the strongest of those harmonics, which is not the fundamental of the octave below: that may be stronger
# by 15 dB in a soft tone. A room's reverberation of the octave below, and breath, stay under the first; the
# second keeps a fifth that sounds along, a deep rumble and a slow beat from passing for a tone.
_FUNDAMENTAL_DB, _THIRD_DB = -12.0, -30.0
# Where all that is halfway is weaker than this, no tone of the octave below is there. Four partials are
# measured, because a filter may have taken the lowest ones.
_ABSENT_DB = -40.0
_MOST_OCTAVES = 2
_MOST_INSTANTS = 16


def octaves_too_high(
    audio: np.ndarray,
    sample_rate: int,
    centers: np.ndarray,
    f0_hz: np.ndarray,
    lowest_hz: float,
    highest_hz: float,
) -> int:
    """Return the octaves by which a note was tracked too high, −1 to 2; −1 is an octave too low.

    Args:
        audio: Mono float32, ``(time,)``; beyond its ends there is silence.
        sample_rate: In Hz.
        centers: ``(value,)``, integer, instants within the note, in samples; sixteen of them are looked at.
        f0_hz: ``(value,)``, its pitch there in Hz, as it was heard.
        lowest_hz: No note is taken to be lower.
        highest_hz: Nor higher.
    """
    chosen = np.linspace(0, len(centers) - 1, min(len(centers), _MOST_INSTANTS)).round().astype(int)
    centers, f0_hz = centers[chosen], f0_hz[chosen]
    octaves = 0
    while octaves < _MOST_OCTAVES and np.median(f0_hz) / 2 >= lowest_hz:
        fundamental_db, third_db, *_ = _halfway_db(audio, sample_rate, centers, f0_hz)
        if not (fundamental_db >= _FUNDAMENTAL_DB and third_db >= _THIRD_DB):
            break
        octaves, f0_hz = octaves + 1, f0_hz / 2
    if octaves == 0 and 2 * np.median(f0_hz) <= highest_hz:
        return -int(_halfway_db(audio, sample_rate, centers, 2 * f0_hz).max() < _ABSENT_DB)
    return octaves


def _halfway_db(audio: np.ndarray, sample_rate: int, centers: np.ndarray, f0_hz: np.ndarray) -> np.ndarray:
    """Return the level halfway between a note's harmonics, in dB of the strongest, or NaN in silence."""
    power = _powers(audio, sample_rate, centers, f0_hz)
    strongest = power[len(_HALFWAY) :].max(axis=0)
    level_db = 10 * np.log10(power[: len(_HALFWAY)] / (strongest + 1e-20) + 1e-20)
    # The median over the note: a guitar's body, struck, is the octave below for a moment.
    return np.median(level_db, axis=1) if strongest.any() else np.full(len(_HALFWAY), np.nan)


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
