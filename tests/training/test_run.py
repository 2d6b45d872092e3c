"""Training: it learns, it resumes bit for bit, it survives what goes wrong."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Container
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from oscine.errors import InputError
from oscine.files import sha256
from oscine.models import Instrument
from oscine.training import train
from oscine.training.checkpoint import read_checkpoint, write_checkpoint
from oscine.training.loop import Callback, TrainingLoop

SMALL = {
    "instrument.synth.harmonic.n_harmonics": 10,
    "instrument.synth.noise.n_bands": 9,
    "instrument.effects.reverb.ir_s": 0.02,
    "instrument.controller.hidden_size": 24,
    "training.batch_size": 2,
    "training.crop_s": 0.2,
    "training.preroll_s": 0.05,
    "training.snapshot_every": 5,
    "training.n_validations": 3,
    "training.warmup_steps": 5,
}


def _train(dataset: Path, folder: Path, **options):
    settings = {"recipe": "tiny", "steps": 20, "overrides": SMALL, **options}
    return train(dataset, folder, **settings)


def test_it_learns_and_says_so(dataset: Path, tmp_path: Path) -> None:
    with open(tmp_path / "log", "w") as log:
        result = _train(dataset, tmp_path / "a", steps=120, console=Console(file=log, force_terminal=True))
    first = _train(dataset, tmp_path / "b", steps=1).validation_loss
    assert result.validation_loss < 0.7 * first
    assert result.steps == 120
    assert not result.interrupted
    instrument = Instrument.from_pretrained(tmp_path / "a")
    assert instrument.statistics is not None
    names = {path.name for path in (tmp_path / "a" / "training").iterdir()}
    assert names == {"checkpoint.safetensors", "preview.flac", "preview.png", "tensorboard", ".lock"}
    assert "validation" in (tmp_path / "log").read_text()


ENCODERS = SMALL | {
    "instrument.inputs": [
        {"kind": "f0", "encoder": {"n_mels": 64, "n_bins": 64}},
        {"kind": "loudness"},
        {"kind": "z", "encoder": {"z_size": 2, "hidden_size": 8}},
    ],
    "training.learning_rate": 1e-3,
    "training.pretraining_share": 0.5,
    "training.transport_weight": 0.1,
    "training.synthetic_share": 0.25,
    "training.handover_share": 0.5,
    "training.perceptual_weight": 1.0,
}


@pytest.mark.slow
def test_an_instrument_with_a_pitch_encoder_is_pretrained_and_resumes_bit_for_bit(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = _train(dataset, tmp_path / "whole", steps=12, overrides=ENCODERS, checkpoint_every_s=0.0)
    assert result.steps == 12
    assert result.skipped_steps == 0
    step = TrainingLoop.step
    for dies_at in (3, 8):

        def dying(self, batch, at: int = dies_at) -> None:
            if self.counters.step == at:
                raise RuntimeError("power cut")
            step(self, batch)

        monkeypatch.setattr(TrainingLoop, "step", dying)
        with pytest.raises(RuntimeError, match="power cut"):
            _train(dataset, tmp_path / f"{dies_at}", steps=12, overrides=ENCODERS, checkpoint_every_s=0.0)
        monkeypatch.undo()
        _train(dataset, tmp_path / f"{dies_at}", steps=12, overrides=ENCODERS, resume=True)
        assert sha256(tmp_path / f"{dies_at}" / "model.safetensors") == sha256(
            tmp_path / "whole" / "model.safetensors"
        )


REFINER = SMALL | {
    "instrument.effects": [{"kind": "refiner", "hidden_size": 8, "n_layers": 1, "window_frames": 4}],
    "training.adversarial_weight": 0.5,
    "training.adversarial_share": 0.5,
}


def test_with_discriminators_a_run_resumes_bit_for_bit_and_they_are_trained_in_their_share(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"steps": 12, "overrides": REFINER, "checkpoint_every_s": 0.0}
    _train(dataset, tmp_path / "whole", **options)
    step = TrainingLoop.step
    whole, _ = read_checkpoint(tmp_path / "whole" / "training" / "checkpoint.safetensors")
    assert whole.counters.is_adversarial
    name = "model.adversarial.discriminators.0.output.weight"
    for dies_at in (3, 9):

        def dying(self, batch, at: int = dies_at) -> None:
            if self.counters.step == at:
                raise RuntimeError("power cut")
            step(self, batch)

        monkeypatch.setattr(TrainingLoop, "step", dying)
        with pytest.raises(RuntimeError, match="power cut"):
            _train(dataset, tmp_path / f"{dies_at}", **options)
        monkeypatch.undo()
        checkpoint = tmp_path / f"{dies_at}" / "training" / "checkpoint.safetensors"
        before, _ = read_checkpoint(checkpoint)
        moments = {key: value for key, value in before.tensors.items() if key.endswith("exp_avg_sq")}
        assert any(not value.any() for value in moments.values()) == (dies_at == 3)
        _train(dataset, tmp_path / f"{dies_at}", steps=12, overrides=REFINER, resume=True)
        after, _ = read_checkpoint(checkpoint)
        assert not torch.equal(after.tensors[name], before.tensors[name])
        assert after.tensors.keys() == whole.tensors.keys()
        assert all(torch.equal(value, after.tensors[key]) for key, value in whole.tensors.items())


def test_what_is_best_is_chosen_anew_when_the_adversarial_loss_begins(dataset: Path, tmp_path: Path) -> None:
    losses: list[tuple[int, float]] = []

    class Keep(Callback):
        def on_step(self, loop: TrainingLoop) -> None:
            losses.append((loop.counters.step, loop.counters.best_loss))

    overrides = REFINER | {"training.n_validations": 4}
    _train(dataset, tmp_path / "a", steps=12, overrides=overrides, callbacks=[Keep()])
    best = dict(losses)
    assert best[6] < float("inf")
    assert best[7] == float("inf")
    assert best[12] < float("inf")


def test_the_effects_alone_are_trained(dataset: Path, tmp_path: Path) -> None:
    begun: dict[str, torch.Tensor] = {}

    class Begun(Callback):
        def on_start(self, loop: TrainingLoop) -> None:
            begun.update({name: value.clone() for name, value in loop.instrument.state_dict().items()})

    overrides = REFINER | {"training.trains": "effects"}
    _train(dataset, tmp_path / "a", steps=6, overrides=overrides, callbacks=[Begun()])
    learned = Instrument.from_pretrained(tmp_path / "a").state_dict()
    same = {name for name, value in learned.items() if torch.equal(value, begun[name])}
    assert "effects.parts.refiner.head.weight" not in same
    assert {name for name in learned if not name.startswith("effects.")} <= same
    nothing = SMALL | {"instrument.effects": [], "training.trains": "effects"}
    nothing = {key: value for key, value in nothing.items() if "reverb" not in key}
    with pytest.raises(InputError, match="no effect that learns"):
        _train(dataset, tmp_path / "b", overrides=nothing)
    assert not (tmp_path / "b").exists()


def test_a_sound_is_compared_earlier_by_the_latency(dataset: Path, tmp_path: Path) -> None:
    """An untrained refiner only delays, so it changes no loss."""
    plain = SMALL | {"instrument.effects": []}
    plain = {key: value for key, value in plain.items() if "reverb" not in key}
    delayed = plain | {"instrument.effects": REFINER["instrument.effects"]}
    options = {"training.learning_rate": 1e-12, "training.weight_decay": 0.0}
    a = _train(dataset, tmp_path / "a", steps=1, overrides=plain | options).validation_loss
    b = _train(dataset, tmp_path / "b", steps=1, overrides=delayed | options).validation_loss
    assert b == pytest.approx(a, rel=2e-3)
    short = delayed | {"training.crop_s": 0.01}
    with pytest.raises(InputError, match="latency is 12 ms"):
        _train(dataset, tmp_path / "c", overrides=short)


def test_a_curve_that_the_dataset_lacks_is_refused(dataset: Path, tmp_path: Path) -> None:
    inputs = [{"kind": "f0"}, {"kind": "periodicity"}, {"kind": "curve", "name": "breath"}]
    with pytest.raises(InputError, match="takes the curve breath, which the dataset lacks"):
        _train(dataset, tmp_path / "a", overrides=SMALL | {"instrument.inputs": inputs})
    assert not (tmp_path / "a").exists()
    result = _train(dataset, tmp_path / "b", overrides=SMALL | {"instrument.inputs": inputs[:2]}, steps=2)
    assert list(Instrument.from_pretrained(result.folder).inputs) == ["f0_hz", "periodicity"]


def test_parts_that_do_not_fit_together_are_refused_before_the_folder_is_made(
    dataset: Path, tmp_path: Path
) -> None:
    overrides = {"instrument.synth": [{"kind": "reverb"}], "instrument.effects": []}
    with pytest.raises(InputError, match="reverb takes a signal"):
        _train(dataset, tmp_path / "a", overrides=overrides)
    assert not (tmp_path / "a").exists()


def test_a_state_of_other_names_is_refused(dataset: Path, tmp_path: Path) -> None:
    _train(dataset, tmp_path / "a", steps=2)
    place = tmp_path / "a" / "training" / "checkpoint.safetensors"
    snapshot, run = read_checkpoint(place)
    tensors = {name.replace("controller.core.", "controller."): one for name, one in snapshot.tensors.items()}
    write_checkpoint(place, snapshot._replace(tensors=tensors), run)
    with pytest.raises(InputError, match="another version"):
        _train(dataset, tmp_path / "a", steps=4, resume=True)


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(dataset: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        _train(dataset, tmp_path / name, overrides=SMALL | {"training.seed": seed})
    a, b, c = (sha256(tmp_path / name / "model.safetensors") for name in "abc")
    assert a == b != c


def test_interrupted_by_an_exception_it_resumes_bit_for_bit(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _train(dataset, tmp_path / "whole", checkpoint_every_s=0.0)
    step = TrainingLoop.step
    for dies_at in (3, 8, 14, 19):

        def dying(self, batch, at: int = dies_at) -> None:
            if self.counters.step == at:
                raise RuntimeError("power cut")
            step(self, batch)

        monkeypatch.setattr(TrainingLoop, "step", dying)
        with pytest.raises(RuntimeError, match="power cut"):
            _train(dataset, tmp_path / f"{dies_at}", checkpoint_every_s=0.0)
        monkeypatch.undo()
        _train(dataset, tmp_path / f"{dies_at}", resume=True)
        assert sha256(tmp_path / f"{dies_at}" / "model.safetensors") == sha256(
            tmp_path / "whole" / "model.safetensors"
        )


_SCRIPT = """
import sys, torch
from oscine.training import train
torch.set_num_threads(1)
options = {"recipe": "tiny", "steps": 150, "resume": "auto", "checkpoint_every_s": 0.0}
options["overrides"] = {OVERRIDES}
train(sys.argv[1], sys.argv[2], **options)
"""


@pytest.mark.slow
def test_killed_at_any_moment_it_resumes_bit_for_bit(dataset: Path, tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(_SCRIPT.replace("{OVERRIDES}", repr(SMALL)))
    folder = tmp_path / "killed"
    arguments = [sys.executable, "-W", "ignore", str(script), str(dataset), str(folder)]
    checkpoint = folder / "training" / "checkpoint.safetensors"
    kills = 0
    for wait_s in (0.05, 0.6, 0.25):
        process = subprocess.Popen(arguments)
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        while process.poll() is None and (not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before):
            time.sleep(0.01)
        time.sleep(wait_s)
        kills += process.poll() is None
        process.kill()
        process.wait()
    assert kills >= 1
    subprocess.run(arguments, check=True)
    whole = tmp_path / "whole"
    subprocess.run([*arguments[:-1], str(whole)], check=True)
    assert sha256(folder / "model.safetensors") == sha256(whole / "model.safetensors")


def test_ctrl_c_leaves_a_usable_instrument(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = TrainingLoop.step

    def interrupted(self, batch) -> None:
        step(self, batch)
        if self.counters.step == 7:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(TrainingLoop, "step", interrupted)
    result = _train(dataset, tmp_path / "a")
    assert result.interrupted
    assert result.steps == 7
    assert torch.isfinite(
        Instrument.from_pretrained(tmp_path / "a")(torch.full((1, 9), 300.0), torch.full((1, 9), -20.0))
    ).all()
    monkeypatch.undo()
    assert _train(dataset, tmp_path / "a", resume=True).steps == 20


def _poison(monkeypatch: pytest.MonkeyPatch, steps: Container[int]) -> None:
    """Let the crops of these steps, counted from 0, have a sample that is not a number."""
    draw = TrainingLoop.draw

    def poisoned(self, step: int):
        batch = draw(self, step)
        if step in steps:
            batch.audio[0, 2000] = float("nan")
        return batch

    monkeypatch.setattr(TrainingLoop, "draw", poisoned)


def test_a_step_that_is_not_finite_is_skipped_and_counted(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _poison(monkeypatch, (2, *range(9, 14)))
    with open(tmp_path / "log", "w") as log:
        # Checkpoints at steps 4, 8, 12 …; the weights of step 12 have just failed, so they are no way back.
        overrides = SMALL | {"training.n_validations": 5}
        result = _train(dataset, tmp_path / "a", overrides=overrides, console=Console(file=log, width=200))
    assert result.skipped_steps == 6
    weights = load_file(tmp_path / "a" / "model.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())
    snapshot, _ = read_checkpoint(tmp_path / "a" / "training" / "checkpoint.safetensors")
    assert snapshot.counters.n_rolled_back == 1
    assert snapshot.counters.rate_scale == 0.5
    text = (tmp_path / "log").read_text()
    assert "Step 3 was skipped" in text
    assert "went back to step 8" in text


def test_a_run_that_ends_among_skipped_steps_goes_on_from_before_them(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = SMALL | {"training.n_validations": 1}
    _poison(monkeypatch, range(12, 14))
    _train(dataset, tmp_path / "a", steps=14, overrides=overrides)
    snapshot, _ = read_checkpoint(tmp_path / "a" / "training" / "checkpoint.safetensors")
    assert snapshot.counters.step == 14
    assert snapshot.counters.n_skipped_in_a_row == 0
    assert float(snapshot.tensors["optimizer.0.step"]) == 10
    monkeypatch.undo()
    assert _train(dataset, tmp_path / "a", steps=16, overrides=overrides, resume=True).skipped_steps == 2


def test_a_complete_run_says_that_it_stays_as_it_is(dataset: Path, tmp_path: Path) -> None:
    _train(dataset, tmp_path / "a", steps=2)
    before = sha256(tmp_path / "a" / "model.safetensors")
    with open(tmp_path / "log", "w") as log:
        console = Console(file=log, width=200)
        assert _train(dataset, tmp_path / "a", steps=None, resume=True, console=console).steps == 2
    assert "The run is complete" in (tmp_path / "log").read_text()
    assert sha256(tmp_path / "a" / "model.safetensors") == before


def test_a_run_by_minutes_ends_by_the_clock(dataset: Path, tmp_path: Path) -> None:
    result = _train(dataset, tmp_path / "a", steps=None, minutes=0.02)
    assert result.minutes >= 0.02
    assert result.steps >= 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"minutes": 0.0}, "0.0 minutes; give 0.01 to"),
        ({"steps": 0}, "0 steps; give 1 to"),
        ({"recipe": "marimba"}, "no recipe"),
        ({"overrides": {"training.speed": 3}}, "speed"),
        ({"overrides": {"training.seed": -1}}, "seed"),
        ({"overrides": {"training.seed": 1 << 32}}, "seed"),
    ],
)
def test_bad_requests_are_said(dataset: Path, tmp_path: Path, options: dict, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        _train(dataset, tmp_path / "a", **options)
    assert not (tmp_path / "a").exists()


def test_a_run_goes_on_as_long_as_it_was_meant_to_or_longer(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _train(dataset, tmp_path / "a", steps=6)
    again = train(dataset, tmp_path / "a", recipe="tiny", overrides=SMALL, resume=True)
    assert again.steps == 6
    losses = []
    validate = TrainingLoop.validate

    def noted(self):
        losses.append(self.counters.step)
        return validate(self)

    monkeypatch.setattr(TrainingLoop, "validate", noted)
    assert _train(dataset, tmp_path / "a", steps=18, resume=True).steps == 18
    assert losses == [12, 18]


def test_an_instrument_without_its_run_is_not_trained_over(dataset: Path, tmp_path: Path) -> None:
    _train(dataset, tmp_path / "a", steps=2)
    before = sha256(tmp_path / "a" / "model.safetensors")
    shutil.rmtree(tmp_path / "a" / "training")
    with pytest.raises(InputError, match="no run to resume"):
        _train(dataset, tmp_path / "a", steps=4, resume=True)
    assert sha256(tmp_path / "a" / "model.safetensors") == before


def test_nothing_is_overwritten_and_only_the_same_run_is_resumed(dataset: Path, tmp_path: Path) -> None:
    _train(dataset, tmp_path / "a", steps=2)
    before = sha256(tmp_path / "a" / "model.safetensors")
    with pytest.raises(InputError, match="--resume"):
        _train(dataset, tmp_path / "a", steps=2)
    with pytest.raises(InputError, match="another recipe"):
        _train(dataset, tmp_path / "a", steps=2, resume=True, overrides=SMALL | {"training.batch_size": 3})
    with pytest.raises(InputError):
        _train(tmp_path / "no dataset", tmp_path / "b")
    (tmp_path / "a" / "training" / "checkpoint.safetensors").write_bytes(b"torn")
    with pytest.raises(InputError, match="not a checkpoint"):
        _train(dataset, tmp_path / "a", steps=2, resume=True)
    assert sha256(tmp_path / "a" / "model.safetensors") == before
