"""Oscine: differentiable synthesisers that learn an instrument or a voice from recordings.

Names are resolved when they are first used, so that ``import oscine`` costs next to nothing.
"""

import importlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oscine.analysis import Features, analyze
    from oscine.data import prepare
    from oscine.errors import InputError
    from oscine.evaluation import evaluate
    from oscine.fitting import Patch, fit
    from oscine.training import train
    from oscine.transfer import PlayResult, load
    from oscine.transfer.playing import play, render

# onnxruntime, which runs a pitch tracker, would tell its makers of its use and write a file for that.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"

__all__ = [
    "Features",
    "InputError",
    "Patch",
    "PlayResult",
    "analyze",
    "evaluate",
    "fit",
    "load",
    "play",
    "prepare",
    "render",
    "train",
]

_HOMES = {
    "Features": "oscine.analysis",
    "InputError": "oscine.errors",
    "Patch": "oscine.fitting",
    "PlayResult": "oscine.transfer",
    "analyze": "oscine.analysis",
    "evaluate": "oscine.evaluation",
    "fit": "oscine.fitting",
    "load": "oscine.transfer",
    "play": "oscine.transfer.playing",
    "prepare": "oscine.data",
    "render": "oscine.transfer.playing",
    "train": "oscine.training",
}
_SUBPACKAGES = (
    "analysis",
    "audio",
    "data",
    "evaluation",
    "fitting",
    "functional",
    "instruments",
    "losses",
    "models",
    "networks",
    "processors",
    "recordings",
    "training",
    "transfer",
    "voices",
)


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _SUBPACKAGES:
        return importlib.import_module(f"oscine.{name}")
    raise AttributeError(f"module 'oscine' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_SUBPACKAGES, "__version__"])
