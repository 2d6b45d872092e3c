"""Commands that read one file or many: a verdict for each, and one bad file does not stop the rest."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from oscine.cli.progress import Progress
from oscine.cli.progress import progress as shown
from oscine.cli.terminal import sentence_of, tell, terminal, to_json
from oscine.errors import InputError
from oscine.files import printable
from oscine.plural import counted
from oscine.threads import one_thread

if TYPE_CHECKING:
    from oscine.audio.batch import Batch, Job

#: Of what was made, a pydantic model.
Report = TypeVar("Report")
#: Makes one output of one input, and tells how far it is.
Work = Callable[[Path, Path, Progress], Report]
#: The message about it: a sentence, and remarks below it.
Say = Callable[[Path, Report], tuple[str, list[str]]]

OutputOption = Annotated[
    Path,
    typer.Option(
        "-o", "--output", metavar="OUT", help="A .wav, .flac or .mp3 file; a folder for several inputs."
    ),
]


def run_each(
    batch: "Batch",
    prepare: Callable[[], Callable[[Path, Path, Progress], Report]],
    say: Say[Report],
    *,
    doing: str,
    form: str | None,
    as_json: bool,
    elsewhere: "Callable[[Sequence[Job]], Iterable[tuple[Job, Report | InputError | OSError]]] | None" = None,
) -> None:
    """Make every output of a batch, and say of each what was made.

    With one file as output, its report is what is printed. With a folder there is a verdict for every file,
    and the JSON has ``files``, each with its ``input`` and its report or ``error``, and ``n_failed``.

    Args:
        batch: The files to process.
        prepare: Loads what all of them need, once, and returns what makes one output.
        say: The message about an output.
        doing: The name of the work, for the progress.
        form: Of the progress.
        as_json: Print one JSON value instead.
        elsewhere: Yields each job's report or error, in any order, in place of `prepare`: of a cluster.

    Raises:
        InputError: When one of the files could not be made; all others are.
    """
    with one_thread(), shown("loading", form, quiet=as_json) as tell_share:
        if elsewhere is None:
            results = _made_here(batch, prepare(), doing, tell_share)
        else:
            results = _counted(elsewhere(batch.jobs), len(batch.jobs), tell_share)
        if batch.into_folder:
            told = _make_each(batch, results, say, tell_share, as_json)
            with tell_share.aside():
                _sum_up(told, as_json)
            return
        ((job, report),) = results
        if isinstance(report, InputError | OSError):
            raise report
        with tell_share.aside():
            if as_json:
                typer.echo(_json(report))
            else:
                tell(*say(job.output, report))


def _made_here(
    batch: "Batch", work: Callable[[Path, Path, Progress], Report], doing: str, tell_share: Progress
) -> "Iterator[tuple[Job, Report | InputError | OSError]]":
    """Yield each job with its report, or why there is none."""
    for number, job in enumerate(batch.jobs):
        one = _Part(tell_share, number, len(batch.jobs), job.source) if batch.into_folder else tell_share
        one(0.0, doing)
        try:
            report = work(*job, one)
        except (InputError, OSError) as error:
            report = error
        yield job, report


def _counted(
    results: "Iterable[tuple[Job, Report | InputError | OSError]]", n_all: int, tell_share: Progress
) -> "Iterator[tuple[Job, Report | InputError | OSError]]":
    """Yield results, and tell how many there are."""
    for number, result in enumerate(results):
        tell_share((number + 1) / n_all, f"{number + 1} of {counted(n_all, 'file')}")
        yield result


def _make_each(
    batch: "Batch",
    results: "Iterable[tuple[Job, Report | InputError | OSError]]",
    say: Callable[[Path, Report], tuple[str, list[str]]],
    tell_share: Progress,
    as_json: bool,
) -> list[dict[str, Any]]:
    """Make every output, say what was made or why not, and return both as tables."""
    told: list[dict[str, Any]] = []

    def fail(path: Path, sentence: str) -> None:
        told.append({"input": printable(path), "error": sentence})
        if not as_json:
            with tell_share.aside():
                tell(f"{path}: failed: {sentence}")

    for folder in batch.empty:
        fail(folder, "It holds no file that can be read.")
    for (source, output), report in results:
        if isinstance(report, InputError | OSError):
            fail(source, sentence_of(report))
            continue
        made = json.loads(_json(report))
        told.append({"input": printable(source), "output": printable(output), **made})
        if not as_json:
            with tell_share.aside():
                tell(*say(output, report))
    return told


def _sum_up(told: list[dict[str, Any]], as_json: bool) -> None:
    """Print what became of all files.

    Raises:
        InputError: When one of them failed.
    """
    n_failed = sum("error" in one for one in told)
    if as_json:
        typer.echo(to_json({"files": told, "n_failed": n_failed}, indent=2))
    if n_failed:
        raise InputError(f"{n_failed} of {counted(len(told), 'file')} failed; the reason of each is above.")
    if not as_json and len(told) > 1:
        terminal().print(f"{counted(len(told), 'file')} done.")


class _Part(Progress):
    """Tells a batch's progress from that of one of its files."""

    def __init__(self, whole: Progress, number: int, n_all: int, source: Path) -> None:
        self.whole, self.number, self.n_all = whole, number, n_all
        self.before = "" if n_all == 1 else f"{number + 1} of {n_all}, {source.name}: "

    def __call__(self, share: float | None = None, doing: str | None = None) -> None:
        done = None if share is None else (self.number + share) / self.n_all
        self.whole(done, None if doing is None else f"{self.before}{doing}")


def _json(report: Any) -> str:
    """Return a report, a pydantic model, as JSON."""
    return report.model_dump_json()
