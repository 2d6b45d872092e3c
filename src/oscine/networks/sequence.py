"""Sequence layers, the layers of a network that have a memory: a GRU, a TCN or a Conformer."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from oscine.networks.conformer import Conformer, require_heads
from oscine.networks.recurrent import Recurrent
from oscine.networks.tcn import Tcn, require_look_back

SequenceLayers = Recurrent | Tcn | Conformer

#: Limits of what a recipe or a stranger's file may ask for; no network that trains needs more.
MOST_CHANNELS, MOST_LAYERS = 4096, 16


class SequenceConfig(BaseModel, frozen=True):
    """The kind and the sizes of the sequence layers.

    A size that is left out has the default of the kind. A size that does not apply to the kind is refused.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    default_sizes: ClassVar[dict[str, dict[str, Any]]] = {
        "gru": {},
        "tcn": {"n_layers": 8, "kernel_size": 3},
        "conformer": {"n_layers": 2, "kernel_size": 15, "n_heads": 4, "context_frames": 64},
    }
    """The sizes that apply to each kind, and their defaults."""

    kind: str = "gru"
    """``gru``: a gated recurrent unit. ``tcn``: dilated convolutions. ``conformer``: attention as well."""
    hidden_size: int = Field(default=256, ge=1, le=MOST_CHANNELS)
    """Channels of each sequence layer."""
    n_layers: int | None = Field(default=None, ge=1, le=MOST_LAYERS)
    """Number of layers of a ``tcn`` (default 8) or a ``conformer`` (default 2)."""
    kernel_size: int | None = Field(default=None, ge=1, le=256)
    """Frames that each convolution of a ``tcn`` (default 3) or a ``conformer`` (default 15) combines."""
    n_heads: int | None = Field(default=None, ge=1, le=64)
    """Attention heads of a ``conformer`` (default 4); ``hidden_size`` must be a multiple of it."""
    context_frames: int | None = Field(default=None, ge=1, le=1024)
    """Frames that the attention of a ``conformer`` covers, the present one included (default 64)."""

    @model_validator(mode="before")
    @classmethod
    def _sizes_apply_to_the_kind(cls, values: Any) -> Any:
        kind = values.get("kind", cls.model_fields["kind"].default) if isinstance(values, Mapping) else None
        if not isinstance(kind, str) or kind not in cls.default_sizes:
            return values  # the fields' own types say what is wrong
        sizes = cls.default_sizes[kind]
        others = {name for others in cls.default_sizes.values() for name in others} - set(sizes)
        unused = sorted(name for name in others if values.get(name) is not None)
        if unused:
            raise ValueError(_not_applicable(unused[0], kind))
        return {**values, **{name: size for name, size in sizes.items() if values.get(name) is None}}

    @model_validator(mode="after")
    def _sizes_fit_together(self) -> "SequenceConfig":
        if self.kind == "tcn" and self.n_layers and self.kernel_size:
            require_look_back(self.n_layers, self.kernel_size)
        if self.kind == "conformer" and self.n_heads:
            require_heads("hidden_size", self.hidden_size, self.n_heads)
        return self

    def _require_default(self, *names: str) -> None:
        """Refuse a value for fields that do not apply to the kind.

        Raises:
            ValueError: With the name of the first.
        """
        for name in names:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(_not_applicable(name, self.kind))


def _not_applicable(name: str, kind: str) -> str:
    return f'`{name}` does not apply to kind "{kind}"; remove it.'


def make_sequence_layers(n_inputs: int, config: SequenceConfig) -> SequenceLayers:
    """Return sequence layers over (batch, frame, channel), which are causal and have no latency.

    Args:
        n_inputs: Input channels.
        config: Kind and sizes; the output has ``hidden_size`` channels.

    Raises:
        ValueError: When ``n_inputs`` is below 1.
    """
    sizes = {name: getattr(config, name) for name in config.default_sizes[config.kind]}
    if config.kind == "tcn":
        return Tcn(n_inputs, config.hidden_size, **sizes)
    if config.kind == "conformer":
        return Conformer(n_inputs, config.hidden_size, **sizes)
    return Recurrent(n_inputs, config.hidden_size)
