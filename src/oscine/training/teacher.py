"""The teacher of a student: it gives its sound, and the controls that both declare."""

import copy
import hashlib
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from oscine.data.batch import Batch
from oscine.data.dataset import Dataset
from oscine.errors import InputError
from oscine.functional.units import hz_to_midi
from oscine.losses import in_sizes_of, parameter_loss, shared_controls
from oscine.models import DistillationConfig, Instrument
from oscine.training.conditions import batch_conditions, pitch_control

_MOST_SEMITONES, _MOST_DB = 12.0, 12.0


class Lesson(NamedTuple):
    """The sound and the controls of a teacher for a batch."""

    batch: Batch
    """The performance; its audio is the recording, or the teacher's sound where there is no recording."""
    controls: dict[str, Tensor]
    """The teacher's, by name."""
    targets: tuple[tuple[float, Float[Tensor, "batch time"]], ...]
    """The sounds with which the student's is compared, and the weights of these distances."""


class Teacher(nn.Module):
    """A trained instrument that another one, the student, is trained by.

    The teacher plays what the student plays, with the same noise. Two distances are taught: that of the
    sounds, and that of the controls that both declare (`oscine.losses.matching`). The teacher is a copy, its
    weights are fixed, and no gradient is taken of it.

    Attributes:
        shared: The student's controls that are compared; none where the teacher has no such control.

    Args:
        instrument: The teacher.
        student: The instrument to train.
        dataset: The recordings that both play.
        config: Weights of the distances.

    Raises:
        InputError: When the dataset has other rates than the teacher or lacks what it takes, or teacher and
            student have no input in common.
    """

    def __init__(
        self, instrument: Instrument, student: Instrument, dataset: Dataset, config: DistillationConfig
    ) -> None:
        super().__init__()
        _require_fit(instrument, student, dataset)
        self.config = config
        self.instrument = copy.deepcopy(instrument).eval().requires_grad_(False)
        self.shared = shared_controls(student.controls, instrument.controls)
        theirs = instrument.config.identities
        numbers = [theirs.index(name) for name in dataset.identities] if theirs else []
        self.numbers: Tensor
        self.register_buffer("numbers", torch.tensor(numbers, dtype=torch.long), persistent=False)

    @torch.no_grad()
    def lesson(self, batch: Batch, seed: int = 0, *, is_varied: bool = False) -> Lesson:
        """Return how the teacher plays a batch.

        Args:
            batch: Curves, and the recording, in which the teacher measures whatever else conditions it.
            seed: Of the noise. With the student's seed, equal controls are equal sounds.
            is_varied: Play it transposed, louder or softer; there is no recording of that.
        """
        if is_varied:
            batch = self.vary(batch, seed)
        known = batch._replace(identity=self.numbers[batch.identity]) if len(self.numbers) else batch
        controls, _ = self.instrument.control(batch_conditions(self.instrument, known), seed=seed)
        n_late = self.instrument.latency
        sound = nn.functional.pad(self.instrument.synthesize(controls, seed=seed)[:, n_late:], (0, n_late))
        if is_varied:
            return Lesson(batch._replace(audio=sound), controls, ((1.0, sound),))
        share = self.config.sound_share
        targets = ((1 - share, batch.audio), (share, sound))
        return Lesson(batch, controls, tuple(target for target in targets if target[0] > 0))

    def control_loss(
        self, student: dict[str, Tensor], teacher: dict[str, Tensor], *, n_skipped: int = 0
    ) -> Float[Tensor, ""]:
        """Return the weighted `parameter_loss` of the shared controls, the pitch among them, in semitones.

        Args:
            student: Its controls, by name; they receive the gradient.
            teacher: The teacher's.
            n_skipped: Frames at the start that are not compared.
        """
        student, teacher = (
            {name: value[:, n_skipped:] for name, value in controls.items()}
            for controls in (student, teacher)
        )
        pitch, f0_hz = pitch_control(self.instrument.sample_rate), teacher.get("f0_hz")
        target = in_sizes_of(self.shared, teacher, f0_hz, pitch.maximum)
        if f0_hz is None or "f0_hz" not in student:
            return self.config.control_weight * parameter_loss(student, target, self.shared)
        distance = parameter_loss(student, target | {"f0_hz": f0_hz}, (pitch, *self.shared))
        return self.config.control_weight * distance

    def is_varied(self, step: int) -> bool:
        """Return whether a step is on a varied performance."""
        share = self.config.varied_share
        return int((step + 1) * share) > int(step * share)

    def vary(self, batch: Batch, seed: int) -> Batch:
        """Return a batch of other performances: each crop transposed, and louder or softer.

        By up to an octave and 12 dB, and no further than the teacher's range. The sound stays as it was: it
        is not a recording of these curves.
        """
        learned = self.instrument.statistics
        f0_hz, loudness_db = [], []
        for i in range(len(batch.f0_hz)):
            random = torch.Generator().manual_seed(seed + i)
            up, louder = (2 * torch.rand(2, generator=random) - 1).tolist()
            semitones, db = up * _MOST_SEMITONES, louder * _MOST_DB
            if learned is not None:
                low, high = learned.pitch_midi_quantiles[1], learned.pitch_midi_quantiles[99]
                middle = float(hz_to_midi(batch.f0_hz[i].clamp(min=1.0)).median())
                semitones = min(max(semitones, low - middle), high - middle)
                loudest = float(batch.loudness_db[i].max())
                db = min(db, learned.loudness_db_quantiles[99] - loudest)
            f0_hz.append(batch.f0_hz[i] * 2 ** (semitones / 12))
            loudness_db.append(batch.loudness_db[i] + db)
        return batch._replace(f0_hz=torch.stack(f0_hz), loudness_db=torch.stack(loudness_db))


def fingerprint(instrument: Instrument) -> str:
    """Return the sha256 of an instrument's config and weights."""
    digest = hashlib.sha256(instrument.config.model_dump_json().encode())
    for name, weight in instrument.state_dict().items():
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _require_fit(teacher: Instrument, student: Instrument, dataset: Dataset) -> None:
    if (teacher.sample_rate, teacher.hop_length) != (dataset.sample_rate, dataset.hop_length):
        raise InputError(
            f"The teacher plays at {teacher.sample_rate} Hz with hops of {teacher.hop_length}, but "
            f"{dataset.name} has {dataset.sample_rate} Hz with hops of {dataset.hop_length}; prepare the "
            f"recordings again at {teacher.sample_rate} Hz."
        )
    for one in teacher.all_inputs():
        if not one.is_measured and one.name not in dataset.curves:
            raise InputError(
                f"The teacher takes the curve {one.name}, which {dataset.name} lacks; prepare recordings "
                "with that curve."
            )
    known = teacher.config.identities
    unknown = [name for name in dataset.identities if known and name not in known]
    if unknown:
        raise InputError(
            f"{dataset.name} has the identity '{unknown[0]}', but the teacher has {', '.join(known)} only; "
            "prepare recordings in folders of these names."
        )
    if not set(teacher.inputs) & set(student.inputs):
        raise InputError(
            f"The teacher takes {', '.join(teacher.inputs)} and the student {', '.join(student.inputs)}; "
            "give the student's recipe an input of the teacher's."
        )
