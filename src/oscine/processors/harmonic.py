"""The harmonic oscillator as a part of an instrument."""

from typing import Literal

from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from oscine.functional.activations import inverse_exp_sigmoid
from oscine.functional.harmonic import OscillatorState, harmonic_oscillator_step, oscillator_state
from oscine.processors.base import MOST_PARTIALS, PartConfig, Processor, require_rates
from oscine.processors.control import Control
from oscine.streaming import Program, Wire, require_count


class HarmonicOscillator(Processor[OscillatorState]):
    """Sines at the multiples of f0: `oscine.functional.harmonic_oscillator` with a state. Latency 0.

    Args:
        n_harmonics: Number of partials.
        sample_rate: Hz.
        hop_length: Samples per frame.
        inharmonic: Take the inharmonicity coefficient as a further control; each partial then has a phase of
            its own.
        phased: Take a phase offset, in turns, as a further control; its first value is the start phase.
        ratio: Factor on f0.

    Raises:
        ValueError: When a size is not a positive whole number, or the ratio is not positive.

    Examples:
        >>> import torch
        >>> oscillator = HarmonicOscillator(8, sample_rate=16000, hop_length=64)
        >>> oscillator(torch.full((1, 5), 440.0), torch.ones(1, 5), torch.ones(1, 5, 8)).shape
        torch.Size([1, 320])
    """

    inputs = ("f0_hz",)

    def __init__(
        self,
        n_harmonics: int,
        sample_rate: int,
        hop_length: int,
        *,
        inharmonic: bool = False,
        phased: bool = False,
        ratio: float = 1.0,
    ) -> None:
        super().__init__()
        require_count("n_harmonics", n_harmonics)
        require_rates(sample_rate, hop_length)
        if not 0 < ratio < float("inf"):
            raise ValueError(f"ratio is {ratio}; give a positive factor on f0.")
        self.n_harmonics = n_harmonics
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.inharmonic = inharmonic
        self.phased = phased
        self.ratio = ratio
        self.controls = (
            *harmonic_controls(n_harmonics),
            # It starts near 4e-6; from the middle of the range, upper partials meet none of the recording's.
            *(
                [Control("inharmonicity", 0, "weight", 1e-6, 1e-1, "log", start=(-2.0,))]
                if inharmonic
                else []
            ),
            *([Control("phase", 0, "turns", -0.5, 0.5, "linear")] if phased else []),
        )

    def extra_repr(self) -> str:
        """Return the sizes and options."""
        options = [name for name in ("inharmonic", "phased") if getattr(self, name)]
        options += [f"ratio={self.ratio:g}"] if self.ratio != 1 else []
        return ", ".join(
            [f"{self.n_harmonics} harmonics, {self.sample_rate} Hz, hop {self.hop_length}", *options]
        )

    def init_state(self, batch_size: int, seed: int = 0) -> OscillatorState:
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
        **named: Float[Tensor, "batch frame"],
    ) -> tuple[Float[Tensor, "batch time"], OscillatorState]:
        """Return the next block's audio and state; ``inharmonicity`` and ``phase`` follow where declared.

        Raises:
            ValueError: When one of these is declared and missing, or given and not declared.
        """
        declared = [control.name for control in self.controls[2:]]
        optional = dict(zip(declared, extra, strict=False)) | named
        if sorted(optional) != sorted(declared) or len(extra) + len(named) != len(declared):
            raise ValueError(
                f"{', '.join(optional) or 'Nothing'} was given beside f0_hz, amplitude and "
                f"harmonic_distribution; this oscillator takes {', '.join(declared) or 'nothing else'}."
            )
        return harmonic_oscillator_step(
            f0_hz if self.ratio == 1 else f0_hz * self.ratio,
            amplitude,
            harmonic_distribution,
            state,
            sample_rate=self.sample_rate,
            hop_length=self.hop_length,
            inharmonicity=optional.get("inharmonicity"),
            phase=optional.get("phase"),
        )

    def lower(
        self,
        program: Program,
        f0_hz: Wire,
        amplitude: Wire,
        harmonic_distribution: Wire,
        inharmonicity: Wire | None = None,
        phase: Wire | None = None,
    ) -> Wire:
        """Append the oscillator to a program."""
        f0_hz = f0_hz if self.ratio == 1 else program.affine(f0_hz, self.ratio, 0.0)
        return program.harmonic(f0_hz, amplitude, harmonic_distribution, inharmonicity, phase)


def harmonic_controls(n_harmonics: int) -> tuple[Control, Control]:
    """Return amplitude and weights of partials, whose start falls by 12 dB per octave.

    Equal weights put most of the energy where recordings have least. The loss of the logarithms then turns
    the amplitude down until it has no gradient, and the noise learns the sound.
    """
    start = tuple(inverse_exp_sigmoid(0.4 / k**2) for k in range(1, n_harmonics + 1))
    weights = Control(
        "harmonic_distribution", n_harmonics, "weight", 0.0, 2.0, "distribution", start=start, axis="harmonic"
    )
    return Control("amplitude", 0, "linear", 0.0, 2.0, "exp_sigmoid"), weights


class HarmonicConfig(PartConfig):
    """Sines at the multiples of f0."""

    kind: Literal["harmonic"] = "harmonic"
    n_harmonics: int = Field(default=100, ge=1, le=MOST_PARTIALS)
    """Number of partials."""
    inharmonic: bool = False
    """Let the network control the inharmonicity, as of a stiff string."""
    ratio: float = Field(default=1.0, gt=0.0, le=64.0)
    """Factor on f0; 0.5 sounds an octave below the played pitch."""

    def build(self, sample_rate: int, hop_length: int) -> HarmonicOscillator:
        """Return the oscillator."""
        return HarmonicOscillator(
            self.n_harmonics, sample_rate, hop_length, inharmonic=self.inharmonic, ratio=self.ratio
        )
