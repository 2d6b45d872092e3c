"""``python -m examples [NAME …]``: learn the instruments, play, measure, and write their pages."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from examples import dereverberation, extrapolation, independent_control, room_transfer, timbre_transfer
from examples.violin import Settings

EXAMPLES: dict[str, Callable[[Settings], dict[str, float]]] = {
    "timbre_transfer": timbre_transfer.main,
    "independent_control": independent_control.main,
    "extrapolation": extrapolation.main,
    "dereverberation": dereverberation.main,
    "room_transfer": room_transfer.main,
}
_ROOT = Path(__file__).parent.parent
_PAGES = _ROOT / "docs" / "background" / "laboratory" / "paper"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line names, or everything."""
    parser = argparse.ArgumentParser(prog="python -m examples", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(EXAMPLES)}; all if none")
    parser.add_argument("--pages", type=Path, default=_PAGES, help="where pages go")
    parser.add_argument("--work", type=Path, default=_ROOT / "build" / "examples", help="for the rest")
    parser.add_argument(
        "--minutes",
        type=float,
        default=10.0,
        help="of the violin's training; with z three quarters of it, the sax half",
    )
    parser.add_argument("--instrument", type=Path, help="a violin that is learned already")
    parser.add_argument("--sax", type=Path, help="recordings of a saxophone; without them it is left out")
    parser.add_argument("--sax-credit", metavar="SENTENCE", help="who made them, for the page")
    parser.add_argument("--quick", action="store_true", help="hardly any training, to see that it runs")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(EXAMPLES))
    if unknown:
        parser.error(f"there is no example {', '.join(unknown)}: choose of {', '.join(EXAMPLES)}")
    settings = Settings(
        options.pages,
        options.work,
        options.minutes,
        options.instrument,
        options.sax,
        options.sax_credit,
        options.quick,
    )
    console = Console()
    for name in options.names or EXAMPLES:
        console.print(f"[bold]{name}[/]")
        for what, value in EXAMPLES[name](settings).items():
            console.print(f"   {what}: {value:.3g}", highlight=False)


if __name__ == "__main__":
    main()
