"""Checks of the tensors of every operator, before a kernel reads and writes their memory.

The same is asked where nothing is computed: when torch.compile or torch.export traces the operator.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

Size = int | torch.SymInt

INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def require_sizes(operator: str, **sizes: Size) -> None:
    """Refuse sizes below 1.

    Raises:
        ValueError: When there is one.
    """
    for name, size in sizes.items():
        if isinstance(size, float) or size < 1:
            raise ValueError(f"{operator}: {name} is {size}; give a whole number of at least 1.")


def require_ranks(operator: str, *wanted: tuple[str, Tensor, str]) -> None:
    """Refuse tensors of another rank.

    Args:
        operator: Its name, for the message.
        wanted: Name, tensor and axes, "batch frame partial", of each.

    Raises:
        ValueError: When one has more axes or fewer.
    """
    for name, tensor, axes in wanted:
        if tensor.ndim != len(axes.split()):
            raise ValueError(
                f"{operator}: {name} has {tensor.ndim} axes, {tuple(tensor.shape)}; give "
                f"({', '.join(axes.split())})."
            )


def require_alike(
    operator: str,
    like: tuple[str, Tensor],
    wanted: Mapping[str, tuple[Tensor | None, tuple[Size, ...]]],
    *,
    kinds: tuple[torch.dtype, ...] = FLOATS,
) -> None:
    """Refuse tensors that do not belong to the one that says the sizes.

    Args:
        operator: Its name, for the message.
        like: Name of that one, and itself.
        wanted: The others and their shapes by name; None for a tensor that was left out.
        kinds: What their numbers may be.

    Raises:
        ValueError: When a shape, a device or a kind of number is another one.
    """
    main, first = like
    for name, (tensor, shape) in wanted.items():
        if tensor is None:
            continue
        if tuple(tensor.shape) != tuple(shape):
            raise ValueError(
                f"{operator}: {name} is {tuple(tensor.shape)}; beside {main} of {tuple(first.shape)} give "
                f"{tuple(shape)}."
            )
        require_kind(operator, name, tensor, kinds)
        if tensor.device != first.device:
            raise ValueError(
                f"{operator}: {name} is on {tensor.device} and {main} on {first.device}; move both to one "
                "device."
            )


def require_kind(operator: str, name: str, tensor: Tensor, kinds: tuple[torch.dtype, ...]) -> None:
    """Refuse numbers of another kind, or that are not all stored.

    Raises:
        ValueError: When the tensor's are not of these kinds, or it is sparse.
    """
    if tensor.layout != torch.strided:
        raise ValueError(f"{operator}: {name} is sparse; give {name}.to_dense().")
    if tensor.dtype not in kinds:
        names = " or ".join(str(kind).removeprefix("torch.") for kind in kinds)
        raise ValueError(f"{operator}: {name} is {str(tensor.dtype).removeprefix('torch.')}; give {names}.")
