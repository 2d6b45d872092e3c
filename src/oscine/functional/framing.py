"""Windows of a signal around given instants: the one rule on which sample a frame describes."""

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

from oscine.functional.checks import require_whole


def frame_centers(
    n_frames: int, hop_length: int, sample_rate: int, rate: int, first: int = 0
) -> Int[Tensor, " frame"]:
    """Return the instants of frames ``first`` … n_frames − 1, to the nearest sample at another rate.

    Frame t describes the instant ``(t + 1) · hop_length`` samples at ``sample_rate``; at ``rate`` that is
    ``(t + 1) · hop_length · rate / sample_rate``, rounded half up in integers, so that it cannot drift.

    Args:
        n_frames: How many frames.
        hop_length: Samples from frame to frame, at ``sample_rate``.
        sample_rate: The rate, in Hz, in which the hop is counted.
        rate: The rate, in Hz, in which the instants are wanted.
        first: The frame to begin with.

    Returns:
        Sample positions at ``rate``.

    Raises:
        ValueError: When the hop or a rate is not a whole number of at least 1.
    """
    require_whole(hop_length=hop_length, sample_rate=sample_rate, rate=rate)
    frame = torch.arange(first + 1, n_frames + 1, dtype=torch.int64)
    return (2 * frame * hop_length * rate + sample_rate) // (2 * sample_rate)


def frames_at(
    audio: Float[Tensor, "*batch time"], centers: Int[Tensor, " frame"], length: int
) -> Float[Tensor, "*batch frame {length}"]:
    """Return the windows ``audio[c − length // 2 : … + length]``; beyond both ends there is silence.

    Args:
        audio: The signal.
        centers: The sample on which each window is centred, in any order.
        length: Samples per window.

    Returns:
        One window per centre, in the unit of the audio.
    """
    padded = torch.nn.functional.pad(audio, (length, length))
    start = (centers + length - length // 2).clamp(0, audio.shape[-1] + length)
    if padded.requires_grad:
        # The gradient of the form below is as large as all windows, one at every sample.
        return padded[..., start[:, None] + torch.arange(length, device=start.device)]
    # The same numbers; whole windows are copied, several times faster.
    return padded.unfold(-1, length, 1)[..., start, :]


def window_spectra(windows: Float[Tensor, "*batch frame time"]) -> Complex[Tensor, "*batch frame bin"]:
    """Return each window's spectrum, ``time // 2 + 1`` bins; MKL fails where there is no window."""
    if windows.numel() == 0:
        shape = (*windows.shape[:-1], windows.shape[-1] // 2 + 1)
        return windows.new_zeros(shape, dtype=windows.dtype.to_complex())
    return torch.fft.rfft(windows)
