"""The bank of sines on a GPU: fused Triton kernels, one forward and two backward, nothing of time × harmonic.

Harmonics k of one phase φ are written k = W·j ± c, W = 2 C − 1, with offsets c = 0 … C − 1 around
centres W·j:

    Σ_k a_k sin kφ = Σ_c cos cφ · Σ_j (a_{Wj+c} + a_{Wj−c}) sin Wjφ
                   + Σ_c sin cφ · Σ_j (a_{Wj+c} − a_{Wj−c}) cos Wjφ

A program has a chunk of a frame's samples, as a tile of samples × offsets in registers. It walks along
the centres, turning (sin Wjφ, cos Wjφ) on by Wφ, and sets out again from the exact integer phase every
16 steps, so that errors don't grow with k. The amplitudes of both ends are blended per sample; a row's
sum, which normalises them, is computed wherever it is needed. The walk ends with the last harmonic
below Nyquist.

The backward pass turns g·sin Wjφ and g·cos Wjφ on, g being the audio's gradient. Against cos cφ and sin
cφ, their sums over the samples are the gradients of both ends' amplitudes; with k·a_k, their sum over
the harmonics is the slope of the phase, of which the polynomial needs three moments. A row of
amplitudes ends one frame and starts the next: the frames write both parts, and a second kernel adds
them and goes back through the normalisation.

Partials with phases of their own share no sines: that is one polynomial each, of a phase in 64-bit
integers.

An estimate that has NOT been measured, for batch 16, 1000 frames, hop 64 and 100 harmonics that all
sound (1.0e8 sines). Of the code that Triton 3.7.1 compiles for sm_90, a harmonic's sample takes about
11 instructions forward and 20 backward, 3.2e9 in all. An H200 issues 132 · 128 · 1.7e9 = 2.9e13 a
second: that is 0.11 ms at full rate, and 0.2 ms at 56% of it. The memory traffic (weights, audio, their
gradients, and the rows' two parts, written and read) is 60 MB, 0.01 ms at 4.8 TB/s. No register is
spilled: 109 forward, 148 backward.

Arithmetic is float32, with the phase in integers. Weights in float64 go to `tiled`: most GPUs are slow
there.
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
    """Return whether the kernels take tensors of a kind of device: in the interpreter, the CPU's too."""
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
        inputs: The inputs of the bank.
        grad: Gradient of the audio, (batch, frame, hop).
        with_polynomial: Whether the first is wanted.
    """
    polynomial, amplitude, weights = inputs.polynomial, inputs.amplitude, inputs.weights
    if _left_to_torch(inputs):
        return tiled.backward(inputs, grad, with_polynomial)
    call = _Call(inputs)
    grad = grad.to(torch.float32).contiguous()
    ends = grad.new_empty(call.n_chunks, *weights.shape[:2], 2, inputs.n_partials)
    shape = polynomial.shape if with_polynomial else (0,)
    moments = polynomial.new_empty(call.n_chunks, *shape, dtype=torch.float64)
    name = "grad_harmonics" if inputs.n_sines == 1 else "grad_partials"
    call.launch(name, grad, ends, moments, whole=with_polynomial)
    of_amplitude = weights.new_empty(0) if amplitude is None else grad.new_empty(amplitude.shape)
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
