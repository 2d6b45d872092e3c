"""Every part that a recipe may name: the closed union of their configs."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from oscine.processors.allpole import AllpoleConfig
from oscine.processors.base import PartConfig, Processor
from oscine.processors.composition import Chain, Sum
from oscine.processors.envelope import EnvelopeConfig
from oscine.processors.filter import FilterConfig
from oscine.processors.fm import FmConfig
from oscine.processors.glottal import GlottalConfig
from oscine.processors.harmonic import HarmonicConfig
from oscine.processors.modes import ModesConfig
from oscine.processors.neural_filter import NeuralFilterConfig
from oscine.processors.noise import NoiseConfig
from oscine.processors.noise_bands import NoiseBandsConfig
from oscine.processors.onset_gate import OnsetGateConfig
from oscine.processors.pulse import PulseConfig
from oscine.processors.refiner import RefinerConfig
from oscine.processors.reverb import ReverbConfig
from oscine.processors.sinusoidal import SinusoidalConfig
from oscine.processors.strings import StringsConfig
from oscine.processors.transient import TransientConfig
from oscine.processors.wavetable import WavetableConfig

_MOST_PARTS = 64
#: Of an instrument, those inside chains and sums included: each takes time to build, whatever its size.
_MOST_IN_ALL = 128


class ChainConfig(PartConfig):
    """Parts one after the other."""

    kind: Literal["chain"] = "chain"
    parts: tuple["AnyPart", ...] = Field(min_length=1, max_length=_MOST_PARTS)
    """The parts; the audio of one is the signal of the next."""

    def build(self, sample_rate: int, hop_length: int) -> Chain:
        """Return the chain."""
        return Chain(build_parts(self.parts, sample_rate, hop_length))


class SumConfig(PartConfig):
    """Parts that sound together."""

    kind: Literal["sum"] = "sum"
    parts: tuple["AnyPart", ...] = Field(min_length=1, max_length=_MOST_PARTS)
    """The parts, none of which takes a signal."""

    def build(self, sample_rate: int, hop_length: int) -> Sum:
        """Return the sum."""
        return Sum(build_parts(self.parts, sample_rate, hop_length))


AnyPart = Annotated[
    HarmonicConfig
    | StringsConfig
    | SinusoidalConfig
    | WavetableConfig
    | PulseConfig
    | EnvelopeConfig
    | GlottalConfig
    | FmConfig
    | NoiseConfig
    | NoiseBandsConfig
    | ModesConfig
    | TransientConfig
    | FilterConfig
    | OnsetGateConfig
    | AllpoleConfig
    | ReverbConfig
    | RefinerConfig
    | NeuralFilterConfig
    | ChainConfig
    | SumConfig,
    Field(discriminator="kind"),
]
"""The config of any part; its ``kind`` says which."""

ChainConfig.model_rebuild()
SumConfig.model_rebuild()


def build_parts(
    configs: Sequence[PartConfig], sample_rate: int, hop_length: int
) -> dict[str, Processor[Any]]:
    """Return the processors by name.

    Raises:
        ValueError: See `require_parts`.
    """
    require_parts(configs)
    return {config.part_name: config.build(sample_rate, hop_length) for config in configs}


def require_parts(configs: Sequence[PartConfig]) -> None:
    """Refuse parts of which two have one name, and more parts than an instrument can have.

    Raises:
        ValueError: With the name or the number.
    """
    names = [config.part_name for config in configs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"Two parts are called {name}; give one of them another `name`.")
    if (n_parts := _n_parts(configs)) > _MOST_IN_ALL:
        raise ValueError(
            f"There are {n_parts} parts, those inside chains and sums included; give at most {_MOST_IN_ALL}."
        )


def _n_parts(configs: Sequence[PartConfig]) -> int:
    return sum(
        1 + (_n_parts(one.parts) if isinstance(one, ChainConfig | SumConfig) else 0) for one in configs
    )
