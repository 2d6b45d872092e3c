"""The conditions of an instrument in a batch, and the comparison of its pitch."""

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.data.batch import Batch
from oscine.data.score import VOICE_CURVES
from oscine.models import Instrument
from oscine.models.conditioning import held
from oscine.models.ensemble import Voices, note_conditions, play_together
from oscine.processors import Control


def batch_conditions(instrument: Instrument, batch: Batch) -> dict[str, Tensor]:
    """Return what conditions an instrument in a batch."""
    features = {"f0_hz": batch.f0_hz, "confidence": batch.confidence, "loudness_db": batch.loudness_db}
    given = dict(batch.curves)
    if instrument.config.identities:
        given["identity"] = batch.identity
    return instrument.conditions(batch.audio, features, given)


def batch_voices(instrument: Instrument, batch: Batch, n_held: int = 0) -> Voices:
    """Return the voices that sound in a batch.

    Args:
        instrument: Who plays.
        batch: With the voices of its notes.
        n_held: Frames for which the last one is held.

    Raises:
        ValueError: When the batch has no voices.
    """
    if batch.voices is None:
        raise ValueError("The batch has no voices; play the notes of the dataset first, by take_voices.")
    sounding = (batch.voices[..., VOICE_CURVES.index("gain")] > 0).any(dim=1)
    item, number = sounding.nonzero(as_tuple=True)
    rows = batch.voices.transpose(1, 2)[item, number]
    told: dict[str, Tensor] = dict(zip(VOICE_CURVES, rows.unbind(-1), strict=True))
    gain = told.pop("gain")
    told["brightness"] = torch.zeros_like(gain)
    conditions = note_conditions(instrument, told, batch.identity[item], instrument.statistics)
    longer = held(conditions | {"gain": gain}, n_held)
    return Voices({name: longer[name] for name in conditions}, longer["gain"], item)


def played_notes(
    instrument: Instrument, batch: Batch, *, n_held: int = 0, seed: int = 0
) -> Float[Tensor, "batch time"]:
    """Return the sound of a batch's notes; ``n_held`` as in `batch_voices`."""
    voices = batch_voices(instrument, batch, n_held)
    if not len(voices.item):
        return batch.audio.new_zeros(len(batch.audio), batch.audio.shape[1] + n_held * instrument.hop_length)
    return play_together(instrument, voices, len(batch.audio), seed=seed)


def pitch_control(sample_rate: int) -> Control:
    """Return the declaration by which pitches are compared; its maximum is the Nyquist frequency."""
    return Control("f0_hz", 0, "Hz", 1.0, sample_rate / 2, "log")
