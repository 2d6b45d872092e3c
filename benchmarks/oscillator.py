"""The harmonic oscillator and the textbook form of it, forward and backward, each against float64."""

from collections.abc import Callable

import torch

from benchmarks.measure import measure, signal_to_noise_db, table
from oscine.functional import harmonic_amplitudes, harmonic_oscillator, upsample

SAMPLE_RATE, HOP_LENGTH, N_HARMONICS = 16_000, 64, 100


def _inputs(quick: bool, dtype: torch.dtype) -> list[torch.Tensor]:
    batch, frames = (2, 125) if quick else (16, 1000)
    random = torch.Generator().manual_seed(0)
    f0_hz = 200 + 600 * torch.rand(batch, 1, generator=random, dtype=torch.float64)
    f0_hz = f0_hz * (1 + 0.02 * torch.sin(torch.arange(frames, dtype=torch.float64) / 7))
    amplitude = torch.rand(batch, frames, generator=random, dtype=torch.float64)
    distribution = torch.rand(batch, frames, N_HARMONICS, generator=random, dtype=torch.float64)
    # Rounded to float32 first, so that every precision is given the same problem.
    return [x.float().to(dtype).requires_grad_() for x in (f0_hz, amplitude, distribution)]


def textbook(
    f0_hz: torch.Tensor, amplitude: torch.Tensor, harmonic_distribution: torch.Tensor
) -> torch.Tensor:
    """Return the sum of sines as it is usually written: time × harmonic in memory, a running sum of phase."""
    amplitudes = harmonic_amplitudes(f0_hz, amplitude, harmonic_distribution, SAMPLE_RATE)
    number = torch.arange(1, N_HARMONICS + 1, dtype=f0_hz.dtype)
    increments = upsample(f0_hz, HOP_LENGTH) * (2 * torch.pi / SAMPLE_RATE)
    phase = increments.cumsum(dim=1) - increments
    return (torch.sin(phase.unsqueeze(-1) * number) * upsample(amplitudes, HOP_LENGTH)).sum(dim=-1)


def _ours(f0_hz: torch.Tensor, amplitude: torch.Tensor, harmonic_distribution: torch.Tensor) -> torch.Tensor:
    return harmonic_oscillator(
        f0_hz, amplitude, harmonic_distribution, sample_rate=SAMPLE_RATE, hop_length=HOP_LENGTH
    )


def _call(form: Callable, quick: bool, backward: bool) -> Callable[[], torch.Tensor]:
    inputs = _inputs(quick, torch.float32)

    def call() -> torch.Tensor:
        if not backward:
            with torch.no_grad():
                return form(*inputs)
        audio = form(*inputs)
        torch.autograd.grad(audio.square().sum(), inputs)
        return audio

    return call


def ours_forward(quick: bool) -> Callable[[], torch.Tensor]:
    """Oscine's oscillator without gradients."""
    return _call(_ours, quick, backward=False)


def ours_both(quick: bool) -> Callable[[], torch.Tensor]:
    """Oscine's oscillator, forward and backward."""
    return _call(_ours, quick, backward=True)


def textbook_forward(quick: bool) -> Callable[[], torch.Tensor]:
    """The textbook form without gradients."""
    return _call(textbook, quick, backward=False)


def textbook_both(quick: bool) -> Callable[[], torch.Tensor]:
    """The textbook form, forward and backward."""
    return _call(textbook, quick, backward=True)


def truth(form: Callable[..., torch.Tensor], quick: bool) -> torch.Tensor:
    """Return the same form's audio in float64, item by item to spare memory: what is left is rounding."""
    items = zip(*(x.detach().split(1) for x in _inputs(quick, torch.float64)), strict=True)
    return torch.cat([form(*item) for item in items])


def run(quick: bool) -> str:
    """Return the table."""
    rows = []
    for name, form, forward, both in [
        ("Oscine", _ours, ours_forward, ours_both),
        ("textbook eager torch", textbook, textbook_forward, textbook_both),
    ]:
        once, twice = measure(forward, quick), measure(both, quick)
        error = signal_to_noise_db(once.result, truth(form, quick))
        rows.append(
            [
                name,
                f"{once.milliseconds:.1f}",
                f"{twice.milliseconds:.1f}",
                f"{twice.megabytes:.0f}",
                f"{error:.0f}",
            ]
        )
    batch, frames = _inputs(quick, torch.float32)[1].shape
    head = f"Harmonic oscillator: batch {batch}, {frames} frames of {HOP_LENGTH}, {N_HARMONICS} harmonics"
    columns = ["form", "forward ms", "forward + backward ms", "MB", "SNR to float64 dB"]
    return f"{head}\n\n{table(columns, rows)}"
