"""Instruments: sizes, causality, streaming, saving."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from oscine.data import Statistics
from oscine.errors import InputError
from oscine.files import sha256
from oscine.models import Instrument, InstrumentConfig, list_recipes, load_recipe
from oscine.models import saved as saved_module
from oscine.models.inputs import (
    CentroidConfig,
    CurveConfig,
    F0Config,
    IdentityConfig,
    LoudnessConfig,
    PaperLoudnessConfig,
    PeriodicityConfig,
    ZConfig,
)
from oscine.networks import ControllerConfig, TimbreEncoderConfig
from oscine.processors import (
    FilteredNoise,
    HarmonicConfig,
    HarmonicOscillator,
    NoiseConfig,
    Reverb,
    ReverbConfig,
)
from oscine.streaming import Stream

SMALL = InstrumentConfig(
    sample_rate=16_000,
    hop_length=64,
    controller=ControllerConfig(hidden_size=16, mlp_size=8, n_mlp_layers=2),
    synth=(HarmonicConfig(n_harmonics=12), NoiseConfig(n_bands=17)),
    effects=(ReverbConfig(ir_s=0.05),),
)
STATISTICS = Statistics(
    minutes=3.0,
    voiced_share=0.9,
    pitch_midi_quantiles=[50 + i / 4 for i in range(101)],
    loudness_db_quantiles=[-60 + i / 2 for i in range(101)],
    loudness_db_silence=-75.0,
)


def _instrument(config: InstrumentConfig = SMALL) -> Instrument:
    instrument = Instrument(config, STATISTICS)
    for module in instrument.modules():
        if isinstance(module, Reverb):
            torch.nn.init.normal_(module.impulse_response, std=0.1)
    return instrument.eval()


def _features(n_frames: int = 40, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    return 100 + 500 * torch.rand(batch, n_frames), -60 + 50 * torch.rand(batch, n_frames)


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_is_built_and_stepped(name: str) -> None:
    instrument = Instrument(load_recipe(name).instrument)
    optimizer = torch.optim.Adam(instrument.parameters())
    audio = _again(instrument, 20)
    assert audio.shape == (1, 20 * instrument.hop_length)
    audio.square().mean().backward()
    assert all(parameter.grad is not None for parameter in instrument.parameters())
    optimizer.step()
    assert torch.isfinite(_again(instrument, 5)).all()


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_is_sized_without_memory(name: str) -> None:
    config = load_recipe(name).instrument
    with torch.device("meta"):
        sized = Instrument(config)
    assert sized.n_parameters == Instrument(config).n_parameters
    assert all(parameter.is_meta for parameter in sized.parameters())


def _again(instrument: Instrument, n_frames: int) -> torch.Tensor:
    """What the instrument makes of the conditions measured in noise."""
    f0_hz, loudness_db = _features(n_frames, 1)
    noise = 0.1 * torch.randn(1, n_frames * instrument.hop_length)
    features = {"f0_hz": f0_hz, "confidence": torch.ones_like(f0_hz), "loudness_db": loudness_db}
    return instrument(instrument.conditions(noise, features))


# The paper's solo decoder has 60 harmonics, ours 100: 40 more outputs, each of 512 weights and a bias.
SOLO = 4_801_150 + 40 * 513


@pytest.mark.parametrize(
    ("name", "n_parameters"),
    [
        ("tiny", 242_342),
        ("solo", SOLO),
        ("solo-z", 6_407_334 + 843_852),
        ("autoencoder", 6_407_334 + 843_852),
        ("unsupervised", SOLO + 7_353_728),
    ],
)
def test_sizes_are_the_papers(name: str, n_parameters: int) -> None:
    assert Instrument(load_recipe(name).instrument).n_parameters == n_parameters


RICH = SMALL.model_copy(
    update={
        "inputs": (
            F0Config(),
            PaperLoudnessConfig(),
            ZConfig(encoder=TimbreEncoderConfig(z_size=3, hidden_size=8)),
            PeriodicityConfig(),
            CentroidConfig(),
            CurveConfig(name="breath"),
            IdentityConfig(size=4, names=("flute", "violin")),
        )
    }
)


def _rich() -> tuple[Instrument, dict[str, torch.Tensor]]:
    """An instrument with nearly every input, and conditions measured in noise."""
    statistics = STATISTICS.model_copy(update={"curves": {"breath": (5.0, 2.0)}})
    instrument = Instrument(RICH, statistics).eval()
    f0_hz, loudness_db = _features(batch=1)
    features = {"f0_hz": f0_hz, "confidence": torch.rand_like(f0_hz), "loudness_db": loudness_db}
    given = {"breath": 5 + torch.randn_like(f0_hz), "identity": torch.tensor([1])}
    with torch.no_grad():
        return instrument, instrument.conditions(0.1 * torch.randn(1, 40 * 64), features, given)


def test_every_condition_changes_the_sound() -> None:
    instrument, conditions = _rich()
    names = ["f0_hz", "paper_loudness_db", "z", "periodicity", "centroid_midi", "breath", "identity"]
    assert list(conditions) == names == list(instrument.inputs)
    with torch.no_grad():
        audio = instrument(conditions)
        for name, condition in conditions.items():
            changed = conditions | {name: 0.9 * condition + 0.05}
            assert (instrument(changed) - audio).abs().max() > 1e-4 * audio.abs().max()


def test_a_condition_that_is_missing_or_cannot_be_measured_is_named() -> None:
    instrument, conditions = _rich()
    with pytest.raises(ValueError, match="breath: missing"):
        instrument({name: conditions[name] for name in conditions if name != "breath"})
    f0_hz, loudness_db = _features(10, 1)
    features = {"f0_hz": f0_hz, "confidence": f0_hz, "loudness_db": loudness_db}
    with pytest.raises(ValueError, match="breath is an input of this instrument and is missing"):
        instrument.conditions(torch.zeros(1, 640), features)
    with pytest.raises(ValueError, match="confidence is not among the features"):
        instrument.conditions(torch.zeros(1, 640), {"f0_hz": f0_hz}, {"breath": f0_hz})
    with pytest.raises(ValueError, match="f0_hz is a list; give a tensor"):
        instrument(conditions | {"f0_hz": conditions["f0_hz"].tolist()})


def test_both_loudness_definitions_can_condition_at_once() -> None:
    inputs = (F0Config(), LoudnessConfig(), PaperLoudnessConfig())
    instrument = Instrument(SMALL.model_copy(update={"inputs": inputs})).eval()
    f0_hz, loudness_db = _features(batch=1)
    features = {"f0_hz": f0_hz, "confidence": torch.ones_like(f0_hz), "loudness_db": loudness_db}
    with torch.no_grad():
        conditions = instrument.conditions(0.1 * torch.randn(1, 40 * 64), features)
        audio = instrument(conditions)
        for name in ("loudness_db", "paper_loudness_db"):
            louder = instrument(conditions | {name: conditions[name] + 10})
            assert (louder - audio).abs().max() > 1e-4 * audio.abs().max()
    assert list(conditions) == ["f0_hz", "loudness_db", "paper_loudness_db"]


def test_an_instrument_of_many_inputs_streams_and_is_saved(tmp_path: Path) -> None:
    instrument, conditions = _rich()
    instrument.save_pretrained(tmp_path)
    again = Instrument.from_pretrained(tmp_path)
    with torch.no_grad():
        whole = instrument(conditions)
        torch.testing.assert_close(again(conditions), whole, rtol=0, atol=0)
    stream, pieces = Stream(again), []
    for a in range(0, 40, 7):
        pieces.append(stream.push({name: one[:, a : a + 7] for name, one in conditions.items()}))
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, rtol=0, atol=2e-5)


def test_conditions_go_by_position_by_name_or_as_one_mapping() -> None:
    instrument = _instrument()
    f0_hz, loudness_db = _features()
    with torch.no_grad():
        audio = instrument(f0_hz, loudness_db)
        for same in (
            instrument(loudness_db=loudness_db, f0_hz=f0_hz),
            instrument(f0_hz, loudness_db=loudness_db),
            instrument({"loudness_db": loudness_db, "f0_hz": f0_hz}),
        ):
            torch.testing.assert_close(same, audio, rtol=0, atol=0)
    for signals, named, sentence in (
        ((f0_hz,), {}, "loudness_db: missing"),
        ((f0_hz, loudness_db, f0_hz), {}, "3 arguments were given"),
        ((f0_hz, loudness_db), {"loudness_db": loudness_db}, "loudness_db: given twice"),
        ((f0_hz, loudness_db), {"breath": loudness_db}, "breath: unknown"),
        ((f0_hz, loudness_db[:, 1:]), {}, "differ in batch or frames"),
        ((f0_hz, loudness_db[..., None]), {}, r"loudness_db is \(2, 40, 1\); give \(batch, frame\)"),
    ):
        with pytest.raises(ValueError, match=sentence):
            instrument(*signals, **named)


def test_a_stream_is_the_whole() -> None:
    instrument = _instrument()
    f0_hz, loudness_db = _features(batch=1)
    with torch.no_grad():
        whole = instrument(f0_hz, loudness_db)
    for size in (1, 7, 40):
        stream = Stream(instrument)
        parts = zip(f0_hz.split(size, 1), loudness_db.split(size, 1), strict=True)
        pieces = torch.cat([stream.push(*part) for part in parts], dim=1)
        torch.testing.assert_close(pieces, whole, rtol=0, atol=2e-5)


def test_nothing_sounds_before_its_cause() -> None:
    instrument = _instrument()
    f0_hz, loudness_db = _features()
    later = loudness_db.clone()
    later[:, 20:] -= 10
    with torch.no_grad():
        a, b = instrument(f0_hz, loudness_db), instrument(f0_hz, later)
    # Frame 20 is reached at its end, so its value already acts inside it.
    torch.testing.assert_close(a[:, : 20 * 64], b[:, : 20 * 64], rtol=0, atol=1e-6)
    assert (a[:, 20 * 64 :] - b[:, 20 * 64 :]).abs().max() > 1e-3


def test_noise_starts_far_below_the_harmonics() -> None:
    instrument = Instrument(load_recipe("tiny").instrument)
    f0_hz, loudness_db = _features(100)
    controls, _ = instrument.control({"f0_hz": f0_hz, "loudness_db": loudness_db})
    oscillator, noise = (part for _, part in instrument.synth)
    assert isinstance(oscillator, HarmonicOscillator)
    assert isinstance(noise, FilteredNoise)
    tone = oscillator(f0_hz, controls["harmonic.amplitude"], controls["harmonic.harmonic_distribution"])
    hiss = noise(controls["noise.magnitudes"])
    assert hiss.square().mean() < 0.01 * tone.square().mean()


def test_dry_is_without_the_effects() -> None:
    instrument = _instrument()
    features = _features()
    with torch.no_grad():
        dry, wet = instrument(*features, dry=True), instrument(*features)
        torch.testing.assert_close(instrument.effects(dry), wet)
        stream, _ = instrument.step(*features, state=instrument.init_state(2), dry=True)
    torch.testing.assert_close(stream, dry)
    assert (dry - wet).abs().max() > 1e-3


def test_the_gain_comes_between_synth_and_effects() -> None:
    instrument = _instrument()
    features = _features()
    gain = torch.ones(2, 40)
    gain[:, 20:] = 0.0
    with torch.no_grad():
        played, _ = instrument.step(*features, state=instrument.init_state(2), gain=gain)
        dry = instrument(*features, dry=True)
        ramp = (1 - torch.arange(64) / 64).expand(2, 64)
        dry[:, 20 * 64 : 21 * 64] *= ramp
        dry[:, 21 * 64 :] = 0.0
        torch.testing.assert_close(played, instrument.effects(dry), rtol=0, atol=1e-5)
    assert played[:, 21 * 64 : 30 * 64].abs().max() > 1e-4  # the reverberation rings on


def test_seeds_change_the_noise_alone() -> None:
    instrument = _instrument()
    features = _features()
    with torch.no_grad():
        a, b, c = instrument(*features), instrument(*features, seed=1), instrument(*features)
    torch.testing.assert_close(a, c, rtol=0, atol=0)
    assert (a - b).abs().max() > 0


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    instrument = _instrument()
    instrument.save_pretrained(tmp_path / "x", licence="CC-BY-4.0", recipe="test")
    again = Instrument.from_pretrained(tmp_path / "x")
    assert again.config == instrument.config
    assert again.statistics == STATISTICS
    features = _features()
    with torch.no_grad():
        torch.testing.assert_close(again(*features), instrument(*features), rtol=0, atol=0)
    card = (tmp_path / "x" / "README.md").read_text()
    assert "license: cc-by-4.0" in card
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]


def test_a_changed_byte_is_refused(tmp_path: Path) -> None:
    _instrument().save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="sha256"):
        Instrument.from_pretrained(tmp_path)


def test_a_kill_between_weights_and_config_leaves_an_instrument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = _instrument(), _instrument()
    old.save_pretrained(tmp_path)

    class Killed(BaseException):
        pass

    write = saved_module.write_atomically
    for survives in (saved_module.NEXT_CONFIG, saved_module.WEIGHTS):

        def dying(path: Path, content: object, last: str = survives) -> None:
            write(path, content)  # pyright: ignore[reportArgumentType]
            if path.name == last:
                raise Killed

        monkeypatch.setattr(saved_module, "write_atomically", dying)
        with pytest.raises(Killed):
            new.save_pretrained(tmp_path)
        expected = old if survives == saved_module.NEXT_CONFIG else new
        features = _features()
        with torch.no_grad():
            ours = Instrument.from_pretrained(tmp_path)(*features)
            torch.testing.assert_close(ours, expected(*features), rtol=0, atol=0)
    monkeypatch.undo()
    new.save_pretrained(tmp_path)
    assert not (tmp_path / saved_module.NEXT_CONFIG).exists()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda folder: (folder / "config.json").unlink(), "no config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no model.safetensors"),
        (lambda folder: (folder / "config.json").write_text("{"), "not JSON"),
        (lambda folder: (folder / "config.json").write_text("{}"), "not an instrument's config"),
    ],
)
def test_what_is_no_instrument_is_said(tmp_path: Path, damage, sentence: str) -> None:
    _instrument().save_pretrained(tmp_path)
    damage(tmp_path)
    with pytest.raises(InputError, match=sentence):
        Instrument.from_pretrained(tmp_path)


def test_unknown_keys_in_a_config_are_errors(tmp_path: Path) -> None:
    _instrument().save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    content = json.loads(path.read_text())
    content["instrument"]["n_strings"] = 4
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="n_strings"):
        Instrument.from_pretrained(tmp_path)


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    _instrument().save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    weights["controller.head.bias"] = torch.zeros(3)
    save_file(weights, tmp_path / "model.safetensors")
    config = json.loads((tmp_path / "config.json").read_text())
    config["weights_sha256"] = sha256(tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="do not fit"):
        Instrument.from_pretrained(tmp_path)


def test_hub_instruments_come_from_the_local_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The cache's own layout, as the hub's client leaves it after a download.
    revision = "0" * 40
    home = tmp_path / "models--someone--violin"
    _instrument().save_pretrained(home / "snapshots" / revision)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(revision)
    import huggingface_hub

    download = huggingface_hub.snapshot_download
    monkeypatch.setattr(
        huggingface_hub,
        "snapshot_download",
        lambda name, **options: download(name, cache_dir=tmp_path, local_files_only=True, **options),
    )
    assert Instrument.from_pretrained("someone/violin").config == SMALL
    with pytest.raises(InputError, match="someone/else"):
        Instrument.from_pretrained("someone/else")
