"""Each verdict on sound that has, and on sound that has not, what it is about."""

import numpy as np
import pytest
from tests.data.tunes import tune

from oscine import recordings
from oscine.analysis import Quality, analyze, assess, merge
from oscine.analysis.decay import ringing_times
from oscine.audio import read_audio


def _assess(audio: np.ndarray, sample_rate: int = 16_000) -> Quality:
    audio = audio.astype(np.float32)
    return assess(analyze(audio, sample_rate), audio, sample_rate)


def _in_a_room(audio: np.ndarray, fall_s: float) -> np.ndarray:
    n_taps = round(fall_s * 16_000)
    taps = np.random.default_rng(0).standard_normal(n_taps) * 10 ** (-3 * np.arange(n_taps) / n_taps)
    taps *= 0.5 / np.sqrt(np.sum(taps**2))
    taps[0] += 1
    n_fft = len(audio) + n_taps
    return np.fft.irfft(np.fft.rfft(audio, n_fft) * np.fft.rfft(taps, n_fft), n_fft)[: len(audio)] / 2


@pytest.fixture(scope="module")
def clean() -> Quality:
    return _assess(tune(40))


def test_a_good_recording_has_no_suspicion(clean: Quality) -> None:
    assert clean.learnable
    assert not clean.polyphony_suspected
    assert not clean.reverb_suspected
    assert not clean.noise_suspected
    assert not clean.clipping_suspected
    assert clean.minutes == pytest.approx(40 / 60, abs=1e-3)
    # One note of sixteen is a rest.
    assert clean.voiced_share == pytest.approx(15 / 16, abs=0.03)
    assert len(clean.advice) == 1  # more of it would sound better
    assert "minutes have a pitch, enough" in clean.advice[0]


def test_pitch_coverage_is_the_scale_that_was_played(clean: Quality) -> None:
    played = {60, 62, 64, 65, 67, 69, 71, 72}
    assert {midi for midi, seconds in clean.pitch_s.items() if seconds > 0.3} == played
    assert (clean.lowest_midi, clean.highest_midi) == (60, 72)
    assert sum(clean.pitch_s.values()) / 60 == pytest.approx(clean.voiced_share * clean.minutes, abs=1e-6)


def test_loudness_range_is_that_of_the_playing() -> None:
    even = tune(20) / np.maximum(0.3 + 0.7 * (np.arange(320_000) // 8_000 % 4) / 3, 0.1)
    wide, narrow = _assess(tune(20)), _assess(0.5 * even)
    assert wide.loudness_range_db > narrow.loudness_range_db + 5


@pytest.mark.parametrize("interval", [3, 4, 5, 7, 9])
def test_two_notes_at_a_time_are_polyphony(interval: int) -> None:
    audio = tune(20) + tune(20, lowest_midi=60 + interval, note_s=1.0)
    quality = _assess(0.5 * audio)
    assert quality.polyphony_suspected, quality.polyphony_share
    assert quality.usable_minutes < quality.voiced_share * quality.minutes
    assert any("More than one note" in sentence for sentence in quality.advice)


def test_a_room_is_no_polyphony_and_is_suspected_itself() -> None:
    quality = _assess(_in_a_room(tune(30), 1.5))
    assert not quality.polyphony_suspected, quality.polyphony_share
    assert quality.reverb_suspected
    assert any("reverberation" in sentence for sentence in quality.advice)


@pytest.mark.parametrize("fall_s", [0.8, 1.6])
def test_ringing_times_follow_the_room(fall_s: float) -> None:
    audio = _in_a_room(tune(30), fall_s).astype(np.float32)
    times = ringing_times(analyze(audio, 16_000), audio)
    assert len(times) > 10
    assert np.median(times) == pytest.approx(fall_s, rel=0.35)


def test_noise_is_seen_in_the_pauses() -> None:
    noise = np.random.default_rng(0).standard_normal(20 * 16_000)
    quiet, noisy = (_assess(tune(20) + level * noise) for level in (1e-3, 2e-2))
    assert quiet.noise_floor_db == pytest.approx(-60, abs=2)
    assert noisy.noise_floor_db == pytest.approx(20 * np.log10(2e-2), abs=2)
    assert not quiet.noise_suspected
    assert noisy.noise_suspected
    assert any("quieter room" in sentence for sentence in noisy.advice)


def test_without_pauses_nothing_is_said_of_noise() -> None:
    t = np.arange(5 * 16_000) / 16_000
    quality = _assess(0.1 * np.sign(np.sin(2 * np.pi * 220 * t)))
    assert quality.noise_floor_db is None
    assert not quality.noise_suspected


def test_clipping_is_seen() -> None:
    quality = _assess(np.clip(6 * tune(10), -1, 1))
    assert quality.clipping_suspected
    assert any("clips" in sentence for sentence in quality.advice)


def test_noise_alone_is_no_instrument() -> None:
    quality = _assess(0.1 * np.random.default_rng(0).standard_normal(5 * 16_000))
    assert not quality.learnable
    assert quality.voiced_share < 0.2
    assert any("clear pitch" in sentence for sentence in quality.advice)


def test_too_little_is_not_learnable() -> None:
    quality = _assess(tune(10))
    assert not quality.learnable
    assert "record at least 30 s" in quality.advice[0]


def test_one_note_at_one_level_is_advised_against() -> None:
    t = np.arange(32 * 16_000) / 16_000
    quality = _assess(np.sum([0.2 * np.sin(2 * np.pi * 220 * k * t) / k for k in range(1, 9)], axis=0))
    assert any("semitones" in sentence for sentence in quality.advice)
    assert any("loudness spans" in sentence for sentence in quality.advice)


@pytest.mark.parametrize("audio", [np.zeros(100), np.zeros(40_000), tune(0.01), tune(0.3)])
def test_silence_and_snippets_have_a_report(audio: np.ndarray) -> None:
    quality = _assess(audio)
    assert not quality.learnable
    assert quality.reverb_s is None
    assert Quality.model_validate_json(quality.model_dump_json()) == quality


def test_merged_reports_add_up(clean: Quality) -> None:
    twice = merge([clean, clean])
    assert twice.minutes == pytest.approx(2 * clean.minutes)
    assert twice.polyphony_share == pytest.approx(clean.polyphony_share)
    assert twice.noise_floor_db == clean.noise_floor_db
    assert {midi: pytest.approx(2 * seconds) for midi, seconds in clean.pitch_s.items()} == twice.pitch_s
    assert merge([clean]) == clean
    assert merge([clean, _assess(tune(5)), clean]) == merge([_assess(tune(5)), clean, clean])
    assert not merge([]).learnable


def test_the_report_is_the_same_at_44_1_khz(clean: Quality) -> None:
    quality = _assess(tune(40, 44_100), 44_100)
    assert quality.polyphony_suspected == clean.polyphony_suspected
    assert quality.polyphony_share == pytest.approx(clean.polyphony_share, abs=0.02)
    assert quality.usable_minutes == pytest.approx(clean.usable_minutes, rel=0.02)


def _take(name: str) -> np.ndarray:
    """The first 20 s of a bundled recording, at half of full scale."""
    whole = recordings.path("violin") / f"{name}.flac" if "_" in name else recordings.path(name)
    audio, _ = read_audio(whole, 16_000)
    audio = audio[: 20 * 16_000]
    return audio * (0.5 / np.abs(audio).max())


@pytest.mark.parametrize("name", ["movement_6", "movement_8", "singing", "trumpet"])
def test_one_voice_by_itself_is_no_polyphony(name: str) -> None:
    quality = _assess(_take(name))
    assert quality.polyphony_share < 0.04
    assert not quality.polyphony_suspected


@pytest.mark.parametrize(("accompanied", "shares"), [(0.5, (0.1, 0.18)), (1.0, (0.2, 0.4))])
def test_a_second_violin_in_half_of_a_take_is_polyphony(
    accompanied: float, shares: tuple[float, float]
) -> None:
    audio, other = _take("movement_6"), _take("movement_8")
    n_samples = round(accompanied * len(audio))
    audio[:n_samples] += other[:n_samples]
    quality = _assess(audio)
    assert shares[0] < quality.polyphony_share < shares[1]
    assert quality.polyphony_suspected
    assert any("More than one note" in sentence for sentence in quality.advice)
