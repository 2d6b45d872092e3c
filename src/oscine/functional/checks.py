"""Checks of the arguments of public functions, with a sentence for each."""

from numbers import Integral

import torch
from torch import Tensor

from oscine.errors import InputError


def require_batch(name: str, tensor: Tensor, axes: str, like: tuple[str, Tensor] | None = None) -> None:
    """Refuse what is no tensor of real or complex numbers, and one of another rank or batch, or an empty one.

    Args:
        name: The argument's, for the message.
        tensor: Its value.
        axes: "batch frame", "batch frame partial" …
        like: Name and value of an argument that says how many items and frames there are.

    Raises:
        ValueError: When it does not fit.
    """
    names = axes.split()
    wanted = f"({', '.join(names)})"
    if not isinstance(tensor, Tensor):
        raise ValueError(f"{name} is a {type(tensor).__name__}; give a tensor, {wanted}.")
    if not (tensor.is_floating_point() or tensor.is_complex()):
        kind = str(tensor.dtype).removeprefix("torch.")
        raise ValueError(f"{name} has numbers of the kind {kind}; give {name}.float().")
    shape = tuple(tensor.shape)
    if len(shape) != len(names):
        raise ValueError(f"{name} has {len(shape)} axes, {shape}; give {wanted}.")
    if 0 in shape:
        raise ValueError(f"{name} is {shape}; give {wanted}, no axis of which is empty.")
    if like is not None and shape[:2] != tuple(like[1].shape[:2]):
        raise ValueError(
            f"{name} is {shape} and {like[0]} {tuple(like[1].shape)}; give both the same batch and frames."
        )


def require_state(maker: str, **parts: tuple[Tensor, tuple[int, ...]]) -> None:
    """Refuse a state that is of another batch or of other sizes.

    Args:
        maker: The function that makes such a state.
        parts: A tensor of the state and the shape that it has for these arguments, by name.

    Raises:
        ValueError: When one has another shape.
    """
    for name, (tensor, wanted) in parts.items():
        if tuple(tensor.shape) != wanted:
            raise ValueError(
                f"The state's {name} is {tuple(tensor.shape)}; for these arguments give {wanted}, from "
                f"{maker}."
            )


def comparable_sounds(audio: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return two sounds that can be compared sample by sample, in float64 if one is, else in float32.

    Raises:
        InputError: When the shapes differ, there is no sample, or the samples are not real numbers.
    """
    if audio.shape != target.shape:
        raise InputError(
            f"audio is {tuple(audio.shape)}, target {tuple(target.shape)}; give both the same batch and time."
        )
    if audio.numel() == 0 or audio.ndim == 0:
        raise InputError("audio has no samples; give at least one.")
    dtype = torch.promote_types(audio.dtype, target.dtype)
    if dtype.is_complex:
        raise InputError(f"The samples are {str(dtype).removeprefix('torch.')}; give real numbers.")
    dtype = dtype if dtype == torch.float64 else torch.float32
    return audio.to(dtype), target.to(dtype)


def require_whole(**values: int | float) -> None:
    """Refuse what is not a whole number of at least 1.

    Raises:
        InputError: When there is such a value.
    """
    if torch.jit.is_tracing():  # pyright: ignore[reportPrivateImportUsage] - its sizes are tensors
        return
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, Integral | torch.SymInt) or value < 1:
            raise InputError(f"{name} is {value!r}; give a whole number of at least 1.")
