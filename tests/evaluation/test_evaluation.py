"""A whole evaluation on a dataset made of tones: every figure where it must be."""

import math
import re
from typing import Any

import pytest
import soundfile
import torch

from oscine.analysis import Features
from oscine.data import Dataset, Split, prepare
from oscine.errors import InputError
from oscine.evaluation import Evaluation, Excerpts, Metrics, evaluate, evaluation_page
from oscine.evaluation.evaluation import _identities, _pieces, streaming_real_time_factor
from oscine.evaluation.pictures import comparison_picture
from oscine.evaluation.report import (
    BOLD,
    best_of_rows,
    best_of_sound_rows,
    best_of_third_octaves,
    facts,
    header,
    rows,
    sound_header,
    sound_rows,
    third_octave_rows,
)
from oscine.evaluation.timing import played_early
from oscine.models import Instrument, InstrumentConfig, load_recipe
from oscine.models.conditioning import Piece
from oscine.models.inputs import (
    CentroidConfig,
    CurveConfig,
    F0Config,
    IdentityConfig,
    LevelConfig,
    LoudnessConfig,
    PaperLoudnessConfig,
    PeriodicityConfig,
    ZConfig,
)
from oscine.networks import ControllerConfig, PitchEncoderConfig, TimbreEncoderConfig
from oscine.processors import HarmonicConfig, NoiseConfig, RefinerConfig

RATE, HOP = 16000, 64


def melody(seconds, rate=RATE):
    """Sawtooth notes of half a second with a soft start and end, and a little noise."""
    time_s = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    midi = 60 + (torch.floor(time_s * 2) * 5) % 17
    phase = 2 * math.pi * torch.cumsum(440 * 2 ** ((midi - 69) / 12), 0) / rate
    note = sum(torch.sin(k * phase) / k for k in range(1, 9)) * torch.sin(math.pi * (time_s * 2 % 1)) ** 0.3
    return (0.2 * note).float() + 0.001 * torch.randn(len(time_s))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("tones")
    soundfile.write(folder / "tones.wav", melody(44.0).numpy(), RATE)
    prepare(folder, folder / "dataset", sample_rate=RATE, held_out_s=5.0, n_workers=1)
    return Dataset.open(folder / "dataset")


@pytest.fixture(scope="module")
def instrument(dataset):
    torch.manual_seed(2)
    overrides = {
        "instrument.sample_rate": RATE,
        "instrument.hop_length": HOP,
        "instrument.effects.reverb.ir_s": 0.05,
    }
    return Instrument(load_recipe("tiny", overrides).instrument, dataset.statistics).eval()


@pytest.fixture(scope="module")
def measured(dataset, instrument):
    excerpts, shares = Excerpts(at_most=2, seconds=2.0), []
    evaluation = evaluate(instrument, dataset, on_comparison=excerpts, on_progress=shares.append)
    assert shares[-1] == 1.0
    return evaluation, excerpts.kept


def test_all_figures_are_there_and_survive_json(measured, dataset, instrument):
    evaluation, _ = measured
    assert Evaluation.model_validate_json(evaluation.model_dump_json()) == evaluation
    assert evaluation.seconds == pytest.approx(dataset.held_out.n_frames * HOP / RATE)
    assert evaluation.n_parameters == instrument.n_parameters
    assert evaluation.n_bytes == 4 * sum(p.numel() for p in instrument.parameters())
    assert evaluation.confident_share > 0.7
    assert evaluation.real_time_factor > 0
    assert evaluation.real_time_factor_streaming > 0
    for metrics in (evaluation.instrument, evaluation.mean_control, evaluation.harmonic_ceiling):
        values = metrics.model_dump(exclude={"sound"}).values()
        assert all(value is not None and math.isfinite(value) and value >= 0 for value in values)
        assert metrics.sound.log_mel_l1_db is not None
        assert metrics.sound.log_mel_l1_db > 0
        assert len(metrics.sound.third_octaves_db) > 10
        assert metrics.sound.n_patches == 10
        assert metrics.sound.realism is None  # of five seconds
    assert evaluation.cutoff_hz > 7000
    assert evaluation.is_unseen


def test_the_noise_floor_is_below_every_figure(measured):
    evaluation, _ = measured
    floor = evaluation.noise_floor
    for one in (evaluation.instrument, evaluation.mean_control, evaluation.harmonic_ceiling):
        assert 0 < floor.spectral_loss < one.spectral_loss
        assert 0 < floor.sound.log_mel_l1_db < one.sound.log_mel_l1_db
        assert floor.sound.third_octave_mean_db < one.sound.third_octave_mean_db
    assert floor.sound.target_movement_db == pytest.approx(evaluation.instrument.sound.movement_db, rel=0.2)


def test_the_ceiling_is_nearly_the_target_and_an_untrained_instrument_is_not(measured):
    evaluation, _ = measured
    ceiling, instrument = evaluation.harmonic_ceiling, evaluation.instrument
    assert ceiling.f0_median_semitones < 0.03
    assert ceiling.f0_outliers < 0.03
    assert ceiling.spectral_loss < 0.6 * instrument.spectral_loss
    assert ceiling.mcd_db < 0.9 * instrument.mcd_db
    # The pitch is handed to the oscillator, so even an untrained instrument has it.
    assert instrument.f0_median_semitones < 0.05


class Parrot(Instrument):
    """Plays the target itself, whatever it is asked for."""

    audio = torch.zeros(0)

    def init_state(self, batch_size: int, seed: int = 0) -> Any:
        del seed
        return torch.full((batch_size,), -1, dtype=torch.long)

    def step(self, *signals: Any, state: Any, gain=None, dry=False, **conditions) -> Any:
        del signals, gain, dry
        n_samples = conditions["f0_hz"].shape[1] * HOP
        if state < 0:  # the silence before each stretch
            return torch.zeros(1, n_samples), torch.zeros_like(state)
        return self.audio[None, int(state) : int(state) + n_samples], state + n_samples


def test_a_perfect_instrument_has_no_error(dataset, instrument, monkeypatch):
    (segment,) = dataset.held_out.segments
    parrot = Parrot(instrument.config)
    parrot.audio = segment.audio()
    # Also in pieces of a second: the stream goes on where it was.
    monkeypatch.setattr("oscine.evaluation.evaluation._PIECE_S", 1.0)
    metrics = evaluate(parrot, dataset).instrument
    assert set(metrics.model_dump(exclude={"sound"}).values()) == {0.0}
    sound = metrics.sound
    assert sound.log_mel_l1_db == sound.level_db == sound.third_octave_mean_db == 0.0
    assert set(sound.third_octaves_db.values()) == {0.0}
    assert sound.movement_db is not None
    assert sound.movement_db == sound.target_movement_db
    assert sound.attack_db is not None
    assert sound.attack_db == sound.target_attack_db


def _conditioned(dataset, *inputs):
    config = InstrumentConfig(
        sample_rate=RATE,
        hop_length=HOP,
        inputs=inputs,
        controller=ControllerConfig(hidden_size=8),
        synth=(HarmonicConfig(n_harmonics=8), NoiseConfig(n_bands=9)),
        effects=(),
    )
    return Instrument(config, dataset.statistics).eval()


def test_an_identity_goes_by_its_name(dataset, monkeypatch):
    monkeypatch.setattr(dataset, "identities", ("violin",))
    band = _conditioned(
        dataset, F0Config(), LoudnessConfig(), IdentityConfig(size=3, names=("flute", "violin"))
    )
    (segment,) = dataset.held_out.segments
    piece = next(_pieces(segment, band, _identities(band, dataset)))
    assert piece.conditions["identity"].unique(dim=1).tolist() == [[[0.0, 1.0]]]
    monkeypatch.setattr(dataset, "identities", ("oboe",))
    with pytest.raises(InputError, match=r"the identity 'oboe', but the instrument has flute, violin only"):
        evaluate(band, dataset)


def test_a_curve_that_the_dataset_lacks_is_named(dataset):
    blown = _conditioned(dataset, F0Config(), CentroidConfig(), CurveConfig(name="breath"))
    with pytest.raises(InputError, match="takes the curve breath, which"):
        evaluate(blown, dataset)


def test_an_instrument_without_the_loudness_is_measured_beside_one_that_plays_it(dataset):
    evaluation = evaluate(_conditioned(dataset, F0Config(), LevelConfig()), dataset)
    assert evaluation.mean_control is not None
    assert evaluation.mean_control.f0_median_semitones == pytest.approx(0.0, abs=0.05)


def test_no_example_is_a_rest_of_a_piece(dataset, instrument, monkeypatch):
    monkeypatch.setattr("oscine.evaluation.evaluation.EXAMPLE_S", 0.7)
    monkeypatch.setattr("oscine.evaluation.evaluation._PIECE_S", 1.5)
    (segment,) = dataset.held_out.segments
    lengths = [features.n_frames for _, features, _ in _pieces(segment, instrument, {})]
    assert all(n == 2 * round(0.7 * RATE / HOP) for n in lengths[:-1])
    assert sum(lengths) == segment.n_frames


def test_pieces_are_measured_with_what_is_around_them(dataset, monkeypatch):
    torch.manual_seed(0)
    instrument = _conditioned(
        dataset,
        F0Config(encoder=PitchEncoderConfig(resnet="tiny", n_mels=32)),
        *(LoudnessConfig(), PaperLoudnessConfig(), CentroidConfig(), PeriodicityConfig()),
        ZConfig(encoder=TimbreEncoderConfig(kind="resnet", resnet="tiny", frames_per_z=6)),
    )
    (segment,) = dataset.held_out.segments
    (whole,) = _pieces(segment, instrument, {})
    monkeypatch.setattr("oscine.evaluation.evaluation.EXAMPLE_S", 1.624)  # on neither encoder's grid
    monkeypatch.setattr("oscine.evaluation.evaluation._PIECE_S", 1.624)
    parts = list(_pieces(segment, instrument, {}))
    assert len(parts) == 4
    assert len(whole.conditions) == 6
    for name, curve in whole.conditions.items():
        joined = torch.cat([one.conditions[name] for one in parts], 1)
        relative = 1e-3 if name == "f0_hz" else 0.0
        torch.testing.assert_close(joined, curve, rtol=relative, atol=1e-3 * (not relative))


def _figures(value: Any, name: str = "") -> dict[str, Any]:
    """Return all figures in a record, by their place in it."""
    if not isinstance(value, dict | list):
        return {name: value}
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    return {place: one for key, part in parts for place, one in _figures(part, f"{name}.{key}").items()}


def test_without_baselines_the_instruments_figures_are_the_same(measured, dataset, instrument):
    evaluation, _ = measured
    alone = evaluate(instrument, dataset, baselines=False)
    first, second = (
        _figures(one.model_dump(mode="json", include={"instrument", "examples"}))
        for one in (evaluation, alone)
    )
    assert len(first) > 20
    # A sum of floats may depend on where in memory they are.
    near = {at: pytest.approx(one, rel=1e-5) if isinstance(one, float) else one for at, one in first.items()}
    assert second == near
    assert alone.mean_control is alone.harmonic_ceiling is alone.noise_floor is None
    dashes = ["–", "–", "–"]
    assert [row[2:5] for row in rows(alone)] == [dashes] * (len(Metrics.model_fields) - 1)
    assert [row[2:5] for row in sound_rows(alone)] == [dashes] * len(sound_rows(alone))


def test_excerpts_are_cut_and_few(measured):
    _, kept = measured
    assert 1 <= len(kept) <= 2
    for comparison in kept:
        for sound in (comparison.target, *comparison.outputs.values()):
            assert sound.features.n_frames == len(sound.loudness_db) == 500
            assert len(sound.audio) == 500 * HOP


def test_the_page_shows_figures_players_and_pictures(measured):
    evaluation, kept = measured
    html = evaluation_page(evaluation, kept, "How it plays").html()
    assert html.count("<audio") == 4 * len(kept)
    assert html.count("<svg") == 2 * len(kept)
    assert "https://" not in html
    assert "http://" not in html
    tables = (
        (header(evaluation), rows(evaluation)),
        (sound_header(evaluation), sound_rows(evaluation)),
        (sound_header(evaluation)[:-1], third_octave_rows(evaluation)),
    )
    for names, table in tables:
        for row in table:
            assert len(row) == len(names)
            assert all(f">{cell}<" in html for cell in row)


def test_the_best_figures_are_bold(measured):
    evaluation, _ = measured
    worse = evaluation.instrument.model_copy(update={"loudness_l1_db": 99.0, "f0_l1_semitones": None})
    better = evaluation.mean_control.model_copy(update={"loudness_l1_db": 0.5, "spectral_loss": 0.1})
    same = evaluation.harmonic_ceiling.model_copy(update={"loudness_l1_db": 0.5001, "spectral_loss": 5.0})
    changed = evaluation.model_copy(
        update={"instrument": worse, "mean_control": better, "harmonic_ceiling": same}
    )
    best = dict(zip([row[0] for row in rows(changed)], best_of_rows(changed), strict=True))
    assert best["loudness L1 (dB)"] == {2, 3}, "both show 0.50"
    assert best["multi-scale spectral loss"] == {2}
    assert 1 not in best["f0 L1 (semitones)"]
    names = header(changed)
    for columns in (*best.values(), *best_of_sound_rows(changed), *best_of_third_octaves(changed)):
        assert not {"two seeds", "paper"} & {names[column] for column in columns}
    told = dict(zip([row[0] for row in sound_rows(changed)], best_of_sound_rows(changed), strict=True))
    levels = [float(cell) for cell in sound_rows(changed)[2][1:4]]
    assert told["level (dB)"] >= {1 + min(range(3), key=lambda i: abs(levels[i]))}


def test_a_picture_has_two_forms_in_the_colours_of_the_page(measured):
    _, kept = measured
    drawing = comparison_picture(kept[0].target, kept[0].outputs["instrument"], ("recording", "instrument"))
    for svg, width in ((drawing.wide, 760), (drawing.narrow, 300)):
        assert svg.startswith("<svg ")
        assert f'viewBox="0 0 {width} ' in svg
        assert svg.count("image/jpeg") == 2
        assert "image/png" not in svg
        assert "var(--soft)" in svg
        assert "var(--accent)" in svg
        assert "recording" in svg
        assert "instrument" in svg
        sizes = [float(size) for size in re.findall(r"font(?:-size)?: ([\d.]+)px", svg)]
        assert min(sizes) >= 12.5
        assert "DejaVu" not in svg
        assert not re.search(r'fill: #[0-9a-f]{6}"[^>]*>[^<]*</text>', svg)
    assert "Bold is the best figure" in BOLD


def test_an_undefined_figure_is_a_dash(measured):
    evaluation, _ = measured
    blank = evaluation.instrument.model_copy(update={"f0_l1_semitones": None, "f0_outliers": 0.031})
    table = rows(evaluation.model_copy(update={"instrument": blank}))
    assert table[1][:2] == ["f0 L1 (semitones)", "–"]
    assert table[2][:2] == ["f0 outliers (%)", "3.10 %"]


def test_a_dataset_without_a_validation_part_says_so(measured):
    evaluation, _ = measured
    assert "no validation part" not in facts(evaluation)[0]
    seen = evaluation.model_copy(update={"is_unseen": False})
    assert "no validation part, so training chose its checkpoint by this audio" in facts(seen)[0]


def test_streaming_keeps_the_number_of_threads(instrument):
    torch.set_num_threads(2)
    ones = torch.ones(1, 4)
    assert streaming_real_time_factor(instrument, {"f0_hz": 440 * ones, "loudness_db": -20 * ones}) > 0
    assert torch.get_num_threads() == 2


def test_what_does_not_fit_is_refused_in_a_sentence(dataset, instrument, monkeypatch):
    other = Instrument(load_recipe("tiny", {"instrument.sample_rate": 44100}).instrument)
    with pytest.raises(InputError, match=r"44100 Hz .* prepare the recordings again at 44100 Hz"):
        evaluate(other, dataset)
    monkeypatch.setattr(dataset, "held_out", Split([], HOP))
    with pytest.raises(InputError, match="has no held-out part"):
        evaluate(instrument, dataset)


def test_records_are_frozen(measured):
    evaluation, _ = measured
    with pytest.raises(ValueError, match="frozen"):
        evaluation.instrument.mcd_db = 1.0


def test_the_figures_of_an_instrument_with_a_latency_are_those_without(dataset, instrument, monkeypatch):
    """A refiner that has learned nothing only delays."""
    monkeypatch.setattr("oscine.evaluation.evaluation._PIECE_S", 4.0)
    config = instrument.config.model_copy(
        update={"effects": (*instrument.config.effects, RefinerConfig(window_frames=4, hidden_size=4))}
    )
    late = Instrument(config, dataset.statistics).eval()
    late.load_state_dict(instrument.state_dict(), strict=False)
    assert late.latency - instrument.latency == 3 * HOP
    plain, delayed = (evaluate(one, dataset) for one in (instrument, late))
    for name in ("instrument", "mean_control"):
        ours, theirs = getattr(delayed, name), getattr(plain, name)
        assert ours.spectral_loss == pytest.approx(theirs.spectral_loss, rel=1e-3)
        assert ours.sound.log_mel_l1_db == pytest.approx(theirs.sound.log_mel_l1_db, rel=1e-3)


def test_pieces_are_played_early_and_none_is_left_out():
    """Also where the last piece is shorter than the latency."""
    lengths, n_early = (5, 4, 1), 3
    whole = torch.arange(float(sum(lengths)))[None]
    pieces, first = [], 0
    for n in lengths:
        part = whole[:, first : first + n]
        features = Features(*(part[0] for _ in range(4)), sample_rate=RATE, hop_length=HOP)
        pieces.append(Piece(torch.zeros(n * HOP), features, {"f0_hz": part}))
        first += n
    early = list(played_early(iter(pieces), n_early))
    assert [one.piece.features.n_frames for one in early] == list(lengths)
    assert early[0].before is not None
    assert [one.before for one in early[1:]] == [None, None]
    played = torch.cat([early[0].before["f0_hz"], *(one.conditions["f0_hz"] for one in early)], 1)
    assert torch.equal(played, torch.cat([whole, whole[:, -1:].expand(-1, n_early)], 1))
