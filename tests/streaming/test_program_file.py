"""Program files: what is written is read back, and what is wrong is said in a sentence."""

import hashlib
import struct
from typing import Any

import pytest
import torch
from tests.runtime.programs import busy_program, cases

from oscine.errors import InputError
from oscine.streaming import Program, read_metadata
from oscine.streaming.program_file import MAGIC, WEIGHT_TYPES


def _program(**metadata: Any) -> Program:
    program = Program(16_000, 4, metadata=metadata)
    program.output = program.linear(program.input("x", 2), torch.ones(4, 2), torch.zeros(4))
    return program


@pytest.mark.parametrize("name", cases())
def test_what_is_written_is_read_back(name: str) -> None:
    program = cases()[name].program()
    content = program.to_bytes()
    again = Program.from_bytes(content)
    assert again.to_bytes() == content
    assert [one.kind for one in again.operations] == [one.kind for one in program.operations]
    assert (again.inputs, again.output, again.n_values) == (program.inputs, program.output, program.n_values)
    for one, other in zip(again.operations, program.operations, strict=True):
        assert (one.inputs, one.output, one.integers) == (other.inputs, other.output, other.integers)
        for ours, theirs in zip(one.tensors, other.tensors, strict=True):
            assert torch.equal(ours.flatten(), theirs.flatten())


def test_metadata_and_ranges_are_read_back() -> None:
    content = busy_program().to_bytes("float16")
    assert read_metadata(content) == {"name": "busy", "licence": "CC0-1.0"}
    again = Program.from_bytes(content)
    assert (again.sample_rate, again.hop_length, again.latency) == (16_000, 48, 32)
    assert again.inputs == busy_program().inputs
    assert [one.name for one in again.inputs if one.optional] == ["gain"]
    program = _program(credit="Zoë ♪", ranges={"f0_hz": [196.0, 2637.0]})
    assert read_metadata(program.to_bytes()) == program.metadata


def test_what_is_large_becomes_float16_and_what_is_short_stays() -> None:
    program = Program(16_000, 4)
    x = program.linear(program.input("x", 2), torch.full((40, 2), 1 / 3), torch.full((40,), 1 / 3))
    x = program.linear(x, torch.full((4, 40), 1e5), torch.zeros(4))
    program.output = program.convolve(x, torch.full((2000,), 1 / 3))
    again = Program.from_bytes(program.to_bytes("float16"))
    tensors = [one for operation in again.operations for one in operation.tensors]
    weight, bias, beyond_half, _, response = tensors
    assert torch.equal(weight, torch.full((40, 2), 1 / 3).half().float())
    assert torch.equal(bias, torch.full((40,), 1 / 3))
    assert torch.equal(beyond_half, torch.full((4, 40), 1e5))
    assert torch.equal(response, torch.full((2000,), 1 / 3).half().float())


def test_matrices_of_weights_become_int8_and_what_is_exact_does_not() -> None:
    torch.manual_seed(0)
    weight = torch.randn(40, 8) * torch.logspace(-6, 3, 40)[:, None]
    weight[7] = 0.0
    program = Program(16_000, 4)
    x = program.linear(program.input("x", 8), weight, torch.full((40,), 1 / 3))
    x = program.linear(x, torch.full((4, 40), 1e5))
    x = program.linear(x, torch.full((4, 4), 1 / 3), is_exact=True)
    program.output = program.convolve(x, torch.full((2000,), 1 / 3))
    content = program.to_bytes("int8")
    tensors = [one for operation in Program.from_bytes(content).operations for one in operation.tensors]
    small, bias, large, _, exact, _, response = tensors
    step = weight.abs().amax(1, keepdim=True) / 127
    assert ((small - weight).abs() <= 0.5001 * step).all()
    assert ((small / step.clamp(min=1e-30)).round() - small / step.clamp(min=1e-30)).abs().max() < 1e-3
    assert (small[7] == 0).all()
    torch.testing.assert_close(small.abs().amax(1), weight.abs().amax(1))
    assert torch.equal(bias, torch.full((40,), 1 / 3))
    assert torch.equal(large, torch.full((4, 40), 1e5))
    assert torch.equal(exact, torch.full((4, 4), 1 / 3).half().float())
    assert torch.equal(response, torch.full((2000,), 1 / 3).half().float())
    # The scales' 4 bytes a row, and a byte a number.
    (tensors_at,) = struct.unpack_from("<Q", content, 72)
    at, n, kind, rows, columns = struct.unpack_from("<QQIII", content, tensors_at)
    assert (n, kind, rows, columns) == (320, 2, 40, 8)
    assert struct.unpack_from("<Q", content, tensors_at + 32)[0] == -(-(at + 4 * 40 + 320) // 64) * 64
    assert struct.unpack_from("<f", content, at)[0] == pytest.approx(float(step[0]))


def test_only_a_file_with_int8_has_the_second_version() -> None:
    program = _program()
    versions = [struct.unpack_from("<I", program.to_bytes(one), 8)[0] for one in WEIGHT_TYPES]
    assert versions == [1, 1, 2]
    content = bytearray(program.to_bytes("int8"))
    struct.pack_into("<I", content, 8, 1)
    content[128:160] = bytes(32)
    content[128:160] = hashlib.sha256(content).digest()
    with pytest.raises(ValueError, match="a table does not fit"):
        Program.from_bytes(bytes(content))


def test_a_program_without_audio_has_no_file() -> None:
    with pytest.raises(ValueError, match="no audio; set its output"):
        Program(16_000, 4).to_bytes()
    program = _program()
    program.hop_length = 5
    with pytest.raises(ValueError, match="no audio; set its output"):
        program.to_bytes()


@pytest.mark.parametrize("name", ["", "a" * 64, "ü" * 32, "a\0b"])
def test_names_have_to_fit(name: str) -> None:
    program = _program()
    program.input(name)
    with pytest.raises(ValueError, match="is not 1 to 63 bytes; rename it"):
        program.to_bytes()


@pytest.mark.parametrize("kind", ["", "k" * 24])
def test_kinds_have_to_fit(kind: str) -> None:
    program = _program()
    program.append(kind, [], 1)
    with pytest.raises(ValueError, match="is not 1 to 23 bytes"):
        program.to_bytes()


@pytest.mark.parametrize(
    "range_", [(9.0, 0.0, 1.0), (0.0, 1.0, 0.0), (torch.nan, 0.0, 1.0), (0.0, 0.0, torch.inf)]
)
def test_a_default_lies_in_its_range(range_: tuple[float, float, float]) -> None:
    program = _program()
    default, minimum, maximum = range_
    program.input("bad", default=default, minimum=minimum, maximum=maximum)
    with pytest.raises(ValueError, match=r"The input bad has the range .* the default within the range"):
        program.to_bytes()


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    program = _program()
    program.linear(program.inputs[0].wire, torch.full((1, 2), value))
    with pytest.raises(InputError, match="The weights of an operation 'linear' are not all finite"):
        program.to_bytes()


@pytest.mark.parametrize("read", [Program.from_bytes, read_metadata])
def test_what_is_no_program_file_is_said(read: Any) -> None:
    content = bytearray(_program().to_bytes())
    for other in (b"", b"RIFF", MAGIC, bytes(1000)):
        with pytest.raises(ValueError, match="not a program file of Oscine"):
            read(other)
    later = bytearray(content)
    struct.pack_into("<I", later, 8, 3)
    with pytest.raises(ValueError, match="has version 3, and this Oscine reads 1 to 2"):
        read(bytes(later))
    content[-1] ^= 1
    with pytest.raises(ValueError, match="damaged: its sha256"):
        read(bytes(content))
    with pytest.raises(ValueError, match="damaged: its sha256"):
        read(bytes(content[:-1]))


def test_metadata_with_half_a_character_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    program = _program()
    monkeypatch.setattr("oscine.streaming.program_file.json.dumps", lambda *_, **__: r'{"a": "\ud800"}')
    content = program.to_bytes()
    monkeypatch.undo()
    with pytest.raises(ValueError, match="its metadata are no JSON"):
        read_metadata(content)


def test_tensors_that_overlap_are_refused() -> None:
    """A small file could otherwise take memory without bound."""
    program = Program(16_000, 64)
    wire = program.input("x", 64)
    for _ in range(20):
        wire = program.linear(wire, torch.ones(64, 64))
    program.output = wire
    content = bytearray(program.to_bytes())
    (tensors_at,) = struct.unpack_from("<Q", content, 72)
    (first,) = struct.unpack_from("<Q", content, tensors_at)
    for i in range(0, 40, 2):
        struct.pack_into("<Q", content, tensors_at + 32 * i, first)
        struct.pack_into("<Q", content, tensors_at + 32 * (i + 1), first)
    del content[first + 4 * 64 * 64 :]
    struct.pack_into("<Q", content, 96, len(content))
    content[128:160] = bytes(32)
    content[128:160] = hashlib.sha256(content).digest()
    with pytest.raises(ValueError, match="a table does not fit"):
        Program.from_bytes(bytes(content))
