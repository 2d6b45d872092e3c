"""Sets in NSynth's format become datasets that hold out instruments."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from oscine.data import Dataset, Progress, prepare
from oscine.data.nsynth import is_nsynth, prepare_nsynth
from oscine.errors import InputError

_RATE, _NOTE_S = 16_000, 3.0
Edit = Callable[[dict[str, dict]], object]


def _write_note(place: Path, family: str, source: str, number: int, pitch: int) -> tuple[str, dict]:
    """Write a note of three harmonics, every instrument with its own, and return its entry."""
    name = f"{family}_{source}_{number:03d}"
    note = f"{name}-{pitch:03d}-100"
    turns = 440 * 2 ** ((pitch - 69) / 12) * np.arange(round(_NOTE_S * _RATE)) / _RATE
    weights = np.random.default_rng(number).uniform(0.1, 0.3, 3)
    audio = weights @ np.sin(2 * np.pi * np.arange(1, 4)[:, None] * turns)
    soundfile.write(place / "audio" / f"{note}.wav", audio, _RATE)
    return note, {
        "note": 1000 * number + pitch,
        "note_str": note,
        "instrument": number,
        "instrument_str": name,
        "pitch": pitch,
        "velocity": 100,
        "sample_rate": _RATE,
        "qualities": [0] * 10,
        "qualities_str": [],
        "instrument_family_str": family,
        "instrument_source_str": source,
    }


def _write_part(place: Path, instruments: list[tuple[str, str, int]], pitches: list[int]) -> None:
    (place / "audio").mkdir(parents=True)
    entries = (_write_note(place, *instrument, pitch) for instrument in instruments for pitch in pitches)
    (place / "examples.json").write_text(json.dumps(dict(entries)))


@pytest.fixture
def nsynth(tmp_path: Path) -> Path:
    """A set of two parts: what is to be taken, and one instrument and one pitch that are not."""
    folder = tmp_path / "nsynth"
    train = [("string", "acoustic", 0), ("brass", "acoustic", 1), ("organ", "electronic", 2)]
    _write_part(folder / "nsynth-train", train, [48, 55, 62, 69, 76, 88])
    _write_part(folder / "nsynth-test", [("string", "acoustic", 3)], [50, 60, 70])
    return folder


def _instruments(names: list[str]) -> set[str]:
    return {Path(name).name.rsplit("-", 2)[0] for name in names}


def _edit(part: Path, edit: Edit) -> None:
    path = part / "examples.json"
    examples = json.loads(path.read_text())
    edit(examples)
    path.write_text(json.dumps(examples))


def test_the_test_part_is_held_out_and_the_rest_is_trained_on(nsynth: Path, tmp_path: Path) -> None:
    (nsynth / "nsynth-train" / "audio" / "unlisted.wav").write_text("in no examples.json")
    told: list[Progress] = []
    report = prepare_nsynth(nsynth, tmp_path / "dataset", n_workers=1, on_progress=told.append)
    dataset = Dataset.open(tmp_path / "dataset")
    assert (dataset.sample_rate, dataset.hop_length) == (16_000, 64)
    train = [segment.name for segment in dataset.train.segments]
    held_out = [segment.name for segment in dataset.held_out.segments]
    validation = [segment.name for segment in dataset.validation.segments]
    assert _instruments(train) == {"string_acoustic_000", "brass_acoustic_001"}
    assert {int(name.rsplit("-", 2)[1]) for name in train + validation} == {48, 55, 62, 69, 76}
    # Of two instruments none is spared: whole notes are for validation.
    assert (len(train), len(validation)) == (8, 2)
    assert not {*train} & {*validation}
    assert held_out == [
        f"nsynth-test/audio/string_acoustic_003-{pitch:03d}-100.wav" for pitch in (50, 60, 70)
    ]
    assert {file.path for file in report.files} == {*train, *validation, *held_out}
    assert (report.train_s, report.validation_s, report.held_out_s) == pytest.approx((24, 6, 9))
    done = [progress.done_bytes for progress in told]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, told[-1].n_bytes)
    for segment in dataset.held_out.segments:  # the tracker agrees with the label in the note's middle
        f0_hz = segment.features().f0_hz.numpy()[250:500]
        label = int(segment.name.rsplit("-", 2)[1])
        assert np.median(69 + 12 * np.log2(f0_hz / 440)) == pytest.approx(label, abs=0.1)


def test_run_again_it_does_nothing_again_and_other_choices_only_what_is_new(
    nsynth: Path, tmp_path: Path
) -> None:
    dataset = tmp_path / "dataset"
    prepare_nsynth(nsynth, dataset, n_workers=1)
    manifest = (dataset / "manifest.json").read_bytes()
    assert prepare_nsynth(nsynth, dataset, n_workers=1).reused == 13
    assert (dataset / "manifest.json").read_bytes() == manifest
    wider = prepare_nsynth(nsynth, dataset, pitch=(24, 90), n_workers=1)
    assert (wider.reused, len(wider.files)) == (13, 15)
    electronic = prepare_nsynth(nsynth, dataset, sources=("acoustic", "electronic"), n_workers=1)
    assert _instruments([file.path for file in electronic.files]) >= {"organ_electronic_002"}


def test_a_limit_takes_a_sample_that_grows(nsynth: Path, tmp_path: Path) -> None:
    taken = [
        {file.path for file in prepare_nsynth(nsynth, tmp_path / "dataset", limit=limit, n_workers=1).files}
        for limit in (11, 12, 100)
    ]
    assert [len(paths) for paths in taken] == [11, 12, 13]
    assert taken[0] < taken[1] < taken[2]


def test_the_valid_part_is_held_out_only_without_a_test_part(nsynth: Path, tmp_path: Path) -> None:
    _write_part(nsynth / "nsynth-valid", [("string", "acoustic", 3)], [52, 62, 72])
    report = prepare_nsynth(nsynth, tmp_path / "dataset", n_workers=1)
    assert not [file.path for file in report.files if file.path.startswith("nsynth-valid")]
    (nsynth / "nsynth-test").rename(nsynth / "kept")
    prepare_nsynth(nsynth, tmp_path / "dataset", n_workers=1)
    held_out = [segment.name for segment in Dataset.open(tmp_path / "dataset").held_out.segments]
    assert [name.split("/")[0] for name in held_out] == ["nsynth-valid"] * 3


@pytest.mark.parametrize("inside", [False, True])
def test_of_a_single_part_a_fifth_of_the_instruments_is_held_out(inside: bool, tmp_path: Path) -> None:
    part = tmp_path / "set" / "nsynth-train"
    families = ["reed"] * 4 + ["flute"] * 6
    _write_part(part, [(family, "acoustic", number) for number, family in enumerate(families)], [60, 67])
    prepare_nsynth(part if inside else part.parent, tmp_path / "dataset", n_workers=1)
    dataset = Dataset.open(tmp_path / "dataset")
    train = _instruments([segment.name for segment in dataset.train.segments])
    held_out = _instruments([segment.name for segment in dataset.held_out.segments])
    validation = _instruments([segment.name for segment in dataset.validation.segments])
    assert (len(train), len(validation), len(held_out)) == (7, 1, 2)
    assert len(train | validation | held_out) == 10
    assert {name.split("_")[0] for name in held_out} == {"reed", "flute"}


def test_nsynth_is_told_from_other_folders(nsynth: Path, recordings: Path, tmp_path: Path) -> None:
    assert is_nsynth(nsynth)
    assert is_nsynth(nsynth / "nsynth-test")
    assert not is_nsynth(recordings)
    assert not is_nsynth(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"holds no NSynth \(nsynth-train/examples\.json is missing\)"):
        prepare_nsynth(recordings, tmp_path / "dataset")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{ broken", r"nsynth-test/examples\.json is not JSON"),
        ("\xff", "is not text in UTF-8"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 10_000, "a number of 10000 digits"),
        ("[1, 2]", "is not NSynth's: it is a list of 2; give keys and values"),
        ('{"a-060-100": {"pitch": 60}}', r"is not NSynth's: a-060-100\.instrument_str is missing"),
        (
            (
                '{"../../a": {"pitch": 60, "instrument_str": "a", "instrument_family_str": "a",'
                ' "instrument_source_str": "acoustic"}}'
            ),
            "is not the name of a note",
        ),
    ],
)
def test_broken_lists_of_notes_are_refused(nsynth: Path, tmp_path: Path, content: str, message: str) -> None:
    (nsynth / "nsynth-test" / "examples.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match=message):
        prepare_nsynth(nsynth, tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()


def test_notes_without_a_file_are_counted(nsynth: Path, tmp_path: Path) -> None:
    for pitch in (70, 60):
        (nsynth / "nsynth-test" / "audio" / f"string_acoustic_003-{pitch:03d}-100.wav").unlink()
    (nsynth / "nsynth-train" / "audio" / "organ_electronic_002-048-100.wav").unlink()  # not asked for
    first = "nsynth-test/audio/string_acoustic_003-060-100"
    message = rf"Files of notes are missing .*: 2 of 13, the first is {first}"
    with pytest.raises(InputError, match=message):
        prepare_nsynth(nsynth, tmp_path / "dataset")


def test_nothing_left_to_train_on_or_to_hold_out_is_refused(nsynth: Path, tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    with pytest.raises(InputError, match="0 notes to train on and 0 to hold out that are synthetic"):
        prepare_nsynth(nsynth, dataset, sources=("synthetic",))
    with pytest.raises(InputError, match="6 notes to train on and 0 to hold out that are electronic"):
        prepare_nsynth(nsynth, dataset, sources=("electronic",), pitch=(0, 127))
    with pytest.raises(InputError, match=r"0 notes to train on and 1 to hold out .* from 49 to 51 in pitch"):
        prepare_nsynth(nsynth, dataset, pitch=(49, 51))
    with pytest.raises(InputError, match="take two at least"):
        prepare_nsynth(nsynth, dataset, limit=1)
    _edit(nsynth / "nsynth-test", dict.clear)
    with pytest.raises(InputError, match="10 notes to train on and 0 to hold out"):
        prepare_nsynth(nsynth, dataset)


def test_recordings_are_chosen_and_held_out_by_name(nsynth: Path, tmp_path: Path) -> None:
    def prepare_named(accept: str, held_out: str) -> list[str]:
        prepare(
            nsynth,
            tmp_path / "dataset",
            sample_rate=16_000,
            n_workers=1,
            accept=lambda name: accept in name,
            held_out_names=lambda name: held_out in name,
        )
        return [segment.name for segment in Dataset.open(tmp_path / "dataset").held_out.segments]

    held_out = prepare_named("acoustic", "-055-")
    assert held_out == [
        f"nsynth-train/audio/{instrument}-055-100.wav"
        for instrument in ("brass_acoustic_001", "string_acoustic_000")
    ]
    with pytest.raises(InputError, match=r"No audio file in .* is one of those asked for"):
        prepare_named("piano", "-055-")
    with pytest.raises(InputError, match="Of 15 usable recordings 0 are to be held out"):
        prepare_named("acoustic", "-056-")
    with pytest.raises(InputError, match="Of 15 usable recordings 15 are to be held out"):
        prepare_named("acoustic", "-100")
    with pytest.raises(InputError, match="give one of the two"):
        prepare(nsynth, tmp_path / "dataset", held_out_s=5, held_out_names=lambda name: True)
