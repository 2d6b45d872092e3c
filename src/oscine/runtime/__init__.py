"""The C++ runtime: it plays an instrument from its program, frame by frame."""

from oscine.runtime.engine import Engine, Range, TooLarge, engines

__all__ = ["Engine", "Range", "TooLarge", "engines"]
