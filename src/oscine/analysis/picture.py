"""A picture: a figure that a notebook shows and that is written whole or not at all."""

import io
import warnings
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from oscine.files import write_atomically


class Picture(Figure):
    """A figure without a window; the last value of a notebook's cell is shown as an image.

    Import this module where a picture is drawn and not above: matplotlib takes its time.

    Args:
        width: In inches.
        height: In inches.
        dpi: Pixels per inch.
        title: Stands above it; a name is no formula, whatever dollar signs are in it.
    """

    def __init__(self, width: float, height: float, *, dpi: int = 110, title: str = "") -> None:
        super().__init__(figsize=(width, height), dpi=dpi, facecolor="white", layout="constrained")
        FigureCanvasAgg(self)
        if title:
            self.suptitle(title, fontsize=12, parse_math=False)

    def png(self) -> bytes:
        """Return it as PNG; a character that the font does not have is a box, without a warning."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
            content = io.BytesIO()
            self.savefig(content, format="png", dpi=self.dpi)
        return content.getvalue()

    _repr_png_ = png

    def write(self, path: str | Path) -> None:
        """Write it as PNG; a file that is there is replaced.

        Raises:
            OSError: When the disk refuses.
        """
        write_atomically(path, self.png())
