"""Recipes: what is wrong with one is a sentence that names the place, the keys there are and the nearest."""

import math
import os
from pathlib import Path

import pytest

from oscine.errors import InputError
from oscine.models import TrainingConfig, load_recipe
from oscine.models.recipes import change_recipe, parse_yaml
from oscine.processors import HarmonicConfig, ReverbConfig


def test_an_unknown_recipe_or_key_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no recipe tinny; the nearest is tiny; there are articulatory, "):
        load_recipe("tinny")
    for key, value in (("training.batch_size", 0), ("name", 3), ("instrument", [1])):
        with pytest.raises(InputError) as refusal:
            load_recipe("tiny", {key: value})
        assert "permitted" not in str(refusal.value)
        assert "should be" not in str(refusal.value)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("training.batch", "training.batch_size"),
        ("training.batch_sise", "training.batch_size"),
        ("training.lr", "training.learning_rate"),
        ("training.crop", "training.crop_s"),
        ("batch_size", "training.batch_size"),
        ("trining.batch_size", "training.batch_size"),
        ("hidden_size", "instrument.controller.hidden_size"),
        ("instrument.hidden_size", "instrument.controller.hidden_size"),
        ("instrument.synths", "instrument.synth"),
        ("instrument.synth.harmonic.n_harmonic", "instrument.synth.harmonic.n_harmonics"),
        ("instrument.synth.0.n_harmonic", "instrument.synth.harmonic.n_harmonics"),
        ("instrument.synth.harmonics.n_harmonics", "instrument.synth.harmonic.n_harmonics"),
        ("instrument.synth.9.n_harmonics", "instrument.synth.harmonic.n_harmonics"),
        ("training.batch_size.much", "training.batch_size"),
    ],
)
def test_a_wrong_key_is_answered_with_the_right_one(key: str, meant: str) -> None:
    with pytest.raises(InputError) as refusal:
        load_recipe("tiny", {key: 4})
    said = str(refusal.value)
    assert f"is no key of the recipe; did you mean {meant}? " in said
    assert key in said or key.startswith("instrument.synth.0")


def test_what_is_like_no_key_gets_no_question() -> None:
    with pytest.raises(
        InputError, match=r"^xyzzy is no key of the recipe\. oscine recipes NAME lists the keys"
    ):
        load_recipe("tiny", {"xyzzy": 4})


def test_a_wrong_key_in_a_file_is_answered_at_every_depth(tmp_path: Path) -> None:
    path = tmp_path / "reed.yaml"
    chain = "{kind: chain, name: reed, parts: [{kind: pulse, harmonic: odd}, {kind: filter}]}"
    path.write_text(f"name: reed\ndescription: A reed.\ninstrument:\n  synth: [{chain}]\n")
    with pytest.raises(
        InputError, match=r"reed\.parts\.pulse\.harmonic is no key.* mean .*pulse\.harmonics\?"
    ):
        load_recipe(path)
    path.write_text("name: x\ndescription: y.\ninstrument: {}\ntraining: {batch: 4}\n")
    with pytest.raises(InputError, match=r"training\.batch is no key .* mean training\.batch_size\?"):
        load_recipe(path)


def test_a_part_that_the_recipe_leaves_to_the_default_can_be_set(tmp_path: Path) -> None:
    path = tmp_path / "plain.yaml"
    path.write_text("name: x\ndescription: y.\ninstrument: {}\n")
    (reverb,) = load_recipe(path, {"instrument.effects.reverb.ir_s": 2.0}).instrument.effects
    assert isinstance(reverb, ReverbConfig)
    assert reverb.ir_s == 2.0
    assert load_recipe(path).instrument.effects != (reverb,)


def test_absurd_sizes_are_refused() -> None:
    for name, field in TrainingConfig.model_fields.items():
        if field.annotation is int:
            with pytest.raises(InputError, match=f"training.{name} is 1000000000000; give a number "):
                load_recipe("tiny", {f"training.{name}": 10**12})
    with pytest.raises(InputError, match="crop_s is 1000000; give a number of at most 600"):
        load_recipe("tiny", {"training.crop_s": 1_000_000})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[" * 5_000, "nested too deeply|not YAML"),
        ("a: " * 3, "not YAML"),
        ("{a: " * 5_000, "nested too deeply|not YAML"),
        (f"seed: {'9' * 10_000}", "too many digits"),
        ("when: 2020-99-99", "a date that is none"),
        ("{[1]: 2}", "not YAML"),
        ("- a", "keys and values"),
        ("", "keys and values"),
        ("a: &a {b: 1}\nc: {<<: *a}", r"has an alias \(line 2\); write its values out"),
        ("x: &x [1]\ny: [*x, *x]", r"has an alias \(line 2\)"),
        ("a: &a [*a]", r"has an alias \(line 1\)"),
        ('name: "\\ud800"', "half a character"),
        ("!!python/object/apply:os.system [ls]", "not YAML"),
    ],
)
def test_hostile_yaml_is_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        load_recipe(path)


def test_a_bomb_of_aliases_ends_at_once() -> None:
    lines = ["x0: &x0 {a: 1}"]
    lines += [f"x{i}: &x{i} {{<<: [{', '.join([f'*x{i - 1}'] * 8)}]}}" for i in range(1, 12)]
    with pytest.raises(InputError, match=r"has an alias \(line 2\)"):
        parse_yaml("\n".join(lines), "The recipe")


def test_a_recipe_that_is_no_regular_file_or_too_large_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(InputError, match="not a regular file"):
        load_recipe(tmp_path / "pipe.yaml")
    with open(tmp_path / "large.yaml", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InputError, match="bytes"):
        load_recipe(tmp_path / "large.yaml")


def test_a_recipe_is_changed_by_the_same_keys() -> None:
    recipe = load_recipe("tiny")
    changed = change_recipe(recipe, {"training.seed": 3, "instrument.synth.noise.n_bands": 9})
    assert changed == load_recipe("tiny", {"training.seed": 3, "instrument.synth.noise.n_bands": 9})
    assert change_recipe(recipe, {}) == recipe
    assert parse_yaml("[1, a]", "x") == [1, "a"]


def test_recipes_reject_what_they_do_not_know(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no recipe marimba"):
        load_recipe("marimba")
    with pytest.raises(InputError, match="n_strings"):
        load_recipe("tiny", {"instrument.n_strings": 4})
    with pytest.raises(InputError, match="batch_size"):
        load_recipe("tiny", {"training.batch_size": 0})
    for name in ("training.crop_s", "training.gradient_clip", "instrument.effects.reverb.ir_s"):
        with pytest.raises(InputError, match=f"{name.split('.')[-1]} is inf; give a finite"):
            load_recipe("tiny", {name: math.inf})
    for name in ("name.first", "instrument.synth.piano.n_harmonics", "instrument.synth.2"):
        with pytest.raises(InputError, match="is no key of the recipe"):
            load_recipe("tiny", {name: 0})
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\n  description: [")
    with pytest.raises(InputError, match="not YAML"):
        load_recipe(path)
    path.write_bytes("name: gämshorn".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        load_recipe(path)
    path.write_text("- a")
    with pytest.raises(InputError, match="keys and values"):
        load_recipe(path)
    path.write_text("name: mine\ndescription: x\ninstrument: {synth: [{kind: harmonic, n_harmonics: 7}]}\n")
    assert load_recipe(path, {"training.seed": 3}).training.seed == 3


def test_a_setting_reaches_into_a_list_by_kind_by_name_or_by_number(tmp_path: Path) -> None:
    path = tmp_path / "pair.yaml"
    path.write_text(
        "name: pair\ndescription: x\n"
        "instrument: {synth: [{kind: harmonic}, {kind: harmonic, name: octave}], effects: []}\n"
    )
    settings = {
        "instrument.synth.harmonic.n_harmonics": 3,
        "instrument.synth.octave.n_harmonics": 4,
        "instrument.synth.1.ratio": 0.5,
        "instrument.inputs": [{"kind": "f0"}, {"kind": "level"}],
    }
    first, second = load_recipe(path, settings).instrument.synth
    assert first == HarmonicConfig(n_harmonics=3)
    assert second == HarmonicConfig(name="octave", n_harmonics=4, ratio=0.5)
