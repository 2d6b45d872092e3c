"""The compiled recurrence against torch's own GRU."""

import pytest
import torch
from torch import Tensor, nn

from oscine import kernels
from oscine.networks.recurrent import Recurrent, RecurrentState


def _recur(gru: nn.GRU, inputs: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
    layer = Recurrent(gru.input_size, gru.hidden_size)
    layer.gru = gru
    output, state = layer.step(inputs, state=RecurrentState(hidden))
    return output, state.hidden


def _run(gru: nn.GRU, inputs: Tensor, hidden: Tensor) -> list[Tensor]:
    output, last = _recur(gru, inputs, hidden)
    weights = torch.sin(torch.arange(output.numel(), dtype=output.dtype)).reshape(output.shape)
    wanted = [inputs, hidden, *gru.parameters()]
    return [output, last, *torch.autograd.grad((output * weights).sum() + last.sum(), wanted)]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 3e-5)])
@pytest.mark.parametrize(
    ("batch", "frames", "n_inputs", "size"),
    [(1, 1, 2, 1), (2, 5, 2, 7), (3, 4, 5, 16), (5, 9, 3, 33), (7, 6, 4, 64), (13, 30, 8, 100)],
)
def test_it_is_the_gru(
    compiled: str, batch: int, frames: int, n_inputs: int, size: int, dtype: torch.dtype, tolerance: float
) -> None:
    gru = nn.GRU(n_inputs, size, batch_first=True).to(dtype)
    inputs = torch.randn(batch, frames, n_inputs, dtype=dtype, requires_grad=True)
    hidden = torch.randn(batch, size, dtype=dtype, requires_grad=True)
    ours = _run(gru, inputs, hidden)
    with kernels.use("torch"):
        truth = _run(gru, inputs, hidden)
    for one, other in zip(ours, truth, strict=True):
        assert (one - other).norm() <= tolerance * max(1.0, other.norm().item())


def test_large_inputs_saturate_and_nan_stays(compiled: str) -> None:
    gates = torch.tensor([1e4, -1e4, float("nan")]).reshape(1, 3, 1).repeat(1, 1, 3)
    output, _ = kernels.gru(gates, torch.zeros(1, 1), torch.zeros(3, 1), torch.zeros(3), False)
    torch.testing.assert_close(output[0, :2, 0], torch.tensor([0.0, -1.0]), rtol=0, atol=1e-6)
    assert torch.isnan(output[0, 2, 0])


def test_the_operator_is_registered_as_torch_wants_it(compiled: str) -> None:
    tensors = [torch.randn(2, 5, 9), torch.randn(2, 3), torch.randn(9, 3), torch.randn(9)]
    torch.library.opcheck(kernels.gru, (*(x.requires_grad_() for x in tensors), True))


def test_shapes_that_do_not_belong_together_are_refused(compiled: str) -> None:
    tensors = [torch.randn(2, 5, 9), torch.randn(2, 3), torch.randn(9, 3), torch.randn(9)]
    for i in range(4):
        wrong = [x[:1] if i == j else x for j, x in enumerate(tensors)]
        with pytest.raises(ValueError, match=r"gru: .*; "):
            kernels.gru(*wrong, False)


def test_a_state_that_is_not_contiguous(compiled: str) -> None:
    gru = nn.GRU(2, 3, batch_first=True)
    inputs, hidden = torch.randn(4, 5, 2, requires_grad=True), torch.randn(3, 4).T
    hidden = hidden.detach().requires_grad_()
    ours = _run(gru, inputs, hidden)
    truth = _run(gru, inputs, hidden.detach().contiguous().requires_grad_())
    for one, other in zip(ours, truth, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_the_form_may_change_before_the_backward_pass(compiled: str) -> None:
    gru = nn.GRU(2, 3, batch_first=True)
    output, _ = _recur(gru, torch.randn(1, 4, 2), torch.zeros(1, 3))
    with kernels.use("torch"):
        assert torch.autograd.grad(output.sum(), gru.all_weights[0][1])[0].any()


def test_half_precision_is_left_to_torch(compiled: str) -> None:
    assert not kernels.gru_is_compiled(torch.zeros(1, dtype=torch.bfloat16))
