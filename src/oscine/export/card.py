"""Licence and credit of the recordings, as every exported folder has them."""

from collections.abc import Mapping


def credits_of(card: Mapping[str, str]) -> str:
    """Return the text of CREDITS.txt."""
    lines = ["This instrument was learned with Oscine (Apache License 2.0) from recordings."]
    lines.append(f"Licence of the recordings: {card.get('licence', 'not stated')}")
    lines.append(f"Credit: {card.get('credit', 'not stated')}")
    return "\n".join(lines) + "\n"
