"""The model card: front matter that the hub's own reader takes, whatever the facts are."""

import re
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard, ModelCardData
from huggingface_hub.repocard import metadata_load

from oscine.errors import InputError
from oscine.export.card import credits_of
from oscine.models import InstrumentConfig
from oscine.models.card import CONSENT, consent_of, is_unedited, model_card, rights_of

CONFIG = InstrumentConfig(sample_rate=16_000, hop_length=64)
HOSTILE = [
    "CC BY 4.0: with a colon",
    "- a list\n- of two\n---\nlicense: mit",
    "'single' and \"double\" quotes",
    "{flow: [1, 2]} # comment",
    "@at `tick` %percent &anchor *alias !tag | pipe > fold",
    "Zoë 小提琴 скрипка 🎻 \u202e reversed \u2028 separated",
    "<script>alert(1)</script> <!-- --> ![x](http://example.org/x.png)",
    "\x1b[2J\x07\x00 control",
    "yes",
    "null",
    "1e3",
    "~",
    "...",
]


@pytest.mark.parametrize("fact", HOSTILE)
def test_the_front_matter_is_read_by_the_hub_with_any_fact(fact: str, tmp_path: Path) -> None:
    facts = rights_of(licence=fact, credit=fact, consent=fact)
    text = model_card(fact, CONFIG, None, facts | {"description": fact, "note": fact})
    path = tmp_path / "README.md"
    path.write_text(text, encoding="utf-8")
    head = metadata_load(path)
    assert head is not None
    assert set(head) - {"license_name"} == {"license", "library_name", "pipeline_tag", "tags", "consent"}
    assert all(isinstance(head[name], str) for name in ("license", "library_name", "pipeline_tag", "consent"))
    # What the hub holds front matter to: a known licence or "other" with a name in small letters.
    assert head["license"] == "other"
    assert re.fullmatch(r"[a-z0-9.\-]{1,64}", head["license_name"])
    assert head["consent"] == facts["consent"]
    card = ModelCard.load(path)
    assert isinstance(card.data, ModelCardData)
    assert card.data.to_dict() == head
    assert yaml.safe_load(card.data.to_yaml()) == head
    assert str(card).count("\n---\n") == 1
    assert is_unedited(text)


def test_known_licences_are_named_as_the_hub_names_them() -> None:
    for said, known in (("CC BY 4.0", "cc-by-4.0"), ("Apache 2.0", "apache-2.0"), ("cc0-1.0", "cc0-1.0")):
        head = yaml.safe_load(model_card("x", CONFIG, None, {"licence": said}).split("---")[1])
        assert (head["license"], "license_name" in head) == (known, False)


def test_consent_is_a_sentence_in_the_front_matter_in_the_text_and_in_what_is_exported() -> None:
    facts = rights_of(licence="cc-by-4.0", credit="Ada", consent=True)
    assert facts["consent"] == CONSENT
    text = model_card("voice", CONFIG, None, facts)
    assert f"- consent: {CONSENT}" in text
    assert yaml.safe_load(text.split("---")[1])["consent"] == CONSENT
    assert f"Consent: {CONSENT}" in credits_of(facts)
    assert "Consent" not in credits_of({"licence": "mit"})
    for nothing in (None, False, "", "  \n "):
        facts = rights_of(licence="mit", consent=nothing)
        assert facts == {"licence": "mit"}
        assert "consent" not in model_card("voice", CONFIG, None, {**facts, "consent": nothing or None})


def test_what_an_option_says_is_yes_no_or_a_sentence() -> None:
    assert [consent_of(text) for text in (None, "yes", " YES ", "no", "Ada agreed.")] == [
        None,
        True,
        True,
        False,
        "Ada agreed.",
    ]


def test_facts_are_one_line_of_bounded_length() -> None:
    assert rights_of(credit=" Ada\n the\tvoice \x1b[2J")["credit"] == r"Ada the voice \x1b[2J"
    with pytest.raises(InputError, match="credit has 3000 characters; write at most 2000"):
        rights_of(credit="x" * 3000)
