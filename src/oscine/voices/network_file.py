"""A network and its sizes in one safetensors file: weights as float16, the config in the header."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import safetensors.torch
import torch
from pydantic import BaseModel, ValidationError
from torch import nn

from oscine.errors import InputError
from oscine.files import printable, write_atomically
from oscine.tensor_file import TensorInfo, read_tensors, require_fit

_Config = TypeVar("_Config", bound=BaseModel)
_Network = TypeVar("_Network", bound=nn.Module)


def write_network(path: str | Path, network: nn.Module, config: BaseModel, key: str) -> None:
    """Write a network's file.

    Args:
        path: Where to.
        network: The weights.
        config: Its sizes.
        key: Name of the config in the header.

    Raises:
        OSError: When the disk refuses.
    """
    weights = {
        name: tensor.detach().half().cpu().contiguous() for name, tensor in network.state_dict().items()
    }
    write_atomically(path, safetensors.torch.save(weights, {key: config.model_dump_json()}))


def read_network(
    path: str | Path,
    network: Callable[[_Config], _Network],
    config_class: type[_Config],
    key: str,
    otherwise: str,
) -> _Network:
    """Return the network of a file that `write_network` wrote, not trainable.

    Its sizes are compared with the weights before it is built.

    Args:
        path: The file.
        network: Builds a network of a config.
        config_class: Of the config.
        key: Name of the config in the header.
        otherwise: The end of the sentence about another file, after its name.

    Raises:
        InputError: When it is no such file, its weights don't fit or one is not finite.
        OSError: When it can't be read.
    """
    tensors, metadata, _ = read_tensors(path)
    name = printable(path)
    try:
        config = config_class.model_validate_json(metadata[key])
    except (KeyError, ValidationError):
        raise InputError(f"{name} {otherwise}") from None
    with torch.device("meta"):
        expected = network(config).state_dict()
    found = {key: TensorInfo(one.dtype, tuple(one.shape), 0, 0) for key, one in tensors.items()}
    require_fit(found, expected, name, half=True)
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise InputError(f"A weight of {name} is not finite. Get it again.")
    made = network(config)
    made.load_state_dict({key: tensor.float() for key, tensor in tensors.items()})
    return made.eval().requires_grad_(False)
