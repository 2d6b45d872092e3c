"""Which parts of the recordings are kept from training: one to choose a checkpoint, one to measure."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from math import ceil
from typing import NamedTuple

from oscine.errors import InputError

#: Left out between the two parts of one recording: longer than any window of analysis or loss (0.13 s).
GAP_S = 0.25

#: Held out unless told otherwise, of the whole.
DEFAULT_SHARE = 0.1

#: Kept to choose the checkpoint, of the length of what is held out.
VALIDATION_SHARE = 0.5

NOTE_AT_MOST_S = 15.0
"""Length of the longest isolated note."""

_NOTES_AT_LEAST = 10
_VOICE_AT_LEAST_S = 1.0


class Take(NamedTuple):
    """One recording, as far as the split looks at it."""

    n_frames: int
    pitch_midi: float
    identity: str = ""


class FrameRange(NamedTuple):
    """Frames ``start`` … ``stop`` (exclusive) of recording number ``take``."""

    take: int
    start: int
    stop: int


def split_held_out(
    takes: Sequence[Take], frame_rate: float, held_out_s: int | float | None = None
) -> tuple[list[FrameRange], list[FrameRange]]:
    """Return the training part and the held-out part, which share no sound.

    *Phrases:* the last ``held_out_s`` seconds of the last recording are held out; where it is shorter than
    that, all of it and the end of the one before, and so on. 0.25 s before the cut belong to neither part, so
    that no window of analysis or loss sees both. Of several identities each gives its share, by its length.
    One whose share is less than a second gives none and the others give it, where most of the sound is theirs
    and half of it enough; nor does one that would have nothing left to train on.

    *Isolated notes* (ten recordings or more, of 15 s at most by the median): the end of the list would be the
    highest notes only. So whole notes are held out, evenly spread over all that are sorted by identity and
    pitch, until ``held_out_s`` are reached, but no more than every second one. What is longer than 15 s, or
    the only recording of its identity, is trained on. Where that would hold out less than half of what is
    wanted, these are phrases.

    Args:
        takes: The recordings in sorted order.
        frame_rate: Frames per second.
        held_out_s: Seconds to hold out; None: a tenth of everything.

    Returns:
        Ranges of training and of held-out frames, in the order of the recordings.

    Raises:
        InputError: When ``held_out_s`` is not positive or more than half of everything.
    """
    total = sum(take.n_frames for take in takes)
    wanted = round(DEFAULT_SHARE * total if held_out_s is None else held_out_s * frame_rate)
    if wanted < 1:
        raise InputError("Nothing would be held out to measure on; hold out at least some seconds.")
    if wanted > total / 2:
        raise InputError(
            f"Holding out {wanted / frame_rate:.0f} s of {total / frame_rate:.0f} s leaves less than half "
            "to train on; hold out less or record more."
        )
    return _split(takes, frame_rate, wanted)


def split_validation(
    takes: Sequence[Take], train: Sequence[FrameRange], held_out: Sequence[FrameRange], frame_rate: float
) -> tuple[list[FrameRange], list[FrameRange]]:
    """Return the training part without the validation part, and the validation part.

    The validation part is half as long as the held-out part, and is taken from the training part in the same
    way as that: the end of its last recording, of each identity's, or whole notes. So no checkpoint is chosen
    by what is measured later.

    Args:
        takes: The recordings in sorted order.
        train: The training part of `split_held_out`.
        held_out: The held-out part.
        frame_rate: Frames per second.

    Returns:
        Ranges of training and of validation frames; the latter is empty where there is too little sound to
        keep something of every identity to train on.
    """
    wanted = round(VALIDATION_SHARE * sum(part.stop - part.start for part in held_out))
    left = [takes[part.take]._replace(n_frames=part.stop - part.start) for part in train]
    if not 1 <= wanted <= sum(take.n_frames for take in left) / 2:
        return list(train), []
    parts = [
        [
            FrameRange(train[number].take, train[number].start + start, train[number].start + stop)
            for number, start, stop in part
        ]
        for part in _split(left, frame_rate, wanted)
    ]
    kept = {takes[part.take].identity for part in parts[0]}
    return (parts[0], parts[1]) if kept == {take.identity for take in left} else (list(train), [])


def split_whole(takes: Sequence[Take], held_out: Sequence[bool]) -> tuple[list[FrameRange], list[FrameRange]]:
    """Return the training part and the held-out part, of whole recordings.

    Args:
        takes: The recordings in sorted order.
        held_out: Whether each of them is held out.

    Returns:
        Ranges of training and of held-out frames, in the order of the recordings.

    Raises:
        InputError: When a part is empty.
    """
    n_held_out = sum(held_out)
    if not 0 < n_held_out < len(takes):
        raise InputError(
            f"Of {len(takes)} usable recordings {n_held_out} are to be held out: the training part and the "
            "part that is held out need at least one each."
        )
    everything = [FrameRange(number, 0, take.n_frames) for number, take in enumerate(takes)]
    return (
        [part for part in everything if not held_out[part.take]],
        [part for part in everything if held_out[part.take]],
    )


def _split(
    takes: Sequence[Take], frame_rate: float, wanted: int
) -> tuple[list[FrameRange], list[FrameRange]]:
    notes = _spread(takes, _notes(takes, NOTE_AT_MOST_S * frame_rate), wanted)
    if 2 * sum(takes[number].n_frames for number in notes) >= wanted:
        return split_whole(takes, [number in notes for number in range(len(takes))])
    return _split_ends(takes, wanted, ceil(GAP_S * frame_rate), round(_VOICE_AT_LEAST_S * frame_rate))


def _split_ends(
    takes: Sequence[Take], wanted: int, gap: int, at_least: int
) -> tuple[list[FrameRange], list[FrameRange]]:
    train: list[FrameRange] = []
    held_out: list[FrameRange] = []
    by_identity = sorted(range(len(takes)), key=lambda number: takes[number].identity)
    identities = [list(part) for _, part in groupby(by_identity, key=lambda number: takes[number].identity)]
    lengths = [sum(takes[number].n_frames for number in identity) for identity in identities]
    for identity, share in zip(identities, _shares(lengths, wanted, gap, at_least), strict=True):
        parts = _split_end(takes, identity, share, gap)
        train += parts[0]
        held_out += parts[1]
    return sorted(train), sorted(held_out)


def _shares(lengths: Sequence[int], wanted: int, gap: int, at_least: int) -> list[int]:
    """Return how many frames each identity gives."""
    total = sum(lengths)
    large = [length if wanted * length >= at_least * total else 0 for length in lengths]
    giving = large if sum(large) >= max(total / 2, 2 * wanted) else lengths
    rest, shares = sum(giving), []
    for length in giving:
        shares.append(round(wanted * length / rest) if length else 0)
        wanted, rest = wanted - shares[-1], rest - length
    kept = [share if length - share > gap else 0 for share, length in zip(shares, lengths, strict=True)]
    return kept if any(kept) else shares


def _split_end(
    takes: Sequence[Take], identity: Sequence[int], wanted: int, gap: int
) -> tuple[list[FrameRange], list[FrameRange]]:
    train: list[FrameRange] = []
    held_out: list[FrameRange] = []
    for number in reversed(identity):
        n_frames = takes[number].n_frames
        taken = min(wanted, n_frames)
        wanted -= taken
        if taken:
            held_out.append(FrameRange(number, n_frames - taken, n_frames))
        rest = n_frames - taken - (gap if taken else 0)
        if rest > 0:
            train.append(FrameRange(number, 0, rest))
    return train[::-1], held_out[::-1]


def are_notes(n_frames: Sequence[int], at_most: float) -> bool:
    """Return whether recordings of so many frames are isolated notes, and not phrases.

    Args:
        n_frames: Of each recording.
        at_most: Frames of the longest note.
    """
    return len(n_frames) >= _NOTES_AT_LEAST and sorted(n_frames)[len(n_frames) // 2] <= at_most


def _notes(takes: Sequence[Take], at_most: float) -> list[int]:
    """Return the isolated notes that can be held out, by identity and pitch; none where these are phrases."""
    if not are_notes([take.n_frames for take in takes], at_most):
        return []
    n_of_identity = Counter(take.identity for take in takes)
    notes = [
        n for n, take in enumerate(takes) if take.n_frames <= at_most and n_of_identity[take.identity] > 1
    ]
    return sorted(notes, key=lambda n: (takes[n].identity, takes[n].pitch_midi, n))


def _spread(takes: Sequence[Take], notes: Sequence[int], wanted: int) -> set[int]:
    """Return as many of the notes as come to what is wanted, evenly taken, but not two neighbours."""
    if not notes:
        return set()
    mean = sum(takes[number].n_frames for number in notes) / len(notes)
    # So every identity keeps something to train on.
    count = max(1, min(len(notes) // 2, round(wanted / mean)))
    # The middles of `count` equal stretches of the identities and their pitches.
    return {notes[int((step + 0.5) * len(notes) / count)] for step in range(count)}
