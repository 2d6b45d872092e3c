"""Instruments on the hub: what each answer of it means, in a sentence; no test asks the real one."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants

import oscine
from oscine.cli.main import main
from oscine.data import Dataset
from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig
from oscine.networks import ControllerConfig
from oscine.processors import HarmonicConfig

#: The hub's client speaks HTTP by httpx or by its successor, as its version says.
httpx: Any = sys.modules[type(huggingface_hub.get_session()).__module__.split(".")[0]]
SHA = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "ada/flute"


class Hub:
    """A hub with one repository, or one that refuses.

    Args:
        files: Content of the repository's files.
        status: Of every answer where it is not 200; 0 where nobody answers.
        code: What the hub adds to a refusal.
    """

    def __init__(self, files: dict[str, bytes], status: int = 200, code: str = "") -> None:
        self.files, self.status, self.code = files, status, code
        self.asked: list[str] = []

    def answer(self, request: Any) -> Any:
        """Answer as the hub does."""
        path = request.url.path
        self.asked.append(path)
        if not self.status:
            raise httpx.ConnectError("nobody there", request=request)
        if self.status != 200:
            headers = {"X-Error-Code": self.code} if self.code else {}
            return httpx.Response(self.status, headers=headers, json={"error": "no"}, request=request)
        if "/tree/" in path:
            tree = [self._entry(name, content) for name, content in self.files.items()]
            return httpx.Response(200, json=tree, request=request)
        if path.startswith("/api/models/"):
            return httpx.Response(200, json={"id": REPOSITORY, "sha": SHA, "siblings": []}, request=request)
        content = self.files[path.rsplit("/", 1)[1]]
        headers = {"ETag": f'"{self._oid(content)}"', "X-Repo-Commit": SHA}
        return httpx.Response(200, headers=headers, content=content, request=request)

    def _entry(self, name: str, content: bytes) -> dict[str, object]:
        return {"type": "file", "path": name, "size": len(content), "oid": self._oid(content)}

    @staticmethod
    def _oid(content: bytes) -> str:
        return hashlib.sha1(content, usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of a small instrument."""
    config = InstrumentConfig(
        sample_rate=16_000,
        hop_length=64,
        controller=ControllerConfig(hidden_size=4, mlp_size=0),
        synth=(HarmonicConfig(n_harmonics=4),),
        effects=(),
    )
    folder = tmp_path_factory.mktemp("hub") / "flute"
    Instrument(config).save_pretrained(folder, licence="cc0-1.0")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Hub], Hub]]:
    """Return what puts a hub in the place of the real one; the cache is empty."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.chdir(tmp_path)

    from huggingface_hub.utils._http import default_client_factory

    def put(hub: Hub) -> Hub:
        def client() -> Any:
            made = default_client_factory()
            made._transport, made._mounts = httpx.MockTransport(hub.answer), {}
            return made

        huggingface_hub.set_client_factory(client)
        return hub

    yield put
    huggingface_hub.set_client_factory(default_client_factory)


def test_an_instrument_is_downloaded_once_and_loads_without_a_network(
    files: dict[str, bytes], serve: Callable[[Hub], Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = serve(Hub(files))
    flute = oscine.load(REPOSITORY)
    assert (flute.called, flute.card["licence"]) == ("flute", "cc0-1.0")
    assert any("/tree/" in path for path in hub.asked)
    for status in (0, 401, 404, 503):
        serve(Hub({}, status))
        assert oscine.load(REPOSITORY).sample_rate == 16_000
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    nobody = serve(Hub({}, 0))
    assert oscine.load(REPOSITORY).sample_rate == 16_000
    assert not nobody.asked


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (0, "", "the hub can't be reached; check the connection"),
        (404, "RepoNotFound", "the hub has no repository of that name; check the spelling"),
        (404, "", "the hub has no repository of that name"),
        (401, "", "private, or there is none; check the name, or log in with `hf auth login`"),
        (401, "RepoNotFound", "private, or there is none"),
        (403, "GatedRepo", "ada/flute is gated: ask for access at https://huggingface.co/ada/flute"),
        (401, "GatedRepo", "is gated"),
        (403, "", "The hub keeps ada/flute from us; ask its owner"),
        (429, "", "asked too often"),
        (500, "", "answered with status 500; try again later"),
        (503, "", "answered with status 503; try again later"),
    ],
)
def test_each_refusal_has_its_own_sentence(
    serve: Callable[[Hub], Hub], status: int, code: str, said: str
) -> None:
    serve(Hub({}, status, code))
    with pytest.raises(InputError) as refusal:
        oscine.load(REPOSITORY)
    sentence = str(refusal.value)
    assert said in sentence
    assert sentence[0].isupper() or sentence.startswith(REPOSITORY)
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_switched_off_is_told_from_no_network(
    serve: Callable[[Hub], Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = serve(Hub({}, 0))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"switched off here \(HF_HUB_OFFLINE\); unset that"):
        oscine.load(REPOSITORY)
    assert not hub.asked


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (["README.md"], "it has no config.json"),
        (["README.md", "config.json"], "it has no model.safetensors"),
    ],
)
def test_a_repository_that_lacks_a_file_is_no_instrument(
    files: dict[str, bytes], serve: Callable[[Hub], Hub], kept: list[str], said: str
) -> None:
    serve(Hub({name: files[name] for name in kept}))
    with pytest.raises(InputError, match=f"repository ada/flute on the hub is no instrument.*{said}"):
        oscine.load(REPOSITORY)


def test_the_weights_of_other_models_are_not_downloaded(serve: Callable[[Hub], Hub], tmp_path: Path) -> None:
    config = json.dumps({"model_type": "bert", "hidden_size": 768}).encode()
    hub = serve(Hub({"config.json": config, "model.safetensors": b"\0" * 1000}))
    with pytest.raises(InputError, match=r"no instrument of Oscine: its config\.json") as refusal:
        oscine.load(REPOSITORY)
    assert not any(path.endswith("model.safetensors") for path in hub.asked)
    assert str(tmp_path) not in str(refusal.value)


def test_a_mistyped_name_is_told_the_nearest_and_does_not_ask_the_hub(
    files: dict[str, bytes], serve: Callable[[Hub], Hub]
) -> None:
    hub = serve(Hub({}, 404))
    for folder in ("my-violin", "runs/viola"):
        Path(folder).mkdir(parents=True)
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
    assert oscine.load("runs/viola").called == "viola"
    for name, said in (
        ("violn", "nearest is violin"),
        ("my-violn", "the nearest folder is my-violin"),
        ("runs/violla", "There is no folder runs/violla; the nearest folder is runs/viola."),
        ("./runs/violla", "the nearest folder is runs/viola"),
        ("runs/deep/violla", "There is no folder runs/deep/violla"),
        ("", "name is empty; give a name or a path"),
        (" ", "name of the instrument is empty"),
        ("x" * 300, "There is no instrument"),
        ("a\0b", "name holds a null character"),
    ):
        with pytest.raises(InputError) as refusal:
            oscine.load(name)
        assert said in str(refusal.value), name
        assert not hub.asked
    with pytest.raises(InputError, match="no name on the hub; give a folder or owner/name"):
        oscine.load("ada/no name")


@pytest.mark.parametrize(
    "command", [["transfer", "hum.wav", "-o", "o.wav", "--to"], ["train", "d", "i", "--from"]]
)
def test_the_commands_say_the_same(
    serve: Callable[[Hub], Hub],
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve(Hub({}, 404, "RepoNotFound"))
    # The dataset is opened before the instrument; it has no part in this.
    monkeypatch.setattr("oscine.training.run.Dataset.open", lambda *_: object.__new__(Dataset))
    with pytest.raises(SystemExit) as ended:
        main([*command, REPOSITORY])
    assert ended.value.code == 2
    assert "the hub has no repository of that name" in " ".join(capsys.readouterr().err.split())
