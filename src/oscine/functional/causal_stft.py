"""The short-time Fourier transform of a stream, and its inverse: frames end where they are known to end.

In `oscine.functional.stft` a frame is centred on its instant. Here frame t holds the last ``n_fft`` samples
before its instant ``(t + 1) · hop_length``, so nothing looks ahead. Analysis and synthesis have the same
window, the root of a Hann window, whose squares add up to ``n_fft / (2 · hop_length)``.
"""

from typing import NamedTuple

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from oscine.functional.checks import require_batch, require_whole


class CausalStftState(NamedTuple):
    """The state of the transform, or of its inverse, between two blocks."""

    samples: Float[Tensor, "batch _"]
    """``n_fft − hop_length`` samples: the last of the signal, or those to which later frames are added."""


def causal_stft_state(
    batch_size: int, n_fft: int, hop_length: int, device: torch.device | str | None = None
) -> CausalStftState:
    """Return the state before the first sample of the transform, or of its inverse: silence.

    Raises:
        ValueError: When ``n_fft`` is not an even multiple of the hop.
    """
    _require_sizes(n_fft, hop_length)
    return CausalStftState(torch.zeros(batch_size, n_fft - hop_length, device=device))


def causal_stft(
    audio: Float[Tensor, "batch time"], *, n_fft: int, hop_length: int
) -> Complex[Tensor, "batch frame bin"]:
    """Return the spectra of a whole signal: `causal_stft_step` from the start.

    Args:
        audio: A whole number of hops.
        n_fft: Samples in a frame, an even multiple of the hop.
        hop_length: Samples from frame to frame.

    Raises:
        ValueError: As `causal_stft_step`.

    Examples:
        >>> tone = torch.cos(2 * torch.pi * 4 * torch.arange(256) / 64)[None]
        >>> causal_stft(tone, n_fft=64, hop_length=16).abs()[0, -1].argmax()
        tensor(4)
    """
    _require_sizes(n_fft, hop_length)
    state = causal_stft_state(audio.shape[0], n_fft, hop_length, audio.device)
    return causal_stft_step(audio, state, n_fft=n_fft, hop_length=hop_length)[0]


def causal_stft_step(
    audio: Float[Tensor, "batch time"], state: CausalStftState, *, n_fft: int, hop_length: int
) -> tuple[Complex[Tensor, "batch frame bin"], CausalStftState]:
    """Return the spectra of the next block's frames, and the state.

    ``X[t, k] = Σ_i w[i] · x[(t + 1) · hop_length − n_fft + i] · e^{−2πi·ik/n_fft}``

    Args:
        audio: Next samples, a whole number of hops.
        state: From the block before, or from `causal_stft_state`.
        n_fft: Samples in a frame, an even multiple of the hop.
        hop_length: Samples from frame to frame.

    Raises:
        ValueError: When the audio is not a whole number of hops, or ``n_fft`` no even multiple of one.
    """
    _require_sizes(n_fft, hop_length)
    require_batch("audio", audio, "batch time")
    if audio.shape[1] % hop_length:
        raise ValueError(
            f"audio has {audio.shape[1]} samples; give a whole number of hops of {hop_length} samples."
        )
    known = torch.cat([state.samples.to(audio.dtype), audio], dim=1)
    frames = known.unfold(1, n_fft, hop_length) * stft_window(n_fft, audio)
    return torch.fft.rfft(frames), CausalStftState(known[:, audio.shape[1] :])


def inverse_causal_stft(
    spectra: Complex[Tensor, "batch frame bin"], *, n_fft: int, hop_length: int
) -> Float[Tensor, "batch time"]:
    """Return the audio of spectra: `inverse_causal_stft_step` from the start.

    Args:
        spectra: Of frames.
        n_fft: Samples in a frame, an even multiple of the hop.
        hop_length: Samples from frame to frame.

    Raises:
        ValueError: As `inverse_causal_stft_step`.
    """
    _require_sizes(n_fft, hop_length)
    state = causal_stft_state(spectra.shape[0], n_fft, hop_length, spectra.device)
    return inverse_causal_stft_step(spectra, state, n_fft=n_fft, hop_length=hop_length)[0]


def inverse_causal_stft_step(
    spectra: Complex[Tensor, "batch frame bin"], state: CausalStftState, *, n_fft: int, hop_length: int
) -> tuple[Float[Tensor, "batch time"], CausalStftState]:
    """Return the next block's audio from the spectra of its frames, and the state.

    Of the spectra of `causal_stft_step` it is the signal, ``n_fft − hop_length`` samples later.

    Args:
        spectra: Of the next frames.
        state: From the block before, or from `causal_stft_state`.
        n_fft: Samples in a frame, an even multiple of the hop.
        hop_length: Samples from frame to frame.

    Raises:
        ValueError: When there is no frame, the bins are not those of ``n_fft``, or ``n_fft`` is no even
            multiple of the hop.

    Reference: Griffin and Lim, Signal estimation from modified short-time Fourier transform, IEEE TASSP
        32(2), 1984.
    """
    _require_sizes(n_fft, hop_length)
    require_batch("spectra", spectra, "batch frame bin")
    if spectra.shape[-1] != n_fft // 2 + 1:
        raise ValueError(f"spectra has {spectra.shape[-1]} bins; give {n_fft // 2 + 1} for {n_fft} samples.")
    frames = torch.fft.irfft(spectra, n_fft)
    n_frames, n_parts = frames.shape[1], n_fft // hop_length
    frames = frames * (stft_window(n_fft, frames) * (2 * hop_length / n_fft))
    parts = frames.unflatten(2, (n_parts, hop_length))
    # Part j of frame t sounds in hop t + j; a hop is complete when the last frame that reaches it is there.
    hops = torch.nn.functional.pad(
        state.samples.to(frames.dtype).unflatten(1, (-1, hop_length)), (0, 0, 0, n_frames)
    )
    for j in range(n_parts):
        hops = hops + torch.nn.functional.pad(parts[:, :, j], (0, 0, j, n_parts - 1 - j))
    return hops[:, :n_frames].flatten(1), CausalStftState(hops[:, n_frames:].flatten(1))


def stft_window(n_fft: int, like: Tensor) -> Float[Tensor, " sample"]:
    """Return the root of the periodic Hann window, in the type and on the device of another tensor."""
    return torch.hann_window(n_fft, dtype=torch.float64, device=like.device).sqrt().to(like.dtype)


def _require_sizes(n_fft: int, hop_length: int) -> None:
    require_whole(n_fft=n_fft, hop_length=hop_length)
    if n_fft % (2 * hop_length):
        raise ValueError(f"n_fft is {n_fft}; give an even multiple of the hop, {hop_length} samples.")
