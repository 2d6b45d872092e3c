"""Many performances, played on the machines of a cluster: one file a task."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from oscine.cluster import Cluster, Lost
from oscine.errors import InputError
from oscine.models import Instrument
from oscine.transfer.options import Options
from oscine.transfer.playable import load
from oscine.transfer.report import TransferReport
from oscine.transfer.transferring import transfer_file


class Rendering(NamedTuple):
    """One performance to play.

    Attributes:
        instrument: A folder, a bundled name or a hub id.
        source: The file to play.
        output: The file to write.
        options: As in `transfer_file`.
        device: Where it is computed.
        plot: Where it is plotted, if it is.
    """

    instrument: str
    source: Path
    output: Path
    options: Options = Options()
    device: str = "cpu"
    plot: Path | None = None


def render(task: Rendering) -> TransferReport | InputError | OSError:
    """Play one performance; what it can't be played for is returned, so that it stops no other."""
    try:
        return transfer_file(
            _loaded(task.instrument, task.device), task.source, task.output, task.options, plot=task.plot
        )
    except (InputError, OSError) as error:
        return error


def render_on_cluster(
    cluster: Cluster, tasks: Sequence[Rendering], size: int | None = None
) -> Iterator[tuple[Rendering, TransferReport | InputError | OSError]]:
    """Yield each performance, with absolute paths, and its report or what was wrong, in any order.

    Args:
        cluster: See `oscine.cluster.connected`.
        tasks: The files to play; all machines see them at the same paths.
        size: Most tasks at a time; None: as many as there are cores.

    Raises:
        InputError: When the machines do not see the files, or have another Oscine.
        OSError: When the folder of an output can't be made.
    """
    tasks = [_absolute(task) for task in tasks]
    for folder in {task.output.parent for task in tasks}:
        folder.mkdir(parents=True, exist_ok=True)
    for task in tasks[:1]:
        read = [path for path in (task.source, Path(task.instrument)) if path.exists()]
        cluster.require_shared(task.output.parent, *read)
    for task, report in cluster.map(render, tasks, size):
        if isinstance(report, Lost):
            reason = "the process that played it was killed (no memory left, or a crash)"
            yield task, InputError(f"{task.source} was not played: {reason}; try it alone.")
        else:
            yield task, report


def _absolute(task: Rendering) -> Rendering:
    """Return a task with paths that mean the same on another machine."""
    folder, like = Path(task.instrument), task.options.like
    if isinstance(like, str | Path):
        task = task._replace(options=replace(task.options, like=Path(like).absolute()))
    return task._replace(
        instrument=str(folder.absolute()) if folder.exists() else task.instrument,
        source=task.source.absolute(),
        output=task.output.absolute(),
        plot=None if task.plot is None else task.plot.absolute(),
    )


@lru_cache(maxsize=1)
def _loaded(instrument: str, device: str) -> Instrument:
    """Return an instrument; a process plays many performances by the same one."""
    return load(instrument, device=device)
