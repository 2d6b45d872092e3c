"""The parts of an instrument's synth, each alone."""

from collections.abc import Iterator

import torch
from torch import Tensor

from oscine.models import Instrument
from oscine.processors import Processor, Sum
from oscine.transfer.matching import Matched
from oscine.transfer.options import Options
from oscine.transfer.streaming import play

EFFECTS = "effects"


def stem_blocks(
    instrument: Instrument,
    matched: Matched,
    n_samples: int,
    conditions: dict[str, Tensor],
    options: Options,
) -> Iterator[tuple[str, Iterator[Tensor]]]:
    """Yield the name and the sound of each part of the synth, and of what the effects add to them.

    Args:
        instrument: Who plays.
        matched: Pitch and loudness.
        n_samples: Of each sound.
        conditions: The other conditions.
        options: With or without the effects, and the seed.
    """

    def played(player: Instrument, *, dry: bool) -> Iterator[Tensor]:
        return play(player, matched, n_samples, conditions=conditions, dry=dry, seed=options.seed)

    for name, _ in instrument.synth:
        yield name, played(part_alone(instrument, name), dry=True)
    if not options.dry and len(instrument.effects.parts):
        wet, dry = played(instrument, dry=False), played(instrument, dry=True)
        yield EFFECTS, _difference(wet, dry)


def _difference(blocks: Iterator[Tensor], others: Iterator[Tensor]) -> Iterator[Tensor]:
    """Yield the difference of two sounds of one length, whose blocks may differ in length."""
    waiting = torch.zeros(0)
    for block in blocks:
        while len(waiting) < len(block):
            waiting = torch.cat([waiting, next(others)])
        yield block - waiting[: len(block)]
        waiting = waiting[len(block) :]


def part_alone(instrument: Instrument, name: str) -> Instrument:
    """Return an instrument that plays one part of another's synth, without effects.

    The parts' sounds, each earlier by its own latency, add up to the synth's sound.

    Args:
        instrument: The instrument; its inputs, the part and the gate are shared with the new one.
        name: Of the part.
    """
    config = instrument.config
    kept = next(one for one in config.synth if one.part_name == name)
    alone = Instrument(config.model_copy(update={"synth": (kept,), "effects": ()}), instrument.statistics)
    part = dict(instrument.synth)[name]
    alone.inputs, alone.gate = instrument.inputs, instrument.gate
    seeds = [(one, one.seed_offset) for one in part.modules() if isinstance(one, Processor)]
    alone.synth = Sum({name: part})  # which numbers the seeds of the noise anew
    for one, seed in seeds:
        one.seed_offset = seed
    # Not the part's own: sliders may have moved them.
    names = {control.name for control in alone.synth.controls}
    alone.controls = tuple(control for control in instrument.controls if control.name in names)
    _take_network(alone, instrument)
    return alone.to(instrument.device).eval()


def _take_network(alone: Instrument, instrument: Instrument) -> None:
    """Copy the network, and of its last layer the rows of the controls that are left."""
    names = {control.name for control in alone.controls}
    rows, start = [], 0
    for control in instrument.controls:
        if control.name in names:
            rows += range(start, start + control.width)
        start += control.width
    weights = dict(instrument.controller.state_dict())
    for key in ("head.weight", "head.bias"):
        weights[key] = weights[key][rows]
    if "shimmer_depths" in weights:
        weights["shimmer_depths"] = weights["shimmer_depths"][:, rows]
    alone.controller.load_state_dict(weights)
