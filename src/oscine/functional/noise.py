"""Noise that is a function of its seed and the sample's number, and a filter on it that moves."""

import math
from numbers import Integral
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from oscine.functional.checks import require_batch, require_state, require_whole
from oscine.functional.constants import kept
from oscine.functional.fft import fast_fft_length
from oscine.functional.frames import previous_frames, ramp
from oscine.functional.mfcc import hz_to_mel, mel_to_hz
from oscine.kernels import noise


class NoiseState(NamedTuple):
    """The state of the filtered noise between two blocks."""

    seed: Int[Tensor, " batch"]
    sample: Int[Tensor, " batch"]
    """Number of the next sample, from the start of the stream."""
    magnitudes: Float[Tensor, "batch band"]
    """Magnitudes at the last frame."""
    started: Bool[Tensor, " batch"]
    """False until the first frame, which is held from the start."""


def item_seeds(seed: int, batch_size: int, device: torch.device | str | None = None) -> Int[Tensor, " batch"]:
    """Return the seeds of a batch, ``seed + i``, modulo 2⁶⁴: any whole number is a seed.

    Raises:
        ValueError: When it is not a whole number.
    """
    if isinstance(seed, bool) or not isinstance(seed, Integral):
        raise ValueError(f"seed is {seed!r}; give a whole number.")
    return (int(seed) + (1 << 63)) % (1 << 64) - (1 << 63) + torch.arange(batch_size, device=device)


def noise_state(
    batch_size: int, n_bands: int, seed: int = 0, device: torch.device | str | None = None
) -> NoiseState:
    """Return the state before the first sample; item ``i`` of the batch has the seed ``seed + i``."""
    return NoiseState(
        seed=item_seeds(seed, batch_size, device),
        sample=torch.zeros(batch_size, dtype=torch.int64, device=device),
        magnitudes=torch.zeros(batch_size, n_bands, device=device),
        started=torch.zeros(batch_size, dtype=torch.bool, device=device),
    )


def uniform_noise(
    seed: Int[Tensor, " batch"],
    start: Int[Tensor, " batch"],
    n_samples: int,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "batch time"]:
    """Return white noise, uniform in [−1, 1], where every sample depends only on its seed and its number.

    The same in any blocking, on any device. The number is scrambled by a 32-bit integer hash, keyed by the
    seed and by the number's upper half, so the noise does not repeat within 2⁶³ samples.

    Args:
        seed: One per item, any integer.
        start: Number of the first sample; may be negative.
        n_samples: How many.
        dtype: Precision of the result.

    Reference: the hash is `lowbias32` of C. Wellons, Prospecting for hash functions, 2018.
    """
    seed, start = seed.to(torch.int64), start.to(torch.int64)
    number = start.unsqueeze(-1) + torch.arange(n_samples, device=start.device)
    upper = number >> 32
    key = _hash(_low_word(seed) ^ _hash(_low_word(seed >> 32))).unsqueeze(-1)
    word = _hash(_hash(_low_word(number) ^ key) ^ _hash(_low_word(upper) ^ ~key))
    return word.to(dtype) * 2.0**-31


def _low_word(x: Tensor) -> Tensor:
    return (((x & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000).to(torch.int32)


def _hash(x: Tensor) -> Tensor:
    # int32 products wrap; the masks turn torch's arithmetic shifts into logical ones.
    x = x ^ ((x >> 16) & 0xFFFF)
    x = x * 0x7FEB352D
    x = x ^ ((x >> 15) & 0x1FFFF)
    x = x * (0x846CA68B - 0x100000000)
    return x ^ ((x >> 16) & 0xFFFF)


def filter_taps(n_bands: int) -> Float[Tensor, "band tap"]:
    """Return the matrix from band magnitudes to taps 0 … n_bands − 1 of the zero-phase filter, float64.

    The bands are samples of a spectrum from 0 to Nyquist; its inverse transform, a cosine sum, is cut to
    ±(n_bands − 1) taps by a Hann window. The filter is symmetric: tap −j is tap j.
    """
    half = n_bands - 1
    tap, band = torch.arange(n_bands, dtype=torch.float64), torch.arange(n_bands, dtype=torch.float64)
    share = torch.ones(n_bands, dtype=torch.float64)
    share[1:-1] = 2
    taps = share.unsqueeze(-1) * torch.cos(math.pi * band.unsqueeze(-1) * tap / half) / (2 * half)
    return taps * (0.5 + 0.5 * torch.cos(math.pi * tap / half))


def band_centers_hz(n_bands: int, sample_rate: int) -> Float[Tensor, " band"]:
    """Return the centres of noise bands: evenly spaced in mel from 0 Hz to Nyquist, in Hz, float64.

    Raises:
        ValueError: When a number is not a whole number of at least 1.
    """
    require_whole(n_bands=n_bands, sample_rate=sample_rate)
    highest = hz_to_mel(torch.tensor(sample_rate / 2, dtype=torch.float64))
    return mel_to_hz(torch.linspace(0.0, 1.0, n_bands, dtype=torch.float64) * highest)


def band_taps(n_bands: int, n_taps: int, sample_rate: int) -> Float[Tensor, "band tap"]:
    """Return the symmetric filters of noise bands, taps 0 … n_taps − 1 of each, float64.

    Band m passes its centre and falls in a straight line to 0 at its neighbours' centres; a Hann window cuts
    the filter to ±(n_taps − 1) taps. The filters add up to one that passes everything as it is.

    Args:
        n_bands: At least 2.
        n_taps: At least 2; bands that are closer than ``sample_rate / n_taps`` overlap.
        sample_rate: Hz.
    """
    centers = band_centers_hz(n_bands, sample_rate)
    tap = torch.arange(n_taps, dtype=torch.float64)
    omega = 2 * math.pi / sample_rate * tap[1:]
    # ∫ H(f) cos(ωf) df of a triangle, by parts: the steps of its slope times cos(ωf) at its corners, over ω².
    cosines = torch.cos(centers.unsqueeze(-1) * omega)
    slopes = cosines.diff(dim=0) / centers.diff().unsqueeze(-1)
    steps = torch.nn.functional.pad(slopes, (0, 0, 1, 0)) - torch.nn.functional.pad(slopes, (0, 0, 0, 1))
    gaps = torch.nn.functional.pad(centers.diff(), (1, 1))
    area = (gaps[1:] + gaps[:-1]).unsqueeze(-1) / 2
    taps = (2 / sample_rate) * torch.cat([area, steps / omega.square()], dim=-1)
    return taps * (0.5 + 0.5 * torch.cos(math.pi * tap / (n_taps - 1)))


class FilterDesign(NamedTuple):
    """Which matrix turns gains into the taps of a symmetric filter: its `taps`, computed from three numbers.

    Attributes:
        n_bands: Gains of a frame.
        n_taps: Taps 0 … n_taps − 1 of the filter.
        sample_rate: Of bands that are evenly spaced in mel, Hz; 0 for bands that are evenly spaced in Hz, of
            which there are as many as taps.
    """

    n_bands: int
    n_taps: int
    sample_rate: int = 0

    def taps(self) -> Float[Tensor, "band tap"]:
        """Return the matrix, float64."""
        if self.sample_rate == 0:
            return filter_taps(self.n_bands)
        return band_taps(self.n_bands, self.n_taps, self.sample_rate)


@kept
def _filter_taps(design: FilterDesign, dtype: torch.dtype, device: torch.device) -> Tensor:
    return design.taps().to(dtype=dtype, device=device)


@kept
def _band_spectrum(design: FilterDesign, n_fft: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the matrix from gains to the filter's real spectrum at ``n_fft``, (band, bin)."""
    twice = torch.full((design.n_taps, 1), 2.0, dtype=torch.float64)
    twice[0] = 1
    tap = torch.arange(design.n_taps, dtype=torch.float64).unsqueeze(-1)
    bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64)
    cosines = twice * torch.cos(2 * math.pi * tap * bins / n_fft)
    return (design.taps() @ cosines).to(dtype=dtype, device=device)


def filtered_noise(
    magnitudes: Float[Tensor, "batch frame band"], *, hop_length: int, seed: int = 0
) -> Float[Tensor, "batch time"]:
    """Return white noise through a filter that follows the magnitudes, from its start.

    ``y[n] = (1 − w) (h[t−1] ∗ x)[n] + w (h[t] ∗ x)[n]`` inside frame ``t``, ``w`` going from 0 to 1: ``x`` is
    uniform noise in [−1, 1] and ``h[t]`` the zero-phase filter of ``2 · band − 1`` taps whose response at
    ``band`` equally spaced frequencies from 0 to Nyquist is ``magnitudes[t]``, smoothed by a Hann window.

    The filter looks both ways, and still nothing is late: the noise to come is known, being a function of its
    number. The latency is 0.

    Args:
        magnitudes: Gain of each band at the frames' ends, linear; the first frame is held from the start.
        hop_length: Samples per frame.
        seed: Item ``i`` of the batch has the seed ``seed + i``.

    Returns:
        ``frame · hop_length`` samples.

    Raises:
        ValueError: When the magnitudes have other axes, no item, no frame or fewer than 2 bands; when the hop
            is not a whole number of at least 1.

    Reference: Engel et al., DDSP, ICLR 2020, section 3.6; there frames are filtered apart, overlap-added and
        two samples late.

    Examples:
        >>> filtered_noise(torch.ones(1, 10, 65), hop_length=64).shape
        torch.Size([1, 640])
    """
    _check(magnitudes, hop_length)
    state = noise_state(magnitudes.shape[0], magnitudes.shape[-1], seed, device=magnitudes.device)
    return filtered_noise_step(magnitudes, state, hop_length=hop_length)[0]


def filtered_noise_step(
    magnitudes: Float[Tensor, "batch frame band"], state: NoiseState, *, hop_length: int
) -> tuple[Float[Tensor, "batch time"], NoiseState]:
    """Return the next block's audio and state: `filtered_noise` where it left off.

    Raises:
        ValueError: See `filtered_noise`; and when the state is of another batch or number of bands.
    """
    _check(magnitudes, hop_length)
    n_bands = magnitudes.shape[-1]
    return through_design(magnitudes, state, FilterDesign(n_bands, n_bands), hop_length)


def through_design(
    magnitudes: Float[Tensor, "batch frame band"], state: NoiseState, design: FilterDesign, hop_length: int
) -> tuple[Float[Tensor, "batch time"], NoiseState]:
    """Return the next block of noise through filters of any design, and the state.

    Raises:
        ValueError: When the state is of another batch or number of bands.
    """
    require_state("noise_state", magnitudes=(state.magnitudes, (magnitudes.shape[0], magnitudes.shape[2])))
    n_samples = magnitudes.shape[1] * hop_length
    if noise.compiled(magnitudes):
        filters = _filter_taps(design, magnitudes.dtype, magnitudes.device)
        taps = magnitudes @ filters
        started = state.started.unsqueeze(-1)
        previous = torch.where(started, state.magnitudes.to(taps.dtype) @ filters, taps[:, 0])
        audio = noise.filtered_noise(state.seed, state.sample, taps, previous, hop_length)
    else:
        audio = _by_spectra(magnitudes, state, design, hop_length)
    return audio, NoiseState(
        seed=state.seed,
        sample=state.sample + n_samples,
        magnitudes=magnitudes[:, -1],
        started=torch.ones_like(state.started),
    )


def _check(magnitudes: Tensor, hop_length: int) -> None:
    require_batch("magnitudes", magnitudes, "batch frame band")
    if magnitudes.shape[2] < 2:
        raise ValueError(f"magnitudes is {tuple(magnitudes.shape)}; give at least 2 bands, 0 Hz and Nyquist.")
    require_whole(hop_length=hop_length)


def _by_spectra(magnitudes: Tensor, state: NoiseState, design: FilterDesign, hop_length: int) -> Tensor:
    n_frames, reach = magnitudes.shape[1], design.n_taps - 1
    span = hop_length + 2 * reach
    white = uniform_noise(
        state.seed, state.sample - reach, n_frames * hop_length + 2 * reach, magnitudes.dtype
    )
    n_fft = fast_fft_length(span)
    # Circular convolution wraps only into the first and last `reach` samples, which are cut off.
    spectrum = torch.fft.rfft(white.unfold(-1, span, hop_length), n_fft)
    bands = _band_spectrum(design, n_fft, magnitudes.dtype, magnitudes.device)
    previous = previous_frames(magnitudes, state.magnitudes, state.started)
    first = torch.fft.irfft(spectrum * (previous @ bands), n_fft)[..., reach : reach + hop_length]
    last = torch.fft.irfft(spectrum * (magnitudes @ bands), n_fft)[..., reach : reach + hop_length]
    return torch.lerp(first, last, ramp(hop_length, first).expand_as(first)).flatten(1)
