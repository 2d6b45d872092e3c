"""The effects of an instrument."""

from collections.abc import Mapping
from typing import Any

from oscine.processors import Chain, Processor
from oscine.streaming import Program, require_current_lower, require_no_hooks


class Effects(Chain):
    """An instrument's effects: a chain that can be played alone.

    Args:
        parts: By name.
        sample_rate: Hz.
        hop_length: Samples per frame.
    """

    def __init__(self, parts: Mapping[str, Processor[Any]], sample_rate: int, hop_length: int) -> None:
        super().__init__(parts)
        self.sample_rate = sample_rate
        self.hop_length = hop_length

    def program(self) -> Program:
        """Return the effects as a program: a frame of its input ``audio`` is ``hop_length`` samples.

        Raises:
            NotCompilable: When a part has no compiled form.
        """
        require_current_lower(self)
        require_no_hooks(self)
        program = Program(self.sample_rate, self.hop_length, self.latency)
        wires = {name: program.input(name, self.hop_length) for name in self.signals}
        wires |= {name: program.input(name) for name in self.inputs}
        wires |= {control.name: program.input(control.name, control.width) for control in self.controls}
        program.output = self.lower(program, **wires)
        return program
