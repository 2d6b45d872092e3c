"""A trained loss: networks that distinguish an instrument's sound from the recording's."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from oscine.functional.checks import comparable_sounds, require_whole

#: Windows of the spectra, seconds; each network has one.
WINDOWS_S = (0.064, 0.016)
_N_CHANNELS = 16
_FEATURE_WEIGHT = 2.0
#: Level to which a target is brought, and the floor of a magnitude at that level, both in proportion to 1.
_LEVEL, _FLOOR, _SILENCE = 0.1, 1e-4, 1e-3


class AdversarialTerms(NamedTuple):
    """The losses of the instrument and of the discriminators."""

    generator: Float[Tensor, ""]
    """The loss of the instrument; the discriminators receive no gradient of it."""
    discriminator: Float[Tensor, ""]
    """The loss of the discriminators; the instrument receives no gradient of it."""


class AdversarialLoss(nn.Module):
    """The least-squares adversarial loss with feature matching, by two networks on log spectra.

    ``generator = mean_d [ mean (D_d(ŷ) − 1)² + 2 · mean_l mean |F_dl(ŷ) − F_dl(y)| / mean |F_dl(y)| ]``,
    ``discriminator = mean_d [ mean (D_d(y) − 1)² + mean D_d(ŷ)² ]``

    D_d is a network over frames and bins of the logarithm of a short-time spectrum, of 64 ms and of 16 ms.
    Its output is a map, one number for some bins and frames: near 1 where it takes the sound for recorded.
    F_dl is the output of its layer l. Both sounds are brought to the level of the target first.

    Args:
        sample_rate: Hz.

    Raises:
        InputError: When the rate is not a whole number of at least 1.

    Reference:
        Mao et al., Least squares generative adversarial networks, ICCV 2017; the features are compared as in
        Kumar et al., MelGAN, NeurIPS 2019. There the discriminators read the wave.

    Examples:
        >>> loss = AdversarialLoss(16000)
        >>> sound, other = torch.randn(2, 1, 8000)
        >>> bool(loss(sound, sound).generator < loss(other, sound).generator)
        True
    """

    def __init__(self, sample_rate: int = 16000) -> None:
        super().__init__()
        require_whole(sample_rate=sample_rate)
        # A multiple of 4, so that a quarter is a whole hop.
        sizes = [4 * max(4, round(window_s * sample_rate / 4)) for window_s in WINDOWS_S]
        self.discriminators = nn.ModuleList(SpectralDiscriminator(n_fft) for n_fft in sizes)

    def forward(self, audio: Float[Tensor, "*batch time"], target: Float[Tensor, "..."]) -> AdversarialTerms:
        """Return the losses of both sides.

        Args:
            audio: The instrument's.
            target: The recording, of the same shape.

        Raises:
            InputError: When the shapes differ, or there is no sample.
        """
        dtype = next(self.parameters()).dtype
        audio, target = (x.reshape(-1, x.shape[-1]).to(dtype) for x in comparable_sounds(audio, target))
        scale = _LEVEL / (target.square().mean(-1, keepdim=True) + _SILENCE**2).sqrt()
        audio, target = audio * scale, target * scale
        generator = discriminator = torch.zeros((), device=audio.device)
        for one in self.discriminators:
            told, _ = one(audio.detach())
            discriminator = discriminator + told.square().mean()
            told, recorded = one(target)
            discriminator = discriminator + (told - 1).square().mean()
            # Its weights of now as constants: the instrument's loss does not train it.
            told, features = functional_call(one, _constants(one), audio)
            generator = generator + (told - 1).square().mean()
            constant = [feature.detach() for feature in recorded]
            for ours, theirs in zip(features, constant, strict=True):
                distance = (ours - theirs).abs().mean() / theirs.abs().mean().clamp(min=1e-6)
                generator = generator + _FEATURE_WEIGHT / len(features) * distance
        n = len(self.discriminators)
        return AdversarialTerms(generator / n, discriminator / n)


class SpectralDiscriminator(nn.Module):
    """Convolutions over frames and bins of a log spectrum.

    Args:
        n_fft: Length of the Hann windows, samples; the hop is a quarter of it.
    """

    window: Tensor

    def __init__(self, n_fft: int) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        n = _N_CHANNELS
        # (frame, bin): the bins are thinned out by two each time.
        self.layers = nn.ModuleList(
            [
                nn.Conv2d(1, n, (3, 5), stride=(1, 2), padding=(1, 2)),
                nn.Conv2d(n, n, (3, 5), stride=(1, 2), padding=(1, 2)),
                nn.Conv2d(n, n, (3, 5), stride=(2, 2), padding=(1, 2)),
            ]
        )
        self.output = nn.Conv2d(n, 1, 3, padding=1)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"windows of {len(self.window)} samples"

    def forward(
        self, audio: Float[Tensor, "item time"]
    ) -> tuple[Float[Tensor, "item 1 frame bin"], list[Float[Tensor, "item channel _ _"]]]:
        """Return the map, and the outputs of the layers before it."""
        n_fft = len(self.window)
        padded = nn.functional.pad(audio, (n_fft // 2, n_fft // 2))
        frames = padded.unfold(-1, n_fft, n_fft // 4) * self.window.to(audio.dtype)
        spectra = torch.fft.rfft(frames) * (2.0 / float(self.window.sum()))
        power = spectra.real.square() + spectra.imag.square()
        # Natural logarithms from about −9 at the floor to −2 at a loud partial, to about −1 … 1.
        x = (0.5 * (power + _FLOOR**2).log() + 6.0).mul(0.3).unsqueeze(1)
        features = []
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), 0.2)
            features.append(x)
        return self.output(x), features


def _constants(module: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach() for name, parameter in module.named_parameters()}
