from collections.abc import Sequence

import pytest
import torch
from transfer_standin import FRAME_RATE, frames, tone

from oscine.transfer.autotune import autotune, estimate_tuning, find_scale

C_MAJOR_TUNE = [60, 64, 67, 65, 62, 71, 69, 72]


def _sung(midis: Sequence[float], note_s: float = 0.4) -> torch.Tensor:
    return torch.cat([tone(midi, note_s) for midi in midis])


def _away_from_edges(n_notes: int, note_s: float = 0.4) -> torch.Tensor:
    at = torch.arange(frames(note_s)).repeat(n_notes)
    return (at > 8) & (at < frames(note_s) - 8)


def _tuned(midi: torch.Tensor, strength: float) -> torch.Tensor:
    correction, _ = autotune(midi, torch.ones(len(midi), dtype=torch.bool), FRAME_RATE, strength)
    return midi + correction


DETUNED = [
    tone_midi + cents
    for tone_midi, cents in zip(C_MAJOR_TUNE, [0.2, -0.25, 0.1, -0.1, 0.3, -0.2, 0.05, -0.1], strict=True)
]


@pytest.mark.parametrize(("strength", "left"), [(0.0, 1.0), (0.25, 0.75), (0.5, 0.5), (1.0, 0.0)])
def test_the_strength_is_the_share_of_the_deviation_that_goes(strength, left):
    midi = _sung(DETUNED)
    truth = _sung(C_MAJOR_TUNE) + estimate_tuning(midi)
    inside = _away_from_edges(len(DETUNED))
    before, after = (midi - truth)[inside], (_tuned(midi, strength) - truth)[inside]
    torch.testing.assert_close(after, left * before, atol=5e-3, rtol=0)


def test_full_strength_puts_the_tune_on_steps_of_its_scale():
    midi = _sung(DETUNED)
    on = torch.ones(len(midi), dtype=torch.bool)
    correction, scale = autotune(midi, on, FRAME_RATE, 1.0)
    assert scale.name == "C major"
    inside = _away_from_edges(len(DETUNED))
    steps = (midi + correction)[inside] - scale.tuning_cents / 100
    torch.testing.assert_close(steps, steps.round(), atol=5e-3, rtol=0)
    assert torch.equal(steps.round(), _sung(C_MAJOR_TUNE)[inside])


@pytest.mark.parametrize("cents", [-45, -20, 0, 30, 49])
def test_the_tuning_of_a_singer_who_is_off_as_a_whole_is_found(cents):
    midi = _sung([m + cents / 100 for m in C_MAJOR_TUNE])
    assert estimate_tuning(midi) == pytest.approx(cents / 100, abs=1e-4)
    assert find_scale(midi).name == "C major"
    torch.testing.assert_close(_tuned(midi, 1.0), midi, atol=1e-3, rtol=0)


def test_a_tune_of_all_twelve_tones_is_chromatic():
    assert find_scale(_sung(list(range(60, 72)))).name == "chromatic"
    assert find_scale(torch.zeros(0)).name == "chromatic"


def test_vibrato_moves_to_the_tone_and_stays_as_wide():
    time_s = torch.arange(frames(2.0)) / FRAME_RATE
    vibrato = 0.4 * torch.sin(2 * torch.pi * 5.5 * time_s)
    midi = torch.cat([_sung(C_MAJOR_TUNE), 67.3 + vibrato])
    correction, scale = autotune(midi, torch.ones(len(midi), dtype=torch.bool), FRAME_RATE, 1.0)
    tuned = (midi + correction)[-len(vibrato) :] - scale.tuning_cents / 100
    steady = slice(40, -40)
    assert float(tuned[steady].mean()) == pytest.approx(67.0, abs=0.03)
    assert float(tuned[steady].max() - tuned[steady].min()) == pytest.approx(0.8, abs=0.1)


def test_a_glide_between_two_tones_stays_a_glide():
    glide = torch.linspace(60.2, 71.8, frames(0.3))
    midi = torch.cat([tone(60.2, 0.5), glide, tone(71.8, 0.5), tone(64, 1.0)])
    tuned = _tuned(midi, 1.0)[frames(0.5) : frames(0.8)]
    slope = tuned.diff() / glide.diff()
    assert float(slope.min()) > 0.7
    assert float(slope.max()) < 1.3


def test_frames_off_notes_have_no_say():
    midi = _sung(C_MAJOR_TUNE)
    noisy = torch.cat([midi, torch.rand(frames(4.0)) * 60 + 30])
    on = torch.arange(len(noisy)) < len(midi)
    _, scale = autotune(noisy, on, FRAME_RATE, 1.0)
    assert scale.name == "C major"
    correction, _ = autotune(noisy, torch.zeros_like(on), FRAME_RATE, 1.0)
    assert (correction == 0).all()
