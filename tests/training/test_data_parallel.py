"""A batch shared by threads has the gradient of the whole batch."""

from contextlib import closing

import pytest
import torch

from oscine.training.data_parallel import DataParallelThreads


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_shared_gradients_are_the_whole_batchs(size: int) -> None:
    weight = torch.nn.Parameter(torch.randn(5, dtype=torch.float64))
    bias = torch.nn.Parameter(torch.randn((), dtype=torch.float64))
    items, targets = torch.randn(7, 5, dtype=torch.float64), torch.randn(7, dtype=torch.float64)

    def loss(first: int, last: int) -> torch.Tensor:
        return (items[first:last] @ weight + bias - targets[first:last]).abs().mean()

    whole = loss(0, 7)
    expected = torch.autograd.grad(whole, [weight, bias])
    with closing(DataParallelThreads(size)) as threads:
        value = threads.gradients(loss, 7, [weight, bias])
    assert value == pytest.approx(whole.item(), rel=1e-12)
    for parameter, gradient in zip((weight, bias), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-12, atol=1e-14)


def test_every_item_is_in_one_share_and_no_share_is_empty() -> None:
    for size in (1, 2, 3, 5):
        for n in (1, 2, 7, 8):
            bounds = DataParallelThreads(size).bounds(n)
            assert [i for first, last in bounds for i in range(first, last)] == list(range(n))
            assert all(last > first for first, last in bounds)


def test_an_error_in_a_thread_reaches_the_caller() -> None:
    weight = torch.nn.Parameter(torch.ones(1))

    def loss(first: int, last: int) -> torch.Tensor:
        if first:
            raise RuntimeError("out of memory")
        return weight.sum()

    with pytest.raises(RuntimeError, match="out of memory"):
        DataParallelThreads(2).gradients(loss, 4, [weight])
