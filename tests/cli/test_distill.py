"""`oscine distill`: from a teacher to a student, and what it says of what can't be."""

import json
from pathlib import Path

import pytest
from tests.cli.test_train import SMALL

from oscine.cli.main import main
from oscine.models import Instrument, load_recipe

RATE = 16_000
STUDENT = [setting for setting in SMALL if "reverb" not in setting]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an untrained instrument's folder."""
    folder = tmp_path_factory.mktemp("instruments") / "violin"
    config = load_recipe("tiny", {"instrument.controller.hidden_size": 16}).instrument
    Instrument(config.fit(RATE, 64, (), ()), None, {"licence": "cc0-1.0"}).save_pretrained(folder)
    return folder


def _main(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    return 0 if ending.value.code is None else int(ending.value.code)


def test_distill_writes_a_student_and_resumes_it(
    dataset: Path, teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "student"
    places = [str(teacher), str(folder), str(dataset)]
    assert _main(["distill", *places, "--recipe", "student100", "--steps", "2", *STUDENT]) == 0
    captured = capsys.readouterr()
    said = " ".join(captured.err.split())
    assert captured.out == ""
    n_theirs = Instrument.from_pretrained(teacher).n_parameters
    assert f"The teacher has {n_theirs:,} parameters and a validation loss of" in said
    assert "It takes over the teacher's effects (reverb) and trains them." in said
    assert "2 steps" in said
    config = json.loads((folder / "config.json").read_text())
    assert config["card"]["teacher"] == "violin"
    assert config["card"]["licence"] == "cc0-1.0"
    assert _main(["distill", *places, "--steps", "3"]) == 2
    assert "--resume" in capsys.readouterr().err
    assert _main(["distill", *places, "--steps", "3", "--resume"]) == 0
    assert "3 steps" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        (["--recipe", "student1"], "There is no recipe student1; the nearest is student10"),
        (
            ["--set", "distillation.sound_share=2"],
            "distillation.sound_share is 2; give a number of at most 1",
        ),
        (["--set", "instrument.sample_rate=44100"], "asks for instrument.sample_rate 44100"),
        (
            [
                *("--set", "instrument.gate_below_db=null"),
                *("--set", "instrument.inputs=[{kind: z}]"),
                *("--set", "instrument.synth=[{kind: noise}]"),
            ],
            "and the student z",
        ),
    ],
)
def test_bad_options_are_one_sentence_and_exit_code_2(
    dataset: Path,
    teacher: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    extra: list[str],
    sentence: str,
) -> None:
    assert _main(["distill", str(teacher), str(tmp_path / "x"), str(dataset), "--steps=1", *extra]) == 2
    captured = capsys.readouterr()
    assert sentence in " ".join(captured.err.split())
    assert "Traceback" not in captured.err
    assert not (tmp_path / "x").exists()


def test_a_teacher_that_is_not_there_is_a_sentence(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _main(["distill", str(tmp_path / "none"), str(tmp_path / "x"), str(dataset)]) == 2
    assert "There is no folder" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "x").exists()
