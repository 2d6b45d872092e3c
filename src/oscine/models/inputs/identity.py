"""Which instrument plays, where one network has learned several."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from oscine.data.statistics import Statistics
from oscine.models.inputs.base import Input, InputConfig
from oscine.streaming import Program, Wire

#: The name of the embedding among an instrument's weights, (channel, identity).
EMBEDDING = "inputs.identity.embedding.weight"

_MOST_INSTRUMENTS = 4096


class Identity(Input):
    """The instruments' weights, (batch, frame, identity): 1 for the one that plays, or a mixture.

    It can be given as numbers, (batch,), too.

    Args:
        names: Of the instruments.
        size: Channels of their embedding.
    """

    name = "identity"
    minimum, maximum = -16.0, 16.0

    def __init__(self, names: Sequence[str], size: int) -> None:
        super().__init__()
        self.names = tuple(names)
        self.size, self.width = len(names), size
        self.embedding = nn.Linear(len(names), size, bias=False)

    def measure(
        self, audio: Float[Tensor, "batch time"], features: Mapping[str, Tensor]
    ) -> Float[Tensor, "batch frame identity"]:
        """Return the weights of the first instrument: audio does not say which one plays."""
        first = torch.zeros(len(audio), dtype=torch.long, device=audio.device)
        return self.as_given(first, features["f0_hz"].shape[1])

    def as_given(self, value: Tensor, n_frames: int) -> Tensor:
        """Return weights as they are; of numbers, (batch,), the weights of these instruments."""
        if value.ndim == 3:
            return value
        weights = nn.functional.one_hot(value, self.size).to(self.embedding.weight.dtype)
        return weights[:, None].expand(-1, n_frames, -1)

    def init_state(self, batch_size: int, like: Tensor) -> Float[Tensor, "batch identity"]:
        """Return the weights before the first frame: those of the first instrument."""
        last = super().init_state(batch_size, like)
        last[:, 0] = 1.0
        return last

    def forward(
        self, condition: Float[Tensor, "batch frame identity"]
    ) -> Float[Tensor, "batch frame embedding"]:
        """Return the instruments' embedding."""
        return self.embedding(condition)

    def lower(self, program: Program, condition: Wire) -> Wire:
        """Append the embedding to a program."""
        return program.linear(condition, self.embedding.weight)


class IdentityConfig(InputConfig):
    """Which instrument plays; a dataset's folders are its instruments."""

    kind: Literal["identity"] = "identity"
    size: int = Field(default=16, ge=1, le=1024)
    """Channels of the embedding."""
    names: tuple[str, ...] = Field(default=(), max_length=_MOST_INSTRUMENTS)
    """Names of the instruments; taken from the dataset."""

    def fit(self, curves: Sequence[str], identities: Sequence[str]) -> "IdentityConfig":
        """Return the config with the dataset's instruments."""
        return self.model_copy(update={"names": tuple(identities)})

    def build(self, sample_rate: int, hop_length: int, statistics: Statistics | None) -> Identity:
        """Return the input."""
        return Identity(self.names or ("",), self.size)
