"""The loss of training: distances of sound, and the losses of a pitch encoder."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from oscine.data.batch import Batch
from oscine.errors import InputError
from oscine.functional.framing import frame_centers
from oscine.functional.loudness import loudness_db
from oscine.functional.units import hz_to_midi
from oscine.losses import (
    AdversarialLoss,
    CrepeLoss,
    LogMelLoss,
    MultiScaleSpectralLoss,
    SpectralTransportLoss,
    TextureLoss,
    parameter_loss,
)
from oscine.models import Instrument, TrainingConfig
from oscine.models.inputs import F0
from oscine.networks import PitchEncoder
from oscine.networks.pitch_encoder import pitch_cross_entropy
from oscine.processors import FilteredNoise, HarmonicOscillator
from oscine.training.conditions import batch_conditions, pitch_control, played_notes
from oscine.training.teacher import Teacher

#: Frames from one loudness that is compared to the next: half its window of 32 ms.
_LOUDNESS_FRAMES = 4

Part = TypeVar("Part", HarmonicOscillator, FilteredNoise)
Loss = Callable[[Tensor, Tensor], Tensor]
"""Audio of the instrument and of the recording, (batch, time) each, to a number."""


class Objective(nn.Module):
    """The loss of a batch, as the run goes on.

    Where pitch is given, it is the multi-scale spectral loss and, with their weights, the differences of
    loudness, of mel bands and of texture. None has a pitch direction beyond half a semitone, so an
    instrument with a pitch encoder may be trained in further ways:

    - *pre-training*: in the first ``pretraining_share`` of the run, batches are synthetic tones of known
      controls, and the extracted pitch and the predicted controls are compared with them
      (`oscine.losses.parameter_loss`); after that, in ``synthetic_share`` of the steps, so that the network
      does not forget;
    - *transport*: a Wasserstein distance of spectra moves the pitch, and nothing else, from far away; over
      ``handover_share`` of the rest of the run it fades, and the spectral loss, which until then teaches all
      else, takes the pitch over;
    - *perception*: the distance of the activations of CREPE's network; the weight of its gradient with
      respect to the pitch is that of the spectral loss's.

    In the last ``adversarial_share`` of the run, an adversarial loss may be added, whose discriminators are
    trained with the instrument.

    Where the instrument has a latency, its sound is compared as much earlier.

    A teacher adds two distances, of the sounds and of the controls (`oscine.training.teacher`).

    Args:
        instrument: The instrument to train; it has the rates and the controls.
        config: The weights of these.
        loss: Takes the place of the multi-scale spectral loss: the distance of two sounds, (batch, time)
            each, first the instrument's, as a mean over the batch.
        teacher: Whose student the instrument is.

    Attributes:
        adversarial: The adversarial loss, which has weights of its own; None where it has no weight.

    Raises:
        InputError: When a crop is not longer than the latency.
    """

    def __init__(
        self,
        instrument: Instrument,
        config: TrainingConfig,
        loss: Loss | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        super().__init__()
        rate = instrument.sample_rate
        self.config = config
        self.sample_rate, self.loudness_hop = rate, _LOUDNESS_FRAMES * instrument.hop_length
        self.spectral: Loss = (
            MultiScaleSpectralLoss(rate, log_weight=config.log_weight, floor_db=config.floor_db)
            if loss is None
            else loss
        )
        beside = {
            LogMelLoss(rate, floor_db=config.floor_db): config.log_mel_weight,
            TextureLoss(rate, floor_db=config.floor_db): config.texture_weight,
        }
        self.beside = nn.ModuleList(one for one, weight in beside.items() if weight)
        self.weights_beside = [weight for weight in beside.values() if weight]
        encodes = pitch_encoder(instrument) is not None
        self.transport = SpectralTransportLoss(rate) if encodes and config.transport_weight else None
        self.perceptual = CrepeLoss(rate) if config.perceptual_weight else None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.adversarial = AdversarialLoss(rate) if config.adversarial_weight else None
        self.teacher = teacher
        self.n_late = max(instrument.latency, 0 if teacher is None else teacher.instrument.latency)
        if self.n_late >= max(1.0, config.crop_s * rate):
            raise InputError(
                f"The instrument's latency is {1000 * self.n_late / rate:.0f} ms and training.crop_s is "
                f"{config.crop_s:g} s; choose longer crops."
            )

    def is_synthetic(self, step: int, progress: float) -> bool:
        """Return whether a step is on synthetic tones."""
        share = self.config.synthetic_share
        return progress < self.config.pretraining_share or int((step + 1) * share) > int(step * share)

    def is_adversarial(self, progress: float) -> bool:
        """Return whether the adversarial loss acts."""
        return self.adversarial is not None and progress >= 1 - self.config.adversarial_share

    def is_varied(self, step: int) -> bool:
        """Return whether a step is on a performance that was never recorded."""
        return self.teacher is not None and self.teacher.is_varied(step)

    def handed_over(self, progress: float) -> float:
        """Return how much of the pitch is the spectral loss's, 0 to 1."""
        began = self.config.pretraining_share
        length = self.config.handover_share * (1 - began)
        return 1.0 if length <= 0 else min(1.0, max(0.0, (progress - began) / length))

    def joint(
        self,
        instrument: Instrument,
        batch: Batch,
        *,
        n_skipped: int = 0,
        is_varied: bool = False,
        progress: float = 1.0,
        seed: int = 0,
    ) -> Tensor:
        """Return the loss of the instrument on recorded sound.

        Args:
            instrument: Extracts the inputs of the batch and plays it again.
            batch: Sound and features.
            n_skipped: Frames at the start that are played and not compared.
            is_varied: Play the batch varied, and compare with the teacher alone.
            progress: How much of the run is over, 0 to 1.
            seed: Of the noise.
        """
        if instrument.config.notes is not None:
            return self._of_notes(instrument, batch, n_skipped, progress, seed)
        lesson = None
        if self.teacher is not None:
            lesson = self.teacher.lesson(batch, seed, is_varied=is_varied)
            batch = lesson.batch
        conditions = batch_conditions(instrument, batch)
        f0_hz = conditions.get("f0_hz", batch.f0_hz)
        handed_over = self.handed_over(progress)
        if handed_over < 1:
            # The same value; only what reaches it of the spectral loss's slope differs.
            conditions["f0_hz"] = f0_hz.detach().lerp(f0_hz, handed_over)
        controls, _ = instrument.control(conditions, seed=seed)
        audio = instrument.synthesize(controls, seed=seed)[:, instrument.latency :]
        heard = slice(n_skipped * instrument.hop_length, batch.audio.shape[1] - self.n_late)
        target = batch.audio[:, heard]
        targets = ((1.0, batch.audio),) if lesson is None else lesson.targets
        loss = torch.zeros((), device=audio.device)
        for weight, sound in targets:
            loss = loss + weight * self.sound_loss(audio[:, heard], sound[:, heard])
        if self.teacher is not None and lesson is not None:
            loss = loss + self.teacher.control_loss(controls, lesson.controls, n_skipped=n_skipped)
        if self.perceptual is not None:
            loss = loss + self.config.perceptual_weight * self.perceptual(audio[:, heard], target)
        if self.transport is not None and handed_over < 1:
            name, oscillator = synth_part(instrument, HarmonicOscillator)
            tone = oscillator(
                f0_hz,
                controls[f"{name}.amplitude"].detach(),
                controls[f"{name}.harmonic_distribution"].detach(),
            )
            weight = (1 - handed_over) * self.config.transport_weight
            loss = loss + weight * self.transport(tone[:, heard], target)
        return loss + self._adversarial_loss(audio[:, heard], target, progress)

    def _of_notes(
        self, instrument: Instrument, batch: Batch, n_skipped: int, progress: float, seed: int
    ) -> Tensor:
        """Return the loss of the sum of all voices."""
        audio = played_notes(instrument, batch, seed=seed)[:, instrument.latency :]
        heard = slice(n_skipped * instrument.hop_length, batch.audio.shape[1] - self.n_late)
        ours, target = audio[:, heard], batch.audio[:, heard]
        loss = self.sound_loss(ours, target)
        if self.perceptual is not None:
            loss = loss + self.config.perceptual_weight * self.perceptual(ours, target)
        return loss + self._adversarial_loss(ours, target, progress)

    def _adversarial_loss(self, audio: Tensor, target: Tensor, progress: float) -> Tensor:
        if self.adversarial is None or not self.is_adversarial(progress):
            return torch.zeros((), device=audio.device)
        terms = self.adversarial(audio, target)
        return self.config.adversarial_weight * terms.generator + terms.discriminator

    def sound_loss(self, audio: Tensor, target: Tensor) -> Tensor:
        """Return the spectral loss of sounds, (batch, time), and what is weighted beside it."""
        loss = self.spectral(audio, target)
        for one, weight in zip(self.beside, self.weights_beside, strict=True):
            loss = loss + weight * one(audio, target)
        if self.config.loudness_weight:
            n_centers = max(1, audio.shape[-1] // self.loudness_hop)
            centers = frame_centers(n_centers, self.loudness_hop, self.sample_rate, self.sample_rate)
            centers = centers.to(audio.device)
            ours, theirs = (loudness_db(one, centers, self.sample_rate) for one in (audio, target))
            loss = loss + self.config.loudness_weight * (ours - theirs).abs().mean()
        return loss

    def pretraining(
        self, instrument: Instrument, audio: Tensor, controls: dict[str, Tensor], seed: int = 0
    ) -> Tensor:
        """Return the loss on synthetic tones: of the pitch heard, and of the controls from the true one.

        Args:
            instrument: Extracts the inputs of the tones.
            audio: The tones, (batch, time).
            controls: Their true controls, by the names of the instrument's controls.
            seed: Of the controls' shimmer.
        """
        truth_hz = controls["f0_hz"]
        centers = frame_centers(
            truth_hz.shape[1], instrument.hop_length, instrument.sample_rate, instrument.sample_rate
        )
        level_db = loudness_db(audio, centers, instrument.sample_rate)
        features = {"f0_hz": truth_hz, "confidence": torch.ones_like(truth_hz), "loudness_db": level_db}
        given = {
            one.name: torch.full_like(truth_hz, one.default)
            for one in instrument.all_inputs()
            if not one.is_measured
        }
        conditions = instrument.conditions(audio, features, given | {"f0_hz": truth_hz})
        if "identity" in conditions:
            # The tones are of no identity, so of all alike: the first would learn them otherwise.
            n_identities = conditions["identity"].shape[-1]
            conditions["identity"] = torch.full_like(conditions["identity"], 1 / n_identities)
        predicted, _ = instrument.control(conditions, seed=seed)
        harmonic, _ = synth_part(instrument, HarmonicOscillator)
        noise, _ = synth_part(instrument, FilteredNoise)
        truth = {
            "f0_hz": truth_hz,
            f"{harmonic}.amplitude": controls["amplitude"],
            f"{harmonic}.harmonic_distribution": controls["harmonic_distribution"],
            f"{noise}.magnitudes": controls["noise_magnitudes"],
        }
        declared = (
            pitch_control(instrument.sample_rate),
            *(control for control in instrument.controls if control.name in truth),
        )
        encoder = pitch_encoder(instrument)
        if encoder is None:
            return parameter_loss(predicted, truth, declared)
        encoded = encoder(audio)
        loss = parameter_loss(predicted | {"f0_hz": encoded.f0_hz}, truth, declared)
        # The expected pitch alone would be content with two octaves whose mean is right.
        step = encoder.config.frames_per_pitch
        truth_midi, audible = hz_to_midi(truth_hz), (level_db / 80 + 1).clamp(0.0, 1.0)
        reached = slice(step - 1, None, step)
        n_whole = truth_midi[:, reached].shape[1]
        return loss + pitch_cross_entropy(
            encoded.probabilities[:, :n_whole], truth_midi[:, reached], audible[:, reached]
        )


def pitch_encoder(instrument: Instrument) -> PitchEncoder | None:
    """Return the network that extracts an instrument's pitch; None where a tracker does."""
    f0 = next((one for one in instrument.all_inputs() if isinstance(one, F0)), None)
    return None if f0 is None else f0.encoder


def synth_part(instrument: Instrument, kind: type[Part]) -> tuple[str, Part]:
    """Return the name and the part of an instrument's synth that is of a kind.

    Raises:
        InputError: When there is none.
    """
    for name, part in instrument.synth:
        if isinstance(part, kind):
            return name, part
    raise InputError(
        f"The synth has no {kind.__name__}, which pre-training on synthetic tones and transport need; set "
        "pretraining_share, synthetic_share and transport_weight to 0."
    )
