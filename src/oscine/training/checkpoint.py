"""The state of a training run as one safetensors file, written atomically: no pickle, nothing torn."""

import hashlib
import math
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch import Tensor, nn

from oscine.errors import InputError
from oscine.explain import explain
from oscine.files import parse_json, write_atomically
from oscine.models import Recipe
from oscine.tensor_file import read_tensors

CHECKPOINT = "checkpoint.safetensors"
_FORMAT = "oscine-checkpoint-2"
_MODEL = "model."
_MOMENTS = ("exp_avg", "exp_avg_sq")
MOST_MINUTES, MOST_STEPS = 1e7, 1 << 40


class RunInfo(BaseModel):
    """The settings of a run; it is resumed with the same recipe, dataset, loss and teacher only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: Recipe
    dataset_sha256: str
    minutes: float | None = Field(gt=0.0, le=MOST_MINUTES, allow_inf_nan=False)
    steps: int | None = Field(ge=1, le=MOST_STEPS)
    loss: str | None = None
    """Name of the loss that took the place of the recipe's."""
    teacher_sha256: str | None = None
    """Of the teacher's config and weights, where there is a teacher."""
    start_sha256: str | None = None
    """Of config and weights of the instrument that it was started from, where there is one."""
    started_from: str | None = None
    """The facts of that instrument for the model card."""
    licence: str | None = None
    credit: str | None = None
    consent: str | None = None
    """The facts of the recordings for the model card; may be given when the run is resumed."""

    @model_validator(mode="after")
    def _it_ends(self) -> "RunInfo":
        if self.minutes is None and self.steps is None:
            raise ValueError("the run has neither minutes nor steps, so it has no end")
        return self


class Counters(BaseModel):
    """Where a run is."""

    model_config = ConfigDict(extra="forbid")

    step: int = Field(default=0, ge=0, lt=1 << 62)
    """Steps done, those that the guard skipped among them."""
    elapsed_s: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    """Time spent training, over all sessions."""
    n_validations: int = Field(default=0, ge=0, lt=1 << 62)
    best_loss: float = math.inf
    """Lowest validation loss so far, the saved instrument's; infinite before there is one."""
    n_skipped: int = Field(default=0, ge=0, lt=1 << 62)
    """Steps whose loss or gradient was not finite."""
    n_skipped_in_a_row: int = Field(default=0, ge=0, lt=1 << 62)
    n_rolled_back: int = Field(default=0, ge=0, lt=1 << 62)
    is_adversarial: bool = False
    """The adversarial loss acts, and `best_loss` is of a state since it does."""
    rate_scale: float = Field(default=1.0, ge=0.0, le=1.0)
    """Factor on the learning rate, halved at each roll-back."""

    @model_validator(mode="after")
    def _no_more_are_skipped_than_done(self) -> "Counters":
        if self.n_skipped > self.step or self.n_skipped_in_a_row > self.n_skipped:
            raise ValueError(f"{self.n_skipped} of {self.step} steps can't have been skipped")
        return self

    @model_validator(mode="after")
    def _best_loss_is_one(self) -> "Counters":
        if not self.best_loss > -math.inf:
            raise ValueError(f"best_loss is {self.best_loss}, which no validation gave")
        return self


class Snapshot(NamedTuple):
    """A copy of all that training changes."""

    tensors: dict[str, Tensor]
    """Weights as ``model.NAME``; Adam's moments and step of every parameter as ``optimizer.INDEX.NAME``."""
    counters: Counters


def take_snapshot(model: nn.Module, optimizer: torch.optim.Optimizer, counters: Counters) -> Snapshot:
    """Return a copy of the state, on the CPU."""
    tensors = {f"{_MODEL}{name}": tensor for name, tensor in model.state_dict().items()}
    for index, parameter in enumerate(_parameters(optimizer)):
        # Before a parameter's first gradient Adam keeps nothing of it; it then starts from these zeros.
        entry = dict.fromkeys(_MOMENTS, torch.zeros_like(parameter)) | {"step": torch.tensor(0.0)}
        entry |= optimizer.state.get(parameter, {})
        tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in entry.items()}
    copies = {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}
    return Snapshot(copies, counters.model_copy())


def restore(snapshot: Snapshot, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Bring weights and optimizer back to a snapshot; its counters are the caller's to take.

    Raises:
        InputError: When its weights or moments have other names, shapes or types than the model's, or a value
            that training can't have left there; nothing has changed then.
    """
    tensors, parameters = snapshot.tensors, _parameters(optimizer)
    expected = {f"{_MODEL}{name}": _form(tensor) for name, tensor in model.state_dict().items()}
    for index, parameter in enumerate(parameters):
        expected |= {f"optimizer.{index}.{name}": _form(parameter) for name in _MOMENTS}
        expected[f"optimizer.{index}.step"] = (torch.Size(), torch.float32)
    if {name: _form(tensor) for name, tensor in tensors.items()} != expected:
        raise InputError(
            "The run was begun by another version of Oscine, or its checkpoint was altered, so it can't be "
            "resumed; train again in a new folder."
        )
    for name, tensor in tensors.items():
        _require_possible(name, tensor, snapshot.counters.step)
    model.load_state_dict({name.removeprefix(_MODEL): tensors[name] for name in expected if _is_weight(name)})
    entries = {
        index: {name: tensors[f"optimizer.{index}.{name}"].clone() for name in ("step", *_MOMENTS)}
        for index in range(len(parameters))
    }
    state: dict[str, Any] = optimizer.state_dict()
    optimizer.load_state_dict({**state, "state": entries})


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _form(tensor: Tensor) -> tuple[torch.Size, torch.dtype]:
    return tensor.shape, tensor.dtype


def _is_weight(name: str) -> bool:
    return name.startswith(_MODEL)


def _require_possible(name: str, tensor: Tensor, n_steps: int) -> None:
    """Refuse values that no training of so many steps leaves in a snapshot.

    Raises:
        InputError: With the tensor's name.
    """
    wrong = ""
    if not torch.isfinite(tensor).all():
        wrong = "values that are not finite"
    elif not _is_weight(name) and name.endswith(".exp_avg_sq") and (tensor < 0).any():
        wrong = "a mean of squares below 0"
    elif not _is_weight(name) and name.endswith(".step") and not 0 <= float(tensor) <= n_steps:
        wrong = f"{float(tensor):g} in place of 0 to {n_steps} steps"
    if wrong:
        raise InputError(
            f"The state of the run has {wrong} in {name}, so it can't be resumed; train again in a new "
            "folder."
        )


def write_checkpoint(path: Path, snapshot: Snapshot, run: RunInfo) -> None:
    """Write a snapshot; a kill at any moment leaves the old file or the new one.

    Raises:
        OSError: When the disk refuses; the old file is then untouched.
    """
    # JSON has no infinity; pydantic writes null for it.
    metadata = {
        "format": _FORMAT,
        "run": run.model_dump_json(),
        "counters": snapshot.counters.model_dump_json(),
    }
    tensors = {name: tensor.contiguous() for name, tensor in snapshot.tensors.items()}
    metadata["sha256"] = _digest(metadata, tensors)
    write_atomically(path, safetensors.torch.save(tensors, metadata))


def read_checkpoint(path: Path) -> tuple[Snapshot, RunInfo]:
    """Return what `write_checkpoint` wrote.

    Raises:
        InputError: When it is not a checkpoint, or has changed since.
        OSError: When it can't be read.
    """
    remedy = "Train again in a new folder."
    try:
        tensors, metadata, _ = read_tensors(path)
    except InputError as error:
        raise InputError(f"{path} is not a checkpoint of a training run. {error}") from None
    digest = metadata.pop("sha256", "")
    if metadata.get("format") != _FORMAT or set(metadata) != {"format", "run", "counters"}:
        raise InputError(f"{path} is not a checkpoint of this version of Oscine. {remedy}")
    if digest != _digest(metadata, tensors):
        raise InputError(f"{path} is not a checkpoint as it was written (its sha256 differs). {remedy}")
    run = _validated(RunInfo, metadata["run"], path)
    counters = parse_json(metadata["counters"], f"The counters of {path}", remedy)
    if isinstance(counters, dict) and counters.get("best_loss", 0.0) is None:
        counters["best_loss"] = math.inf
    counted = _validated(Counters, counters, path)
    if run.loss is None and counted.best_loss < 0:  # a loss of the user's own may be negative
        raise InputError(f"{path} has a best_loss of {counted.best_loss:g}, below 0. {remedy}")
    return Snapshot(tensors, counted), run


def require_same(run: RunInfo, before: RunInfo, folder: Path) -> None:
    """Refuse to resume a run with another teacher, start, recipe, dataset or loss.

    Args:
        run: The settings of the resumed run.
        before: The settings at its start.
        folder: Of the run.

    Raises:
        InputError: With what differs.
    """
    if run.teacher_sha256 != before.teacher_sha256:
        has = "no" if before.teacher_sha256 is None else "a" if run.teacher_sha256 is None else "another"
        how = "`oscine train`" if before.teacher_sha256 is None else "`oscine distill` and that teacher"
        raise InputError(
            f"The run in {folder} has {has} teacher; resume it with {how}, or name another folder."
        )
    if run.start_sha256 != before.start_sha256:
        raise InputError(
            f"The run in {folder} was not started from that instrument; resume it without one, or name "
            "another folder."
        )
    difference = _difference(run.recipe.model_dump(mode="json"), before.recipe.model_dump(mode="json"))
    if difference is not None:
        key, ours, theirs = difference
        raise InputError(
            f"The run in {folder} has another recipe ({key} is {theirs}, not {ours}); leave --recipe and "
            "--set out to resume it, or name another folder."
        )
    if run.dataset_sha256 != before.dataset_sha256:
        raise InputError(
            f"The run in {folder} has another dataset; name the one that it was started with, or another "
            "folder."
        )
    if run.loss != before.loss:
        raise InputError(
            f"The run in {folder} has another loss ({before.loss or 'the recipe’s'}); give that one, or name "
            "another folder."
        )


def _difference(ours: Any, theirs: Any, place: str = "") -> tuple[str, str, str] | None:
    """Return the key of the first value that differs in two tables, and the values."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        pairs = [(f"{place}.{key}".lstrip("."), ours.get(key), theirs.get(key)) for key in ours | theirs]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = [
            (f"{place}.{i}", one, other) for i, (one, other) in enumerate(zip(ours, theirs, strict=True))
        ]
    else:
        return None if ours == theirs else (place, str(ours)[:80], str(theirs)[:80])
    found = (_difference(one, other, key) for key, one, other in pairs)
    return next((difference for difference in found if difference is not None), None)


def _validated(model: Any, content: Any, path: Path) -> Any:
    if isinstance(content, str):
        content = parse_json(content, f"The run of {path}", "Train again in a new folder.")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise InputError(
            f"{path} is not a checkpoint of this version of Oscine: {explain(error, model)}. Train again in "
            "a new folder."
        ) from None


def _digest(metadata: dict[str, str], tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in ("format", "run", "counters"):
        digest.update(metadata[name].encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
