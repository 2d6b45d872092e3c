"""Instruments that others made: zip bombs, links, paths, and folders that are hostile."""

import io
import json
import shutil
import stat
import zipfile

import pytest

from oscine import instruments
from oscine.errors import InputError
from oscine.studio.archives import TAKEN, take_instrument

_FLUTE = instruments.path("flute")


def _zip(entries, **options) -> io.BytesIO:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    content.seek(0)
    return content


def _files() -> dict[str, bytes]:
    return {name: (_FLUTE / name).read_bytes() for name in ("config.json", "model.safetensors", "README.md")}


def _taken(content, folder) -> set[str]:
    folder.mkdir()
    take_instrument(content, folder)
    return {path.name for path in folder.iterdir()}


def test_an_instrument_in_a_folder_or_without_one(tmp_path):
    for i, prefix in enumerate(("", "flute/")):
        entries = [(prefix + name, data) for name, data in _files().items()]
        entries += [(f"{prefix}training/checkpoint.safetensors", b"x"), ("__MACOSX/._config.json", b"x")]
        assert _taken(_zip(entries), tmp_path / str(i)) == set(_files())


@pytest.mark.parametrize(
    "name", ["../config.json", "/config.json", "a/../../config.json", "..\\config.json", "C:\\x"]
)
def test_a_path_that_leads_out_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="lead out"):
        _taken(_zip([*_files().items(), (name, b"{}")]), tmp_path / "in")
    assert not list((tmp_path / "in").iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_link_or_a_device_is_refused(tmp_path, kind):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        entry = zipfile.ZipInfo("config.json")
        entry.external_attr = (kind | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
        archive.writestr("model.safetensors", b"x")
    content.seek(0)
    with pytest.raises(InputError, match="link or a device"):
        _taken(content, tmp_path / "in")


def test_bombs_are_refused_before_they_unpack(tmp_path):
    bomb = _zip([("config.json", bytes(60 << 20)), ("model.safetensors", b"x")])
    assert len(bomb.getvalue()) < 100_000
    with pytest.raises(InputError, match="larger than"):
        _taken(bomb, tmp_path / "ratio")
    with pytest.raises(InputError, match="entries"):
        _taken(_zip([(f"{i}", b"") for i in range(5000)]), tmp_path / "many")
    # Its header says that it is small.
    content = bytearray(
        _zip(
            [("config.json", bytes(TAKEN["config.json"] + (1 << 20))), ("model.safetensors", b"x")]
        ).getvalue()
    )
    size = (TAKEN["config.json"] + (1 << 20)).to_bytes(4, "little")
    lie = bytes(content).replace(size, (70_000).to_bytes(4, "little"))
    with pytest.raises(InputError):
        _taken(io.BytesIO(lie), tmp_path / "lie")
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 1 << 20


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04" + bytes(100), b"no zip", bytes(1000)])
def test_what_is_no_zip_is_told(tmp_path, content):
    with pytest.raises(InputError, match="not a whole zip"):
        _taken(io.BytesIO(content), tmp_path / "in")


def test_none_two_and_the_same_name_twice(tmp_path):
    with pytest.raises(InputError, match="no instrument"):
        _taken(_zip([("a.txt", b"")]), tmp_path / "a")
    two = [(f"{folder}/{name}", data) for folder in "ab" for name, data in _files().items()]
    with pytest.raises(InputError, match="several instruments"):
        _taken(_zip(two), tmp_path / "b")
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = _zip([*_files().items(), ("config.json", b"{}")])
    with pytest.raises(InputError, match="twice"):
        _taken(twice, tmp_path / "c")


def _hostile() -> dict[str, dict[str, bytes]]:
    """Folders of the kinds 7 to 10 of the list of defects that were found."""
    good = _files()
    config = json.loads(good["config.json"])
    big = json.loads(good["config.json"])
    big["instrument"]["controller"]["hidden_size"] = 20_000
    many = json.loads(good["config.json"])
    many["instrument"]["synth"][0]["n_harmonics"] = 10**8
    return {
        "pickle": good | {"model.safetensors": b"\x80\x04cos\nsystem\n(S'touch pwned'\ntR."},
        "empty weights": good | {"model.safetensors": b""},
        "huge header": good | {"model.safetensors": (1 << 62).to_bytes(8, "little") + b"{}"},
        "cut": good | {"model.safetensors": good["model.safetensors"][:5000]},
        "flipped": good | {"model.safetensors": good["model.safetensors"][:-1] + b"\xff"},
        "deep": good | {"config.json": b"[" * 200_000},
        "long number": good | {"config.json": b'{"format": ' + b"9" * 10_000 + b"}"},
        "network bomb": good | {"config.json": json.dumps(big).encode()},
        "harmonics bomb": good | {"config.json": json.dumps(many).encode()},
        "no object": good | {"config.json": b"7"},
        "other weights": good | {"config.json": json.dumps(config | {"weights_sha256": "0" * 64}).encode()},
    }


@pytest.mark.parametrize("kind", _hostile())
def test_hostile_instruments_are_one_sentence_and_leave_nothing(studio, kind):
    content = _zip(_hostile()[kind].items())
    n_before = len(studio.server.studio.database.things("instrument"))
    answer = studio.client.post("/api/instruments", files={"file": ("x.zip", content.getvalue())})
    assert answer.status_code == 400, answer.text
    sentence = answer.json()["error"]
    assert sentence.endswith(".")
    assert str(studio.folder) not in sentence
    assert "Traceback" not in sentence
    assert len(studio.server.studio.database.things("instrument")) == n_before
    assert not list((studio.folder / "uploads").iterdir())


def test_a_folder_of_files_comes_onto_the_shelf_and_into_the_trash(studio, tmp_path):
    parts = [("files", (f"my flute/{name}", data)) for name, data in _files().items()]
    made = studio.client.post("/api/instruments", files=[*parts, ("files", ("my flute/notes.txt", b"x"))])
    assert made.status_code == 201, made.text
    one = made.json()
    assert (one["name"], one["kind"], one["licence"]) == ("my flute", "mine", "mit")
    place = f"/api/instruments/{one['id']}"
    card = {"name": "Flauto", "licence": "cc-by-4.0", "credit": "A: B", "consent": True, "description": "x"}
    assert studio.client.put(f"{place}/card", json=card).json() | card == studio.client.get(place).json()
    assert (
        "agreed to this instrument" in (studio.folder / "instruments" / one["id"] / "README.md").read_text()
    )
    assert studio.client.delete(place).status_code == 204
    assert studio.client.get(place).status_code == 404
    assert studio.client.delete(place).status_code == 404
    assert studio.client.post(f"{place}/restore").json()["name"] == "Flauto"
    for change in (studio.client.delete, lambda path: studio.client.put(f"{path}/card", json=card)):
        assert change("/api/instruments/flute").status_code == 409
    shutil.rmtree(studio.folder / "instruments" / one["id"])
    studio.server.studio.database.forget(one["id"])
