"""The bank of sines by the C++ library (native/bank.h)."""

import torch
from torch import Tensor

from oscine.kernels import library
from oscine.kernels.choice import chosen
from oscine.kernels.frames import Inputs


def forward(inputs: Inputs) -> Tensor:
    """Return the audio, (batch, frame, hop)."""
    audio = inputs.weights.new_empty(*inputs.weights.shape[:2], inputs.hop_length)
    _run(inputs, backward=False, audio=audio)
    return audio


def backward(inputs: Inputs, grad: Tensor, with_polynomial: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of polynomial, amplitude, weights and previous amplitudes.

    Those of a polynomial that is not wanted and of an amplitude that is not there have no elements.

    Args:
        inputs: The inputs of the bank.
        grad: Gradient of the audio, (batch, frame, hop).
        with_polynomial: Whether the first is wanted.
    """
    weights, amplitude = inputs.weights, inputs.amplitude
    shape = weights.shape
    of_polynomial = torch.empty_like(inputs.polynomial, memory_format=torch.contiguous_format)
    of_amplitude = weights.new_empty(0 if amplitude is None else shape[:2])
    of_weights, of_previous = weights.new_empty(shape), weights.new_zeros(shape[0], shape[2])
    _run(
        inputs,
        backward=True,
        grad_audio=grad.to(weights.dtype).contiguous(),
        grad_polynomial=of_polynomial if with_polynomial else None,
        grad_amplitude=of_amplitude,
        grad_weights=of_weights,
        grad_previous_amplitudes=of_previous,
    )
    return (
        of_polynomial if with_polynomial else of_polynomial.new_empty(0),
        of_amplitude,
        of_weights,
        of_previous,
    )


def _run(inputs: Inputs, backward: bool, **results: Tensor | None) -> None:
    dtype = inputs.weights.dtype
    batch, n_frames, n_partials = inputs.weights.shape
    names = ("frequency_hz", "previous_hz", "amplitude", "weights", "previous_amplitudes")
    given = {name: getattr(inputs, name) for name in names}
    structure = library.fill(
        library.Bank,
        batch=batch,
        n_frames=n_frames,
        hop_length=inputs.hop_length,
        n_partials=n_partials,
        n_sines=inputs.n_sines,
        nyquist=inputs.nyquist,
        polynomial=inputs.polynomial.contiguous(),
        **{name: None if x is None else x.to(dtype).contiguous() for name, x in given.items()},
        **results,
    )
    library.call(chosen(inputs.weights.device), "bank", dtype, structure, backward)
