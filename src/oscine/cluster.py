"""Work on the machines of a Ray cluster: one file a task, lost machines made good by Ray."""

import logging
import os
import re
import signal
import socket
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import torch

from oscine.errors import InputError
from oscine.files import printable

AUTO = "auto"
"""The cluster of this environment (``RAY_ADDRESS``, or one that runs here), or else this machine."""

Item = TypeVar("Item")
Result = TypeVar("Result")

_ADDRESS = re.compile(r"(ray://)?(\[[0-9a-fA-F:]+\]|[\w.-]+):[0-9]{1,5}")
#: How often Ray does a task again whose process or machine is lost, before its file is given up.
_RETRIES = 3
#: Tasks that wait in the cluster, for each core: few, so that a million files fill no memory.
_WAITING_PER_CORE = 2
#: Files go between processes by their paths; Ray's store holds hardly more than reports.
_STORE_BYTES = 100 << 20
_ANSWER_S = 10.0
#: Features of Ray that are switched off: statistics to its makers, a page, and its own remarks.
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_METRICS_ENABLED": "0",
}


class Lost:
    """The result of a task whose process was killed each time."""


def is_address(text: str) -> bool:
    """Return whether a text is the address of a cluster, as ``--cluster`` takes it."""
    return text == AUTO or _ADDRESS.fullmatch(text) is not None


def ray_module() -> Any:
    """Return Ray, which is imported where it is needed.

    Raises:
        InputError: When it is not installed.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise InputError(
            "A cluster needs Ray, which is not installed; install it with: pip install 'oscine[cluster]'."
        ) from None
    return ray


@contextmanager
def connected(address: str = AUTO) -> "Iterator[Cluster]":
    """Connect to a cluster, or start one on this machine, until the end of the context.

    Args:
        address: ``"auto"``, the ``host:port`` of a cluster that this machine belongs to, or
            ``"ray://host:port"`` of any other.

    Raises:
        InputError: When Ray is not installed, or no cluster answers.
    """
    ray = ray_module()
    if not is_address(address):
        raise InputError(
            f"'{printable(address)}' is not the address of a cluster; give one such as ray://host:10001 or "
            "host:6379."
        )
    if ray.is_initialized():  # by a program that uses Ray itself
        yield Cluster(ray)
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    ray._private.worker._worker_logs_enabled = False  # or each lost process is a paragraph on our output
    try:
        _connect(ray, address)
        for number, handler in handlers.items():
            if _is_main_thread():
                signal.signal(number, handler)  # what a signal does is decided here, and not by Ray
        yield Cluster(ray)
    finally:
        ray.shutdown()


def _is_main_thread() -> bool:
    import threading

    return threading.current_thread() is threading.main_thread()


def _connect(ray: Any, address: str) -> None:
    quiet = {"log_to_driver": False, "configure_logging": False}
    asked = os.environ.get("RAY_ADDRESS", AUTO) if address == AUTO else address
    if asked == AUTO:
        try:
            ray.init(AUTO, **quiet)
        except ConnectionError:  # none runs here
            ray.shutdown()
            ray.init("local", include_dashboard=False, object_store_memory=_STORE_BYTES, **quiet)
        return
    if is_address(asked):
        _require_answer(asked)
    try:
        ray.init(asked, **quiet)
    except Exception as error:  # noqa: BLE001 - Ray raises errors of many kinds, and says which in their words
        said = next((line.strip().rstrip(".") for line in str(error).splitlines() if line.strip()), "")
        raise InputError(
            f"No Ray cluster answers at {asked} ({said or type(error).__name__}); check that it runs, that "
            "Python and Ray have the same versions there as here, and give ray://host:10001 from a machine "
            "that is not part of it."
        ) from None


def _require_answer(address: str) -> None:
    """Refuse an address where nothing listens; Ray would wait for it for minutes.

    Raises:
        InputError: When nothing does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S).close()
    except (OSError, OverflowError, UnicodeError) as error:
        said = "no host has such a name" if isinstance(error, UnicodeError) else str(error)
        why = getattr(error, "strerror", None) or said
        raise InputError(
            f"No Ray cluster answers at {address} ({why}); check that it runs, and the address."
        ) from None


class Cluster:
    """A cluster that is connected.

    Args:
        ray: The module.
    """

    def __init__(self, ray: Any) -> None:
        self.ray = ray

    @property
    def n_cpus(self) -> int:
        """Cores of all machines."""
        return max(1, int(self.ray.cluster_resources().get("CPU", 0)))

    @property
    def n_gpus(self) -> int:
        """GPUs of all machines."""
        return int(self.ray.cluster_resources().get("GPU", 0))

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item], size: int | None = None
    ) -> Generator[tuple[Item, Result | Lost]]:
        """Yield each item with what a function makes of it, as it is finished, in any order.

        A task whose process dies or whose machine is lost is done again elsewhere, by Ray. Where that happens
        each time, the result is `Lost`.

        Args:
            function: Of a module, so that the machines can import it. It is called on one core.
            items: Objects that can be sent to the machines.
            size: Most tasks at a time; None: as many as there are cores.

        Raises:
            Exception: The exception of the function, in this process.
        """
        ray = self.ray
        task = ray.remote(num_cpus=1, max_retries=_RETRIES, scheduling_strategy="SPREAD")(_on_one_core)
        waiting, running = iter(items), {}
        try:
            while True:
                most = size or _WAITING_PER_CORE * self.n_cpus
                for item in islice(waiting, max(0, most - len(running))):
                    running[task.remote(function, item)] = item
                if not running:
                    return
                for reference in ray.wait(list(running), num_returns=1)[0]:
                    yield running.pop(reference), self._result(reference)
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def _result(self, reference: Any) -> Any:
        errors = self.ray.exceptions
        try:
            return self.ray.get(reference)
        except errors.RayTaskError as error:
            raise (error.cause if isinstance(error.cause, Exception) else error) from None
        except (errors.WorkerCrashedError, errors.OutOfMemoryError, errors.NodeDiedError):
            return Lost()
        except errors.RayError as error:
            raise InputError(f"The cluster lost the work ({type(error).__name__}); run it again.") from None

    def require_shared(self, folder: Path, *read: Path) -> None:
        """Refuse a cluster whose machines do not see the same files, or have another Oscine.

        Args:
            folder: Where results go; it exists.
            read: The paths that the machines read.

        Raises:
            InputError: With the machine and the path.
            OSError: When the folder can't be written to.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        ray, here = self.ray, _fingerprint()
        look = ray.remote(num_cpus=0, max_retries=0)(_look)
        with tempfile.NamedTemporaryFile(prefix=".oscine-dataset-", suffix=".json", dir=folder) as token:
            paths = [Path(path).absolute() for path in (token.name, *read)]
            there = []
            for node in ray.nodes():
                if node["Alive"]:
                    place = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                    reference = look.options(scheduling_strategy=place).remote(paths)
                    there.append((node["NodeManagerHostname"], reference))
            for host, reference in there:
                try:
                    missing, fingerprint = ray.get(reference)
                except ray.exceptions.TaskUnschedulableError:
                    continue  # it has just left the cluster
                except ray.exceptions.RayError as error:
                    raise InputError(
                        f"The machine {host} of the cluster can't run Oscine ({type(error).__name__}); "
                        "install the same version of Oscine on all machines."
                    ) from None
                if missing is not None:
                    path = folder if missing == paths[0] else missing
                    raise InputError(
                        f"The machine {host} of the cluster does not see {path}; put recordings, datasets "
                        "and instruments on a file system that all machines have at the same path."
                    )
                if fingerprint != here:
                    raise InputError(
                        f"The machine {host} of the cluster has another version of Oscine or of a library; "
                        "install the same on all machines."
                    )


def _on_one_core(function: Callable[[Item], Result], item: Item) -> Result:
    torch.set_num_threads(1)  # as in the processes of one machine; the bytes may depend on it
    return function(item)


def _look(paths: list[Path]) -> tuple[Path | None, str]:
    """Return the first path that is not there, and what this machine's Oscine is."""
    return next((path for path in paths if not path.exists()), None), _fingerprint()


def _fingerprint() -> str:
    from importlib.metadata import version

    import oscine

    names = ("torch", "numpy", "soundfile", "soxr", "swift-f0")
    return " ".join([oscine.__version__, *(version(name) for name in names)])
