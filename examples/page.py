"""A page of an example: Markdown, with its pictures and sounds in files beside it."""

import io
from collections.abc import Sequence

import numpy as np
import soundfile
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from examples.violin import Settings
from oscine.files import write_atomically

LONGEST_S = 5.0
#: Readable on white and on black alike: the pictures have no ground of their own.
INK, HEARD, PLAYED, THIRD = "#7d8794", "#8a94a3", "#d8654a", "#3f8fc4"


class Page:
    """What an example has to say, written when it is whole.

    Args:
        settings: Where the page goes, ``NAME.md`` with ``NAME-….png`` and ``NAME-….flac`` beside it.
        name: The example's.
        title: Its heading.
    """

    def __init__(self, settings: Settings, name: str, title: str) -> None:
        self.folder, self.name = settings.pages, name
        self._length = "--quick" if settings.quick else f"--minutes {settings.minutes:g}"
        self._parts = [f"# {title}"]

    def text(self, text: str) -> None:
        """Add a paragraph, or a heading with its ``##``."""
        self._parts.append(text)

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table."""
        lines = [header, ["---"] * len(header), *rows]
        self._parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))

    def picture(self, name: str, figure: Figure, alternative: str) -> None:
        """Add a figure as a PNG."""
        FigureCanvasAgg(figure)
        for axes in figure.axes:
            axes.set_facecolor("none")
            axes.tick_params(colors=INK, labelsize=8)
            for spine in axes.spines.values():
                spine.set_edgecolor(INK)
            for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
                text.set_color(INK)
                text.set_fontsize(9)
            if axes.get_legend_handles_labels()[0]:
                axes.legend(frameon=False, labelcolor=INK, fontsize=8)
        full, small = io.BytesIO(), io.BytesIO()
        figure.savefig(full, format="png", dpi=80, facecolor="none")
        # 128 colours are enough for curves and spectrograms, at a third of the size.
        Image.open(full).quantize(128, Image.Quantize.FASTOCTREE).save(small, format="PNG", optimize=True)
        write_atomically(self.folder / f"{self.name}-{name}.png", small.getvalue())
        self._parts.append(f"![{alternative}]({self.name}-{name}.png)")

    def sound(self, name: str, audio: torch.Tensor | np.ndarray, sample_rate: int) -> str:
        """Write a sound's first five seconds as FLAC, lowered where it would clip, and return a player."""
        samples = np.asarray(audio)[: round(LONGEST_S * sample_rate)]
        samples = samples * min(1.0, 0.98 / max(float(np.abs(samples).max()), 1e-9))
        flac = io.BytesIO()
        soundfile.write(flac, samples, sample_rate, format="FLAC", subtype="PCM_16")
        write_atomically(self.folder / f"{self.name}-{name}.flac", flac.getvalue())
        file, label = f"{self.name}-{name}.flac", f"{self.name}: {name}".replace("_", " ").replace("-", " ")
        return f'<audio controls preload="none" src="{file}" aria-label="{label}"></audio>'

    def write(self, *options: str) -> None:
        """Write the page; what else the command line needs for it is named."""
        command = " ".join(["python -m examples", self.name, self._length, *options])
        made = f"*Written by `{command}`, with the figures of that run.*"
        write_atomically(self.folder / f"{self.name}.md", "\n\n".join([*self._parts, made]) + "\n")
