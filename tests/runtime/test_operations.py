"""Each operation computes what torch does, in every engine and however the frames are cut."""

import re
from pathlib import Path

import pytest
import torch
from tests.runtime.programs import Case, busy_program, cases

import oscine.runtime
from oscine.runtime import Engine, engines

pytestmark = pytest.mark.skipif(
    not engines(), reason="no compiled runtime: there was no C++ compiler when the package was installed"
)

N_FRAMES = 61
CASES = cases()


def _played(content: bytes, engine: str, inputs: dict[str, torch.Tensor], block: int) -> torch.Tensor:
    player = Engine(content, engine)
    return torch.cat(
        [
            player.play({name: curve[:, first : first + block] for name, curve in inputs.items()})
            for first in range(0, N_FRAMES, block)
        ],
        1,
    )


@pytest.mark.parametrize("name", CASES)
def test_it_is_what_torch_computes(name: str) -> None:
    case: Case = CASES[name]
    inputs = case.inputs(N_FRAMES)
    with torch.no_grad():
        expected = case.expected(inputs).reshape(1, -1)
    scale = max(1.0, float(expected.abs().max()))
    content = case.program().to_bytes()
    for engine in engines():
        for block in (1, 7, N_FRAMES):
            played = _played(content, engine, inputs, block)
            torch.testing.assert_close(played, expected, rtol=0, atol=case.tolerance * scale)


def test_every_operation_of_the_runtime_is_tested() -> None:
    source = Path(oscine.runtime.__file__).with_name("native") / "operations.h"
    known = set(re.findall(r'kind<.*>\("(\w+)"\)', source.read_text()))
    assert known == {case.kind for case in CASES.values()}
    assert known == {operation.kind for operation in busy_program().operations}


@pytest.mark.parametrize("engine", engines())
def test_float16_weights_are_played_as_they_are_in_the_file(engine: str) -> None:
    for name in ("linear 129 to 257", "linear 3 to 130", "gru", "convolve"):
        case = CASES[name]
        program = case.program()
        half = program.to_bytes("float16")
        widened = program.from_bytes(half).to_bytes("float32")
        inputs = case.inputs(N_FRAMES)
        one, other = Engine(half, engine), Engine(widened, engine)
        assert (one.weight_bits, other.weight_bits) == (16, 32)
        torch.testing.assert_close(one.play(inputs), other.play(inputs), rtol=0, atol=1e-6)


@pytest.mark.parametrize("engine", engines())
def test_int8_weights_are_played_as_they_are_in_the_file(engine: str) -> None:
    for name in ("linear 129 to 257", "linear 3 to 130", "gru"):
        case = CASES[name]
        program = case.program()
        small = program.to_bytes("int8")
        widened = program.from_bytes(small).to_bytes("float32")
        inputs = case.inputs(N_FRAMES)
        one, other = Engine(small, engine), Engine(widened, engine)
        assert (one.weight_bits, other.weight_bits) == (8, 32)
        assert torch.equal(one.play(inputs), other.play(inputs))


@pytest.mark.parametrize("engine", engines())
def test_exp_sigmoid_is_exact_to_a_millionth(engine: str) -> None:
    # Dense over the whole range, its far ends included.
    case = CASES["exp_sigmoid 37"]
    x = torch.linspace(-60.0, 60.0, 37 * 300).reshape(1, 300, 37)
    error = Engine(case.program().to_bytes(), engine).play({"x": x}) - case.expected({"x": x}).reshape(1, -1)
    assert float(error.abs().max()) < 1e-6
