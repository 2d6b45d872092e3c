"""`Stream`: a module that runs block by block."""

import copy
from typing import Any

import torch
from torch import Tensor

from oscine.streaming.base import Streaming


class Stream:
    """A module that runs: it keeps the state, and computes without gradients, with the weights of now."""

    def __init__(self, streaming: Streaming[Any], batch_size: int = 1, seed: int = 0, **options: Any) -> None:
        self.options = options
        self.streaming = copy.deepcopy(streaming).eval()
        self.batch_size = batch_size
        self.seed = seed
        self.compiled = False
        self.why = ""
        self.reset()

    @property
    def latency(self) -> int:
        """Samples by which the output lags the input."""
        return self.streaming.latency

    @torch.no_grad()
    def reset(self, seed: int | None = None) -> None:
        """Go back to before the first sample."""
        self.seed = self.seed if seed is None else seed
        self._state = self.streaming.init_state(self.batch_size, self.seed)

    def push(self, *signals: Any, **named: Any) -> Tensor:
        """Return the output of the next block, whatever its length."""
        with torch.no_grad():
            output, self._state = self.streaming.step(*signals, **named, **self.options, state=self._state)
        return output
