"""The listener: pitch and loudness of the analysis, whatever the blocks, and as late as it says."""

import ctypes
import inspect
import math

import numpy as np
import pytest
import safetensors.torch
import soxr
import torch
from benchmarks.live_pitch.header import HEADER, header
from tests.analysis.tones import vibrato_tone

from oscine import recordings, weights
from oscine.analysis import VOICED
from oscine.analysis.pitch.live import HOP, live_pitch
from oscine.audio import read_audio
from oscine.functional import loudness_db
from oscine.functional.framing import frame_centers
from oscine.runtime import Listener, engines

pytestmark = pytest.mark.skipif(
    not engines(), reason="no compiled runtime: there was no C++ compiler when the package was installed"
)

RATES = [
    (16000, 16000, 64),
    (48000, 48000, 192),
    (44100, 48000, 192),
    (48000, 44100, 176),
    (96000, 16000, 64),
]
BEFORE = (440.0, 0.0, -80.0, 0.0)


def heard(audio: np.ndarray, host_rate: int, rate: int, hop: int) -> np.ndarray:
    """Return ``(frame, 4)``: frame t, of the instant (t + 1) · hop, as it is when it is there."""
    listener = Listener(host_rate, rate, hop)
    frames, position = [], 0
    n_frames = int((len(audio) - listener.latency) * rate / host_rate / hop)
    for t in range(n_frames):
        end = math.ceil((t + 1) * hop * host_rate / rate) + listener.latency
        listener.push(audio[position:end])
        frames.append(listener.frame())
        position = end
    return np.array(frames)


def song(seconds: float) -> np.ndarray:
    return read_audio(recordings.path("singing"), 16000)[0][: int(seconds * 16000)].astype(np.float32)


def test_pitch_is_that_of_the_tracker_in_python() -> None:
    violin = read_audio(min(recordings.path("violin").glob("*.flac")), 16000)[0][: 6 * 16000].astype(
        np.float32
    )
    for audio in (song(8.0), violin):
        for rate, hop in ((16000, 64), (44100, 176)):
            frames = heard(audio, 16000, rate, hop)
            centers = frame_centers(len(frames), hop, rate, 16000).numpy()
            f0_hz, confidence = live_pitch(audio, centers)
            voiced = confidence >= VOICED
            assert 0.3 < voiced.mean() <= 1.0
            same = (frames[:, 1] >= VOICED) == voiced
            assert same.mean() >= 0.999
            cents = 1200 * np.abs(np.log2(frames[:, 0] / f0_hz))[voiced & same]
            assert np.median(cents) < 0.01
            assert (cents < 1.0).mean() >= 0.999


@pytest.mark.parametrize(("rate", "hop"), [(16000, 64), (44100, 176)])
def test_loudness_is_that_of_the_analysis(rate: int, hop: int) -> None:
    audio = song(6.0)
    frames = heard(audio, 16000, rate, hop)
    centers = frame_centers(len(frames), hop, rate, 16000)
    expected = loudness_db(torch.from_numpy(audio), centers).numpy()
    above = expected > -70
    assert above.mean() > 0.5
    assert np.abs(frames[:, 2] - expected)[above].max() < 0.01
    assert np.abs(frames[:, 2] - expected).max() < 0.5


def test_another_rate_changes_little() -> None:
    audio = song(6.0)
    own, other = heard(audio, 16000, 16000, 64), heard(soxr.resample(audio, 16000, 48000), 48000, 48000, 192)
    n = min(len(own), len(other))
    own, other = own[:n], other[:n]
    loud = own[:, 2] > -40
    assert np.median(np.abs(own - other)[loud, 2]) < 0.1  # the highest frequencies are lost
    both = (own[:, 1] >= VOICED) & (other[:, 1] >= VOICED)
    assert ((own[:, 1] >= VOICED) == (other[:, 1] >= VOICED)).mean() > 0.99
    cents = 1200 * np.abs(np.log2(own[both, 0] / other[both, 0]))
    assert np.quantile(cents, 0.99) < 3.0


@pytest.mark.parametrize(("host_rate", "rate", "hop"), RATES)
def test_the_latency_is_what_it_says(host_rate: int, rate: int, hop: int) -> None:
    """In noise each frame has a loudness of its own, which tells when it arrives."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(host_rate // 5).astype(np.float32)
    listener = Listener(host_rate, rate, hop)
    arrivals, before = [], listener.frame()
    for n, sample in enumerate(noise, start=1):
        listener.push(sample[None])
        if listener.frame() != before:
            before = listener.frame()
            arrivals.append((n, before.loudness_db))
    late = np.array([n for n, _ in arrivals]) - (1 + np.arange(len(arrivals))) * hop * host_rate / rate
    assert len(late) > 20
    assert listener.latency - 2.5 * host_rate / 16000 < late.min()
    assert late.max() <= listener.latency
    assert listener.latency <= 0.0195 * host_rate + 1  # 16 ms, and the resampling
    if host_rate == 16000:
        centers = frame_centers(len(arrivals), hop, rate, 16000)
        expected = loudness_db(torch.from_numpy(noise), centers).numpy()
        assert np.abs(np.array([level for _, level in arrivals]) - expected).max() < 0.01


@pytest.mark.parametrize(("host_rate", "rate", "hop"), RATES)
def test_the_cut_into_blocks_makes_no_difference(host_rate: int, rate: int, hop: int) -> None:
    audio = soxr.resample(song(1.5)[8000:], 16000, host_rate)
    listener = Listener(host_rate, rate, hop)
    cuts = np.sort(np.random.default_rng(0).choice(len(audio), 40, replace=False)).tolist()

    def frames(longest: int) -> list[tuple[float, ...]]:
        listener.reset()
        assert listener.frame() == BEFORE
        told = []
        for begin, end in zip([0, *cuts], [*cuts, len(audio)], strict=True):
            for at in range(begin, end, longest):
                listener.push(audio[at : min(at + longest, end)])
            told.append(listener.frame())
        return told

    whole = frames(1 << 20)
    assert len({one[2] for one in whole}) > 20
    for longest in (1, 100, 1000):
        assert frames(longest) == whole


@pytest.mark.parametrize("f0_hz", [60.0, 100.0, 220.5, 441.0, 987.0, 1900.0])
def test_a_tone_has_its_pitch(f0_hz: float) -> None:
    tone = vibrato_tone(f0_hz, cents=0.0, seconds=0.6)[0].astype(np.float32)
    frames = heard(tone, 16000, 16000, 64)[60:]
    assert (frames[:, 1] >= VOICED).all()
    assert np.abs(1200 * np.log2(frames[:, 0] / f0_hz)).max() < (1.0 if f0_hz < 500 else 3.5)
    np.testing.assert_allclose(np.diff(frames[:, 3]), 0.004, atol=1e-5)


def test_silence_has_no_pitch_and_holds_the_last_one() -> None:
    tone = vibrato_tone(330.0, cents=0.0, seconds=0.5)[0].astype(np.float32)
    frames = heard(
        np.concatenate([np.zeros(4000, np.float32), tone, np.zeros(8000, np.float32)]), 16000, 16000, 64
    )
    assert (frames[:50, 1] < VOICED).all()
    np.testing.assert_array_equal(frames[:50, [0, 2, 3]], np.tile((440.0, -80.0, 0.0), (50, 1)))
    last = frames[-30:]
    assert (last[:, 1] < VOICED).all()
    assert (last[:, 2] == -80).all()
    assert (last[:, 3] == 0).all()
    assert len(set(last[:, 0])) == 1
    assert np.abs(1200 * np.log2(frames[80:, 0] / 330.0)).max() < 50


@pytest.mark.parametrize("f0_hz", [82.0, 147.0, 262.0, 330.0, 700.0, 1300.0])
@pytest.mark.parametrize("n_harmonics", [1, 8])
def test_what_is_cut_off_is_held_at_its_pitch(f0_hz: float, n_harmonics: int) -> None:
    """A hard cut is broadband; where in a period it comes makes a difference."""
    for n in range(3000, 3600, 97):
        time = np.arange(n) / 16000
        tone = 0.1 * sum(np.sin(2 * np.pi * k * f0_hz * time + k) for k in range(1, n_harmonics + 1))
        audio = np.concatenate([np.zeros(2000), tone, np.zeros(2500)]).astype(np.float32)
        frames = heard(audio, 16000, 16000, 64)
        held_hz, _ = live_pitch(audio, HOP * (1 + np.arange(len(frames))))
        assert (frames[-10:, 1] < VOICED).all()
        for found in (frames[:, 0], held_hz):
            assert np.abs(1200 * np.log2(found[52:] / f0_hz)).max() < 50


def test_samples_that_are_not_finite_count_as_zero_and_are_forgotten() -> None:
    tone = vibrato_tone(330.0, cents=0.0, seconds=0.5)[0].astype(np.float32)
    listener, other = Listener(48000, 16000, 64), Listener(48000, 16000, 64)
    for bad in (np.nan, np.inf, -np.inf):
        listener.push(np.full(3000, bad, np.float32))
        other.push(np.zeros(3000, np.float32))
        assert listener.frame() == other.frame()
    for huge in (3e38, -3e38):
        listener.push(np.full(3000, huge, np.float32))
        other.push(np.zeros(3000, np.float32))
        assert all(map(math.isfinite, listener.frame()))
    for _ in range(2):
        listener.push(tone)
        other.push(tone)
    assert listener.frame().loudness_db == pytest.approx(other.frame().loudness_db, abs=1e-3)
    assert listener.frame().f0_hz == pytest.approx(other.frame().f0_hz, rel=1e-4)


def test_what_it_cannot_do_is_a_sentence() -> None:
    for given in ((3999, 16000, 64), (768001, 16000, 64), (48000, 100, 1), (48000, 16000, 16001)):
        with pytest.raises(ValueError, match="out of its range"):
            Listener(*given)
    with pytest.raises(ValueError, match="give whole numbers above 0"):
        Listener(48000, 16000, 0)
    with pytest.raises(ValueError, match="give mono samples"):
        inspect.unwrap(Listener.push)(Listener(48000, 16000, 64), np.zeros((4, 2), np.float32))
    library = Listener(48000, 16000, 64)._library
    nothing = ctypes.c_void_p()
    assert library.oscine_listener_new(48000, 16000, 64, None) == 7
    assert library.oscine_listener_push(nothing, None, 0) == 7
    assert library.oscine_listener_frame(nothing, None) == 7
    assert library.oscine_listener_reset(nothing) == 7
    assert library.oscine_listener_latency(nothing) == 0
    library.oscine_listener_free(nothing)


def test_the_runtime_has_the_weights_of_the_package() -> None:
    tensors = safetensors.torch.load_file(weights.path("live_pitch"))
    assert HEADER.read_text(encoding="utf-8") == header(tensors)
    assert sum(tensor.numel() for tensor in tensors.values()) < 10_000
