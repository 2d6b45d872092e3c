"""Distances between controls, for training where the true controls are known.

On synthetic tones (`oscine.data.synthetic`) every control is known. A network that is trained on
controls learns faster than from audio alone, and without the wrong minima of spectral losses. The declaration
of a control determines its distance, so a new processor needs no new loss.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.errors import InputError
from oscine.functional.activations import normalize_distribution
from oscine.functional.units import amplitude_to_db
from oscine.processors.control import Control

_DB_PER_SEMITONE = 6.0
_SHARE_PER_SEMITONE = 0.2
_RANGE_PER_SEMITONE = 0.1


def parameter_loss(
    predicted: dict[str, Tensor],
    target: dict[str, Tensor],
    controls: tuple[Control, ...],
    *,
    floor_db: int | float = -80.0,
) -> Float[Tensor, ""]:
    """Return the sum of all controls' distances, in semitones or equivalents of a semitone.

    Equivalent to a semitone are 6 dB of an amplitude, a fifth of the harmonics' amplitude at the wrong
    harmonics, and a tenth of the range of any other control.

    Args:
        predicted: The controls' values by name; they receive the gradient.
        target: The true values, of the same shapes.
        controls: Declarations of all controls to compare, such as ``oscillator.controls + noise.controls``.
        floor_db: Amplitudes below are silence, in dB of full scale.

    Raises:
        InputError: When a control is missing or its shapes differ.

    Reference: Engel et al., Self-supervised Pitch Detection by Inverse Audio Synthesis, ICML 2020 workshop.
        Here the distances have perceptual units, and the weight is the level in dB instead of a threshold.

    Examples:
        >>> f0 = Control("f0_hz", 0, "Hz", 1.0, 8000.0, "log")
        >>> low, high = {"f0_hz": torch.full((1, 4), 220.0)}, {"f0_hz": torch.full((1, 4), 440.0)}
        >>> float(parameter_loss(low, high, (f0,)))
        12.0
    """
    distances = parameter_distances(predicted, target, controls, floor_db=floor_db)
    total = torch.zeros((), device=next(iter(distances.values())).device) if distances else torch.zeros(())
    for control in controls:
        total = total + distances[control.name] / _as_bad_as_a_semitone(control)
    return total


def parameter_distances(
    predicted: dict[str, Tensor],
    target: dict[str, Tensor],
    controls: tuple[Control, ...],
    *,
    floor_db: int | float = -80.0,
) -> dict[str, Float[Tensor, ""]]:
    """Return each control's mean distance over batch and frames, in the unit of its declaration.

    ======================  ==========================================================================
    frequency (Hz)          ``|12 log2(p / t)|``, semitones
    amplitude, magnitudes   ``|L(p) − L(t)|``, ``L(a) = 20 log10(a + floor)``, dB
    distribution            ``½ Σ_k |p_k − t_k|``, the misplaced share of the amplitude, 0 … 1
    turns                   the shorter distance round, as a share of the range
    log curve               ``|ln(p / t)| / ln(maximum / minimum)``
    anything else           ``|p − t| / (maximum − minimum)``
    ======================  ==========================================================================

    Inaudible controls have no true value, so all controls but amplitudes are averaged with the weight ``1 −
    level / floor`` (1 at full scale, 0 at and below the floor). The level is the target's amplitude: the one
    without channels, or else one with as many channels as the control. Harmonics at or above the Nyquist
    frequency (the maximum of f0's declaration) are removed from both distributions before these are
    normalised.

    Args:
        predicted: The controls' values by name.
        target: The true values, of the same shapes.
        controls: Declarations of all controls to compare.
        floor_db: Amplitudes below are silence, in dB of full scale.

    Raises:
        InputError: When a control is missing or its shapes differ.
    """
    distances = {}
    for control in controls:
        ours, true = _values(control, predicted, "predicted"), _values(control, target, "target")
        if ours.shape != true.shape:
            raise InputError(
                f"{control.name} is {tuple(ours.shape)} in predicted, {tuple(true.shape)} in target; "
                "give both the same batch, frames and channels."
            )
        if control.activation == "distribution":
            heard = _below_nyquist(control, target, controls)
            ours, true = normalize_distribution(ours * heard), normalize_distribution(true * heard)
            distance = 0.5 * (ours - true).abs().sum(-1)
        else:
            distance = _distance(control, ours, true, floor_db)
        weight = _audibility(control, target, controls, floor_db)
        if weight is None:
            distances[control.name] = distance.mean()
            continue
        while weight.ndim < distance.ndim:
            weight = weight.unsqueeze(-1)
        weight = weight.expand_as(distance)
        # If the sum of weights is smaller, no frame is audible, and all weights are zero.
        distances[control.name] = (weight * distance).sum() / weight.sum().clamp(min=1e-6)
    return distances


def _as_bad_as_a_semitone(control: Control) -> float:
    if control.unit == "Hz":
        return 1.0
    if control.activation == "exp_sigmoid":
        return _DB_PER_SEMITONE
    return _SHARE_PER_SEMITONE if control.activation == "distribution" else _RANGE_PER_SEMITONE


def _values(control: Control, values: dict[str, Tensor], whose: str) -> Tensor:
    if control.name not in values:
        raise InputError(f"{whose} has no {control.name}; give every declared control.")
    return values[control.name]


def _distance(control: Control, ours: Tensor, true: Tensor, floor_db: float) -> Tensor:
    if control.unit == "Hz":
        # f0 may be 0 where the target is silent: its logarithm would make the gradient NaN, even at weight 0.
        return 12.0 * (ours.clamp(min=1.0) / true.clamp(min=1.0)).log2().abs()
    if control.activation == "exp_sigmoid":
        floor = 10.0 ** (floor_db / 20.0)
        return 20.0 * ((ours + floor) / (true + floor)).log10().abs()
    if control.activation == "log":
        return (ours / true).log().abs() / math.log(control.maximum / control.minimum)
    difference = ours - true
    if control.unit == "turns":
        difference = difference - difference.round()
    return difference.abs() / (control.maximum - control.minimum)


def _below_nyquist(control: Control, target: dict[str, Tensor], controls: tuple[Control, ...]) -> Tensor:
    weights = target[control.name]
    for other in controls:
        if other.unit == "Hz" and other.size == 0:
            number = torch.arange(1, weights.shape[-1] + 1, device=weights.device)
            return target[other.name].unsqueeze(-1) * number < other.maximum
    return torch.ones_like(weights, dtype=torch.bool)


def _audibility(
    control: Control, target: dict[str, Tensor], controls: tuple[Control, ...], floor_db: float
) -> Tensor | None:
    if control.activation == "exp_sigmoid":
        return None
    amplitudes = [other for other in controls if other.activation == "exp_sigmoid" and other.name in target]
    for size in (0, control.size):
        for amplitude in amplitudes:
            if amplitude.size == size:
                level_db = amplitude_to_db(target[amplitude.name], floor_db)
                return (1.0 - level_db / floor_db).clamp(0.0, 1.0)
    return None
