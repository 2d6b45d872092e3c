"""The ways of training that benchmarks/stability.py compares: weaker guards, a curriculum, other rates."""

import copy
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from oscine.data import Dataset
from oscine.models import Instrument, load_recipe
from oscine.processors import FilteredNoise, Reverb
from oscine.training import Callback, TrainingLoop, Validation
from oscine.training.objective import synth_part
from oscine.training.schedule import Budget

SIZES = {"batch_size": 2, "crop_s": 0.5, "preroll_s": 0.25, "n_validations": 4}
_DECAY = 0.98
GUARDS = ("", ", without roll-back", ", without the guard")


class Loop(TrainingLoop):
    """A loop whose guard may be weaker than the product's.

    Attributes:
        guard: The whole one, which skips steps that are not finite and rolls weights back after five of them
            in a row; or without roll-back; or none, so that every step is taken.
    """

    guard = GUARDS[0]

    def _skip(self) -> None:
        if self.guard == GUARDS[0]:
            super()._skip()
            return
        self.counters.n_skipped += 1
        if self.guard == GUARDS[2]:
            self.optimizer.step()
            # The weights are not finite any more, and stay so.
            self.stop()


class Kept(Callback):
    """Keeps the first and the last validation loss, the best weights, and a moving average of the weights."""

    def __init__(self) -> None:
        self.first, self.last, self.best = math.nan, math.nan, math.inf
        self.weights: dict[str, Tensor] = {}
        self.average: AveragedModel | None = None

    def on_start(self, loop: TrainingLoop) -> None:
        """Measure the untrained instrument."""
        self.first = loop.validate().loss

    def on_step(self, loop: TrainingLoop) -> None:
        """Average over the second half of the run."""
        if loop.progress >= 0.5:
            average = self.average or AveragedModel(
                loop.instrument, multi_avg_fn=get_ema_multi_avg_fn(_DECAY)
            )
            average.update_parameters(loop.instrument)
            self.average = average

    def on_validation(self, loop: TrainingLoop, validation: Validation) -> None:
        """Keep the best weights."""
        self.last = validation.loss
        if validation.loss < self.best:
            self.best, self.weights = validation.loss, copy.deepcopy(loop.instrument.state_dict())


class Curriculum(Callback):
    """Trains the harmonics alone in the first third of the run, then the noise too, then the room too.

    Until its turn comes, the noise's part of the network's last layer gets no gradient, nor does the reverb.
    """

    def on_start(self, loop: TrainingLoop) -> None:
        """Stop the gradients that are not due yet."""
        head, name = loop.instrument.controller.head, f"{synth_part(loop.instrument, FilteredNoise)[0]}."
        is_noise = [one.name.startswith(name) for one in loop.instrument.controls for _ in range(one.width)]
        kept = ~torch.tensor(is_noise)

        def harmonics_first(slope: Tensor) -> Tensor:
            return (
                slope.where(kept.view(-1, *[1] * (slope.ndim - 1)), 0.0) if loop.progress < 1 / 3 else slope
            )

        def room_last(slope: Tensor) -> Tensor:
            return slope * float(loop.progress >= 2 / 3)

        for weight in (head.weight, head.bias):
            weight.register_hook(harmonics_first)
        for module in loop.instrument.modules():
            if isinstance(module, Reverb):
                module.impulse_response.register_hook(room_last)


class NotFinite(Callback):
    """Makes the gradient of some steps not finite.

    Args:
        is_hit: Whether a step is one of these, by its number.
    """

    def __init__(self, is_hit: Callable[[int], bool]) -> None:
        self.is_hit = is_hit

    def on_start(self, loop: TrainingLoop) -> None:
        """Change the gradient from here on."""
        bias = loop.instrument.controller.head.bias
        bias.register_hook(lambda slope: slope * (math.nan if self.is_hit(loop.counters.step) else 1.0))


class Way(NamedTuple):
    """How one way of training differs from training as it is."""

    settings: Mapping[str, Any] = MappingProxyType({})
    callback: Callable[[], Callback] = Callback
    most_seeds: int = 1000
    """Where every run goes the same way, a few are enough."""


AS_IT_IS = "as it is"
WAYS = {
    AS_IT_IS: Way(),
    "harmonics, then noise, then room": Way(callback=Curriculum),
    "learning rate × 10": Way({"learning_rate": 0.03}),
    "6 gradients in a row not finite": Way(
        callback=lambda: NotFinite(lambda step: 160 <= step < 166), most_seeds=3
    ),
}


def train(dataset: Dataset, way: Way, seed: int, steps: int, guard: str = GUARDS[0]) -> tuple[Loop, Kept]:
    """Train one instrument; its weights of the end are in the loop, the best ones are kept."""
    recipe = load_recipe("default")
    settings = recipe.training.model_copy(update={**SIZES, **way.settings, "seed": seed})
    config = recipe.instrument.fit(dataset.sample_rate, dataset.hop_length, (), ())
    torch.manual_seed(seed)
    instrument = Instrument(config, dataset.statistics)
    loop = Loop(instrument, dataset.train, dataset.validation, settings, Budget(None, steps))
    loop.guard, kept = guard, Kept()
    loop.run([kept, way.callback()])
    return loop, kept
