"""A batch: crops of recordings with their features."""

from collections.abc import Callable
from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor


class Batch(NamedTuple):
    """Crops of one length from several places, with their features; dB, Hz, 0 … 1."""

    audio: Float[Tensor, "batch time"]
    f0_hz: Float[Tensor, "batch frame"]
    loudness_db: Float[Tensor, "batch frame"]
    confidence: Float[Tensor, "batch frame"]
    curves: dict[str, Tensor]
    """The dataset's own curves by name, (batch, frame) each."""
    identity: Int[Tensor, " batch"]
    """Which of the dataset's identities each crop is from."""
    voices: Float[Tensor, "batch frame voice 4"] | None = None
    """What each voice plays, where the notes were played: `oscine.data.score.VOICE_CURVES`."""

    def map(self, function: Callable[[Tensor], Tensor]) -> "Batch":
        """Return a batch of what the function makes of each tensor."""
        audio, f0_hz, loudness_db, confidence, curves, identity, voices = self
        mapped = {name: function(curve) for name, curve in curves.items()}
        return Batch(
            function(audio),
            function(f0_hz),
            function(loudness_db),
            function(confidence),
            mapped,
            function(identity),
            None if voices is None else function(voices),
        )
