"""Training on a cluster: Ray Train starts the processes and starts them again; the run is the same one."""

import io
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from oscine.cluster import Cluster
from oscine.data.dataset import Dataset
from oscine.data.verification import Verify
from oscine.errors import InputError
from oscine.models import Recipe
from oscine.training.building import chosen_recipe, fitted_recipe
from oscine.training.callbacks import ProgressFacts
from oscine.training.checkpoint import read_checkpoint
from oscine.training.folder import RAY_FOLDER, RunFolder
from oscine.training.loop import Callback, TrainingLoop
from oscine.training.processes import is_first_process
from oscine.training.run import TrainResult, train
from oscine.training.signals import stop_requests
from oscine.training.starting import Start

#: How often processes are started again after one of them, or its machine, was lost.
_MOST_LOSSES = 100
#: Failures, by all processes in turn, after which a run that gets no further is given up.
_MOST_FAILURES = 4
_POLL_S = 0.5


def train_on_cluster(
    cluster: Cluster,
    dataset: str | Path,
    instrument_folder: str | Path,
    *,
    n_workers: int | None = None,
    device: str = "auto",
    resume: bool = False,
    verify: Verify | None = None,
    on_message: Callable[[str], None] = lambda text: None,
    on_facts: Callable[[dict[str, Any]], None] | None = None,
    **options: Any,
) -> TrainResult:
    """Train an instrument as `train` does, each batch spread over the processes of a cluster.

    The run is the same one: it takes the same steps up to rounding on any number of processes, and can be
    resumed on any other number, also on one machine. When a process or a machine is lost, Ray Train starts
    all of them again and they go on from the last checkpoint. Ctrl-C and SIGTERM here end it in good order.

    Args:
        cluster: See `oscine.cluster.connected`.
        dataset: A folder that `prepare` made; all machines see it at the same path.
        instrument_folder: Where the instrument goes; all machines see it.
        n_workers: Number of processes; None: one for each GPU, or for each core where there is none, but not
            more than there are crops in a batch.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"``.
        resume: Go on with the run in the folder.
        verify: How the dataset is verified, here and once.
        on_message: Is told what happens.
        on_facts: Is told the progress as numbers; with it, `on_message` is told none.
        options: Of `train`: ``recipe``, ``start_from``, ``minutes``, ``steps``, ``overrides``, ``card``,
            ``checkpoint_every_s``.

    Raises:
        InputError: As `train`, and when the machines do not see the folders, have no GPU where one is asked
            for, or lose their processes again and again.
        OSError: When the disk refuses.
    """
    folder, dataset = RunFolder(Path(instrument_folder).absolute()), Path(dataset).absolute()
    if (start := options.get("start_from")) is not None and Path(start).exists():
        options["start_from"] = str(Path(start).absolute())
    recipe = _recipe(Dataset.open(dataset, verify), folder, resume=resume, **options)
    batch_size = recipe.training.batch_size
    on_gpu = device == "cuda" or (device == "auto" and cluster.n_gpus > 0)
    if on_gpu and not cluster.n_gpus:
        raise InputError("The cluster has no GPU; leave --device cuda out.")
    size = n_workers or min(cluster.n_gpus if on_gpu else cluster.n_cpus, batch_size)
    if size > batch_size:
        raise InputError(
            f"training.batch_size is {batch_size}, too few for {size} processes; use at most {batch_size} "
            "processes, or choose a larger batch."
        )
    is_made = not folder.path.exists()
    folder.path.mkdir(parents=True, exist_ok=True)
    try:
        cluster.require_shared(folder.path, dataset)
    except BaseException:
        if is_made:
            folder.path.rmdir()
        raise
    return _Run(cluster, size, on_gpu=on_gpu).train(
        {
            **options,
            "recipe": None if options.get("start_from") else recipe,
            "overrides": options.get("overrides") if options.get("start_from") else None,
            "dataset": str(dataset),
            "instrument_folder": str(folder.path),
            "device": "cuda" if on_gpu else "cpu",
            "resume": True if resume else "auto",
            "tells_facts": on_facts is not None,
        },
        folder.training / RAY_FOLDER,
        on_message,
        on_facts or (lambda facts: None),
    )


def _recipe(source: Dataset, folder: RunFolder, *, resume: bool, **options: Any) -> Recipe:
    """Return the recipe of a run; what can't be used is said before any process is started."""
    before = None
    if resume:
        folder.require_run()
        _, before = read_checkpoint(folder.checkpoint)
    else:
        folder.require_unused()
    start_from = options.get("start_from")
    start = None if start_from is None else Start(start_from, source)
    overrides: Mapping[str, Any] = options.get("overrides") or {}
    recipe = chosen_recipe(options.get("recipe"), overrides, before, None, start, source)
    fitted_recipe(recipe, source, None)
    return recipe


class _Run:
    """The processes of one run, and what they tell."""

    def __init__(self, cluster: Cluster, size: int, *, on_gpu: bool) -> None:
        from ray.util.queue import Queue

        self._ray, self._size, self._on_gpu = cluster.ray, size, on_gpu
        self._told, self._asked = (Queue(actor_options={"num_cpus": 0}) for _ in range(2))

    def train(
        self,
        options: dict[str, Any],
        place: Path,
        on_message: Callable[[str], None],
        on_facts: Callable[[dict[str, Any]], None],
    ) -> TrainResult:
        ray = self._ray
        fit = ray.remote(num_cpus=0, max_retries=0)(_fit)
        running = fit.remote(
            {**options, "told": self._told, "asked": self._asked}, str(place), self._size, self._on_gpu
        )
        result: TrainResult | None = None
        n_failures, last_step = 0, -1
        shutil.rmtree(place, ignore_errors=True)  # or Ray Train goes on with what it knows of an earlier run
        try:
            with stop_requests(lambda number: self._asked.put(int(number))):
                is_running = True
                while is_running:
                    is_running = not ray.wait([running], timeout=_POLL_S)[0]
                    for kind, what in self._told.get_nowait_batch(self._told.qsize()):
                        if kind == "error":
                            raise what
                        if kind == "result":
                            result = what
                        elif kind == "facts":
                            on_facts(what)
                        elif kind == "started":
                            n_failures, last_step = (n_failures if what == last_step else 0), what
                        elif kind == "failed":
                            n_failures += 1
                            if n_failures >= _MOST_FAILURES * self._size:
                                raise InputError(
                                    f"The processes of the cluster fail again and again ({what})."
                                )
                        else:
                            on_message(what)
            return self._finished(running, result)
        finally:
            ray.cancel(running, force=True)
            shutil.rmtree(place, ignore_errors=True)
            self._told.shutdown(force=True)
            self._asked.shutdown(force=True)

    def _finished(self, running: Any, result: TrainResult | None) -> TrainResult:
        try:
            self._ray.get(running)
        except self._ray.exceptions.RayError as error:
            raise InputError(
                f"The cluster did not finish the training ({str(error).splitlines()[-1].strip()[:200]}); "
                "go on from its last checkpoint with --resume."
            ) from None
        if result is None:
            raise InputError("The cluster ended the training without a result; go on with --resume.")
        return result


def _fit(options: dict[str, Any], place: str, size: int, on_gpu: bool) -> None:
    """Run the processes; a task of the cluster, so that it may be driven from anywhere."""
    import ray.train
    from ray.train.torch import TorchConfig, TorchTrainer

    trainer = TorchTrainer(
        _work,
        train_loop_config=options,
        torch_config=TorchConfig(backend="nccl" if on_gpu else "gloo"),
        scaling_config=ray.train.ScalingConfig(num_workers=size, use_gpu=on_gpu),
        run_config=ray.train.RunConfig(
            name="run",
            storage_path=place,
            failure_config=ray.train.FailureConfig(max_failures=_MOST_LOSSES),
        ),
    )
    trainer.fit()


def _work(options: dict[str, Any]) -> None:
    """Train in one process of the group."""
    options = dict(options)
    told, asked, tells_facts = (options.pop(name) for name in ("told", "asked", "tells_facts"))
    is_first = is_first_process()
    torch.set_num_threads(1)  # the processes are the parallelism
    console = _Sent(told) if is_first else None
    progress = ProgressFacts(lambda facts: told.put(("facts", facts))) if is_first and tells_facts else None
    requests = [_Requests(told, asked)] if is_first else []
    try:
        result = train(
            **options,
            callbacks=requests,
            console=console,
            progress=progress,
            verify="none",
            distributed=True,
        )
    except (InputError, OSError) as error:
        told.put(("error", error))  # would be the same again
        return
    except Exception as error:
        told.put(("failed", f"{type(error).__name__}: {error}"[:300]))
        raise
    if is_first:
        signals = requests[0].signals
        told.put(("result", result.model_copy(update=_ending(signals))))


def _ending(signals: list[int]) -> dict[str, bool]:
    from signal import SIGTERM

    return {"interrupted": bool(signals), "terminated": SIGTERM in signals}


class _Requests(Callback):
    """Ends the run in good order when that is asked for where it was started."""

    def __init__(self, told: Any, asked: Any) -> None:
        self.signals: list[int] = []
        self._told, self._asked = told, asked

    def on_start(self, loop: TrainingLoop) -> None:
        """Tell from where the run goes on."""
        self._told.put(("started", loop.counters.step))

    def on_step(self, loop: TrainingLoop) -> None:
        """Look whether it is; a call of a millisecond."""
        if not self.signals and not self._asked.empty():
            self.signals.append(self._asked.get())
            loop.stop()


class _Sent(Console):
    """A console whose lines are shown where the run was started."""

    def __init__(self, told: Any) -> None:
        super().__init__(file=io.StringIO())
        self._queue = told

    def print(self, *objects: Any, **options: Any) -> None:
        """Send a line."""
        self._queue.put(("message", " ".join(str(one) for one in objects)))
