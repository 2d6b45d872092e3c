"""A saved instrument's folder may be anybody's: what is wrong with it is a sentence, and costs no memory."""

import hashlib
import json
import math
import os
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import annotated_types
import pytest
import torch
import yaml
from pydantic import BaseModel
from safetensors.torch import load_file, save_file

from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig, Recipe, list_recipes, load_recipe
from oscine.models.card import model_card
from oscine.models.saved import CONFIG, WEIGHTS, SavedConfig
from oscine.voices.converter import ConverterConfig
from oscine.voices.enhancer import EnhancerConfig
from oscine.voices.envelope_flow import EnvelopeFlowConfig

SMALL = {
    "sample_rate": 16_000,
    "hop_length": 64,
    "controller": {"hidden_size": 8},
    "synth": [{"kind": "harmonic", "n_harmonics": 5}, {"kind": "noise", "n_bands": 5}],
    "effects": [],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a small instrument."""
    place = tmp_path / "violin"
    Instrument(InstrumentConfig.model_validate(SMALL)).save_pretrained(place, licence="CC BY 4.0")
    return place


def _change(folder: Path, content: bytes | None = None, **instrument: Any) -> None:
    """Replace the weights, or values of the config, and make the sha256 fit, as an attacker would."""
    if content is not None:
        (folder / WEIGHTS).write_bytes(content)
    config = json.loads((folder / CONFIG).read_text())
    config["instrument"] |= instrument
    config["weights_sha256"] = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    (folder / CONFIG).write_text(json.dumps(config))


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_is_saved_and_loaded(tmp_path: Path, name: str) -> None:
    instrument = Instrument(load_recipe(name).instrument)
    instrument.save_pretrained(tmp_path / "x")
    loaded = Instrument.from_pretrained(tmp_path / "x").state_dict()
    assert all(torch.equal(loaded[key], tensor) for key, tensor in instrument.state_dict().items())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"torn",
        (1 << 62).to_bytes(8, "little") + b"{}",
        (100_000).to_bytes(8, "little") + b'{"a":' * 20_000,
        b"\x80\x04\x95" + bytes(99),
        b"PK\x03\x04" + bytes(99),
    ],
)
def test_weights_that_are_none_are_a_sentence(folder: Path, content: bytes) -> None:
    _change(folder, content)
    with pytest.raises(InputError, match=r"model\.safetensors.*again\."):
        Instrument.from_pretrained(folder)


def test_weights_of_another_shape_or_name_are_a_sentence(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    name = next(iter(weights))
    for changed in (
        weights | {name: weights[name][..., :1].clone()},
        {key: tensor for key, tensor in weights.items() if key != name},
        weights | {"more": torch.zeros(3)},
        weights | {name: weights[name].double()},
    ):
        save_file(changed, folder / WEIGHTS)
        _change(folder)
        with pytest.raises(InputError, match="do not fit its config"):
            Instrument.from_pretrained(folder)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_a_sentence(folder: Path, value: float) -> None:
    weights = load_file(folder / WEIGHTS)
    name = list(weights)[-1]
    weights[name].reshape(-1)[0] = value
    save_file(weights, folder / WEIGHTS)
    _change(folder)
    with pytest.raises(InputError, match=rf"model\.safetensors are not all finite numbers: {name} is not"):
        Instrument.from_pretrained(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"controller": {"hidden_size": 4096, "mlp_size": 4096, "n_mlp_layers": 16}},
        {"controller": {"hidden_size": 20_000}},
        {"synth": [{"kind": "harmonic", "n_harmonics": 100_000_000}]},
        {"effects": [{"kind": "reverb", "ir_s": 1e9}]},
        {"inputs": [{"kind": "curve", "name": f"a{i}"} for i in range(100_000)]},
        {"inputs": [{"kind": "f0"}, {"kind": "identity", "names": ["x"] * 1_000_000}]},
        {"inputs": [{"kind": "f0", "encoder": {"n_mels": 10**9}}]},
    ],
)
def test_a_small_config_does_not_take_much_memory(
    folder: Path, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _change(folder, **changes)
    most = _largest_allocation(monkeypatch)
    with pytest.raises(InputError):
        Instrument.from_pretrained(folder)
    assert most[0] < 30e6


def _largest_allocation(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return where the bytes of the largest parameter made from now on, on a real device, will stand."""
    most = [0.0]
    make = torch.nn.Parameter.__new__

    def noted(cls, data=None, requires_grad=True):
        if data is not None and data.device.type != "meta":
            most[0] = max(most[0], float(data.numel() * data.element_size()))
        return make(cls, data, requires_grad)

    monkeypatch.setattr(torch.nn.Parameter, "__new__", noted)
    return most


def _fields(model: type[BaseModel], seen: set[type]) -> Iterator[tuple[str, Any, list[Any]]]:
    """Yield the fields of a config and of all configs in it: name, type, constraints."""
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        yield f"{model.__name__}.{name}", field.annotation, field.metadata
        for inner in _models(field.annotation):
            yield from _fields(inner, seen)


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for inner in get_args(kind):
        yield from _models(inner)


@pytest.mark.parametrize("config", [Recipe, ConverterConfig, EnhancerConfig, EnvelopeFlowConfig], ids=str)
def test_every_whole_number_and_list_of_a_config_is_bounded(config: type[BaseModel]) -> None:
    unbounded = []
    for name, kind, constraints in _fields(config, set()):
        kinds = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
        has = {type(one) for one in constraints}
        upper = {annotated_types.Le, annotated_types.Lt}
        if int in kinds and not has & upper:
            unbounded.append(name)
        if any(get_origin(one) is tuple and int in get_args(one) for one in kinds):
            unbounded.append(name)
        if any(get_origin(one) is tuple and Ellipsis in get_args(one) for one in kinds):
            limited = annotated_types.MaxLen in has or any(
                get_origin(one) is Annotated for one in get_args(kind)
            )
            if not limited:
                unbounded.append(name)
    assert not unbounded


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"format": ' + "9" * 10_000 + "}", "10000 digits"),
        ("[]", "not an instrument's config"),
        ("{}", "instrument is missing"),
        ('{"format": 9}', "format is 9; give 3"),
        ('{"format": 2, "instrument": 3}', "format is 2; give 3"),
        ('{"format": 2, "instrument": {"curves": 3}}', "curve.name is 3"),
        ('{"format": 1, "instrument": {"reverb_s": 1e999}}', "ir_s is inf; give a finite number"),
        ('{"formats": 3}', "instrument is missing|the nearest is format"),
        ("nothing", "not JSON"),
        (r'{"card": {"licence": "\ud800"}}', "half a character"),
    ],
)
def test_a_config_that_breaks_readers_is_a_sentence(folder: Path, text: str, sentence: str) -> None:
    (folder / CONFIG).write_text(text)
    with pytest.raises(InputError, match=sentence):
        Instrument.from_pretrained(folder)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_pipes_and_devices_are_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to("/dev/zero")
    with pytest.raises(InputError, match="not a regular file"):
        Instrument.from_pretrained(folder)
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(InputError, match="not a regular file"):
        Instrument.from_pretrained(folder)


@pytest.mark.parametrize("kind", ["sum", "chain"])
def test_parts_inside_parts_are_counted(folder: Path, kind: str) -> None:
    def inside(depth: int) -> dict[str, Any]:
        if not depth:
            return {"kind": "noise"}
        parts = [inside(depth - 1)] * (kind == "chain") or [
            {**inside(depth - 1), "name": f"a{i}"} for i in range(12)
        ]
        return {"kind": kind, "parts": parts}

    content = json.loads((folder / CONFIG).read_text())
    content["instrument"]["synth"] = [inside(150 if kind == "chain" else 2)]
    (folder / CONFIG).write_text(json.dumps(content))
    with pytest.raises(InputError, match="inside chains and sums included; give at most 128"):
        Instrument.from_pretrained(folder)


def test_a_config_that_cannot_be_built_is_a_sentence(folder: Path) -> None:
    _change(folder, inputs=[{"kind": "f0"}, {"kind": "f0"}])
    with pytest.raises(InputError, match=r"config\.json can't be used: The input f0_hz stands twice"):
        Instrument.from_pretrained(folder)


CONFIGURED = InstrumentConfig.model_validate(SMALL)


@pytest.mark.parametrize(
    ("licence", "head"),
    [
        ("CC BY 4.0", {"license": "cc-by-4.0"}),
        ("cc-by-nc-sa-4.0", {"license": "cc-by-nc-sa-4.0"}),
        (
            "mine: do what you like",
            {"license": "other", "license_name": "mine-do-what-you-like"},
        ),
        ("---\nevil: yes", {"license": "other", "license_name": "evil-yes"}),
        ("©", {"license": "other", "license_name": "other"}),
        (None, {}),
    ],
)
def test_a_card_has_front_matter_that_is_yaml(licence: str | None, head: dict[str, str]) -> None:
    text = model_card(
        "violin", CONFIGURED, None, {"licence": licence, "credit": "Ada\n---"} if licence else {}
    )
    _, front, body = text.split("---\n", 2)
    said = yaml.safe_load(front)
    assert {key: said.pop(key) for key in head} == head
    tags = ["ddsp", "audio", "oscine"]
    assert said == {"library_name": "oscine", "pipeline_tag": "audio-to-audio", "tags": tags}
    assert body.startswith("\n# violin\n")
    assert licence is None or " ".join(licence.split()) in body


def test_a_card_has_places_for_a_table_a_command_and_a_sound() -> None:
    facts = {"description": "A\nviolin.", "reproduce": "make\nit", "evaluation": {"a|b": 1, "c": "2\n3"}}
    text = model_card("violin", CONFIGURED, None, facts, "sound.flac")
    assert "\n# violin\n\nA violin.\n" in text
    assert "\n    make it\n" in text
    assert "| a\\|b | 1 |\n| c | 2 3 |\n" in text
    assert '<audio controls src="sound.flac"></audio>' in text
    assert "description:" not in text
    assert "\nnot a table\n" in model_card("violin", CONFIGURED, None, {"evaluation": "not a\ntable"})


@pytest.mark.parametrize("mine", [None, "# My violin\n", "edited", b"\xff"])
def test_a_readme_that_the_user_edited_stays(folder: Path, mine: str | bytes | None) -> None:
    readme = folder / "README.md"
    if mine is not None:
        text = readme.read_text() if mine == "edited" else ""
        content = text.replace("for Oscine", "of mine") or mine
        readme.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = readme.read_bytes()
    Instrument.from_pretrained(folder).save_pretrained(folder, licence="MIT")
    assert json.loads((folder / CONFIG).read_text())["card"] == {"licence": "MIT"}
    assert (readme.read_bytes() == before) == (mine is not None)
    assert mine is not None or "license: mit" in readme.read_text()
    readme.unlink()
    Instrument.from_pretrained(folder).save_pretrained(folder)
    assert "license: mit" in readme.read_text()


def test_a_saved_config_refuses_what_is_no_hash() -> None:
    with pytest.raises(ValueError, match="weights_sha256"):
        SavedConfig(instrument=CONFIGURED, weights_sha256="x")
    assert math.isfinite(CONFIGURED.frame_rate)


def test_names_that_are_no_instrument(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in (tmp_path / "nothing", tmp_path / "file", "kazoo"):
        with pytest.raises(InputError):
            Instrument.from_pretrained(name)
