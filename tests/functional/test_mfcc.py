"""The mel filterbank and the coefficients against librosa."""

import librosa
import numpy as np
import pytest
import torch

from oscine.functional.mfcc import dct_matrix, hz_to_mel, log_mel_spectrogram, mel_filterbank, mel_to_hz, mfcc


@pytest.mark.parametrize(
    ("sample_rate", "n_fft", "n_mels"), [(16000, 1024, 128), (44100, 2048, 40), (16000, 2048, 229)]
)
def test_filterbank_is_librosas(sample_rate, n_fft, n_mels):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # librosa warns of empty low filters
        theirs = librosa.filters.mel(
            sr=sample_rate,
            n_fft=n_fft,
            n_mels=n_mels,
            fmin=20,
            fmax=8000,
            htk=True,
            norm=None,
            dtype=np.float64,
        )
    np.testing.assert_allclose(mel_filterbank(sample_rate, n_fft, n_mels).numpy(), theirs, atol=1e-9)


def test_coefficients_are_librosas_on_the_frames_instants():
    audio = torch.randn(2, 6000) * torch.hann_window(6000)
    ours = mfcc(audio, 16000, 256)
    assert ours.shape == (2, 24, 30)
    # librosa's frame t is centred on t · hop, ours on (t + 1) · hop.
    padded = np.pad(audio.numpy(), ((0, 0), (0, 1024)))
    magnitude = np.abs(librosa.stft(padded, n_fft=1024, hop_length=256))
    mel = np.einsum("mf,bft->bmt", mel_filterbank(16000, 1024).numpy(), magnitude)
    theirs = librosa.feature.mfcc(S=np.log(mel + 1e-5), n_mfcc=30)
    np.testing.assert_allclose(ours.numpy(), theirs[:, :, 1:25].transpose(0, 2, 1), atol=2e-3)


def test_mel_scale_and_its_inverse():
    frequency_hz = torch.tensor([0.0, 20.0, 1000.0, 8000.0], dtype=torch.float64)
    np.testing.assert_allclose(
        hz_to_mel(frequency_hz).numpy(), librosa.hz_to_mel(frequency_hz.numpy(), htk=True)
    )
    torch.testing.assert_close(mel_to_hz(hz_to_mel(frequency_hz)), frequency_hz)


def test_dct_rows_are_orthonormal():
    matrix = dct_matrix(128, 128)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(128, dtype=torch.float64), atol=1e-12, rtol=0)


def test_level_goes_to_coefficient_0_alone():
    audio = torch.randn(1, 8000)
    # An empty low filter stays at eps and is the same in both; the bank here begins where none is empty.
    loud, soft = (mfcc(g * audio, 16000, 512, n_mels=40, eps=1e-9) for g in (10.0, 1.0))
    difference = loud - soft
    torch.testing.assert_close(difference[..., 1:], torch.zeros_like(difference[..., 1:]), atol=1e-3, rtol=0)
    expected = torch.full_like(difference[..., 0], float(np.log(10) * np.sqrt(40)))
    torch.testing.assert_close(difference[..., 0], expected, atol=1e-3, rtol=0)


def test_gradients_are_right_and_finite_in_silence():
    audio = torch.randn(1, 300, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: mfcc(x, 16000, 100, 5, 128, 10), (audio,))
    silence = torch.zeros(1, 2000, requires_grad=True)
    log_mel_spectrogram(silence, 16000, 256).sum().backward()
    assert silence.grad is not None
    assert silence.grad.isfinite().all()
