"""Oscillators made of sines: multiples of one fundamental, inharmonic partials, or free sinusoids."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from oscine import kernels
from oscine.functional.activations import normalize_distribution
from oscine.functional.checks import require_batch, require_state, require_whole
from oscine.functional.frames import previous_frames
from oscine.functional.phase import phase_polynomial


class OscillatorState(NamedTuple):
    """The state of an oscillator between two blocks."""

    phase: Float[Tensor, "batch sine"]
    """Phase at the next sample, turns in [0, 1), float64: the fundamental's, or every free partial's."""
    frequency_hz: Float[Tensor, "batch sine"]
    """Frequency at the last frame."""
    amplitudes: Float[Tensor, "batch partial"]
    """Amplitudes at the last frame."""
    offset: Float[Tensor, "batch *sine"]
    """Phase control at the last frame, turns: one, or where free sinusoids have phases, one for each."""
    started: Bool[Tensor, " batch"]
    """False until the first frame, which is held from the start."""


def oscillator_state(
    batch_size: int,
    n_partials: int,
    n_sines: int = 1,
    device: torch.device | str | None = None,
    *,
    phased: bool = False,
) -> OscillatorState:
    """Return the state before the first sample, with every phase at zero.

    Args:
        batch_size: Items.
        n_partials: Partials of each.
        n_sines: Phases of each: 1 for harmonics, as many as partials where each has its own.
        device: Where the state is.
        phased: For `sinusoidal_oscillator_step` with ``phases``.
    """
    return OscillatorState(
        phase=torch.zeros(batch_size, n_sines, dtype=torch.float64, device=device),
        frequency_hz=torch.zeros(batch_size, n_sines, device=device),
        amplitudes=torch.zeros(batch_size, n_partials, device=device),
        offset=torch.zeros(batch_size, *([n_sines] if phased else []), device=device),
        started=torch.zeros(batch_size, dtype=torch.bool, device=device),
    )


def harmonic_amplitudes(
    f0_hz: Float[Tensor, "batch frame"],
    amplitude: Float[Tensor, "batch frame"],
    harmonic_distribution: Float[Tensor, "batch frame partial"],
    sample_rate: int,
    inharmonicity: Float[Tensor, "batch frame"] | None = None,
) -> Float[Tensor, "batch frame partial"]:
    """Return the partials' amplitudes: none from Nyquist up, the others adding up to ``amplitude``.

    Args:
        f0_hz: Fundamental, Hz.
        amplitude: Sum of the partials' amplitudes, linear.
        harmonic_distribution: Non-negative weights of partials 1, 2, ….
        sample_rate: Hz.
        inharmonicity: Inharmonicity coefficient B.
    """
    frequencies_hz = _partials_hz(f0_hz, harmonic_distribution, inharmonicity)
    audible = frequencies_hz < sample_rate / 2
    return amplitude.unsqueeze(-1) * normalize_distribution(harmonic_distribution * audible)


def partial_ratios(like: Float[Tensor, "batch frame partial"], inharmonicity: Tensor | None = None) -> Tensor:
    """Return the partials' frequencies over the fundamental: ``k``, or ``k √(1 + B k²)``.

    Args:
        like: Any tensor with one channel per partial.
        inharmonicity: Inharmonicity coefficient B (batch, frame); 0 is harmonic, a piano has 1e-4 to 1e-2.

    Reference: Fletcher, Normal vibration frequencies of a stiff piano string, JASA 36, 1964.
    """
    number = torch.arange(1, like.shape[-1] + 1, dtype=like.dtype, device=like.device)
    return (
        number if inharmonicity is None else number * torch.sqrt(1 + inharmonicity.unsqueeze(-1) * number**2)
    )


def _partials_hz(f0_hz: Tensor, like: Tensor, inharmonicity: Tensor | None) -> Tensor:
    """Return the partials' frequencies, of a stiff string computed in float64 and then rounded.

    So every machine, and the compiled form, rounds to the same number: a difference would add up over the
    phase.
    """
    if inharmonicity is None:
        return f0_hz.unsqueeze(-1) * partial_ratios(like)
    ratios = partial_ratios(like[:1, :1].double(), inharmonicity.double())
    return (f0_hz.double().unsqueeze(-1) * ratios).to(f0_hz.dtype)


def harmonic_oscillator(
    f0_hz: Float[Tensor, "batch frame"],
    amplitude: Float[Tensor, "batch frame"],
    harmonic_distribution: Float[Tensor, "batch frame partial"],
    *,
    sample_rate: int,
    hop_length: int,
    phase: Float[Tensor, "batch frame"] | None = None,
    inharmonicity: Float[Tensor, "batch frame"] | None = None,
) -> Float[Tensor, "batch time"]:
    """Return the audio of a harmonic oscillator from its start.

    ``y[n] = a[n] Σ_k d_k[n] · sin(2π k (φ[n] + p[n]))``, ``φ[n+1] = φ[n] + f0[n] / sample_rate``, with
    partials at or above Nyquist exactly silent and ``d`` normalised over the rest.

    Args:
        f0_hz: Fundamental at the frames' ends, Hz; the first frame is held from the start. At 0 the phase
            stands still; what is negative counts as 0.
        amplitude: Sum of the partials' amplitudes, linear.
        harmonic_distribution: Non-negative weights of partials 1, 2, ….
        sample_rate: Hz.
        hop_length: Samples per frame.
        phase: Phase added to the fundamental's, turns; a constant is the start phase.
        inharmonicity: Inharmonicity coefficient B: partials at ``k f0 √(1 + B k²)``.

    Returns:
        ``frame · hop_length`` samples.

    Raises:
        ValueError: When the arguments have other axes, batches or frames, or there are none of them; when
            rate or hop are not whole numbers of at least 1.

    Reference: Engel et al., DDSP: Differentiable Digital Signal Processing, ICLR 2020. There the phase is a
        float32 running sum at the sample rate, and the amplitudes are upsampled by overlapping windows.

    Examples:
        >>> f0 = torch.full((1, 250), 440.0)
        >>> weights = torch.ones(1, 250, 8)
        >>> harmonic_oscillator(f0, torch.ones(1, 250), weights, sample_rate=16000, hop_length=64).shape
        torch.Size([1, 16000])
    """
    _check(f0_hz, amplitude, harmonic_distribution, phase, inharmonicity, sample_rate, hop_length)
    n_partials = harmonic_distribution.shape[-1]
    state = oscillator_state(
        f0_hz.shape[0], n_partials, 1 if inharmonicity is None else n_partials, device=f0_hz.device
    )
    audio, _ = harmonic_oscillator_step(
        f0_hz,
        amplitude,
        harmonic_distribution,
        state,
        sample_rate=sample_rate,
        hop_length=hop_length,
        phase=phase,
        inharmonicity=inharmonicity,
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
    inharmonicity: Float[Tensor, "batch frame"] | None = None,
) -> tuple[Float[Tensor, "batch time"], OscillatorState]:
    """Return the next block's audio and state: `harmonic_oscillator` where it left off (same arguments).

    Inside a frame every frequency runs between its two ends, so a partial below Nyquist at both is below it
    everywhere; one that is not is silent in that frame.

    Raises:
        ValueError: See `harmonic_oscillator`; and when the state is of another batch or number of partials.
    """
    _check(f0_hz, amplitude, harmonic_distribution, phase, inharmonicity, sample_rate, hop_length)
    n_partials = harmonic_distribution.shape[-1]
    _check_state(state, f0_hz.shape[0], n_partials, 1 if inharmonicity is None else n_partials)
    f0_hz = f0_hz.clamp(min=0.0)
    frequencies_hz = f0_hz.unsqueeze(-1)
    if inharmonicity is not None:
        frequencies_hz = _partials_hz(f0_hz, harmonic_distribution, inharmonicity)
    offset, turns = None, None
    if phase is not None:
        offset = torch.stack([previous_frames(phase, state.offset, state.started), phase], dim=-1).unsqueeze(
            2
        )
        # A partial with a phase of its own takes the fundamental's offset as often as it is its multiple.
        turns = (
            offset if inharmonicity is None else offset * partial_ratios(harmonic_distribution).unsqueeze(-1)
        )
    # The first frame and the last: what the first is held from, and what the next block starts with.
    edges = slice(None, None, max(1, f0_hz.shape[1] - 1))
    rows = harmonic_amplitudes(
        f0_hz[:, edges],
        amplitude[:, edges],
        harmonic_distribution[:, edges],
        sample_rate,
        None if inharmonicity is None else inharmonicity[:, edges],
    )
    audio, after = _bank_step(
        frequencies_hz, amplitude, harmonic_distribution, rows, state, sample_rate, hop_length, turns
    )
    return audio, after if phase is None else after._replace(offset=phase[:, -1])


def sinusoidal_oscillator(
    frequencies_hz: Float[Tensor, "batch frame sine"],
    amplitudes: Float[Tensor, "batch frame sine"],
    *,
    sample_rate: int,
    hop_length: int,
    phases: Float[Tensor, "batch frame sine"] | None = None,
) -> Float[Tensor, "batch time"]:
    """Return the audio of free sinusoids from their start, ``y[n] = Σ_j a_j[n] · sin(2π (φ_j[n] + p_j[n]))``.

    A sinusoid at or above Nyquist at either end of a frame is exactly silent in it.

    Args:
        frequencies_hz: Frequencies at the frames' ends, Hz; the first frame is held from the start. What is
            negative counts as 0.
        amplitudes: Amplitudes at the frames' ends, linear.
        sample_rate: Hz.
        hop_length: Samples per frame.
        phases: Phases added to those of the frequencies, at the frames' ends, turns.

    Raises:
        ValueError: When the arguments have other axes, batches or frames, or there are none of them; when
            rate or hop are not whole numbers of at least 1.
    """
    _check_sines(frequencies_hz, amplitudes, sample_rate, hop_length)
    n_sines = amplitudes.shape[-1]
    phased = phases is not None
    state = oscillator_state(amplitudes.shape[0], n_sines, n_sines, amplitudes.device, phased=phased)
    rates = {"sample_rate": sample_rate, "hop_length": hop_length}
    return sinusoidal_oscillator_step(frequencies_hz, amplitudes, state, **rates, phases=phases)[0]


def sinusoidal_oscillator_step(
    frequencies_hz: Float[Tensor, "batch frame sine"],
    amplitudes: Float[Tensor, "batch frame sine"],
    state: OscillatorState,
    *,
    sample_rate: int,
    hop_length: int,
    phases: Float[Tensor, "batch frame sine"] | None = None,
) -> tuple[Float[Tensor, "batch time"], OscillatorState]:
    """Return the next block's audio and state: `sinusoidal_oscillator` where it left off (same arguments).

    Raises:
        ValueError: See `sinusoidal_oscillator`; and when the state is of another batch or number of sines.
    """
    _check_sines(frequencies_hz, amplitudes, sample_rate, hop_length)
    _check_state(state, amplitudes.shape[0], amplitudes.shape[-1], amplitudes.shape[-1])
    frequencies_hz = frequencies_hz.clamp(min=0.0)
    offset = None
    if phases is not None:
        if phases.shape != frequencies_hz.shape:
            raise ValueError(
                f"phases is {tuple(phases.shape)} and frequencies_hz {tuple(frequencies_hz.shape)}; give one "
                "phase for each frequency."
            )
        offset = torch.stack([previous_frames(phases, state.offset, state.started), phases], dim=-1)
    audio, after = _bank_step(
        frequencies_hz, None, amplitudes, amplitudes, state, sample_rate, hop_length, offset
    )
    return audio, after if phases is None else after._replace(offset=phases[:, -1])


def _check(
    f0_hz: Tensor,
    amplitude: Tensor,
    harmonic_distribution: Tensor,
    phase: Tensor | None,
    inharmonicity: Tensor | None,
    sample_rate: int | float,
    hop_length: int | float,
) -> None:
    like = ("f0_hz", f0_hz)
    require_batch(*like, "batch frame")
    require_batch("amplitude", amplitude, "batch frame", like)
    require_batch("harmonic_distribution", harmonic_distribution, "batch frame partial", like)
    for name, value in (("phase", phase), ("inharmonicity", inharmonicity)):
        if value is not None:
            require_batch(name, value, "batch frame", like)
    require_whole(sample_rate=sample_rate, hop_length=hop_length)


def _check_sines(frequencies_hz: Tensor, amplitudes: Tensor, sample_rate: int, hop_length: int) -> None:
    require_batch("frequencies_hz", frequencies_hz, "batch frame sine")
    require_batch("amplitudes", amplitudes, "batch frame sine", ("frequencies_hz", frequencies_hz))
    if amplitudes.shape != frequencies_hz.shape:
        raise ValueError(
            f"frequencies_hz is {tuple(frequencies_hz.shape)} and amplitudes {tuple(amplitudes.shape)}; give "
            "one amplitude for each frequency."
        )
    require_whole(sample_rate=sample_rate, hop_length=hop_length)


def _check_state(state: OscillatorState, batch_size: int, n_partials: int, n_sines: int) -> None:
    require_state(
        "oscillator_state",
        phase=(state.phase, (batch_size, n_sines)),
        amplitudes=(state.amplitudes, (batch_size, n_partials)),
    )


def _bank_step(
    frequencies_hz: Tensor,
    amplitude: Tensor | None,
    weights: Tensor,
    edges: Tensor,
    state: OscillatorState,
    sample_rate: int,
    hop_length: int,
    offset: Tensor | None = None,
) -> tuple[Tensor, OscillatorState]:
    """Return the audio of `oscine.kernels.harmonic_bank`, and the state.

    Args:
        frequencies_hz: Of the fundamental, one channel, or of each partial (batch, frame, sine).
        amplitude: Sum of the partials' amplitudes; None when the weights are the amplitudes.
        weights: See `harmonic_bank`.
        edges: The partials' amplitudes, of which only the first frame's and the last's are needed.
        state: Before the block.
        sample_rate: Hz.
        hop_length: Samples per frame.
        offset: Turns added to the phase at each frame's start and end (batch, frame, sine, 2).
    """
    previous_hz = previous_frames(frequencies_hz, state.frequency_hz, state.started)
    polynomial, end = phase_polynomial(frequencies_hz, previous_hz, state.phase, sample_rate, hop_length)
    if offset is not None:
        before, now = offset.to(torch.float64).unbind(-1)
        line = torch.stack([before, (now - before) / hop_length, torch.zeros_like(now)], dim=-1)
        polynomial = polynomial + line
    started = state.started.unsqueeze(-1)
    audio = kernels.harmonic_bank(
        polynomial,
        frequencies_hz.detach(),
        previous_hz[:, 0].detach(),
        amplitude,
        weights,
        torch.where(started, state.amplitudes.to(edges.dtype), edges[:, 0]),
        sample_rate / 2,
        hop_length,
    )
    return audio, OscillatorState(
        phase=end,
        frequency_hz=frequencies_hz[:, -1],
        amplitudes=edges[:, -1],
        offset=state.offset,
        started=torch.ones_like(state.started),
    )
