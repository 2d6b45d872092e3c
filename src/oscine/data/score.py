"""The notes of a recording: a MIDI file beside it, and what each voice plays of it."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from oscine.audio import FileReport
from oscine.data.segment import Segment
from oscine.data.statistics import Statistics
from oscine.errors import InputError
from oscine.files import is_file
from oscine.notes import (
    MOST_VOICES,
    Expression,
    Keyboard,
    Score,
    dynamics_of_quantiles,
    note_quantiles,
    play_events,
    read_midi,
)
from oscine.notes.voice import A4_HZ, A4_MIDI

SUFFIXES = (".mid", ".midi")
"""The endings after a recording's name without its suffix: ``take.mid`` belongs to ``take.flac``."""
VOICE_CURVES: tuple[str, ...] = ("f0_hz", "loudness_db", "gain", "onset_s")
"""The curves of a voice, in this order."""
_LATE_S = 0.1  # by which the notes may last longer than the recording
_QUIET_DB = -80.0


def score_file_beside(recording: str | Path) -> Path | None:
    """Return the MIDI file beside a recording, ``NAME.mid`` or ``NAME.midi``, if there is one."""
    places = (Path(recording).with_suffix(suffix) for suffix in SUFFIXES)
    return next((place for place in places if is_file(place)), None)


def with_score(report: FileReport, score_file: Path | None) -> FileReport:
    """Return the verdict on a recording and its MIDI file together.

    A broken file rejects its recording: without its notes it could not be used, and who put them there means
    them to be.

    Args:
        report: The verdict on the recording so far.
        score_file: The file beside it, from ``score_file_beside``; None where there is none.
    """
    if score_file is None or report.verdict == "rejected":
        return report
    try:
        _check(read_midi(score_file), score_file.name, report.duration_s)
    except InputError as error:
        # Every sentence begins with the file's name, by its path or without.
        _, _, reason = str(error).partition(score_file.name)
        reasons = [f"the notes in {score_file.name} cannot be used: it {reason.strip(' .')}"]
        return report.model_copy(update={"verdict": "rejected", "reasons": reasons})
    return report.model_copy(update={"reasons": [*report.reasons, f"notes taken from {score_file.name}"]})


def _check(score: Score, name: str, seconds: float) -> None:
    """Refuse notes that the recording can't be of.

    Raises:
        InputError: When they last longer, or more of them are held at once than there are voices.
    """
    if score.seconds > seconds + _LATE_S:
        raise InputError(
            f"{name} lasts {score.seconds:.1f} s and the recording {seconds:.1f} s; give the notes of this "
            "recording."
        )
    down: set[tuple[int, int]] = set()
    for event in score.events:
        key = event.channel, event.number
        down = down | {key} if event.kind == "note_on" else down - {key} if event.kind == "note_off" else down
        if len(down) > MOST_VOICES:
            raise InputError(
                f"{name} holds more than {MOST_VOICES} keys at once, at {event.time_s:.1f} s; split it into "
                "several recordings."
            )


def score_voices(
    score: Score, n_frames: int, sample_rate: int, hop_length: int, release_s: float
) -> Float32[np.ndarray, "frame voice 4"]:
    """Return what each of sixteen voices plays in a recording, frame by frame, as `VOICE_CURVES`.

    The keyboard of `oscine render` plays it, at the loudness of `oscine.notes.note_quantiles`. A voice
    between two notes stays at the pitch and loudness of the first, without gain.

    Args:
        score: The notes.
        n_frames: Of the recording.
        sample_rate: Hz.
        hop_length: Samples per frame.
        release_s: Of the notes (`oscine.notes.Expression`).
    """
    expression, dynamics = Expression(release_s=release_s), dynamics_of_quantiles(note_quantiles())
    keyboard = Keyboard(expression, dynamics, sample_rate / hop_length, MOST_VOICES)
    voices = np.empty((n_frames, MOST_VOICES, len(VOICE_CURVES)), np.float32)
    for number, curves in enumerate(play_events(score.events, score.seconds, keyboard)):
        # The first frame lies before the score.
        own = np.stack([curves.f0_hz, curves.loudness_db, curves.gain, curves.since_onset_s], axis=-1)[1:]
        own = own[:n_frames]
        own = np.concatenate([own, np.repeat(own[-1:], n_frames - len(own), axis=0)])
        own[len(curves.gain) - 1 :, 2] = 0.0
        on = own[:, 2] > 0
        if on.any():
            # The frames before and behind a note have its pitch, so that it does not glide.
            edges = on | np.append(on[1:], False) | np.append(False, on[:-1])
            last = np.maximum.accumulate(np.where(edges, np.arange(n_frames), int(np.argmax(on))))
            own[:, :2], own[:, 3] = own[last, :2], own[last, 3]
        voices[:, number] = own
    return voices


def take_voices(segments: Iterable[Segment], release_s: float) -> None:
    """Play the notes of segments, so that their crops have voices.

    Args:
        segments: Of recordings with a MIDI file.
        release_s: Of the notes.

    Raises:
        InputError: When a recording has none.
    """
    played: dict[Path, np.ndarray] = {}
    for segment in segments:
        if segment.score is None:
            raise InputError(
                f"{segment.name} has no MIDI file beside it, and this recipe learns from notes; put NAME.mid "
                "beside each recording and run oscine prepare again."
            )
        if segment.score not in played:
            rates = segment.sample_rate, segment.hop_length
            played[segment.score] = score_voices(
                read_midi(segment.score), segment.n_frames_of_recording, *rates, release_s
            )
        first = segment.first_frame
        segment.voices = played[segment.score][first : first + segment.n_frames]


def note_statistics(segments: Iterable[Segment], statistics: Statistics) -> Statistics:
    """Return the statistics of an instrument that is learned from notes.

    Its pitches are those of the notes, by the time that they sound, and its loudness stands for the velocity
    (`oscine.notes.note_quantiles`).

    Args:
        segments: The training segments, with voices.
        statistics: Of the dataset.
    """
    sounding = [one.voices[..., 0][one.voices[..., 2] > 0] for one in segments if one.voices is not None]
    f0_hz = np.concatenate([np.zeros(0, np.float32), *sounding]).astype(np.float64)
    midi = A4_MIDI + 12 * np.log2(f0_hz / A4_HZ) if len(f0_hz) else np.full(1, float(A4_MIDI))
    update = {
        "pitch_midi_quantiles": [round(float(one), 4) for one in np.quantile(midi, np.linspace(0, 1, 101))],
        "loudness_db_quantiles": note_quantiles(),
        "loudness_db_silence": _QUIET_DB,
        "voiced_share": 1.0,
        "identities": {},
    }
    return statistics.model_copy(update=update)
