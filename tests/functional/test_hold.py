"""Holding the last valid value: against the loop that it stands for."""

import torch

from oscine.functional import hold_valid


def test_the_loop_it_stands_for() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(3, 40, 2, generator=generator)
    valid = torch.rand(3, 40, 2, generator=generator) < 0.3
    values = torch.where(valid, values, torch.nan)
    last = torch.randn(3, 2, generator=generator)
    held, after = hold_valid(values, valid, last)
    now = last
    for t in range(40):
        now = torch.where(valid[:, t], values[:, t], now)
        assert torch.equal(held[:, t], now)
    assert torch.equal(after, now)


def test_any_split_gives_the_same() -> None:
    generator = torch.Generator().manual_seed(1)
    values, valid = torch.randn(2, 30, generator=generator), torch.rand(2, 30, generator=generator) < 0.2
    whole, final = hold_valid(values, valid, torch.zeros(2))
    parts, last = [], torch.zeros(2)
    for first in range(0, 30, 7):
        part, last = hold_valid(values[:, first : first + 7], valid[:, first : first + 7], last)
        parts.append(part)
    assert torch.equal(torch.cat(parts, dim=1), whole)
    assert torch.equal(last, final)


def test_the_gradient_goes_to_the_value_that_is_held() -> None:
    values = torch.tensor([[1.0, torch.nan, torch.nan, 4.0]], requires_grad=True)
    last = torch.tensor([9.0], requires_grad=True)
    held, _ = hold_valid(values, torch.tensor([[False, True, False, True]]) & ~values.isnan(), last)
    held.sum().backward()
    assert values.grad is not None
    assert last.grad is not None
    assert values.grad.tolist() == [[0.0, 0.0, 0.0, 1.0]]
    assert last.grad.item() == 3.0
