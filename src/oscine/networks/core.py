"""The layers that remember, of which every network over frames has one kind: their sizes and their making."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from oscine.networks.conformer import Conformer
from oscine.networks.recurrent import Recurrent
from oscine.networks.tcn import Tcn

Core = Recurrent | Tcn | Conformer


class CoreConfig(BaseModel, frozen=True):
    """The kind and the sizes of the layers that remember.

    A size that is left out is the kind's own; one that the kind has no use for is refused.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    own_sizes: ClassVar[dict[str, dict[str, Any]]] = {
        "gru": {},
        "tcn": {"n_layers": 8, "kernel_size": 3},
        "conformer": {"n_layers": 2, "kernel_size": 15, "n_heads": 4, "context_frames": 64},
    }

    kind: str = "gru"
    """A recurrent layer (``gru``), dilated convolutions (``tcn``), or attention as well (``conformer``)."""
    hidden_size: int = Field(default=256, ge=1, le=8192)
    """Width of the layers that remember."""
    n_layers: int | None = Field(default=None, ge=1, le=16)
    """Of a ``tcn``, 8 if not said, or a ``conformer``, 2."""
    kernel_size: int | None = Field(default=None, ge=1, le=256)
    """Frames that a convolution takes together: of a ``tcn``, 3 if not said, or a ``conformer``, 15."""
    n_heads: int | None = Field(default=None, ge=1, le=64)
    """Heads of a ``conformer``'s attention, 4 if not said; a divisor of ``hidden_size``."""
    context_frames: int | None = Field(default=None, ge=1, le=4096)
    """Frames that a ``conformer``'s attention looks at, 64 if not said."""

    @model_validator(mode="before")
    @classmethod
    def _sizes_are_of_the_kind(cls, values: Any) -> Any:
        kind = values.get("kind", cls.model_fields["kind"].default) if isinstance(values, Mapping) else None
        if not isinstance(kind, str) or kind not in cls.own_sizes:
            return values  # the fields' own types say what is wrong
        own = cls.own_sizes[kind]
        others = {name for sizes in cls.own_sizes.values() for name in sizes} - set(own)
        unused = sorted(name for name in others if values.get(name) is not None)
        if unused:
            raise ValueError(f"{unused[0]} says nothing of a {kind}; leave it out")
        return {**values, **{name: size for name, size in own.items() if values.get(name) is None}}

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "CoreConfig":
        if self.n_heads is not None and self.hidden_size % self.n_heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of n_heads {self.n_heads}")
        return self


def make_core(n_inputs: int, config: CoreConfig) -> Core:
    """Return the layers that remember: a causal processor over (batch, frame, channel).

    Args:
        n_inputs: Channels in.
        config: Kind and sizes; ``hidden_size`` channels come out.
    """
    sizes = {name: getattr(config, name) for name in config.own_sizes[config.kind]}
    if config.kind == "tcn":
        return Tcn(n_inputs, config.hidden_size, **sizes)
    if config.kind == "conformer":
        return Conformer(n_inputs, config.hidden_size, **sizes)
    return Recurrent(n_inputs, config.hidden_size)
