"""How a run starts, is resumed and ends: nothing foreign is touched, nothing is lost, everything is said."""

import copy
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file, save_file

from oscine.data import Dataset
from oscine.errors import InputError
from oscine.file_lock import locked
from oscine.files import sha256
from oscine.models import Instrument, load_recipe
from oscine.models.saved import CONFIG, WEIGHTS
from oscine.training import Callback, TrainingLoop, Validation, train
from oscine.training.callbacks import ProgressLines
from oscine.training.checkpoint import Counters, RunInfo, read_checkpoint, write_checkpoint

SMALL: dict[str, Any] = {
    "instrument.synth.harmonic.n_harmonics": 6,
    "instrument.synth.noise.n_bands": 5,
    "instrument.effects": [],
    "instrument.controller.hidden_size": 8,
    "training.batch_size": 1,
    "training.crop_s": 0.1,
    "training.preroll_s": 0.0,
    "training.n_validations": 1,
}


@pytest.fixture(scope="module")
def arrays() -> Dataset:
    """Return 12 s of a gliding tone, in memory."""
    time_s = torch.arange(12 * 16_000, dtype=torch.float64) / 16_000
    f0_hz = 300 + 30 * torch.sin(time_s)
    tone = 0.3 * torch.sin(2 * torch.pi * torch.cumsum(f0_hz, 0) / 16_000)
    return Dataset.from_arrays(tone.float(), 16_000, held_out_s=2.0)


def _train(dataset: Path | Dataset, folder: Path, **options: Any):
    settings = {"recipe": "tiny", "steps": 2, "overrides": SMALL, **options}
    return train(dataset, folder, **settings)


def _content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256(path) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("resume", [False, True, "auto"])
def test_a_foreign_folder_is_not_touched(arrays: Dataset, tmp_path: Path, resume: bool | str) -> None:
    folder = tmp_path / "mine"
    (folder / "training").mkdir(parents=True)
    (folder / "README.md").write_text("Read me.")
    (folder / WEIGHTS).write_bytes(b"mine")
    before = _content(folder)
    with pytest.raises(InputError, match=r"is not empty|no run to resume in .*mine"):
        _train(arrays, folder, resume=resume)
    assert _content(folder) == before


def test_a_mistyped_folder_is_not_a_new_run(arrays: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no run to resume in .*oops.*; check the path"):
        _train(arrays, tmp_path / "oops", resume=True)
    assert not (tmp_path / "oops").exists()


def test_a_run_is_resumed_by_its_own_recipe_and_another_one_is_named(arrays: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "a"
    _train(arrays, folder)
    assert _train(arrays, folder, recipe=None, overrides=None, steps=4, resume=True).steps == 4
    with pytest.raises(InputError, match=r"another recipe \(training\.crop_s is 0\.1, not 0\.2\); leave"):
        _train(arrays, folder, recipe=None, overrides={"training.crop_s": 0.2}, resume=True)
    with pytest.raises(InputError, match=r"another recipe \(name is tiny, not default\)"):
        _train(arrays, folder, recipe="default", overrides=None, resume=True)
    with pytest.raises(InputError, match="another loss"):
        _train(arrays, folder, loss=torch.nn.L1Loss(), resume=True)
    other = Dataset.from_arrays(torch.rand(12 * 16_000) - 0.5, 16_000, held_out_s=2.0)
    with pytest.raises(InputError, match="another dataset"):
        _train(other, folder, resume=True)


@pytest.mark.parametrize(("name", "value"), [("sample_rate", 44_100), ("hop_length", 80)])
def test_rates_that_are_not_the_datasets_are_refused(
    arrays: Dataset, tmp_path: Path, name: str, value: int
) -> None:
    with pytest.raises(InputError, match=rf"instrument\.{name} {value} and the arrays has \d+"):
        _train(arrays, tmp_path / "a", overrides=SMALL | {f"instrument.{name}": value})
    same = {"instrument.sample_rate": 16_000, "instrument.hop_length": 64}
    assert _train(arrays, tmp_path / "a", overrides=SMALL | same).steps == 2


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"training.batch_size": 4096, "training.crop_s": 600.0}, r"GB at least .* has .* GB; choose"),
        (
            {
                "instrument.controller": {"hidden_size": 4096, "mlp_size": 4096, "n_mlp_layers": 16},
                "instrument.inputs": [
                    {"kind": kind} for kind in ("f0", "loudness", "level", "periodicity", "centroid", "onset")
                ],
            },
            r"GB at least \([\d,.]+ million parameters",
        ),
        ({"training.batch_size": 10**9}, "batch_size is 1000000000; give a number of at most 4096"),
        ({"instrument.inputs": [{"kind": "f0"}, {"kind": "f0"}]}, "f0_hz stands twice"),
        ({"instrument.inputs": [{"kind": "loudness"}]}, "takes the input f0_hz"),
    ],
)
def test_absurd_sizes_are_a_sentence_and_leave_nothing(
    arrays: Dataset, tmp_path: Path, overrides: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        _train(arrays, tmp_path / "a", overrides=SMALL | overrides)
    assert not (tmp_path / "a").exists()
    _train(arrays, tmp_path / "a")


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
            InputError,
        ),
        (MemoryError(), InputError),
        (RuntimeError("something else"), RuntimeError),
    ],
)
def test_a_start_that_fails_leaves_nothing_and_says_that_memory_is_short(
    arrays: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    raised: type[Exception],
) -> None:
    def fails(self: TrainingLoop, batch: object) -> None:
        raise error

    monkeypatch.setattr(TrainingLoop, "step", fails)
    (tmp_path / "there").mkdir()
    for name in ("a", "there"):
        with pytest.raises(raised, match="not enough memory" if raised is InputError else "something else"):
            _train(arrays, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    monkeypatch.undo()
    _train(arrays, tmp_path / "there")


def test_two_trainings_into_one_folder_are_kept_apart(arrays: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "a"
    (folder / "training").mkdir(parents=True)
    with (
        locked(folder / "training" / ".lock", ""),
        pytest.raises(InputError, match=r"Another training writes to .*a; wait for it"),
    ):
        _train(arrays, folder)
    _train(arrays, folder)
    with (
        locked(folder / "training" / ".lock", ""),
        pytest.raises(InputError, match="Another training writes"),
    ):
        _train(arrays, folder, steps=4, resume=True)


def test_what_a_killed_run_left_half_written_is_removed(arrays: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "a"
    _train(arrays, folder)
    left = [
        *(folder / f".{name}" for name in ("model-abcd0123.safetensors", "config.next-abcd0123.json")),
        *(
            folder / "training" / f".{name}"
            for name in ("checkpoint-abcd0123.safetensors", "preview-a_cd0123.png")
        ),
    ]
    for path in left:
        path.touch()
    mine = folder / ".notes-abcd0123.txt"
    mine.touch()
    _train(arrays, folder, steps=4, resume=True)
    assert not any(path.exists() for path in left)
    assert mine.exists()


def test_values_that_are_not_finite_in_the_validation_part_are_said_before_training(
    arrays: Dataset, dataset: Path, tmp_path: Path
) -> None:
    copy = Dataset.open(dataset)
    segment = copy.validation.segments[0]
    slice_ = segment.slice

    def spoiled(name: str, start: int, stop: int):
        values = slice_(name, start, stop).copy()
        if name == "audio":
            values[100] = float("nan")
        return values

    segment.slice = spoiled  # type: ignore[method-assign]
    with pytest.raises(
        InputError, match=r"validation part has values that are not finite, in audio of tone\.wav"
    ):
        _train(copy, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_run_without_a_finite_validation_loss_is_no_success(
    arrays: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validate = TrainingLoop.validate

    def lost(self: TrainingLoop) -> Validation:
        return validate(self)._replace(loss=float("nan"))

    monkeypatch.setattr(TrainingLoop, "validate", lost)
    with pytest.raises(InputError, match=r"No validation loss .* was finite"):
        _train(arrays, tmp_path / "a")
    assert not (tmp_path / "a" / CONFIG).exists()
    monkeypatch.undo()
    assert _train(arrays, tmp_path / "a", steps=4, resume=True).validation_loss < 1e9


def _altered(path: Path, counters: Mapping[str, Any] | None = None, *, drop: str = "") -> None:
    """Change a checkpoint and sign it anew."""
    snapshot, run = read_checkpoint(path)
    tensors = {name: one for name, one in snapshot.tensors.items() if not (drop and drop in name)}
    changed = snapshot.counters.model_copy(update=dict(counters or {}))
    write_checkpoint(path, snapshot._replace(tensors=tensors, counters=changed), run)


@pytest.mark.parametrize(
    ("counters", "drop", "sentence"),
    [
        ({"step": -5}, "", "step is -5; give a number of at least 0"),
        ({"elapsed_s": -1.0}, "", "elapsed_s is -1.0; give a number of at least 0"),
        ({"rate_scale": 3.0}, "", "rate_scale is 3.0; give a number of at most 1"),
        ({"n_skipped": 9}, "", "9 of 2 steps can't have been skipped"),
        ({"best_loss": -1.0}, "", "a best_loss of -1, below 0"),
        ({}, "exp_avg_sq", "checkpoint was altered"),
        ({}, "head.weight", "checkpoint was altered"),
        ({}, "optimizer.", "checkpoint was altered"),
        ({}, "optimizer.0.", "checkpoint was altered"),
    ],
)
def test_altered_checkpoints_are_refused(
    arrays: Dataset, tmp_path: Path, counters: dict[str, Any], drop: str, sentence: str
) -> None:
    _train(arrays, tmp_path / "a")
    _altered(tmp_path / "a" / "training" / "checkpoint.safetensors", counters, drop=drop)
    with pytest.raises(InputError, match=sentence):
        _train(arrays, tmp_path / "a", steps=4, resume=True)


def _double(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.double()


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("optimizer.0.exp_avg", _double, "checkpoint was altered"),
        ("optimizer.0.exp_avg", lambda one: one * math.nan, "not finite in optimizer.0.exp_avg"),
        ("optimizer.0.exp_avg_sq", lambda one: one - 1, "squares below 0 in optimizer.0.exp_avg_sq"),
        ("optimizer.0.step", lambda one: one * math.inf, "not finite in optimizer.0.step"),
        ("optimizer.0.step", lambda one: one - 9, "-7 in place of 0 to 2 steps in optimizer.0.step"),
        ("optimizer.0.step", lambda one: one + 9, "11 in place of 0 to 2 steps"),
        (f"optimizer.{'9' * 5000}.step", torch.clone, "checkpoint was altered"),
        ("model.controller.head.weight", lambda one: one / 0, "not finite in model.controller.head.weight"),
    ],
)
def test_a_state_that_training_cannot_have_left_is_refused(
    arrays: Dataset, tmp_path: Path, name: str, change: Callable[[torch.Tensor], torch.Tensor], sentence: str
) -> None:
    _train(arrays, tmp_path / "a")
    path = tmp_path / "a" / "training" / "checkpoint.safetensors"
    snapshot, run = read_checkpoint(path)
    changed = change(snapshot.tensors.get(name, torch.zeros(())))
    write_checkpoint(path, snapshot._replace(tensors=snapshot.tensors | {name: changed}), run)
    with pytest.raises(InputError, match=sentence):
        _train(arrays, tmp_path / "a", steps=4, resume=True)


@pytest.mark.parametrize(
    ("length", "sentence"),
    [
        ({"minutes": -5.0}, "minutes is -5.0; give a number above 0"),
        ({"steps": -5}, "steps is -5; give a number of at least 1"),
        ({"steps": 0}, "steps is 0; give a number of at least 1"),
        ({"steps": 1 << 62}, "steps is 4611686018427387904; give a number of at most"),
        ({"steps": None}, "neither minutes nor steps"),
    ],
)
def test_a_run_of_an_impossible_length_is_refused(
    arrays: Dataset, tmp_path: Path, length: dict[str, Any], sentence: str
) -> None:
    _train(arrays, tmp_path / "a")
    path = tmp_path / "a" / "training" / "checkpoint.safetensors"
    snapshot, run = read_checkpoint(path)
    write_checkpoint(path, snapshot, run.model_copy(update=length))
    with pytest.raises(InputError, match=sentence):
        _train(arrays, tmp_path / "a", steps=4, resume=True)


def test_numbers_that_are_text_are_no_way_around() -> None:
    for text in ("nan", "-inf"):
        with pytest.raises(ValueError, match="which no validation gave"):
            Counters.model_validate({"best_loss": text})
        with pytest.raises(ValueError, match="minutes"):
            RunInfo.model_validate(
                {"recipe": load_recipe("tiny"), "dataset_sha256": "", "minutes": text, "steps": None}
            )


def test_a_loss_of_ones_own_may_be_negative(arrays: Dataset, tmp_path: Path) -> None:
    def loss(audio: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (audio - target).square().mean() - 5

    assert _train(arrays, tmp_path / "a", loss=loss).validation_loss < 0
    assert _train(arrays, tmp_path / "a", loss=loss, steps=3, resume=True).steps == 3


class _OfOneWeight(Callback):
    """A loss that depends on one parameter, so no other one has a gradient."""

    def on_start(self, loop: TrainingLoop) -> None:
        self.weight = next(loop.instrument.parameters())

    def __call__(self, audio: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self.weight.square().sum()


def test_parameters_without_a_gradient_are_saved_and_resumed(arrays: Dataset, tmp_path: Path) -> None:
    loss = _OfOneWeight()
    _train(arrays, tmp_path / "a", loss=loss, callbacks=[loss])
    snapshot, _ = read_checkpoint(tmp_path / "a" / "training" / "checkpoint.safetensors")
    assert {float(one) for name, one in snapshot.tensors.items() if name.endswith(".step")} == {0.0, 2.0}
    assert _train(arrays, tmp_path / "a", loss=loss, callbacks=[loss], steps=4, resume=True).steps == 4


def test_a_checkpoint_that_is_no_file_or_has_a_flipped_bit_is_refused(
    arrays: Dataset, tmp_path: Path
) -> None:
    _train(arrays, tmp_path / "a")
    path = tmp_path / "a" / "training" / "checkpoint.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="its sha256 differs"):
        read_checkpoint(path)
    save_file(load_file(path), path)
    with pytest.raises(InputError, match="not a checkpoint of this version"):
        read_checkpoint(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(InputError, match="not a regular file"):
        _train(arrays, tmp_path / "a", resume=True)


def test_a_full_disk_keeps_the_old_state_and_names_the_path(
    arrays: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a"
    _train(arrays, folder)
    before = {name: sha for name, sha in _content(folder).items() if "tensorboard" not in name}

    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*a/.*'"):
        _train(arrays, folder, steps=4, resume=True)
    monkeypatch.undo()
    after = {name: sha for name, sha in _content(folder).items() if "tensorboard" not in name}
    assert after == before


class _Noted(Callback):
    """Notes what is called, and stops after a step."""

    def __init__(self, stops_at: int = 0) -> None:
        self.calls: list[str] = []
        self.stops_at = stops_at

    def on_start(self, loop: TrainingLoop) -> None:
        self.calls.append(f"start {loop.counters.step}")

    def on_step(self, loop: TrainingLoop) -> None:
        self.calls.append(f"step {loop.counters.step}")
        if loop.counters.step == self.stops_at:
            loop.stop()

    def on_validation(self, loop: TrainingLoop, validation: Validation) -> None:
        assert validation.audio.shape == validation.target.shape
        self.calls.append(f"validation {loop.counters.step}")

    def on_end(self, loop: TrainingLoop) -> None:
        self.calls.append("end")


def test_callbacks_are_called_and_can_stop_a_run(arrays: Dataset, tmp_path: Path) -> None:
    noted = _Noted(stops_at=3)
    result = _train(arrays, tmp_path / "a", steps=9, callbacks=[noted])
    assert noted.calls == ["start 0", "step 1", "step 2", "step 3", "validation 3", "end"]
    assert (result.steps, result.interrupted) == (3, False)
    noted = _Noted()
    _train(arrays, tmp_path / "a", steps=4, callbacks=[noted], resume=True)
    assert noted.calls == ["start 3", "step 4", "validation 4", "end"]


def test_callbacks_hear_of_the_end_after_an_error(arrays: Dataset, tmp_path: Path) -> None:
    class Fails(Callback):
        def on_step(self, loop: TrainingLoop) -> None:
            raise ValueError("mine")

    noted = _Noted()
    with pytest.raises(ValueError, match="mine"):
        _train(arrays, tmp_path / "a", callbacks=[noted, Fails()])
    assert noted.calls == ["start 0", "step 1", "end"]


@pytest.mark.parametrize("is_module", [False, True])
def test_another_loss_is_what_is_made_small_and_what_chooses(
    arrays: Dataset, tmp_path: Path, is_module: bool
) -> None:
    seen: list[torch.Size] = []

    def squared(audio: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        seen.append(audio.shape)
        return (audio - target).square().mean() - 7.0

    class Squared(torch.nn.Module):
        def forward(self, audio: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            return squared(audio, target)

    result = _train(arrays, tmp_path / "a", loss=Squared() if is_module else squared)
    assert -7 < result.validation_loss < -6
    assert torch.Size([1, 25 * 64]) in seen
    instrument = Instrument.from_pretrained(tmp_path / "a")
    assert json.loads((tmp_path / "a" / CONFIG).read_text())["card"]["recipe"] == "tiny"
    assert instrument.statistics is not None


def test_the_first_line_says_where_it_is_computed(arrays: Dataset, tmp_path: Path) -> None:
    with open(tmp_path / "log", "w") as log:
        result = _train(arrays, tmp_path / "a", console=Console(file=log, width=60), device="cpu")
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[0].startswith("Training on cpu (kernels: ")
    assert lines[0].endswith("recipe tiny, 2 steps.")
    assert result.device == "cpu"
    # No terminal: a line at each validation.
    assert [line for line in lines if line.startswith("step 2 · loss ")]
    with pytest.raises(InputError, match="device quantum can't be used"):
        _train(arrays, tmp_path / "b", device="quantum")
    assert not (tmp_path / "b").exists()


def test_without_a_terminal_a_line_is_printed_now_and_then(arrays: Dataset, tmp_path: Path) -> None:
    with open(tmp_path / "log", "w") as log:
        lines = ProgressLines(Console(file=log), every_s=0.0)
        _train(arrays, tmp_path / "a", steps=3, callbacks=[lines])
    said = (tmp_path / "log").read_text().splitlines()
    assert [line.split(" · ")[0] for line in said] == ["step 1", "step 2", "step 3"]
    assert "this validation" in said[-1]


_SCRIPT = """
import sys, torch
from oscine.cli.main import main
torch.set_num_threads(1)
settings = [f"--set={key}={value}" for key, value in {OVERRIDES}.items()]
main(["train", *sys.argv[1:], "--recipe=tiny", *settings])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 0)])
def test_a_signal_ends_a_run_in_good_order(
    dataset: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    folder = tmp_path / "a"
    script = _SCRIPT.replace("{OVERRIDES}", repr(SMALL))
    command = [sys.executable, "-W", "ignore", "-c", script, str(dataset), str(folder), "--steps=1000000"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not (folder / "training" / "checkpoint.safetensors").exists():
        time.sleep(0.02)
    time.sleep(0.5)
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    assert process.returncode == code, said
    assert "Interrupted; continue with: oscine train" in said
    assert "Traceback" not in said
    assert Instrument.from_pretrained(folder).statistics is not None
    assert read_checkpoint(folder / "training" / "checkpoint.safetensors")[0].counters.step > 0


def test_a_dataset_in_which_nothing_rings_on_gets_no_reverb(arrays: Dataset, tmp_path: Path) -> None:
    small = {"instrument.controller.hidden_size": 8, "training.batch_size": 1, "training.n_validations": 1}
    reverb = small | {"instrument.effects.reverb.ir_s": 0.1}
    for is_dry, overrides, recipe in (
        (True, small, "dry"),
        (True, reverb, "default"),
        (False, small, "default"),
    ):
        dataset = copy.copy(arrays)
        dataset.is_dry = is_dry
        folder = tmp_path / f"{is_dry} {len(overrides)}"
        assert train(dataset, folder, steps=1, overrides=overrides).recipe == recipe
        assert len(Instrument.from_pretrained(folder).config.effects) == int(recipe == "default")
    chosen = tmp_path / "chosen"
    dataset.is_dry = True
    assert train(dataset, chosen, recipe="default", steps=1, overrides=small).recipe == "default"
