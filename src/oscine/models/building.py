"""What an instrument is built from: inputs, synth and effects that fit together."""

from torch import nn

from oscine.data.statistics import Statistics
from oscine.errors import InputError
from oscine.models.config import InstrumentConfig
from oscine.models.effects import Effects
from oscine.processors import Sum, build_parts


def build(config: InstrumentConfig, statistics: Statistics | None) -> tuple[nn.ModuleDict, Sum, Effects]:
    """Return the inputs of an instrument by name, its synth and its effects.

    Args:
        config: Of the instrument.
        statistics: Of what it learns from.

    Raises:
        InputError: When an input stands twice, a part takes an input that the config does not have, or a part
            is not where it can be.
    """
    rates = config.sample_rate, config.hop_length
    inputs = [one.build(*rates, statistics) for one in config.inputs]
    names = [one.name for one in inputs]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"The input {name} stands twice in the config; remove one.")
    synth = Sum(build_parts(config.synth, *rates))
    effects = Effects(build_parts(config.effects, *rates), *rates)
    for name in (*synth.inputs, *effects.inputs):
        if name not in names:
            raise InputError(
                f"A part takes the input {name}, which the instrument lacks; add it to `inputs`."
            )
    if config.effects and effects.signals != ("audio",):
        raise InputError(f"The effect {config.effects[0].part_name} takes no audio; move it to `synth`.")
    if config.notes and (effects.inputs or effects.controls):
        raise InputError(
            "The effects of an instrument with `notes` are shared by its voices and take no input and no "
            "control; move those that do to `synth`."
        )
    return nn.ModuleDict(dict(zip(names, inputs, strict=True))), synth, effects
