"""Frames of a signal, their magnitudes, and the way back: the pieces every spectral distance is made of.

One convention for all of them: frame i is centred on sample ``i · hop_length``; before the first and after
the last sample the signal is zero. So each sample, the first and the last too, lies close to the centre of
some frame, which frames that begin at sample 0 do not give (a Hann window all but erases the first samples
there).
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.errors import InputError


def hop_from_overlap(n_fft: int, overlap: float) -> int:
    """Return the hop in samples, ``round(n_fft · (1 − overlap))``, at least 1.

    Raises:
        InputError: When ``overlap`` is not in [0, 1).
    """
    if not 0.0 <= overlap < 1.0:
        raise InputError(f"overlap is {overlap}; give a share of the window in [0, 1), such as 0.75.")
    return max(1, round(n_fft * (1.0 - overlap)))


def pad_for_frames(audio: Float[Tensor, "*batch time"], n_fft: int) -> Float[Tensor, "*batch padded"]:
    """Return the audio between ``ceil(n_fft / 2)`` zeros, so that frames may be centred on its edges."""
    side = (n_fft + 1) // 2
    return torch.nn.functional.pad(audio, (side, side))


def frame(
    padded: Float[Tensor, "*batch padded"], n_fft: int, hop_length: int
) -> Float[Tensor, "*batch frame sample"]:
    """Return overlapping frames as a view: frame i begins at sample ``i · hop_length``."""
    return padded.unfold(-1, n_fft, hop_length)


def overlap_add_(
    total: Float[Tensor, "batch padded"],
    frames: Float[Tensor, "batch frame sample"],
    window: Float[Tensor, " sample"],
    hop_length: int,
) -> None:
    """Add ``window · frames`` to ``total`` in place: the adjoint of windowing what :func:`frame` returns.

    The frames are added in ``ceil(n_fft / hop_length)`` passes; within one pass no two frames touch, so
    each pass is a single strided multiply-add.

    Args:
        total: Room for at least ``(n_frames + ceil(n_fft / hop_length) − 1) · hop_length`` samples; changed.
        frames: What is added.
        window: Multiplied into every frame.
        hop_length: Samples from one frame to the next.
    """
    n_frames, n_fft = frames.shape[-2:]
    n_passes = math.ceil(n_fft / hop_length)
    grid = total[:, : (n_frames + n_passes - 1) * hop_length].unflatten(-1, (-1, hop_length))
    for phase in range(n_passes):
        part = slice(phase * hop_length, min((phase + 1) * hop_length, n_fft))
        rows = grid[:, phase : phase + n_frames, : part.stop - part.start]
        rows.addcmul_(frames[..., part], window[part])


def stft_magnitude(
    audio: Float[Tensor, "*batch time"],
    n_fft: int,
    hop_length: int | None = None,
    window: Float[Tensor, " sample"] | None = None,
) -> Float[Tensor, "*batch frame bin"]:
    """Return ``|STFT|``, not normalised: a sine of amplitude a reads ``a · sum(window) / 2`` at its bin.

    Args:
        audio: The signal; zero outside.
        n_fft: Samples in a frame.
        hop_length: Samples from one frame's centre to the next; a quarter of ``n_fft`` when left out.
        window: ``n_fft`` weights; a periodic Hann window when left out.

    Returns:
        ``1 + time // hop_length`` frames of ``n_fft // 2 + 1`` magnitudes.
    """
    hop_length = hop_from_overlap(n_fft, 0.75) if hop_length is None else hop_length
    if window is None:
        window = torch.hann_window(n_fft, dtype=audio.dtype, device=audio.device)
    n_frames = 1 + audio.shape[-1] // hop_length
    frames = frame(pad_for_frames(audio, n_fft), n_fft, hop_length)[..., :n_frames, :]
    return torch.fft.rfft(frames * window).abs()
