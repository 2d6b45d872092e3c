"""Notes by name."""

_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


def note_name(midi: int) -> str:
    """Return the name of a MIDI key, with its octave.

    Examples:
        >>> note_name(69)
        'A4'
    """
    return f"{_NAMES[midi % 12]}{midi // 12 - 1}"
