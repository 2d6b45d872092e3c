"""The C++ runtime: it plays a program in blocks of any length, and tracks pitch and loudness."""

from oscine.runtime.engine import Engine
from oscine.runtime.keyboard import CompiledKeyboard
from oscine.runtime.library import Range, TooLarge, engines
from oscine.runtime.listener import Heard, Listener
from oscine.runtime.live import Live
from oscine.runtime.performer import Meters, Performer, Setting

__all__ = [
    "CompiledKeyboard",
    "Engine",
    "Heard",
    "Listener",
    "Live",
    "Meters",
    "Performer",
    "Range",
    "Setting",
    "TooLarge",
    "engines",
]
