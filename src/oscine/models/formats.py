"""Saved instruments of earlier formats, brought to today's: their config and the names of their weights."""

from collections.abc import Mapping
from typing import Any, TypeVar

Weight = TypeVar("Weight")

FORMAT = 3

_RENAMED = {
    "controller.gru.": "controller.core.gru.",  # format 1
    "room.": "effects.parts.reverb.",
    "timbre_encoder.": "inputs.z.encoder.",
    "pitch_encoder.": "inputs.f0_hz.encoder.",
    "voices.": "inputs.identity.embedding.",
}
#: Buffers of earlier formats that the statistics give today.
_DROPPED = ("curve_scale",)
_CURVES = {"periodicity": {"kind": "periodicity"}, "centroid": {"kind": "centroid"}}


def upgrade_config(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a config.json of any format as one of today's.

    What is not understood is left for today's checks to refuse.
    """
    version = content.get("format")
    old = content.get("instrument")
    if version not in (1, 2) or not isinstance(old, dict):
        return content
    return content | {"format": FORMAT, "instrument": _instrument(old)}


def _instrument(old: dict[str, Any]) -> dict[str, Any]:
    """Return an instrument's config from the one of formats 1 and 2."""
    old = dict(old)
    new = {name: old.pop(name) for name in ("sample_rate", "hop_length", "controller") if name in old}
    inputs: list[dict[str, Any]] = [{"kind": "f0", "encoder": old.pop("pitch_encoder", None)}]
    loudness = old.pop("loudness") if old.get("loudness") in ("paper", "both", "later") else "later"
    inputs += [{"kind": "loudness"}] if loudness != "paper" else []
    inputs += [{"kind": "paper_loudness"}] if loudness != "later" else []
    encoder = old.pop("timbre_encoder", None)
    inputs += [] if encoder is None else [{"kind": "z", "encoder": encoder}]
    curves = old.pop("curves", [])
    curves = curves if isinstance(curves, list) else [curves]
    inputs += [_CURVES.get(str(name), {"kind": "curve", "name": name}) for name in curves]
    names, size = old.pop("voices", ()), old.pop("voice_size", 0)
    inputs += [{"kind": "identity", "names": names, "size": size}] if names else []
    synth = [
        {"kind": "harmonic", "n_harmonics": old.pop("n_harmonics", 100)},
        {"kind": "noise", "n_bands": old.pop("n_noise_bands", 65)},
    ]
    reverb_s, sample_rate = old.pop("reverb_s", 1.0), new.get("sample_rate", 44_100)
    numbers = isinstance(reverb_s, int | float) and isinstance(sample_rate, int | float)
    # Less than two samples of reverb were none.
    effects = [] if numbers and reverb_s * sample_rate < 1.5 else [{"kind": "reverb", "ir_s": reverb_s}]
    return new | {"inputs": inputs, "synth": synth, "effects": effects} | old


def upgrade_weights(weights: Mapping[str, Weight]) -> dict[str, Weight]:
    """Return the weights, or what is known of each, by today's names."""
    renamed: dict[str, Weight] = {}
    for name, weight in weights.items():
        prefix = next((old for old in _RENAMED if name.startswith(old)), "")
        if name not in _DROPPED:
            renamed[_RENAMED.get(prefix, "") + name.removeprefix(prefix)] = weight
    return renamed
