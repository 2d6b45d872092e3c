"""Filters that are given by the magnitudes of their bands and move from frame to frame."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from oscine.functional.checks import require_batch, require_state, require_whole
from oscine.functional.fft import fast_fft_length
from oscine.functional.frames import previous_frames, ramp
from oscine.functional.noise import filter_taps

#: What is added to a magnitude before its logarithm: −80 dB.
LOG_OFFSET = 1e-4


class FilterState(NamedTuple):
    """The state of a filter that moves between two blocks."""

    recent: Float[Tensor, "batch recent"]
    """The last input samples, one less than the filter has taps."""
    taps: Float[Tensor, "batch tap"]
    """Taps at the last frame."""
    started: Bool[Tensor, " batch"]
    """False until the first frame, which is held from the start."""


def filter_state(batch_size: int, n_taps: int, device: torch.device | str | None = None) -> FilterState:
    """Return the state before the first sample."""
    return FilterState(
        recent=torch.zeros(batch_size, n_taps - 1, device=device),
        taps=torch.zeros(batch_size, n_taps, device=device),
        started=torch.zeros(batch_size, dtype=torch.bool, device=device),
    )


def zero_phase_taps(magnitudes: Float[Tensor, "*frame band"]) -> Float[Tensor, "*frame tap"]:
    """Return a symmetric filter of ``2 · band − 1`` taps, which delays by ``band − 1`` samples.

    Its response at each band's frequency is the magnitude there, smoothed over the neighbouring bands by ¼, ½
    and ¼ (a Hann window on the taps).

    Args:
        magnitudes: At band − 1 equal steps from 0 to Nyquist, linear.

    Raises:
        ValueError: When there are fewer than 2 bands.
    """
    _check_bands(magnitudes)
    half = magnitudes @ filter_taps(magnitudes.shape[-1]).to(magnitudes)
    return torch.cat([half[..., 1:].flip(-1), half], dim=-1)


def n_minimum_phase_taps(n_bands: int) -> int:
    """Return the number of taps of `minimum_phase_taps`, ``4 (n_bands − 1)``."""
    return 4 * (n_bands - 1)


def minimum_phase_taps(magnitudes: Float[Tensor, "*frame band"]) -> Float[Tensor, "*frame tap"]:
    """Return the minimum-phase filter of these magnitudes: ``4 (band − 1)`` taps, without delay.

    The cepstrum of a minimum-phase filter is causal. That of the magnitudes, ``c[n] = Σ_j W[j, n] log m_j``,
    is even; folded to its causal side it is the filter's, ``H = exp(c[0] + 2 Σ_{n>0} c[n] e^{−iωn})``. W
    smooths the log magnitudes over the neighbouring bands by ¼, ½ and ¼.

    The response is endless. What is left out behind the last tap is below −40 dB where magnitudes differ by
    80 dB from one band to the next, and below −100 dB for the formants of a voice.

    Args:
        magnitudes: At band − 1 equal steps from 0 to Nyquist, linear; `LOG_OFFSET` is added to them.

    Raises:
        ValueError: When there are fewer than 2 bands.

    Reference: Liu et al., Neural Homomorphic Vocoder, Interspeech 2020; there the network predicts the
        cepstrum.
    """
    _check_bands(magnitudes)
    n_bands = magnitudes.shape[-1]
    if magnitudes.numel() == 0:  # MKL fails where there is no filter
        return magnitudes.new_zeros(*magnitudes.shape[:-1], n_minimum_phase_taps(n_bands))
    cepstrum = torch.log(magnitudes + LOG_OFFSET) @ filter_taps(n_bands).to(magnitudes)
    causal = torch.cat([cepstrum[..., :1], 2 * cepstrum[..., 1:]], dim=-1)
    # Twice the taps that are kept: what wraps around is below 1e-5 of the largest.
    n_fft = 2 * n_minimum_phase_taps(n_bands)
    taps = torch.fft.irfft(torch.exp(torch.fft.rfft(causal, n_fft)), n_fft)
    return taps[..., : n_minimum_phase_taps(n_bands)]


def _check_bands(magnitudes: Tensor) -> None:
    if magnitudes.ndim == 0 or magnitudes.shape[-1] < 2:
        raise ValueError(f"magnitudes is {tuple(magnitudes.shape)}; give at least 2 bands, 0 Hz and Nyquist.")


def moving_filter(
    audio: Float[Tensor, "batch time"], taps: Float[Tensor, "batch frame tap"], *, hop_length: int
) -> Float[Tensor, "batch time"]:
    """Return the audio through a causal filter that follows its taps, from its start.

    ``y[n] = (1 − w) (h[t−1] ∗ x)[n] + w (h[t] ∗ x)[n]`` inside frame ``t``, ``w`` going from 0 to 1.

    Args:
        audio: ``frame · hop_length`` samples.
        taps: Of the filter at each frame's end; the first frame is held from the start.
        hop_length: Samples per frame.

    Raises:
        ValueError: When there is no frame, the audio is not ``frame · hop_length`` long or of another batch,
            or the hop is not a whole number of at least 1.

    Examples:
        >>> taps = zero_phase_taps(torch.ones(1, 10, 65))
        >>> moving_filter(torch.randn(1, 640), taps, hop_length=64).shape
        torch.Size([1, 640])
    """
    require_batch("taps", taps, "batch frame tap")
    state = filter_state(taps.shape[0], taps.shape[-1], taps.device)
    return moving_filter_step(audio, taps, state, hop_length=hop_length)[0]


def moving_filter_step(
    audio: Float[Tensor, "batch time"],
    taps: Float[Tensor, "batch frame tap"],
    state: FilterState,
    *,
    hop_length: int,
) -> tuple[Float[Tensor, "batch time"], FilterState]:
    """Return the next block's audio and state: `moving_filter` where it left off.

    Raises:
        ValueError: See `moving_filter`; and when the state is of another batch or number of taps.
    """
    require_batch("taps", taps, "batch frame tap")
    require_whole(hop_length=hop_length)
    batch, n_frames, n_taps = taps.shape
    if tuple(audio.shape) != (batch, n_frames * hop_length):
        raise ValueError(
            f"audio is {tuple(audio.shape)}; beside taps of {tuple(taps.shape)} and hops of {hop_length} "
            f"give {(batch, n_frames * hop_length)}."
        )
    require_state(
        "filter_state", recent=(state.recent, (batch, n_taps - 1)), taps=(state.taps, (batch, n_taps))
    )
    known = torch.cat([state.recent.to(audio.dtype), audio], dim=1)
    span = hop_length + n_taps - 1
    n_fft = fast_fft_length(span)
    # Circular convolution wraps only into the first taps − 1 samples of a frame's span, which are cut off.
    spectrum = torch.fft.rfft(known.unfold(-1, span, hop_length), n_fft)
    before = previous_frames(taps, state.taps, state.started)
    responses = torch.fft.rfft(torch.cat([before[:, :1], taps], dim=1), n_fft)
    first = torch.fft.irfft(spectrum * responses[:, :-1], n_fft)[..., n_taps - 1 : span]
    last = torch.fft.irfft(spectrum * responses[:, 1:], n_fft)[..., n_taps - 1 : span]
    output = torch.lerp(first, last, ramp(hop_length, first).expand_as(first)).flatten(1)
    after = FilterState(known[:, known.shape[1] - n_taps + 1 :], taps[:, -1], torch.ones_like(state.started))
    return output, after
