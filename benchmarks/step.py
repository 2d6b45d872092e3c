"""The whole training step of a recipe, against the textbook step of the same model; the draw is left out."""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from benchmarks import parts, textbook
from benchmarks.measure import Call, cpu_forms, measure, random_like, table
from oscine import kernels
from oscine.data import Split
from oscine.data.batch import Batch
from oscine.data.segment import Segment
from oscine.losses import default_fft_sizes
from oscine.models import Instrument, Recipe, load_recipe
from oscine.training.data_parallel import DataParallelThreads
from oscine.training.loop import TrainingLoop
from oscine.training.schedule import Budget


class Setting(NamedTuple):
    """A recipe at a rate."""

    name: str
    sample_rate: int
    hop_length: int
    quick: bool = False

    def recipe(self) -> Recipe:
        """Return it; a quick one has small batches of short crops."""
        overrides = {"instrument.sample_rate": self.sample_rate, "instrument.hop_length": self.hop_length}
        small = {"training.batch_size": 2, "training.crop_s": 0.1, "training.preroll_s": 0.05}
        return load_recipe(self.name, overrides | (small if self.quick else {}))

    @property
    def n_preroll(self) -> int:
        """Frames that are played and not compared."""
        return round(self.recipe().training.preroll_s * self.sample_rate / self.hop_length)

    def batch(self) -> Batch:
        """Return random crops, their pitch between 300 and 500 Hz."""
        config = self.recipe().training
        n_frames = self.n_preroll + round(config.crop_s * self.sample_rate / self.hop_length)
        shape = (config.batch_size, n_frames)
        return Batch(
            audio=0.1 * random_like(config.batch_size, n_frames * self.hop_length),
            f0_hz=400 + 100 * torch.sin(random_like(*shape, seed=2)),
            loudness_db=-40 + 10 * torch.sin(random_like(*shape, seed=3)),
            confidence=torch.ones(shape),
            curves={},
            identity=torch.zeros(config.batch_size, dtype=torch.long),
        )


SETTINGS = (
    Setting("tiny", 16_000, 64),
    Setting("default", 16_000, 64),
    Setting("default", 44_100, 176),
)


class _Silence(Segment):
    """What the training loop holds out, which a step does not use."""

    def __init__(self, sample_rate: int, hop_length: int) -> None:
        super().__init__("silence", [], sample_rate, hop_length)
        self.n_frames = 1

    def slice(self, name: str, start: int, stop: int) -> np.ndarray:
        return np.zeros((stop - start) * (self.hop_length if name == "audio" else 1), np.float32)


def _stop(notice: str) -> None:
    raise RuntimeError(notice)


def resting_loop(recipe: Recipe, n_threads: int) -> TrainingLoop:
    """Return a training loop that takes a step when it is told to, on the batch that it is given."""
    config = recipe.instrument
    split = Split([_Silence(config.sample_rate, config.hop_length)], config.hop_length)
    loop = TrainingLoop(
        Instrument(config), split, split, recipe.training, Budget(None, 1_000_000), on_notice=_stop
    )
    loop.threads = DataParallelThreads(n_threads)
    return loop


def ours(setting: Setting, n_threads: int) -> list[Call]:
    """Oscine's step."""
    torch.set_flush_denormal(True)
    loop, batch = resting_loop(setting.recipe(), n_threads), setting.batch()

    def step() -> None:
        torch.set_num_threads(n_threads)
        loop.step(batch)

    return [step]


def theirs(setting: Setting, n_threads: int) -> list[Call]:
    """The textbook's step of the same model, on the same crops."""
    torch.set_flush_denormal(True)
    recipe, batch = setting.recipe(), setting.batch()
    instrument, config = Instrument(recipe.instrument), recipe.training
    heard = setting.n_preroll * setting.hop_length
    optimizer = torch.optim.AdamW(
        instrument.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    fft_sizes = default_fft_sizes(setting.sample_rate)

    def step() -> None:
        torch.set_num_threads(n_threads)
        with kernels.use("torch"):  # and so torch's own GRU
            audio = textbook.play(instrument, batch.f0_hz, batch.loudness_db)
            loss = textbook.spectral_loss(audio[:, heard:], batch.audio[:, heard:], fft_sizes)
            optimizer.zero_grad()
            loss.backward()
        torch.nn.utils.clip_grad_norm_(instrument.parameters(), config.gradient_clip)
        optimizer.step()

    return [step]


def _steps(settings: list[Setting], quick: bool) -> str:
    rows = []
    for setting in settings:
        config = setting.recipe().training
        name = (
            f"`{setting.name}`, {setting.sample_rate} Hz, "
            f"{config.batch_size} × ({config.preroll_s:g} + {config.crop_s:g}) s"
        )
        for n_threads in (1, 2):
            cost = measure(partial(ours, setting, n_threads), quick)
            other = measure(partial(theirs, setting, n_threads), quick)
            rows.append(
                [
                    name,
                    f"{n_threads}",
                    *(f"{one.milliseconds():.0f}" for one in (other, cost)),
                    *(f"{60e3 / one.milliseconds():.0f}" for one in (other, cost)),
                    f"{other.milliseconds() / cost.milliseconds():.1f}",
                    f"{other.megabytes:.0f} / {cost.megabytes:.0f}",
                ]
            )
    columns = [
        "recipe, batch × (preroll + crop)",
        "threads",
        "textbook ms",
        "Oscine ms",
        "textbook steps/min",
        "Oscine steps/min",
        "× textbook",
        "MB, textbook / Oscine",
    ]
    return table(columns, rows)


def _profile(settings: list[Setting], quick: bool) -> str:
    forms = list(dict.fromkeys(["torch", cpu_forms()[0]]))
    columns = {
        (setting, form): measure(
            partial(parts.contender, form, setting.recipe(), setting.batch(), setting.n_preroll), quick
        )
        for setting in settings
        for form in forms
    }
    figures = [[cost.milliseconds(part) for cost in columns.values()] for part in range(len(parts.PARTS))]
    figures.append([sum(column) for column in zip(*figures, strict=True)])
    rows = [
        [part, *(f"{figure:.1f}" for figure in row)]
        for part, row in zip([*parts.PARTS, "sum"], figures, strict=True)
    ]
    headings = [f"`{setting.name}`, {setting.sample_rate} Hz: {form} ms" for setting, form in columns]
    return table(["part", *headings], rows)


def run(quick: bool) -> str:
    """Return the section."""
    settings = [setting._replace(quick=quick) for setting in SETTINGS]
    head = "Where the time goes: each part alone, forward and backward, one thread, the same batch."
    return f"{_steps(settings, quick)}\n\n{head}\n\n{_profile(settings, quick)}"
