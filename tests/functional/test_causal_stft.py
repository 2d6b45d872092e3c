"""The transform of a stream: nothing looks ahead, the way back is the signal, a tone is at its bin."""

import math

import pytest
import torch

from oscine.functional import (
    causal_stft,
    causal_stft_state,
    causal_stft_step,
    inverse_causal_stft,
    inverse_causal_stft_step,
)

SIZES = [(64, 8), (64, 32), (96, 8)]


@pytest.mark.parametrize(("n_fft", "hop"), SIZES)
def test_the_way_back_is_the_signal_later_by_the_window_less_a_hop(n_fft: int, hop: int) -> None:
    sizes = {"n_fft": n_fft, "hop_length": hop}
    audio = torch.randn(2, 40 * hop, dtype=torch.float64)
    again = inverse_causal_stft(causal_stft(audio, **sizes), **sizes)
    late = n_fft - hop
    torch.testing.assert_close(again[:, late:], audio[:, :-late], rtol=0, atol=1e-12)
    assert again[:, :late].abs().max() < 1e-12


def test_a_frame_is_the_transform_of_the_last_samples() -> None:
    n_fft, hop = 32, 8
    audio = torch.randn(1, 10 * hop, dtype=torch.float64)
    spectra, state = causal_stft_step(audio, causal_stft_state(1, n_fft, hop), n_fft=n_fft, hop_length=hop)
    frame = 6
    window = torch.tensor([math.sin(math.pi * i / n_fft) for i in range(n_fft)], dtype=torch.float64)
    last = audio[0, (frame + 1) * hop - n_fft : (frame + 1) * hop]
    for k in (0, 3, 16):
        wave = torch.exp(-2j * math.pi * k * torch.arange(n_fft, dtype=torch.float64) / n_fft)
        torch.testing.assert_close(spectra[0, frame, k], (window * last * wave).sum(), rtol=0, atol=1e-12)
    assert torch.equal(state.samples, audio[:, -(n_fft - hop) :])


def test_a_bin_that_is_silenced_takes_its_tone_and_no_other() -> None:
    n_fft, hop, n = 128, 16, 4000
    time = torch.arange(n, dtype=torch.float64)
    low, high = (torch.cos(2 * math.pi * k * time / n_fft) for k in (8, 40))
    spectra, _ = causal_stft_step(
        (low + high)[None], causal_stft_state(1, n_fft, hop), n_fft=n_fft, hop_length=hop
    )
    spectra[..., 6:11] = 0
    audio, _ = inverse_causal_stft_step(
        spectra, causal_stft_state(1, n_fft, hop), n_fft=n_fft, hop_length=hop
    )
    late = n_fft - hop
    settled = slice(2 * n_fft, None)
    error = audio[0, late:][settled] - high[: n - late][settled]
    assert error.abs().max() < 0.05


def test_gradients() -> None:
    def through(audio: torch.Tensor) -> torch.Tensor:
        spectra, _ = causal_stft_step(audio, causal_stft_state(1, 8, 2), n_fft=8, hop_length=2)
        scaled = spectra * torch.linspace(0.5, 2, 5)
        return inverse_causal_stft_step(scaled, causal_stft_state(1, 8, 2), n_fft=8, hop_length=2)[0]

    assert torch.autograd.gradcheck(through, torch.randn(1, 12, dtype=torch.float64, requires_grad=True))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="even multiple"):
        causal_stft_state(1, 24, 8)
    state = causal_stft_state(1, 32, 8)
    with pytest.raises(ValueError, match="whole number of hops"):
        causal_stft_step(torch.zeros(1, 12), state, n_fft=32, hop_length=8)
    with pytest.raises(ValueError, match="17"):
        inverse_causal_stft_step(torch.zeros(1, 2, 5, dtype=torch.complex64), state, n_fft=32, hop_length=8)
