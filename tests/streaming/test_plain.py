"""The plain form of each operation computes what torch does, however the frames are cut."""

import pytest
import torch
from tests.runtime.programs import Case, cases
from torch import Tensor

from oscine import functional
from oscine.streaming import Program
from oscine.streaming.plain import KINDS, PlainProgram
from oscine.streaming.plain.sources import white_noise

N_FRAMES = 61
CASES = cases()


def played(program: Program, inputs: dict[str, Tensor], *blocks: int) -> Tensor:
    """The audio of a plain program, in blocks of these lengths, the last one again and again."""
    plain = PlainProgram(program)
    states, audio, first = plain.start(), [], 0
    lengths = list(blocks)
    while first < N_FRAMES:
        n_frames = min(lengths.pop(0) if len(lengths) > 1 else lengths[0], N_FRAMES - first)
        given = [inputs[name][:, first : first + n_frames] for name in plain.input_names]
        sound, *states = plain(*given, *states)
        audio.append(sound)
        first += n_frames
    return torch.cat(audio, 1)


@pytest.mark.parametrize("name", CASES)
def test_it_is_what_torch_computes(name: str) -> None:
    case: Case = CASES[name]
    inputs = case.inputs(N_FRAMES)
    with torch.no_grad():
        expected = case.expected(inputs).reshape(1, -1)
        scale = max(1.0, float(expected.abs().max()))
        for blocks in ((1,), (8, 1, 7), (N_FRAMES,)):
            sound = played(case.program(), inputs, *blocks)
            torch.testing.assert_close(sound, expected, rtol=0, atol=case.tolerance * scale)


def test_every_operation_is_tested() -> None:
    assert set(KINDS) == {case.kind for case in CASES.values()}


@pytest.mark.parametrize("seed", [0, 1, -1, 2**31, -(2**31) - 5, 2**40 + 3, -(2**63), 2**63 - 1])
def test_the_noise_is_the_one_of_all_other_forms(seed: int) -> None:
    for start in (-200, 0, 12345, 2**31 - 50, 2**32 - 50, 2**45 - 7):
        expected = functional.uniform_noise(torch.tensor([seed]), torch.tensor([start]), 300)[0]
        torch.testing.assert_close(
            white_noise(torch.tensor([seed]), torch.tensor([start]), 300), expected, rtol=0, atol=0
        )
