"""The training, the validation and the held-out part of prepared recordings, as spans of their shards."""

from collections.abc import Callable

from oscine.data.held_out import FrameRange, Take, split_held_out, split_validation, split_whole
from oscine.data.manifest import Recording, Span, identity_of


def parts_of(
    recordings: list[Recording],
    frame_rate: float,
    held_out_s: int | float | None,
    held_out_names: Callable[[str], bool] | None,
    validation_names: Callable[[str], bool] | None,
) -> tuple[list[Span], list[Span], list[Span]]:
    """Return the training, the validation and the held-out part of recordings.

    Args:
        recordings: In sorted order.
        frame_rate: Frames per second.
        held_out_s: Seconds to hold out; None: a tenth (``split_held_out``).
        held_out_names: Which recordings are held out instead, whole.
        validation_names: Which of the others are for validation, whole; None, or none of them: as in
            ``split_validation``.

    Raises:
        InputError: When a part can't be as asked for, or nothing is left to train on.
    """
    takes = [Take(one.n_frames, one.pitch_midi_median, identity_of(one.name)) for one in recordings]
    if held_out_names is None:
        rest, held_out = split_held_out(takes, frame_rate, held_out_s)
    else:
        rest, held_out = split_whole(takes, [held_out_names(one.name) for one in recordings])
    named = [validation_names is not None and validation_names(recordings[part.take].name) for part in rest]
    if any(named):
        parts = split_whole([takes[part.take] for part in rest], named)
        train, validation = ([rest[part.take] for part in parts[i]] for i in range(2))
    else:
        train, validation = split_validation(takes, rest, held_out, frame_rate)
    return _spans(recordings, train), _spans(recordings, validation), _spans(recordings, held_out)


def n_frames_of(spans: list[Span]) -> int:
    """Return the frames of all spans together."""
    return sum(span.stop - span.start for span in spans)


def _spans(recordings: list[Recording], parts: list[FrameRange]) -> list[Span]:
    """Return the parts of recordings as parts of their shards."""
    spans = []
    for part in parts:
        recording = recordings[part.take]
        first = 0
        for shard in recording.shards:
            start, stop = max(part.start - first, 0), min(part.stop - first, shard.n_frames)
            if start < stop:
                spans.append(Span(name=recording.name, file=shard.file, start=start, stop=stop))
            first += shard.n_frames
    return spans
