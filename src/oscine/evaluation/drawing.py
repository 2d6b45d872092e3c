"""A picture as SVG for a web page: in the page's own colours, in a wide and in a narrow form."""

import base64
import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Stand for the page's colours while a picture is drawn.
INK, ACCENT = "#010203", "#040506"
_COLOURS = {INK: "var(--soft)", ACCENT: "var(--accent)"}
#: Units of a picture's width; displayed, one is at least 0.86 and 0.96 of a pixel of the page's styles.
WIDE, NARROW = 760.0, 300.0
_FONT_SIZES = {WIDE: 14.0, NARROW: 12.6}
_UNITS_PER_INCH = 72.0
_IMAGE_DPI, _JPEG_QUALITY = 144, 82


class Drawing(NamedTuple):
    """A picture in two forms, each an ``svg`` element."""

    wide: str
    """For windows of more than 700 pixels."""
    narrow: str
    """For a phone, with text as large as the page's."""


def draw(height: float, narrow_height: float, paint: Callable[["Figure", bool], None]) -> Drawing:
    """Return a picture that is painted in both forms, without a background.

    Args:
        height: Of the wide form, in units of which its width has 760.
        narrow_height: Of the narrow form, in units of which its width has 300.
        paint: Paints a figure, and is told whether it is the narrow one. What has the colours ``INK`` and
            ``ACCENT`` gets those of the page.
    """
    wide, narrow = (
        _svg(width, tall, lambda figure, is_narrow=width == NARROW: paint(figure, is_narrow))
        for width, tall in ((WIDE, height), (NARROW, narrow_height))
    )
    return Drawing(wide, narrow)


def _svg(width: float, height: float, paint: Callable[["Figure"], None]) -> str:
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    size = _FONT_SIZES[width]
    style: dict[Any, Any] = {
        "svg.fonttype": "none",
        "font.size": size,
        "axes.titlesize": size,
        "axes.labelsize": size,
        "xtick.labelsize": size,
        "ytick.labelsize": size,
        "legend.fontsize": size,
        "path.simplify_threshold": 0.5,
    }
    with mpl.rc_context(style):
        size_in = (width / _UNITS_PER_INCH, height / _UNITS_PER_INCH)
        figure = Figure(figsize=size_in, layout="constrained", facecolor="none")
        FigureCanvasSVG(figure)
        paint(figure)
        written = io.StringIO()
        figure.savefig(written, format="svg", dpi=_IMAGE_DPI, facecolor="none", metadata={"Date": None})
    return _inline(written.getvalue())


def _inline(text: str) -> str:
    """Return an SVG file as an element of a page: no declarations, no addresses, no names that clash."""
    text = text[text.index("<svg ") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg [^>]*?)width="[^"]*" height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r' xmlns(?::\w+)?="[^"]*"| version="1.1"', "", text)
    # Groups are named figure_1, axes_2 …; clip paths and markers, which are referred to, have longer names.
    text = re.sub(r' id="[A-Za-z.]+[A-Za-z]?\d*\.?_\d+"', "", text)
    # Other versions of matplotlib write size and family in one.
    text = re.sub(r"(font: [\d.]+px|font-family:) [^;\"]*", r"\1 system-ui, sans-serif", text)
    text = re.sub(r"data:image/png;base64,\s*([A-Za-z0-9+/=\s]+)", _as_jpeg, text)
    for stand_in, colour in _COLOURS.items():
        text = text.replace(stand_in, colour)
    return text


def _as_jpeg(found: re.Match[str]) -> str:
    """Return an image as JPEG: a spectrogram has a tenth of the bytes."""
    from PIL import Image

    content = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(found.group(1)))) as image:
        image.convert("RGB").save(content, "jpeg", quality=_JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
