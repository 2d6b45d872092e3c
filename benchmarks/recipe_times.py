"""How long a training step of each recipe takes on one core; ``oscine recipes NAME`` tells it.

``python -m benchmarks.recipe_times [NAME …] [--write]``: processor time, so that other work on the machine
does not count. ``--write`` keeps the figures in ``src/oscine/models/step_times.yaml``.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import torch

from benchmarks.measure import random_like
from benchmarks.page import machine
from benchmarks.step import Setting, resting_loop
from oscine.data.batch import Batch
from oscine.data.score import VOICE_CURVES
from oscine.files import write_atomically
from oscine.models import list_recipes, load_recipe
from oscine.models.inputs import CurveConfig, IdentityConfig
from oscine.models.recipes import Recipe

_TIMES = Path(__file__).parent.parent / "src" / "oscine" / "models" / "step_times.yaml"
_N_STEPS, _N_VOICES = 3, 16


def step_s(name: str) -> float:
    """Return the seconds of one core that a step of a recipe takes, the median of three behind a first."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    recipe = _with_what_it_needs(load_recipe(name))
    rates = recipe.instrument.sample_rate, recipe.instrument.hop_length
    batch = _batch(Setting(name, *rates), recipe)
    loop = resting_loop(recipe, n_threads=1)
    times = []
    for _ in range(1 + _N_STEPS):
        began = time.process_time()
        loop.step(batch)
        times.append(time.process_time() - began)
    return median(times[1:])


def _with_what_it_needs(recipe: Recipe) -> Recipe:
    """Return the recipe as a dataset with two instruments and a curve would have it."""
    curves = ["curve"] if recipe.instrument.all_curves else []
    curves += [one.name for one in recipe.instrument.inputs if isinstance(one, CurveConfig)]
    needs_names = any(isinstance(one, IdentityConfig) for one in recipe.instrument.inputs)
    names = ["one", "two"] if needs_names else []
    config = recipe.instrument
    fitted = config.fit(config.sample_rate, config.hop_length, curves, names)
    return recipe.model_copy(update={"instrument": fitted})


def _batch(setting: Setting, recipe: Recipe) -> Batch:
    batch = setting.batch()
    shape = tuple(batch.f0_hz.shape)
    names = [one.name for one in recipe.instrument.inputs if isinstance(one, CurveConfig)]
    curves = {name: torch.rand(shape) for name in names}
    if recipe.instrument.notes is None:
        return batch._replace(curves=curves)
    voices = torch.zeros(*shape, _N_VOICES, len(VOICE_CURVES))
    voices[..., 0] = 300 + 100 * torch.sin(random_like(*shape, _N_VOICES, seed=5))
    voices[..., 1], voices[..., 2], voices[..., 3] = -40.0, 1.0, 0.1
    return batch._replace(curves=curves, voices=voices)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the recipes that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipe_times", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    found = {}
    for name in options.names or list_recipes():
        found[name] = float(f"{step_s(name):.2g}")
        print(f"{name}: {found[name]:g} s", flush=True)
    if options.write:
        lines = [
            "# Seconds of one core for a training step: python -m benchmarks.recipe_times --write",
            f"machine: {machine()}",
            "step_s:",
            *(f"  {name}: {seconds:g}" for name, seconds in found.items()),
        ]
        write_atomically(_TIMES, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
