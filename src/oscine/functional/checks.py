"""Checks of the arguments of public functions, with a sentence for each."""

from torch import Tensor

from oscine.errors import InputError


def require_batch(name: str, tensor: Tensor, axes: str, like: tuple[str, Tensor] | None = None) -> None:
    """Refuse a tensor of another rank, or one without items or frames, or not of the batch of another.

    Args:
        name: The argument's, for the message.
        tensor: Its value.
        axes: "batch frame", "batch frame partial" …
        like: Name and value of an argument that says how many items and frames there are.

    Raises:
        ValueError: When it does not fit.
    """
    shape, names = tuple(tensor.shape), axes.split()
    wanted = f"({', '.join(names)})"
    if len(shape) != len(names):
        raise ValueError(f"{name} has {len(shape)} axes, {shape}; give {wanted}.")
    if 0 in shape:
        raise ValueError(f"{name} is {shape}; give {wanted}, no axis of which is empty.")
    if like is not None and shape[:2] != tuple(like[1].shape[:2]):
        raise ValueError(
            f"{name} is {shape} and {like[0]} {tuple(like[1].shape)}; give both the same batch and frames."
        )


def require_same_sound(audio: Tensor, target: Tensor) -> None:
    """Refuse sounds that can't be compared sample by sample.

    Raises:
        InputError: When the shapes differ, or there is no sample.
    """
    if audio.shape != target.shape:
        raise InputError(
            f"audio is {tuple(audio.shape)}, target {tuple(target.shape)}; give both the same batch and time."
        )
    if audio.numel() == 0:
        raise InputError("audio has no samples; give at least one.")


def require_whole(**values: int | float) -> None:
    """Refuse what is not a whole number of at least 1.

    Raises:
        ValueError: When there is such a value.
    """
    for name, value in values.items():
        if isinstance(value, (float, bool)) or value < 1:
            raise ValueError(f"{name} is {value}; give a whole number of at least 1.")
