"""The benchmarks of how training goes: stability, augmentation, zero-shot."""

import copy
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from benchmarks import (
    augmentation,
    ensemble,
    nsf,
    refiner,
    stability,
    synths,
    systems,
    training_ways,
    zero_shot,
)
from benchmarks.page import page_of
from benchmarks.training_ways import GUARDS, Curriculum, NotFinite, Way

from oscine.data import Dataset, Segment, Split
from oscine.models import Instrument, load_recipe
from oscine.processors import Reverb
from oscine.training import TrainingLoop

RATE = 16_000


@pytest.fixture(autouse=True)
def _denormals_as_before():
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    time_s = torch.arange(14 * RATE, dtype=torch.float64) / RATE
    phase = 2 * torch.pi * (330 * time_s + 3 * torch.sin(2 * time_s))
    tone = (0.3 + 0.1 * torch.sin(time_s)) * (torch.sin(phase) + 0.3 * torch.sin(2 * phase))
    return Dataset.from_arrays(tone.float(), RATE, held_out_s=2.0)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for sizes in (training_ways.SIZES, zero_shot.SIZES):
        monkeypatch.setitem(sizes, "batch_size", 1)
        monkeypatch.setitem(sizes, "crop_s", 0.1)
        monkeypatch.setitem(sizes, "n_validations", 1)


def _figures(content: str) -> list[list[str]]:
    rows = re.findall(r"^\| (.*) \|$", content, flags=re.MULTILINE)
    return [row.split(" | ")[1:] for row in rows if "---" not in row]


@pytest.mark.parametrize(
    ("guard", "skipped", "rolled_back", "is_finite"),
    [(GUARDS[0], 6, 1, True), (GUARDS[1], 6, 0, True), (GUARDS[2], 1, 0, False)],
)
def test_a_weaker_guard_does_less(
    dataset: Dataset, guard: str, skipped: int, rolled_back: int, is_finite: bool
) -> None:
    way = Way(callback=lambda: NotFinite(lambda step: 1 <= step < 7))
    loop, kept = training_ways.train(dataset, way, 0, 8, guard)
    assert (loop.counters.n_skipped, loop.counters.n_rolled_back) == (skipped, rolled_back)
    assert all(bool(torch.isfinite(one).all()) for one in loop.instrument.parameters()) == is_finite
    assert (kept.last < kept.first) == is_finite


def test_noise_waits_for_the_harmonics_and_the_room_for_both(dataset: Dataset) -> None:
    states: list[dict[str, torch.Tensor]] = []

    class Watched(Curriculum):
        def on_step(self, loop: TrainingLoop) -> None:
            states.append(copy.deepcopy(loop.instrument.state_dict()))

    loop, _ = training_ways.train(dataset, Way({"weight_decay": 0.0}, Watched), 0, 6)
    (room,) = (name for name, one in loop.instrument.named_modules() if isinstance(one, Reverb))

    def moved(name: str, rows: slice, step: int) -> bool:
        return not torch.equal(states[step][name][rows], states[step - 1][name][rows])

    head = "controller.head.weight"
    assert loop.instrument.controls[-1].name == "noise.magnitudes"
    noise = slice(-loop.instrument.controls[-1].width, None)
    harmonics = slice(0, noise.start)
    assert [moved(head, harmonics, step) for step in (1, 2, 4)] == [True, True, True]
    assert [moved(head, noise, step) for step in (1, 2, 4)] == [False, True, True]
    assert [moved(f"{room}.impulse_response", slice(None), step) for step in (1, 2, 4)] == [
        False,
        False,
        True,
    ]


def test_an_ensemble_of_one_instrument_twice_is_that_instrument(dataset: Dataset) -> None:
    loop, kept = training_ways.train(dataset, Way(), 0, 2)
    assert kept.average is not None
    one = ensemble.measured([loop.instrument], dataset)
    assert ensemble.measured([loop.instrument] * 2, dataset)["spectral_loss"] == pytest.approx(
        one["spectral_loss"], rel=1e-4
    )
    other, _ = training_ways.train(dataset, Way(), 1, 2)
    both = ensemble.measured([loop.instrument, other.instrument], dataset)
    assert abs(both["spectral_loss"] - one["spectral_loss"]) > 1e-3
    assert one["branches_db"][0] > one["branches_db"][1] + 20
    assert ensemble.mean_control(loop.instrument, dataset) > 0


def test_what_diverges_or_collapses_is_counted() -> None:
    def line(loss: float | None, noise_db: float = -20.0, **counts: object) -> ensemble.Figures:
        levels = None if loss is None else [-1.0, noise_db]
        told = None if loss is None else 0.8
        figures = {"spectral_loss": loss, "validation_loss": 5.0, "told_apart": told, "branches_db": levels}
        return {"skipped": 0, "rolled_back": 0, "diverged": False, "mean_control": 6.0, **figures, **counts}

    ways = {
        "as it is": [line(5.0), line(5.2), line(5.1, -45.0)],
        "worse": [line(None, diverged=True, skipped=3), line(6.5, rolled_back=2), line(5.0)],
    }
    headings, normal, worse = _figures(stability.as_table(ways))
    rows = [dict(zip(headings, row, strict=True)) for row in (normal, worse)]
    assert rows[0]["spectral loss"] == "5.100 ± 0.100"
    assert [rows[0][name] for name in ("skipped steps", "rolled back", "diverged", "collapsed")] == [
        *("0.0", "0", "0", "1"),
    ]
    assert [rows[1][name] for name in ("skipped steps", "rolled back", "diverged", "collapsed")] == [
        *("1.0", "1", "1", "2"),
    ]


def test_a_changed_recording_has_the_features_of_the_changed_sound(dataset: Dataset) -> None:
    (segment,) = dataset.train.segments

    def median(one: Segment, name: str) -> float:
        return float(np.median(one.slice(name, 0, one.n_frames)))

    higher = augmentation.changed(segment, ["speed"], 3)
    assert augmentation.SEMITONES[3] == 2
    assert higher.n_frames == pytest.approx(segment.n_frames / 2 ** (2 / 12), rel=0.01)
    assert median(higher, "f0_hz") == pytest.approx(median(segment, "f0_hz") * 2 ** (2 / 12), rel=0.01)
    louder = augmentation.changed(segment, ["gain"], 3)
    assert median(louder, "loudness_db") - median(segment, "loudness_db") == pytest.approx(6.0, abs=0.1)
    noisy = augmentation.changed(segment, ["noise"], 0).audio() - segment.audio()
    assert 20 * np.log10(float(noisy.std() / segment.audio().std())) == pytest.approx(-20.0, abs=0.2)
    wet = augmentation.changed(segment, ["room"], 0).audio() - segment.audio()
    assert float(wet.std() / segment.audio().std()) < 0.7
    more = augmentation.augmented(copy.copy(dataset), ["gain"])
    assert (len(more.train.segments), len(dataset.train.segments)) == (5, 1)
    assert more.fingerprint != dataset.fingerprint


def test_augmentation_is_a_row_for_each_way() -> None:
    line = {"instrument": "sax", "minutes": 1.0, "validation_loss": 5.0, "log_mel_db": 3.0, "told_apart": 0.8}
    lines = [
        line | {"way": way, "spectral_loss": loss}
        for way, loss in (("none", 6.0), ("none", 8.0), ("gain", 9.0))
    ]
    headings, *rows = _figures(augmentation.as_table(lines))
    held_out = headings.index("held out: spectral loss")
    assert [row[held_out] for row in rows] == ["7.00 ± 1.41", "9.00"]


def test_an_unknown_instrument_moves_the_embedding_alone(dataset: Dataset) -> None:
    parts = [Split([copy.copy(one) for one in dataset.train.segments], dataset.hop_length) for _ in range(2)]
    band = zero_shot.learned(parts, ["flute", "violin"], 1)
    assert band.config.identities == ("flute", "violin")
    before = band.state_dict()
    mean = before[zero_shot.EMBEDDING].mean(1)

    def changed(one: Instrument) -> set[str]:
        start = {**before, zero_shot.EMBEDDING: mean[:, None]}
        return {name for name, weight in one.state_dict().items() if not torch.equal(weight, start[name])}

    assert changed(zero_shot.with_embedding(band, mean)) == set()
    fitted = zero_shot.fitted(band, parts[0], 2, everything=False)
    assert changed(fitted) == {zero_shot.EMBEDDING}
    assert len(changed(zero_shot.fitted(band, parts[0], 2, everything=True))) > 5
    figures = zero_shot.measured(fitted, dataset.held_out)
    assert figures["spectral_loss"] > 0
    line = {zero_shot.FITTED: figures | {"test": figures}}
    (row,) = _figures(zero_shot.as_table({"sax": line}))[1:]
    assert row[:2] == [f"{figures['spectral_loss']:.2f}"] * 2


def test_the_sections_are_on_their_pages() -> None:
    for name, page in (
        ("stability", "stability"),
        ("augmentation", "few-minutes"),
        ("zero-shot", "few-minutes"),
    ):
        assert page_of(name, page)


def test_the_synthesisers_differ_in_the_source_alone(tmp_path: Path) -> None:
    built = {}
    for name in synths.SOURCES:
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(synths.recipe(name)), encoding="utf-8")
        built[name] = Instrument(load_recipe(path).instrument)
    cores = {tuple(one.numel() for one in built[name].controller.core.parameters()) for name in built}
    assert len(cores) == 1
    assert [list(dict(iter(one.synth)))[-1] for one in built.values()] == ["noise"] * len(built)


def test_the_table_of_synthesisers_has_means_and_ranges() -> None:
    def line(name: str, seed: int, loss: float) -> dict[str, object]:
        figures = dict.fromkeys(("mcd_db", "loudness_l1_db", "f0_median_semitones"), 1.0)
        sizes = {"n_parameters": 7, "steps": 3, "minutes": 2.0, "sound": {"log_mel_l1_db": 4.0}}
        return {"name": name, "seed": seed, "spectral_loss": loss, **figures, **sizes}

    lines = [line("FM", 0, 5.0), line("harmonic", 0, 4.0), line("FM", 1, 6.0)]
    _, *rows = _figures(synths.measured_table(lines))
    assert [row[3:5] for row in rows] == [["1", "4.00"], ["2", "5.50 (5.00 to 6.00)"]]


def test_a_refiner_is_trained_by_cpu_time_and_measured(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = refiner.SETTINGS | {"training.batch_size": 1, "training.n_validations": 1}
    monkeypatch.setattr(refiner, "SETTINGS", settings)
    config = load_recipe("tiny", {"instrument.sample_rate": RATE, "instrument.hop_length": 64}).instrument
    base = Instrument(config.model_copy(update={"effects": ()}), dataset.statistics).eval()
    made, steps = refiner.refined(dataset, base, tmp_path / "a", 0.5, 2.0, 0)
    assert 0 < steps < 1000
    assert made.latency == base.latency + 7 * 64
    segment = dataset.held_out.segments[0]
    audio, features = segment.audio(), segment.features()
    before = refiner.played(base, audio, features)
    after_base = Instrument(made.config, dataset.statistics).eval()
    after_base.load_state_dict(base.state_dict(), strict=False)
    after = refiner.played(after_base, audio, features)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-5)
    again, kept = refiner.refined(dataset, base, tmp_path / "a", 0.5, 2.0, 0)
    assert kept == steps
    assert all(torch.equal(x, y) for x, y in zip(again.parameters(), made.parameters(), strict=True))


def test_a_system_learns_for_its_cpu_time(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all(load_recipe(name.removesuffix("-refined")) for name in systems.SYSTEMS)
    small = load_recipe("tiny", {"training.batch_size": 1, "training.crop_s": 0.2})
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(small.model_dump(mode="json", exclude_unset=True)), encoding="utf-8")
    monkeypatch.setitem(systems.SYSTEMS, str(path), "small")
    line = systems.measured(dataset, tmp_path, str(path), 2.0)
    assert 0 < line["steps"] < 1000
    assert systems.speed(Instrument.from_pretrained(tmp_path / "instrument").eval()) > 0
    _, row = _figures(systems.systems_table([line]))
    assert row[0] == "small"
    assert row[2] == f"{line['steps']:,}"


def test_a_neural_source_filter_is_trained_with_and_without_its_source(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"batch_size": 1, "n_validations": 1, "crop_s": 0.1, "preroll_s": 0.05}
    monkeypatch.setattr(nsf, "SETTINGS", {f"training.{name}": value for name, value in small.items()})
    recipe, changes = nsf.WAYS["`nsf` without the source"]
    made, steps = nsf.trained(dataset, tmp_path / "a", recipe, changes, 2.0, 0)
    assert 0 < steps < 1000
    assert [name for name, _ in made.synth] == ["noise"]
    assert [name for name, _ in made.effects] == ["neural_filter", "reverb"]
    again, kept = nsf.trained(dataset, tmp_path / "a", recipe, changes, 2.0, 0)
    assert kept == steps
    assert all(torch.equal(x, y) for x, y in zip(again.parameters(), made.parameters(), strict=True))
    figures = nsf.measured(made, dataset)
    assert list(figures) == list(nsf.FIGURES)
    assert figures["spectral loss"] > 0
