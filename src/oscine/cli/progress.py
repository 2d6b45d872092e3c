"""Progress of commands: a bar on a terminal, lines elsewhere, or JSON for programs."""

import json
import math
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscine.cli.terminal import Terminal, terminal
from oscine.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from oscine.training.callbacks import Callback

FORMS = ("plain", "json", "bar")


def _one_of_them(form: str | None) -> str | None:
    """Return the form that was asked for.

    Raises:
        InputError: When there is no such form.
    """
    if form is not None and form not in FORMS:
        raise InputError(f"--progress is '{form}'; give {', '.join(FORMS[:-1])} or {FORMS[-1]}.")
    return form


ProgressOption = Annotated[
    str | None,
    typer.Option(
        "--progress",
        metavar="plain|json|bar",
        help="How progress is shown on standard error: lines, one JSON object a line, or a bar. By default a "
        "bar on a terminal, lines elsewhere, and nothing with --json.",
        show_default=False,
        callback=_one_of_them,
        autocompletion=lambda incomplete: [form for form in FORMS if form.startswith(incomplete)],
    ),
]

#: Where nobody has asked for lines, a command that is over sooner prints none.
_PATIENCE_S = 3.0
#: Between two lines: it grows with the time that has passed, so that an hour has no hundreds of them.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _PAUSE_SHARE = 2.0, 60.0, 0.25
_JSON_PAUSE_S = 0.25


class Progress:
    """The receiver of a command's progress; by itself it shows nothing."""

    def __call__(self, share: float | None = None, doing: str | None = None) -> None:
        """Report the finished share, 0 to 1, and the present stage if it has changed."""

    def aside(self) -> AbstractContextManager[Any]:
        """Return a context in which something else can be printed."""
        return nullcontext()


@contextmanager
def progress(doing: str, form: str | None, *, quiet: bool = False) -> Iterator[Progress]:
    """Show the progress of a command on standard error.

    Args:
        doing: The first stage.
        form: As ``--progress`` says.
        quiet: Show nothing, unless a form was asked for.

    Yields:
        What is called with the share that is done.
    """
    if form is None and quiet:
        yield Progress()
    elif chosen(form) == "bar":
        with _bar(doing) as shown:
            yield shown
    else:
        shown = _JsonLines() if form == "json" else _Lines(0.0 if form else _PATIENCE_S)
        shown(0.0, doing)
        yield shown
        shown.end()


def chosen(form: str | None) -> str:
    """Return the form of the progress: the requested one, or one that standard error can show."""
    if form is not None:
        return form
    console = terminal(stderr=True)
    return "bar" if console.is_terminal and not console.is_dumb_terminal else "plain"


@contextmanager
def _bar(doing: str) -> Iterator[Progress]:
    from rich.progress import Progress as Bar

    console = terminal(stderr=True, force=True)
    # What is printed to standard output belongs there, also while a bar stands on standard error.
    bar = Bar(console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
    task = bar.add_task(_safe(doing), total=1.0)

    class Shown(Progress):
        def __call__(self, share: float | None = None, doing: str | None = None) -> None:
            bar.update(task, completed=share, description=None if doing is None else _safe(doing))

        @contextmanager
        def aside(self) -> Iterator[None]:
            bar.stop()
            try:
                yield
            finally:
                bar.start()

    with bar:
        yield Shown()


def _safe(text: str) -> str:
    """Return a text that rich's bar shows as it is: a file's name may have its marks of style."""
    from rich.markup import escape

    from oscine.files import printable

    return escape(printable(text))


class _Told(Progress):
    """The state of a command's progress."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.share: float | None = None
        self.doing = ""

    def __call__(self, share: float | None = None, doing: str | None = None) -> None:
        is_new = doing is not None and doing != self.doing
        self.doing = self.doing if doing is None else doing
        self.share = self.share if share is None else min(max(share, 0.0), 1.0)
        self.tell(is_new)

    def tell(self, is_new: bool) -> None:
        """Show it, if it is time."""
        raise NotImplementedError

    @property
    def passed_s(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self.began

    @property
    def left_s(self) -> float | None:
        """Estimated remaining seconds, if known."""
        if self.share is None or self.share < 0.05 or self.passed_s < 1.0:
            return None
        return self.passed_s / self.share * (1 - self.share)


class _Lines(_Told):
    """Occasional lines, less often in a long command."""

    def __init__(self, patience_s: float) -> None:
        super().__init__()
        self._console = terminal(stderr=True)
        self._due_s = patience_s
        self._has_said = False

    def tell(self, is_new: bool) -> None:
        """Print a line where one is due; a new stage waits for it."""
        if self.passed_s < self._due_s:
            return
        facts = [] if not self.share else [f"{self.share:.0%}"]
        facts += [] if self.left_s is None or self.share == 1.0 else [f"{minutes(self.left_s)} left"]
        self._console.print(": ".join(filter(None, (self.doing, ", ".join(facts)))), soft_wrap=True)
        pause_s = max(_FIRST_PAUSE_S, min(_LONGEST_PAUSE_S, _PAUSE_SHARE * self.passed_s))
        self._due_s = self.passed_s + pause_s
        self._has_said = True

    def end(self) -> None:
        """Show the end of the progress."""
        if self._has_said:
            self._console.print(f"done in {minutes(self.passed_s)}", soft_wrap=True)


class _JsonLines(_Told):
    """One JSON object a line."""

    def __init__(self) -> None:
        super().__init__()
        self._due_s = 0.0

    def tell(self, is_new: bool) -> None:
        """Write a line where one is due."""
        if is_new or self.passed_s >= self._due_s:
            self._due_s = self.passed_s + _JSON_PAUSE_S
            left_s = None if self.left_s is None else round(self.left_s, 1)
            share = None if self.share is None else round(self.share, 4)
            passed_s = round(self.passed_s, 1)
            write_json({"doing": self.doing, "share": share, "passed_s": passed_s, "left_s": left_s})

    def end(self) -> None:
        """Write the end."""
        write_json({"doing": "done", "share": 1.0, "passed_s": round(self.passed_s, 1), "left_s": 0.0})


def minutes(seconds: float) -> str:
    """Return a time as minutes and seconds, 1:05, or hours, 2:01:05."""
    whole = round(seconds)
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    return f"{hours}{whole // 60 % 60:0{2 if hours else 1}d}:{whole % 60:02d}"


def write_json(facts: dict[str, Any]) -> None:
    """Write facts as one line of JSON on standard error; a number that is none becomes null."""
    finite = {
        name: None if isinstance(fact, float) and not math.isfinite(fact) else fact
        for name, fact in facts.items()
    }
    sys.stderr.write(f"{json.dumps(finite)}\n")
    sys.stderr.flush()


def messages(form: str | None) -> "Console":
    """Return the console of a command's messages: standard error, as JSON if requested."""
    return _JsonMessages(stderr=True) if form == "json" else terminal(stderr=True)


class _JsonMessages(Terminal):
    def print(self, *objects: Any, **options: Any) -> None:
        """Write the sentence as one line of JSON."""
        write_json({"message": " ".join(str(one) for one in objects)})


def training_progress(form: str | None) -> "Callback":
    """Return the progress display of a training."""
    from oscine.training.callbacks import ProgressBar, ProgressFacts, ProgressLines

    match chosen(form):
        case "bar":
            return ProgressBar(terminal(stderr=True, force=True))
        case "plain":
            return ProgressLines(terminal(stderr=True))
        case _:
            return ProgressFacts(write_json)


def asks_for_json(arguments: list[str]) -> bool:
    """Return whether a command line asks for progress as JSON, and so for errors as JSON too."""
    return "--progress=json" in arguments or ("--progress", "json") in pairwise(arguments)
