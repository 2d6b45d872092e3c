"""Oscillators made of sines: multiples of one fundamental, stretched partials, or free sinusoids."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from oscine import kernels
from oscine.functional.curves import normalize_distribution
from oscine.functional.frames import previous_frames, ramp, upsample
from oscine.functional.phase import accumulate_phase, wrap


class OscillatorState(NamedTuple):
    """What an oscillator remembers between two blocks."""

    phase: Float[Tensor, "batch sine"]
    """Phase at the next sample, turns in [0, 1), float64: the fundamental's, or every free partial's."""
    frequency_hz: Float[Tensor, "batch sine"]
    """Frequency at the last frame."""
    amplitudes: Float[Tensor, "batch partial"]
    """Amplitudes at the last frame."""
    offset: Float[Tensor, " batch"]
    """Phase control at the last frame, turns."""
    started: Bool[Tensor, " batch"]
    """False until the first frame, which is held from the start."""


def oscillator_state(
    batch_size: int, n_partials: int, n_sines: int = 1, device: torch.device | str | None = None
) -> OscillatorState:
    """Return the state before the first sample, with every phase at zero."""
    return OscillatorState(
        phase=torch.zeros(batch_size, n_sines, dtype=torch.float64, device=device),
        frequency_hz=torch.zeros(batch_size, n_sines, device=device),
        amplitudes=torch.zeros(batch_size, n_partials, device=device),
        offset=torch.zeros(batch_size, device=device),
        started=torch.zeros(batch_size, dtype=torch.bool, device=device),
    )


def harmonic_amplitudes(
    f0_hz: Float[Tensor, "batch frame"],
    amplitude: Float[Tensor, "batch frame"],
    harmonic_distribution: Float[Tensor, "batch frame partial"],
    sample_rate: int,
    stretch: Float[Tensor, "batch frame"] | None = None,
) -> Float[Tensor, "batch frame partial"]:
    """Return the partials' amplitudes: none from Nyquist up, the others adding up to ``amplitude``.

    Args:
        f0_hz: Fundamental, Hz.
        amplitude: Sum of the partials' amplitudes, linear.
        harmonic_distribution: Non-negative weights of partials 1, 2, ….
        sample_rate: Hz.
        stretch: Inharmonicity coefficient B.
    """
    frequencies_hz = f0_hz.unsqueeze(-1) * partial_ratios(harmonic_distribution, stretch)
    audible = frequencies_hz < sample_rate / 2
    return amplitude.unsqueeze(-1) * normalize_distribution(harmonic_distribution * audible)


def partial_ratios(like: Float[Tensor, "batch frame partial"], stretch: Tensor | None = None) -> Tensor:
    """Return the partials' frequencies over the fundamental: ``k``, or ``k √(1 + B k²)``.

    Args:
        like: Any tensor with one channel per partial.
        stretch: Inharmonicity coefficient B (batch, frame); 0 is harmonic, a piano has 1e-4 to 1e-2.

    Reference: Fletcher, Normal vibration frequencies of a stiff piano string, JASA 36, 1964.
    """
    number = torch.arange(1, like.shape[-1] + 1, dtype=like.dtype, device=like.device)
    return number if stretch is None else number * torch.sqrt(1 + stretch.unsqueeze(-1) * number**2)


def harmonic_oscillator(
    f0_hz: Float[Tensor, "batch frame"],
    amplitude: Float[Tensor, "batch frame"],
    harmonic_distribution: Float[Tensor, "batch frame partial"],
    *,
    sample_rate: int,
    hop_length: int,
    phase: Float[Tensor, "batch frame"] | None = None,
    stretch: Float[Tensor, "batch frame"] | None = None,
) -> Float[Tensor, "batch time"]:
    """Return the audio of a harmonic oscillator from its start.

    ``y[n] = a[n] Σ_k d_k[n] · sin(2π k (φ[n] + p[n]))``, ``φ[n+1] = φ[n] + f0[n] / sample_rate``, with
    partials at or above Nyquist exactly silent and ``d`` normalised over the rest.

    Args:
        f0_hz: Fundamental at the frames' ends, Hz; the first frame is held from the start.
        amplitude: Sum of the partials' amplitudes, linear.
        harmonic_distribution: Non-negative weights of partials 1, 2, ….
        sample_rate: Hz.
        hop_length: Samples per frame.
        phase: Phase added to the fundamental's, turns; a constant is the start phase.
        stretch: Inharmonicity coefficient B: partials at ``k f0 √(1 + B k²)``.

    Returns:
        ``frame · hop_length`` samples.

    Reference: Engel et al., DDSP: Differentiable Digital Signal Processing, ICLR 2020. There the phase is a
        float32 running sum at the sample rate, and the amplitudes are upsampled by overlapping windows.

    Example:
        >>> f0 = torch.full((1, 250), 440.0)
        >>> weights = torch.ones(1, 250, 8)
        >>> harmonic_oscillator(f0, torch.ones(1, 250), weights, sample_rate=16000, hop_length=64).shape
        torch.Size([1, 16000])
    """
    n_partials = harmonic_distribution.shape[-1]
    state = oscillator_state(
        f0_hz.shape[0], n_partials, 1 if stretch is None else n_partials, device=f0_hz.device
    )
    audio, _ = harmonic_oscillator_step(
        f0_hz,
        amplitude,
        harmonic_distribution,
        state,
        sample_rate=sample_rate,
        hop_length=hop_length,
        phase=phase,
        stretch=stretch,
    )
    return audio


def harmonic_oscillator_step(
    f0_hz: Float[Tensor, "batch frame"],
    amplitude: Float[Tensor, "batch frame"],
    harmonic_distribution: Float[Tensor, "batch frame partial"],
    state: OscillatorState,
    *,
    sample_rate: int,
    hop_length: int,
    phase: Float[Tensor, "batch frame"] | None = None,
    stretch: Float[Tensor, "batch frame"] | None = None,
) -> tuple[Float[Tensor, "batch time"], OscillatorState]:
    """Return the next block's audio and state: `harmonic_oscillator` where it left off (same arguments).

    Inside a frame every frequency runs between its two ends, so a partial below Nyquist at both is below it
    everywhere; one that is not is silent in that frame.
    """
    amplitudes = harmonic_amplitudes(f0_hz, amplitude, harmonic_distribution, sample_rate, stretch)
    offset = torch.zeros_like(f0_hz) if phase is None else phase
    before = previous_frames(offset, state.offset, state.started)
    if stretch is not None:
        number = partial_ratios(harmonic_distribution)
        frequencies_hz = f0_hz.unsqueeze(-1) * partial_ratios(harmonic_distribution, stretch)
        turns = None if phase is None else upsample(offset, hop_length, before).unsqueeze(-1) * number
        audio, after = _free_sines(frequencies_hz, amplitudes, state, sample_rate, hop_length, turns)
        return audio, after._replace(offset=offset[:, -1])

    previous_hz = previous_frames(f0_hz, state.frequency_hz[:, 0], state.started)
    turns, end = accumulate_phase(f0_hz, previous_hz, state.phase[:, 0], sample_rate, hop_length)
    if phase is not None:
        shift = upsample(offset.to(torch.float64), hop_length, before.to(torch.float64))
        turns = wrap(turns + shift.reshape(turns.shape))
    highest_hz = torch.maximum(f0_hz, previous_hz).unsqueeze(-1) * partial_ratios(amplitudes)
    audible = highest_hz < sample_rate / 2
    previous = previous_frames(amplitudes, state.amplitudes, state.started)
    audio = kernels.harmonic_sum(turns, previous * audible, amplitudes * audible).flatten(1)
    return audio, OscillatorState(
        phase=end.unsqueeze(-1),
        frequency_hz=f0_hz[:, -1:],
        amplitudes=amplitudes[:, -1],
        offset=offset[:, -1],
        started=torch.ones_like(state.started),
    )


def sinusoidal_oscillator(
    frequencies_hz: Float[Tensor, "batch frame sine"],
    amplitudes: Float[Tensor, "batch frame sine"],
    *,
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch time"]:
    """Return the audio of free sinusoids from their start, ``y[n] = Σ_j a_j[n] · sin(2π φ_j[n])``.

    A sinusoid at or above Nyquist at either end of a frame is exactly silent in it.
    Memory grows with time × sine.

    Args:
        frequencies_hz: Frequencies at the frames' ends, Hz; the first frame is held from the start.
        amplitudes: Amplitudes at the frames' ends, linear.
        sample_rate: Hz.
        hop_length: Samples per frame.
    """
    n_sines = amplitudes.shape[-1]
    state = oscillator_state(amplitudes.shape[0], n_sines, n_sines, device=amplitudes.device)
    return sinusoidal_oscillator_step(
        frequencies_hz, amplitudes, state, sample_rate=sample_rate, hop_length=hop_length
    )[0]


def sinusoidal_oscillator_step(
    frequencies_hz: Float[Tensor, "batch frame sine"],
    amplitudes: Float[Tensor, "batch frame sine"],
    state: OscillatorState,
    *,
    sample_rate: int,
    hop_length: int,
) -> tuple[Float[Tensor, "batch time"], OscillatorState]:
    """Return the next block's audio and state: `sinusoidal_oscillator` where it left off (same arguments)."""
    return _free_sines(frequencies_hz, amplitudes, state, sample_rate, hop_length)


def _free_sines(
    frequencies_hz: Tensor,
    amplitudes: Tensor,
    state: OscillatorState,
    sample_rate: int,
    hop_length: int,
    offset: Tensor | None = None,
) -> tuple[Tensor, OscillatorState]:
    previous_hz = previous_frames(frequencies_hz, state.frequency_hz, state.started)
    turns, end = accumulate_phase(frequencies_hz, previous_hz, state.phase, sample_rate, hop_length)
    if offset is not None:
        turns = wrap(turns + offset.reshape(turns.shape))
    audible = torch.maximum(frequencies_hz, previous_hz) < sample_rate / 2
    start = previous_frames(amplitudes, state.amplitudes, state.started) * audible
    blended = start.unsqueeze(2) + ramp(hop_length, start).unsqueeze(-1) * (
        amplitudes * audible - start
    ).unsqueeze(2)
    sines = torch.sin(2 * math.pi * turns.to(amplitudes.dtype))
    return (sines * blended).sum(dim=-1).flatten(1), OscillatorState(
        phase=end,
        frequency_hz=frequencies_hz[:, -1],
        amplitudes=amplitudes[:, -1],
        offset=state.offset,
        started=torch.ones_like(state.started),
    )
