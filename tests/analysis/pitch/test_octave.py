"""Notes heard in a wrong octave are set right, and no other note moves."""

from types import SimpleNamespace

import numpy as np
import pytest

from oscine.analysis import analyze
from oscine.analysis.pitch import swift_f0
from oscine.analysis.pitch.octave import octaves_too_high
from oscine.analysis.pitch.swift_f0 import TRACKER_HOP

RATE = 16_000
CENTERS = np.arange(2_000, 14_000, 256)
BRASS_DB = (-3.3, 0.0, -10.5, -10.7, -22.3, -24.7, -33.0, -44.3)
SAXOPHONE_DB = (-6.0, -4.0, -8.0, 0.0, -12.0, -9.0, -14.0, -10.0)
SOFT_SAXOPHONE_DB = (0.0, -13.9, -25.5, -20.8, -37.0, -31.7, -36.9, -34.1)
SOFTER_SAXOPHONE_DB = (0.0, -13.9, -30.9, -25.4, -40.0, -30.9)
CLARINET_DB = (0.0, -30.0, -5.0, -25.0, -10.0, -20.0)


def _tone(f0_hz: float, levels_db: tuple[float, ...]) -> np.ndarray:
    time = np.arange(RATE) / RATE
    partials = [
        10 ** (level / 20) * np.sin(2 * np.pi * k * f0_hz * time + k)
        for k, level in enumerate(levels_db, start=1)
    ]
    return (0.1 * np.sum(partials, axis=0)).astype(np.float32)


def _octaves(
    audio: np.ndarray, heard_hz: float, lowest_hz: float = 46.875, highest_hz: float = 2093.75
) -> int:
    return octaves_too_high(audio, RATE, CENTERS, np.full(len(CENTERS), heard_hz), lowest_hz, highest_hz)


@pytest.mark.parametrize("f0_hz", [110.0, 261.6, 523.3])
@pytest.mark.parametrize(
    ("levels_db", "octaves"),
    [
        (BRASS_DB, 0),
        (BRASS_DB, 1),
        (CLARINET_DB, 0),
        (CLARINET_DB, 1),
        (SAXOPHONE_DB, 0),
        (SAXOPHONE_DB, 2),
        (SOFT_SAXOPHONE_DB, 1),
        (SOFTER_SAXOPHONE_DB, 1),
        (BRASS_DB, -1),
        (SOFTER_SAXOPHONE_DB, -1),
    ],
)
def test_a_note_moves_by_as_many_octaves_as_it_was_heard_too_high(
    f0_hz: float, levels_db: tuple[float, ...], octaves: int
) -> None:
    assert _octaves(_tone(f0_hz, levels_db), f0_hz * 2**octaves) == octaves


def test_what_sounds_along_is_no_octave() -> None:
    tone = _tone(440.0, BRASS_DB)
    assert _octaves(tone + _tone(660.0, BRASS_DB), 440.0) == 0, "a fifth"
    assert _octaves(tone + 0.15 * _tone(220.0, BRASS_DB), 440.0) == 0, "the octave below, ringing on"
    assert _octaves(tone + 0.5 * _tone(220.0, (0.0,)), 440.0) == 0, "a rumble without harmonics"
    assert _octaves(tone + 5.0 * _tone(210.0, (0.0,)), 440.0) == 0, "one that is louder than the note"
    trace = 0.5 * _tone(220.0, (0.0, -99.0, -30.0))
    assert _octaves(tone + trace, 440.0) == 0, "a rumble with a trace of its third"
    fading = np.exp(-np.arange(RATE) / RATE / 0.05, dtype=np.float32)
    thump = fading * _tone(220.0, (6.0, -99.0, 0.0))
    assert _octaves(tone + 3 * np.roll(thump, int(CENTERS[0])), 440.0) == 0, "a guitar's body, struck"
    noise = 0.02 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert _octaves(tone + noise, 440.0) == 0, "breath"
    vibrato = 2 * np.pi * np.cumsum(440 * 2 ** (0.5 / 12 * np.sin(2 * np.pi * 6 * np.arange(RATE) / RATE)))
    assert _octaves((0.1 * np.sin(vibrato / RATE)).astype(np.float32), 440.0) == 0, "vibrato"


def test_what_lacks_some_harmonics_stays() -> None:
    """A tone is an octave higher only where all of its odd harmonics are missing."""
    assert _octaves(_tone(110.0, (-99.0, -99.0, -99.0, 0.0, -5.0, -4.0, -8.0)), 110.0) == 0, "on a telephone"
    assert _octaves(_tone(220.0, (-45.0, 0.0, -45.0, -3.0, -35.0)), 220.0) == 0, "one odd harmonic"
    noise = 0.02 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert _octaves(_tone(440.0, BRASS_DB) + noise, 220.0) == 0, "noise hides what is there"


def test_a_note_stays_within_the_pitches_of_the_tracker() -> None:
    assert _octaves(_tone(880.0, BRASS_DB), 440.0, highest_hz=900.0) == -1
    assert _octaves(_tone(880.0, BRASS_DB), 440.0, highest_hz=870.0) == 0


def test_nothing_comes_down_below_the_lowest_pitch() -> None:
    assert _octaves(_tone(110.0, SAXOPHONE_DB), 440.0, lowest_hz=200.0) == 1
    assert _octaves(_tone(110.0, SAXOPHONE_DB), 440.0, lowest_hz=230.0) == 0


def test_silence_has_no_octave() -> None:
    assert _octaves(np.zeros(RATE, np.float32), 440.0) == 0


def test_the_default_tracker_is_set_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three notes, of which two were heard an octave off; each is judged by itself."""
    notes = [_tone(440.0, BRASS_DB), _tone(523.3, SOFTER_SAXOPHONE_DB), _tone(493.9, SOFT_SAXOPHONE_DB)]
    heard = np.repeat([440.0, 2 * 523.3, 493.9 / 2], [62, 63, 63])

    class Network:
        def detect(self, audio: np.ndarray, sample_rate: int) -> SimpleNamespace:
            n = len(audio) // TRACKER_HOP
            return SimpleNamespace(pitch_hz=heard[:n], confidence=np.full(n, 0.9))

    monkeypatch.setattr(swift_f0, "_tracker", Network)
    f0_hz = analyze(np.concatenate(notes), RATE).f0_hz
    np.testing.assert_allclose(f0_hz[10:240], 440.0, rtol=1e-3)
    np.testing.assert_allclose(f0_hz[260:490], 523.3, rtol=1e-3)
    np.testing.assert_allclose(f0_hz[510:740], 493.9, rtol=1e-3)
