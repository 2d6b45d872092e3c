"""An instrument that can be played, and loading one by name."""

from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from oscine.models import Instrument
from oscine.transfer.report import TransferReport
from oscine.transfer.streaming import Performance
from oscine.transfer.transferring import Loudness, Octave, transfer, transfer_file


class PlayableInstrument(Instrument):
    """An instrument with what people do with one: play a performance through it.

    Example:
        >>> violin = oscine.load("my-violin")                               # doctest: +SKIP
        >>> audio, sample_rate = violin.transfer("hum.wav", octave="auto")  # doctest: +SKIP
    """

    def transfer(
        self,
        performance: Performance,
        *,
        octave: Octave = "auto",
        loudness: Loudness = "auto",
        autotune: float | int = 0.0,
        dry: bool = False,
        seed: int = 0,
        voice: str | None = None,
    ) -> tuple[Float[Tensor, " time"], int]:
        """Return a performance played by this instrument, and its rate; see ``oscine.transfer.transfer``."""
        return transfer(
            self,
            performance,
            octave=octave,
            loudness=loudness,
            autotune=autotune,
            dry=dry,
            seed=seed,
            voice=voice,
        )

    def transfer_file(
        self, input_path: str | Path, output_path: str | Path, **options: Any
    ) -> TransferReport:
        """Play a file into another in bounded memory; see ``oscine.transfer.transfer_file``."""
        return transfer_file(self, input_path, output_path, **options)


def load(name: str | Path) -> PlayableInstrument:
    """Return an instrument by name: a folder that ``oscine train`` wrote, or a hub id, ``owner/violin``.

    Args:
        name: The folder or the hub id; a folder goes first.

    Returns:
        The instrument, ready to play.

    Raises:
        InputError: There is no such instrument, or it is damaged.
    """
    return PlayableInstrument.from_pretrained(name)
