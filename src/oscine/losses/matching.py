"""The controls of one instrument in the sizes of another's, so that the two can be compared."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.functional.activations import normalize_distribution
from oscine.processors.control import Control


def shared_controls(ours: Sequence[Control], theirs: Sequence[Control]) -> tuple[Control, ...]:
    """Return those of our controls that the other instrument has as well.

    Two controls are the same if name, unit, activation and axis are, and they have one size or an axis:
    harmonics and frequency bands are comparable in any number.
    """
    by_name = {control.name: control for control in theirs}
    return tuple(
        control for control in ours if control.name in by_name and _is_same(control, by_name[control.name])
    )


def _is_same(ours: Control, theirs: Control) -> bool:
    if (ours.unit, ours.activation, ours.axis) != (theirs.unit, theirs.activation, theirs.axis):
        return False
    return ours.size == theirs.size or (ours.axis is not None and min(ours.size, theirs.size) > 0)


def in_sizes_of(
    ours: Sequence[Control],
    values: Mapping[str, Tensor],
    f0_hz: Float[Tensor, "batch frame"] | None = None,
    nyquist_hz: float | int = 0.0,
) -> dict[str, Tensor]:
    """Return the values of another instrument's controls in the sizes of ours.

    ======================  ==========================================================================
    harmonic distribution   the first harmonics, or zeros behind the last one. Where harmonics are cut
                            off, the amplitude of the same part loses their share
    other harmonics         the first ones, or zeros behind the last one
    frequency bands         linear interpolation between 0 and Nyquist
    ======================  ==========================================================================

    Args:
        ours: The controls to return, from `shared_controls`.
        values: The other instrument's, by name; what is not asked for is ignored.
        f0_hz: The pitch. Harmonics at or above ``nyquist_hz`` are silent, so they have no share; without a
            pitch all have one.
        nyquist_hz: Half the sample rate.

    Examples:
        >>> from oscine.losses import in_sizes_of
        >>> bands = Control("magnitudes", 3, "linear", 0.0, 2.0, "exp_sigmoid", axis="frequency")
        >>> in_sizes_of([bands], {"magnitudes": torch.tensor([[[0.0, 1.0, 2.0, 3.0, 4.0]]])})["magnitudes"]
        tensor([[[0., 2., 4.]]])
    """
    matched = {control.name: values[control.name] for control in ours}
    for control in ours:
        value = values[control.name]
        if not control.size or value.shape[-1] == control.size:
            continue
        if control.axis == "frequency":
            matched[control.name] = _bands(value, control.size)
            continue
        matched[control.name] = _first(value, control.size)
        if control.activation == "distribution" and value.shape[-1] > control.size:
            amplitude = f"{control.name.rpartition('.')[0]}.amplitude".lstrip(".")
            if amplitude in matched:
                share = _share(value, control.size, f0_hz, nyquist_hz)
                matched[amplitude] = matched[amplitude] * share
    return matched


def _bands(value: Float[Tensor, "batch frame band"], size: int) -> Float[Tensor, "batch frame other"]:
    return torch.nn.functional.interpolate(value, size, mode="linear", align_corners=True)


def _first(value: Float[Tensor, "batch frame harmonic"], size: int) -> Float[Tensor, "batch frame other"]:
    return torch.nn.functional.pad(value, (0, size - value.shape[-1]))


def _share(
    weights: Float[Tensor, "batch frame harmonic"],
    size: int,
    f0_hz: Float[Tensor, "batch frame"] | None,
    nyquist_hz: float,
) -> Float[Tensor, "batch frame"]:
    """Return the share of the first ``size`` harmonics in the sum of those that sound."""
    if f0_hz is not None:
        number = torch.arange(1, weights.shape[-1] + 1, device=weights.device)
        weights = weights * (f0_hz.unsqueeze(-1) * number < nyquist_hz)
    return normalize_distribution(weights)[..., :size].sum(-1)
