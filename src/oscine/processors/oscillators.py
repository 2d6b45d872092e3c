"""Oscillators made of sines."""

from jaxtyping import Float
from torch import Tensor

from oscine.functional.harmonic import (
    OscillatorState,
    harmonic_oscillator_step,
    oscillator_state,
    sinusoidal_oscillator_step,
)
from oscine.processors.base import Processor
from oscine.processors.control import Control


class HarmonicOscillator(Processor):
    """Sines at the multiples of f0: `oscine.functional.harmonic_oscillator` with a state. Latency 0.

    Args:
        n_harmonics: Number of partials.
        sample_rate: Hz.
        hop_length: Samples per frame.
        inharmonic: Take the inharmonicity coefficient as a further control; each partial then has a phase of
            its own.
        phased: Take a phase offset, in turns, as a further control; its first value is the start phase.

    Example:
        >>> import torch
        >>> oscillator = HarmonicOscillator(8, sample_rate=16000, hop_length=64)
        >>> oscillator(torch.full((1, 5), 440.0), torch.ones(1, 5), torch.ones(1, 5, 8)).shape
        torch.Size([1, 320])
    """

    def __init__(
        self,
        n_harmonics: int,
        sample_rate: int,
        hop_length: int,
        *,
        inharmonic: bool = False,
        phased: bool = False,
    ) -> None:
        super().__init__()
        self.n_harmonics = n_harmonics
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.inharmonic = inharmonic
        self.phased = phased
        self.controls = (
            Control("f0_hz", 0, "Hz", 0.0, sample_rate / 2, "given"),
            Control("amplitude", 0, "linear", 0.0, 2.0, "exp_sigmoid"),
            Control("harmonic_distribution", n_harmonics, "weight", 0.0, 2.0, "distribution"),
            *([Control("inharmonicity", 0, "weight", 1e-6, 1e-1, "log")] if inharmonic else []),
            *([Control("phase", 0, "turns", -0.5, 0.5, "linear")] if phased else []),
        )

    def init_state(self, batch_size: int) -> OscillatorState:
        """Return the state before the first sample, every phase at zero."""
        n_sines = self.n_harmonics if self.inharmonic else 1
        return oscillator_state(batch_size, self.n_harmonics, n_sines, self.device)

    def step(
        self,
        f0_hz: Float[Tensor, "batch frame"],
        amplitude: Float[Tensor, "batch frame"],
        harmonic_distribution: Float[Tensor, "batch frame harmonic"],
        *extra: Float[Tensor, "batch frame"],
        state: OscillatorState,
    ) -> tuple[Float[Tensor, "batch time"], OscillatorState]:
        """Return the next block's audio and state; ``extra`` are inharmonicity and phase, where declared."""
        names = [control.name for control in self.controls[3:]]
        return harmonic_oscillator_step(
            f0_hz,
            amplitude,
            harmonic_distribution,
            state,
            sample_rate=self.sample_rate,
            hop_length=self.hop_length,
            **dict(zip(names, extra, strict=True)),
        )


class SinusoidalOscillator(Processor):
    """Free sinusoids: `oscine.functional.sinusoidal_oscillator` with a state. Latency 0.

    Args:
        n_sines: Number of sinusoids.
        sample_rate: Hz.
        hop_length: Samples per frame.
    """

    def __init__(self, n_sines: int, sample_rate: int, hop_length: int) -> None:
        super().__init__()
        self.n_sines = n_sines
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.controls = (
            Control("frequencies_hz", n_sines, "Hz", 20.0, sample_rate / 2, "log"),
            Control("amplitudes", n_sines, "linear", 0.0, 2.0, "exp_sigmoid"),
        )

    def init_state(self, batch_size: int) -> OscillatorState:
        """Return the state before the first sample, every phase at zero."""
        return oscillator_state(batch_size, self.n_sines, self.n_sines, self.device)

    def step(
        self,
        frequencies_hz: Float[Tensor, "batch frame sine"],
        amplitudes: Float[Tensor, "batch frame sine"],
        *,
        state: OscillatorState,
    ) -> tuple[Float[Tensor, "batch time"], OscillatorState]:
        """Return the next block's audio and state."""
        return sinusoidal_oscillator_step(
            frequencies_hz, amplitudes, state, sample_rate=self.sample_rate, hop_length=self.hop_length
        )
