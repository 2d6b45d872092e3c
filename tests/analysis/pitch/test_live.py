"""The live tracker: what it computes, that it knows 16 ms of the future and no more, and what it finds."""

import numpy as np
import pytest
import torch
from tests.analysis.tones import vibrato_tone

from oscine import recordings
from oscine.analysis import VOICED, analyze
from oscine.analysis.pitch.live import (
    AHEAD,
    BIN_LAGS,
    HOP,
    LAGS,
    LONG,
    N_BINS,
    SHORT,
    SHORTEST_LAG,
    follow,
    live_pitch,
    load_network,
    normalised_difference,
    periodicity,
    to_bins,
)
from oscine.audio import read_audio


def test_the_function_is_its_formula() -> None:
    audio = np.random.default_rng(0).standard_normal(3000).astype(np.float32)
    center = 1500
    functions, power = normalised_difference(audio, np.array([center]))
    frame = audio[center + AHEAD - LONG - LAGS : center + AHEAD].astype(np.float64)
    frame -= frame.mean()
    for function, length in zip(functions, (LONG, SHORT), strict=True):
        here = frame[len(frame) - length :]
        for lag in (SHORTEST_LAG, 50, LAGS):
            before = frame[len(frame) - length - lag : len(frame) - lag]
            expected = 2 * (here * before).sum() / ((here**2).sum() + (before**2).sum())
            assert function[0, lag] == pytest.approx(expected, abs=1e-6)
    assert power[0] == pytest.approx((frame[-LONG:] ** 2).mean())


def test_bins_are_between_lags_or_the_best_of_some() -> None:
    lags = np.arange(LAGS + 1)
    for period in (20.0, 31.7):
        found = to_bins(np.cos(2 * np.pi * lags / period))
        close = BIN_LAGS < 30
        np.testing.assert_allclose(found[close], np.cos(2 * np.pi * BIN_LAGS[close] / period), atol=0.01)
    one = np.zeros(LAGS + 1)
    one[240] = 1.0
    assert (to_bins(one) == 1.0).sum() == 1
    assert BIN_LAGS[to_bins(one).argmax()] == pytest.approx(240, rel=0.0146)


@pytest.mark.parametrize("at", [8000, 8010])
def test_nothing_beyond_16_ms_is_known(at: int) -> None:
    audio = vibrato_tone(300.0, seconds=1.0)[0].astype(np.float32)
    changed = audio.copy()
    changed[at + AHEAD :] = np.random.default_rng(0).standard_normal(len(audio) - at - AHEAD)
    centers = np.arange(HOP, at + 1, 10)
    for one, other in zip(live_pitch(audio, centers), live_pitch(changed, centers), strict=True):
        np.testing.assert_array_equal(one, other)
    later = np.arange(at + HOP, len(audio), HOP)
    assert not np.array_equal(live_pitch(audio, later)[1], live_pitch(changed, later)[1])


def test_a_leap_needs_more_than_one_frame_and_a_note_is_held_without() -> None:
    pitch = np.full((60, N_BINS), 0.2 / (N_BINS - 1))
    pitch[:, 40] = 0.8
    pitch[30] = 0.6 / (N_BINS - 2)
    pitch[30, [16, 40]] = 0.3, 0.1
    pitch[40:] = 0.2 / (N_BINS - 1)
    pitch[40:, 50] = 0.8
    voicing = np.full(60, 0.9)
    voicing[[0, 20]] = 0.3
    voicing[50:] = 0.1
    bins, confidence, clear = follow(pitch, voicing)
    assert (bins[2:40] == 40).all()
    assert (bins[44:] == 50).all()
    assert clear[0] == -1
    np.testing.assert_array_equal(clear[4:20], np.arange(4, 20))
    assert clear[20] == 19
    assert clear[30] == 30
    assert (clear[50:] == 49).all()
    assert (confidence[4:50] >= VOICED).all()
    assert (confidence[54:] < VOICED).all()


def test_the_network_is_causal() -> None:
    network = load_network()
    audio = read_audio(recordings.path("singing"), 16000)[0][16000:24000].astype(np.float32)
    given = periodicity(audio, np.arange(60) * HOP)
    difference, scalars = torch.from_numpy(given.difference)[None], torch.from_numpy(given.scalars)[None]
    with torch.inference_mode():
        logits, voicing = network(difference, scalars)
        cut = network(difference[:, :40], scalars[:, :40])
        torch.testing.assert_close(cut[0], logits[:, :40])
        torch.testing.assert_close(cut[1], voicing[:, :40])


def _tone(f0_hz: float, harmonics: range, seconds: float = 0.6) -> np.ndarray:
    time = np.arange(int(16000 * seconds)) / 16000
    k = np.array(harmonics)[:, None]
    return (0.1 * np.sin(2 * np.pi * k * f0_hz * time + k).sum(0)).astype(np.float32)


@pytest.mark.parametrize("f0_hz", [60.0, 110.0, 330.0, 700.0])
@pytest.mark.parametrize("harmonics", [range(1, 8), range(2, 8)], ids=["all", "no fundamental"])
def test_harmonics_have_their_pitch(f0_hz: float, harmonics: range) -> None:
    centers = np.arange(2000, 8000, HOP)
    found, confidence = live_pitch(_tone(f0_hz, harmonics), centers)
    assert (confidence >= VOICED).all()
    assert np.abs(1200 * np.log2(found / f0_hz)).max() < 3.0


def test_an_onset_is_found_at_once() -> None:
    tone = np.concatenate([np.zeros(8000, np.float32), _tone(220.0, range(1, 8))])
    f0_hz, confidence = live_pitch(tone, np.arange(0, 16000, HOP))
    first = int((confidence >= VOICED).argmax())
    assert -0.016 <= first * HOP / 16000 - 0.5 <= 0.012
    right = np.abs(1200 * np.log2(f0_hz[first + 3 :] / 220.0)) < 50
    assert right.all()


@pytest.mark.parametrize("name", ["singing", "trumpet"])
def test_recordings_have_the_pitch_of_the_offline_tracker(name: str) -> None:
    audio = read_audio(recordings.path(name), 16000)[0][: 5 * 16000]
    offline, live = (analyze(audio, 16000, tracker=tracker) for tracker in ("swift-f0", "live"))
    voiced, found = offline.confidence >= VOICED, live.confidence >= VOICED
    cents = 1200 * (live.f0_hz / offline.f0_hz).log2().abs()
    assert float((cents[voiced & found] < 50).float().mean()) > 0.95
    assert float(found[voiced].float().mean()) > 0.93
