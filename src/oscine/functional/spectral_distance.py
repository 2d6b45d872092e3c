"""The multi-scale spectral distance: one analytic function, its gradient worked out by hand.

With S = |X| of the target and Ŝ = |X̂| of the prediction, both parts of the distance at one scale,

    mean |S − Ŝ|    and    mean |log(S + e) − log(Ŝ + e)| = mean |log((Ŝ + e) / (S + e))|,

fall and rise together (the logarithm is monotonic), so one sign serves both and

    ∂L/∂Ŝ = sign(Ŝ − S) · (w + α / (Ŝ + e)) / n,        ∂L/∂X̂ = ∂L/∂Ŝ · X̂ / Ŝ.

The way back to samples is the adjoint of the windowed real FFT: an inverse real FFT in which the bins that
stand for a conjugate pair count half, then window and overlap-add. As the result is one number, the
gradient can be finished while the spectra are still in the cache: the forward pass walks through the frames
in pieces of about a megabyte and keeps nothing but a gradient of the audio's own size. That, and not the
arithmetic, is where the time goes: a tensor of all frames is 24 times the audio, and merely touching its
fresh pages costs more than the FFT.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.errors import InputError
from oscine.functional.checks import comparable_sounds
from oscine.functional.stft import frame, hop_from_overlap, overlap_add_
from oscine.kernels import spectra

# Samples of framed signal per piece: few enough for a cache, many enough that preparing a transform is rare.
_PIECE_CPU = 1 << 18
_PIECE_ACCELERATOR = 1 << 25


def multi_scale_spectral_distance(
    audio: Float[Tensor, "*batch time"],
    target: Float[Tensor, "..."],
    *,
    windows: Sequence[Float[Tensor, " _"]],
    overlap: float = 0.75,
    linear_weight: float = 1.0,
    log_weight: float = 1.0,
    floor_db: float = -100.0,
) -> Float[Tensor, ""]:
    """Return ``Σ_i [w · mean|S_i − Ŝ_i| + α · mean|log(S_i + e_i) − log(Ŝ_i + e_i)|]`` over the scales i.

    S_i and Ŝ_i are the magnitudes of un-normalised STFTs of target and audio
    (`oscine.functional.stft`: frames centred on multiples of the hop, zeros outside, so the edges
    count). The mean is over batch, frames and bins.

    ``e_i = 10^(floor_db / 20) · sum(window_i) / 2`` is what a sine of level ``floor_db`` reads at its bin:
    silence and anything far below that level are the same to the logarithm, whatever the scale.

    Args:
        audio: The prediction; the gradient goes to it.
        target: The truth, of the same shape; no gradient.
        windows: One window per scale; its length is the FFT size.
        overlap: Share of a window that two neighbours have in common.
        linear_weight: w.
        log_weight: α.
        floor_db: Level, in dB of a full-scale sine, at which the logarithm levels off.

    Returns:
        The distance: a scalar, in float32 unless both are float64.

    Raises:
        InputError: When the shapes differ, there is no sample, no window, or the target requires a gradient.
        RuntimeError: When a second derivative is asked for.

    Reference:
        Engel, Hantrakul, Gu, Roberts: DDSP: Differentiable Digital Signal Processing, 2020. Ours differs in
        ``e``: the public code's ``log`` is unguarded against near-silence.
    """
    audio, target = (x.reshape(-1, x.shape[-1]) for x in comparable_sounds(audio, target))
    if not windows:
        raise InputError("There is no FFT size; give at least one.")
    if target.requires_grad:
        raise InputError("target requires a gradient, but only audio receives one; pass target.detach().")
    if not torch.is_grad_enabled():
        audio = audio.detach()
    scales = tuple(
        (window.to(audio).contiguous(), hop_from_overlap(len(window), overlap)) for window in windows
    )
    return _Distance.apply(audio, target, scales, linear_weight, log_weight, 10.0 ** (floor_db / 20.0))


class _Distance(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        audio: Tensor,
        target: Tensor,
        scales: tuple[tuple[Tensor, int], ...],
        linear_weight: float,
        log_weight: float,
        floor: float,
    ) -> Tensor:
        n_items, n_samples = audio.shape
        side = max((len(window) + 1) // 2 for window, _ in scales)
        both = audio.new_zeros(2, n_items, n_samples + 2 * side)
        both[0, :, side:-side] = audio
        both[1, :, side:-side] = target
        # The last frame's last pass of overlap-add may reach past the window's end by less than a hop.
        room = both.shape[-1] + max(hop for _, hop in scales)
        gradient = audio.new_zeros(n_items, room) if ctx.needs_input_grad[0] else None

        piece = spectra.spectral_piece if spectra.compiled(audio) else _piece
        total = audio.new_zeros((), dtype=torch.float64)
        for window, hop in scales:
            n_fft = len(window)
            first = side - n_fft // 2
            n_frames = 1 + n_samples // hop
            epsilon = floor * float(window.sum()) / 2.0
            n = n_items * n_frames * (n_fft // 2 + 1)
            weights = (linear_weight / n, log_weight / n, epsilon)
            for items, frames in _pieces(n_items, n_frames, n_fft, audio.device.type):
                start = first + frames.start * hop
                n_piece = frames.stop - frames.start
                signal = both[:, items, start : start + (n_piece - 1) * hop + n_fft]
                into = None if gradient is None else gradient[items, start:]
                total += piece(signal, window, hop, weights, into)
        if gradient is not None:
            ctx.save_for_backward(gradient[:, side : side + n_samples])
        return total.to(audio.dtype)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            # Autograd would take the stored gradient for a constant, and the second derivative for zero.
            raise RuntimeError(
                "The multi-scale spectral distance has no second derivative; leave create_graph out."
            )
        (gradient,) = ctx.saved_tensors
        return gradient * grad_outputs[0], None, None, None, None, None


def _piece(
    signal: Tensor, window: Tensor, hop: int, weights: tuple[float, float, float], gradient: Tensor | None
) -> Tensor:
    """Return this piece's share of the distance, and add its gradient's to ``gradient``."""
    n_fft = len(window)
    spectrum = torch.fft.rfft(frame(signal, n_fft, hop) * window)
    value, slope = _compare(spectrum, weights, gradient is not None)
    if gradient is not None and slope is not None:
        # A bin between DC and Nyquist appears twice in the inverse, once itself and once conjugated.
        slope[..., 0] *= 2.0
        if n_fft % 2 == 0:
            slope[..., -1] *= 2.0
        back = torch.fft.irfft(spectrum[0].mul_(slope), n=n_fft, norm="forward")
        overlap_add_(gradient, back, window, hop)
    return value


def _compare(
    spectrum: Tensor, weights: tuple[float, float, float], with_slope: bool
) -> tuple[Tensor, Tensor | None]:
    """Return this piece's share of the distance, and half of ``∂L/∂Ŝ / Ŝ``: (item, frame, bin)."""
    linear, log, epsilon = weights
    real, imaginary = spectrum.real, spectrum.imag
    # Not abs(): the hypot behind it guards against overflow that audio does not have, at four times the cost.
    magnitude = (real * real).addcmul_(imaginary, imaginary).sqrt_()
    predicted, true = magnitude[0], magnitude[1]
    difference = predicted - true
    sign = difference.sign() if with_slope else None
    value = difference.abs_().sum() * linear
    raised = predicted + epsilon
    # The difference is not needed any more: its memory takes the ratio.
    value += torch.div(raised, true.add_(epsilon), out=difference).log_().abs_().sum() * log
    if sign is None:
        return value, None
    slope = raised.reciprocal_().mul_(0.5 * log).add_(0.5 * linear).mul_(sign)
    # Where the prediction is exactly zero its direction is undefined; the spectrum multiplied by this is zero
    # there. The least divisor keeps the slope finite.
    return value, slope.div_(predicted.clamp_min_(1e-30))


def _pieces(n_items: int, n_frames: int, n_fft: int, device: str) -> list[tuple[slice, slice]]:
    """Return (items, frames) slices that together cover every frame once, each about one cache full."""
    room = max(1, (_PIECE_CPU if device == "cpu" else _PIECE_ACCELERATOR) // n_fft)
    if n_frames <= room:
        step = room // n_frames
        return [(slice(i, min(i + step, n_items)), slice(0, n_frames)) for i in range(0, n_items, step)]
    # Equal pieces: a short last one would cost as many calls as a full one.
    step = -(-n_frames // -(-n_frames // room))
    return [
        (slice(i, i + 1), slice(f, min(f + step, n_frames)))
        for i in range(n_items)
        for f in range(0, n_frames, step)
    ]
