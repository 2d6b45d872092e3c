"""`Program`: an instrument as a flat list of operations with static sizes, which the C++ runtime executes.

A program computes one frame at a time. Every value is a `Wire`, a span of float32 numbers in one workspace:
controls of a frame, or the ``hop_length`` samples of its audio. An operation reads wires and tensors, keeps
its own state inside the runtime, and writes one wire. There is no control flow and no code in it.
"""

import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

KINDS = (
    *("concatenate", "affine", "hz_to_midi", "saturate", "linear", "layer_norm", "add", "multiply"),
    *("leaky_relu", "silu", "tanh", "sigmoid", "log_sigmoid", "exp_sigmoid", "softmax"),
    *("gru", "history", "depthwise", "attention"),
    *("harmonic", "sinusoidal", "noise", "gain", "delay", "convolve"),
    *("cycle", "pulse", "minimum_phase", "moving_filter"),
)
"""The operations by their numbers in a file, in the order of native/operations.h; new ones go last."""

MAGIC = b"OSCINE\r\n"
VERSION = 1
SUFFIX = ".oscine"
_HEADER = struct.Struct("<8s10I7Q16x32s32x")
_INPUT = struct.Struct("<64sIIfffI8x")
_OPERATION = struct.Struct("<IIIIHHHH8x")
_TENSOR = struct.Struct("<QQIII4x")
_DIGEST = slice(128, 160)
_ALIGNMENT = 64
_LONGEST_NAME = 63


@dataclass(frozen=True)
class Wire:
    """A span of the workspace: what an operation reads or writes in a frame."""

    offset: int
    size: int

    def split(self, *sizes: int) -> tuple["Wire", ...]:
        """Return consecutive parts of these sizes; nothing is copied.

        Raises:
            ValueError: When the sizes do not add up to the wire's.
        """
        if sum(sizes) != self.size:
            raise ValueError(f"A wire of {self.size} values cannot be split into {sizes}.")
        offsets = [self.offset + sum(sizes[:i]) for i in range(len(sizes))]
        return tuple(Wire(offset, size) for offset, size in zip(offsets, sizes, strict=True))


@dataclass(frozen=True)
class ProgramInput:
    """A curve that the player of a program gives, one value (or ``wire.size`` of them) per frame.

    What is not finite, or with ``positive`` not above 0, is replaced by the last good value (``default``
    before there is one); then it is clamped to ``minimum … maximum``. −∞ and +∞ are clamped, unless
    ``positive``, where they are held as well.
    """

    name: str
    wire: Wire
    default: float
    minimum: float
    maximum: float
    positive: bool


@dataclass(frozen=True)
class Operation:
    """One operation: what it is, what it reads, what it writes, its constants."""

    kind: str
    inputs: tuple[Wire, ...]
    output: Wire
    integers: tuple[int, ...] = ()
    numbers: tuple[float, ...] = ()
    tensors: tuple[Tensor, ...] = ()


@dataclass
class Program:
    """A flat list of operations; the methods append one and return the wire of its result.

    Args:
        sample_rate: Hz.
        hop_length: Samples per frame.
        latency: Samples by which the output lags the inputs.
        metadata: Whatever is told about the instrument: names, licence, credit, ranges; JSON values.
    """

    sample_rate: int
    hop_length: int
    latency: int = 0
    metadata: dict[str, Any] = field(default_factory=dict)
    inputs: list[ProgramInput] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    output: Wire | None = None
    n_values: int = 0
    """Size of the workspace."""

    def _wire(self, size: int) -> Wire:
        wire = Wire(self.n_values, size)
        self.n_values += size
        return wire

    def append(
        self,
        kind: str,
        inputs: Sequence[Wire],
        size: int,
        *,
        integers: Sequence[int] = (),
        numbers: Sequence[float] = (),
        tensors: Sequence[Tensor] = (),
    ) -> Wire:
        """Append an operation and return the wire of its result; the tensors are copied as they are now."""
        copies = tuple(t.detach().to("cpu", torch.float32, copy=True).contiguous() for t in tensors)
        output = self._wire(size)
        constants = tuple(int(i) for i in integers), tuple(float(x) for x in numbers), copies
        self.operations.append(Operation(kind, tuple(inputs), output, *constants))
        return output

    # ---- inputs and output

    def input(
        self,
        name: str,
        size: int = 1,
        *,
        default: float = 0.0,
        minimum: float = -1e6,
        maximum: float = 1e6,
        positive: bool = False,
    ) -> Wire:
        """Declare an input and return its wire, which holds clean values (see `ProgramInput`).

        An input that was declared before is returned as it is.
        """
        for known in self.inputs:
            if known.name == name:
                return known.wire
        wire = self._wire(size)
        self.inputs.append(ProgramInput(name, wire, default, minimum, maximum, positive))
        return wire

    # ---- values of a frame

    def concatenate(self, *wires: Wire) -> Wire:
        """Return the wires' values one after the other."""
        if len(wires) == 1:
            return wires[0]
        return self.append("concatenate", wires, sum(wire.size for wire in wires))

    def affine(self, x: Wire, scale: float, offset: float) -> Wire:
        """``y = scale · x + offset``."""
        return self.append("affine", [x], x.size, numbers=[scale, offset])

    def hz_to_midi(self, x: Wire) -> Wire:
        """``y = 69 + 12 log2(x / 440)``; x is positive."""
        return self.append("hz_to_midi", [x], x.size)

    def saturate(self, x: Wire, half: float) -> Wire:
        """``y = x / (x + half)``; x is not negative."""
        return self.append("saturate", [x], x.size, numbers=[half])

    def linear(self, x: Wire, weight: Tensor, bias: Tensor | None = None) -> Wire:
        """``y = weight · x + bias``; weight is (out, in)."""
        n_out = weight.shape[0]
        bias = torch.zeros(n_out) if bias is None else bias
        return self.append("linear", [x], n_out, tensors=[weight, bias])

    def layer_norm(self, x: Wire, weight: Tensor, bias: Tensor, eps: float) -> Wire:
        """``y = (x − mean) / √(variance + eps) · weight + bias``, the variance biased."""
        return self.append("layer_norm", [x], x.size, numbers=[eps], tensors=[weight, bias])

    def add(self, x: Wire, y: Wire) -> Wire:
        """``x + y``, of values or of audio."""
        return self.append("add", [x, y], x.size)

    def multiply(self, x: Wire, y: Wire) -> Wire:
        """``x · y``."""
        return self.append("multiply", [x, y], x.size)

    def leaky_relu(self, x: Wire, slope: float) -> Wire:
        """``y = x`` where it is positive, ``slope · x`` elsewhere."""
        return self.append("leaky_relu", [x], x.size, numbers=[slope])

    def silu(self, x: Wire) -> Wire:
        """``y = x · σ(x)``."""
        return self.append("silu", [x], x.size)

    def tanh(self, x: Wire) -> Wire:
        """``y = tanh x``."""
        return self.append("tanh", [x], x.size)

    def sigmoid(self, x: Wire, minimum: float = 0.0, maximum: float = 1.0) -> Wire:
        """``y = minimum + (maximum − minimum) · σ(x)``."""
        return self.append("sigmoid", [x], x.size, numbers=[minimum, maximum])

    def log_sigmoid(self, x: Wire, minimum: float, maximum: float) -> Wire:
        """``y = minimum · (maximum / minimum)^σ(x)``."""
        return self.append("log_sigmoid", [x], x.size, numbers=[minimum, maximum])

    def exp_sigmoid(self, x: Wire, maximum: float, exponent: float = 10.0, threshold: float = 1e-7) -> Wire:
        """``y = maximum · σ(x)^ln(exponent) + threshold``, accurate for very small values."""
        return self.append("exp_sigmoid", [x], x.size, numbers=[maximum, exponent, threshold])

    def softmax(self, x: Wire) -> Wire:
        """``y = exp x / Σ exp x``."""
        return self.append("softmax", [x], x.size)

    # ---- values over frames

    def gru(self, gates: Wire, weight: Tensor, bias: Tensor) -> Wire:
        """Return the hidden values of a GRU.

        Args:
            gates: The inputs' half, ``W x + b``, in the order reset, update, new (as torch has it).
            weight: Of the hidden values, (3 hidden, hidden).
            bias: Of the same, (3 hidden).
        """
        return self.append("gru", [gates], weight.shape[1], tensors=[weight, bias])

    def history(self, x: Wire, lags: Sequence[int]) -> Wire:
        """Return x as it was these numbers of frames ago, one after the other; 0 before the start."""
        return self.append("history", [x], len(lags) * x.size, integers=list(lags))

    def depthwise(self, x: Wire, weight: Tensor, bias: Tensor) -> Wire:
        """Return each channel's convolution in time, ``y_c[t] = b_c + Σ_j w_cj x_c[t − (K − 1) + j]``.

        Args:
            x: One value per channel; 0 before the start.
            weight: (channel, K).
            bias: (channel).
        """
        return self.append("depthwise", [x], x.size, integers=[weight.shape[1]], tensors=[weight, bias])

    def attention(self, query: Wire, key: Wire, value: Wire, slopes: Tensor, context: int) -> Wire:
        """Return each head's mean of the last values, ``Σ_j softmax_j(q·k_j / √d − m_h (t − j)) v_j``.

        Args:
            query: Heads one after the other.
            key: Alike.
            value: Alike.
            slopes: m_h of each head.
            context: Frames that are looked at, the present one included; those before the start are not.
        """
        heads = slopes.numel()
        return self.append(
            "attention", [query, key, value], value.size, integers=[heads, context], tensors=[slopes]
        )

    # ---- audio

    def harmonic(
        self,
        f0_hz: Wire,
        amplitude: Wire,
        distribution: Wire,
        inharmonicity: Wire | None = None,
        phase: Wire | None = None,
    ) -> Wire:
        """Return `oscine.functional.harmonic_oscillator`'s audio of the frame."""
        extra = [wire for wire in (inharmonicity, phase) if wire is not None]
        flags = [int(inharmonicity is not None), int(phase is not None)]
        wires = [f0_hz, amplitude, distribution, *extra]
        return self.append("harmonic", wires, self.hop_length, integers=flags)

    def sinusoidal(self, frequencies_hz: Wire, amplitudes: Wire) -> Wire:
        """Return `oscine.functional.sinusoidal_oscillator`'s audio of the frame."""
        return self.append("sinusoidal", [frequencies_hz, amplitudes], self.hop_length)

    def cycle(self, f0_hz: Wire, amplitude: Wire, cycle: Wire) -> Wire:
        """Return `oscine.functional.wavetable_oscillator`'s audio of the frame, of one cycle.

        Args:
            f0_hz: Fundamental.
            amplitude: Factor on the cycle.
            cycle: Cosines of harmonics 1, 2, …, then their sines.
        """
        return self.append("cycle", [f0_hz, amplitude, cycle], self.hop_length)

    def pulse(self, f0_hz: Wire, amplitude: Wire, odd: bool = False) -> Wire:
        """Return `oscine.functional.pulse_train`'s audio of the frame; ``odd``: odd harmonics alone."""
        return self.append("pulse", [f0_hz, amplitude], self.hop_length, integers=[odd])

    def minimum_phase(self, magnitudes: Wire, cepstrum: Tensor, n_taps: int, offset: float) -> Wire:
        """Return the taps of `oscine.functional.minimum_phase_taps`.

        Args:
            magnitudes: Of the bands.
            cepstrum: Matrix from the log magnitudes to the cepstrum, (quefrency, band).
            n_taps: Taps to return.
            offset: Added to a magnitude before its logarithm.
        """
        return self.append("minimum_phase", [magnitudes], n_taps, numbers=[offset], tensors=[cepstrum])

    def moving_filter(self, audio: Wire, taps: Wire, symmetric: bool = False) -> Wire:
        """Return `oscine.functional.moving_filter`'s audio of the frame, from causal taps of its end.

        Args:
            audio: Of the frame.
            taps: Taps 0 … n − 1; of a symmetric filter the middle one and those behind it, by
                `oscine.functional.noise.filter_taps`.
            symmetric: The filter has ``2 n − 1`` taps and delays by n − 1 samples.
        """
        return self.append("moving_filter", [audio, taps], audio.size, integers=[symmetric])

    def noise(self, taps: Wire, seed_offset: int = 0) -> Wire:
        """Return white noise through the symmetric filter of these taps, 0 … n − 1, cross-faded.

        Args:
            taps: Of the frame's end, by `oscine.functional.noise.filter_taps`.
            seed_offset: Added to the seed of the player.
        """
        return self.append("noise", [taps], self.hop_length, integers=[seed_offset])

    def gain(self, audio: Wire, gain: Wire) -> Wire:
        """Return the audio times a gain, which goes linearly from the last frame's value to this one's."""
        return self.append("gain", [audio, gain], audio.size)

    def delay(self, audio: Wire, n_samples: int) -> Wire:
        """Return the audio this many samples later."""
        return self.append("delay", [audio], audio.size, integers=[n_samples]) if n_samples else audio

    def convolve(self, audio: Wire, taps: Tensor) -> Wire:
        """Return the audio convolved with a long impulse response, without latency (partitioned)."""
        return self.append("convolve", [audio], audio.size, tensors=[taps])

    # ---- file

    def to_bytes(self, dtype: Literal["float32", "float16"] = "float32") -> bytes:
        """Return the program as a file's content (`docs/program-file.md`).

        Args:
            dtype: Of the tensors; "float16" halves the file, and is rounded.

        Raises:
            ValueError: When the program has no output, or a name is too long.
        """
        if self.output is None:
            raise ValueError("The program has no output; set it to the wire of its audio.")
        inputs = b"".join(self._input_record(one) for one in self.inputs)
        tensors: list[Tensor] = []
        arguments: list[bytes] = []
        operations: list[bytes] = []
        for one in self.operations:
            wires = [struct.pack("<II", wire.offset, wire.size) for wire in one.inputs]
            integers = [struct.pack("<q", integer) for integer in one.integers]
            numbers = [struct.pack("<d", number) for number in one.numbers]
            indices = [struct.pack("<Q", len(tensors) + i) for i in range(len(one.tensors))]
            counts = (len(wires), len(integers), len(numbers), len(indices))
            record = (KINDS.index(one.kind), one.output.offset, one.output.size, len(arguments), *counts)
            operations.append(_OPERATION.pack(*record))
            arguments += [*wires, *integers, *numbers, *indices]
            tensors += one.tensors
        metadata = json.dumps(self.metadata, ensure_ascii=False, sort_keys=True).encode()
        contents = [tensor.numpy().astype("<f4" if dtype == "float32" else "<f2") for tensor in tensors]
        sections = [inputs, b"".join(operations), b"".join(arguments), b"", metadata]
        sections[3] = bytes(_TENSOR.size * len(tensors))
        places, at = [], _HEADER.size
        for section in sections:
            places.append(at)
            at = _aligned(at + len(section))
        table = []
        for content in contents:
            rows = content.shape[0] if content.ndim == 2 else 1
            shape = rows, content.size // rows
            table.append(_TENSOR.pack(at, content.size, int(dtype == "float16"), *shape))
            at = _aligned(at + content.nbytes)
        sections[3] = b"".join(table)
        numbers = (self.sample_rate, self.hop_length, self.latency, len(self.inputs), len(operations))
        sizes = (len(tensors), self.n_values, self.output.offset, len(arguments))
        file = bytearray(at)
        _HEADER.pack_into(
            file, 0, MAGIC, VERSION, *numbers, *sizes, *places, len(metadata), len(file), bytes(32)
        )
        for place, section in zip(places, sections, strict=True):
            file[place : place + len(section)] = section
        for record, content in zip(table, contents, strict=True):
            place = _TENSOR.unpack(record)[0]
            file[place : place + content.nbytes] = content.tobytes()
        file[_DIGEST] = hashlib.sha256(file).digest()
        return bytes(file)

    @staticmethod
    def _input_record(one: ProgramInput) -> bytes:
        name = one.name.encode()
        if len(name) > _LONGEST_NAME:
            raise ValueError(f"The input's name {one.name} is longer than {_LONGEST_NAME} bytes.")
        size = one.wire.offset, one.wire.size
        return _INPUT.pack(name, *size, one.default, one.minimum, one.maximum, int(one.positive))


def _aligned(at: int) -> int:
    return -(-at // _ALIGNMENT) * _ALIGNMENT
