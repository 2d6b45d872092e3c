"""Imitation: a known identity is found again, another embedding is fitted, and no other weight moves."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch
from torch import Tensor

from oscine.analysis import analyze
from oscine.cli.main import main
from oscine.data.statistics import Statistics
from oscine.errors import InputError
from oscine.models import InstrumentConfig
from oscine.models.inputs import F0Config, IdentityConfig, LoudnessConfig
from oscine.models.inputs.identity import EMBEDDING
from oscine.networks import ControllerConfig
from oscine.processors import HarmonicConfig, NoiseConfig
from oscine.transfer import Options, PlayableInstrument, imitate, load, transfer_file
from oscine.transfer.imitating import Clip, known_losses, with_embedding

RATE, HOP = 16_000, 64
NAMES = ("bassoon", "clarinet", "oboe")


def _main(arguments: list[str]) -> int:
    try:
        main(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def _statistics(loudness_db: float) -> Statistics:
    return Statistics(
        minutes=1.0,
        voiced_share=0.9,
        pitch_midi_quantiles=np.linspace(50, 60, 101).tolist(),
        loudness_db_quantiles=[loudness_db] * 101,
        loudness_db_silence=-70.0,
    )


@pytest.fixture(scope="module")
def band() -> PlayableInstrument:
    """Three identities that sound unlike each other."""
    torch.manual_seed(1)
    config = InstrumentConfig(
        sample_rate=RATE,
        hop_length=HOP,
        inputs=(F0Config(), LoudnessConfig(), IdentityConfig(names=NAMES, size=4)),
        controller=ControllerConfig(hidden_size=16),
        synth=(HarmonicConfig(n_harmonics=12), NoiseConfig(n_bands=5)),
        effects=(),
    )
    one = PlayableInstrument(config, card={"licence": "mit", "credit": "Nobody.", "evaluation": {"a": 1}})
    with torch.no_grad():
        dict(one.named_parameters())[EMBEDDING].mul_(6)
        one.controller.head.weight.mul_(3)
    # Nothing has taught it to be as loud as it is asked to be: each is asked for the loudness that it has.
    own = {}
    for name, embedding in zip(NAMES, _embeddings(one), strict=True):
        own[name] = _statistics(_loudness_db(_played(one, embedding)))
    one.statistics = _statistics(-20.0).model_copy(update={"identities": own})
    return one.eval()


def _played(player: PlayableInstrument, embedding: Tensor) -> np.ndarray:
    """A melody of two tones, played with an embedding at the loudness that it then has."""
    n_frames = 2 * RATE // HOP
    f0_hz = torch.full((1, n_frames), 330.0)
    f0_hz[:, n_frames // 2 :] = 440.0
    one = with_embedding(player, embedding, "truth")
    level_db, audio = -20.0, np.zeros(0)
    for _ in range(6):
        given = {"f0_hz": f0_hz, "loudness_db": torch.full((1, n_frames), level_db)}
        with torch.no_grad():
            audio = one(**given, identity=torch.ones(1, n_frames, 1))[0].numpy()
        level_db = _loudness_db(audio)
    return audio


def _loudness_db(audio: np.ndarray) -> float:
    return float(analyze(audio, RATE, HOP).loudness_db.median())


def _embeddings(player: PlayableInstrument) -> Tensor:
    return player.state_dict()[EMBEDDING].T


@pytest.mark.parametrize("gain", [1.0, 0.05])
@pytest.mark.parametrize("number", range(3))
def test_a_known_identity_is_found_at_any_level(band: PlayableInstrument, number: int, gain: float) -> None:
    audio = gain * _played(band, _embeddings(band)[number])
    one, found = imitate(band, (audio, RATE), steps=0)
    assert found.nearest == NAMES[number]
    assert found.fitted_loss == found.nearest_loss
    assert found.seconds == pytest.approx(2.0)
    assert torch.equal(_embeddings(one)[0], _embeddings(band)[number])


@pytest.mark.parametrize("number", range(3))
def test_a_clip_of_a_lower_rate_is_compared_in_its_band(band: PlayableInstrument, number: int) -> None:
    audio = soxr.resample(_played(band, _embeddings(band)[number]), RATE, 8000)
    losses = known_losses(band, Clip(band, (audio, 8000)))
    assert min(losses, key=losses.__getitem__) == NAMES[number]
    # The same in the whole band, where the clip has nothing above 4 kHz.
    dull = soxr.resample(audio, 8000, RATE)
    assert min(known_losses(band, Clip(band, (dull, RATE))).values()) > 1.2 * min(losses.values())


def test_another_embedding_is_fitted_and_no_other_weight_moves(band: PlayableInstrument) -> None:
    before = {name: weight.clone() for name, weight in band.state_dict().items()}
    truth = _embeddings(band).mean(0)
    told: list[float] = []
    clip = _played(band, truth), RATE
    one, found = imitate(band, clip, steps=40, on_progress=told.append)
    assert found.fitted_loss < 0.8 * found.nearest_loss
    assert told[-1] == 1.0
    assert len(told) == 40
    start = _embeddings(band)[NAMES.index(found.nearest)]
    assert (_embeddings(one)[0] - truth).norm() < (start - truth).norm()
    changed = {name for name, weight in one.state_dict().items() if not torch.equal(weight, before[name])}
    assert changed == {EMBEDDING}
    assert all(torch.equal(weight, before[name]) for name, weight in band.state_dict().items())
    assert all(weight.requires_grad and weight.grad is None for weight in one.parameters())
    again, _ = imitate(band, clip, steps=40)
    assert torch.equal(_embeddings(again), _embeddings(one))


def test_what_is_fitted_has_the_register_of_the_clip_and_can_be_saved(
    band: PlayableInstrument, tmp_path: Path
) -> None:
    audio = _played(band, _embeddings(band)[0])
    soundfile.write(tmp_path / "my reed.wav", audio / np.abs(audio).max(), RATE)
    one, _ = imitate(band, tmp_path / "my reed.wav", steps=1)
    assert one.config.identities == ("my reed",)
    assert one.statistics is not None
    pitches = one.statistics.pitch_midi_quantiles
    assert pitches == sorted(pitches)
    assert pitches[0] == pytest.approx(50)  # what the nearest one has learned
    assert 63 < pitches[50] < 70  # E4 and A4
    assert set(one.card) == {"licence", "credit", "description"}
    one.save_pretrained(tmp_path / "reed")
    loaded = load(tmp_path / "reed")
    given = {"f0_hz": torch.full((1, 50), 330.0), "loudness_db": torch.full((1, 50), -20.0)}
    given["identity"] = torch.ones(1, 50, 1)
    assert torch.equal(loaded(**given), one(**given))
    # An instrument of one identity has nothing to imitate with.
    with pytest.raises(InputError, match="has learned no identities"):
        imitate(loaded, (audio, RATE))


def test_a_clip_without_notes_or_an_instrument_without_identities_is_a_sentence(
    band: PlayableInstrument,
) -> None:
    noise = np.random.default_rng(0).normal(size=RATE).astype(np.float32)
    with pytest.raises(InputError, match=r"The audio given has 0\.\d s of notes in its first 20 s; give at"):
        imitate(band, (0.1 * noise, RATE))
    with pytest.raises(InputError, match="holds no audio; give a recording of one instrument"):
        imitate(band, (np.zeros(0, np.float32), RATE))
    with pytest.raises(InputError, match="steps is -1; give 0"):
        imitate(band, (noise, RATE), steps=-1)
    with pytest.raises(InputError, match="An identity and a clip to sound like are given"):
        Options(identity="oboe", like="clip.wav")


def test_the_command_says_which_was_nearest(
    band: PlayableInstrument,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    band.save_pretrained("band")
    audio = _played(band, _embeddings(band)[2])
    soundfile.write("clip.wav", audio / np.abs(audio).max(), RATE)
    soundfile.write("hum.wav", audio / np.abs(audio).max(), RATE)
    command = ["transfer", "hum.wav", "--to", "band", "--like", "clip.wav"]
    assert _main([*command, "-o", "out.wav", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["imitation"]["nearest"] == "oboe"
    assert report["imitation"]["fitted_loss"] <= report["imitation"]["nearest_loss"]
    written, rate = soundfile.read("out.wav")
    assert (len(written), rate) == (len(audio), RATE)
    assert _main([*command, "-o", "out2.wav"]) == 0
    np.testing.assert_array_equal(soundfile.read("out2.wav")[0], written)
    assert "the nearest is oboe, spectral loss" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "flute", "--like", "hum.wav", "-o", "out.wav"], "has learned no identities"),
        (["--to", "band", "--like", "none.wav", "-o", "out.wav"], "none.wav"),
        (["--to", "band", "--like", "clip.wav", "-o", "clip.wav"], "is the input itself"),
        (
            ["--to", "band", "--like", "clip.wav", "--identity", "oboe", "-o", "out.wav"],
            "An identity and a clip",
        ),
    ],
)
def test_the_command_refuses_in_a_sentence(
    band: PlayableInstrument,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    band.save_pretrained("band")
    for name in ("hum.wav", "clip.wav"):
        soundfile.write(name, 0.5 * np.sin(2 * np.pi * 330 * np.arange(RATE) / RATE), RATE)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.wav")}
    assert _main(["transfer", "hum.wav", *arguments]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.wav")} == before


def test_a_clip_is_not_written_over(band: PlayableInstrument, tmp_path: Path) -> None:
    for name in ("hum.wav", "clip.wav"):
        soundfile.write(tmp_path / name, np.zeros(RATE), RATE)
    with pytest.raises(InputError, match="is the input itself"):
        transfer_file(band, tmp_path / "hum.wav", tmp_path / "clip.wav", Options(like=tmp_path / "clip.wav"))
