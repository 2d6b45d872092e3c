"""Noise in many bands, each with a gain of its own: the synthesiser of NoiseBandNet without its loops."""

from jaxtyping import Float
from torch import Tensor

from oscine.functional.checks import require_batch, require_whole
from oscine.functional.noise import FilterDesign, NoiseState, noise_state, through_design


def noise_bands(
    gains: Float[Tensor, "batch frame band"],
    *,
    sample_rate: int,
    hop_length: int,
    n_taps: int = 1024,
    seed: int = 0,
) -> Float[Tensor, "batch time"]:
    """Return the sum of band noises, each times its gain, from the start.

    ``y[n] = Σ_m g_m[n] (h_m ∗ x)[n]``

    x is uniform noise in [−1, 1], a function of the seed and the sample's number, h_m the filter of band m
    (`oscine.functional.noise.band_taps`), and g_m goes in a straight line from one frame's end to the next.
    The gain comes after the filter, so it may change as fast as the hop allows, however narrow the band is.

    The sum is computed as one filter that moves, ``y[n] = Σ_k (Σ_m g_m[n] h_m[k]) x[n − k]``, which is the
    same. So a band costs a row of a matrix and no memory for its noise, and the noise never repeats.
    The filter looks both ways, and still nothing is late: the noise to come is known.

    Args:
        gains: Of the bands at the frames' ends, linear; the first frame is held from the start. The bands are
            evenly spaced in mel from 0 Hz to Nyquist; gains of 1 give white noise.
        sample_rate: Hz.
        hop_length: Samples per frame.
        n_taps: Taps of half the filter, its middle one included. Bands that are closer to each other than
            ``sample_rate / n_taps`` are not told apart.
        seed: Item ``i`` of the batch has the seed ``seed + i``.

    Returns:
        ``frame · hop_length`` samples.

    Raises:
        ValueError: When the gains have other axes or fewer than 2 bands, or another number is too small.

    Reference: Barahona-Ríos and Collins, NoiseBandNet: Controllable Time-Varying Neural Synthesis of Sound
        Effects Using Filterbanks, 2023. There the noise of each band is a loop of some seconds in memory.

    Examples:
        >>> import torch
        >>> noise_bands(torch.ones(1, 10, 256), sample_rate=44100, hop_length=64).shape
        torch.Size([1, 640])
    """
    require_batch("gains", gains, "batch frame band")
    state = noise_state(gains.shape[0], gains.shape[-1], seed, gains.device)
    rates = {"sample_rate": sample_rate, "hop_length": hop_length}
    return noise_bands_step(gains, state, **rates, n_taps=n_taps)[0]


def noise_bands_step(
    gains: Float[Tensor, "batch frame band"],
    state: NoiseState,
    *,
    sample_rate: int,
    hop_length: int,
    n_taps: int = 1024,
) -> tuple[Float[Tensor, "batch time"], NoiseState]:
    """Return the next block's audio and state: `noise_bands` where it left off (same arguments)."""
    require_batch("gains", gains, "batch frame band")
    require_whole(sample_rate=sample_rate, hop_length=hop_length, n_taps=n_taps)
    if gains.shape[2] < 2 or n_taps < 2:
        raise ValueError(f"There are {gains.shape[2]} bands and {n_taps} taps; give at least 2 of each.")
    return through_design(gains, state, FilterDesign(gains.shape[2], n_taps, sample_rate), hop_length)
