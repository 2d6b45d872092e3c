"""The encoders: their sizes, what they extract, and what must not change it."""

import math

import pytest
import torch

from oscine.functional.interpolation import refine_frames
from oscine.networks import PitchEncoder, PitchEncoderConfig, TimbreEncoder, TimbreEncoderConfig
from oscine.networks.pitch_encoder import pitch_cross_entropy
from oscine.networks.resnet import SIZES, ResNet

RATE, HOP = 16_000, 64
SMALL = {kind: {"kind": kind, "hidden_size": 32} for kind in ("gru", "tcn", "conformer")}
SMALL["resnet"] = {"kind": "resnet", "resnet": "tiny"}


def _count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _tone(f0_hz: float, seconds: float = 1.0) -> torch.Tensor:
    time = torch.arange(round(seconds * RATE)) / RATE
    return sum((0.3 / k * torch.sin(2 * torch.pi * k * f0_hz * time) for k in (1, 2, 3)), torch.zeros(1))[
        None
    ]


def test_sizes_are_the_papers() -> None:
    assert _count(TimbreEncoder(RATE, HOP, TimbreEncoderConfig())) == 843_852
    assert _count(PitchEncoder(RATE, HOP, PitchEncoderConfig())) == 7_353_728


@pytest.mark.parametrize("size", SIZES)
def test_a_resnet_keeps_frames_and_reduces_bins(size: str) -> None:
    net = ResNet(size)
    out = net(torch.randn(2, 1, 3, 70))
    assert out.shape == (2, net.width, 3, ResNet.n_bins(70))


def test_the_output_of_a_resnet_does_not_depend_on_the_cut() -> None:
    net = ResNet("small").eval()
    spectrogram = torch.randn(1, 1, 40, 70)
    with torch.no_grad():
        whole, part = net(spectrogram), net(spectrogram[:, :, :30])
    # Fourteen convolutions use a frame on each side, the first one three: this far from the cut all is equal.
    torch.testing.assert_close(part[:, :, :12], whole[:, :, :12], rtol=1e-3, atol=1e-4)


def test_values_are_reached_at_the_end_of_their_stretch() -> None:
    coarse = torch.tensor([[[1.0], [3.0], [2.0]]])
    fine = refine_frames(coarse, 4, 11)[0, :, 0]
    torch.testing.assert_close(fine, torch.tensor([1.0, 1.0, 1.0, 1.0, 1.5, 2.0, 2.5, 3.0, 2.75, 2.5, 2.25]))


@pytest.mark.parametrize("kind", SMALL)
def test_timbre_does_not_depend_on_the_level(kind: str) -> None:
    encoder = TimbreEncoder(RATE, HOP, TimbreEncoderConfig(**SMALL[kind]))
    sound = _tone(300.0) * (1 + 0.5 * torch.sin(torch.arange(RATE) / 2000.0)) + 0.01 * torch.randn(1, RATE)
    with torch.no_grad():
        z, louder = encoder(sound), encoder(4 * sound)
    assert z.shape == (1, 250, 16)
    # The level changes the mean alone, which the norm removes.
    torch.testing.assert_close(z, louder, rtol=0, atol=0.02)
    assert (z - z.mean(1, keepdim=True)).abs().max() > 0.05


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("causal", [False, True])
def test_a_causal_encoder_does_not_look_ahead(causal: bool, kind: str) -> None:
    encoder = TimbreEncoder(RATE, HOP, TimbreEncoderConfig(causal=causal, **SMALL[kind]))
    sound, later = torch.randn(2, 1, RATE)
    later[:, : RATE // 2] = sound[:, : RATE // 2]
    with torch.no_grad():
        difference = (encoder(sound) - encoder(later)).abs().amax(-1)[0]
    # The window is centred on the stretch's end and reaches half its length, 8 frames, ahead; between two
    # values z goes straight to the later one.
    before = difference[: 125 - 2 * 8]
    assert bool((before < 1e-5).all()) is causal
    assert difference[140:].min() > 1e-4


@pytest.mark.parametrize("causal", [False, True])
def test_a_causal_pitch_encoder_does_not_look_ahead(causal: bool) -> None:
    encoder = PitchEncoder(RATE, HOP, PitchEncoderConfig(resnet="tiny", n_mels=64, causal=causal))
    sound, later = torch.randn(2, 1, RATE)
    later[:, : RATE // 2] = sound[:, : RATE // 2]
    with torch.no_grad():
        difference = (encoder(sound).f0_hz / encoder(later).f0_hz).log2().abs()[0]
    # The window reaches two stretches of 8 frames ahead; between two values f0 goes straight to the later.
    before = difference[: 125 - 3 * 8]
    assert bool((before < 1e-5).all()) is causal
    assert difference[140:].mean() > 1e-4


def test_pitch_is_the_mean_of_the_pitch_probabilities() -> None:
    encoder = PitchEncoder(RATE, HOP, PitchEncoderConfig(n_mels=64))
    encoded = encoder(_tone(220.0))
    assert encoded.f0_hz.shape == (1, 250)
    torch.testing.assert_close(encoded.probabilities.sum(-1), torch.ones(1, 32))
    expected = (encoded.probabilities * torch.linspace(0, 127, 256)).sum(-1)
    torch.testing.assert_close(encoded.midi, expected)
    encoded.f0_hz.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in encoder.parameters() if p.grad is not None)


def test_the_cross_entropy_is_least_at_the_true_pitch() -> None:
    bins = torch.linspace(0, 127, 128)
    weight = torch.ones(1, 1)

    def entropy(center: float, width: float = 1.0) -> float:
        probabilities = torch.softmax(-(((bins - center) / width) ** 2), 0)[None, None]
        return float(pitch_cross_entropy(probabilities, torch.tensor([[60.0]]), weight))

    assert entropy(60.0) < entropy(59.0) < entropy(56.0)
    assert entropy(60.0, 0.3) < entropy(60.0, 3.0)
    # Halfway between two pitches the target is half of each, so the minimum is not zero but ln 2.
    halves = torch.full((1, 1, 2), 0.5)
    assert float(pitch_cross_entropy(halves, torch.tensor([[63.5]]), weight)) == pytest.approx(math.log(2))
    two = torch.full((1, 2, 2), 0.5)
    ends, first_alone = torch.tensor([[0.0, 127.0]]), torch.tensor([[1.0, 0.0]])
    assert float(pitch_cross_entropy(two, ends, first_alone)) == pytest.approx(math.log(2))


def test_a_pitch_encoder_learns_from_a_few_tones() -> None:
    torch.manual_seed(0)
    encoder = PitchEncoder(RATE, HOP, PitchEncoderConfig(resnet="tiny", n_mels=64, n_bins=64))
    optimizer = torch.optim.Adam(encoder.parameters(), 1e-3)
    tones = torch.cat([_tone(440 * 2 ** (n / 12), 0.128) for n in (-12, -5, 0, 7)])
    target = torch.tensor([[57.0], [64.0], [69.0], [76.0]])
    loss = torch.tensor(torch.inf)
    for _ in range(40):
        loss = (encoder(tones).midi - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 1.0


def test_no_item_and_no_sample_are_a_sentence() -> None:
    encoders = (
        PitchEncoder(16_000, 64, PitchEncoderConfig()),
        TimbreEncoder(16_000, 64, TimbreEncoderConfig()),
    )
    for encoder in encoders:
        for audio in (torch.zeros(1, 0), torch.zeros(0, 640)):
            with pytest.raises(ValueError, match=r"audio is .*; give \(batch, time\), no axis .* is empty\."):
                encoder(audio)
