"""`oscine train`, `oscine recipes`, and what the command line makes of errors."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from oscine import kernels
from oscine.cli.main import main
from oscine.models.card import CONSENT

RATE = 16_000
SMALL = [
    f"--set={setting}"
    for setting in (
        "instrument.controller.hidden_size=8",
        "instrument.synth.harmonic.n_harmonics=5",
        "instrument.synth.noise.n_bands=5",
        "instrument.effects.reverb.ir_s=0.01",
        "training.batch_size=1",
        "training.crop_s=0.1",
        "training.preroll_s=0",
        "training.n_validations=1",
    )
]


def _main(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    return 0 if ending.value.code is None else int(ending.value.code)


def test_train_writes_an_instrument_and_resumes_it(dataset: Path, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "instrument"
    arguments = ["train", str(dataset), str(folder), "--recipe", "tiny", "--steps", "3", *SMALL]
    assert _main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "3 steps" in captured.err
    config = json.loads((folder / "config.json").read_text())
    assert config["instrument"]["sample_rate"] == RATE
    assert config["card"]["recipe"] == "tiny"
    assert _main(arguments) == 2
    assert "--resume" in capsys.readouterr().err
    assert _main([*arguments, "--resume"]) == 0
    assert "3 steps" in capsys.readouterr().err


def test_the_card_has_licence_and_credit_also_of_a_run_that_is_resumed(dataset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "instrument"
    arguments = ["train", str(dataset), str(folder), "--recipe", "tiny", *SMALL, "--steps"]
    assert (
        _main([*arguments, "1", "--licence", "cc-by-4.0", "--credit", "Ada: violin", "--consent", "yes"]) == 0
    )
    (folder / "config.json").unlink()  # as if no validation had been better yet
    for more, credit in (([], "Ada: violin"), (["--credit", "Ada Byron"], "Ada Byron")):
        steps = str(40 * (1 + len(more)))
        assert _main([*arguments, steps, "--resume", *more]) == 0
        if (folder / "config.json").exists():
            card = json.loads((folder / "config.json").read_text())["card"]
            assert (card["licence"], card["credit"], card["consent"]) == ("cc-by-4.0", credit, CONSENT)
    assert (folder / "config.json").exists()


def test_train_starts_from_an_instrument(dataset: Path, tmp_path: Path, capsys) -> None:
    start, new = tmp_path / "start", tmp_path / "new"
    assert _main(["train", str(dataset), str(start), "--recipe=tiny", "--steps=1", *SMALL]) == 0
    options = ["--steps=1", *(setting for setting in SMALL if "training." in setting)]
    assert _main(["train", str(dataset), str(new), f"--from={start}", *options]) == 0
    assert "started from start, 1 step" in " ".join(capsys.readouterr().err.split())
    assert json.loads((new / "config.json").read_text())["card"]["started_from"] == "start"
    other = tmp_path / "other"
    assert _main(["train", str(dataset), str(other), f"--from={start}", "--recipe=tiny", *options]) == 2
    assert "leave one of them out" in " ".join(capsys.readouterr().err.split())
    assert _main(["train", str(dataset), str(new), "--resume"]) == 0


def test_train_says_when_there_are_no_compiled_kernels(dataset: Path, tmp_path: Path, capsys) -> None:
    said = []
    for folder, form in (("slow", "torch"), ("fast", kernels.available()[0])):
        options = [str(dataset), str(tmp_path / folder), "--recipe=tiny", "--steps=1", *SMALL]
        with kernels.use(form):
            assert _main(["train", *options]) == 0
        said.append("no compiled kernels" in " ".join(capsys.readouterr().err.split()))
    assert said == [True, kernels.available()[0] == "torch"]


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        (["--recipe", "marimba"], "There is no recipe marimba"),
        (["--steps", "0"], "0 steps; give 1 to 1,099,511,627,776."),
        (["--minutes", "-1"], "-1.0 minutes; give 0.01 to 10,000,000."),
        (["--minutes", "1e300"], "1e+300 minutes; give 0.01 to 10,000,000."),
        (["--set", "batch_size"], "is not KEY=VALUE"),
        (["--set", "training.batch_size=[1"], "is not YAML (line 1, column 3); see its quotes"),
        (["--set", "training.batch=1"], "training.batch"),
    ],
)
def test_bad_options_are_one_sentence_and_exit_code_2(
    dataset: Path, tmp_path: Path, capsys, extra: list[str], sentence: str
) -> None:
    assert _main(["train", str(dataset), str(tmp_path / "x"), *extra]) == 2
    captured = capsys.readouterr()
    assert sentence in " ".join(captured.err.split())
    assert "Traceback" not in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert not (tmp_path / "x").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the system takes only names that are Unicode")
def test_a_name_that_tensorboard_cannot_write_is_refused(dataset: Path, tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["train", str(dataset), str(tmp_path / "tr\udce9"), "--steps", "1", *SMALL])
    assert stop.value.code == 2
    assert "is not UTF-8" in capsys.readouterr().err
    assert not (tmp_path / "tr\udce9").exists()


def test_a_missing_dataset_and_a_full_disk_are_sentences(
    dataset: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _main(["train", str(tmp_path / "none"), str(tmp_path / "x")]) == 2
    assert "Traceback" not in capsys.readouterr().err

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "x"))

    monkeypatch.setattr("oscine.training.train", full)
    assert _main(["train", str(dataset), str(tmp_path / "x")]) == 2
    assert "No space left on device" in capsys.readouterr().err


def test_recipes_lists_what_can_be_trained(capsys) -> None:
    assert _main(["recipes", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"tiny", "solo", "default"} <= {row["name"] for row in rows}
    assert all(isinstance(row["n_parameters"], int) and row["description"] for row in rows)
    assert _main(["recipes"]) == 0
    shown = capsys.readouterr().out
    assert all(row["name"] in shown for row in rows)


def test_importing_the_package_and_asking_for_help_load_nothing_heavy() -> None:
    code = "import sys, oscine, oscine.cli.main; print(*sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    heavy = {"tensorboard", "matplotlib", "onnxruntime", "swift_f0", "soundfile", "huggingface_hub"}
    assert not heavy & set(output.split())
