"""Frames, their adjoint, and magnitudes that mean what they say."""

import pytest
import torch

from oscine.errors import InputError
from oscine.functional.stft import frame, hop_from_overlap, overlap_add_, pad_for_frames, stft_magnitude


@pytest.mark.parametrize(("n_fft", "hop"), [(8, 2), (9, 2), (8, 3), (7, 7), (6, 10), (16, 1)])
def test_overlap_add_is_the_adjoint_of_windowed_framing(n_fft, hop):
    # <window · frame(x), y> == <x, overlap_add(window · y)> for any x and y.
    x = torch.randn(2, 101, dtype=torch.float64)
    window = torch.rand(n_fft, dtype=torch.float64)
    frames = frame(x, n_fft, hop) * window
    y = torch.randn_like(frames)
    total = torch.zeros(2, 101 + n_fft + hop, dtype=torch.float64)
    overlap_add_(total, y, window, hop)
    torch.testing.assert_close((frames * y).sum(), (x * total[:, :101]).sum())
    assert torch.count_nonzero(total[:, 101:]) == 0


@pytest.mark.parametrize("n_fft", [64, 512, 2048])
def test_a_sine_reads_its_amplitude_times_half_the_window(n_fft):
    time = torch.arange(8192, dtype=torch.float64)
    sine = 0.3 * torch.sin(2 * torch.pi * time * 5 / 64)[None]
    magnitude = stft_magnitude(sine, n_fft)
    middle = magnitude[0, magnitude.shape[1] // 2]
    assert int(middle.argmax()) == 5 * n_fft // 64
    assert float(middle.max()) == pytest.approx(0.3 * n_fft / 4, rel=1e-6)


@pytest.mark.parametrize("n_samples", [1, 100, 1000, 1023])
def test_agrees_with_torch_stft(n_samples):
    audio = torch.randn(3, n_samples, dtype=torch.float64)
    window = torch.hann_window(256, dtype=torch.float64)
    expected = torch.stft(audio, 256, 64, window=window, pad_mode="constant", return_complex=True).abs().mT
    torch.testing.assert_close(stft_magnitude(audio, 256), expected)


def test_frame_i_is_centred_on_sample_i_hops():
    click = torch.zeros(1000)
    click[300] = 1.0
    energy = stft_magnitude(click, 64, 100).sum(-1)
    assert int(energy.argmax()) == 3
    assert len(energy) == 11
    assert pad_for_frames(click, 65).shape == (1066,)


def test_hop_from_overlap():
    assert hop_from_overlap(2048, 0.75) == 512
    assert hop_from_overlap(2, 0.9) == 1
    for overlap in (-0.1, 1.0):
        with pytest.raises(InputError, match="overlap is"):
            hop_from_overlap(64, overlap)
