"""Instruments: sizes, causality, streaming, saving, recipes."""

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from oscine.data import Statistics
from oscine.errors import InputError
from oscine.files import sha256
from oscine.models import Instrument, InstrumentConfig, list_recipes, load_recipe
from oscine.models import saved as saved_module
from oscine.networks import ControllerConfig, TimbreEncoderConfig
from oscine.processors import Stream

SMALL = InstrumentConfig(
    sample_rate=16_000,
    hop_length=64,
    n_harmonics=12,
    n_noise_bands=17,
    reverb_s=0.05,
    controller=ControllerConfig(hidden_size=16, mlp_size=8, n_mlp_layers=2),
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
    if instrument.room is not None:
        torch.nn.init.normal_(instrument.room.impulse_response, std=0.1)
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


def _again(instrument: Instrument, n_frames: int) -> torch.Tensor:
    """What the instrument makes of noise that it hears."""
    f0_hz, loudness_db = _features(n_frames, 1)
    noise = 0.1 * torch.randn(1, n_frames * instrument.hop_length)
    f0_hz, conditions = instrument.hear(noise, f0_hz=f0_hz, confidence=torch.ones_like(f0_hz))
    return instrument(f0_hz, loudness_db, conditions)


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


def test_older_weights_are_read_by_their_names_of_then(tmp_path: Path) -> None:
    instrument = _instrument()
    instrument.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    old = {name.replace("controller.core.gru.", "controller.gru."): w for name, w in weights.items()}
    assert old.keys() != weights.keys()
    save_file(old, tmp_path / "model.safetensors")
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"format": 1, "weights_sha256": sha256(tmp_path / "model.safetensors")}
    (tmp_path / "config.json").write_text(json.dumps(config))
    features = _features()
    with torch.no_grad():
        again = Instrument.from_pretrained(tmp_path)(*features)
        torch.testing.assert_close(again, instrument(*features), rtol=0, atol=0)


DRIVEN = SMALL.model_copy(
    update={
        "timbre_encoder": TimbreEncoderConfig(z_size=3, hidden_size=8),
        "loudness": "paper",
        "curves": ("periodicity", "centroid", "breath"),
        "voices": ("flute", "violin"),
        "voice_size": 4,
    }
)


def _driven() -> tuple[Instrument, tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]]:
    statistics = STATISTICS.model_copy(update={"curves": {"breath": (5.0, 2.0)}})
    instrument = Instrument(DRIVEN, statistics).eval()
    f0_hz, loudness_db = _features(batch=1)
    with torch.no_grad():
        f0_hz, conditions = instrument.hear(
            0.1 * torch.randn(1, 40 * 64),
            f0_hz=f0_hz,
            confidence=torch.rand_like(f0_hz),
            curves={"breath": 5 + torch.randn_like(f0_hz)},
            voice=torch.tensor([1]),
        )
    return instrument, (f0_hz, loudness_db, conditions)


def test_everything_that_drives_an_instrument_is_heard_in_its_sound() -> None:
    instrument, (f0_hz, loudness_db, conditions) = _driven()
    names = {"paper_loudness", "z", "periodicity", "centroid", "breath", "voice"}
    assert set(conditions) == names == set(instrument.condition_names)
    with torch.no_grad():
        audio = instrument(f0_hz, loudness_db, conditions)
        for name, curve in conditions.items():
            changed = conditions | {name: 1.1 * curve + 0.1}
            assert (instrument(f0_hz, loudness_db, changed) - audio).abs().max() > 1e-4 * audio.abs().max()
    with torch.no_grad():
        louder = instrument(f0_hz, loudness_db + 10, conditions)
    torch.testing.assert_close(louder, audio, rtol=0, atol=0)  # the other loudness has taken its place
    with pytest.raises(ValueError, match="breath"):
        instrument(f0_hz, loudness_db, {name: conditions[name] for name in conditions if name != "breath"})
    with pytest.raises(ValueError, match="breath"):
        instrument.hear(torch.zeros(1, 640), f0_hz=f0_hz[:, :10], confidence=f0_hz[:, :10])


def test_both_loudnesses_can_drive_at_once() -> None:
    instrument = Instrument(SMALL.model_copy(update={"loudness": "both"})).eval()
    f0_hz, loudness_db = _features(batch=1)
    with torch.no_grad():
        f0_hz, heard = instrument.hear(
            0.1 * torch.randn(1, 40 * 64), f0_hz=f0_hz, confidence=torch.ones_like(f0_hz)
        )
        audio = instrument(f0_hz, loudness_db, heard)
        fuller = instrument(f0_hz, loudness_db, {"paper_loudness": heard["paper_loudness"] + 10})
        louder = instrument(f0_hz, loudness_db + 10, heard)
    assert instrument.condition_names == ("paper_loudness",)
    assert all((other - audio).abs().max() > 1e-4 * audio.abs().max() for other in (fuller, louder))


def test_a_driven_instrument_streams_and_is_saved(tmp_path: Path) -> None:
    instrument, (f0_hz, loudness_db, conditions) = _driven()
    instrument.save_pretrained(tmp_path)
    again = Instrument.from_pretrained(tmp_path)
    with torch.no_grad():
        whole = instrument(f0_hz, loudness_db, conditions)
        torch.testing.assert_close(again(f0_hz, loudness_db, conditions), whole, rtol=0, atol=0)
    stream, pieces = Stream(again), []
    for a in range(0, 40, 7):
        part = {name: condition[:, a : a + 7] for name, condition in conditions.items()}
        pieces.append(stream.push(f0_hz[:, a : a + 7], loudness_db[:, a : a + 7], part))
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, rtol=0, atol=2e-5)


def test_a_curve_is_scaled_by_what_was_learned_from() -> None:
    instrument, _ = _driven()
    assert instrument.get_buffer("curve_scale").tolist() == [[0.5, 0.5], [80.0, 24.0], [5.0, 2.0]]
    with pytest.raises(ValueError, match="taken"):
        InstrumentConfig(curves=("f0_hz",))


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


def test_nothing_comes_before_its_cause() -> None:
    instrument = _instrument()
    f0_hz, loudness_db = _features()
    later = loudness_db.clone()
    later[:, 20:] -= 10
    with torch.no_grad():
        a, b = instrument(f0_hz, loudness_db), instrument(f0_hz, later)
    # Frame 20 is reached at its end, so it starts to be heard inside itself.
    torch.testing.assert_close(a[:, : 20 * 64], b[:, : 20 * 64], rtol=0, atol=1e-6)
    assert (a[:, 20 * 64 :] - b[:, 20 * 64 :]).abs().max() > 1e-3


def test_noise_starts_far_below_the_tone() -> None:
    instrument = Instrument(load_recipe("tiny").instrument)
    f0_hz, loudness_db = _features(100)
    controls, _ = instrument.control_step(f0_hz, loudness_db, instrument.controller.init_state(2))
    tone = instrument.oscillator(f0_hz, controls["amplitude"], controls["harmonic_distribution"])
    hiss = instrument.noise(controls["noise_magnitudes"])
    assert hiss.square().mean() < 0.01 * tone.square().mean()


def test_dry_is_without_the_room() -> None:
    instrument = _instrument()
    features = _features()
    with torch.no_grad():
        dry, wet = instrument(*features, dry=True), instrument(*features)
        assert instrument.room is not None
        torch.testing.assert_close(instrument.room(dry), wet)
        stream, _ = instrument.step(*features, state=instrument.init_state(2), dry=True)
    torch.testing.assert_close(stream, dry)
    assert (dry - wet).abs().max() > 1e-3


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
    assert "license: CC-BY-4.0" in card
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


def test_names_that_are_no_instrument(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in (tmp_path / "nothing", tmp_path / "file", "violin"):
        with pytest.raises(InputError):
            Instrument.from_pretrained(name)


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


def test_recipes_reject_what_they_do_not_know(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no recipe piano"):
        load_recipe("piano")
    with pytest.raises(InputError, match="n_strings"):
        load_recipe("tiny", {"instrument.n_strings": 4})
    with pytest.raises(InputError, match="batch_size"):
        load_recipe("tiny", {"training.batch_size": 0})
    for name in ("training.crop_s", "training.gradient_clip", "instrument.reverb_s"):
        with pytest.raises(InputError, match=f"{name}.*finite"):
            load_recipe("tiny", {name: math.inf})
    with pytest.raises(InputError, match="voice_size"):
        load_recipe("tiny", {"instrument.voices": ["flute", "violin"]})
    with pytest.raises(InputError, match="no setting"):
        load_recipe("tiny", {"name.first": 0})
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\n  description: [")
    with pytest.raises(InputError, match="not YAML"):
        load_recipe(path)
    path.write_bytes("name: gämshorn".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        load_recipe(path)
    path.write_text("- a")
    with pytest.raises(InputError, match="keys and values"):
        load_recipe(path)
    path.write_text("name: mine\ndescription: x\ninstrument: {n_harmonics: 7}\n")
    assert load_recipe(path, {"training.seed": 3}).training.seed == 3
