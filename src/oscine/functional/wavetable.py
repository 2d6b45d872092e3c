"""An oscillator that reads a mixture of single-cycle tables, which are kept as Fourier coefficients.

A cycle is then band-limited by leaving out its partials from Nyquist up, and nothing is interpolated.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from oscine import kernels
from oscine.functional.checks import require_batch, require_state, require_whole
from oscine.functional.frames import previous_frames
from oscine.functional.phase import phase_polynomial


class WavetableState(NamedTuple):
    """The state of a wavetable oscillator between two blocks."""

    phase: Float[Tensor, " batch"]
    """Phase at the next sample, turns in [0, 1), float64."""
    frequency_hz: Float[Tensor, " batch"]
    """Fundamental at the last frame."""
    cycle: Float[Tensor, "batch coefficient"]
    """Coefficients of the sound at the last frame: all cosines, then all sines."""
    started: Bool[Tensor, " batch"]
    """False until the first frame, which is held from the start."""


def wavetable_state(
    batch_size: int, n_harmonics: int, device: torch.device | str | None = None
) -> WavetableState:
    """Return the state before the first sample, with the phase at zero."""
    return WavetableState(
        phase=torch.zeros(batch_size, dtype=torch.float64, device=device),
        frequency_hz=torch.zeros(batch_size, device=device),
        cycle=torch.zeros(batch_size, 2 * n_harmonics, device=device),
        started=torch.zeros(batch_size, dtype=torch.bool, device=device),
    )


def wavetable_oscillator(
    f0_hz: Float[Tensor, "batch frame"],
    amplitude: Float[Tensor, "batch frame"],
    table_weights: Float[Tensor, "batch frame table"],
    tables: Float[Tensor, "table 2 harmonic"],
    *,
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch time"]:
    """Return the audio of a wavetable oscillator from its start.

    ``y[n] = Σ_k α_k[n] cos(2π k φ[n]) + β_k[n] sin(2π k φ[n])``, ``φ[n+1] = φ[n] + f0[n] / sample_rate``

    with ``(α, β) = amplitude · Σ_j table_weights_j · tables_j`` at the frames' ends and linear in between.
    Partials at or above Nyquist at either end of a frame are exactly silent in it; the others keep their
    level, as in a recording that is played through a low-pass.

    Args:
        f0_hz: Fundamental at the frames' ends, Hz; the first frame is held from the start. What is negative
            counts as 0.
        amplitude: Factor on the mixture, linear.
        table_weights: Weights of the tables.
        tables: Fourier coefficients of each cycle: cosines, then sines, of harmonics 1, 2, … (see
            `cycle_coefficients`).
        sample_rate: Hz.
        hop_length: Samples per frame.

    Returns:
        ``frame · hop_length`` samples.

    Raises:
        ValueError: When the shapes do not fit, something is empty, or a rate is not a whole number of at
            least 1.

    Reference: Shan et al., Differentiable Wavetable Synthesis, ICASSP 2022. There the tables are samples
        that are read with linear interpolation and are not band-limited.

    Examples:
        >>> f0, weights = torch.full((1, 250), 440.0), torch.ones(1, 250, 1)
        >>> saw = torch.stack([torch.zeros(8), 1 / torch.arange(1, 9)]).unsqueeze(0)
        >>> wavetable_oscillator(f0, torch.ones(1, 250), weights, saw, sample_rate=16000, hop_length=64).shape
        torch.Size([1, 16000])
    """
    _check(f0_hz, amplitude, table_weights, tables)
    state = wavetable_state(f0_hz.shape[0], tables.shape[-1], f0_hz.device)
    return wavetable_oscillator_step(
        f0_hz, amplitude, table_weights, tables, state, sample_rate=sample_rate, hop_length=hop_length
    )[0]


def wavetable_oscillator_step(
    f0_hz: Float[Tensor, "batch frame"],
    amplitude: Float[Tensor, "batch frame"],
    table_weights: Float[Tensor, "batch frame table"],
    tables: Float[Tensor, "table 2 harmonic"],
    state: WavetableState,
    *,
    sample_rate: int,
    hop_length: int,
) -> tuple[Float[Tensor, "batch time"], WavetableState]:
    """Return the next block's audio and state: `wavetable_oscillator` where it left off (same arguments).

    Raises:
        ValueError: See `wavetable_oscillator`; and when the state is of another batch or number of harmonics.
    """
    _check(f0_hz, amplitude, table_weights, tables)
    require_whole(sample_rate=sample_rate, hop_length=hop_length)
    require_state("wavetable_state", cycle=(state.cycle, (f0_hz.shape[0], 2 * tables.shape[-1])))
    f0_hz = f0_hz.clamp(min=0.0)
    cycle = amplitude.unsqueeze(-1) * (table_weights @ tables.flatten(1))
    previous_hz = previous_frames(f0_hz, state.frequency_hz, state.started)
    polynomial, end = phase_polynomial(f0_hz, previous_hz, state.phase, sample_rate, hop_length)
    # Every harmonic is a sine of its own to the bank, once at its phase and once a quarter turn ahead.
    number = torch.arange(1, tables.shape[-1] + 1, device=f0_hz.device).repeat(2)
    quarter = torch.zeros(len(number), 3, dtype=torch.float64, device=f0_hz.device)
    quarter[: tables.shape[-1], 0] = 0.25
    audio = kernels.harmonic_bank(
        polynomial.unsqueeze(2) * number.unsqueeze(-1) + quarter,
        (f0_hz.unsqueeze(-1) * number).detach(),
        (previous_hz[:, :1] * number).detach(),
        None,
        cycle,
        torch.where(state.started.unsqueeze(-1), state.cycle.to(cycle.dtype), cycle[:, 0]),
        sample_rate / 2,
        hop_length,
    )
    return audio, WavetableState(end, f0_hz[:, -1], cycle[:, -1], torch.ones_like(state.started))


def _check(f0_hz: Tensor, amplitude: Tensor, table_weights: Tensor, tables: Tensor) -> None:
    like = ("f0_hz", f0_hz)
    require_batch(*like, "batch frame")
    require_batch("amplitude", amplitude, "batch frame", like)
    require_batch("table_weights", table_weights, "batch frame table", like)
    _check_tables(tables)
    if tables.shape[0] != table_weights.shape[2]:
        raise ValueError(
            f"There are {table_weights.shape[2]} table_weights for {tables.shape[0]} tables; give one "
            "for each."
        )


def _check_tables(tables: Tensor) -> None:
    if tables.ndim != 3 or tables.shape[1] != 2 or 0 in tables.shape:
        raise ValueError(
            f"tables is {tuple(tables.shape)}; give (table, 2, harmonic): cosines, then sines, of at least "
            "one harmonic."
        )


def cycle_coefficients(
    cycles: Float[Tensor, "table sample"], n_harmonics: int
) -> Float[Tensor, "table 2 harmonic"]:
    """Return the Fourier coefficients of sampled cycles: cosines, then sines, of harmonics 1, 2, ….

    ``α_k = (2/N) Σ_n x[n] cos(2π k n / N)`` and ``β_k`` alike with the sine; the mean is left out.

    Args:
        cycles: Samples of one period each.
        n_harmonics: Harmonics to return.

    Raises:
        ValueError: When there is no cycle, or N samples do not determine as many: N must be above
            ``2 n_harmonics``.
    """
    require_whole(n_harmonics=n_harmonics)
    require_batch("cycles", cycles, "table sample")
    n_samples = cycles.shape[-1]
    if n_samples <= 2 * n_harmonics:
        raise ValueError(
            f"Cycles of {n_samples} samples do not determine {n_harmonics} harmonics; give at least "
            f"{2 * n_harmonics + 1} samples."
        )
    spectrum = torch.fft.rfft(cycles)[:, 1 : n_harmonics + 1] * (2 / n_samples)
    return torch.stack([spectrum.real, -spectrum.imag], dim=1)


def sampled_cycles(
    tables: Float[Tensor, "table 2 harmonic"], n_samples: int
) -> Float[Tensor, "table sample"]:
    """Return one period of each table, the inverse of `cycle_coefficients`.

    Args:
        tables: Fourier coefficients: cosines, then sines, of harmonics 1, 2, ….
        n_samples: Samples of a period; harmonics that they cannot hold, from ``n_samples / 2`` up, are left
            out.

    Raises:
        ValueError: When the tables have another shape, or the samples are not a whole number of at least 1.
    """
    _check_tables(tables)
    require_whole(n_samples=n_samples)
    n_kept = min(tables.shape[-1], (n_samples - 1) // 2)
    spectrum = torch.complex(tables[:, 0, :n_kept], -tables[:, 1, :n_kept]) * (n_samples / 2)
    rest = n_samples // 2 - n_kept
    return torch.fft.irfft(torch.nn.functional.pad(spectrum, (1, rest)), n_samples)
