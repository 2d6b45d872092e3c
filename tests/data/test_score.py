"""The notes of recordings: found beside them, refused in one sentence, played as the keyboard does."""

from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from tests.performance.scores import note, write_midi

from oscine.data import Dataset, prepare
from oscine.data.score import VOICE_CURVES, note_statistics, score_voices, take_voices
from oscine.errors import InputError
from oscine.models.dynamics import dynamics_of
from oscine.notes import Expression, Keyboard, note_quantiles, read_midi

RATE, HOP = 16_000, 64
F0, LOUDNESS, GAIN, ONSET = range(len(VOICE_CURVES))


def _recording(folder: Path, name: str = "take", seconds: float = 12.0) -> Path:
    time = np.arange(round(seconds * RATE)) / RATE
    sound = 0.2 * np.sin(2 * np.pi * 220 * time) * (0.3 + 0.7 * np.cos(2 * time) ** 2)
    soundfile.write(folder / f"{name}.wav", sound + 1e-3 * np.sin(2 * np.pi * len(name) * time), RATE)
    return folder / f"{name}.wav"


def _chord(n_keys: int, ticks: int) -> list[mido.Message]:
    on = [mido.Message("note_on", note=40 + i, velocity=80, time=0) for i in range(n_keys)]
    off = [mido.Message("note_off", note=40 + i, velocity=0, time=0 if i else ticks) for i in range(n_keys)]
    return [*on, *off]


def _prepared(tmp_path: Path) -> Dataset:
    prepare(tmp_path, tmp_path / "data", sample_rate=RATE, hop_length=HOP, held_out_s=2.0, n_workers=1)
    return Dataset.open(tmp_path / "data")


def test_a_voice_plays_what_the_keyboard_does_and_holds_its_pitch_between_notes(tmp_path: Path) -> None:
    path = write_midi(tmp_path / "a.mid", [*note(60, 480, before=96), *note(72, 480, before=960)])
    score = read_midi(path)
    voices = score_voices(score, 800, RATE, HOP, release_s=0.1)
    assert voices.shape == (800, 16, 4)
    first, second = np.flatnonzero(voices[..., GAIN].any(0))
    # 96 ticks are 0.1 s, 25 frames; an event is heard from the first frame on that begins at its instant.
    voice = voices[:, first]
    assert (voice[:25, GAIN] == 0).all()
    assert (voice[25:150, GAIN] > 0).all()
    assert (voice[180:, GAIN] == 0).all()
    middle_c = 440 * 2 ** (-9 / 12)
    np.testing.assert_allclose(voice[:, F0], middle_c, rtol=1e-6)
    np.testing.assert_allclose(voices[:, second, F0], 2 * middle_c, rtol=1e-6)
    assert voice[30, ONSET] == pytest.approx(6 / 250)
    assert voice[100, LOUDNESS] == pytest.approx(dynamics_of(None).curve_db[90], abs=0.01)


def test_notes_end_before_the_recording_does(tmp_path: Path) -> None:
    voices = score_voices(read_midi(write_midi(tmp_path / "a.mid", note(60, 480))), 2000, RATE, HOP, 0.12)
    assert not voices[300:, :, GAIN].any()
    assert np.isfinite(voices).all()


def test_the_loudness_of_notes_is_that_of_an_instrument_that_learned_them(tmp_path: Path) -> None:
    _recording(tmp_path)
    write_midi(tmp_path / "take.mid", note(57, 4800, velocity=33))
    dataset = _prepared(tmp_path)
    take_voices(dataset.train.segments, 0.12)
    learned = note_statistics(dataset.train.segments, dataset.statistics)
    keyboard = Keyboard(Expression(), dynamics_of(learned), 250.0, 2)
    voices = dataset.train.segments[0].voices
    assert voices is not None
    assert keyboard.dynamics.curve_db[33] == pytest.approx(float(voices[100, 0, LOUDNESS]), abs=1e-3)
    assert learned.pitch_midi_quantiles[50] == pytest.approx(57)
    assert learned.loudness_db_quantiles == note_quantiles()


def test_crops_have_the_voices_of_their_place(tmp_path: Path) -> None:
    _recording(tmp_path)
    keys = [*range(50, 70)]
    write_midi(tmp_path / "take.mid", [one for key in keys for one in note(key, 430, before=50)])
    dataset = _prepared(tmp_path)
    splits = (dataset.train, dataset.validation, dataset.held_out)
    n_frames = splits[0].segments[0].n_frames_of_recording
    whole = score_voices(read_midi(tmp_path / "take.mid"), n_frames, RATE, HOP, 0.05)
    for split in splits:
        take_voices(split.segments, 0.05)
        for segment in split.segments:
            np.testing.assert_array_equal(
                segment.voices, whole[segment.first_frame : segment.first_frame + segment.n_frames]
            )
    batch = dataset.train.batch(0, 0, 6, 100, 50)
    assert batch.voices is not None
    assert batch.voices.shape == (6, 150, 16, 4)
    silent = (batch.audio.unfold(1, HOP, HOP).abs().amax(-1) == 0) & (batch.loudness_db == -80)
    assert not batch.voices[..., GAIN].amax(-1)[silent].any()
    assert dataset.held_out.segments[0].first_frame > dataset.train.segments[0].n_frames


@pytest.mark.parametrize(
    ("track", "said"),
    [
        ([mido.Message("control_change", control=64, value=127, time=100)], "has no note"),
        (_chord(17, 480), "holds more than 16 keys at once, at 0.0 s"),
        (note(60, 48000), "lasts 50.0 s and the recording 12.0 s"),
        (None, "is not a MIDI file"),
    ],
)
def test_notes_that_can_not_be_of_the_recording_reject_it(
    tmp_path: Path, track: list[mido.Message] | None, said: str
) -> None:
    _recording(tmp_path)
    _recording(tmp_path, "other")
    write_midi(tmp_path / "other.mid", _chord(16, 480))
    if track is None:
        (tmp_path / "take.mid").write_bytes(b"RIFF")
    else:
        write_midi(tmp_path / "take.mid", track)
    report = prepare(tmp_path, tmp_path / "data", sample_rate=RATE, held_out_s=2.0, n_workers=1)
    verdicts = {one.path: one for one in report.files}
    assert verdicts["other.wav"].verdict != "rejected"
    assert verdicts["take.wav"].verdict == "rejected"
    (reason,) = verdicts["take.wav"].reasons
    assert said in reason
    assert str(tmp_path) not in reason


def test_other_notes_make_another_dataset(tmp_path: Path) -> None:
    _recording(tmp_path)
    write_midi(tmp_path / "take.mid", note(60, 480))
    first = _prepared(tmp_path).fingerprint
    assert _prepared(tmp_path).fingerprint == first
    write_midi(tmp_path / "take.mid", note(61, 480))
    dataset = _prepared(tmp_path)
    assert dataset.fingerprint != first
    assert dataset.train.segments[0].score is not None
    dataset.train.segments[0].score.write_bytes(b"x")
    with pytest.raises(InputError, match="is not as it was written"):
        Dataset.open(tmp_path / "data")
