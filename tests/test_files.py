"""Files: whole or not at all, regular and bounded; one error for a refusing disk."""

import errno
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
import soundfile
import torch
from safetensors.torch import save_file

from oscine import files
from oscine.errors import InputError
from oscine.files import (
    disk_errors,
    parse_json,
    read_bytes,
    read_json,
    read_text,
    remove_temporaries,
    resolved,
    write_atomically,
    write_folder,
)


@pytest.mark.parametrize("content", [b"new", "new", lambda path: path.write_bytes(b"new")])
def test_a_file_is_replaced_whole_and_has_the_usual_mode(tmp_path: Path, content) -> None:
    path = tmp_path / "folder" / "a.json"
    write_atomically(path, b"old")
    write_atomically(path, content)
    assert path.read_bytes() == b"new"
    assert [one.name for one in path.parent.iterdir()] == ["a.json"]
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    assert path.stat().st_mode == plain.stat().st_mode


def _full(path: Path) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def _safetensors_full(path: Path) -> None:
    from safetensors import SafetensorError

    raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")


def _numpy_full(path: Path) -> None:
    raise OSError("8192 requested and 4096 written")


@pytest.mark.parametrize("writer", [_full, _safetensors_full])
def test_a_full_disk_is_one_error_with_the_path_and_the_old_file_stays(tmp_path: Path, writer) -> None:
    path = tmp_path / "a.bin"
    write_atomically(path, b"old")
    with pytest.raises(OSError, match="No space left on device") as refusal:
        write_atomically(path, writer)
    assert refusal.value.filename == str(path)
    assert refusal.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "number"), [("y" * 252 + ".wav", errno.ENAMETOOLONG), ("folder", errno.EISDIR)]
)
def test_an_error_names_the_file_and_not_its_temporary_name(tmp_path: Path, name: str, number: int) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError) as refusal:  # noqa: PT011 - of any kind, its number is compared
        write_atomically(tmp_path / name, b"new")
    assert (refusal.value.filename, refusal.value.errno) == (str(tmp_path / name), number)
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("name", ["y" * 251 + ".wav", "一" * 83 + ".wav", "a.wav"])
def test_the_longest_names_are_written_and_what_is_left_of_them_is_found(tmp_path: Path, name: str) -> None:
    left: list[Path] = []

    def write(temporary: Path) -> None:
        temporary.write_bytes(b"new")
        left.append(temporary)

    write_atomically(tmp_path / name, write)
    assert [one.name for one in tmp_path.iterdir()] == [name]
    left[0].write_bytes(b"half of it")
    remove_temporaries(tmp_path, [name])
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_links_in_a_circle_have_a_path(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert resolved(tmp_path / "a").parent == tmp_path.resolve()
    (tmp_path / "c").symlink_to(tmp_path)
    assert resolved(tmp_path / "c" / "d") == (tmp_path / "d").resolve()


@pytest.mark.parametrize("is_there", [True, False])
def test_a_folder_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    folder, contents = tmp_path / "new" / "out", {"a.txt": b"a", "inside/b.txt": b"b"}
    if is_there:
        folder.mkdir(parents=True)
    written, write = [], files.write_atomically

    def refuse(path: Path, content: bytes) -> None:
        written.append(path)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(files, "write_atomically", refuse)
        with pytest.raises(OSError, match="No space left") as refusal:
            write_folder(folder, contents)
    assert refusal.value.filename == str(folder)
    assert [one for one in (tmp_path / "new").rglob("*") if one != folder] == []
    write_folder(folder, contents)
    assert {one.relative_to(folder).as_posix() for one in folder.rglob("*")} == {*contents, "inside"}
    (tmp_path / "plain").mkdir()
    assert folder.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_error_without_a_number_gets_the_disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="Input/output error"), disk_errors(tmp_path / "a"):
        _numpy_full(tmp_path)
    monkeypatch.setattr(files, "_refusal", lambda folder: errno.ENOSPC)
    with pytest.raises(OSError, match="No space left") as refusal, disk_errors(tmp_path / "a"):
        _numpy_full(tmp_path)
    assert refusal.value.filename == str(tmp_path / "a")


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    for error in (ValueError("x"), AssertionError("x"), FileNotFoundError(errno.ENOENT, "gone", "b")):
        with pytest.raises(type(error)) as same, disk_errors(tmp_path / "a"):
            raise error
        assert same.value is error


_LIMITED = """
import resource, signal, sys
from pathlib import Path
import numpy as np, soundfile, torch
from safetensors.torch import save_file
from oscine.files import write_atomically
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
folder = Path(sys.argv[1])
sound = np.random.default_rng(0).uniform(-1, 1, 200_000)
def wav(path): soundfile.write(path, sound, 16_000, format="WAV")
def flac(path): soundfile.write(path, sound, 16_000, format="FLAC")
def tensors(path): save_file({"a": torch.zeros(200_000)}, path)
def raw(path): sound.tofile(path)
def plain(path): path.write_bytes(bytes(200_000))
for writer in (wav, flac, tensors, raw, plain):
    try:
        write_atomically(folder / f"{writer.__name__}.bin", writer)
        print("written", writer.__name__)
    except OSError as error:
        print(error.errno, error.filename, list(folder.iterdir()))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_every_writer_that_a_disk_refuses_says_so_in_the_same_way(tmp_path: Path) -> None:
    """A limit on the size of a file stops a write in its middle, as a full disk does."""
    code = textwrap.dedent(_LIMITED)
    command = [sys.executable, "-c", code, str(tmp_path)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    names = ["wav", "flac", "tensors", "raw", "plain"]
    assert lines == [f"{errno.EFBIG} {tmp_path / name}.bin []" for name in names]


def test_what_a_killed_write_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    keep = [".model-notes.safetensors.txt", ".other-abcd1234.safetensors", "model-abcd1234.safetensors"]
    for name in (*keep, ".model-abcd1234.safetensors", ".preview-a_c01234.png"):
        (tmp_path / name).touch()
    remove_temporaries(tmp_path, ("model.safetensors", "preview.png"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(keep)


def test_a_file_is_synced_as_windows_wants_it_and_a_folder_where_there_is_that_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, int]] = []
    real = os.open

    def noted(path, flags, *rest, **more):
        opened.append((Path(path).name, flags & (os.O_RDWR | os.O_WRONLY)))
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", noted)
    write_atomically(tmp_path / "a.txt", "x")
    # The temporary file is made, then opened again for writing and synced; then the folder.
    assert [flags for name, flags in opened if name.startswith(".a-")] == [os.O_RDWR, os.O_RDWR]
    assert opened[-1] == (tmp_path.name, os.O_RDONLY)
    monkeypatch.setattr(files, "_IS_WINDOWS", True)
    opened.clear()
    write_atomically(tmp_path / "a.txt", "x")
    assert all(name.startswith(".a-") and flags == os.O_RDWR for name, flags in opened)


@pytest.fixture(params=["fifo", "device", "link", "folder", "large"])
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A path that is not a small regular file."""
    path = tmp_path / "odd.json"
    if request.param == "fifo":
        os.mkfifo(path)
    elif request.param == "device":
        path = Path("/dev/zero")
    elif request.param == "link":
        path.symlink_to("/dev/zero")
    elif request.param == "folder":
        path.mkdir()
    else:
        with open(path, "wb") as file:
            file.truncate(1 << 40)  # takes no room on the disk
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="has no pipes and devices with names")
def test_only_small_regular_files_are_read(odd: Path) -> None:
    result: list[BaseException] = []

    def read() -> None:
        try:
            read_json(odd)
        except InputError as error:
            result.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(10)
    assert not reader.is_alive()
    assert str(odd) in str(result[0])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("9" * 10_000, "a number of 10000 digits"),
        ("-" + "9" * 100, "a number of 101 digits"),
        ('{"a": }', r"not JSON \(Expecting value, line 1\)"),
        ("", "not JSON"),
        ("[NaN]", "NaN is in it, which is not a number"),
        (r'{"a": ["\uD800"]}', "x.json has half a character"),
        (r'{"\udc80": 1}', "half a character"),
    ],
)
def test_json_that_breaks_readers_is_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        parse_json(text, "x.json")
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_json(tmp_path / "x.json")


def test_json_may_write_a_character_as_a_pair() -> None:
    assert parse_json(r'["\ud83c\udfbb", "\\ud800"]', "x.json") == ["🎻", r"\ud800"]


def test_text_is_utf_8_with_or_without_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\xef\xbb\xbfa")
    assert read_text(path) == "a"
    path.write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match="UTF-8"):
        read_text(path)
    with pytest.raises(InputError, match="at most 3"):
        read_bytes(path, 3)
    assert read_bytes(path, 4) == b"caf\xe9"


def test_real_writers_go_through(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.wav", lambda path: soundfile.write(path, torch.zeros(9).numpy(), 16_000))
    write_atomically(tmp_path / "a.safetensors", lambda path: save_file({"a": torch.zeros(2)}, path))
    assert soundfile.info(tmp_path / "a.wav").frames == 9
