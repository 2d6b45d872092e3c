"""What is told of an instrument: its range, inputs, size, rights, and where it can go."""

import importlib.util
from pathlib import Path
from typing import Any

from oscine import instruments
from oscine.errors import InputError
from oscine.export.dx7 import dx7_voice
from oscine.export.exporting import FORMATS
from oscine.export.plugin import PLUGIN_FORMATS, plugin_files
from oscine.export.wavetable_file import wavetable_file
from oscine.models import Instrument
from oscine.models.card import rights_of
from oscine.note_names import note_name
from oscine.streaming import NotCompilable
from oscine.transfer.sliders import sliders_of

LABELS = {
    "zip": "Instrument's folder (zip)",
    "oscine": "Program file for Oscine's players and plug-ins",
    "c": "C++ source",
    "web": "Web page",
    "clap": "CLAP plug-in",
    "vst3": "VST3 plug-in",
    "lv2": "LV2 plug-in",
    "pd": "Pure Data external",
    "onnx": "ONNX graphs",
    "nn": "nn~ model (TorchScript)",
    "neutone": "Neutone FX model",
    "syx": "DX7 voice (SysEx)",
    "wavetable": "Wavetable (WAV)",
}
_NEEDED = {"onnx": ("onnx", "onnxscript")}


def describe(folder: str) -> dict[str, Any]:
    """Return what is told of the instrument in a folder, after it was loaded and found to be one.

    Args:
        folder: Anybody's; call this in a process with limits.

    Raises:
        InputError: When it is none, or damaged.
    """
    place = Path(folder)
    try:
        instrument = Instrument.from_pretrained(place)
    except InputError as error:
        raise InputError(str(error).replace(f"{place}/", "").replace(str(place), "This folder")) from None
    card, statistics = instrument.card, instrument.statistics
    pitches = None
    if statistics is not None and "f0_hz" in instrument.inputs:
        low, high = (statistics.pitch_midi_quantiles[q] for q in (1, 99))
        words = f"{note_name(round(low))} to {note_name(round(high))}"
        pitches = {"low_midi": round(low, 1), "high_midi": round(high, 1), "words": words}
    return {
        "description": text_of(card, "description"),
        "range": pitches,
        "identities": list(instrument.config.identities),
        "inputs": list(instrument.inputs),
        "needs_pitch": "f0_hz" in instrument.inputs,
        "sample_rate": instrument.sample_rate,
        "parameters": instrument.n_parameters,
        "size_bytes": sum(one.stat().st_size for one in place.iterdir() if one.is_file()),
        "licence": text_of(card, "licence"),
        "credit": text_of(card, "credit"),
        "consent": True if card.get("consent") else None,
        "can_export": ["zip", *_formats(instrument)],
        "controls": [one._asdict() for one in sliders_of(instrument)],
        "by_notes": instrument.config.notes is not None,
    }


def describe_bundled() -> list[dict[str, Any]]:
    """Return what is told of each instrument in the package."""
    return [
        describe(str(instruments.path(name))) | {"id": name, "name": name} for name in instruments.names()
    ]


def text_of(card: dict[str, Any], name: str) -> str:
    """Return a fact of a card as a text, empty where there is none."""
    return str(card.get(name) or "")[:4000]


def write_card(folder: Path, card: dict[str, object]) -> None:
    """Change facts of a saved instrument's card.

    Args:
        folder: The instrument's.
        card: What is set; None takes a fact out. ``consent``: True where the person agreed.
    """
    instrument = Instrument.from_pretrained(folder)
    card = {**card, "consent": rights_of(consent=card.get("consent") is True).get("consent")}
    for name, fact in card.items():
        if fact is None or fact == "":
            instrument.card.pop(name, None)
        else:
            instrument.card[name] = fact
    instrument.save_pretrained(folder)


def _formats(instrument: Instrument) -> list[str]:
    """Return the formats that the instrument can be exported to here."""
    can: set[str] = set()
    try:
        instrument.program()
    except NotCompilable:
        pass
    else:
        can |= {"oscine", "c", "pd", "nn", "web"}
        can |= {form for form in PLUGIN_FORMATS if _has_plugin(form)}
        can |= {
            form for form, names in _NEEDED.items() if all(importlib.util.find_spec(name) for name in names)
        }
        if {"f0_hz", "loudness_db"} >= set(instrument.inputs):
            can.add("neutone")
    for form, make in (
        ("syx", lambda: dx7_voice(instrument, "x")),
        ("wavetable", lambda: wavetable_file(instrument, "")),
    ):
        try:
            make()
        except InputError:
            continue
        can.add(form)
    return [form for form in FORMATS if form in can]


def _has_plugin(form: Any) -> bool:
    try:
        return bool(plugin_files(b"", "x", form, ""))
    except InputError:
        return False
