"""A program in plain torch operations, for exporters."""

from oscine.streaming.plain.operation import Memory, PlainOperation
from oscine.streaming.plain.program import KINDS, PlainProgram

__all__ = ["KINDS", "Memory", "PlainOperation", "PlainProgram"]
