import math
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from benchmarks import controllers, distillation, few_minutes, labels, nsynth, voices
from benchmarks import fit as fit_benchmark
from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.live_pitch.gather import gather, parts
from benchmarks.live_pitch.header import header, stored
from benchmarks.live_pitch.sounds import (
    in_a_room,
    labelled,
    made,
    transposed,
    with_octaves_of,
    with_pauses,
)
from benchmarks.live_pitch.table import Labels, lines, score, spread
from benchmarks.live_pitch.train import filtered, train, validated
from benchmarks.measure import Measurement, alone, measure
from benchmarks.page import PAGE, with_section, write_section
from benchmarks.peak import compiler, multiply_adds_per_second

from oscine.analysis import Features
from oscine.analysis.features import FEATURES
from oscine.analysis.pitch.live import N_BINS, follow
from oscine.data import Dataset, Segment, Split, prepare
from oscine.data.segment import ArrayPart
from oscine.evaluation import ExampleMetrics, Metrics
from oscine.models import InstrumentConfig, load_recipe
from oscine.models.inputs import F0Config, IdentityConfig, LoudnessConfig
from oscine.networks import ControllerConfig
from oscine.processors import HarmonicConfig, NoiseConfig
from oscine.runtime import engines
from oscine.transfer import PlayableInstrument


@pytest.fixture(autouse=True)
def _denormals_as_before():
    yield
    torch.set_flush_denormal(False)


def _figures(content: str) -> list[list[str]]:
    """Return the cells of a section's table rows, those behind the first column."""
    rows = re.findall(r"^\| (.*) \|$", content, flags=re.MULTILINE)
    return [row.split(" | ")[1:] for row in rows if "---" not in row]


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name != "gpu"])
def test_every_benchmark_tells_figures(name: str) -> None:
    headings, *rows = _figures(BENCHMARKS[name](True))
    assert len(headings) == len(rows[0]) > 1
    assert re.search(r"[1-9]", " ".join(rows[0]))


def test_without_a_gpu_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert BENCHMARKS["gpu"](True) == "There was no GPU, so nothing was measured here."


def test_oscillators_agree_with_the_textbook_in_float64() -> None:
    rows = [row for row in _figures(BENCHMARKS["oscillator"](True)) if re.fullmatch(r"\d+", row[3])]
    ours = [row for row in rows if row[5] != "1 / 1 / 1"]
    assert len(ours) == len(rows) - 2 >= 2
    assert all(float(row[3]) >= 105 and float(row[4]) <= 3e-5 for row in ours)


def test_a_contender_runs_in_a_fresh_process() -> None:
    assert alone(os.getpid) != os.getpid()


def test_memory_is_what_the_calls_add() -> None:
    kept = torch.ones(1 << 22)
    cost = measure(lambda: [lambda: torch.ones(1 << 24).sum(), kept.sum], quick=True)
    assert 60 <= cost.megabytes < 80 or math.isnan(cost.megabytes)
    assert cost.result == 1 << 24


def test_ratios_are_medians_over_rounds() -> None:
    cost = Measurement([[1.0, 2.0], [10.0, 30.0], [1.0, 1.0]], 0.0, None)
    assert cost.milliseconds(1) == 2.0
    assert cost.ratio(1, 0) == 2.0


@pytest.mark.skipif(compiler() is None, reason="there is no g++ here")
def test_the_peak_is_measured() -> None:
    peak = multiply_adds_per_second()
    assert peak is not None
    assert 1e8 < peak < 1e12


def test_a_section_leaves_the_others() -> None:
    page = (
        "# a\n<!-- begin one -->\nold\n<!-- end one -->\nb\n<!-- begin two -->\nkept\n<!-- end two -->\nc\n"
    )
    changed = with_section(page, "one", "new\n")
    assert changed == page.replace("\nold\n", "\n\nnew\n\n")
    assert with_section(changed, "one", "new") == changed


def test_a_section_that_is_not_there_or_twice_is_named() -> None:
    page = "<!-- begin one --><!-- end one -->\n"
    with pytest.raises(ValueError, match="needs one <!-- begin two -->"):
        with_section(page, "two", "new")
    with pytest.raises(ValueError, match="needs one <!-- begin one -->"):
        with_section(2 * page, "one", "new")


def test_a_section_is_written_in_place(tmp_path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(PAGE.read_text())
    for name in BENCHMARKS:
        write_section(name, f"figures of {name}", page)
    assert page.read_text().count("figures of ") == len(BENCHMARKS)
    assert [path.name for path in tmp_path.iterdir()] == ["performance.md"]


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["loss", "los", "nois"])
    assert raised.value.code == 2
    assert "there is no benchmark los, nois: choose of oscillator, scaling" in capsys.readouterr().err


def test_a_quick_run_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = PAGE.read_bytes()
    main(["reverb", "gpu", "--quick"])
    assert "`python -m benchmarks reverb gpu`" in capsys.readouterr().out
    assert PAGE.read_bytes() == before


FIGURES = {
    "name": "supervised",
    "minutes": 10.0,
    "steps": 1234,
    "threads": 1,
    "n_parameters": 1_500_000,
    "f0_l1_semitones": 0.05,
    "f0_outliers": 0.01,
    "f0_lost": 0.02,
    "f0_unsure": None,
    "ceiling": None,
    "examples": {
        "n_examples": 1705,
        "loudness_l1_deviations": 0.0654,
        "loudness_l1_db": 1.01,
        "f0_l1_semitones": 0.054,
        "f0_outliers": 0.0025,
        "f0_unheard": 0.005,
    },
}


def test_the_table_of_nsynth_has_ours_and_the_papers_figures() -> None:
    headings, ours, *theirs = _figures(nsynth.as_table([FIGURES], nsynth.PAPER))
    assert dict(zip(headings, ours, strict=True)) == {
        "parameters": "1.50 M",
        "minutes": "10",
        "steps": "1234",
        "notes": "1705",
        "loudness L1, deviations": "0.065",
        "loudness L1, dB": "1.01",
        "f0 L1, semitones": "0.050",
        "outliers, %": "1.000",
        "lost, %": "2.000",
        "unsure, %": "–",
        "f0 L1 by notes": "0.054",
        "outliers, % of notes": "0.250",
        "unheard, % of notes": "0.500",
    }
    assert [row[4] for row in theirs] == ["0.07", "0.09", "0.10"]
    measured = {"loudness_l1_db": 9.0, "f0_l1_semitones": 0.001, "f0_outliers": 0.0} | {
        "f0_lost": 0.001,
        "f0_unsure": 0.03,
    }
    _, _, ceiling, *_ = _figures(nsynth.as_table([FIGURES | {"ceiling": measured}]))
    assert not nsynth.is_whole(FIGURES), "an older version's"
    by_example = dict.fromkeys(ExampleMetrics.model_fields)
    assert nsynth.is_whole({**FIGURES, **dict.fromkeys(Metrics.model_fields), "examples": by_example})
    assert [one for one in ceiling if one] == ["9.00", "0.001", "0.000", "0.100", "3.000"]


def test_each_row_of_the_ablation_leaves_out_what_it_says() -> None:
    def weights(name: str) -> list[float]:
        _, overrides = nsynth.ABLATION[name]
        parts = ("pretraining_share", "transport_weight", "perceptual_weight")
        return [overrides[f"training.{part}"] for part in parts]

    assert all(weights("all three"))
    assert [bool(one) for one in weights("transport and perception")] == [False, True, True]
    assert [bool(one) for one in weights("pre-training alone")] == [True, False, False]
    assert not any(weights("nothing"))
    for recipe, overrides in (nsynth.MODELS | nsynth.ABLATION).values():
        load_recipe(recipe, overrides)


def test_an_identity_of_which_nothing_is_held_out_has_no_distances(tmp_path: Path) -> None:
    for name, n_seconds in (("flute", 40), ("violin", 3)):
        folder = tmp_path / "recordings" / name
        folder.mkdir(parents=True)
        tone = 0.3 * np.sin(2 * np.pi * 440 / 16_000 * np.arange(n_seconds * 16_000))
        soundfile.write(folder / "tone.wav", tone, 16_000)
    prepare(tmp_path / "recordings", tmp_path / "dataset", sample_rate=16_000, n_workers=1)
    dataset = Dataset.open(tmp_path / "dataset")
    config = InstrumentConfig(
        sample_rate=16_000,
        hop_length=dataset.hop_length,
        inputs=(F0Config(), LoudnessConfig(), IdentityConfig(size=2, names=("flute", "violin"))),
        controller=ControllerConfig(hidden_size=8),
        synth=(HarmonicConfig(n_harmonics=3), NoiseConfig(n_bands=3)),
        effects=(),
    )
    _, _, *rows = voices.distances(PlayableInstrument(config, dataset.statistics), dataset).splitlines()
    assert [row.split(" | ")[0] for row in rows] == ["| flute, 4 s"]
    assert len(re.findall(r"\d\.\d\d", rows[0])) == 2


def test_labels_tell_octaves_above_and_below() -> None:
    def note(name: str, f0_hz: list[float], confidence: list[float]) -> Any:
        zero = torch.zeros(len(f0_hz))
        features = Features(torch.tensor(f0_hz).float(), torch.tensor(confidence), zero, zero, 16_000, 64)
        return SimpleNamespace(name=name, n_frames=len(f0_hz), features=lambda: features)

    heard = note("part/audio/reed_acoustic_001-069-100.wav", [440, 880, 220, 441, 440], [1, 1, 1, 0.9, 0.1])
    assert labels.line("reed", [heard]) == ["reed", "1", "80.00", "50.00", "25.00", "25.00"]
    unsure = note("part/audio/reed_acoustic_001-070-100.wav", [440], [0.1])
    assert labels.line("reed", [unsure]) == ["reed", "1", "0.00", "–", "–", "–"]


def test_controllers_are_named_and_their_table_is_theirs() -> None:
    line = {
        "name": "TCN 64",
        "minutes": 2.0,
        "steps": 500,
        "held_out_losses": [6.5, 6.0],
        "spectral_loss": 5.9,
        "f0_median_semitones": None,
        "f0_outliers": 0.004,
        "loudness_l1_db": 2.5,
        "real_time_factor_streaming": 0.5,
        "n_controller": 247_206,
        "n_encoder": 0,
        "controller_ms": 0.6,
        "encoding_factor": None,
    }
    headings, row = _figures(controllers.as_table([line], is_encoder=False))
    figures = dict(zip(headings, row, strict=True))
    assert (figures["at 1 min"], figures["at 2 min"]) == ("6.500", "6.000")
    assert figures["f0 median, semitones"] == "none sure"
    assert figures["× real time, stream"] == "2.0"


def _write_tones(folder: Path, n: int) -> None:
    folder.mkdir()
    for i in range(n):
        tone = 0.3 * np.sin(2 * np.pi * (220 + 20 * i) * np.arange(24000) / 16000)
        tone[:4000] = 0.0
        soundfile.write(folder / f"tone-{i:02}.wav", tone, 16000)


def test_the_live_trackers_recordings_are_kept_apart(tmp_path):
    _write_tones(tmp_path / "many", 13)
    found = parts(tmp_path / "many", ["tone-12"])
    assert {use: len(audio) for use, audio in found.items()} == {"train": 8, "validation": 2, "test": 2}
    few = parts(tmp_path / "many", [f"tone-{i:02}" for i in range(2, 13)])
    assert [len(one.audio) for one in few["train"]] == [16000, 16000]
    assert [(len(one.audio), one.begin) for one in few["validation"]] == [(8000, 16000), (8000, 16000)]
    assert few["test"] == []


def test_the_live_tracker_learns_from_recordings(tmp_path):
    _write_tones(tmp_path / "tones", 2)
    gather([tmp_path / "tones"], [], tmp_path / "data", n_made=1)
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        *("made-train.npz", "made-validation.npz", "tones-train.npz", "tones-validation.npz"),
    ]
    told: list[str] = []
    network, again, other = (
        train(tmp_path / "data", 5, seed, channels=4, report=told.append) for seed in (0, 0, 1)
    )
    assert re.search(r"tones: pitch \d", told[-1])
    assert validated(other, tmp_path / "data") in told[-1]
    tensors = network.state_dict()
    assert all(torch.equal(one, tensors[name]) for name, one in again.state_dict().items())
    assert not torch.equal(other.state_dict()["pitch.weight"], tensors["pitch.weight"])
    text = header(tensors)
    numbers = text.split("CONVOLUTION_0")[1].split("};")[0].split("{")[1].split(",")[:-1]
    kept = stored(tensors)["convolutions.0.weight"]
    assert torch.equal(torch.tensor([int(one) for one in numbers]).short().view(torch.half), kept.flatten())


def test_the_filter_that_it_learns_with_is_the_trackers():
    pitch = np.random.default_rng(0).dirichlet(np.full(N_BINS, 0.1), 200)
    pitch_probabilities = filtered(torch.from_numpy(pitch)[None], torch.ones(1, 200, dtype=torch.bool))[0]
    bins = follow(pitch, np.full(200, 0.99)).bins
    np.testing.assert_array_equal(pitch_probabilities.argmax(-1).numpy(), bins)


def test_what_is_done_to_a_recording_is_done_to_its_labels(tmp_path):
    random = np.random.default_rng(0)
    time = np.arange(32000) / 16000
    plain = labelled(0.3 * np.sin(2 * np.pi * 440 * time).astype(np.float32))
    assert plain.voiced.mean() > 0.9
    faster = transposed(plain, random)
    again = labelled(faster.audio)
    n = min(len(again.f0_hz), len(faster.f0_hz)) - 20
    assert np.abs(1200 * np.log2(faster.f0_hz[20:n] / again.f0_hz[20:n])).max() < 5
    gated = with_pauses(plain, random)
    silent = gated.counts & ~gated.voiced & plain.voiced
    assert 0.01 < silent.mean() < 0.6
    power = gated.audio[: 64 * (len(silent) - 1)].reshape(-1, 64).std(-1)
    assert (power[silent[1:]] < 0.02).all()
    score = tmp_path / "tone.csv"
    score.write_text("onset_s,dur_s,midi,velocity\n0.5,0.4,81,90\n1.0,0.4,70,90\n")
    moved = with_octaves_of(score, plain, begin=1600).f0_hz / plain.f0_hz
    np.testing.assert_array_equal(moved[[100, 115, 160, 220, 260, 300]], [1, 2, 2, 1, 1, 1])


def test_made_sounds_have_the_pitch_that_they_say():
    sound = made(np.random.default_rng(0), 4.0)
    assert 0.2 < sound.voiced.mean() < 1.0
    assert np.abs(sound.audio).max() <= 1.0
    (line,) = lines(
        "made", [Labels(sound.audio, np.append(np.where(sound.voiced, sound.f0_hz, 0.0)[1:], 0.0))], ("pyin",)
    )
    assert float(line[3].removesuffix(" %")) > 85.0
    wet = in_a_room(sound, np.random.default_rng(1))
    assert not np.allclose(wet.audio, sound.audio)
    assert (wet.counts | sound.counts == sound.counts).all()


def test_a_tracker_is_scored_by_what_is_right():
    right = np.concatenate([np.full(500, 200.0), np.zeros(200)])
    f0_hz, voiced = np.full(700, 201.0), np.ones(700, bool)
    f0_hz[100:150] = 400.0
    f0_hz[200:225] = 330.0
    voiced[400:500] = False
    voiced[500:600] = False
    is_quiet = np.arange(700) >= 550
    found = score(f0_hz, voiced, right, is_quiet)
    assert found.near == pytest.approx((500 - 75 - 100) / 500)
    assert found.near_where_both == pytest.approx((400 - 75) / 400)
    assert found.octave_errors == pytest.approx(0.1)
    assert found.leaps == found.leaps_in_notes == pytest.approx(4 / 2.0)
    moved = np.where(np.arange(700) < 108, 2.0, 1.0) * right  # a note that begins with the octave
    assert score(f0_hz, voiced, moved, is_quiet).leaps == pytest.approx(4 / 2.0)
    assert score(f0_hz, voiced, moved, is_quiet).leaps_in_notes == pytest.approx(3 / 2.0)
    assert found.voiced == pytest.approx(0.8)
    assert found.false_alarms == pytest.approx(0.5)
    assert found.in_quiet == pytest.approx(2 / 3)
    assert found.cents == pytest.approx(1200 * np.log2(201 / 200))
    assert spread([["1.0 %", "–"], ["10.0 %", "–"], ["2.0 %", "–"]]) == ["1.0 to 10.0 %", "–"]


def test_a_pause_is_quiet_where_no_note_rings_on():
    audio = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000).astype(np.float32)
    audio[8000:12000] *= 0.3
    audio[12000:] *= 0.01
    right = np.where(np.arange(250) < 120, 440.0, 0.0)
    is_quiet = Labels(audio, right).is_quiet()
    assert not is_quiet[:180].any()
    assert is_quiet[195:].all()


def _small(dataset: Dataset, seed: int) -> PlayableInstrument:
    torch.manual_seed(seed)
    config = InstrumentConfig(
        sample_rate=dataset.sample_rate,
        hop_length=dataset.hop_length,
        controller=ControllerConfig(hidden_size=32),
        synth=(HarmonicConfig(n_harmonics=3), NoiseConfig(n_bands=3)),
        effects=(),
    )
    return PlayableInstrument(config, dataset.statistics)


@pytest.mark.skipif(not engines(), reason="there is no compiled runtime here")
def test_students_are_measured_on_what_chose_nothing(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    time = np.arange(36 * 16_000) / 16_000
    tone = (0.2 + 0.1 * np.sin(time)) * np.sin(2 * np.pi * 440 * time)
    soundfile.write(tmp_path / "recordings" / "tone.wav", tone, 16_000)
    prepare(tmp_path / "recordings", tmp_path / "dataset", sample_rate=16_000, held_out_s=8.0, n_workers=1)
    whole = Dataset.open(tmp_path / "dataset")
    validation, test = distillation.parts(whole)
    (one,), (other,) = validation.held_out.segments, test.held_out.segments
    held_out = whole.held_out.segments[0].audio()
    n = round(0.25 * 250) * 64
    assert torch.equal(one.audio(), held_out[: len(held_out) // 2 - n])
    assert torch.equal(other.audio(), held_out[len(held_out) // 2 :])
    teacher, student = _small(whole, 0), _small(whole, 1)
    nothing = distillation.distance_to_teacher(teacher, teacher, test)
    something = distillation.distance_to_teacher(student, teacher, test)
    assert max(nothing.values()) < 1e-4
    assert min(something.values()) > 0.1
    student.save_pretrained(tmp_path / "student")
    exact, half, byte = distillation.weights(tmp_path, tmp_path / "student")
    assert exact["error_db"] is None
    assert half["error_db"] < byte["error_db"] < -10
    assert exact["n_bytes"] > half["n_bytes"] > byte["n_bytes"]


def test_students_are_a_row_for_each_way_that_was_measured() -> None:
    common = {"mcd_db": 3.0, "loudness_l1_db": 2.0, "f0_median_semitones": 0.01, "to_teacher": 1.0}
    common |= {"to_teacher_varied": 2.0, "to_teacher_dry": 3.0, "n_parameters": 2286}
    lines = [
        {"recipe": "student100", "way": "distilled", "spectral_loss": loss, **common} for loss in (5.0, 6.0)
    ]
    content = distillation.students_table(lines, {"spectral_loss": 5.0, **common, "n_parameters": 10})
    headings, teacher, row = _figures(content)
    figures = dict(zip(headings, row, strict=True))
    assert figures["spectral loss"] == "5.500 ± 0.707"
    assert figures["above the teacher's, %"] == "10.0"
    assert (figures["seeds"], figures["to the teacher"]) == ("2", "1.000 ± 0.000")
    assert len(teacher) == len(row)
    assert distillation._is_chosen("student100, distilled", ["student100, distilled"])
    assert not distillation._is_chosen("student100, distilled, effects fixed", ["student100, distilled"])
    assert distillation._is_chosen("student100, alone", ["alone"])


def test_a_line_of_the_fits_has_two_distances_for_each_sound() -> None:
    tone = 0.3 * torch.sin(2 * torch.pi * 330 * torch.arange(3200) / 16000)
    sounds = {"one": (tone, 16000), "other": (0.5 * tone, 16000)}
    synth, loss, *cells = fit_benchmark.line("tiny", "energy", sounds, 2)
    assert (synth, loss) == ("tiny", "energy")
    assert [len(re.findall(r"\d+\.\d+", cell)) for cell in cells] == [2, 2, 1, 1]
    assert float(cells[0].split(" / ")[0]) != float(cells[1].split(" / ")[0])


def test_a_few_minutes_are_taken_evenly_over_the_pitches() -> None:
    def note(number: int) -> Segment:
        columns = {name: np.full(400, number, np.float32) for name in FEATURES}
        columns["audio"] = np.arange(400 * 64, dtype=np.float32)
        return Segment(f"{number}", [ArrayPart(columns, 400)], 16_000, 64)

    part = Split([note(1 + 7 * i % 20) for i in range(20)], 64)  # 1 … 20, shuffled
    segments = few_minutes.shortened(part, 250.0, 0.1)
    assert [one.name for one in segments] == ["3", "8", "13", "18"]
    assert [one.n_frames for one in segments] == [375] * 4
    assert torch.equal(segments[0].audio(), torch.arange(375.0 * 64))
    with pytest.raises(ValueError, match="less than 5 minutes"):
        few_minutes.shortened(part, 250.0, 5.0)


def test_what_a_start_is_worth_is_a_row_for_each_way() -> None:
    common = {"mcd_db": 3.0, "loudness_l1_db": 2.0, "f0_median_semitones": 0.01, "minutes": 1.0, "seed": 0}
    lines = [
        {"instrument": "sax", "way": way, "spectral_loss": loss, "sound": {"log_mel_l1_db": 4.0}, **common}
        for way, loss in (("from nothing", 6.0), ("from nothing", 8.0), ("the start as it is", 9.0))
    ]
    headings, untrained, nothing = _figures(few_minutes.measured_table(few_minutes._in_order(lines)))
    assert dict(zip(headings, untrained, strict=True))["minutes of it"] == "0"
    assert dict(zip(headings, nothing, strict=True))["spectral loss"] == "7.00 (6.00 to 8.00)"
    choices = [{**lines[0], "way": way, "validation_loss": 5.0} for way in list(few_minutes.CHOICES)[:2]]
    assert [row[0] for row in _figures(few_minutes.choices_table(choices))[1:3]] == ["5.000", "5.000"]
