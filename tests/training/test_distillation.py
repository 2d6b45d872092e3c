"""Distillation: what is taught, whom it teaches, and what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from oscine.data import Batch, Dataset
from oscine.data.statistics import Statistics
from oscine.errors import InputError
from oscine.files import sha256
from oscine.models import DistillationConfig, Instrument, InstrumentConfig, TrainingConfig
from oscine.models.inputs import (
    AnyInput,
    CurveConfig,
    F0Config,
    IdentityConfig,
    LoudnessConfig,
    PaperLoudnessConfig,
)
from oscine.networks import ControllerConfig
from oscine.processors import HarmonicConfig, NoiseConfig, Reverb, ReverbConfig, WavetableConfig
from oscine.training import distill, train
from oscine.training.loop import TrainingLoop
from oscine.training.objective import Objective
from oscine.training.teacher import Teacher, fingerprint

RATE, HOP, FRAMES = 16_000, 64, 40
LEARNED = Statistics(
    minutes=1.0,
    voiced_share=0.9,
    pitch_midi_quantiles=np.linspace(60, 70, 101).tolist(),
    loudness_db_quantiles=np.linspace(-50, -15, 101).tolist(),
    loudness_db_silence=-60.0,
)
SMALL = {
    "instrument.synth.harmonic.n_harmonics": 6,
    "instrument.synth.noise.n_bands": 5,
    "instrument.controller.hidden_size": 8,
    "training.batch_size": 2,
    "training.crop_s": 0.2,
    "training.preroll_s": 0.05,
    "training.snapshot_every": 5,
    "training.n_validations": 2,
    "training.warmup_steps": 5,
    "distillation.varied_share": 0.25,
}


def _instrument(
    hidden_size: int = 12,
    n_harmonics: int = 10,
    n_bands: int = 9,
    inputs: tuple[AnyInput, ...] = (F0Config(), LoudnessConfig()),
    hop_length: int = HOP,
    seed: int = 0,
) -> Instrument:
    torch.manual_seed(seed)
    config = InstrumentConfig(
        sample_rate=RATE,
        hop_length=hop_length,
        inputs=inputs,
        controller=ControllerConfig(hidden_size=hidden_size),
        synth=(HarmonicConfig(n_harmonics=n_harmonics), NoiseConfig(n_bands=n_bands)),
        effects=(ReverbConfig(ir_s=0.02),),
    )
    made = Instrument(config, LEARNED, {"licence": "cc-by-3.0", "credit": "Somebody"})
    ((_, reverb),) = made.effects
    assert isinstance(reverb, Reverb)
    torch.nn.init.normal_(reverb.impulse_response, std=0.2)
    return made


def _batch() -> Batch:
    frame = torch.arange(FRAMES) / FRAMES
    f0_hz = torch.stack([300 + 20 * frame, 420 - 60 * frame])
    loudness_db = torch.stack([-20 - 5 * frame, -40 + 20 * frame])
    audio = 0.1 * torch.sin(2 * torch.pi * 300 * torch.arange(FRAMES * HOP) / RATE).expand(2, -1)
    return Batch(audio, f0_hz, loudness_db, torch.ones(2, FRAMES), {}, torch.zeros(2, dtype=torch.long))


def _dataset(**changes: object) -> Dataset:
    time = np.arange(3 * RATE, dtype=np.float32) / RATE
    curves = {"breath": np.ones(len(time) // HOP, np.float32)} if changes.pop("breath", False) else None
    made = Dataset.from_arrays(
        0.3 * np.sin(2 * np.pi * 300 * time).astype(np.float32),
        RATE,
        hop_length=HOP,
        held_out_s=1.0,
        curves=curves,
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_a_student_that_is_its_teacher_has_nothing_to_learn() -> None:
    teacher = _instrument()
    student = _instrument(seed=1)
    student.load_state_dict(teacher.state_dict())
    config = DistillationConfig(sound_share=1.0, control_weight=1.0)
    objective = Objective(student, TrainingConfig(), teacher=Teacher(teacher, student, _dataset(), config))
    for is_varied in (False, True):
        loss = objective.joint(student, _batch(), n_skipped=5, is_varied=is_varied, seed=3)
        # With and without gradients torch's own GRU rounds differently; logarithms of near-silence show it.
        assert float(loss.detach()) < 5e-3
    with torch.no_grad():
        student.controller.head.bias.add_(0.1)
    assert float(objective.joint(student, _batch(), seed=3).detach()) > 0.01


@pytest.mark.parametrize(("share", "weight"), [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0)])
def test_the_loss_is_the_sum_of_its_parts(share: float, weight: float) -> None:
    teacher, student = _instrument(), _instrument(8, 6, 5, seed=1)
    config = DistillationConfig(sound_share=share, control_weight=weight)
    taught = Teacher(teacher, student, _dataset(), config)
    objective = Objective(student, TrainingConfig(), teacher=taught)
    batch = _batch()
    lesson = taught.lesson(batch, 3)
    controls, _ = student.control({"f0_hz": batch.f0_hz, "loudness_db": batch.loudness_db})
    audio = student.synthesize(controls, seed=3)
    sound = teacher(f0_hz=batch.f0_hz, loudness_db=batch.loudness_db, seed=3).detach()
    expected = (1 - share) * objective.spectral(audio, batch.audio) + share * objective.spectral(audio, sound)
    expected = expected + taught.control_loss(controls, lesson.controls)
    torch.testing.assert_close(objective.joint(student, batch, seed=3), expected)
    plain = Objective(student, TrainingConfig()).joint(student, batch, seed=3)
    assert (share == 0) == torch.allclose(plain, expected)


def test_only_the_student_learns_and_the_teacher_is_a_copy() -> None:
    teacher, student = _instrument(), _instrument(8, 6, 5, seed=1)
    student.effects.load_state_dict(teacher.effects.state_dict())
    student.effects.requires_grad_(False)
    taught = Teacher(teacher, student, _dataset(), DistillationConfig(varied_share=0.5))
    Objective(student, TrainingConfig(), teacher=taught).joint(student, _batch()).backward()
    assert all(one.grad is not None and bool(one.grad.any()) for one in student.controller.parameters())
    assert all(one.grad is None for one in student.effects.parameters())
    assert all(one.grad is None and not one.requires_grad for one in taught.instrument.parameters())
    assert all(one.grad is None and one.requires_grad for one in teacher.parameters())


def test_varied_performances_stay_in_the_teachers_range() -> None:
    teacher = _instrument()
    taught = Teacher(teacher, teacher, _dataset(), DistillationConfig(varied_share=0.25))
    assert [taught.is_varied(step) for step in range(8)] == [False, False, False, True] * 2
    batch = _batch()
    seen = set()
    for seed in range(0, 40, 2):
        varied = taught.vary(batch, seed)
        ratio = varied.f0_hz / batch.f0_hz
        torch.testing.assert_close(ratio, ratio[:, :1].expand_as(ratio))
        middle = 69 + 12 * (varied.f0_hz / 440).log2().median(1).values
        assert ((middle > 60.0) & (middle < 70.0)).all()
        louder = varied.loudness_db - batch.loudness_db
        torch.testing.assert_close(louder, louder[:, :1].expand_as(louder))
        assert (varied.loudness_db.max(1).values <= -15.0).all()
        assert louder.abs().max() <= 12.0
        seen.add((float(ratio[0, 0]), float(louder[0, 0])))
        # Each crop has a seed of its own: threads that share a batch give the same.
        second = taught.vary(batch.map(lambda tensor: tensor[1:]), seed + 1)
        assert torch.equal(second.f0_hz, varied.f0_hz[1:])
    assert len(seen) == 20
    lesson = taught.lesson(batch, 1, is_varied=True)
    expected = teacher(f0_hz=lesson.batch.f0_hz, loudness_db=lesson.batch.loudness_db, seed=1)
    torch.testing.assert_close(lesson.batch.audio, expected.detach())


def test_a_run_is_resumed_bit_for_bit(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = _instrument()
    options: dict[str, Any] = {"recipe": "student100", "steps": 12, "overrides": SMALL}
    whole = distill(teacher, tmp_path / "whole", dataset, **options)
    assert whole.steps == 12
    step = TrainingLoop.step

    def dying(self: TrainingLoop, batch: Batch) -> None:
        if self.counters.step == 7:
            raise RuntimeError("power cut")
        step(self, batch)

    monkeypatch.setattr(TrainingLoop, "step", dying)
    with pytest.raises(RuntimeError, match="power cut"):
        distill(teacher, tmp_path / "cut", dataset, **options)
    monkeypatch.undo()
    with pytest.raises(InputError, match="has a teacher; resume it with `oscine distill` and that teacher"):
        train(dataset, tmp_path / "cut", resume=True)
    with pytest.raises(InputError, match="has another teacher; resume it with `oscine distill` and that"):
        distill(_instrument(seed=5), tmp_path / "cut", dataset, resume=True)
    assert distill(teacher, tmp_path / "cut", dataset, resume=True).steps == 12
    assert sha256(tmp_path / "cut" / "model.safetensors") == sha256(tmp_path / "whole" / "model.safetensors")
    train(dataset, tmp_path / "alone", recipe="student100", steps=2, overrides=SMALL)
    with pytest.raises(InputError, match="has no teacher; resume it with `oscine train`"):
        distill(teacher, tmp_path / "alone", dataset, resume=True)


def test_a_student_has_its_teachers_effects_and_credit(dataset: Path, tmp_path: Path) -> None:
    teacher = _instrument()
    teacher.save_pretrained(tmp_path / "violin")
    before = sha256(tmp_path / "violin" / "model.safetensors")
    fixed = SMALL | {"distillation.trains_effects": False}
    distill(tmp_path / "violin", tmp_path / "student", dataset, steps=3, overrides=fixed)
    student = Instrument.from_pretrained(tmp_path / "student")
    assert student.config.effects == teacher.config.effects
    assert student.config.gate_below_db is None is teacher.config.gate_below_db
    for name, weight in teacher.effects.state_dict().items():
        assert torch.equal(student.effects.state_dict()[name], weight)
    assert {key: student.card[key] for key in ("teacher", "licence", "credit", "recipe")} == {
        "teacher": "violin",
        "licence": "cc-by-3.0",
        "credit": "Somebody",
        "recipe": "student10",
    }
    distill(tmp_path / "violin", tmp_path / "other", dataset, steps=3, overrides=SMALL)
    other = Instrument.from_pretrained(tmp_path / "other")
    assert any(
        not torch.equal(other.effects.state_dict()[name], weight)
        for name, weight in teacher.effects.state_dict().items()
    )
    assert sha256(tmp_path / "violin" / "model.safetensors") == before


def test_it_learns_from_its_teacher(dataset: Path, tmp_path: Path) -> None:
    teacher = _instrument()
    losses = []
    for steps in (1, 60):
        folder = tmp_path / f"{steps}"
        overrides = SMALL | {"distillation.sound_share": 1.0, "distillation.control_weight": 1.0}
        distill(teacher, folder, dataset, steps=steps, overrides=overrides)
        student = Instrument.from_pretrained(folder)
        config = DistillationConfig(sound_share=1.0, control_weight=1.0)
        taught = Teacher(teacher, student, _dataset(), config)
        with torch.no_grad():
            objective = Objective(student, TrainingConfig(), teacher=taught)
            losses.append(float(objective.joint(student, _batch())))
    assert losses[1] < 0.8 * losses[0]


def test_without_a_common_control_the_sound_teaches() -> None:
    teacher = _instrument()
    config = teacher.config.model_copy(update={"synth": (WavetableConfig(n_tables=2, n_harmonics=8),)})
    student = Instrument(config, LEARNED)
    taught = Teacher(teacher, student, _dataset(), DistillationConfig())
    assert not taught.shared
    objective = Objective(student, TrainingConfig(), teacher=taught)
    objective.joint(student, _batch()).backward()
    assert bool(student.controller.head.weight.grad is not None)


def test_identities_are_matched_by_name() -> None:
    inputs = (F0Config(), LoudnessConfig())
    teacher = _instrument(inputs=(*inputs, IdentityConfig(names=("flute", "trumpet", "violin"), size=2)))
    student = _instrument(8, inputs=(*inputs, IdentityConfig(names=("trumpet", "violin"), size=2)), seed=1)
    dataset = _dataset(identities=("trumpet", "violin"))
    taught = Teacher(teacher, student, dataset, DistillationConfig())
    batch = _batch()._replace(identity=torch.tensor([1, 0]))
    _, sound = taught.lesson(batch, 2).targets[1]
    curves = {"f0_hz": batch.f0_hz, "loudness_db": batch.loudness_db}
    given = teacher.conditions(
        batch.audio, curves | {"confidence": batch.confidence}, {"identity": torch.tensor([2, 1])}
    )
    torch.testing.assert_close(sound, teacher(**given, seed=2).detach())
    with pytest.raises(
        InputError, match="has the identity 'oboe', but the teacher has flute, trumpet, violin"
    ):
        Teacher(teacher, student, _dataset(identities=("oboe",)), DistillationConfig())


@pytest.mark.parametrize(
    ("teacher", "recipe", "sentence"),
    [
        (
            _instrument(hop_length=80),
            "student10",
            r"plays at 16000 Hz with hops of 80, but .* hops of 64; prepare",
        ),
        (
            _instrument(inputs=(F0Config(), CurveConfig(name="breath"))),
            "student10",
            "The teacher takes the curve breath, which .* lacks; prepare recordings with that curve",
        ),
        (
            _instrument(inputs=(F0Config(), PaperLoudnessConfig())),
            {"instrument.inputs": [{"kind": "loudness"}], "instrument.synth": [{"kind": "noise"}]},
            "The teacher takes f0_hz, paper_loudness_db and the student loudness_db; give the student's",
        ),
        (
            _instrument(),
            {"instrument.synth": [{"kind": "noise", "name": "reverb"}]},
            "Two parts are called reverb",
        ),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_written(
    dataset: Path, tmp_path: Path, teacher: Instrument, recipe: str | dict[str, object], sentence: str
) -> None:
    options: dict[str, Any] = {"recipe": recipe} if isinstance(recipe, str) else {"overrides": recipe}
    with pytest.raises(InputError, match=sentence):
        distill(teacher, tmp_path / "student", dataset, steps=1, **options)
    assert not list(tmp_path.iterdir())


def test_a_fingerprint_is_of_weights_and_config() -> None:
    one, same, other = _instrument(), _instrument(), _instrument(seed=1)
    assert fingerprint(one) == fingerprint(same) != fingerprint(other)
    louder = Instrument(one.config.model_copy(update={"effects": ()}))
    assert fingerprint(louder) != fingerprint(one)
