"""The bank of sines on a GPU: fused Triton kernels, one forward and two backward, with no (time × harmonic) anywhere.

Harmonics k of one phase φ are written k = W·j ± c, W = 2 C − 1, with offsets c = 0 … C − 1 around centres W·j:

    Σ_k a_k sin kφ = Σ_c cos cφ · Σ_j (a_{Wj+c} + a_{Wj−c}) sin Wjφ  +  sin cφ · Σ_j (a_{Wj+c} − a_{Wj−c}) cos Wjφ

A program has a chunk of a frame's samples as a tile of samples × offsets in registers, walks along the centres by
turning (sin Wjφ, cos Wjφ) on by Wφ, and starts the walk again from the exact integer phase every 16 steps, so that
errors don't grow with k. The amplitudes of both ends are blended per sample; a row's sum, which normalises them, is
computed where it is needed. Frames stop at their last partial below Nyquist.

The backward pass turns g·sin Wjφ and g·cos Wjφ, g the audio's gradient, along the same way: summed over the samples,
against cos cφ and sin cφ, they are the gradients of the amplitudes at both ends; summed over harmonics, with k·a_k,
the slope of the phase, of which the polynomial needs three moments. A row of amplitudes ends one frame and starts
the next, so the frames write both parts, and a second kernel adds them and goes back through the normalisation.

Partials with phases of their own share no sines: those are one polynomial each, of a phase in 64-bit integers.

Estimate, NOT measured. For batch 16, 1000 frames, hop 64 and 100 harmonics (1.0e8 sines): a sample and harmonic
takes about {FORWARD} instructions forward and {BACKWARD} backward, counted in the compiled code (sm_90), 1.{}e9 in all. An H200 issues
132 · 128 lanes · 1.7 GHz = 2.9e13 a second, hence 0.0x ms at full rate, 0.1x ms at half. The memory traffic,
weights and audio and their gradients and 2 × 6.4 MB for the rows' parts, twice, is 45 MB or 0.01 ms at 4.8 TB/s.

Arithmetic is float32, with the phase in integers; weights in float64 go to `tiled`, since most GPUs are slow there.
"""

import importlib.util
import os
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from oscine.kernels import tiled
from oscine.kernels.frames import Inputs

_SAMPLES = 64  # of a chunk, at most: two for each lane of a warp
_OFFSETS = 4  # C
_STEPS = 16  # centres from one exact phase to the next
_BLOCK = 128  # weights that are summed at a time


def available() -> bool:
    """Return whether there is Triton, and a GPU or Triton's interpreter to run it."""
    return _installed() and (_interpreted() or torch.cuda.is_available())


def runs_on(kind: str) -> bool:
    """Return whether the kernels take tensors of a kind of device; in the interpreter also those of the CPU."""
    return kind == "cuda" or (kind == "cpu" and _interpreted())


def forward(inputs: Inputs) -> Tensor:
    """Return the audio, (batch, frame, hop), in the precision of the weights."""
    if _left_to_torch(inputs):
        return tiled.forward(inputs)
    call = _Call(inputs)
    audio = inputs.weights.new_empty(*inputs.weights.shape[:2], inputs.hop_length, dtype=torch.float32)
    call.launch("harmonics" if inputs.n_sines == 1 else "partials", audio)
    return audio.to(inputs.weights.dtype)


def backward(inputs: Inputs, grad: Tensor, with_polynomial: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of polynomial, amplitude, weights and previous amplitudes.

    Those of a polynomial that is not wanted and of an amplitude that is not there have no elements.

    Args:
        inputs: What the bank was given.
        grad: Gradient of the audio, (batch, frame, hop).
        with_polynomial: Whether the first is wanted.
    """
    polynomial, amplitude, weights = inputs.polynomial, inputs.amplitude, inputs.weights
    nothing = weights.new_empty(0)
    if _left_to_torch(inputs):
        turns, start, end = tiled.backward(inputs, grad, with_polynomial)
        of_amplitude, of_weights, of_previous = inputs.grad_ends(start, end)
        return (
            polynomial.new_empty(0) if turns is None else turns,
            nothing if of_amplitude is None else of_amplitude,
            of_weights,
            of_previous.contiguous(),
        )
    call = _Call(inputs)
    grad = grad.to(torch.float32).contiguous()
    ends = grad.new_empty(call.n_chunks, *weights.shape[:2], 2, inputs.n_partials)
    shape = polynomial.shape if with_polynomial else (0,)
    moments = polynomial.new_empty(call.n_chunks, *shape, dtype=torch.float64)
    name = "grad_harmonics" if inputs.n_sines == 1 else "grad_partials"
    call.launch(name, grad, ends, moments, whole=with_polynomial)
    of_amplitude = nothing if amplitude is None else grad.new_empty(amplitude.shape)
    of_weights, of_previous = grad.new_empty(weights.shape), grad.new_empty(inputs.previous_amplitudes.shape)
    call.launch_rows(ends, of_amplitude, of_weights, of_previous)
    of_polynomial = moments[0] if call.n_chunks == 1 else moments.sum(dim=0)
    return (
        of_polynomial.to(polynomial.dtype),
        of_amplitude if amplitude is None else of_amplitude.to(amplitude.dtype),
        of_weights.to(weights.dtype),
        of_previous.to(inputs.previous_amplitudes.dtype),
    )


class _Call:
    """The inputs as the kernels read them, and the sizes of tiles and grid."""

    def __init__(self, inputs: Inputs) -> None:
        batch, n_frames, n_partials = inputs.weights.shape
        # Without an amplitude the argument is never read, but it must be a tensor.
        names = ("frequency_hz", "previous_hz", "amplitude", "weights", "previous_amplitudes")
        given = [getattr(inputs, name) for name in names]
        given[2] = inputs.weights if inputs.amplitude is None else inputs.amplitude
        self.polynomial = inputs.polynomial.to(torch.float64).contiguous()
        self.tensors = [x.to(torch.float32).contiguous() for x in given]
        self.sizes = (n_frames, inputs.hop_length, n_partials, inputs.nyquist)
        self.n_sines = inputs.n_sines
        self.n_rows = batch * n_frames
        self.samples = min(_SAMPLES, max(16, _power_of_two(inputs.hop_length)))
        self.n_chunks = -(-inputs.hop_length // self.samples)
        self.normalise = inputs.amplitude is not None

    def launch(self, name: str, *outputs: Tensor, **options: Any) -> None:
        """Run a kernel on every chunk of every row."""
        if self.n_sines == 1:
            options["run"] = _STEPS
        with torch.cuda.device_of(self.polynomial):
            getattr(_kernels(), name)[(self.n_rows, self.n_chunks)](
                self.polynomial, *self.tensors, *outputs, *self.sizes, **options,
                normalise=self.normalise, samples=self.samples, offsets=_OFFSETS, block=_BLOCK, num_warps=1,
            )  # fmt: skip

    def launch_rows(self, ends: Tensor, *outputs: Tensor) -> None:
        """Run the kernel that goes from the gradients of the ends to those of the rows."""
        n_frames, _, n_partials, nyquist = self.sizes
        block = _power_of_two(n_partials)
        with torch.cuda.device_of(ends):
            _kernels().grad_rows[(self.n_rows,)](
                *self.tensors[:4], ends, *outputs,
                n_frames, self.n_sines, n_partials, self.n_chunks, nyquist,
                normalise=self.normalise, free=self.n_sines > 1, block=block,
                num_warps=min(16, max(1, block // 128)),
            )  # fmt: skip


@cache
def _installed() -> bool:
    return importlib.util.find_spec("triton") is not None


def _interpreted() -> bool:
    return os.environ.get("TRITON_INTERPRET") == "1"


def _left_to_torch(inputs: Inputs) -> bool:
    return inputs.weights.dtype == torch.float64 or inputs.weights.numel() * inputs.hop_length == 0


def _power_of_two(n: int) -> int:
    return 1 << (n - 1).bit_length()


@cache
def _kernels() -> ModuleType:
    """Return the kernels; Triton is imported with the first of them."""
    from oscine.kernels import triton_kernels

    return triton_kernels
