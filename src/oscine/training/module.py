"""The Lightning module: one step, the learning rate, the guard, the held-out loss."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import lightning
import torch
from jaxtyping import Float
from torch import Tensor

from oscine.data.dataset import Batch, Segment, Split
from oscine.data.synthetic import SyntheticTones, synthetic_tones
from oscine.models import Instrument, TrainingConfig
from oscine.processors import FilteredNoise, HarmonicOscillator
from oscine.training.checkpoint import Counters, Snapshot, restore, take_snapshot
from oscine.training.crew import Crew
from oscine.training.objective import Objective, batch_conditions, synth_part

_MOST_SKIPPED_IN_A_ROW = 5
_PIECE_S, _PIECES_S = 8.0, 48.0


@dataclass(frozen=True)
class Budget:
    """How long a run is: minutes, steps, or whichever of both ends first."""

    minutes: float | None
    steps: int | None

    def progress(self, step: int, elapsed_s: float) -> float:
        """Return how much of the run is over, 0 to 1."""
        by_step = 0.0 if self.steps is None else step / self.steps
        by_time = 0.0 if self.minutes is None else elapsed_s / (60 * self.minutes)
        return min(1.0, max(by_step, by_time))


class InstrumentTraining(lightning.LightningModule):
    """Trains an instrument on crops by its `Objective`, the multi-scale spectral loss above all.

    Steps are numbered by `counters`, which resume with a checkpoint; crops and noise are functions of the
    seed and the step, so a resumed run by steps repeats the unbroken one bit for bit.

    Args:
        instrument: What is trained.
        train: Where crops come from.
        held_out: What the best instrument is chosen by.
        config: Sizes, rates.
        budget: When it ends.
        on_notice: Is told, in a sentence, what the guard did.
    """

    def __init__(
        self,
        instrument: Instrument,
        train: Split,
        held_out: Split,
        config: TrainingConfig,
        budget: Budget,
        on_notice: Callable[[str], None],
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.instrument = instrument
        self.train_split = train
        self.config = config
        self.budget = budget
        self.counters = Counters()
        self.last_loss = math.nan
        self.objective = Objective(instrument, config)
        self.on_notice = on_notice
        self.optimizer = torch.optim.AdamW(
            instrument.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.snapshot = take_snapshot(instrument, self.optimizer, self.counters)
        self.crew = Crew(1)
        self._pieces = _pieces(held_out, instrument.sample_rate)

    @property
    def progress(self) -> float:
        """How much of the run is over, 0 to 1."""
        return self.budget.progress(self.counters.step, self.counters.elapsed_s)

    @property
    def learning_rate(self) -> float:
        """The rate of the next step: a linear rise, then half a cosine down."""
        config = self.config
        rise = min(1.0, (self.counters.step + 1) / max(1, config.warmup_steps))
        fall = (
            config.final_rate_ratio
            + (1 - config.final_rate_ratio) * (1 + math.cos(math.pi * self.progress)) / 2
        )
        return config.learning_rate * rise * fall * self.counters.rate_scale

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return AdamW; its rate is set at every step from `learning_rate`."""
        return self.optimizer

    def on_fit_start(self) -> None:
        """Share the work among threads, where it is threads that do it."""
        self.crew = Crew(torch.get_num_threads() if self.device.type == "cpu" else 1)

    def resume(self, snapshot: Snapshot) -> None:
        """Go on from a checkpoint."""
        restore(snapshot, self.instrument, self.optimizer)
        self.counters = snapshot.counters.model_copy()
        self.snapshot = snapshot
        # Fewer, where the run is to be longer than it was.
        validations = int(self.progress * self.config.n_validations)
        self.counters.n_validations = min(self.counters.n_validations, validations)

    def draw(self, step: int) -> Batch | SyntheticTones:
        """Return the crops of a step, each with its preroll, or synthetic tones where their turn is."""
        config, instrument = self.config, self.instrument
        n_frames = max(1, round(config.crop_s * instrument.sample_rate / instrument.hop_length))
        if self.objective.is_synthetic(step, self.budget.progress(step, self.counters.elapsed_s)):
            return synthetic_tones(
                config.seed,
                step,
                config.batch_size,
                n_frames,
                sample_rate=instrument.sample_rate,
                hop_length=instrument.hop_length,
                n_harmonics=synth_part(instrument, HarmonicOscillator)[1].n_harmonics,
                n_bands=synth_part(instrument, FilteredNoise)[1].n_bands,
            )
        return self.train_split.batch(config.seed, step, config.batch_size, n_frames, self._n_preroll)

    @property
    def _n_preroll(self) -> int:
        return round(self.config.preroll_s * self.instrument.sample_rate / self.instrument.hop_length)

    def training_step(self, batch: Batch | SyntheticTones, _: int) -> None:
        """Take one step, or skip it when its loss or gradient is not finite."""
        counters, optimizer = self.counters, self.optimizer
        seed = (self.config.seed << 32) + counters.step * self.config.batch_size
        for group in optimizer.param_groups:
            group["lr"] = self.learning_rate
        progress = self.progress

        def loss(first: int, last: int) -> Tensor:
            if isinstance(batch, SyntheticTones):
                controls = {name: control[first:last] for name, control in batch.controls.items()}
                return self.objective.pretraining(self.instrument, batch.audio[first:last], controls)
            return self.objective.joint(
                self.instrument,
                batch.map(lambda tensor: tensor[first:last]),
                n_skipped=self._n_preroll,
                progress=progress,
                seed=seed + first,
            )

        parameters = list(self.instrument.parameters())
        self.last_loss = self.crew.gradients(loss, len(batch.audio), parameters)
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.config.gradient_clip)
        finite = math.isfinite(self.last_loss) and bool(torch.isfinite(norm))
        counters.step += 1
        if finite:
            optimizer.step()
            counters.n_skipped_in_a_row = 0
            if counters.step % self.config.snapshot_every == 0:
                self.snapshot = take_snapshot(self.instrument, optimizer, counters)
        else:
            self._skip()

    def _skip(self) -> None:
        counters = self.counters
        counters.n_skipped += 1
        counters.n_skipped_in_a_row += 1
        self.on_notice(
            f"Step {counters.step} was skipped: its loss or gradient is not finite "
            f"({counters.n_skipped} so far)."
        )
        if counters.n_skipped_in_a_row >= _MOST_SKIPPED_IN_A_ROW:
            restore(self.snapshot, self.instrument, self.optimizer)
            counters.n_skipped_in_a_row = 0
            counters.n_rolled_back += 1
            counters.rate_scale /= 2
            self.on_notice(
                f"{_MOST_SKIPPED_IN_A_ROW} steps in a row were not finite: weights went back to step "
                f"{self.snapshot.counters.step}, learning rate halved."
            )

    def held_out_loss(self) -> tuple[float, Float[Tensor, " time"], Float[Tensor, " time"]]:
        """Return the loss on pieces of the held-out part, and the longest one's audio: predicted, true."""

        def play(piece: Batch) -> tuple[float, Tensor, Tensor]:
            with torch.no_grad():
                there = piece.map(lambda tensor: tensor.to(self.device))
                audio = self.instrument(**batch_conditions(self.instrument, there))
                loss = self.objective.spectral(audio, there.audio).item() * audio.numel()
                return loss, audio[0], there.audio[0]

        results = self.crew.map(play, self._pieces)
        loss = sum(value for value, _, _ in results) / sum(len(audio) for _, audio, _ in results)
        _, predicted, true = max(results, key=lambda result: len(result[1]))
        return loss, predicted, true


def _pieces(split: Split, sample_rate: int) -> list[Batch]:
    """Return pieces of at most eight seconds, 48 s in all, spread evenly over the split."""
    longest = round(_PIECE_S * sample_rate / split.hop_length)
    places: list[tuple[Segment, int, int]] = []
    for segment in split.segments:
        n = -(-segment.n_frames // longest)
        ends = [segment.n_frames * i // n for i in range(n + 1)]
        places += [(segment, start, stop) for start, stop in pairwise(ends)]
    mean_s = split.n_frames / len(places) * split.hop_length / sample_rate
    n = min(max(1, round(_PIECES_S / mean_s)), len(places))
    return [_piece(*places[i * len(places) // n]) for i in range(n)]


def _piece(segment: Segment, start: int, stop: int) -> Batch:
    """Return frames ``start`` … ``stop − 1`` of a segment, a batch of one."""

    def part(name: str) -> Tensor:
        return torch.tensor(segment.slice(name, start, stop))[None]

    return Batch(
        *(part(name) for name in ("audio", "f0_hz", "loudness_db", "confidence")),
        curves={name: part(name) for name in segment.curves},
        voice=torch.tensor([segment.voice]),
    )
