"""An instrument that can be played, and loading one by name."""

import re
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from oscine.errors import InputError
from oscine.models import Instrument
from oscine.transfer.streaming import Performance
from oscine.transfer.transferring import Loudness, Octave, TransferReport, transfer, transfer_file

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


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
    ) -> tuple[Float[Tensor, " time"], int]:
        """Return a performance played by this instrument, and its rate; see ``oscine.transfer.transfer``."""
        return transfer(
            self, performance, octave=octave, loudness=loudness, autotune=autotune, dry=dry, seed=seed
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
    folder = Path(name)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise InputError(
                f"{name} is no instrument, it has no config.json; train one with 'oscine train'."
            )
        return PlayableInstrument.from_pretrained(folder).eval()
    if folder.exists():
        raise InputError(f"{name} is a file; an instrument is a folder, such as 'oscine train' writes.")
    if isinstance(name, str) and _HUB_ID.fullmatch(name):
        return PlayableInstrument.from_pretrained(name).eval()
    raise InputError(f"There is no instrument '{name}'; give the folder of one, or a hub id, owner/name.")
