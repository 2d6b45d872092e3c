"""The energy distance: the loss for sound that is random in part."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn


class EnergyDistance(nn.Module):
    """Twice the distance to the target minus the distance between two own draws.

    ``L = 2 d(y, x) − d(y, y')``: x is the recording, y and y' are two draws of the instrument from the same
    controls, with different noise, and d is a distance of
    spectra, such as `MultiScaleSpectralLoss`.

    The two noises of a recording and an instrument never agree, so d alone has its minimum where the noise is
    quieter and steadier than the recording's: the most central value costs least. The second term rewards
    draws that differ as much as the recording would from another recording of the same kind. The expectation
    of L is smallest where, in each bin of each scale, the magnitudes have the recording's distribution
    (it is then the sum of the bins' continuous ranked probability scores, a proper score). What is the same
    in both draws costs 2 d, as without the second term.

    The gradient goes to ``audio`` alone; by symmetry, its expectation is that of both draws. So the second
    draw needs no gradient. A single estimate may be negative.

    Args:
        distance: d of two sounds, symmetric; its first argument receives the gradient.

    Reference:
        Gritsenko, Salimans, van den Berg, Snoek, Kalchbrenner: A Spectral Energy Distance for Parallel Speech
        Synthesis, NeurIPS 2020. There the logarithms of a frame have a Euclidean distance, and both draws
        receive a gradient.

    Examples:
        >>> import torch
        >>> from oscine.functional import filtered_noise
        >>> from oscine.losses import MultiScaleSpectralLoss
        >>> bands = torch.full((1, 100, 9), 0.1)
        >>> recording, one, other = (filtered_noise(bands, hop_length=64, seed=seed) for seed in (7, 1, 2))
        >>> loss = EnergyDistance(MultiScaleSpectralLoss(16000))
        >>> bool(loss(one, recording, other) < loss(0.5 * one, recording, 0.5 * other))
        True
    """

    def __init__(self, distance: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.distance = distance

    def forward(
        self,
        audio: Float[Tensor, "*batch time"],
        target: Float[Tensor, "..."],
        other: Float[Tensor, "..."],
    ) -> Float[Tensor, ""]:
        """Return the loss, a scalar.

        Args:
            audio: One draw; it receives the gradient.
            target: The recording; same shape.
            other: A second draw from the same controls; same shape.

        Raises:
            InputError: When the shapes differ, or something is empty.
        """
        between = self.distance(audio, other.detach())
        # Both draws depend on the controls and the distance is symmetric, so the slope of `between` counts
        # twice and its value once.
        return 2.0 * (self.distance(audio, target) - between) + between.detach()
