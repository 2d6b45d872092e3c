"""What training makes small: distances of sound, and what else teaches an instrument to hear pitch."""

import torch
from torch import Tensor, nn

from oscine.data.dataset import Batch
from oscine.functional.framing import frame_centers
from oscine.functional.loudness import loudness_db
from oscine.functional.units import hz_to_midi
from oscine.losses import CrepeLoss, MultiScaleSpectralLoss, SpectralTransportLoss, parameter_loss
from oscine.models import Instrument, TrainingConfig
from oscine.networks.pitch_encoder import surprise


class Objective(nn.Module):
    """The loss of a batch, as the run goes on.

    Where pitch is given, it is the multi-scale spectral loss. That has no pitch direction beyond half a
    semitone, so an instrument that hears pitch by itself may be taught in further ways:

    - *pre-training*: in the first ``pretraining_share`` of the run, batches are synthetic tones of known
      controls, and what is heard and predicted is compared with them (`oscine.losses.parameter_loss`); after
      that, in ``synthetic_share`` of the steps, so that it is not forgotten;
    - *transport*: a Wasserstein distance of spectra moves the pitch, and nothing else, from far away; over
      ``handover_share`` of the rest of the run it fades, and the spectral loss, which until then teaches all
      else, takes the pitch over;
    - *perception*: the distance of what CREPE's network hears, of whose slope over the pitch as much counts
      as of the spectral loss's.

    Args:
        instrument: What is trained; gives rates and controls.
        config: The weights of these.
    """

    def __init__(self, instrument: Instrument, config: TrainingConfig) -> None:
        super().__init__()
        rate = instrument.sample_rate
        self.config = config
        self.spectral = MultiScaleSpectralLoss(rate, log_weight=config.log_weight, floor_db=config.floor_db)
        hears = instrument.pitch_encoder is not None
        self.transport = SpectralTransportLoss(rate) if hears and config.transport_weight else None
        self.perceptual = CrepeLoss(rate) if config.perceptual_weight else None

    def is_synthetic(self, step: int, progress: float) -> bool:
        """Return whether a step is on synthetic tones."""
        share = self.config.synthetic_share
        return progress < self.config.pretraining_share or int((step + 1) * share) > int(step * share)

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
        progress: float = 1.0,
        seed: int = 0,
    ) -> Tensor:
        """Return the loss of the instrument on recorded sound.

        Args:
            instrument: Hears the batch and plays it again.
            batch: Sound and features.
            n_skipped: Frames at the start that are played and not compared.
            progress: How much of the run is over, 0 to 1.
            seed: Of the noise.
        """
        f0_hz, conditions = hear(instrument, batch)
        handed_over = self.handed_over(progress)
        # The same value; only what reaches it of the spectral loss's slope differs.
        followed_hz = f0_hz if handed_over == 1 else f0_hz.detach().lerp(f0_hz, handed_over)
        state = instrument.controller.init_state(len(f0_hz))
        controls, _ = instrument.control_step(followed_hz, batch.loudness_db, state, conditions)
        audio = instrument.synthesize(controls, seed=seed)
        heard = slice(n_skipped * instrument.hop_length, None)
        target = batch.audio[:, heard]
        loss = self.spectral(audio[:, heard], target)
        if self.perceptual is not None:
            loss = loss + self.config.perceptual_weight * self.perceptual(audio[:, heard], target)
        if self.transport is not None and handed_over < 1:
            tone = instrument.oscillator(
                f0_hz, controls["amplitude"].detach(), controls["harmonic_distribution"].detach()
            )
            weight = (1 - handed_over) * self.config.transport_weight
            loss = loss + weight * self.transport(tone[:, heard], target)
        return loss

    def pretraining(self, instrument: Instrument, audio: Tensor, controls: dict[str, Tensor]) -> Tensor:
        """Return the loss on synthetic tones: of the pitch heard, and of the controls from the true one.

        Args:
            instrument: Hears the tones.
            audio: The tones, (batch, time).
            controls: What they were made of, by the names of the instrument's controls.
        """
        truth_hz = controls["f0_hz"]
        centers = frame_centers(
            truth_hz.shape[1], instrument.hop_length, instrument.sample_rate, instrument.sample_rate
        )
        level_db = loudness_db(audio, centers, instrument.sample_rate)
        conditions = instrument.conditions(
            audio, confidence=torch.ones_like(truth_hz), curves=_means(instrument, truth_hz)
        )
        if "voice" in conditions:
            # The tones are of no voice, so of all alike: the first would learn them otherwise.
            conditions["voice"] = torch.full_like(conditions["voice"], 1 / conditions["voice"].shape[-1])
        state = instrument.controller.init_state(len(audio))
        predicted, _ = instrument.control_step(truth_hz, level_db, state, conditions)
        if instrument.pitch_encoder is None:
            return parameter_loss(predicted, controls, instrument.controls)
        heard = instrument.pitch_encoder(audio)
        loss = parameter_loss(predicted | {"f0_hz": heard.f0_hz}, controls, instrument.controls)
        # The expected pitch alone would be content with a belief in two octaves whose mean is right.
        step = instrument.pitch_encoder.config.frames_per_pitch
        truth_midi, audible = hz_to_midi(truth_hz), (level_db / 80 + 1).clamp(0.0, 1.0)
        reached = slice(step - 1, None, step)
        n_whole = truth_midi[:, reached].shape[1]
        return loss + surprise(heard.belief[:, :n_whole], truth_midi[:, reached], audible[:, reached])


def _means(instrument: Instrument, like: Tensor) -> dict[str, Tensor]:
    """Return the curves that drive an instrument at their means, as synthetic tones have them."""
    means = {}
    for i, name in enumerate(instrument.config.curves):
        means[name] = instrument.get_buffer("curve_scale")[i, 0].expand_as(like)
    return means


def hear(instrument: Instrument, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the pitch and what else drives an instrument, as it hears them in a batch."""
    return instrument.hear(
        batch.audio, f0_hz=batch.f0_hz, confidence=batch.confidence, curves=batch.curves, voice=batch.voice
    )
