"""Tensors that depend only on sizes: computed once and kept."""

import functools
from collections.abc import Callable
from typing import ParamSpec

import torch
from torch import Tensor

_P = ParamSpec("_P")


def kept(make: Callable[_P, Tensor]) -> Callable[_P, Tensor]:
    """Compute a constant once; but while a function is traced anew, since that has no numbers to keep."""
    known = functools.lru_cache(maxsize=32)(make)

    @functools.wraps(make)
    def constant(*args: _P.args, **kwargs: _P.kwargs) -> Tensor:
        return (make if torch.compiler.is_compiling() else known)(*args, **kwargs)

    return constant
