"""The all-pole lattice in every form, against the formula sample by sample."""

import pytest
import torch
from torch import Tensor

from oscine import kernels
from oscine.kernels.allpole import allpole, allpole_backward
from oscine.kernels.library import INSTRUCTION_SETS

FORMS = [name for name in kernels.available() if name in (*INSTRUCTION_SETS, "torch")]
#: Batch, frames, sections, hop: one of each, whole vectors and not.
SIZES = [(2, 3, 3, 5), (1, 1, 1, 1), (2, 2, 9, 11), (1, 4, 8, 1), (3, 2, 22, 6)]


@pytest.fixture(params=FORMS)
def every_form(request):
    """Each form in use."""
    with kernels.use(request.param):
        yield request.param


def _arguments(batch: int, n_frames: int, order: int, hop: int) -> list[Tensor]:
    shapes = (batch, n_frames * hop), (batch, n_frames, order), (batch, order), (batch, order)
    made = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    return [(0.7 * x if i in (1, 2) else x).requires_grad_() for i, x in enumerate(made)]


def _formula(audio: Tensor, angles: Tensor, previous: Tensor, initial: Tensor, hop: int) -> Tensor:
    """The recursion as it is written, a number at a time."""
    outputs = []
    for item in range(len(audio)):
        upward, output = list(initial[item]), []
        for n in range(audio.shape[1]):
            t, i = divmod(n, hop)
            before = angles[item, t - 1] if t else previous[item]
            theta = before + i / hop * (angles[item, t] - before)
            f, after = audio[item, n], []
            for m in reversed(range(len(theta))):
                after.append(torch.sin(theta[m]) * f + torch.cos(theta[m]) * upward[m])
                f = torch.cos(theta[m]) * f - torch.sin(theta[m]) * upward[m]
            output.append(f)
            upward = [f, *after[:0:-1]]
        outputs.append(torch.stack(output))
    return torch.stack(outputs)


@pytest.mark.parametrize("size", SIZES)
def test_it_is_the_formula_and_so_are_its_gradients(every_form: str, size: tuple[int, int, int, int]) -> None:
    given, hop = _arguments(*size), size[3]
    ours, _ = allpole(*given, hop)
    audio, angles, previous, initial = given
    truth = _formula(audio, angles, previous, initial, hop)
    torch.testing.assert_close(ours, truth, rtol=0, atol=1e-12)
    weights = torch.cos(torch.arange(ours.numel(), dtype=ours.dtype)).reshape(ours.shape)
    for one, other in zip(
        torch.autograd.grad((ours * weights).sum(), given),
        torch.autograd.grad((truth * weights).sum(), given),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-11)


@pytest.mark.parametrize("size", SIZES)
def test_gradients_of_the_output_and_of_every_state(every_form: str, size: tuple[int, int, int, int]) -> None:
    given, hop = _arguments(*size), size[3]
    assert torch.autograd.gradcheck(lambda *x: allpole(*x, hop), given)


def test_threads_change_nothing(compiled: str) -> None:
    given = _arguments(5, 3, 11, 7)
    alone = allpole(*given, 7)
    try:
        torch.set_num_threads(3)
        shared = allpole(*given, 7)
    finally:
        torch.set_num_threads(1)
    for one, other in zip(alone, shared, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_the_operator_is_registered_as_torch_wants_it(every_form: str) -> None:
    torch.library.opcheck(allpole, (*_arguments(2, 3, 5, 4), 4))


def test_what_is_not_contiguous(every_form: str) -> None:
    given = [x.detach() for x in _arguments(2, 3, 5, 4)]
    expected, _ = allpole(*given, 4)
    turned = [x.transpose(0, 1).contiguous().transpose(0, 1) for x in given]
    torch.testing.assert_close(allpole(*turned, 4)[0], expected, rtol=0, atol=0)


def test_tensors_that_do_not_belong_together_are_refused(every_form: str) -> None:
    audio, angles, previous, initial = (x.detach() for x in _arguments(2, 3, 5, 4))
    for given, said in (
        ((audio[:, 1:], angles, previous, initial), "audio is .* beside angles"),
        ((audio, angles, previous[:, 1:], initial), "previous is .* beside angles"),
        ((audio, angles, previous, initial[:1]), "initial is .* beside angles"),
        ((audio.float(), angles.float(), previous.float(), initial.float()), "give float64"),
        ((audio[:, :0], angles[:, :0], previous, initial), "n_frames is 0"),
    ):
        with pytest.raises(ValueError, match=said):
            allpole(*given, 4)
    states = torch.zeros(2, 4, 5, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"grad_states is .* beside angles"):
        allpole_backward(audio, states[:, 1:], audio, angles, previous, states, 4)
