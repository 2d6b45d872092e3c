"""The C++ runtime: it plays an instrument from its program, frame by frame."""

from oscine.runtime.engine import Engine, engines

__all__ = ["Engine", "engines"]
