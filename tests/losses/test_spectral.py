"""The multi-scale spectral loss against a loop oracle, auraloss, the autograd form, and physics."""

import auraloss
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import get_window

from oscine.errors import InputError
from oscine.losses import MultiScaleSpectralLoss, default_fft_sizes, multi_scale_spectral_loss


def oracle(audio, target, fft_sizes, overlap=0.75, window="hann", w=1.0, alpha=1.0, floor_db=-100.0):
    """Frame by frame in float64 numpy, straight from the definition."""
    total = 0.0
    for n_fft in fft_sizes:
        hop = round(n_fft * (1 - overlap))
        weights = np.asarray(get_window(window, n_fft))
        e = 10 ** (floor_db / 20) * weights.sum() / 2
        linear, log = [], []
        for x, y in zip(audio, target, strict=True):
            for i in range(1 + len(x) // hop):
                frames = np.zeros((2, n_fft))
                for row, signal in zip(frames, (x, y), strict=True):
                    for n in range(n_fft):
                        at = i * hop - n_fft // 2 + n
                        row[n] = signal[at] if 0 <= at < len(signal) else 0.0
                s_hat, s = np.abs(np.fft.rfft(frames * weights))
                linear.append(np.abs(s - s_hat))
                log.append(np.abs(np.log(s + e) - np.log(s_hat + e)))
        total += w * np.mean(linear) + alpha * np.mean(log)
    return total


def autograd_form(audio, target, fft_sizes, floor=1e-5):
    total = audio.new_zeros(())
    for n_fft in fft_sizes:
        window = torch.hann_window(n_fft, dtype=audio.dtype)
        s_hat, s = (
            torch.stft(x, n_fft, n_fft // 4, window=window, pad_mode="constant", return_complex=True).abs()
            for x in (audio, target)
        )
        e = floor * window.sum() / 2
        total = total + (s - s_hat).abs().mean() + ((s + e).log() - (s_hat + e).log()).abs().mean()
    return total


def pair(n_items, n_samples, dtype=torch.float64):
    return tuple(0.1 * torch.randn(2, n_items, n_samples, dtype=dtype))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"overlap": 0.5, "window": "hamming"},
        {"overlap": 0.7, "linear_weight": 0.3, "log_weight": 2.0},
        {"floor_db": -40.0, "linear_weight": 0.0},
        {"overlap": 0.0, "log_weight": 0.0, "window": "blackman"},
    ],
)
@pytest.mark.parametrize("n_samples", [1, 50, 517])
def test_agrees_with_the_loop_oracle(options, n_samples):
    audio, target = pair(2, n_samples)
    names = {"linear_weight": "w", "log_weight": "alpha"}
    renamed = {names.get(str(k), str(k)): v for k, v in options.items()}
    expected = oracle(audio.numpy(), target.numpy(), (128, 45, 16), **renamed)
    got = multi_scale_spectral_loss(audio, target, fft_sizes=(128, 45, 16), **options)
    assert float(got) == pytest.approx(expected, rel=1e-11)


def test_agrees_with_auraloss_where_the_definitions_meet():
    # Silent edges make auraloss's reflected padding the same as our zeros; its square root is clamped at
    # 1e-8 power, which noise this loud never reaches. It has no eps inside the logarithm: ours goes to −300
    # dB.
    audio, target = pair(2, 16000)
    edge = torch.ones(16000, dtype=torch.float64)
    edge[:1100] = edge[-1100:] = 0.0
    sizes = [2048, 1024, 512]
    for linear, log in ((1.0, 0.0), (1.0, 0.5)):
        theirs = auraloss.freq.MultiResolutionSTFTLoss(
            fft_sizes=sizes,
            hop_sizes=[n // 4 for n in sizes],
            win_lengths=sizes,
            w_sc=0.0,
            w_lin_mag=linear,
            w_log_mag=log,
            eps=1e-30,
        ).double()
        for part in theirs.stft_losses:
            part.window = part.window.double()
        expected = theirs((audio * edge)[:, None], (target * edge)[:, None]) * len(sizes)
        got = multi_scale_spectral_loss(
            audio * edge,
            target * edge,
            fft_sizes=sizes,
            linear_weight=linear,
            log_weight=log,
            floor_db=-300.0,
        )
        assert float(got) == pytest.approx(float(expected), rel=1e-6)


def test_gradcheck():
    audio, target = pair(2, 70)
    audio.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: multi_scale_spectral_loss(x, target, fft_sizes=(32, 15, 8), log_weight=0.7),
        audio,
        atol=1e-7,
    )


@pytest.mark.parametrize("shape", [(2, 5000), (1, 40000), (9, 900)])
def test_the_gradient_is_that_of_the_autograd_form(shape):
    # Long and many enough that the frames are walked through in several pieces, along time and along the
    # batch.
    audio, target = pair(*shape)
    sizes = (2048, 1024, 512, 256, 128, 64)
    audio.requires_grad_()
    ours, theirs = multi_scale_spectral_loss(audio, target), autograd_form(audio, target, sizes)
    assert float(ours.detach()) == pytest.approx(float(theirs.detach()), rel=1e-12)
    (gradient,) = torch.autograd.grad(3.0 * ours, audio)
    (expected,) = torch.autograd.grad(3.0 * theirs, audio)
    torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-12)


def test_the_module_in_float32_agrees_with_float64():
    audio, target = pair(4, 16000)
    loss = MultiScaleSpectralLoss(16000)
    assert loss.fft_sizes == (2048, 1024, 512, 256, 128, 64)
    assert float(loss(audio.float(), target.float())) == pytest.approx(
        float(multi_scale_spectral_loss(audio, target)), rel=1e-5
    )
    assert not loss.state_dict()


def test_identical_signals_cost_nothing_and_push_nowhere():
    audio, _ = pair(2, 3000, torch.float32)
    prediction = audio.clone().requires_grad_()
    loss = multi_scale_spectral_loss(prediction, audio)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert prediction.grad is not None
    assert torch.count_nonzero(prediction.grad) == 0


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 3), st.integers(1, 300), st.integers(0, 1000))
def test_the_distance_is_symmetric_positive_and_blind_to_sign(n_items, n_samples, seed):
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, n_items, n_samples, generator=generator, dtype=torch.float64)
    forth, back = (multi_scale_spectral_loss(x, y, fft_sizes=(64, 20)) for x, y in ((a, b), (b, a)))
    assert float(forth) == pytest.approx(float(back), rel=1e-12)
    assert float(forth) > 0.0
    assert float(multi_scale_spectral_loss(-a, b, fft_sizes=(64, 20))) == pytest.approx(
        float(forth), rel=1e-12
    )


@pytest.mark.parametrize("level", [0.0, 1e-12, 1e-30])
def test_near_silence_is_silence(level):
    # The unguarded log gives 1e-12 against 0 a loss of tens; against a tone a gradient of 1e12.
    silence = torch.zeros(1, 4000)
    whisper = (level * torch.randn(1, 4000)).requires_grad_()
    loss = multi_scale_spectral_loss(whisper, silence)
    loss.backward()
    assert float(loss.detach()) < 1e-4
    assert torch.isfinite(whisper.grad).all()
    tone = torch.sin(0.2 * torch.arange(4000.0))[None]
    whisper = whisper.detach().requires_grad_()
    loss = multi_scale_spectral_loss(whisper, tone)
    loss.backward()
    assert 1.0 < float(loss.detach()) < 200.0
    assert torch.isfinite(whisper.grad).all()


def test_eps_is_a_sine_of_that_level():
    # At its own bin a sine at floor_db reads log 2 against silence, whatever the FFT size; Hann gives its two
    # neighbours half as much. The difference of two lengths leaves out the edges, where the sine begins.
    n = torch.arange(16384, dtype=torch.float64)
    for n_fft in (64, 256, 1024):
        sums = []
        for n_samples in (8192, 16384):
            sine = 10 ** (-60 / 20) * torch.sin(2 * torch.pi * 8 / 64 * n[None, :n_samples])
            silence = torch.zeros_like(sine)
            options = {"fft_sizes": (n_fft,), "linear_weight": 0.0, "floor_db": -60.0}
            mean = float(multi_scale_spectral_loss(sine, silence, **options))
            sums.append(mean * (n_fft // 2 + 1) * (1 + n_samples // (n_fft // 4)))
        per_frame = (sums[1] - sums[0]) / (8192 // (n_fft // 4))
        assert per_frame == pytest.approx(np.log(2.0) + 2 * np.log(1.5), rel=1e-6)


def test_the_first_and_the_last_sample_count():
    silence = torch.zeros(1, 4001)
    losses = []
    for at in (0, 2000, 4000):
        click = silence.clone()
        click[0, at] = 0.5
        losses.append(float(multi_scale_spectral_loss(click, silence)))
    assert min(losses) > 0.25 * losses[1]


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 5), st.integers(1, 200))
def test_every_sample_gets_a_gradient(n_items, n_samples):
    audio, target = pair(n_items, n_samples)
    audio.requires_grad_()
    multi_scale_spectral_loss(audio, target).backward()
    assert (audio.grad != 0).all()


def test_halves_are_computed_in_float32():
    audio, target = pair(1, 2000, torch.float32)
    half = audio.bfloat16().requires_grad_()
    loss = multi_scale_spectral_loss(half, target)
    loss.backward()
    assert loss.dtype == torch.float32
    assert half.grad is not None
    assert half.grad.dtype == torch.bfloat16
    assert float(loss.detach()) == pytest.approx(
        float(multi_scale_spectral_loss(half.detach().float(), target))
    )


def test_no_gradient_is_prepared_when_none_is_wanted():
    audio, target = pair(1, 500)
    audio.requires_grad_()
    with torch.no_grad():
        assert not multi_scale_spectral_loss(audio, target).requires_grad


def test_second_derivatives_are_refused():
    audio, target = pair(1, 100)
    audio.requires_grad_()
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(multi_scale_spectral_loss(audio, target), audio, create_graph=True)


def test_bad_input_gets_one_sentence():
    audio, target = pair(1, 100)
    with pytest.raises(InputError, match="same batch and time"):
        multi_scale_spectral_loss(audio, target[:, :50])
    with pytest.raises(InputError, match="no samples"):
        multi_scale_spectral_loss(audio[:, :0], target[:, :0])
    with pytest.raises(InputError, match="detach"):
        multi_scale_spectral_loss(audio, target.clone().requires_grad_())
    with pytest.raises(InputError, match="no FFT size"):
        multi_scale_spectral_loss(audio, target, fft_sizes=())
    with pytest.raises(InputError, match="overlap is 1"):
        multi_scale_spectral_loss(audio, target, overlap=1.0)
    with pytest.raises(InputError, match="'boxcat' is not known"):
        MultiScaleSpectralLoss(16000, window="boxcat")
    with pytest.raises(InputError, match="at least 2 samples"):
        MultiScaleSpectralLoss(fft_sizes=(1,))
    with pytest.raises(InputError, match="sample_rate is 0"):
        default_fft_sizes(0)


def test_fft_sizes_scale_with_the_rate():
    assert default_fft_sizes(16000) == (2048, 1024, 512, 256, 128, 64)
    assert default_fft_sizes(48000) == (6144, 3072, 1536, 768, 384, 192)
    assert default_fft_sizes(44100) == (5760, 2880, 1440, 720, 360, 180)
    for rate in (8000, 11025, 22050, 32000, 88200, 192000):
        for n_fft, base in zip(default_fft_sizes(rate), (2048, 1024, 512, 256, 128, 64), strict=True):
            assert n_fft % 4 == 0
            assert n_fft / rate == pytest.approx(base / 16000, rel=0.13)
            # Numbers without a prime factor above 5 divide a high enough power of 30.
            assert 30**20 % n_fft == 0
