"""A safetensors file is what its header says, or a sentence; nothing is allocated before that is known."""

import json
import os
import tracemalloc
from pathlib import Path

import pytest
import torch
from safetensors.torch import save, save_file

from oscine.errors import InputError
from oscine.tensor_file import read_header, read_tensors, require_fit

TENSORS = {
    "a": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "b": torch.tensor(3, dtype=torch.int64),
    "c": torch.zeros(0, 4),
    "d": torch.tensor([True, False, True]),
    "e": torch.randn(5).to(torch.bfloat16),
}


def test_tensors_and_metadata_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "a"
    save_file(TENSORS, path, {"x": "y"})
    tensors, metadata, content = read_tensors(path)
    assert metadata == {"x": "y"}
    assert content == path.read_bytes()
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(tensors[name], tensor)
        assert tensors[name].dtype == tensor.dtype
    header = read_header(path)
    assert header.tensors["a"].shape == (2, 3)
    assert path.read_bytes()[header.tensors["a"].start :][:24] == TENSORS["a"].numpy().tobytes()
    require_fit(header.tensors, TENSORS, "x")


def _file(entries: object, data: bytes = b"") -> bytes:
    header = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return len(header).to_bytes(8, "little") + header + data


def _tensor(start: int, stop: int, *shape: object, dtype: object = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, stop]}


GOOD = save(TENSORS)
BAD = {
    "empty": b"",
    "short": GOOD[:5],
    "cut in the header": GOOD[:40],
    "cut in the data": GOOD[:-1],
    "longer": GOOD + b"\0",
    "header of 2^62 bytes": (1 << 62).to_bytes(8, "little") + GOOD[8:],
    "header of 0 bytes": (0).to_bytes(8, "little") + GOOD[8:],
    "no JSON": _file(b"{]"),
    "no text": _file(b"\xff\xfe{}"),
    "nested": _file(b'{"a":' * 100_000),
    "nested lists": _file(b"[" * 100_000),
    "digits": _file(b'{"a":{"dtype":"F32","shape":[' + b"9" * 10_000 + b'],"data_offsets":[0,0]}}'),
    "a list": _file([]),
    "an entry that is a number": _file({"a": 3}),
    "an entry with more": _file({"a": _tensor(0, 4, 1) | {"x": 1}}, bytes(4)),
    "overlapping": _file({"a": _tensor(0, 8, 2), "b": _tensor(4, 12, 2)}, bytes(12)),
    "twice the same bytes": _file({"a": _tensor(0, 8, 2), "b": _tensor(0, 8, 2)}, bytes(8)),
    "a gap": _file({"a": _tensor(0, 4, 1), "b": _tensor(8, 12, 1)}, bytes(12)),
    "beyond the end": _file({"a": _tensor(0, 8, 2)}, bytes(4)),
    "backwards": _file({"a": _tensor(8, 4, 1)}, bytes(8)),
    "negative": _file({"a": _tensor(-4, 0, 1)}, bytes(4)),
    "negative shape": _file({"a": _tensor(0, 4, -1, -1)}, bytes(4)),
    "true": _file({"a": _tensor(0, 4, True)}, bytes(4)),
    "half a number": _file({"a": _tensor(0, 4, 1.0)}, bytes(4)),
    "overflowing shape": _file({"a": _tensor(0, 0, 1 << 40, 1 << 40)}),
    "shape and length differ": _file({"a": _tensor(0, 8, 3)}, bytes(8)),
    "no such type": _file({"a": _tensor(0, 4, 1, dtype="F31")}, bytes(4)),
    "a type that is a list": _file({"a": _tensor(0, 4, 1, dtype=["F32"])}, bytes(4)),
    "many dimensions": _file({"a": _tensor(0, 4, *[1] * 100)}, bytes(4)),
    "metadata that is a number": _file({"__metadata__": {"x": 3}}),
    "a pickle": b"\x80\x04\x95\x10\x00\x00\x00" + bytes(64),
    "a zip": b"PK\x03\x04" + bytes(64),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_safetensors_file_is_a_sentence_and_costs_nothing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(BAD[kind])
    tracemalloc.start()
    for read in (read_header, read_tensors):
        with pytest.raises(InputError, match=r"bad\.safetensors") as refusal:
            read(path)
        assert str(refusal.value).endswith("again.")
        assert len(str(refusal.value)) < 300 + len(str(path))
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for read in (read_header, read_tensors):
        with pytest.raises(InputError, match="not a regular file"):
            read(tmp_path / "pipe")


def test_tensors_of_another_model_are_refused(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "a")
    found = read_header(tmp_path / "a").tensors
    for change, sentence in (
        ({"f": torch.zeros(1)}, "f is missing"),
        ({"a": torch.zeros(3, 2)}, r"a is 2 × 3 \(float32\) in place of 3 × 2"),
        ({"a": torch.zeros(2, 3, device="meta", dtype=torch.float64)}, r"in place of 2 × 3 \(float64\)"),
        ({"b": torch.zeros(1, dtype=torch.int64)}, r"b is a number \(int64\) in place of 1 \(int64\)"),
    ):
        with pytest.raises(InputError, match=sentence):
            require_fit(found, TENSORS | change, "x")
    with pytest.raises(InputError, match="it has no 'a'"):
        require_fit(found, {name: TENSORS[name] for name in "bcde"}, "x")
