"""What conditions an instrument in a batch, and how its pitch is compared."""

from torch import Tensor

from oscine.data.dataset import Batch
from oscine.models import Instrument
from oscine.processors import Control


def batch_conditions(instrument: Instrument, batch: Batch) -> dict[str, Tensor]:
    """Return what conditions an instrument in a batch."""
    features = {"f0_hz": batch.f0_hz, "confidence": batch.confidence, "loudness_db": batch.loudness_db}
    given = dict(batch.curves)
    if instrument.config.identities:
        given["identity"] = batch.identity
    return instrument.conditions(batch.audio, features, given)


def pitch_control(sample_rate: int) -> Control:
    """Return the declaration by which pitches are compared; its maximum is the Nyquist frequency."""
    return Control("f0_hz", 0, "Hz", 1.0, sample_rate / 2, "log")
