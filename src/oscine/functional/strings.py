"""Strings of a keyboard or a guitar: values per key, stiffness, and two or three strings that beat."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.functional.checks import require_batch
from oscine.functional.harmonic import OscillatorState, harmonic_oscillator_step, oscillator_state
from oscine.functional.units import hz_to_midi

#: The keys of a piano, as MIDI pitches.
LOWEST_KEY, N_KEYS = 21, 88
#: Tables are kept near 1, so that a file of 16-bit numbers holds them; a power of two changes no digit.
TABLE_SCALE = 2.0**-10
#: Places between two keys: rounded to these, a pitch has the same place whatever computed its logarithm.
_PLACES = 1024.0


class StringsState(NamedTuple):
    """The state of the strings between two blocks."""

    strings: tuple[OscillatorState, ...]
    """Of each string."""


def strings_state(
    batch_size: int, n_partials: int, n_strings: int, device: torch.device | str | None = None
) -> StringsState:
    """Return the state before the first sample, with every phase at zero."""
    # Tensors of its own for each string: an exported step takes equal ones for a single input.
    return StringsState(
        tuple(oscillator_state(batch_size, n_partials, n_partials, device) for _ in range(n_strings))
    )


def key_weights(f0_hz: Float[Tensor, "batch frame"]) -> Float[Tensor, "batch frame 88"]:
    """Return the weights by which values per key are read at a pitch: linear between the nearest two keys.

    ``w_k = max(0, 1 − |m − k|)`` at the MIDI pitch m, which is clamped to the 88 keys of a piano and rounded
    to 1 / 1024 of a semitone: a difference in its last digits would add up over the phase of a partial.

    Args:
        f0_hz: Pitch, Hz; positive.
    """
    place = (hz_to_midi(f0_hz) - LOWEST_KEY).clamp(0.0, N_KEYS - 1.0)
    place = torch.round(place * _PLACES) / _PLACES
    keys = torch.arange(N_KEYS, dtype=place.dtype, device=place.device)
    return (1 - (place.unsqueeze(-1) - keys).abs()).clamp(min=0.0)


def usual_inharmonicity() -> Float[Tensor, " 88"]:
    """Return a usual inharmonicity coefficient B of each key: the sum of two exponentials of the key.

    ``B_m = exp(0.0926 m − 13.64) + exp(−0.0847 m − 5.82)`` at the MIDI pitch m: the plain strings of the
    treble, and the wound strings of the bass.

    Reference: Rigaud, David and Daudet, A parametric model of piano tuning, DAFx 2011, from which the form is
        taken; the constants are typical of a grand piano.
    """
    key = torch.arange(LOWEST_KEY, LOWEST_KEY + N_KEYS, dtype=torch.float64)
    both = torch.exp(0.0926 * key - 13.64) + torch.exp(-0.0847 * key - 5.82)
    return both.to(torch.float32)


def string_tables(
    inharmonicity: Float[Tensor, " 88"],
    tuning_cents: Float[Tensor, " 88"],
    detuning_cents: Float[Tensor, " 88"],
    n_strings: int,
) -> Float[Tensor, "channel 88"]:
    """Return the values of each key, times 1024: B, then each string's frequency over f0, less 1.

    The strings of a key lie evenly spaced around its tuning, the outermost ``detuning_cents`` apart.

    Args:
        inharmonicity: B of each key.
        tuning_cents: Of each key, against f0.
        detuning_cents: Between the outermost strings of each key.
        n_strings: Strings of a key.
    """
    places = torch.linspace(-0.5, 0.5, n_strings) if n_strings > 1 else torch.zeros(1)
    cents = tuning_cents + places.to(tuning_cents).unsqueeze(-1) * detuning_cents
    ratios = torch.expm1(cents * (math.log(2) / 1200))
    return torch.cat([inharmonicity.unsqueeze(0), ratios]) / TABLE_SCALE


def strings_step(
    f0_hz: Float[Tensor, "batch frame"],
    amplitude: Float[Tensor, "batch frame"],
    harmonic_distribution: Float[Tensor, "batch frame partial"],
    tables: Float[Tensor, "channel key"],
    state: StringsState,
    *,
    sample_rate: int,
    hop_length: int,
) -> tuple[Float[Tensor, "batch time"], StringsState]:
    """Return the next block's audio and state: `strings` where it left off (same arguments).

    Raises:
        ValueError: See `strings`; and when the state is of another batch or number of partials.
    """
    n_strings = _n_strings(tables, f0_hz)
    if len(state.strings) != n_strings:
        raise ValueError(
            f"The state is of {len(state.strings)} strings and the tables of {n_strings}; use strings_state."
        )
    values = torch.nn.functional.linear(key_weights(f0_hz), tables.to(f0_hz.dtype)) * TABLE_SCALE
    inharmonicity, *ratios = values.unbind(-1)
    share = amplitude / n_strings
    total: Tensor | None = None
    after = []
    for ratio, before in zip(ratios, state.strings, strict=True):
        audio, one = harmonic_oscillator_step(
            f0_hz * (ratio + 1.0),
            share,
            harmonic_distribution,
            before,
            sample_rate=sample_rate,
            hop_length=hop_length,
            inharmonicity=inharmonicity,
        )
        total = audio if total is None else total + audio
        after.append(one)
    assert total is not None
    return total, StringsState(tuple(after))


def strings(
    f0_hz: Float[Tensor, "batch frame"],
    amplitude: Float[Tensor, "batch frame"],
    harmonic_distribution: Float[Tensor, "batch frame partial"],
    tables: Float[Tensor, "channel key"],
    *,
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch time"]:
    """Return the audio of the stiff strings of a key from their start.

    ``y[n] = a[n] / S · Σ_s Σ_k d_k[n] sin(2π φ_sk[n])``, where partial k of string s has the frequency
    ``k f0 r_s √(1 + B k²)``. B and r_s are read from tables at the key that f0 is, and between two keys
    linearly. Two strings that are a little apart beat, each partial k times as fast as the first.

    Args:
        f0_hz: Fundamental at the frames' ends, Hz; positive.
        amplitude: Sum of the partials' amplitudes where the strings are in phase, linear.
        harmonic_distribution: Non-negative weights of partials 1, 2, ….
        tables: By `string_tables`.
        sample_rate: Hz.
        hop_length: Samples per frame.

    Raises:
        ValueError: When the arguments have other axes, batches or frames, or the tables have not two rows or
            more of 88 keys.

    Reference: Fletcher, Normal vibration frequencies of a stiff piano string, JASA 36, 1964; Renault, Mignot
        and Roebel, Differentiable Piano Model for MIDI-to-Audio Performance Synthesis, DAFx 2022, who learn
        the tables as few parameters; here each key has its own values.

    Examples:
        >>> tables = string_tables(usual_inharmonicity(), torch.zeros(88), torch.ones(88), 2)
        >>> f0, amplitude, weights = torch.full((1, 5), 440.0), torch.ones(1, 5), torch.ones(1, 5, 8)
        >>> strings(f0, amplitude, weights, tables, sample_rate=16000, hop_length=64).shape
        torch.Size([1, 320])
    """
    n_strings = _n_strings(tables, f0_hz)
    state = strings_state(f0_hz.shape[0], harmonic_distribution.shape[-1], n_strings, f0_hz.device)
    rates = {"sample_rate": sample_rate, "hop_length": hop_length}
    return strings_step(f0_hz, amplitude, harmonic_distribution, tables, state, **rates)[0]


def _n_strings(tables: Tensor, f0_hz: Tensor) -> int:
    """Return for how many strings there are tables.

    Raises:
        ValueError: When they have another shape.
    """
    require_batch("f0_hz", f0_hz, "batch frame")
    if tables.ndim != 2 or tables.shape[0] < 2 or tables.shape[1] != N_KEYS:
        raise ValueError(
            f"tables is {tuple(tables.shape)}; give B and the strings of {N_KEYS} keys, by string_tables."
        )
    return tables.shape[0] - 1
