"""An instrument with the method `transfer`, and loading one by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict, Unpack

import torch

from oscine.arguments import checked
from oscine.audio import Sound
from oscine.devices import usable_device
from oscine.models import Instrument
from oscine.transfer.options import Loudness, Octave, Options
from oscine.transfer.report import TransferReport
from oscine.transfer.result import PlayResult
from oscine.transfer.streaming import Performance
from oscine.transfer.transferring import transfer, transfer_file


class OptionNames(TypedDict, total=False):
    """The names of `Options`, for a type checker."""

    octave: Octave
    loudness: Loudness
    autotune: float | int
    dry: bool
    seed: int
    identity: str | None
    tracker: str
    level_passes: int
    like: Sound | None
    sliders: Mapping[str, float | int]


class PlayableInstrument(Instrument):
    """An instrument that plays performances.

    Examples:
        >>> violin = oscine.load("my-violin")                               # doctest: +SKIP
        >>> audio, sample_rate = violin.transfer("hum.wav", octave="auto")  # doctest: +SKIP
    """

    def transfer(self, performance: Performance, **options: Unpack[OptionNames]) -> PlayResult:
        """Return a performance played by this instrument: audio and rate, with a report and a picture.

        Args:
            performance: See `oscine.transfer.transfer`.
            options: By the names of `oscine.transfer.Options`.

        Raises:
            InputError: The input cannot be read, or an option is out of its range.
        """
        return transfer(self, performance, Options(**options))

    def transfer_file(
        self,
        input_path: str | Path,
        output_path: str | Path,
        *,
        plot: str | Path | None = None,
        **options: Unpack[OptionNames],
    ) -> TransferReport:
        """Play the performance in a file and write it to another; see `oscine.transfer.transfer_file`."""
        return transfer_file(self, input_path, output_path, Options(**options), plot=plot)


@checked
def load(name: str | Path, *, device: str | torch.device = "cpu") -> PlayableInstrument:
    """Return an instrument by name: a folder that ``oscine train`` wrote, one in the package, or a hub id.

    Args:
        name: The folder, a name of `oscine.instruments` or a hub id (``owner/violin``); a folder has
            precedence.
        device: Where it computes, such as ``"cuda"``.

    Returns:
        The instrument, ready to play.

    Raises:
        InputError: There is no such instrument, it is damaged, or there is no such device.
    """
    return PlayableInstrument.from_pretrained(name).to(usable_device(device))
