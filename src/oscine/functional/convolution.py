"""Convolution with one long impulse response: whole by one FFT, or as it arrives, in partitions."""

from typing import NamedTuple

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

from oscine.functional.fft import fft_convolve


class ConvolutionState(NamedTuple):
    """What a partitioned convolution remembers between two blocks; P is the partition's length."""

    recent: Float[Tensor, "batch recent"]
    """The last 2 P input samples."""
    spectra: Complex[Tensor, "batch partition bin"]
    """Spectra of the input's past segments, the newest first."""
    pending: Float[Tensor, "batch segment"]
    """What the past segments still give to the current one: P samples."""
    position: Int[Tensor, ""]
    """Samples of the current segment that have arrived, 0 … P − 1."""
    filters: Complex[Tensor, "partition bin"]
    """Spectra of the response's partitions but the first: constant, carried along to be computed once."""


def convolution_state(
    batch_size: int, impulse_response: Float[Tensor, " tap"], partition: int
) -> ConvolutionState:
    """Return the state before the first sample.

    Args:
        batch_size: Signals that are convolved side by side.
        impulse_response: All taps.
        partition: P, samples.
    """
    filters = _partition_spectra(impulse_response, partition)
    return ConvolutionState(
        recent=impulse_response.new_zeros(batch_size, 2 * partition),
        spectra=filters.new_zeros(batch_size, *filters.shape),
        pending=impulse_response.new_zeros(batch_size, partition),
        position=torch.zeros((), dtype=torch.int64),
        filters=filters,
    )


def convolve(
    audio: Float[Tensor, "batch time"], impulse_response: Float[Tensor, " tap"]
) -> Float[Tensor, "batch time"]:
    """Return the causal convolution ``y[n] = Σ_j h[j] · x[n − j]``, as long as the input."""
    # Taps beyond the signal's length never sound.
    return fft_convolve(audio, impulse_response[: audio.shape[-1]])[..., : audio.shape[-1]]


def _partition_spectra(impulse_response: Tensor, partition: int) -> Tensor:
    n_further = -(-impulse_response.shape[0] // partition) - 1
    if n_further <= 0:
        return impulse_response.new_zeros(0, partition + 1).to(impulse_response.dtype.to_complex())
    further = impulse_response[partition:]
    padded = torch.nn.functional.pad(further, (0, n_further * partition - further.shape[0]))
    return torch.fft.rfft(padded.reshape(n_further, partition), 2 * partition)


def convolve_step(
    audio: Float[Tensor, "batch time"],
    impulse_response: Float[Tensor, " tap"],
    state: ConvolutionState,
) -> tuple[Float[Tensor, "batch time"], ConvolutionState]:
    """Return the next block's convolution and state, without delay, whatever the block's length.

    The response is cut into partitions of P taps and the input into segments of P samples. What partitions 1,
    2, … give to a segment depends only on segments that have ended (overlap-save, one product per partition),
    so it is ready when the segment begins; partition 0 is convolved with what arrives.

    A block longer than the response is convolved whole, by one FFT of it and of what came before.

    Args:
        audio: Next samples.
        impulse_response: All taps.
        state: From the block before, or from `convolution_state` with the same response.

    Reference: Gardner, Efficient convolution without input-output delay, JAES 43, 1995, with equal
        partitions.
    """
    partition = state.pending.shape[-1]
    if audio.shape[-1] >= max(2 * partition, impulse_response.shape[0]):
        return _convolve_long(audio, impulse_response, state)
    head = impulse_response[:partition]
    outputs: list[Tensor] = []
    position, done = int(state.position), 0
    recent, past, pending = state.recent, state.spectra, state.pending
    while done < audio.shape[-1]:
        n = min(partition - position, audio.shape[-1] - done)
        recent = torch.cat([recent[:, n:], audio[:, done : done + n]], dim=-1)
        heard = recent[:, -(n + head.shape[0] - 1) :] if head.shape[0] > 1 else recent[:, -n:]
        direct = torch.nn.functional.conv1d(heard.unsqueeze(1), head.flip(0).reshape(1, 1, -1)).squeeze(1)
        outputs.append(direct + pending[:, position : position + n])
        done, position = done + n, position + n
        if position == partition:
            position = 0
            if past.shape[1] > 0:
                newest = torch.fft.rfft(recent).unsqueeze(1)
                past = torch.cat([newest, past[:, :-1]], dim=1)
                pending = torch.fft.irfft((past * state.filters).sum(dim=1), 2 * partition)[:, partition:]
    return torch.cat(outputs, dim=-1), ConvolutionState(
        recent, past, pending, torch.tensor(position, dtype=torch.int64), state.filters
    )


def _convolve_long(
    audio: Tensor, impulse_response: Tensor, state: ConvolutionState
) -> tuple[Tensor, ConvolutionState]:
    partition, n_further = state.pending.shape[-1], state.spectra.shape[1]
    position = int(state.position)
    # Past samples: each spectrum is that of a segment and the one before it, the newest first.
    segments = torch.fft.irfft(state.spectra, 2 * partition) if n_further else state.recent[:, None]
    oldest, ends = segments[:, -1, :partition], segments[:, :, partition:].flip(1).flatten(1)
    begun = state.recent[:, 2 * partition - position :] if n_further else state.recent[:, :0]
    known = torch.cat([oldest, ends, begun, audio], dim=-1)
    output = fft_convolve(known, impulse_response)[:, known.shape[-1] - audio.shape[-1] : known.shape[-1]]

    position = (position + audio.shape[-1]) % partition
    spectra, pending = state.spectra, state.pending
    if n_further:
        ended = known[:, : known.shape[-1] - position]
        windows = ended[:, -(n_further + 1) * partition :].unfold(-1, 2 * partition, partition)
        spectra = torch.fft.rfft(windows.flip(1))
        pending = torch.fft.irfft((spectra * state.filters).sum(dim=1), 2 * partition)[:, partition:]
    return output, ConvolutionState(
        known[:, -2 * partition :],
        spectra,
        pending,
        torch.tensor(position, dtype=torch.int64),
        state.filters,
    )
