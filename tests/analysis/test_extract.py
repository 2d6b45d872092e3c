"""The whole analysis: truth of pitch and loudness, and that neither blocks nor storage matter."""

import numpy as np
import parselmouth
import pytest
import soundfile
import soxr
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.analysis.tones import vibrato_tone

from oscine import recordings
from oscine.analysis import NO_PITCH_HZ, TRACKERS, VOICED, Features, analyze, analyze_blocks, paper_loudness
from oscine.analysis.extract import _STRETCH
from oscine.audio import read_audio
from oscine.errors import InputError
from oscine.functional.loudness import loudness_db


def same(a, b):
    return all(
        torch.equal(getattr(a, n), getattr(b, n)) for n in ("f0_hz", "confidence", "loudness_db", "power_db")
    )


def cents(a, b) -> np.ndarray:
    return np.asarray(1200 * np.log2(np.asarray(a, dtype=np.float64) / np.asarray(b)))


@pytest.fixture(scope="module")
def phrase():
    """20 s at 16 kHz, longer than a stretch: tones, a glide, noise, and digital silence in between."""
    rng = np.random.default_rng(0)
    parts = [np.zeros(8000)]
    for f0_hz in (196.0, 440.0, 330.0, 988.0, 147.0, 262.0):
        parts += [vibrato_tone(f0_hz, seconds=2.4)[0], np.zeros(4000), 0.1 * rng.standard_normal(4000)]
    parts.append(np.zeros(320000 - sum(map(len, parts))) if sum(map(len, parts)) < 320000 else np.zeros(0))
    return np.concatenate(parts)[:320000].astype(np.float32)


@pytest.mark.parametrize("f0_hz", [60.0, 98.0, 220.0, 440.0, 1047.0, 1975.0])
def test_pitch_of_a_vibrato_tone(f0_hz):
    tone, pitch = vibrato_tone(f0_hz)
    features = analyze(tone, 16000)
    time_s = features.time_s.numpy()
    inside = (time_s > 0.15) & (time_s < 1.85)
    error = cents(features.f0_hz.numpy(), pitch(time_s))[inside]
    assert features.confidence.numpy()[inside].min() > VOICED
    assert np.median(np.abs(error)) < 2.5
    assert np.percentile(np.abs(error), 95) < (5.0 if f0_hz < 80 else 3.0)


def test_pitch_agrees_with_praat_on_a_tone_in_noise():
    tone, _ = vibrato_tone(440.0, cents=40.0, rate_hz=5.5)
    tone += 0.01 * np.random.default_rng(0).standard_normal(len(tone))
    features = analyze(tone, 16000)
    pitch = parselmouth.Sound(tone, 16000).to_pitch_ac(
        time_step=0.004, pitch_floor=180.0, pitch_ceiling=1000.0
    )
    theirs = np.interp(features.time_s.numpy(), pitch.xs(), pitch.selected_array["frequency"])
    error = cents(features.f0_hz.numpy()[50:-50], theirs[50:-50])
    assert np.median(np.abs(error)) < 1.5


@pytest.mark.parametrize("sample_rate", [16000, 44100])
@pytest.mark.parametrize("block", [997, 16384, 300001])
def test_blocks_change_nothing(phrase, sample_rate, block):
    audio = phrase if sample_rate == 16000 else soxr.resample(phrase, 16000, sample_rate)
    whole = analyze(audio, sample_rate)
    parts = list(analyze_blocks((audio[i : i + block] for i in range(0, len(audio), block)), sample_rate))
    assert len(parts) > 1
    assert same(whole, Features.concatenate(parts))
    assert whole.n_frames == -(-len(audio) // round(sample_rate / 250))


@settings(max_examples=12, deadline=None)
@given(
    n_samples=st.integers(1, 3000),
    hop_length=st.integers(1, 3000),
    cuts=st.lists(st.integers(0, 3000), max_size=5),
    sample_rate=st.sampled_from([8000, 16000, 22050, 48000]),
)
def test_any_length_hop_and_blocks(n_samples, hop_length, cuts, sample_rate):
    audio = vibrato_tone(500.0, seconds=0.1, sample_rate=48000)[0][:n_samples].astype(np.float32)
    whole = analyze(audio, sample_rate, hop_length)
    assert whole.n_frames == -(-n_samples // hop_length)
    blocks = np.split(audio, sorted(min(cut, n_samples) for cut in cuts))
    assert same(whole, Features.concatenate(list(analyze_blocks(iter(blocks), sample_rate, hop_length))))
    for values in (whole.f0_hz, whole.confidence, whole.loudness_db, whole.power_db):
        assert values.dtype == torch.float32
        assert values.isfinite().all()


@pytest.mark.parametrize("n_samples", [_STRETCH - 1, _STRETCH, _STRETCH + 1, _STRETCH + 4096, 2 * _STRETCH])
def test_ends_at_the_edge_of_a_stretch(n_samples):
    audio = np.tile(vibrato_tone(300.0, cents=0.0, seconds=1.0)[0], 33)[:n_samples].astype(np.float32)
    for hop_length in (64, 16000):
        features = analyze(audio, 16000, hop_length)
        assert features.n_frames == -(-n_samples // hop_length)
        assert np.abs(cents(features.f0_hz.numpy(), 300.0))[4:-4].max(initial=0.0) < 2.0


def test_stretches_leave_no_seam(phrase):
    """The frames around the edge of a stretch are those of an analysis in which the edge lies elsewhere."""
    shift = 188 * 256  # whole steps of the tracker's grid, on which noise looks alike
    edge = _STRETCH // 64
    whole = analyze(phrase, 16000).slice(edge - 200, edge + 200)
    moved = analyze(phrase[shift:], 16000).slice(edge - 200 - shift // 64, edge + 200 - shift // 64)
    torch.testing.assert_close(whole.loudness_db, moved.loudness_db, atol=1e-3, rtol=0)
    torch.testing.assert_close(whole.confidence, moved.confidence, atol=0.01, rtol=0)
    voiced = whole.confidence > 0.9
    assert np.abs(cents(whole.f0_hz, moved.f0_hz))[voiced.numpy()].max(initial=0.0) < 0.5


@pytest.mark.parametrize("sample_rate", [8000, 11025, 22050, 44100, 48000, 96000, 192000])
def test_the_sample_rate_does_not_matter(sample_rate):
    """The same band-limited sound at another rate, compared at the same instants: every 20 ms."""
    tone, _ = vibrato_tone(350.0, highest_hz=3000.0)
    other = soxr.resample(tone, 16000, sample_rate, quality="VHQ")
    if sample_rate * 20 % 1000 == 0:
        here, there = analyze(tone, 16000, 320), analyze(other, sample_rate, sample_rate * 20 // 1000)
        f0, level = there.f0_hz.numpy(), there.loudness_db.numpy()
    else:
        here, there = analyze(tone, 16000, 320), analyze(other, sample_rate, 1)
        time_s = here.time_s
        f0 = np.asarray(np.interp(time_s, there.time_s, there.f0_hz))
        level = np.asarray(np.interp(time_s, there.time_s, there.loudness_db))
    n = min(len(f0), here.n_frames) - 8
    assert np.abs(cents(here.f0_hz[8:n], f0[8:n])).max() < 2.0
    assert np.abs(here.loudness_db.numpy()[8:n] - level[8:n]).max() < 0.1


FORMATS = {
    "uint8": lambda x: np.round(x * 127 + 128).astype(np.uint8),
    "int8": lambda x: np.round(x * 127).astype(np.int8),
    "int16": lambda x: np.round(x * 32767).astype(np.int16),
    "int32": lambda x: np.round(x * 2147483392).astype(np.int32),
    "float16": lambda x: x.astype(np.float16),
    "float64": lambda x: x.astype(np.float64),
    "torch": torch.from_numpy,
    "torch bfloat16": lambda x: torch.from_numpy(x).to(torch.bfloat16),
    "torch int16": lambda x: torch.from_numpy(np.round(x * 32767).astype(np.int16)),
    "stereo": lambda x: np.stack([1.5 * x, 0.5 * x]),
    "stereo int16": lambda x: np.round(np.stack([x, x]) * 32767).astype(np.int16),
    "fortran": lambda x: np.asfortranarray(np.stack([x, x])),
    "read-only": lambda x: np.broadcast_to(x, (2, len(x))),
}


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
@pytest.mark.parametrize("name", FORMATS)
def test_the_sample_format_does_not_matter(name):
    tone = vibrato_tone(330.0)[0].astype(np.float32)
    plain, other = analyze(tone, 16000), analyze(FORMATS[name](tone), 16000)
    inside = slice(30, -30)
    assert np.abs(cents(plain.f0_hz, other.f0_hz))[inside].max() < 2.0
    # 8 bits round at 1/256: their noise is 48 dB down, and bfloat16 has 8 bits too.
    assert (plain.loudness_db - other.loudness_db)[inside].abs().max() < 0.1


def test_loudness_stands_at_the_frames_instants():
    noise = torch.randn(16000) * torch.linspace(0, 1, 16000)
    features = analyze(noise, 16000, 100)
    centers = torch.arange(100, 16001, 100)
    torch.testing.assert_close(features.loudness_db, loudness_db(noise, centers), atol=1e-4, rtol=0)


def test_silence():
    features = analyze(np.zeros(50000, np.float32), 16000)
    assert torch.equal(features.confidence, torch.zeros(782))
    assert torch.equal(features.loudness_db, torch.full((782,), -80.0))
    assert torch.equal(features.power_db, torch.full((782,), -80.0))
    assert torch.equal(features.f0_hz, torch.full((782,), NO_PITCH_HZ))


@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100, 192000])
def test_one_sample(sample_rate):
    features = analyze(np.array([0.5]), sample_rate)
    assert features.n_frames == 1
    assert features.f0_hz.isfinite().all()
    assert features.confidence[0] < VOICED
    assert paper_loudness(np.array([0.5]), sample_rate).shape == (1,)


def test_unvoiced_frames_hold_the_last_pitch_and_a_lead_takes_the_first():
    tone = vibrato_tone(300.0, cents=0.0, seconds=1.0)[0]
    audio = np.concatenate([np.zeros(16000), tone, np.zeros(16000), vibrato_tone(500.0, seconds=1.0)[0]])
    features = analyze(audio, 16000)
    assert np.abs(cents(features.f0_hz[:240], 300.0)).max() < 60.0
    assert torch.equal(features.f0_hz[:240], features.f0_hz[:1].expand(240))
    gap = features.f0_hz[520:730]
    assert torch.equal(gap, gap[:1].expand(210))
    assert np.abs(cents(gap[0], 300.0)) < 60.0
    assert features.confidence[520:730].max() < 0.2


def test_a_long_lead_without_pitch_is_not_kept_waiting():
    parts = analyze_blocks((np.zeros(16000, np.float32) for _ in range(200)), 16000)
    first = next(iter(parts))
    assert first.f0_hz[0] == NO_PITCH_HZ
    assert first.n_frames + sum(part.n_frames for part in parts) == 50000


def test_memory_does_not_grow_with_the_length(phrase):
    """Four times the sound takes no more than it did."""
    import tracemalloc

    def blocks(n):
        for _ in range(n):
            yield np.zeros(160000, np.float32)

    peaks = []
    for n in (5, 20):
        tracemalloc.start()
        for _ in analyze_blocks(blocks(n), 16000, 1024):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


@pytest.mark.parametrize(
    ("audio", "sample_rate", "hop", "words"),
    [
        (np.zeros(0), 16000, None, "0 samples"),
        (np.zeros((0, 5)), 16000, None, "shape"),
        (np.zeros((2, 3, 5)), 16000, None, "shape"),
        (np.zeros((44100, 2)), 16000, None, "channel"),
        (np.zeros(5, bool), 16000, None, "bool"),
        (np.zeros(5, complex), 16000, None, "complex"),
        (np.array([0.0, np.nan]), 16000, None, "nan at sample 1 "),
        (np.array([0.0, 0.0, -np.inf]), 44100, None, "-inf at sample 2 "),
        (np.array([1e300]), 16000, None, "inf"),
        (np.array([12000.0]), 16000, None, "full scale"),
        (np.zeros(5), 100, None, "sample rate"),
        (np.zeros(5), 16000, 0, "hop length"),
    ],
)
def test_bad_input_is_one_sentence(audio, sample_rate, hop, words):
    with pytest.raises(InputError, match=words) as caught:
        analyze(audio, sample_rate, hop)
    assert "\n" not in str(caught.value)


def test_a_bad_block_is_told_with_its_place():
    blocks = [np.zeros(16000, np.float32), np.full(10, np.nan, np.float32)]
    with pytest.raises(InputError, match=r"sample 16000 \(1.000 s\)"):
        list(analyze_blocks(blocks, 16000))
    with pytest.raises(InputError, match="mono"):
        list(analyze_blocks([np.zeros((2, 100), np.float32)], 16000))


def test_paper_loudness_is_on_the_same_frames():
    noise = np.random.default_rng(0).standard_normal(20000) * 0.1
    values = paper_loudness(noise, 44100)
    assert values.shape == analyze(noise, 44100).f0_hz.shape
    quieter = paper_loudness(noise / 10, 44100)
    torch.testing.assert_close(values - quieter, torch.full_like(values, 20.0), atol=0.5, rtol=0)


def test_features_slice_and_join(phrase):
    features = analyze(phrase[:48000], 16000)
    joined = Features.concatenate([features.slice(0, 10), features.slice(10, 700), features.slice(700, 750)])
    assert same(joined, features)
    assert features.frame_rate == 250.0
    assert features.slice(3, 10).n_frames == 7
    torch.testing.assert_close(features.midi, 69 + 12 * torch.log2(features.f0_hz / 440))
    with pytest.raises(InputError, match="at least one"):
        Features.concatenate([])
    with pytest.raises(InputError, match="grids"):
        Features.concatenate([features, analyze(phrase[:1000], 16000, 128)])


def test_threads_give_the_same_features_and_leave_torchs_as_they_were() -> None:
    tone = np.sin(np.arange(20 * 16_000) / 7).astype(np.float32)
    before = torch.get_num_threads()
    alone, shared = (Features.concatenate(list(analyze_blocks([tone], 16_000, n_threads=n))) for n in (1, 3))
    assert torch.get_num_threads() == before
    for name in ("f0_hz", "confidence", "loudness_db", "power_db"):
        assert torch.equal(getattr(alone, name), getattr(shared, name))


def _violin() -> np.ndarray:
    path = min(recordings.path("violin").glob("*.flac"))
    return read_audio(path, 16000)[0][: 12 * 16000]


@pytest.mark.parametrize("tracker", TRACKERS)
def test_pitch_does_not_depend_on_the_level(tracker):
    audio = _violin()[: 5 * 16000] if tracker in ("pyin", "crepe") else _violin()
    audio = audio / np.abs(audio).max()
    reference = analyze(audio, 16000, tracker=tracker)
    voiced = reference.confidence >= VOICED
    assert voiced.float().mean() > 0.3
    for peak_db in (-6, -46, -56, -70):
        features = analyze(audio * 10 ** (peak_db / 20), 16000, tracker=tracker)
        same = (features.confidence >= VOICED) == voiced
        assert float(same.float().mean()) > 0.995
        cents = 1200 * (features.f0_hz / reference.f0_hz).log2().abs()[voiced & same]
        assert float(cents.quantile(0.99)) < 5
        # Loudness is that of the sound as it is.
        if peak_db > -50:
            loud = reference.power_db > -30
            assert torch.allclose(
                (features.power_db - reference.power_db)[loud], torch.tensor(peak_db + 0.0), atol=0.01
            )


def test_a_quiet_recording_of_16_bits_has_its_pitch():
    audio = _violin()
    quiet = np.round(audio / np.abs(audio).max() * 10 ** (-60 / 20) * 32767).astype(np.int16)
    share = [float((analyze(one, 16000).confidence >= VOICED).float().mean()) for one in (audio, quiet)]
    assert share[1] == pytest.approx(share[0], abs=0.03)


def test_a_stream_that_grows_louder_is_the_whole():
    audio = _violin() * np.linspace(1e-3, 1, 12 * 16000, dtype=np.float32)
    whole = analyze(audio, 16000)
    blocks = [audio[start : start + 3001] for start in range(0, len(audio), 3001)]
    parts = Features.concatenate(list(analyze_blocks(blocks, 16000)))
    assert torch.equal(whole.f0_hz, parts.f0_hz)
    assert torch.equal(whole.confidence, parts.confidence)


def test_noise_of_16_bits_is_not_raised_to_a_note():
    noise = np.random.default_rng(0).integers(-1, 2, 8 * 16000).astype(np.int16)
    assert float((analyze(noise, 16000).confidence >= VOICED).float().mean()) < 0.01


def test_a_path_a_pair_and_samples_are_the_same(tmp_path):
    audio = _violin()[:16000]
    soundfile.write(tmp_path / "a.wav", audio, 16000, subtype="FLOAT")
    expected = analyze(audio, 16000)
    for sound in (tmp_path / "a.wav", str(tmp_path / "a.wav"), (audio, 16000), (audio.tolist(), 16000.0)):
        found = analyze(sound)
        assert torch.equal(found.f0_hz, expected.f0_hz)
        assert (found.sample_rate, found.hop_length) == (16000, 64)
    assert torch.equal(analyze(audio.tolist(), 16000.0).f0_hz, expected.f0_hz)


@pytest.mark.parametrize(
    ("audio", "rate", "words"),
    [
        ("a.wav", 16000, "leave it out"),
        (np.zeros(100), None, "The sample rate is missing; give that of the samples"),
        ((np.zeros(100), 16000), 16000, "leave it out"),
        ((np.zeros(100), 16000, 1), None, "A tuple of 3"),
        ("none.wav", None, "does not exist"),
        (np.zeros((0, 100)), 16000, "shape"),
        (np.zeros((2, 0)), 16000, "0 samples"),
        ([], 16000, "0 samples"),
        (np.zeros(100), 44100.5, "a whole number"),
    ],
)
def test_what_cannot_be_analysed_is_said_in_a_sentence(audio, rate, words):
    with pytest.raises(InputError, match=words):
        analyze(audio, rate)
