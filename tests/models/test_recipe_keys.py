"""Every key of every recipe has its sentence, and every recipe its time."""

import pytest

from oscine.models import list_recipes, load_recipe
from oscine.models.recipe_cost import Cost, training_cost
from oscine.models.recipe_keys import key_tables, recipe_keys


def test_every_key_says_what_it_is() -> None:
    tables = key_tables()
    paths = [table.path for table in tables]
    assert {"training", "distillation", "instrument.controller", "instrument.synth.harmonic"} <= set(paths)
    assert len(paths) == len(set(paths))
    for table in tables:
        for key in table.keys:
            assert key.about, f"{table.path}.{key.key}"
            assert key.kind, f"{table.path}.{key.key}"
            assert not key.key.endswith(("_s", "_db", "_hz", "_steps", "_frames")) or key.unit, key.key


def test_units_and_bounds_are_told() -> None:
    found = {f"{table.path}.{key.key}": key for table in key_tables() for key in table.keys}
    told = {name: (found[name].unit, found[name].default, found[name].bounds) for name in found}
    assert told["training.crop_s"] == ("s", 1.0, "above 0, at most 600")
    assert told["training.batch_size"] == ("crops", 8, "at least 1, at most 4096")
    assert told["training.learning_rate"] == ("", 0.001, "above 0, at most 1")
    assert told["training.seed"] == ("", 0, "at least 0, below 2147483648")
    assert told["instrument.hop_length"][0] == "samples"
    assert told["instrument.synth.reverb.ir_s"][0] == "s"
    assert told["instrument.synth.neural_filter.kernel_size"][0] == "samples"
    assert found["instrument.controller.kind"].kind == "gru, tcn, conformer"
    assert found["instrument.gate_below_db"].kind == "number, null"


@pytest.mark.parametrize("name", list_recipes())
def test_a_key_that_is_listed_can_be_set_to_the_value_that_is_shown(name: str) -> None:
    recipe = load_recipe(name)
    keys = {one.key: one.value for one in recipe_keys(recipe)}
    assert load_recipe(name, keys) == recipe


def test_the_time_of_every_recipe_was_measured() -> None:
    costs = {name: training_cost(name) for name in list_recipes()}
    assert all(isinstance(cost, Cost) for cost in costs.values())
    told = {name: cost.gpu for name, cost in costs.items() if cost is not None}
    assert told["tiny"] == told["default"] == "not needed"
    assert told["autoencoder"] == told["solo"] == "needed"
    assert training_cost("mine.yaml") is None


def test_what_is_slow_on_a_cpu_says_so_in_its_purpose() -> None:
    for name in list_recipes():
        cost = training_cost(name)
        says_gpu = "GPU" in load_recipe(name).description
        assert says_gpu <= (cost is not None and cost.gpu == "needed"), name
