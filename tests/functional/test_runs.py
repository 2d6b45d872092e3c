"""Stretches of frames."""

import torch

from oscine.functional.runs import runs


def test_runs_are_first_and_one_past_the_last() -> None:
    mask = torch.tensor([1, 1, 1, 0, 0, 0, 0, 1], dtype=torch.bool)
    assert runs(mask).tolist() == [[0, 3], [7, 8]]
    assert runs(mask, at_least=3).tolist() == [[0, 3]]
    assert runs(mask[3:7]).tolist() == []
    assert runs(mask[:0]).tolist() == []
