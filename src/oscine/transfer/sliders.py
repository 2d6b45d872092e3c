"""Sliders of an instrument: offsets on the controls that its network predicts, from their declarations."""

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.errors import InputError
from oscine.models import Instrument
from oscine.processors import Control


class Slider(NamedTuple):
    """A control of an instrument that can be offset, and its range; 0 is the learned value."""

    name: str
    """Of the control, ``part.control``."""
    label: str
    """For people."""
    unit: str
    """``dB``: a gain. ``dB/octave``: a tilt, which leaves the first channel as it is. Empty: of the range."""
    low: float
    high: float
    default: float = 0.0


def sliders_of(instrument: Instrument) -> list[Slider]:
    """Return a slider for each control that the instrument's network predicts.

    Examples:
        >>> from oscine.models import Instrument, InstrumentConfig
        >>> sliders_of(Instrument(InstrumentConfig()))[0].label
        'Harmonic: amplitude'
    """
    return [_slider(control) for control in instrument.controls]


def with_sliders(instrument: Instrument, values: Mapping[str, float | int]) -> Instrument:
    """Return an instrument whose controls are offset; the one given stays as it is.

    A gain is a factor on the control and on its maximum. A tilt, or an offset in the range, is one of the
    bias of the network's last layer. So the instrument plays and compiles as any other.

    Args:
        instrument: The instrument.
        values: The sliders' values by name; those left out are 0.

    Raises:
        InputError: When there is no such slider, or a value is out of its range.
    """
    sliders = {one.name: one for one in sliders_of(instrument)}
    for name, value in values.items():
        if name not in sliders:
            names = ", ".join(sliders) or "none"
            raise InputError(f"The instrument has no slider '{name[:80]}'; there are {names}.")
        low, high = sliders[name].low, sliders[name].high
        if not low <= value <= high:
            raise InputError(f"The slider {name} is {value:g}; give a number from {low:g} to {high:g}.")
    if not any(values.values()):
        return instrument
    changed = copy.deepcopy(instrument)
    moved = [(control, values.get(control.name, 0.0)) for control in changed.controls]
    with torch.no_grad():
        bias = changed.controller.head.bias
        bias.add_(torch.cat([_offset(control, value) for control, value in moved]).to(bias.device))
    changed.controls = tuple(
        replace(control, maximum=control.maximum * 10 ** (value / 20)) if _is_gain(control) else control
        for control, value in moved
    )
    return changed


def _is_gain(control: Control) -> bool:
    return control.activation == "exp_sigmoid"


def _slider(control: Control) -> Slider:
    words = [part.replace("_", " ") for part in control.name.split(".")]
    label = f"{words[0].capitalize()}: {' '.join(words[1:])}" if len(words) > 1 else words[0].capitalize()
    if control.activation in ("distribution", "softmax") and control.axis is not None:
        label = f"{words[0].capitalize()}: brightness"
        return Slider(control.name, label, "dB/octave", -12.0, 12.0)
    if _is_gain(control):
        return Slider(control.name, label, "dB", -24.0, 24.0)
    return Slider(control.name, label, "", -1.0, 1.0)


def _offset(control: Control, value: float) -> Float[Tensor, " channel"]:
    """Return what is added to the network's output, before the activation, of each channel."""
    slider = _slider(control)
    if _is_gain(control):
        return torch.zeros(control.width)
    if slider.unit == "dB/octave":
        octaves = torch.log2(torch.arange(1.0, control.width + 1))
        # A softmax turns a sum into a factor of e, an exponential sigmoid into one of 10.
        per_db = math.log(10) / 20 if control.activation == "softmax" else 1 / 20
        return octaves * value * per_db
    # Over the range of a sigmoid: 1 moves the middle to 98 % of the range.
    return torch.full((control.width,), 4.0 * value)
