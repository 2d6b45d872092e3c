"""Signals in blocks: the base of every module that streams, streams that run, programs that are compiled."""

from oscine.streaming.base import (
    NotCompilable,
    State,
    Streaming,
    lower_into,
    require_current_lower,
    require_no_hooks,
)
from oscine.streaming.checks import require_count, require_finite
from oscine.streaming.contents import Operation, ProgramInput, Wire
from oscine.streaming.names import by_name, is_part_name
from oscine.streaming.program import Program
from oscine.streaming.program_file import read_metadata
from oscine.streaming.stream import Stream

__all__ = [
    "NotCompilable",
    "Operation",
    "Program",
    "ProgramInput",
    "State",
    "Stream",
    "Streaming",
    "Wire",
    "by_name",
    "is_part_name",
    "lower_into",
    "read_metadata",
    "require_count",
    "require_current_lower",
    "require_finite",
    "require_no_hooks",
]
