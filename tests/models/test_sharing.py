"""Giving an instrument away: a zip or a repository with licence and credit, or a sentence."""

import zipfile
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import ModelCard

from oscine.cli.main import main
from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig
from oscine.models.card import CONSENT
from oscine.models.sharing import share
from oscine.networks import ControllerConfig
from oscine.processors import HarmonicConfig


@pytest.fixture
def instrument() -> Instrument:
    config = InstrumentConfig(
        sample_rate=16_000,
        hop_length=64,
        controller=ControllerConfig(hidden_size=4, mlp_size=0),
        synth=(HarmonicConfig(n_harmonics=4),),
        effects=(),
    )
    return Instrument(config).eval()


def test_a_zip_is_the_instrument_and_the_same_bytes_each_time(instrument: Instrument, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        share(instrument, tmp_path / name / "flute.zip", licence="CC BY 4.0", credit="Ada: flute")
    content = (tmp_path / "a" / "flute.zip").read_bytes()
    assert content == (tmp_path / "b" / "flute.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a" / "flute.zip") as archive:
        archive.extractall(tmp_path)
    loaded = Instrument.from_pretrained(tmp_path / "flute")
    assert loaded.card["licence"] == "CC BY 4.0"
    card = ModelCard.load(tmp_path / "flute" / "README.md")
    assert card.data.to_dict()["license"] == "cc-by-4.0"
    assert "credit: Ada: flute" in card.text
    # What the card says need not be said again.
    share(loaded, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").stat().st_size > 1000


@pytest.mark.parametrize(
    ("facts", "said"),
    [({}, "no licence; give one"), ({"licence": "cc-by-4.0"}, "no credit; give one")],
)
def test_without_licence_or_credit_nothing_is_written(
    instrument: Instrument, tmp_path: Path, facts: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        share(instrument, tmp_path / "flute.zip", **facts)
    assert not list(tmp_path.iterdir())


def test_the_hub_gets_the_folder(instrument: Instrument, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = {}

    class Api:
        def __init__(self, token: str | None) -> None:
            assert token == "secret"

        def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> None:
            taken["made"] = (repo_id, private, exist_ok)

        def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> None:
            taken["card"] = ModelCard.load(folder_path / "README.md").data.to_dict()
            taken["names"] = sorted(path.name for path in folder_path.iterdir())

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    share(instrument, "ada/flute", licence="cc0-1.0", credit="Ada", private=True, token="secret")
    assert taken["made"] == ("ada/flute", True, True)
    assert taken["card"]["license"] == "cc0-1.0"
    assert taken["names"] == ["README.md", "config.json", "model.safetensors"]


def test_the_command_writes_a_zip_or_says_why_not(
    instrument: Instrument,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    instrument.save_pretrained("mine")
    Path("folder.zip").mkdir()
    facts = ["--licence", "cc-by-4.0", "--credit", "Ada"]
    main_of = [
        (["mine", "out.zip", *facts], 0, "for a voice, add --consent"),
        (["mine", "asked.zip", *facts, "--consent", "yes"], 0, "asked.zip"),
        (["mine", "out.zip"], 2, "has no licence"),
        (["none", "out.zip", *facts], 2, "none"),
        (["mine", "no-name", *facts], 2, "give owner/name"),
        (["mine", "folder.zip", *facts], 2, "is a folder"),
        (["mine", "own.zip", *facts, "--private"], 2, "remove --private"),
    ]
    for arguments, code, said in main_of:
        with pytest.raises(SystemExit) as ended:
            main(["share", *arguments])
        assert int(ended.value.code or 0) == code, arguments
        out, error = capsys.readouterr()
        assert said in (out if code == 0 else error)
        assert "Traceback" not in error
    assert (tmp_path / "out.zip").exists()


def test_consent_is_written_kept_and_removed(instrument: Instrument, tmp_path: Path) -> None:
    told: list[str | None] = []
    shared = instrument
    for i, consent in enumerate((True, None, "Ada agreed.", False)):
        share(shared, tmp_path / f"{i}.zip", licence="mit", credit="Ada", consent=consent)
        with zipfile.ZipFile(tmp_path / f"{i}.zip") as archive:
            archive.extractall(tmp_path)
        shared = Instrument.from_pretrained(tmp_path / str(i))
        told.append(shared.card.get("consent"))
        front = ModelCard.load(tmp_path / str(i) / "README.md").data.to_dict()
        assert front.get("consent") == told[-1]
    assert told == [CONSENT, CONSENT, "Ada agreed.", None]
