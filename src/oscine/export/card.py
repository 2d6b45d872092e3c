"""Licence and credit of the recordings, as every exported folder has them."""

from collections.abc import Mapping
from importlib import resources
from string import Template
from typing import Any


def credits_of(card: Mapping[str, str]) -> str:
    """Return the text of CREDITS.txt: licence, credit, and consent where the card has one."""
    lines = ["This instrument was learned with Oscine (Apache License 2.0) from recordings."]
    lines.append(f"Licence of the recordings: {card.get('licence', 'not stated')}")
    lines.append(f"Credit: {card.get('credit', 'not stated')}")
    if card.get("consent"):
        lines.append(f"Consent: {card['consent']}")
    return "\n".join(lines) + "\n"


def folder_readme(folder: str, card: Mapping[str, Any], **values: object) -> str:
    """Return the README.md of an exported folder.

    Args:
        folder: Which of the folders beside this file has the template.
        card: With ``licence`` and ``credit``.
        values: Of the template's further names.
    """
    text = (resources.files("oscine.export") / folder / "README.md").read_text(encoding="utf-8")
    said = {name: markdown(card.get(name), "not stated") for name in ("licence", "credit")}
    return Template(text).substitute(said | values)


def markdown(text: Any, missing: str) -> str:
    """Return a text as one line that Markdown shows as it is; ``missing`` where there is none."""
    escapes = {ord(c): f"\\{c}" for c in "\\`*_|[]<>#"}
    return " ".join(str(text).split()).translate(escapes) if text else missing
