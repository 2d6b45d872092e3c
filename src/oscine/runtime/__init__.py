"""The C++ runtime: it plays an instrument from its program, and finds pitch and loudness of live audio."""

from oscine.runtime.engine import Engine
from oscine.runtime.keyboard import CompiledKeyboard
from oscine.runtime.library import Range, TooLarge, engines
from oscine.runtime.listener import Heard, Listener
from oscine.runtime.live import Live

__all__ = ["CompiledKeyboard", "Engine", "Heard", "Listener", "Live", "Range", "TooLarge", "engines"]
