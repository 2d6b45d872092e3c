"""Training in two processes of a cluster: the steps of one process, also after a process was lost."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.cluster.conftest import LONG_FORM, Machines

from oscine.cluster import connected
from oscine.errors import InputError
from oscine.training import Callback, TrainingLoop, train
from oscine.training.cluster import train_on_cluster

pytestmark = pytest.mark.slow

OPTIONS: dict[str, Any] = {
    "recipe": "tiny",
    "overrides": {"training.batch_size": 4, "training.n_validations": 2},
    "steps": 9,
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def alone(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run in one process, with two threads, so that both share a batch alike."""
    folder = tmp_path_factory.mktemp("alone") / "instrument"
    torch.set_num_threads(2)
    train(dataset, folder, device="cpu", **OPTIONS)
    return folder


def _largest_difference(one: Path, other: Path) -> float:
    ours, theirs = (load_file(folder / "training" / "checkpoint.safetensors") for folder in (one, other))
    assert ours.keys() == theirs.keys()
    return max(float((ours[name] - theirs[name]).abs().max()) for name in ours)


class _StopAt(Callback):
    """Ends a run early, as Ctrl-C does."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step(self, loop: TrainingLoop) -> None:
        if loop.counters.step == self.step:
            loop.stop()


@pytest.mark.parametrize("begun_here", [True, pytest.param(False, marks=LONG_FORM)])
def test_two_processes_are_one_and_survive_a_loss(
    begun_here: bool, machines: Machines, dataset: Path, alone: Path, tmp_path: Path
) -> None:
    """Begun here or there, the run loses a process and ends as an unbroken one in one process."""
    lost: list[int] = []
    lines: list[str] = []

    def lose(facts: dict[str, Any]) -> None:
        if not lost and facts["step"] >= 5:
            workers = machines.workers("RayTrainWorker")
            assert len(workers) == 2
            os.kill(workers[-1], signal.SIGKILL)
            lost.append(facts["step"])

    if begun_here:
        torch.set_num_threads(2)
        train(dataset, tmp_path / "instrument", device="cpu", callbacks=[_StopAt(3)], **OPTIONS)
    with connected(machines.address) as connection:
        result = train_on_cluster(
            connection,
            dataset,
            tmp_path / "instrument",
            device="cpu",
            n_workers=2,
            checkpoint_every_s=0.0,
            resume=begun_here,
            on_message=lines.append,
            on_facts=lose,
            **OPTIONS,
        )
    assert lost
    assert (result.steps, result.interrupted) == (OPTIONS["steps"], False)
    assert sum(line.startswith("Training on cpu") for line in lines) == 2  # once more after the loss
    difference = _largest_difference(alone, tmp_path / "instrument")
    assert difference <= 1e-6, f"{difference:.1e}"
    assert _names(tmp_path / "instrument" / "training") == _names(alone / "training")


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_workers": 5}, "training.batch_size is 4, too few for 5 processes"),
        ({"device": "cuda"}, "The cluster has no GPU"),
        ({"recipe": "nothing"}, "nothing"),
        ({"resume": True}, "There is no run to resume"),
    ],
)
def test_what_cannot_be_trained_is_said_first(
    options: dict[str, Any], words: str, machines: Machines, dataset: Path, tmp_path: Path
) -> None:
    with connected(machines.address) as connection, pytest.raises(InputError, match=words):
        train_on_cluster(
            connection, dataset, tmp_path / "instrument", **{"device": "cpu", **OPTIONS, **options}
        )
    assert not (tmp_path / "instrument").exists()
