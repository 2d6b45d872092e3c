"""A value that is refused is explained in one plain sentence: where, what is there, what would be right."""

from typing import Annotated, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from oscine.explain import explain
from oscine.models import InstrumentConfig, TrainingConfig


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _Sine(_Strict):
    kind: Literal["sine"] = "sine"
    n_sines: int = Field(default=4, ge=1, le=16)


class _Group(_Strict):
    kind: Literal["group"] = "group"
    parts: tuple["_Any", ...] = Field(min_length=1, max_length=3)


_Any = Annotated[_Sine | _Group, Field(discriminator="kind")]


class _Recipe(_Strict):
    name: str = Field(default="x", pattern="^[a-z]+$", max_length=8)
    parts: list[_Any] = []
    only: _Sine | None = None
    by_name: dict[str, _Sine] = {}
    level: float = Field(default=0.0, lt=1.0)
    loud: bool = False
    pair: tuple[float, float] = (0.0, 1.0)


_Group.model_rebuild()
_Recipe.model_rebuild()

CASES = [
    (
        "{partz: []}",
        (
            "there is no key partz; the nearest is parts; "
            "there are name, parts, only, by_name, level, loud and pair"
        ),
    ),
    ("{zzzz: 1}", "there is no key zzzz; there are name, parts, only, by_name, level, loud and pair"),
    (
        "{parts: [{kind: sine, n_sine: 3}]}",
        "there is no key parts.0.sine.n_sine; the nearest is n_sines; there are kind and n_sines",
    ),
    (
        "{parts: [{kind: group, parts: [{kind: sine}, {kind: sine, n: 3}]}]}",
        "there is no key parts.0.group.parts.1.sine.n; there are kind and n_sines",
    ),
    (
        "{only: {n_sins: 3}}",
        "there is no key only.n_sins; the nearest is n_sines; there are kind and n_sines",
    ),
    (
        "{by_name: {a: {sines: 3}}}",
        "there is no key by_name.a.sines; the nearest is n_sines; there are kind and n_sines",
    ),
    ("{parts: [{kind: sin}]}", "parts.0.kind is 'sin'; the nearest is sine; give sine or group"),
    ("{parts: [{}]}", "parts.0.kind is missing"),
    ("{parts: [{kind: group}]}", "parts.0.group.parts is missing"),
    (
        "{parts: [{kind: group, parts: []}]}",
        "parts.0.group.parts is an empty list; give a list with a length of at least 1",
    ),
    ("{parts: [3]}", "parts.0 is 3; give keys and values"),
    ("{parts: {}}", "parts is empty; give a list"),
    ("{only: {n_sines: 0}}", "only.n_sines is 0; give a number of at least 1"),
    ("{only: {n_sines: 17}}", "only.n_sines is 17; give a number of at most 16"),
    ("{only: {n_sines: 2.5}}", "only.n_sines is 2.5; give a whole number"),
    ("{only: {n_sines: many}}", "only.n_sines is 'many'; give a whole number"),
    ("{only: {kind: sino}}", "only.kind is 'sino'; the nearest is sine; give sine"),
    ("{level: .nan}", "level is nan; give a finite number"),
    ("{level: 1}", "level is 1; give a number below 1"),
    ("{level: [1]}", "level is a list of 1; give a number"),
    ("{loud: loudly}", "loud is 'loudly'; give true or false"),
    ("{name: 3}", "name is 3; give text"),
    ("{name: null}", "name is nothing; give text"),
    ("{name: ABC}", "name is 'ABC'; give letters, digits and underscores in the form ^[a-z]+$"),
    ("{name: aaaaaaaaaaaa}", "name is 'aaaaaaaaaaaa'; give text with a length of at most 8"),
    ("{pair: [1]}", "pair.1 is missing"),
]


@pytest.mark.parametrize(("text", "sentence"), CASES)
def test_each_kind_of_mistake_has_its_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        _Recipe.model_validate(yaml.safe_load(text))
    assert explain(refusal.value, _Recipe) == sentence


def test_huge_and_hostile_values_stay_short_and_printable() -> None:
    for value in (10**5_000, "x" * 100_000, "\x1b[31mred\n", ["a"] * 10_000, {"a": 1}):
        with pytest.raises(ValidationError) as refusal:
            TrainingConfig.model_validate({"batch_size": value})
        sentence = explain(refusal.value, TrainingConfig)
        assert len(sentence) < 200
        assert sentence.isprintable()


def test_a_whole_that_is_no_table_and_our_own_words_are_said() -> None:
    with pytest.raises(ValidationError) as refusal:
        TrainingConfig.model_validate([1])
    assert explain(refusal.value, TrainingConfig) == "it is a list of 1; give keys and values"
    with pytest.raises(ValidationError) as refusal:
        TrainingConfig.model_validate({"transport_weight": 1.0})
    assert "handover_share" in explain(refusal.value, TrainingConfig)
    assert "Value error" not in explain(refusal.value, TrainingConfig)


def test_the_products_own_unions_are_explained() -> None:
    with pytest.raises(ValidationError) as refusal:
        InstrumentConfig.model_validate({"synth": [{"kind": "harmonic", "n_harmonic": 60}]})
    assert explain(refusal.value, InstrumentConfig).startswith(
        "there is no key synth.0.harmonic.n_harmonic; the nearest is n_harmonics; there are "
    )
