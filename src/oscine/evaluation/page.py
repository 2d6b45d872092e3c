"""A web page in one file: headings, tables, sounds and plots, without anything to download.

`oscine evaluate` and `oscine demo` write such pages.
"""

import base64
import html
from collections.abc import Sequence
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from oscine.audio.player import audio_url
from oscine.files import write_atomically

_CSS = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5f6b7a; --line: #dfe3e8; --paper: #fff; --card:
#f6f7f9;
  --accent: #b3462f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa5b4; --line: #2c3440; --paper:
#12161c;
  --card: #1a2028; --accent: #f0896d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 3rem 1.25rem 5rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .25rem; letter-spacing: -.01em; }
h2 { font-size: 1.25rem; margin: 3rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line); }
p { max-width: 46rem; margin: .5rem 0; } .lead, figcaption, .note { color: var(--soft); }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .45rem .75rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; } thead th { color: var(--soft); font-weight: 600; }
td.main { font-weight: 700; color: var(--accent); }
.players { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: .75rem; margin:
1rem 0; } .player { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding:
.7rem .9rem; } .player b { display: block; margin-bottom: .4rem; } .player audio { width: 100%; height:
2.4rem; display: block; } .player span { display: block; color: var(--soft); font-size: .85rem; margin-top:
.35rem; } figure { margin: 1rem 0; } figure img { width: 100%; height: auto; border-radius: .6rem; display:
block; } figcaption { font-size: .9rem; margin-top: .4rem; } footer { margin-top: 4rem; color: var(--soft);
font-size: .85rem; }
"""


class Page:
    """A web page; every method appends an element and returns the page.

    Args:
        title: At the top and in the browser's tab.
        lead: A sentence below it.

    Example:
        >>> page = Page("A violin", "after three minutes").heading("Figures")
        >>> page = page.table(["what", "dB"], [["loudness L1", "0.1"]])
        >>> "<h2>Figures</h2>" in page.html()
        True
    """

    def __init__(self, title: str, lead: str = "") -> None:
        self.title = title
        self._parts = [f"<h1>{html.escape(title)}</h1>"]
        if lead:
            self._parts.append(f'<p class="lead">{html.escape(lead)}</p>')

    def heading(self, text: str) -> "Page":
        """Add a heading."""
        return self._add(f"<h2>{html.escape(text)}</h2>")

    def paragraph(self, text: str, note: bool = False) -> "Page":
        """Add a paragraph; a note has a lighter colour."""
        return self._add(
            f'<p class="note">{html.escape(text)}</p>' if note else f"<p>{html.escape(text)}</p>"
        )

    def table(
        self, header: Sequence[str], rows: Sequence[Sequence[str]], main_column: int | None = None
    ) -> "Page":
        """Add a table.

        Args:
            header: Names of the columns.
            rows: Cells of text; the first of each row is the row's name.
            main_column: The highlighted column.
        """
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
        body = "".join(
            "<tr>"
            + "".join(
                f"<td{' class=main' if i == main_column else ''}>{html.escape(cell)}</td>"
                for i, cell in enumerate(row)
            )
            + "</tr>"
            for row in rows
        )
        return self._add(
            f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        )

    def players(self, sounds: Sequence[tuple[str, Float[Tensor, " _"], int, str]]) -> "Page":
        """Add players side by side.

        Args:
            sounds: Of each, its name, its samples (−1 … 1), its sample rate in Hz, and a remark, which may
                be empty.
        """
        cards = "".join(
            f'<div class="player"><b>{html.escape(name)}</b>'
            f'<audio controls preload="metadata" aria-label="{html.escape(name)}" '
            f'src="{audio_url(audio, sample_rate)}"></audio>'
            + (f"<span>{html.escape(remark)}</span>" if remark else "")
            + "</div>"
            for name, audio, sample_rate, remark in sounds
        )
        return self._add(f'<div class="players">{cards}</div>')

    def audio(self, name: str, audio: Float[Tensor, " time"], sample_rate: int, remark: str = "") -> "Page":
        """Add one player: `players` with a single sound."""
        return self.players([(name, audio, sample_rate, remark)])

    def picture(self, png: bytes, description: str, caption: str = "") -> "Page":
        """Add a picture.

        Args:
            png: The content of a PNG file.
            description: The content of the picture in words, for screen readers.
            caption: Printed below it.
        """
        source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
        return self._add(f'<figure><img src="{source}" alt="{html.escape(description)}">{below}</figure>')

    def _add(self, part: str) -> "Page":
        self._parts.append(part)
        return self

    def html(self) -> str:
        """Return the page as one HTML document."""
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(self.title)}</title><style>{_CSS}</style></head>\n<body><main>\n"
            + "\n".join(self._parts)
            + "\n<footer>Made by Oscine.</footer>\n</main></body></html>\n"
        )

    def write(self, path: str | Path) -> None:
        """Write the page, complete or not at all."""
        write_atomically(path, self.html())
