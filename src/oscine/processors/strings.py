"""The strings of a piano or a guitar as a part of an instrument."""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from oscine.functional.strings import (
    LOWEST_KEY,
    N_KEYS,
    TABLE_SCALE,
    StringsState,
    string_tables,
    strings_state,
    strings_step,
    usual_inharmonicity,
)
from oscine.processors.base import MOST_PARTIALS, PartConfig, Processor, require_rates
from oscine.processors.harmonic import harmonic_controls
from oscine.streaming import Program, Wire, require_count

_MOST_STRINGS = 3
_ROUNDING = 2.0**13
#: Before anything is known of the strings: between the outermost of a key.
_DETUNING_CENTS = 1.0


class Strings(Processor[StringsState]):
    """Stiff strings with values of their own per key: `oscine.functional.strings` with a state. Latency 0.

    The network predicts the level and the weights of the partials. Where the partials lie is read from three
    tables of 88 keys: inharmonicity, tuning, and the distance of the strings of a key. They are part of the
    weights, and are not trained unless asked for: a spectral loss has no direction in frequency, so they are
    measured (`oscine.training.strings`).

    Args:
        n_harmonics: Number of partials.
        sample_rate: Hz.
        hop_length: Samples per frame.
        n_strings: Strings of a key, 1 … 3.
        learns_frequencies: Train the tables too.

    Attributes:
        log_inharmonicity: Natural logarithm of B of each key.
        tuning_cents: Of each key, against f0.
        detuning_cents: Between the outermost strings of each key.

    Raises:
        ValueError: When a size is not a positive whole number, or there are more than three strings.

    Examples:
        >>> piano = Strings(8, sample_rate=16000, hop_length=64)
        >>> piano(torch.full((1, 5), 440.0), torch.ones(1, 5), torch.ones(1, 5, 8)).shape
        torch.Size([1, 320])
    """

    inputs = ("f0_hz",)
    log_inharmonicity: Tensor
    tuning_cents: Tensor
    detuning_cents: Tensor

    def __init__(
        self,
        n_harmonics: int,
        sample_rate: int,
        hop_length: int,
        *,
        n_strings: int = 2,
        learns_frequencies: bool = False,
    ) -> None:
        super().__init__()
        require_count("n_harmonics", n_harmonics)
        require_count("n_strings", n_strings)
        require_rates(sample_rate, hop_length)
        if n_strings > _MOST_STRINGS:
            raise ValueError(f"n_strings is {n_strings}; give 1, 2 or 3.")
        self.n_harmonics = n_harmonics
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.n_strings = n_strings
        for name, start in (
            ("log_inharmonicity", usual_inharmonicity().log()),
            ("tuning_cents", torch.zeros(N_KEYS)),
            ("detuning_cents", torch.full((N_KEYS,), _DETUNING_CENTS)),
        ):
            if learns_frequencies:
                self.register_parameter(name, nn.Parameter(start))
            else:
                self.register_buffer(name, start)
        self.controls = harmonic_controls(n_harmonics)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return (
            f"{self.n_strings} strings, {self.n_harmonics} harmonics, {self.sample_rate} Hz, "
            f"hop {self.hop_length}"
        )

    @property
    def tables(self) -> Float[Tensor, "channel 88"]:
        """The values of each key (`oscine.functional.string_tables`)."""
        inharmonicity = self.log_inharmonicity.exp()
        return string_tables(inharmonicity, self.tuning_cents, self.detuning_cents, self.n_strings)

    @torch.no_grad()
    def set_keys(self, inharmonicity: Float[Tensor, " 88"], tuning_cents: Float[Tensor, " 88"]) -> None:
        """Set B and the tuning of each key, from A0 up.

        Raises:
            ValueError: When there are not 88 of both, a B is not positive, or a number is not finite.
        """
        for name, values in (("inharmonicity", inharmonicity), ("tuning_cents", tuning_cents)):
            if tuple(values.shape) != (N_KEYS,) or not bool(values.isfinite().all()):
                raise ValueError(f"{name} is {tuple(values.shape)}; give {N_KEYS} finite numbers.")
        if not bool((inharmonicity > 0).all()):
            raise ValueError("An inharmonicity coefficient is not positive; give 88 positive ones.")
        self.log_inharmonicity.copy_(inharmonicity.log())
        self.tuning_cents.copy_(tuning_cents)

    def init_state(self, batch_size: int, seed: int = 0) -> StringsState:
        """Return the state before the first sample, every phase at zero."""
        return strings_state(batch_size, self.n_harmonics, self.n_strings, self.device)

    def step(
        self,
        f0_hz: Float[Tensor, "batch frame"],
        amplitude: Float[Tensor, "batch frame"],
        harmonic_distribution: Float[Tensor, "batch frame harmonic"],
        *,
        state: StringsState,
    ) -> tuple[Float[Tensor, "batch time"], StringsState]:
        """Return the next block's audio and state."""
        rates = {"sample_rate": self.sample_rate, "hop_length": self.hop_length}
        return strings_step(f0_hz, amplitude, harmonic_distribution, self.tables, state, **rates)

    def lower(self, program: Program, f0_hz: Wire, amplitude: Wire, harmonic_distribution: Wire) -> Wire:
        """Append the strings to a program."""
        # The place on the keyboard, clamped to 0 … 87 by two leaky rectifiers of slope 0.
        place = program.leaky_relu(program.affine(program.hz_to_midi(f0_hz), 1.0, -float(LOWEST_KEY)), 0.0)
        last = float(N_KEYS - 1)
        place = program.affine(program.leaky_relu(program.affine(place, -1.0, last), 0.0), -1.0, last)
        # A float32 near 2^13 has a last digit of 1 / 1024, so this rounds as `key_weights` does.
        place = program.affine(program.affine(place, 1.0, _ROUNDING), 1.0, -_ROUNDING)
        keys = torch.arange(N_KEYS, dtype=torch.float32)
        away = program.linear(place, torch.ones(N_KEYS, 1), -keys, is_exact=True)
        # A slope of −1 is the absolute value.
        weights = program.leaky_relu(program.affine(program.leaky_relu(away, -1.0), -1.0, 1.0), 0.0)
        values = program.linear(weights, self.tables, is_exact=True)
        inharmonicity, *ratios = values.split(*(1,) * (self.n_strings + 1))
        inharmonicity = program.affine(inharmonicity, TABLE_SCALE, 0.0)
        share = program.affine(amplitude, 1.0 / self.n_strings, 0.0)
        total: Wire | None = None
        for ratio in ratios:
            own_hz = program.multiply(f0_hz, program.affine(ratio, TABLE_SCALE, 1.0))
            audio = program.harmonic(own_hz, share, harmonic_distribution, inharmonicity)
            total = audio if total is None else program.add(total, audio)
        assert total is not None
        return total


class StringsConfig(PartConfig):
    """Stiff strings, one to three per key, with inharmonicity and tuning of each key."""

    kind: Literal["strings"] = "strings"
    n_harmonics: int = Field(default=96, ge=1, le=MOST_PARTIALS)
    """Number of partials."""
    n_strings: int = Field(default=2, ge=1, le=_MOST_STRINGS)
    """Strings of a key."""
    learns_frequencies: bool = False
    """Train inharmonicity and tuning too; a spectral loss has no direction in them."""

    def build(self, sample_rate: int, hop_length: int) -> Strings:
        """Return the strings."""
        return Strings(
            self.n_harmonics,
            sample_rate,
            hop_length,
            n_strings=self.n_strings,
            learns_frequencies=self.learns_frequencies,
        )
