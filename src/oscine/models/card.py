"""The model card of a saved instrument: front matter for the hub, and facts for people."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from oscine.data.statistics import Statistics
from oscine.errors import InputError
from oscine.files import printable
from oscine.models.config import InstrumentConfig
from oscine.note_names import note_name

_LICENCES = frozenset(
    (
        *(
            "apache-2.0",
            "mit",
            "mpl-2.0",
            "bsd-2-clause",
            "bsd-3-clause",
            "isc",
            "unlicense",
            "wtfpl",
            "zlib",
        ),
        *("gpl", "gpl-2.0", "gpl-3.0", "lgpl", "lgpl-2.1", "lgpl-3.0", "agpl-3.0", "eupl-1.1", "eupl-1.2"),
        *("cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0"),
        *("cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0"),
        *("cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
        *("afl-3.0", "artistic-2.0", "bsl-1.0", "ecl-2.0", "epl-1.0", "epl-2.0", "ms-pl", "ncsa", "ofl-1.1"),
        *("osl-3.0", "pddl", "odbl", "openrail", "zlib", "unknown"),
    )
)
"""The licence identifiers of the Hugging Face hub."""

#: Facts with a section of their own.
_PLACED = ("description", "evaluation", "reproduce")
#: Facts of whose recordings an instrument is made: what stays with all that is made of it.
RIGHTS = ("licence", "credit", "consent")
#: The sentence of a card if the person agreed and no other sentence is given.
CONSENT = "The person in the recordings agreed to this instrument, and to sharing it under its licence."
_LONGEST_FACT = 2000


def rights_of(
    *, licence: str | None = None, credit: str | None = None, consent: str | bool | None = None
) -> dict[str, str]:
    """Return facts for a card: whose recordings an instrument is made of, each as one line.

    Args:
        licence: Of the recordings, such as ``cc-by-4.0``.
        credit: Who played or sang.
        consent: Who agreed to what, a sentence; True for `CONSENT`. False, None and empty texts are left out,
            here and above.

    Raises:
        InputError: When one is longer than 2,000 characters.
    """
    agreed = CONSENT if consent is True else consent or None
    told = {"licence": licence, "credit": credit, "consent": agreed}
    facts = {name: printable(_line(text)) for name, text in told.items() if text is not None}
    for name, text in facts.items():
        if len(text) > _LONGEST_FACT:
            raise InputError(
                f"The {name} has {len(text)} characters; write at most {_LONGEST_FACT}, and put a longer "
                "text beside the instrument."
            )
    return {name: text for name, text in facts.items() if text}


def consent_of(text: str | None) -> str | bool | None:
    """Return what an option ``--consent`` says, for `rights_of`: yes or no as a truth, else the sentence."""
    return text if text is None else {"yes": True, "no": False}.get(text.strip().lower(), text)


def model_card(
    name: str,
    config: InstrumentConfig,
    statistics: Statistics | None,
    card: Mapping[str, Any],
    sound: str | None = None,
) -> str:
    """Return the card of an instrument, Markdown with YAML front matter.

    Args:
        name: Of its folder.
        config: Its config.
        statistics: Of what it learned from.
        card: Facts of how it was made; ``licence`` is one that the hub knows, such as ``cc-by-4.0``, or any
            text, which the front matter then calls ``other``; ``consent`` stands in the front matter as well.
            ``description``, ``reproduce`` (a command) and ``evaluation`` (a table, figure by label) have
            places of their own. A fact that is None or empty is left out.
        sound: A file beside the card that it plays.
    """
    head: dict[str, object] = {
        "library_name": "oscine",
        "pipeline_tag": "audio-to-audio",
        "tags": ["ddsp", "audio", "oscine"],
    }
    card = {key: value for key, value in card.items() if value is not None and _line(value)}
    if "licence" in card:
        head = _licence(str(card["licence"])) | head
    if "consent" in card:
        head["consent"] = _line(card["consent"])
    facts = [
        f"{config.sample_rate} Hz, {config.frame_rate:.1f} frames per second",
        f"synth: {', '.join(part.part_name for part in config.synth)}",
        f"effects: {', '.join(part.part_name for part in config.effects) or 'none'}",
    ]
    if statistics is not None:
        low, high = statistics.pitch_midi_quantiles[1], statistics.pitch_midi_quantiles[-2]
        facts.append(
            f"learned from {statistics.minutes:.1f} minutes; pitch {low:.1f} to {high:.1f} (MIDI), "
            f"{note_name(round(low))} to {note_name(round(high))}"
        )
    own = {key: card[key] for key in _PLACED if card.get(key)}
    facts += [f"{key.replace('_', ' ')}: {value}" for key, value in card.items() if key not in own]
    lines = "\n".join(f"- {_line(fact)}" for fact in facts)
    name = printable(_line(name))
    front = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    quoted = json.dumps(name, ensure_ascii=False)
    use = f'```python\nimport oscine\n\noscine.play("hum.wav", to={quoted}).save("out.wav")\n```\n'
    about = _line(own.get("description", "A DDSP instrument for Oscine."))
    text = f"---\n{front}---\n\n# {name}\n\n{about}\n\n{lines}\n\n{use}"
    if sound is not None:
        text += f'\n## Sound\n\n<audio controls src="{sound}"></audio>\n'
    if "evaluation" in own:
        text += f"\n## On the held-out part\n\n{_table(own['evaluation'])}"
    if "reproduce" in own:
        text += f"\n## Reproduce\n\n    {_line(own['reproduce'])}\n"
    return text + _mark(text)


def is_unedited(card: str) -> bool:
    """Return whether a text is a card as `model_card` made it, by the sha256 in its last line."""
    text, _, _ = card.rpartition("\n<!--")
    return card == text + _mark(text)


def _line(text: object) -> str:
    return " ".join(str(text).split())


def _table(figures: object) -> str:
    """Return a table with a row for each figure; any other value is a line of text."""
    if not isinstance(figures, Mapping):
        return f"{_line(figures)}\n"
    cells = [(_line(label), _line(value)) for label, value in figures.items()]
    rows = ["| {} | {} |\n".format(*(cell.replace("|", "\\|") for cell in row)) for row in cells]
    return "| measure | value |\n|---|---:|\n" + "".join(rows)


def _mark(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"\n<!-- Written by Oscine, which replaces it unless it is edited. sha256 {digest} -->\n"


def _licence(text: str) -> dict[str, object]:
    plain = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")
    if plain in _LICENCES:
        return {"license": plain}
    return {"license": "other", "license_name": plain[:64].strip("-.") or "other"}
