"""The state of a training run as one safetensors file, written atomically: no pickle, nothing torn."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError
from torch import Tensor, nn

from oscine.errors import InputError
from oscine.files import write_atomically
from oscine.models import Recipe

CHECKPOINT = "checkpoint.safetensors"


class RunInfo(BaseModel):
    """What a run was started with; it is only ever resumed with the same recipe and dataset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: Recipe
    dataset_sha256: str
    minutes: float | None
    steps: int | None


class Counters(BaseModel):
    """Where a run is."""

    model_config = ConfigDict(extra="forbid")

    step: int = 0
    """Steps done, those that the guard skipped among them."""
    elapsed_s: float = 0.0
    """Time spent training, over all sessions."""
    n_validations: int = 0
    best_loss: float = float("inf")
    """Lowest held-out loss so far, the saved instrument's."""
    n_skipped: int = 0
    """Steps whose loss or gradient was not finite."""
    n_skipped_in_a_row: int = 0
    n_rolled_back: int = 0
    rate_scale: float = 1.0
    """Factor on the learning rate, halved at each roll-back."""


class Snapshot(NamedTuple):
    """A copy of all that training changes."""

    tensors: dict[str, Tensor]
    """Weights as ``model.NAME``; Adam's moments and step as ``optimizer.INDEX.NAME``."""
    counters: Counters


def take_snapshot(model: nn.Module, optimizer: torch.optim.Optimizer, counters: Counters) -> Snapshot:
    """Return a copy of the state, on the CPU."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for index, entry in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in entry.items()}
    copies = {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}
    return Snapshot(copies, counters.model_copy())


def restore(snapshot: Snapshot, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Bring weights and optimizer back to a snapshot; its counters are the caller's to take.

    Raises:
        InputError: When its weights have other names or shapes than the model's.
    """
    prefix = "model."
    weights = {
        name.removeprefix(prefix): t for name, t in snapshot.tensors.items() if name.startswith(prefix)
    }
    try:
        model.load_state_dict(weights)
    except RuntimeError:
        raise InputError(
            "The run was begun by another version of Oscine and can't be resumed; train again in a new folder"
        ) from None
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in snapshot.tensors.items():
        if not name.startswith(prefix):
            _, index, key = name.split(".", 2)
            entries.setdefault(int(index), {})[key] = tensor.clone()
    state: dict[str, Any] = optimizer.state_dict()
    optimizer.load_state_dict({**state, "state": entries})


def write_checkpoint(path: Path, snapshot: Snapshot, run: RunInfo) -> None:
    """Write a snapshot; a kill at any moment leaves the old file or the new one."""
    metadata = {"run": run.model_dump_json(), "counters": snapshot.counters.model_dump_json()}
    tensors = {name: tensor.contiguous() for name, tensor in snapshot.tensors.items()}
    write_atomically(path, safetensors.torch.save(tensors, metadata))


def read_checkpoint(path: Path) -> tuple[Snapshot, RunInfo]:
    """Return what `write_checkpoint` wrote.

    Raises:
        InputError: When it is not a checkpoint.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            # Cloned: the mapping of the file must not outlive its replacement.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        run = RunInfo.model_validate_json(metadata["run"])
        # JSON has no infinity; pydantic writes null for it.
        counters = json.loads(metadata["counters"])
        counters["best_loss"] = float("inf") if counters["best_loss"] is None else counters["best_loss"]
        return Snapshot(tensors, Counters.model_validate(counters)), run
    except (SafetensorError, KeyError, ValueError) as error:
        raise InputError(
            f"{path} is not a checkpoint of a training run: {' '.join(str(error).split())}"
        ) from None
