"""A voice: what each setting and controller does, measured on its curves."""

import math

import numpy as np
import pytest
from tests.performance.scores import LEARNED

from oscine.models import dynamics_of
from oscine.performance import Channel, Expression, Frame, Voice

RATE = 250.0
DYNAMICS = dynamics_of(LEARNED)


def _voice(**settings: float) -> Voice:
    return Voice(Expression(**settings), DYNAMICS, RATE)


def _played(voice: Voice, n_frames: int, channel: Channel | None = None) -> list[Frame]:
    return [voice.frame(channel or Channel()) for _ in range(n_frames)]


def _midi(frames: list[Frame]) -> np.ndarray:
    return 69 + 12 * np.log2(np.array([frame.f0_hz for frame in frames]) / 440)


def _level_db(frames: list[Frame]) -> np.ndarray:
    """What sounds: the network's loudness, and the gain."""
    return np.array([frame.loudness_db + 20 * math.log10(max(frame.gain, 1e-9)) for frame in frames])


def test_velocities_are_the_quantiles_of_the_recordings() -> None:
    curve = DYNAMICS.curve_db
    assert curve[1] == pytest.approx(LEARNED.loudness_db_quantiles[10])
    assert curve[127] == pytest.approx(LEARNED.loudness_db_quantiles[98])
    assert curve[64] == pytest.approx(LEARNED.loudness_db_quantiles[54])
    assert np.all(np.diff(curve[1:]) > 0)
    for velocity in (1, 64, 127):
        voice = _voice()
        voice.start(60, velocity)
        assert _level_db(_played(voice, 50))[-1] == pytest.approx(curve[velocity])


def test_the_envelope_has_the_times_that_are_asked_for() -> None:
    voice = _voice(attack_s=0.1, decay_s=0.2, sustain_db=-6.0, release_s=0.4)
    voice.start(60, 100)
    level = _level_db(_played(voice, 100)) - DYNAMICS.curve_db[100]
    peak = int(level.argmax())
    assert peak == pytest.approx(0.1 * RATE - 1, abs=1)
    assert level[peak] == pytest.approx(0.0, abs=1e-9)
    assert level[peak + round(0.1 * RATE)] == pytest.approx(-3.0, abs=0.13)
    assert np.allclose(level[peak + round(0.2 * RATE) + 1 :], -6.0)
    voice.release()
    released = _played(voice, 100)
    level = _level_db(released) - DYNAMICS.curve_db[100]
    assert level[round(0.2 * RATE) - 1] == pytest.approx(-36.0)
    n_sounding = sum(frame.gain > 0 for frame in released)
    assert n_sounding == pytest.approx(0.4 * RATE * 54 / 60, abs=1)
    assert voice.is_silent


def test_before_and_after_a_note_there_is_silence() -> None:
    voice = _voice()
    assert voice.is_silent
    assert voice.frame(Channel()).gain == 0


def test_the_network_is_asked_for_what_it_has_learned() -> None:
    voice = _voice(attack_s=0.1, release_s=0.5, pressure_db=40.0)
    voice.start(60, 1)
    frames = _played(voice, 40)
    voice.release()
    frames += _played(voice, 60)
    voice.start(60, 127)
    frames += _played(voice, 40, Channel(pressure=1.0))
    loudness = np.array([frame.loudness_db for frame in frames if frame.gain > 0])
    assert loudness.min() >= LEARNED.loudness_db_quantiles[1]
    assert loudness.max() <= LEARNED.loudness_db_quantiles[98] + 1e-9


def test_vibrato_has_its_rate_depth_and_delay() -> None:
    voice = _voice(vibrato_hz=5.0, vibrato_cents=30.0, vibrato_delay_s=0.4, vibrato_rise_s=0.2)
    voice.start(69, 90)
    cents = 100 * (_midi(_played(voice, 1000)) - 69)
    assert np.abs(cents[: round(0.4 * RATE)]).max() < 1e-6
    late = cents[round(1.0 * RATE) :]
    assert late.max() == pytest.approx(30.0, abs=0.1)
    assert late.min() == pytest.approx(-30.0, abs=0.1)
    crossings = np.flatnonzero(np.diff(np.sign(late)) > 0)
    assert RATE / np.diff(crossings).mean() == pytest.approx(5.0, rel=0.01)
    wheel = _voice(modulation_cents=50.0, vibrato_hz=5.0)
    wheel.start(69, 90)
    cents = 100 * (_midi(_played(wheel, 500, Channel(modulation=0.5))) - 69)
    assert cents.max() == pytest.approx(25.0, abs=0.1)


def test_notes_scoop_and_glide() -> None:
    voice = _voice(scoop_cents=-100.0, scoop_s=0.1, glide_s=0.2)
    voice.start(60, 90)
    midi = _midi(_played(voice, 100))
    assert midi[0] == pytest.approx(59.0 + 1 / (0.1 * RATE))
    assert midi[round(0.1 * RATE)] == pytest.approx(60.0)
    level = _level_db(_played(voice, 10))
    voice.move(67)
    frames = _played(voice, 100)
    midi = _midi(frames)
    assert midi[round(0.1 * RATE) - 1] == pytest.approx(63.5)
    assert np.allclose(midi[round(0.2 * RATE) :], 67.0)
    assert np.allclose(_level_db(frames), level[-1])


def test_bend_moves_pitch_alone() -> None:
    voice = _voice()
    voice.start(60, 90)
    channel = Channel(bend=-0.5, bend_semitones=2.0)
    frames = _played(voice, 50, channel)
    assert np.allclose(_midi(frames), 59.0)
    other = _voice()
    other.start(60, 90)
    assert np.allclose(_level_db(frames), _level_db(_played(other, 50)))


def test_brightness_changes_what_the_network_is_asked_and_not_the_level() -> None:
    plain, bright = _voice(), _voice(brightness_db=6.0)
    plain.start(60, 64)
    bright.start(60, 64)
    before, after = _played(plain, 50), _played(bright, 50, Channel(brightness=1.0))
    assert after[-1].loudness_db == pytest.approx(before[-1].loudness_db + 6.0)
    assert np.allclose(_level_db(after), _level_db(before))
    assert np.allclose(_midi(after), _midi(before))


def test_pressure_and_expression_change_the_level_without_steps() -> None:
    voice = _voice(pressure_db=6.0)
    voice.start(60, 40)
    level = [*_level_db(_played(voice, 50))]
    level += [*_level_db(_played(voice, 50, Channel(pressure=1.0)))]
    assert level[-1] - level[49] == pytest.approx(6.0, abs=0.01)
    assert np.abs(np.diff(level[40:])).max() < 2.5
    level = _level_db(_played(voice, 50, Channel(expression=0.5)))
    assert level[-1] == pytest.approx(DYNAMICS.curve_db[40] + 40 * math.log10(0.5), abs=0.01)
    softer = _voice()
    softer.start(60, 40)
    assert _level_db(_played(softer, 50, Channel(expression=0.0)))[-1] < -100


def test_volume_is_that_of_the_mix_and_leaves_the_timbre() -> None:
    voice = _voice()
    voice.start(60, 64)
    before = _played(voice, 50)[-1]
    after = _played(voice, 1, Channel(volume=50 / 127))[-1]
    assert after.loudness_db == before.loudness_db
    assert after.gain / before.gain == pytest.approx(0.25)


def test_a_note_that_is_lifted_at_once_is_heard() -> None:
    voice = _voice()
    voice.start(60, 100)
    voice.release()
    level = _level_db(_played(voice, 60)) - DYNAMICS.curve_db[100]
    assert level.max() > -1
    assert voice.is_silent
