"""Every format of `oscine export`, how large, how exact and how fast, in outlets.md.

    python -m benchmarks.outlets INSTRUMENT [--write]

A format whose tools are missing is said to be. Plug-ins need `make plugins` first.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.measure import table
from benchmarks.page import write_section
from oscine.errors import InputError
from oscine.export import FORMATS, export
from oscine.transfer import load

PAGE = "outlets"


def main() -> None:
    """Export in every format, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("instrument")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    instrument = load(given.instrument)
    rows = []
    for form in FORMATS:
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / ("violin.oscine" if form == "oscine" else "violin")
            try:
                report = export(instrument, output, form)
            except InputError:
                rows.append([f"`{form}`", "", "", "", "", "its tools are not here"])
                continue
        largest = max(report.files, key=lambda name: report.files[name])
        rows.append(
            [
                f"`{form}`",
                f"{len(report.files)}",
                f"{sum(report.files.values()) / 1000:,.0f} kB",
                "" if report.difference is None else f"{report.difference:.1e}",
                "" if report.load is None else f"{report.load:.1%}",
                f"`{Path(largest).name}`, {report.files[largest] / 1000:,.0f} kB",
            ]
        )
    headings = ["format", "files", "together", "difference", "load", "the largest file"]
    content = table(headings, rows) + (
        "\n\n*`python -m benchmarks.outlets INSTRUMENT --write`, with the demo's violin (16 kHz, a room of a "
        "second).*\n"
    )
    if given.write:
        write_section("outlets", content, PAGE)
    else:
        print(content)


if __name__ == "__main__":
    main()
