"""A new instrument that starts from a trained one: what it takes over, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from oscine.data import Dataset
from oscine.errors import InputError
from oscine.files import sha256
from oscine.models import Instrument, InstrumentConfig
from oscine.models.inputs import F0Config, IdentityConfig, LoudnessConfig
from oscine.networks import ControllerConfig
from oscine.processors import HarmonicConfig, NoiseConfig, Reverb, ReverbConfig
from oscine.training import Callback, TrainingLoop, train
from oscine.training.checkpoint import read_checkpoint

QUICK = {
    "training.batch_size": 2,
    "training.crop_s": 0.2,
    "training.preroll_s": 0.05,
    "training.snapshot_every": 5,
    "training.n_validations": 2,
    "training.warmup_steps": 5,
}


class _Beginning(Callback):
    """Keeps what a run begins with."""

    def on_start(self, loop: TrainingLoop) -> None:
        self.weights = {name: value.clone() for name, value in loop.instrument.state_dict().items()}


def _instrument(hop_length: int = 64, identities: tuple[str, ...] = (), **card: str) -> Instrument:
    torch.manual_seed(0)
    identity = (IdentityConfig(names=identities, size=3),) if identities else ()
    config = InstrumentConfig(
        sample_rate=16_000,
        hop_length=hop_length,
        inputs=(F0Config(), LoudnessConfig(), *identity),
        controller=ControllerConfig(hidden_size=12),
        synth=(HarmonicConfig(n_harmonics=6), NoiseConfig(n_bands=5)),
        effects=(ReverbConfig(ir_s=0.02),),
    )
    made = Instrument(config, card=card)
    ((_, reverb),) = made.effects
    assert isinstance(reverb, Reverb)
    torch.nn.init.normal_(reverb.impulse_response, std=0.2)
    return made


def _train(dataset: Any, folder: Path, start: Any, **options: Any) -> _Beginning:
    beginning = _Beginning()
    settings: dict[str, Any] = {"steps": 12, "overrides": QUICK, "callbacks": [beginning], **options}
    train(dataset, folder, start_from=start, **settings)
    return beginning


def test_all_but_the_room_is_taken_over_and_the_statistics_are_of_the_new_recordings(
    dataset: Path, tmp_path: Path
) -> None:
    start = _instrument(licence="cc-by-3.0", credit="Somebody\x1b[2J")
    start.save_pretrained(tmp_path / "start")
    begun = _train(dataset, tmp_path / "new", tmp_path / "start").weights
    expected = start.state_dict()
    room = "effects.parts.reverb.impulse_response"
    assert begun.keys() == expected.keys()
    assert [name for name, value in begun.items() if not torch.equal(value, expected[name])] == [room]
    assert not begun[room].any()
    learned = Instrument.from_pretrained(tmp_path / "new")
    assert learned.config == start.config
    assert learned.statistics == Dataset.open(dataset).statistics
    told = r"start (licence cc-by-3.0, credit Somebody\x1b[2J)"
    assert learned.card["started_from"] == told
    assert "licence" not in learned.card
    assert f"- started from: {told}" in (tmp_path / "new" / "README.md").read_text()
    _, run = read_checkpoint(tmp_path / "new" / "training" / "checkpoint.safetensors")
    assert run.started_from == told
    other = _instrument()
    assert _train(dataset, tmp_path / "again", other).weights.keys() == begun.keys()
    assert Instrument.from_pretrained(tmp_path / "again").card["started_from"] == "an instrument in memory"


def test_a_start_is_worth_some_steps(dataset: Path, tmp_path: Path) -> None:
    small = {
        "instrument.synth.harmonic.n_harmonics": 6,
        "instrument.synth.noise.n_bands": 5,
        "instrument.effects.reverb.ir_s": 0.02,
        "instrument.controller.hidden_size": 24,
    } | QUICK
    train(dataset, tmp_path / "start", recipe="tiny", steps=100, overrides=small)
    nothing = train(dataset, tmp_path / "nothing", recipe="tiny", steps=5, overrides=small)
    started = train(dataset, tmp_path / "new", start_from=tmp_path / "start", steps=5, overrides=QUICK)
    assert started.recipe == "fine-tuning"
    assert started.validation_loss < 0.8 * nothing.validation_loss


def test_a_run_goes_on_without_what_it_started_from(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, folder = _instrument(), tmp_path / "new"
    _train(dataset, tmp_path / "whole", start)
    step = TrainingLoop.step

    def dying(self: TrainingLoop, batch: Any) -> None:
        if self.counters.step == 8:
            raise RuntimeError("power cut")
        step(self, batch)

    monkeypatch.setattr(TrainingLoop, "step", dying)
    with pytest.raises(RuntimeError, match="power cut"):
        _train(dataset, folder, start, checkpoint_every_s=0.0)
    monkeypatch.undo()
    other = _instrument()
    torch.nn.init.zeros_(other.controller.head.bias)
    with pytest.raises(InputError, match="was not started from that instrument"):
        train(dataset, folder, start_from=other, overrides=QUICK, resume=True)
    train(dataset, folder, resume=True)
    names = "model.safetensors", "config.json"
    assert [sha256(folder / name) for name in names] == [sha256(tmp_path / "whole" / name) for name in names]
    train(dataset, folder, start_from=start, overrides=QUICK, resume=True)
    assert json.loads((folder / "config.json").read_text())["card"]["started_from"]


def test_a_run_from_nothing_is_not_resumed_from_an_instrument(dataset: Path, tmp_path: Path) -> None:
    sizes = {"instrument.controller.hidden_size": 8, "instrument.effects.reverb.ir_s": 0.02}
    train(dataset, tmp_path / "a", recipe="tiny", steps=2, overrides=QUICK | sizes)
    with pytest.raises(InputError, match="was not started from that instrument"):
        train(dataset, tmp_path / "a", start_from=_instrument(), resume=True)


@pytest.mark.parametrize(
    ("hop_length", "options", "sentence"),
    [
        (64, {"recipe": "tiny"}, "A recipe and an instrument to start from are given"),
        (64, {"teacher": _instrument()}, "A teacher and an instrument to start from are given"),
        (64, {"overrides": {"instrument.controller.hidden_size": 8}}, "hidden_size can't be set"),
        (64, {"overrides": {"training.batch": 8}}, "training.batch"),
        (80, {}, "plays at 16000 Hz with hops of 80, but .* prepare the recordings again at 16000 Hz"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_folder_is_made(
    dataset: Path, tmp_path: Path, hop_length: int, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        train(dataset, tmp_path / "new", start_from=_instrument(hop_length), steps=2, **options)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("damage", ["missing", "file", "weights", "config"])
def test_a_start_that_is_no_instrument_is_a_sentence(dataset: Path, tmp_path: Path, damage: str) -> None:
    start = tmp_path / "start"
    if damage == "file":
        start.write_bytes(b"RIFF")
    elif damage != "missing":
        _instrument().save_pretrained(start)
        name = {"weights": "model.safetensors", "config": "config.json"}[damage]
        (start / name).write_bytes((start / name).read_bytes()[:-40])
    with pytest.raises(InputError, match="start"):
        train(dataset, tmp_path / "new", start_from=start, steps=2)
    assert not (tmp_path / "new").exists()


def test_identities_of_the_same_name_keep_their_embedding_and_others_start_from_the_mean(
    tmp_path: Path,
) -> None:
    start = _instrument(identities=("flute", "violin"))
    tone = 0.3 * np.sin(2 * np.pi * 300 * np.arange(48_000, dtype=np.float32) / 16_000)
    sounds = Dataset.from_arrays(
        [tone, tone], 16_000, hop_length=64, names=["cello/a", "violin/a"], held_out_s=1.0
    )
    begun = _train(sounds, tmp_path / "new", start, steps=1).weights["inputs.identity.embedding.weight"]
    before = start.state_dict()["inputs.identity.embedding.weight"]
    torch.testing.assert_close(begun[:, 0], before.mean(dim=1))
    assert torch.equal(begun[:, 1], before[:, 1])
    assert Instrument.from_pretrained(tmp_path / "new").config.identities == ("cello", "violin")


def test_a_refiner_is_put_behind_an_instrument_and_its_room_stays(dataset: Path, tmp_path: Path) -> None:
    start = _instrument()
    refiner = {"kind": "refiner", "hidden_size": 8, "n_layers": 1, "window_frames": 4}
    effects = {"instrument.effects": [{"kind": "reverb", "ir_s": 0.02}, refiner]}
    overrides = QUICK | effects | {"training.trains": "effects"}
    begun = _train(dataset, tmp_path / "new", start, overrides=overrides).weights
    expected = start.state_dict()
    assert all(torch.equal(begun[name], value) for name, value in expected.items())
    assert all(name.startswith("effects.parts.refiner.") for name in begun.keys() - expected.keys())
    learned = Instrument.from_pretrained(tmp_path / "new")
    assert [name for name, _ in learned.effects] == ["reverb", "refiner"]
    for name, value in learned.state_dict().items():
        if not name.startswith("effects."):
            assert torch.equal(value, expected[name])
    _train(dataset, tmp_path / "dry", start, overrides=QUICK | {"instrument.effects": []})
    assert Instrument.from_pretrained(tmp_path / "dry").config.effects == ()
    with pytest.raises(InputError, match=r"only training\.… and instrument\.effects can be"):
        _train(dataset, tmp_path / "no", start, overrides={"instrument.controller.hidden_size": 3})
