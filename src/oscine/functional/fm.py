"""Frequency modulation: sines that move each other's phase, in the DX7's 32 arrangements."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from oscine.functional.checks import require_batch, require_state, require_whole
from oscine.functional.frames import previous_frames, upsample
from oscine.functional.phase import accumulate_phase

#: For each operator 1, 2, …, the numbers of those that modulate it, which are larger than its own.
Modulators = tuple[tuple[int, ...], ...]

#: Index of a modulator at the DX7's output level 99, radians.
MOST_INDEX = 4 * math.pi

# "56>4": operators 5 and 6 modulate operator 4. What modulates none is a carrier.
_DX7 = (
    *("2>1 4>3 5>4 6>5", "2>1 4>3 5>4 6>5", "2>1 3>2 5>4 6>5", "2>1 3>2 5>4 6>5"),
    *("2>1 4>3 6>5", "2>1 4>3 6>5", "2>1 45>3 6>5", "2>1 45>3 6>5"),
    *("2>1 45>3 6>5", "2>1 3>2 56>4", "2>1 3>2 56>4", "2>1 456>3"),
    *("2>1 456>3", "2>1 4>3 56>4", "2>1 4>3 56>4", "235>1 4>3 6>5"),
    *("235>1 4>3 6>5", "234>1 5>4 6>5", "2>1 3>2 6>4 6>5", "3>1 3>2 56>4"),
    *("3>1 3>2 6>4 6>5", "2>1 6>3 6>4 6>5", "3>2 6>4 6>5", "6>3 6>4 6>5"),
    *("6>4 6>5", "3>2 56>4", "3>2 56>4", "2>1 4>3 5>4"),
    *("4>3 6>5", "4>3 5>4", "6>5", ""),
)

# Sidebands beyond 2 I + 1 are weaker than −30 dB; those beyond Carson's I + 1 reach −17 dB.
_SPREAD = 2.0
# Below this index the first sideband is weaker than −26 dB, and counts in part.
_FAINT = 0.1
# A carrier fades out over the last tenth of the band.
_FADE = 10.0


class FmState(NamedTuple):
    """The state of the operators between two blocks."""

    phase: Float[Tensor, "batch operator"]
    """Phases at the next sample, without modulation, turns in [0, 1), float64."""
    f0_hz: Float[Tensor, " batch"]
    """Fundamental at the last frame."""
    levels: Float[Tensor, "batch operator"]
    """Levels at the last frame, as they were played."""
    started: Bool[Tensor, " batch"]
    """False until the first frame, which is held from the start."""


def fm_state(batch_size: int, n_operators: int = 6, device: torch.device | str | None = None) -> FmState:
    """Return the state before the first sample, every phase at zero."""
    return FmState(
        phase=torch.zeros(batch_size, n_operators, dtype=torch.float64, device=device),
        f0_hz=torch.zeros(batch_size, device=device),
        levels=torch.zeros(batch_size, n_operators, device=device),
        started=torch.zeros(batch_size, dtype=torch.bool, device=device),
    )


def dx7_algorithm(number: int) -> Modulators:
    """Return the modulators of each operator in one of the DX7's algorithms.

    The algorithms come in pairs that differ only in the operator that feeds back into itself. There is no
    feedback here: each sample of it depends on the one before, so it can't be computed in parallel.

    Args:
        number: 1 … 32, as printed on the instrument.

    Returns:
        For each of the six operators, the numbers of those that modulate it.

    Raises:
        ValueError: When there is no such algorithm.

    Examples:
        >>> dx7_algorithm(2)
        ((2,), (), (4,), (5,), (6,), ())
    """
    if not isinstance(number, int) or not 1 <= number <= len(_DX7):
        raise ValueError(f"There is no algorithm {number!r}; give 1 … {len(_DX7)}.")
    modulators: list[tuple[int, ...]] = [()] * 6
    for edge in _DX7[number - 1].split():
        sources, target = edge.split(">")
        modulators[int(target) - 1] = tuple(map(int, sources))
    return tuple(modulators)


def fm_carriers(modulators: Modulators) -> tuple[int, ...]:
    """Return the numbers of the carriers: the operators that modulate no other."""
    silent = {source for sources in modulators for source in sources}
    return tuple(number for number in range(1, len(modulators) + 1) if number not in silent)


def fm_oscillator(
    f0_hz: Float[Tensor, "batch frame"],
    levels: Float[Tensor, "batch frame operator"],
    *,
    ratios: Sequence[float | int],
    modulators: Modulators,
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch time"]:
    """Return the audio of sines that modulate each other's phase, from its start.

    ``y_i[n] = a_i[n] · sin(2π φ_i[n] + Σ_{j modulates i} y_j[n])``,
    ``φ_i[n+1] = φ_i[n] + r_i f0[n] / sample_rate``

    and the sum of the carriers' y is heard. So an operator's level ``a`` is the amplitude of a carrier, and
    the modulation index of a modulator, in radians. Each operator has a phase of its own, in float64: with
    ratios that are not whole numbers, r times a wrapped phase would jump.

    What would lie above Nyquist folds back and sounds out of tune, so levels are limited (`limit_fm_levels`):
    with f0 constant, what folds back is at least 25 dB weaker than the strongest partial, mostly 45 dB.

    Args:
        f0_hz: Fundamental at the frames' ends, Hz; the first frame is held from the start. What is negative
            counts as 0.
        levels: Of the operators, not negative.
        ratios: Frequency of each operator over f0.
        modulators: For each operator, the numbers of those that modulate it (`dx7_algorithm`).
        sample_rate: Hz.
        hop_length: Samples per frame.

    Returns:
        ``frame · hop_length`` samples.

    Raises:
        ValueError: When shapes or numbers of operators differ, an operator is modulated by itself or by one
            with a smaller number, there is no frame, or the rate or the hop is not positive.

    Reference: Chowning, The synthesis of complex audio spectra by means of frequency modulation, JAES 1973;
        Caspe et al., DDX7, ISMIR 2022. There one wrapped phase is shared, and nothing is limited.

    Examples:
        >>> f0, levels = torch.full((1, 250), 220.0), torch.ones(1, 250, 6)
        >>> routing = {"ratios": (1, 1, 1, 1, 3, 14), "modulators": dx7_algorithm(2)}
        >>> fm_oscillator(f0, levels, **routing, sample_rate=16000, hop_length=64).shape
        torch.Size([1, 16000])
    """
    state = fm_state(f0_hz.shape[0], levels.shape[-1], f0_hz.device)
    return fm_oscillator_step(
        f0_hz,
        levels,
        state,
        ratios=ratios,
        modulators=modulators,
        sample_rate=sample_rate,
        hop_length=hop_length,
    )[0]


def fm_oscillator_step(
    f0_hz: Float[Tensor, "batch frame"],
    levels: Float[Tensor, "batch frame operator"],
    state: FmState,
    *,
    ratios: Sequence[float | int],
    modulators: Modulators,
    sample_rate: int,
    hop_length: int,
) -> tuple[Float[Tensor, "batch time"], FmState]:
    """Return the next block's audio and state: `fm_oscillator` where it left off (same arguments)."""
    require_whole(hop_length=hop_length)
    played = limit_fm_levels(f0_hz, levels, ratios=ratios, modulators=modulators, sample_rate=sample_rate)
    require_state("fm_state", phase=(state.phase, (levels.shape[0], levels.shape[2])))
    f0_hz = f0_hz.clamp(min=0.0)
    times = torch.tensor(ratios, dtype=torch.float64, device=f0_hz.device)
    before_hz = previous_frames(f0_hz, state.f0_hz, state.started)
    hz, before = (one.to(torch.float64).unsqueeze(-1) * times for one in (f0_hz, before_hz))
    turns, phase = accumulate_phase(hz, before, state.phase, sample_rate, hop_length)
    # In float64 throughout: what modulates makes the error of its phase larger by the index, up to 100 times.
    known = previous_frames(played, state.levels, state.started).to(torch.float64)
    gains = upsample(played.to(torch.float64), hop_length, known)
    angles = 2 * math.pi * turns.flatten(1, 2)
    sounds: dict[int, Tensor] = {}
    for i in reversed(range(len(modulators))):
        angle = angles[..., i]
        for source in modulators[i]:
            angle = angle + sounds[source]
        sounds[i + 1] = gains[..., i] * torch.sin(angle)
    audio = torch.stack([sounds[carrier] for carrier in fm_carriers(modulators)]).sum(0)
    after = FmState(phase, f0_hz[:, -1], played[:, -1], torch.ones_like(state.started))
    return audio.to(levels.dtype), after


def limit_fm_levels(
    f0_hz: Float[Tensor, "batch frame"],
    levels: Float[Tensor, "batch frame operator"],
    *,
    ratios: Sequence[float | int],
    modulators: Modulators,
    sample_rate: int,
) -> Float[Tensor, "batch frame operator"]:
    """Return the operators' levels, reduced so that the sound ends at Nyquist.

    A modulator of index D adds sidebands to a carrier at multiples of its frequency; ``S(D) = 2 D + 1`` of
    them on either side are above −30 dB. Each is modulated in its turn by the modulator's own modulator, of
    index I, whose index at the carrier is thus ``S(D) · I``. In the order of their numbers, so from the
    carrier up, modulators take of the band B between the carrier and Nyquist what their sidebands need:

    ``S(D) r f0 ≤ B``, and then ``B ← B − S(D) r f0``

    One without room for its first sideband is off. A faint one, D < 0.1, counts as ``2 D + 10 D``. A carrier
    fades out over the highest tenth of the band. Each frame is limited by itself.

    Args:
        f0_hz: Fundamental at the frames' ends, Hz.
        levels: Of the operators, not negative.
        ratios: Frequency of each operator over f0.
        modulators: For each operator, the numbers of those that modulate it.
        sample_rate: Hz.

    Raises:
        ValueError: When the numbers of operators differ, or an operator is modulated by itself or by one with
            a smaller number.

    Reference: Carson, Notes on the theory of modulation, Proc. IRE 1922. His rule is ``D + 1`` sidebands, for
        98 % of the power; the rest would be audible when it folds back.
    """
    require_batch("f0_hz", f0_hz, "batch frame")
    require_batch("levels", levels, "batch frame operator", ("f0_hz", f0_hz))
    require_whole(sample_rate=sample_rate)
    _require_routing(levels.shape[-1], ratios, modulators)
    nyquist = sample_rate / 2
    hz = f0_hz.to(torch.float64).clamp(min=1e-3)
    room: dict[int, Tensor] = {}  # of each carrier, Hz above it
    heard_through: dict[int, tuple[int, ...]] = {}  # of each operator, the carriers
    sidebands: dict[int, Tensor] = {}  # of each operator, at the carrier
    limited = []
    for number, level in enumerate(levels.to(torch.float64).unbind(-1), 1):
        own_hz = ratios[number - 1] * hz
        targets = [i for i, sources in enumerate(modulators, 1) if number in sources]
        if not targets:
            room[number] = (nyquist - own_hz).clamp(min=0)
            heard_through[number] = (number,)
            sidebands[number] = torch.ones_like(hz)
            limited.append(level * (_FADE * room[number] / nyquist).clamp(max=1))
            continue
        carriers = tuple(sorted({one for target in targets for one in heard_through[target]}))
        heard_through[number] = carriers
        times = torch.stack([sidebands[target] for target in targets]).amax(0)
        left = torch.stack([room[carrier] for carrier in carriers]).amin(0)
        most = (left / own_hz - 1).clamp(min=0) / _SPREAD
        index = torch.minimum(level, most / times.clamp(min=1e-9))
        depth = times * index
        sidebands[number] = _SPREAD * depth + (depth / _FAINT).clamp(max=1)
        for carrier in carriers:
            room[carrier] = (room[carrier] - sidebands[number] * own_hz).clamp(min=0)
        limited.append(index)
    return torch.stack(limited, dim=-1).to(levels.dtype)


def _require_routing(n_operators: int, ratios: Sequence[float | int], modulators: Modulators) -> None:
    if not n_operators == len(ratios) == len(modulators):
        raise ValueError(
            f"There are {n_operators} levels, {len(ratios)} ratios and the modulators of {len(modulators)} "
            "operators; give as many of each."
        )
    for number, sources in enumerate(modulators, 1):
        if any(not number < source <= n_operators for source in sources):
            raise ValueError(
                f"Operator {number} is modulated by {', '.join(map(str, sources))}; give numbers from "
                f"{number + 1} to {n_operators}."
            )
