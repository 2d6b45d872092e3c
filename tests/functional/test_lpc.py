"""Linear prediction: both ways through Levinson's recursion, and formants that move, as Praat hears them."""

import math
from collections.abc import Sequence

import librosa
import numpy as np
import parselmouth
import pytest
import soundfile
import torch
from scipy.signal import lfilter
from torch import Tensor

from oscine import recordings
from oscine.functional import (
    allpole,
    allpole_residual,
    formants,
    glottal_cycles,
    lpc_to_reflection,
    move_formant,
    reflection_to_lpc,
    wavetable_oscillator,
)

RATE, HOP, F0 = 16_000, 80, 110.0
VOWELS = {
    "a": [660, 1300, 2500, 3500, 4500],
    "e": [480, 1900, 2600, 3500, 4500],
    "o": [500, 1000, 2400, 3500, 4500],
}

WIDTHS = [60, 80, 120, 180, 220]


def _poles(frequencies_hz: Sequence[float], widths_hz: Sequence[float]) -> Tensor:
    a = np.ones(1)
    for hz, width in zip(frequencies_hz, widths_hz, strict=True):
        radius = math.exp(-math.pi * width / RATE)
        a = np.convolve(a, [1, -2 * radius * math.cos(2 * math.pi * hz / RATE), radius**2])
    return lpc_to_reflection(torch.tensor(a[1:]))


def _vowel(name: str) -> Tensor:
    return _poles(VOWELS[name], WIDTHS)


def test_levinson_both_ways() -> None:
    k = 0.8 * torch.tanh(torch.randn(3, 4, 22, dtype=torch.float64))
    a = reflection_to_lpc(k)
    roots = [np.abs(np.roots([1.0, *row])).max() for row in a.flatten(0, 1).tolist()]
    assert max(roots) < 1
    torch.testing.assert_close(lpc_to_reflection(a), k, rtol=0, atol=1e-9)


def test_the_formants_of_poles_are_the_poles() -> None:
    hz, width = formants(torch.stack([_vowel("a"), _vowel("o")]), sample_rate=RATE)
    torch.testing.assert_close(hz[0], torch.tensor(VOWELS["a"], dtype=torch.float64))
    torch.testing.assert_close(hz[1], torch.tensor(VOWELS["o"], dtype=torch.float64))
    torch.testing.assert_close(width[0], torch.tensor(WIDTHS, dtype=torch.float64))


def test_a_frame_without_the_formant_is_left_alone() -> None:
    flat = torch.zeros(2, 10)
    assert formants(flat, sample_rate=RATE)[0].isnan().all()
    both = torch.stack([flat[0].double(), _vowel("a")])
    moved = move_formant(both, 3, 0.9, sample_rate=RATE)
    assert torch.equal(moved[0], both[0])
    assert not torch.equal(moved[1], both[1])


def test_one_formant_moves_and_the_others_stay() -> None:
    for number in range(1, 6):
        for factor in (0.8, 1.0, 1.2):
            hz, width = formants(
                move_formant(_vowel("a"), number, factor, sample_rate=RATE), sample_rate=RATE
            )
            wanted = sorted(one * (factor if i + 1 == number else 1) for i, one in enumerate(VOWELS["a"]))
            torch.testing.assert_close(hz, torch.tensor(wanted, dtype=hz.dtype))
            assert sorted(width.tolist()) == pytest.approx(WIDTHS)


def _praat(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """F1 and f0 every 10 ms, NaN where there is no voice, by Praat's own analysis."""
    praat = parselmouth.Sound(sound, RATE)
    tracks = praat.to_formant_burg(max_number_of_formants=5, maximum_formant=5000)
    pitch = praat.to_pitch(pitch_floor=60, pitch_ceiling=600)
    instants = np.arange(0.2, praat.duration - 0.2, 0.01)
    values = np.array([[tracks.get_value_at_time(1, t), pitch.get_value_at_time(t)] for t in instants])
    values[np.isnan(values[:, 1])] = np.nan
    return values[:, 0], values[:, 1]


@pytest.mark.parametrize("name", VOWELS)
def test_praat_hears_the_first_formant_of_a_vowel_a_fifth_higher_and_the_pitch_unchanged(name: str) -> None:
    n_frames = RATE // HOP
    f0 = torch.full((1, n_frames), F0, dtype=torch.float64)
    # A pitch that glides, so that the partials do not stand at one place of the formant.
    f0 = f0 * 2 ** (torch.linspace(-2, 2, n_frames, dtype=torch.float64) / 12)
    ones = torch.ones_like(f0)
    cycle = glottal_cycles(torch.tensor([1.0]), 70)
    rates = {"sample_rate": RATE, "hop_length": HOP}
    source = wavetable_oscillator(f0, ones, ones.unsqueeze(-1), cycle, **rates)
    k = _vowel(name).expand(1, n_frames, -1)
    both = k, move_formant(k, 1, 1.2, sample_rate=RATE)
    heard = [_praat(allpole(source, one, hop_length=HOP)[0].numpy()) for one in both]
    assert np.median(heard[0][0]) == pytest.approx(VOWELS[name][0], rel=0.1)
    assert np.median(heard[1][0]) / np.median(heard[0][0]) == pytest.approx(1.2, abs=0.03)
    np.testing.assert_allclose(heard[1][1], heard[0][1], rtol=1e-3)


def test_praat_hears_the_first_formant_of_a_singer_a_fifth_higher_and_the_pitch_unchanged() -> None:
    sound, rate = soundfile.read(recordings.path("singing"), always_2d=True)
    sung = librosa.resample(sound.mean(1), orig_sr=rate, target_sr=RATE)[RATE : 4 * RATE]
    emphasised = np.append(sung[0], sung[1:] - 0.95 * sung[:-1])
    n_frames = len(sung) // HOP
    padded = np.pad(emphasised, 256)
    frames = np.stack([padded[(t + 1) * HOP : (t + 1) * HOP + 512] for t in range(n_frames)])
    k = lpc_to_reflection(torch.tensor(librosa.lpc(frames * np.hanning(512), order=18, axis=-1)[:, 1:]))
    source = allpole_residual(torch.tensor(emphasised).unsqueeze(0), k.unsqueeze(0), hop_length=HOP)
    moved = move_formant(k, 1, 1.2, sample_rate=RATE)
    copies = [allpole(source, one.unsqueeze(0), hop_length=HOP)[0].numpy() for one in (k, moved)]
    np.testing.assert_allclose(copies[0], emphasised, rtol=0, atol=1e-10)
    heard = [_praat(np.asarray(lfilter([1.0], [1.0, -0.95], one))) for one in copies]
    assert np.nanmedian(heard[1][0] / heard[0][0]) == pytest.approx(1.2, abs=0.03)
    semitones = 12 * np.log2(heard[1][1] / heard[0][1])
    assert np.isfinite(semitones).sum() > 100
    assert np.nanmedian(np.abs(semitones)) < 0.02
