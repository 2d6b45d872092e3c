"""The result of playing: the sound and its report, with methods to save, plot and play it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float
from torch import Tensor

from oscine.arguments import checked
from oscine.audio.output import check_output, reduced, write_audio
from oscine.audio.player import player_html
from oscine.files import printable
from oscine.performance import CurvesReport, RenderReport
from oscine.plural import counted
from oscine.transfer.report import TransferReport

if TYPE_CHECKING:
    from oscine.analysis.picture import Picture

_BLOCK_SAMPLES = 1 << 18

Report = TransferReport | RenderReport | CurvesReport


class Source(NamedTuple):
    """The source of a played sound: its title, its files, and its picture."""

    words: str
    """As in "hum.wav, played by violin"."""
    files: tuple[Path, ...]
    """The files that were read; none of them is written over."""
    draw: Callable[["PlayResult"], "Picture"]
    """Draws what was done."""


class PlayResult(tuple[Tensor, int]):  # noqa: SLOT001 - a tuple has no slots beside its items
    """A sound that an instrument played: ``audio, sample_rate = result``, or the attributes.

    As a pair of samples and their rate it is a sound for every function that takes one, such as
    `oscine.analyze`. A notebook shows a player.

    Attributes:
        report: The report of the command.
        source: The input that was played.

    Examples:
        >>> oscine.play("hum.wav", to="violin").save("out.wav")  # doctest: +SKIP
    """

    report: Report
    source: Source

    def __new__(  # noqa: PYI034 - the checker of the tests does not know Self here
        cls,
        audio: Float[Tensor, " time"],
        sample_rate: int,
        report: TransferReport | RenderReport | CurvesReport,
        source: Source,
    ) -> "PlayResult":
        """Return the pair with its report and what was played."""
        made = super().__new__(cls, (audio, sample_rate))
        made.report, made.source = report, source
        return made

    def __getnewargs__(self) -> tuple[Tensor, int, Report, Source]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.audio, self.sample_rate, self.report, self.source

    @property
    def audio(self) -> Tensor:
        """The samples, (time,); full scale is ±1, and they may exceed it: files are scaled."""
        return self[0]

    @property
    def sample_rate(self) -> int:
        """Hz, the instrument's."""
        return self[1]

    @property
    def seconds(self) -> float:
        """The length."""
        return len(self.audio) / self.sample_rate

    @checked
    def save(self, path: str | Path) -> "PlayResult":
        """Write the sound, as 24-bit PCM or MP3; if its peak would clip, its level is reduced.

        Args:
            path: Ends in .wav, .flac or .mp3; the file appears complete or not at all.

        Returns:
            The same result, its report with the file's name and what was reduced.

        Raises:
            InputError: When the name has another ending, is a folder's or that of what was played.
            OSError: When the disk refuses.
        """
        path = Path(path)
        for file in (None, *self.source.files):
            check_output(path, file)
        blocks = self.audio.detach().cpu().split(_BLOCK_SAMPLES)
        _, gain = write_audio(path, blocks, self.sample_rate, len(self.audio))
        told: dict[str, object] = {"output": printable(path), "scaled_db": float(20 * np.log10(gain))}
        if gain < 1 and not self.report.scaled_db:
            told["remarks"] = [*self.report.remarks, reduced(self.report.peak, gain)]
        return PlayResult(*self, self.report.model_copy(update=told), self.source)

    @checked
    def plot(self, path: str | Path | None = None) -> "Picture":
        """Return a picture of what was done; a notebook shows it.

        Args:
            path: A .png to write as well.

        Raises:
            InputError: When the name has another ending, or what was played can't be read any more.
            OSError: When the disk refuses.
        """
        if path is not None:
            check_output(Path(path), None, (".png",))
        picture = self.source.draw(self)
        if path is not None:
            picture.write(path)
        return picture

    def __repr__(self) -> str:
        remarks = self.report.remarks
        told = f"; {counted(len(remarks), 'remark')} in the report" if remarks else ""
        return (
            f"{self.source.words}: {self.seconds:.1f} s at {self.sample_rate} Hz, "
            f"peak {self.report.peak:.2f}{told}"
        )

    def _repr_html_(self) -> str:
        return player_html(self.audio, self.sample_rate, self.source.words)
