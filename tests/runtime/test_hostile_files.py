"""Whatever is in a program file, loading it is safe: it is refused in a sentence, or it plays finite samples.

`make fuzz` does the same with a million random mutants under sanitizers; these are the systematic ones.
"""

import hashlib
import struct
from collections import Counter

import pytest
import torch
from tests.runtime.programs import RATE, busy_program
from tests.runtime.seeds import seeds

from oscine.runtime import Engine, engines
from oscine.streaming import Program

pytestmark = pytest.mark.skipif(
    not engines(), reason="no compiled runtime: there was no C++ compiler when the package was installed"
)

CONTENT = busy_program().to_bytes()
TABLES = struct.unpack_from("<Q", CONTENT, 80)[0]  # the last of them, that of the metadata, ends the tables
WORDS = [at for at in range(0, TABLES, 4) if at not in range(128, 160)]  # without the sha256
PLACES = {"inputs": 48, "operations": 56, "arguments": 64, "tensors": 72}


def _signed(content: bytes | bytearray) -> bytes:
    """Return the bytes with the sha256 that they should have."""
    file = bytearray(content)
    file[128:160] = bytes(32)
    file[128:160] = hashlib.sha256(file).digest()
    return bytes(file)


def _at(table: str, offset: int = 0) -> int:
    return struct.unpack_from("<Q", CONTENT, PLACES[table])[0] + offset


def _outcome(content: bytes, name: str | None = None) -> str:
    try:
        engine = Engine(content, name)
    except ValueError as error:
        return str(error)
    inputs = {name: torch.full((1, 2, one.size), torch.nan) for name, one in engine.inputs.items()}
    if inputs:
        assert torch.isfinite(engine.play(inputs)).all()
    return "played"


def _changed(at: int, form: str, value: float) -> bytes:
    file = bytearray(CONTENT)
    struct.pack_into("<" + form, file, at, value)
    return _signed(file)


@pytest.mark.parametrize("value", [0, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FC00000])
def test_every_word_of_the_tables_may_be_anything(value: int) -> None:
    outcomes = Counter(
        _outcome(_changed(at, "I", value)) for at in range(0, TABLES, 4) if at not in range(128, 160)
    )
    # Most words count: a change is noticed, or it is a number that may be another one.
    refused = sum(count for outcome, count in outcomes.items() if outcome != "played")
    assert refused > TABLES / 4 / 4


@pytest.mark.parametrize("change", [-1, 1])
def test_every_word_of_the_tables_may_be_off_by_one(change: int) -> None:
    for at in WORDS:
        now = struct.unpack_from("<I", CONTENT, at)[0]
        _outcome(_changed(at, "I", (now + change) % 2**32))


def test_a_file_may_end_anywhere() -> None:
    step = len(CONTENT) // 400
    for end in range(0, len(CONTENT), step):
        assert _outcome(CONTENT[:end]) != "played"
        cut = bytearray(CONTENT[:end])
        if end >= 192:
            struct.pack_into("<Q", cut, 96, end)
            assert "invalid" in _outcome(_signed(cut))
    for seed in seeds().values():
        assert _outcome(seed) == "played"
        assert _outcome(seed + b"\0") == "The program file is damaged: its sha256 is not that of its bytes."


def test_a_flipped_bit_anywhere_is_noticed() -> None:
    for at in range(0, len(CONTENT), 41):
        file = bytearray(CONTENT)
        file[at] ^= 0x10
        assert _outcome(bytes(file)) != "played"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a program file"),
        (b"RIFF" + bytes(400), "not a program file"),
        (_changed(8, "I", 3), "another version"),
        (_changed(12, "I", 0), "invalid"),  # sample rate
        (_changed(16, "I", 0), "invalid"),  # hop length
        (_changed(16, "I", 1 << 20), "more than the runtime allows"),
        (_changed(24, "I", 3), "invalid"),  # an input less than the workspace holds
        (
            _changed(36, "I", struct.unpack_from("<I", CONTENT, 36)[0] + 1),
            "invalid",
        ),  # a value that nothing writes
        (_changed(36, "I", 1 << 30), "more than the runtime allows"),  # values
        (_changed(40, "I", 0xFFFFFFF0), "invalid"),  # output
        (_changed(48, "Q", 2**64 - 8), "invalid"),  # a table whose end overflows
        (_changed(88, "Q", 2**64 - 1), "invalid"),  # metadata
        (_changed(_at("inputs", 72), "f", torch.nan), "invalid"),  # default
        (_changed(_at("inputs", 76), "f", -torch.inf), "invalid"),  # minimum
        (_changed(_at("inputs", 84), "I", 4), "invalid"),  # flags
        (_changed(_at("inputs", 63), "B", 65), "invalid"),  # a name without an end
        (_changed(_at("operations", 23), "B", 65), "invalid"),
        (_changed(_at("operations", 24), "I", 0), "invalid"),  # written over the inputs
        (_changed(_at("operations", 32), "H", 9), "invalid"),  # wires
        (_changed(_at("arguments", 4), "I", 0), "invalid"),  # a wire of nothing
        (_changed(_at("arguments", 0), "I", 3000), "invalid"),  # a wire that is read before it is written
        (_changed(_at("tensors", 0), "Q", 2**63), "invalid"),
        (_changed(_at("tensors", 8), "Q", 2**61), "invalid"),
        (_changed(_at("tensors", 16), "I", 2), "invalid"),  # type, of the second version
        (_changed(_at("tensors", 16), "I", 3), "invalid"),
        (_changed(_at("tensors", 32), "Q", struct.unpack_from("<Q", CONTENT, _at("tensors"))[0]), "invalid"),
        (_changed(struct.unpack_from("<Q", CONTENT, _at("tensors"))[0], "f", torch.nan), "invalid"),
        (_changed(struct.unpack_from("<Q", CONTENT, _at("tensors"))[0], "f", torch.inf), "invalid"),
    ],
)
def test_what_is_wrong_is_said(content: bytes, sentence: str) -> None:
    for name in engines():
        assert sentence in _outcome(content, name)


INT8 = busy_program().to_bytes("int8")
# The first tensor of type 2, and where it begins.
RECORD = next(
    at
    for at in range(struct.unpack_from("<Q", INT8, 72)[0], struct.unpack_from("<Q", INT8, 80)[0], 32)
    if struct.unpack_from("<I", INT8, at + 16)[0] == 2
)
FIRST = struct.unpack_from("<Q", INT8, RECORD)[0]


@pytest.mark.parametrize(
    ("at", "form", "value", "sentence"),
    [
        (8, "I", 1, "invalid"),  # a file of the first version has no int8
        (8, "I", 3, "another version"),
        (FIRST, "f", torch.nan, "invalid"),  # a scale
        (FIRST, "f", -torch.inf, "invalid"),
        (FIRST, "f", 3e38, "invalid"),  # a scale that 127 makes infinite
        (RECORD, "Q", len(INT8) - 8, "invalid"),  # numbers beyond the end
        (RECORD + 20, "I", 1 << 31, "invalid"),  # rows
        (RECORD + 8, "Q", 2**62, "invalid"),  # elements
        (FIRST, "f", -1.0, "played"),
        (FIRST, "f", 2e36, "played"),
    ],
)
def test_int8_is_checked_as_the_rest_is(at: int, form: str, value: float, sentence: str) -> None:
    file = bytearray(INT8)
    struct.pack_into("<" + form, file, at, value)
    for name in engines():
        assert sentence in _outcome(_signed(file), name)


def _with(
    kind: str, size: int, *, wires: int = 1, integers: tuple[int, ...] = (), numbers=(), tensors=()
) -> str:
    program = Program(RATE, size)
    given = [program.input(f"x{i}", size) for i in range(wires)]
    program.output = program.append(kind, given, size, integers=integers, numbers=numbers, tensors=tensors)
    return _outcome(program.to_bytes())


@pytest.mark.parametrize(
    "outcome",
    [
        _with("history", 4, integers=(-1,)),
        _with("history", 4, integers=(2**62,)),
        _with("history", 4),
        _with("delay", 4, integers=(0,)),
        _with("delay", 4, integers=(2**40,)),
        _with("depthwise", 4, integers=(2**40,), tensors=(torch.ones(4, 3), torch.ones(4))),
        _with("attention", 4, wires=3, integers=(0, 4), tensors=(torch.ones(1),)),
        _with("attention", 4, wires=3, integers=(3, 4), tensors=(torch.ones(3),)),
        _with("attention", 4, wires=3, integers=(1, 2**60), tensors=(torch.ones(1),)),
        _with("attention", 4, wires=3, integers=(2**62, 2**62), tensors=(torch.ones(1),)),
        _with("linear", 4, tensors=(torch.ones(4, 3), torch.ones(4))),
        _with("linear", 4, tensors=(torch.ones(4, 4), torch.ones(3))),
        _with("gru", 4, tensors=(torch.ones(12, 4), torch.ones(12))),
        _with("layer_norm", 4, numbers=(0.0,), tensors=(torch.ones(4), torch.ones(4))),
        _with("affine", 4, numbers=(1e300, 0.0)),
        _with("log_sigmoid", 4, numbers=(-1.0, 1.0)),
        _with("exp_sigmoid", 4, numbers=(1.0, -1.0, 0.0)),
        _with("harmonic", 4, wires=3, integers=(0, 0)),
        _with("harmonic", 1, wires=3, integers=(1, 0)),
        _with("harmonic", 1, wires=3, integers=(2, -1)),
        _with("sinusoidal", 4, wires=1),
        _with("sinusoidal", 4, wires=4),
        _with("envelope", 4, integers=(1, 1)),
        _with("envelope", 4, integers=(1, 2), numbers=(1.0,)),
        _with("envelope", 4, integers=(1, 1), numbers=(0.0,)),
        _with("envelope", 4, wires=2, integers=(1, 1), numbers=(1.0,)),
        _with("noise", 4),
        _with("shimmer", 4, wires=0, tensors=(torch.ones(1, 4),)),
        _with("shimmer", 4, wires=0, integers=(0,), tensors=(torch.ones(1, 4),)),
        _with("shimmer", 4, wires=0, integers=(-1,), tensors=(torch.ones(1, 4),)),
        _with("shimmer", 4, wires=0, integers=(2**62,), tensors=(torch.ones(1, 4),)),
        _with("shimmer", 4, wires=0, integers=(3, 10), tensors=(torch.ones(1, 4),)),
        _with("shimmer", 4, wires=0, integers=(3,), tensors=(torch.ones(1, 3),)),
        _with("shimmer", 4, wires=0, integers=(3,)),
        _with("shimmer", 4, integers=(3,), tensors=(torch.ones(1, 4),)),
        _with("convolve", 4),
        _with("convolve", 4, tensors=(torch.ones(2, 4),)),
        _with("cycle", 3, wires=3),
        _with("pulse", 1, wires=2, integers=(7,)),
        _with("fm", 1, wires=2, integers=(1,), numbers=(1.0,)),
        _with("fm", 1, wires=2, integers=(0,), numbers=(0.0,)),
        _with("fm", 1, wires=2, integers=(0,)),
        _with("fm", 1, wires=2, integers=(-1,), numbers=(1.0,)),
        _with("fm", 1, wires=2, integers=(2**40,), numbers=(1.0,)),
        _with("fm", 4, wires=2, integers=(0,) * 4, numbers=(1.0,) * 4),
        _with("minimum_phase", 4, numbers=(0.0,), tensors=(torch.ones(4, 4),)),
        _with("moving_filter", 4, wires=2, integers=(-1,)),
        _with("allpole", 4),
        _with("allpole", 4, wires=2, integers=(1,)),
        *(
            _with(
                "neural_filter",
                4,
                wires=2,
                integers=dilations,
                tensors=(torch.ones(n), torch.ones(*shape), torch.ones(m)),
            )
            for dilations, n, shape, m in (
                ((), 2, (4, 6), 2),
                ((1, 0), 2, (4, 6), 2),
                ((1, -1), 2, (4, 6), 2),
                ((1, 2**40), 2, (4, 6), 2),
                ((2**23, 2**23), 2, (4, 6), 2),
                ((1, 1), 2, (4, 5), 2),
                ((1, 1), 2, (6, 6), 2),
                ((1, 1), 2, (4, 6), 3),
                ((1, 1), 4, (8, 12), 4),
            )
        ),
        _with("concatenate", 4, wires=2),
        _with("softmax", 4, wires=2),
    ],
)
def test_arguments_that_do_not_belong_together_are_refused(outcome: str) -> None:
    assert "invalid" in outcome
