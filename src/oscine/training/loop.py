"""The training loop: steps, the guard against those that are not finite, validations and callbacks."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

import torch
from torch import Tensor, nn

from oscine.data.batch import Batch
from oscine.data.split import Split
from oscine.data.synthetic import SyntheticTones, synthetic_tones
from oscine.models import Instrument, TrainingConfig
from oscine.processors import FilteredNoise, HarmonicOscillator
from oscine.training.checkpoint import Counters, Snapshot, restore, take_snapshot
from oscine.training.data_parallel import DataParallelThreads
from oscine.training.objective import Loss, Objective, synth_part
from oscine.training.processes import DataParallelProcesses
from oscine.training.schedule import Budget, learning_rate
from oscine.training.teacher import Teacher
from oscine.training.validation import Validation, validate, validation_pieces

_MOST_SKIPPED_IN_A_ROW = 5


class Callback:
    """Methods that training calls around the steps; every method may be left out.

    Callbacks are called in order; those given to `train` come before its own, so what they change or stop is
    in the checkpoint.
    """

    def on_start(self, loop: "TrainingLoop") -> None:
        """Called once before the first step."""

    def on_step(self, loop: "TrainingLoop") -> None:
        """Called after each step."""

    def on_validation(self, loop: "TrainingLoop", validation: Validation) -> None:
        """Called after each validation, the last one at the end of the run among them."""

    def on_end(self, loop: "TrainingLoop") -> None:
        """Called once at the end, after an error too."""


class TrainingLoop:
    """Trains an instrument on crops by its `Objective`.

    Steps are numbered by `counters`, which resume with a checkpoint; crops and noise are functions of the
    seed and the step, so a resumed run by steps repeats the unbroken one bit for bit.

    Attributes:
        instrument: What is trained.
        trained: The instrument, or it and the adversarial loss: all whose weights change.
        optimizer: AdamW.
        counters: Where the run is.
        objective: The loss.
        last_loss: Of the last step.
        snapshot: The state to which the guard goes back.

    Args:
        instrument: What is trained; it is moved to the device.
        train: Where crops come from.
        validation: What the best instrument is chosen by.
        config: Sizes, rates.
        budget: When it ends.
        loss: See `Objective`; the multi-scale spectral loss if left out.
        teacher: See `Objective`.
        device: Where it is computed.
        on_notice: Is told, in a sentence, what the guard did.
        distributed: This process is one of a torch.distributed group that trains together
            (`oscine.training.processes`).

    Raises:
        InputError: When the validation part has values that are not finite.
    """

    def __init__(
        self,
        instrument: Instrument,
        train: Split,
        validation: Split,
        config: TrainingConfig,
        budget: Budget,
        *,
        loss: Loss | None = None,
        teacher: Teacher | None = None,
        device: torch.device | str = "cpu",
        on_notice: Callable[[str], None] = lambda text: None,
        distributed: bool = False,
    ) -> None:
        self.device = torch.device(device)
        self.instrument = instrument.to(self.device)
        self.config = config
        self.budget = budget
        self.counters = Counters()
        self.last_loss = math.nan
        self.objective = Objective(instrument, config, loss, teacher).to(self.device)
        self.on_notice = on_notice
        self.trained: nn.Module = instrument
        sides: list[nn.Module] = [instrument]
        if self.objective.adversarial is not None:
            sides.append(self.objective.adversarial)
            self.trained = nn.ModuleDict({"instrument": instrument, "adversarial": sides[1]})
        self._sides = [[one for one in side.parameters() if one.requires_grad] for side in sides]
        self._parameters = [one for side in self._sides for one in side]
        self.optimizer = torch.optim.AdamW(
            self._parameters, lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.snapshot = take_snapshot(self.trained, self.optimizer, self.counters)
        self.threads: DataParallelThreads | DataParallelProcesses = DataParallelThreads(1)
        self.distributed = distributed
        self._train = train
        self._pieces = validation_pieces(validation, instrument.sample_rate)
        self._stop_asked = self._stop_requested = False
        self._clock = time.monotonic()

    @property
    def progress(self) -> float:
        """How much of the run is over, 0 to 1."""
        return self.budget.progress(self.counters.step, self.counters.elapsed_s)

    @property
    def is_done(self) -> bool:
        """Whether the run ends after this step."""
        return self.progress >= 1 or self._stop_requested

    @property
    def validation_is_due(self) -> bool:
        """Whether the validation loss is measured after this step."""
        return self.is_done or self._n_validations_due > self.counters.n_validations

    @property
    def _n_validations_due(self) -> int:
        return int(self.progress * self.config.n_validations)

    @property
    def learning_rate(self) -> float:
        """The rate of the next step: a linear rise, then half a cosine down."""
        return learning_rate(self.config, self.counters.step, self.progress) * self.counters.rate_scale

    def stop(self) -> None:
        """End the run after this step, in good order; of several processes, the first one decides."""
        self._stop_asked = True
        if not self.distributed:
            self._stop_requested = True

    def resume(self, snapshot: Snapshot) -> None:
        """Go on from a checkpoint.

        Raises:
            InputError: When it is another model's.
        """
        restore(snapshot, self.trained, self.optimizer)
        self.counters = snapshot.counters.model_copy()
        self.snapshot = snapshot
        # Fewer, where the run is to be longer than it was.
        self.counters.n_validations = min(self.counters.n_validations, self._n_validations_due)

    def run(self, callbacks: Sequence[Callback] = ()) -> None:
        """Train until the budget is spent or `stop` is called.

        Raises:
            InputError: When a shard is no longer as it was written.
            OSError: When the disk refuses.
        """
        with _denormals_flushed(), closing(self._parallel()) as self.threads:
            self._clock = time.monotonic()
            try:
                for callback in callbacks:
                    callback.on_start(self)
                is_validated = True
                while not self.is_done:
                    self.step(self.draw(self.counters.step))
                    self._tick()
                    for callback in callbacks:
                        callback.on_step(self)
                    self._agree()
                    is_validated = self.validation_is_due
                    if is_validated:
                        self._validate(callbacks)
                # `stop` may come between the last two lines and the loop's end.
                if not is_validated:
                    self._validate(callbacks)
            finally:
                for callback in callbacks:
                    callback.on_end(self)
        self.threads = DataParallelThreads(1)

    def _parallel(self) -> DataParallelThreads | DataParallelProcesses:
        if self.distributed:
            return DataParallelProcesses(self.trained)
        return DataParallelThreads(torch.get_num_threads() if self.device.type == "cpu" else 1)

    def _agree(self) -> None:
        """Take over what the first process knows by its clock, its signals and its callbacks."""
        if not isinstance(self.threads, DataParallelProcesses):
            return
        counters = self.counters
        known = (counters.elapsed_s, counters.best_loss, self._stop_asked, self.snapshot.counters.step)
        counters.elapsed_s, counters.best_loss, stop, snapshot_step = self.threads.agree(known)
        self._stop_requested = bool(stop)
        if snapshot_step == counters.step != self.snapshot.counters.step:
            self.take_snapshot()  # or a roll-back would part the processes

    def _validate(self, callbacks: Sequence[Callback]) -> None:
        n_validations = self._n_validations_due
        validation = self.validate()
        self.counters.n_validations = n_validations
        # Time that validation took is the run's time too.
        self._tick()
        if not math.isfinite(validation.loss):
            self.on_notice(f"The validation loss at step {self.counters.step} is not finite.")
        for callback in callbacks:
            callback.on_validation(self, validation)
        self._tick()
        self._agree()

    @contextmanager
    def off_the_clock(self) -> Iterator[None]:
        """Let what a callback does meanwhile take no time of the run's."""
        self._tick()
        try:
            yield
        finally:
            self._clock = time.monotonic()

    def _tick(self) -> None:
        now = time.monotonic()
        self.counters.elapsed_s += now - self._clock
        self._clock = now

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
        return self._train.batch(
            config.seed,
            step,
            config.batch_size,
            n_frames,
            self._n_preroll,
            semitones=config.transpose_semitones,
            crops=self._own_crops,
        )

    @property
    def _own_crops(self) -> tuple[int, int] | None:
        """Which crops of a batch this process computes; None: all."""
        if not isinstance(self.threads, DataParallelProcesses):
            return None
        return self.threads.bounds(self.config.batch_size)

    @property
    def _n_preroll(self) -> int:
        return round(self.config.preroll_s * self.instrument.sample_rate / self.instrument.hop_length)

    def step(self, batch: Batch | SyntheticTones) -> None:
        """Take one step, or skip it when its loss or gradient is not finite."""
        counters, optimizer = self.counters, self.optimizer
        seed = (self.config.seed << 32) + counters.step * self.config.batch_size
        for group in optimizer.param_groups:
            group["lr"] = self.learning_rate
        progress, there = self.progress, batch.map(lambda tensor: tensor.to(self.device))
        if self.objective.is_adversarial(progress) and not counters.is_adversarial:
            counters.is_adversarial, counters.best_loss = True, math.inf  # chosen anew, among what it teaches
        is_varied = self.objective.is_varied(counters.step)
        own = self._own_crops
        n_crops = len(there.audio) if own is None else self.config.batch_size
        n_before = 0 if own is None else own[0]  # crops of a batch that other processes have drawn

        def loss(first: int, last: int) -> Tensor:
            if isinstance(there, SyntheticTones):
                tones = there.map(lambda tensor: tensor[first:last])
                return self.objective.pretraining(self.instrument, tones.audio, tones.controls, seed + first)
            return self.objective.joint(
                self.instrument,
                there.map(lambda tensor: tensor[first - n_before : last - n_before]),
                n_skipped=self._n_preroll,
                is_varied=is_varied,
                progress=progress,
                seed=seed + first,
            )

        self.last_loss = self.threads.gradients(loss, n_crops, self._parameters)
        norms = [nn.utils.clip_grad_norm_(side, self.config.gradient_clip) for side in self._sides]
        finite = math.isfinite(self.last_loss) and all(bool(torch.isfinite(norm)) for norm in norms)
        counters.step += 1
        if finite:
            optimizer.step()
            counters.n_skipped_in_a_row = 0
            if counters.step % self.config.snapshot_every == 0:
                self.take_snapshot()
        else:
            self._skip()

    def take_snapshot(self) -> None:
        """Make the state of now the one that the guard goes back to, unless the last step was skipped."""
        if self.counters.n_skipped_in_a_row == 0:
            self.snapshot = take_snapshot(self.trained, self.optimizer, self.counters)

    def _skip(self) -> None:
        counters = self.counters
        counters.n_skipped += 1
        counters.n_skipped_in_a_row += 1
        self.on_notice(
            f"Step {counters.step} was skipped: its loss or gradient is not finite "
            f"({counters.n_skipped} so far)."
        )
        if counters.n_skipped_in_a_row >= _MOST_SKIPPED_IN_A_ROW:
            restore(self.snapshot, self.trained, self.optimizer)
            counters.n_skipped_in_a_row = 0
            counters.n_rolled_back += 1
            counters.rate_scale /= 2
            self.on_notice(
                f"{_MOST_SKIPPED_IN_A_ROW} steps in a row were not finite: weights went back to step "
                f"{self.snapshot.counters.step}, learning rate halved."
            )

    def validate(self, instrument: Instrument | None = None) -> Validation:
        """Return the loss on pieces of the held-out part, and the longest one's audio.

        Args:
            instrument: Whose; the one that is trained if left out.
        """
        player = self.instrument if instrument is None else instrument
        return validate(player, self._pieces, self.objective, self.threads, self.device)


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Take the smallest numbers for 0 here, and not in the rest of the program: decaying tails are faster."""
    were_flushed = float(torch.tensor(1e-40) * 1.0) == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(were_flushed)
