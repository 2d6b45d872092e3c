"""A web page in one file: headings, tables, sounds and plots, without anything to download.

`oscine evaluate` and `oscine demo` write such pages.
"""

import html
from collections.abc import Collection, Sequence
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from oscine.audio.player import audio_url
from oscine.evaluation.drawing import Drawing
from oscine.files import write_atomically

_CSS = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #586473; --line: #dfe3e8; --paper: #fff;
  --card: #f6f7f9; --accent: #b3462f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #a3adba; --line: #2c3440;
  --paper: #12161c; --card: #1a2028; --accent: #f0896d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 3rem 1.25rem 5rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .25rem; letter-spacing: -.01em; }
h2 { font-size: 1.25rem; margin: 3rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line); }
p { max-width: 46rem; margin: .5rem 0; overflow-wrap: break-word; }
.lead, figcaption, .note { color: var(--soft); }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .45rem .5rem; border-bottom: 1px solid var(--line); font-weight: 400; }
tr > :first-child { text-align: left; } thead th { color: var(--soft); font-weight: 600; }
td.best { font-weight: 700; color: var(--accent); }
.players { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: .75rem;
  margin: 1rem 0; }
.player { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: .7rem .9rem; }
.player b { display: block; margin-bottom: .4rem; }
.player audio { width: 100%; height: 2.6rem; display: block; }
.player span { display: block; color: var(--soft); font-size: .85rem; margin-top: .35rem; }
figure { margin: 1rem 0; } figure svg { width: 100%; height: auto; display: block; }
figure svg.narrow { display: none; } figcaption { font-size: .9rem; margin-top: .4rem; }
footer { margin-top: 4rem; color: var(--soft); font-size: .85rem; }
@media (max-width: 700px) {
  main { padding: 1.5rem 1rem 3rem; }
  figure svg.wide { display: none; } figure svg.narrow { display: block; }
  table, tbody, tr, td, th { display: block; } thead { display: none; }
  tr { border-bottom: 1px solid var(--line); padding: .5rem 0; }
  th, td { border: 0; padding: .1rem 0; } tbody th { font-weight: 600; }
  td { display: flex; justify-content: space-between; gap: 1rem; text-align: right; }
  td::before { content: attr(data-column); color: var(--soft); font-weight: 400; } td:empty { display: none; }
}
"""


class Page:
    """A web page; every method appends an element and returns the page.

    Args:
        title: At the top and in the browser's tab.
        lead: A sentence below it.

    Examples:
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
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        best: Sequence[Collection[int]] | None = None,
    ) -> "Page":
        """Add a table; on a phone every row is a list of the columns' names and its cells.

        Args:
            header: Names of the columns.
            rows: Cells of text; the first of each row is the row's name.
            best: Of each row, the numbers of the columns that are shown in bold.
        """
        names = [html.escape(name) for name in header]
        head = "".join(f'<th scope="col" role="columnheader">{name}</th>' for name in names)
        lines = []
        for number, row in enumerate(rows):
            bold = best[number] if best is not None else ()
            cells = [f'<th scope="row" role="rowheader">{html.escape(row[0])}</th>']
            cells += [
                f'<td role="cell" data-column="{names[i]}"{" class=best" if i in bold else ""}>'
                f"{html.escape(cell)}</td>"
                for i, cell in enumerate(row[1:], 1)
            ]
            lines.append(f'<tr role="row">{"".join(cells)}</tr>')
        return self._add(
            f'<table role="table"><thead role="rowgroup"><tr role="row">{head}</tr></thead>'
            f'<tbody role="rowgroup">{"".join(lines)}</tbody></table>'
        )

    def players(self, sounds: Sequence[tuple[str, Float[Tensor, " _"], int, str]]) -> "Page":
        """Add players side by side.

        Args:
            sounds: Of each, its name, its samples (−1 … 1), its sample rate in Hz, and a remark, which may
                be empty.
        """
        cards = "".join(
            f'<div class="player"><b>{html.escape(name)}</b>'
            f'<audio controls preload="metadata" aria-label="{html.escape(_label(name, remark))}" '
            f'src="{audio_url(audio, sample_rate, small=True)}"></audio>'
            + (f"<span>{html.escape(remark)}</span>" if remark else "")
            + "</div>"
            for name, audio, sample_rate, remark in sounds
        )
        return self._add(f'<div class="players">{cards}</div>')

    def audio(self, name: str, audio: Float[Tensor, " time"], sample_rate: int, remark: str = "") -> "Page":
        """Add one player: `players` with a single sound."""
        return self.players([(name, audio, sample_rate, remark)])

    def picture(self, drawing: Drawing, description: str, caption: str = "") -> "Page":
        """Add a picture, in the form that the window has room for.

        Args:
            drawing: Both forms of it.
            description: The content of the picture in words, for screen readers.
            caption: Printed below it.
        """
        label = html.escape(description)
        forms = "".join(
            svg.replace("<svg ", f'<svg class="{name}" role="img" aria-label="{label}" ', 1)
            for name, svg in (("wide", drawing.wide), ("narrow", drawing.narrow))
        )
        below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
        return self._add(f"<figure>{forms}{below}</figure>")

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


def _label(name: str, remark: str) -> str:
    return f"{name}: {remark}" if remark else name
