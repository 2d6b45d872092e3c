"""The oracle: nearer to the recording than the instrument, measured alike, and bounded in time."""

import pytest
import soundfile
import torch
from tests.evaluation.test_evaluation import HOP, RATE, melody

from oscine.data import Dataset, prepare
from oscine.evaluation import Evaluation, Excerpts, evaluate, evaluation_page, oracle
from oscine.evaluation.report import facts, header, rows, sound_header, sound_rows
from oscine.models import Instrument, InstrumentConfig
from oscine.models.inputs import CurveConfig, F0Config, LoudnessConfig
from oscine.networks import ControllerConfig
from oscine.processors import HarmonicConfig, NoiseConfig, ReverbConfig


def small(statistics=None, effects=()):
    torch.manual_seed(3)
    config = InstrumentConfig(
        sample_rate=RATE,
        hop_length=HOP,
        inputs=(F0Config(), LoudnessConfig()),
        controller=ControllerConfig(hidden_size=8),
        synth=(HarmonicConfig(n_harmonics=10), NoiseConfig(n_bands=9)),
        effects=effects,
    )
    return Instrument(config, statistics).eval()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("tones")
    soundfile.write(folder / "tones.wav", melody(40.0).numpy(), RATE)
    prepare(folder, folder / "dataset", sample_rate=RATE, held_out_s=3.0, n_workers=1)
    return Dataset.open(folder / "dataset")


@pytest.fixture(scope="module")
def measured(dataset):
    excerpts, shares = Excerpts(at_most=1), []
    instrument = small(dataset.statistics)
    before = {name: value.clone() for name, value in instrument.state_dict().items()}
    evaluation = evaluate(instrument, dataset, oracle=True, on_comparison=excerpts, on_progress=shares.append)
    assert all(torch.equal(value, before[name]) for name, value in instrument.state_dict().items())
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 60
    return evaluation, excerpts.kept


def test_the_oracle_is_nearer_than_the_instrument_and_is_measured_alike(measured):
    evaluation, _ = measured
    best, ours = evaluation.oracle, evaluation.instrument
    assert best.spectral_loss < 0.3 * ours.spectral_loss
    assert best.sound.log_mel_l1_db < 0.3 * ours.sound.log_mel_l1_db
    assert best.f0_median_semitones < 0.05
    assert best.sound.n_patches == ours.sound.n_patches
    assert best.sound.target_movement_db == ours.sound.target_movement_db
    assert evaluation.oracle_seconds == evaluation.seconds
    assert Evaluation.model_validate_json(evaluation.model_dump_json()) == evaluation


def test_it_has_a_column_a_sentence_and_a_player(measured):
    evaluation, kept = measured
    assert header(evaluation)[4] == sound_header(evaluation)[4] == "oracle"
    for names, table in (
        (header(evaluation), rows(evaluation)),
        (sound_header(evaluation), sound_rows(evaluation)),
    ):
        assert all(len(row) == len(names) for row in table)
    assert f"{evaluation.oracle.spectral_loss:.3f}" == rows(evaluation)[6][4]
    assert "The oracle was fitted to 3.0 s of the held-out audio, all of it." in facts(evaluation)
    html = evaluation_page(evaluation, kept, "How it plays").html()
    assert html.count("<audio") == 5
    assert "<b>Oracle</b>" in html
    without = evaluation.model_copy(update={"oracle": None, "oracle_seconds": 0.0})
    assert "oracle" not in header(without)
    assert "oracle" not in " ".join(facts(without)).lower()


def test_its_time_is_bounded_and_the_report_says_so(dataset, monkeypatch):
    monkeypatch.setattr("oscine.evaluation.fitted.ORACLE_S", 1.0)
    monkeypatch.setattr("oscine.evaluation.fitted._STEPS", 2)
    monkeypatch.setattr("oscine.evaluation.evaluation._PIECE_S", 0.8)
    monkeypatch.setattr("oscine.evaluation.evaluation.EXAMPLE_S", 0.8)
    compared = []
    evaluation = evaluate(
        small(dataset.statistics), dataset, oracle=True, baselines=False, on_comparison=compared.append
    )
    assert evaluation.oracle_seconds == pytest.approx(1.0)
    lengths_s = [len(one.outputs["oracle"].audio) / RATE for one in compared if "oracle" in one.outputs]
    assert lengths_s == pytest.approx([0.8, 0.2])
    assert compared[1].target.features.n_frames == 0.8 * RATE / HOP
    assert "1.0 s of the held-out audio (at most the first" in " ".join(facts(evaluation))


def test_what_has_no_oracle(dataset):
    tone = melody(0.5)
    f0_hz = torch.full((125,), 262.0)
    assert oracle(small(), 1e-4 * tone, f0_hz, steps=1) is None
    assert oracle(small(), tone[:1600], f0_hz[:25], steps=1) is None
    roomy = oracle(small(effects=(ReverbConfig(ir_s=0.05),)), tone, f0_hz, steps=1)
    assert roomy is not None
    assert len(roomy) == len(tone)
    loud = small(dataset.statistics)
    blown = Instrument(
        loud.config.model_copy(update={"inputs": (F0Config(), CurveConfig(name="breath"))}),
        dataset.statistics,
    )
    whole = oracle(blown, tone, f0_hz, steps=1)
    assert whole is not None
    assert len(whole) == len(tone)  # its parts take the pitch alone


def test_silence_alone_has_no_row(dataset, monkeypatch):
    monkeypatch.setattr("oscine.evaluation.fitted._SILENT", 2.0)
    evaluation = evaluate(small(dataset.statistics), dataset, oracle=True, baselines=False)
    assert evaluation.oracle is None
    assert evaluation.oracle_seconds == 0.0
