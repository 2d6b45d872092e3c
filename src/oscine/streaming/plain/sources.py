"""Operations that make sound: sines, cycles, pulses, noise."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from oscine.functional import FmState, fm_oscillator_step, partial_ratios, pulse_train_step
from oscine.functional.phase import phase_polynomial
from oscine.functional.pulse import PulseState
from oscine.functional.shimmer import PERIOD_NUMBERS
from oscine.kernels.frames import Inputs, ramp, turns
from oscine.kernels.oracle import sines_sum
from oscine.streaming.contents import Operation
from oscine.streaming.plain.operation import Memory, PlainOperation, rows


class Sines(PlainOperation):
    """The common base of harmonics and free sines: continued phases, and amplitudes from frame to frame."""

    n_sines: int
    n_partials: int

    def start(self) -> dict[str, Tensor]:
        """Return the values before the first frame."""
        return {
            "phase": torch.zeros(1, self.n_sines, dtype=torch.float64),
            "hz": torch.zeros(1, self.n_sines),
            "amplitudes": torch.zeros(1, self.n_partials),
        }

    def polynomial(self, memory: Memory, hz: Tensor) -> tuple[Tensor, Tensor]:
        """Return each frame's phase as a quadratic, (frame, sine, 3), and the frequencies before the call."""
        previous = memory.previous("hz", hz)
        rates = self.sample_rate, self.hop_length
        polynomial, end = phase_polynomial(
            hz.unsqueeze(0), previous.unsqueeze(0), memory.before["phase"], *rates
        )
        memory.after["phase"] = end
        return polynomial[0], rows(previous)[0]

    def sound(
        self,
        memory: Memory,
        polynomial: Tensor,
        hz: tuple[Tensor, Tensor],
        amplitude: Tensor | None,
        weights: Tensor,
    ) -> Tensor:
        """Return the audio, (frame, hop).

        Args:
            memory: Of the operation.
            polynomial: (frame, sine, 3).
            hz: Frequencies, (frame, sine), and those before, (1, sine).
            amplitude: Sum of the partials' amplitudes, (frame); None when the weights are the amplitudes.
            weights: (frame, partial).
        """
        given = None if amplitude is None else amplitude.unsqueeze(0)
        like = Inputs(
            polynomial.unsqueeze(0),
            hz[0].unsqueeze(0),
            hz[1],
            given,
            weights.unsqueeze(0),
            torch.zeros_like(weights[:1]),
            self.sample_rate / 2,
            self.hop_length,
        )
        before = rows(memory.previous("amplitudes", like.rows()[0]))[0]
        start, end = like._replace(previous_amplitudes=before).ends()
        phase = turns(polynomial.unsqueeze(0), self.hop_length)[0]
        if polynomial.shape[1] == 1:
            return harmonics_sum(phase, start[0], end[0])
        return sines_sum(wrapped(phase), start[0], end[0])


def line(memory: Memory, offset: Tensor, hop_length: int) -> Tensor:
    """Return a phase control as a polynomial from its last value to this one, (frame, sine, 3)."""
    was = memory.previous("offset", offset).double()
    return torch.stack([was, (offset.double() - was) / hop_length, torch.zeros_like(was)], -1)


def wrapped(turns: Tensor) -> Tensor:
    """Return turns in −½ … ½ as float32, which then loses nothing by being one."""
    return (turns - torch.round(turns)).to(torch.float32)


def harmonics_sum(phase: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Return ``Σ_k a_k sin(2π k φ)``, (frame, hop), the amplitudes going from start to end.

    With k = m J + j the partials are a table of M rows of J, and from ``sin(mJ + j) = sin mJ cos j + cos mJ
    sin j`` follows that J + M sines and cosines do, and products with the table.

    Args:
        phase: Turns φ at the samples, (frame, hop, 1), float64.
        start: Amplitudes at the frames' starts, (frame, partial).
        end: At their ends.
    """
    n_frames, n_partials = start.shape
    width = math.ceil(math.sqrt(n_partials))
    height = math.ceil(n_partials / width)
    number = torch.cat([torch.arange(1, width + 1), width * torch.arange(height)]).to(torch.float64)
    angle = 2 * math.pi * wrapped(phase * number)
    near, far = torch.stack([torch.sin(angle), torch.cos(angle)]).split([width, height], -1)
    table = F.pad(torch.stack([start, end], 1), [0, width * height - n_partials])
    table = table.reshape(n_frames, 2 * height, width).transpose(1, 2)
    sine, cosine = ((part @ table).unflatten(-1, (2, height)) for part in near)
    first, last = (far[0].unsqueeze(2) * cosine + far[1].unsqueeze(2) * sine).sum(-1).unbind(-1)
    return first + ramp(phase.shape[1], first) * (last - first)


class Harmonic(Sines):
    """`oscine.functional.harmonic_oscillator`."""

    def __init__(self, operation: Operation, sample_rate: int, hop_length: int) -> None:
        super().__init__(operation, sample_rate, hop_length)
        self.is_inharmonic, self.has_offset = map(bool, self.integers)
        self.n_partials = self.sizes[2]
        self.n_sines = self.n_partials if self.is_inharmonic else 1

    def start(self) -> dict[str, Tensor]:
        """Return the values before the first frame."""
        return super().start() | ({"offset": torch.zeros(1, 1)} if self.has_offset else {})

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the audio, (frame, hop)."""
        hz, amplitude, weights, *extra = wires
        if self.is_inharmonic:
            # In double, as in the runtime: a difference of rounding would add up over the phase.
            ratios = partial_ratios(weights.double().unsqueeze(0), extra[0].double().reshape(1, -1))
            hz = (hz.double() * ratios[0]).to(torch.float32)
        polynomial, before = self.polynomial(memory, hz)
        if self.has_offset:
            number = torch.arange(1, self.n_sines + 1, dtype=torch.float64).unsqueeze(-1)
            polynomial = polynomial + line(memory, extra[-1], self.hop_length) * number
        return self.sound(memory, polynomial, (hz, before), amplitude[:, 0], weights)


class Sinusoidal(Sines):
    """`oscine.functional.sinusoidal_oscillator`."""

    def __init__(self, operation: Operation, sample_rate: int, hop_length: int) -> None:
        super().__init__(operation, sample_rate, hop_length)
        self.n_sines = self.n_partials = self.sizes[0]

    def start(self) -> dict[str, Tensor]:
        """Return the values before the first frame."""
        return super().start() | ({"offset": torch.zeros(1, self.n_sines)} if len(self.sizes) == 3 else {})

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the audio, (frame, hop)."""
        hz, amplitudes, *phases = wires
        polynomial, before = self.polynomial(memory, hz)
        if phases:
            polynomial = polynomial + line(memory, phases[0], self.hop_length)
        return self.sound(memory, polynomial, (hz, before), None, amplitudes)


class Cycle(Sines):
    """`oscine.functional.wavetable_oscillator` of one cycle."""

    def __init__(self, operation: Operation, sample_rate: int, hop_length: int) -> None:
        super().__init__(operation, sample_rate, hop_length)
        self.n_sines, self.n_partials = 1, self.sizes[2]
        # Every harmonic is a sine of its own, once a quarter turn ahead and once at its phase.
        number = torch.arange(1.0, self.sizes[2] // 2 + 1).repeat(2)
        quarter = torch.zeros(len(number), 3, dtype=torch.float64)
        quarter[: len(number) // 2, 0] = 0.25
        self.keep("number", number)
        self.keep("quarter", quarter)

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the audio, (frame, hop)."""
        hz, amplitude, cycle = wires
        number = self.constant("number")
        polynomial, before = self.polynomial(memory, hz)
        polynomial = polynomial * number.double().unsqueeze(-1) + self.constant("quarter")
        return self.sound(memory, polynomial, (hz * number, before * number), None, amplitude * cycle)


class Pulse(PlainOperation):
    """`oscine.functional.pulse_train`."""

    def start(self) -> dict[str, Tensor]:
        """Return the values before the first frame."""
        return {
            "phase": torch.zeros(1, dtype=torch.float64),
            "hz": torch.zeros(1),
            "amplitude": torch.zeros(1),
        }

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the audio, (frame, hop)."""
        hz, amplitude = (wire.transpose(0, 1) for wire in wires)
        before = memory.before
        state = PulseState(before["phase"], before["hz"], before["amplitude"], memory.started)
        rates = {"sample_rate": self.sample_rate, "hop_length": self.hop_length}
        harmonics = "odd" if self.integers[0] else "all"
        audio, after = pulse_train_step(hz, amplitude, state, **rates, harmonics=harmonics)
        memory.after |= {"phase": after.phase, "hz": after.frequency_hz, "amplitude": after.amplitude}
        return audio.unflatten(-1, (-1, self.hop_length))[0]


class Fm(PlainOperation):
    """`oscine.functional.fm_oscillator`."""

    def start(self) -> dict[str, Tensor]:
        """Return the values before the first frame."""
        n_operators = self.sizes[1]
        return {
            "phase": torch.zeros(1, n_operators, dtype=torch.float64),
            "hz": torch.zeros(1),
            "levels": torch.zeros(1, n_operators),
        }

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the audio, (frame, hop)."""
        hz, levels = wires
        before = memory.before
        state = FmState(before["phase"], before["hz"], before["levels"], memory.started)
        modulators = tuple(
            tuple(i + 1 for i in range(self.sizes[1]) if mask >> i & 1) for mask in self.integers
        )
        audio, after = fm_oscillator_step(
            hz.transpose(0, 1),
            levels.unsqueeze(0),
            state,
            ratios=self.numbers,
            modulators=modulators,
            sample_rate=self.sample_rate,
            hop_length=self.hop_length,
        )
        memory.after |= {"phase": after.phase, "hz": after.f0_hz, "levels": after.levels}
        return audio.unflatten(-1, (-1, self.hop_length))[0]


def blend(signal: Tensor, before: Tensor, now: Tensor, hop_length: int) -> Tensor:
    """Return each frame's signal through two filters, the audio going from the first to the second.

    Args:
        signal: A row for each frame, its samples and as many before them as the filter has taps, less one.
        before: The filter at the frames' starts, last tap first, (frame, tap).
        now: The filter at their ends.
        hop_length: Samples per frame.
    """
    filters = torch.stack([before, now], 1).flatten(0, 1).unsqueeze(1)
    both = F.conv1d(signal.unsqueeze(0), filters, groups=signal.shape[0])
    first, last = both.reshape(-1, 2, hop_length).unbind(1)
    return first + ramp(hop_length, first) * (last - first)


def overlapping(samples: Tensor, n_frames: int, hop_length: int) -> Tensor:
    """Return a row for each frame: its samples, the last ones being of the last, and those before them."""
    if n_frames == 1:
        return samples.unsqueeze(0)
    length = samples.shape[0] - (n_frames - 1) * hop_length
    starts = range(0, n_frames * hop_length, hop_length)
    return torch.stack([samples[start : start + length] for start in starts])


def symmetric(half: Tensor) -> Tensor:
    """Return a symmetric filter from taps 0 … n − 1, (frame, tap)."""
    return torch.cat([half[:, 1:].flip(-1), half], -1)


def white_noise(seed: Tensor, start: Tensor, n_samples: int) -> Tensor:
    """Return `oscine.functional.uniform_noise`, (time), by operations that every exporter has.

    The 32-bit words are non-negative int64 here: ONNX shifts no signed numbers, but for what is not negative
    a division by a power of two is the same. No product overflows.

    Args:
        seed: (1), int64.
        start: Number of the first sample, (1), int64; at least −2³².
        n_samples: How many.
    """
    return white_values(seed, start + torch.arange(n_samples))


def white_values(seed: Tensor, number: Tensor) -> Tensor:
    """Return the noise of any numbers, at least −2³² and int64."""
    # 2³² more, so that no number is negative, and one less in the upper word.
    upper = (((number + _WORD) >> 32) - 1) & _MASK
    # The upper word of a negative seed is that of the seed without its sign's bit, and that bit.
    upper_seed = ((seed & _POSITIVE) >> 32) + (seed < 0) * (1 << 31)
    key = _hash((seed & _MASK) ^ _hash(upper_seed))
    word = _hash(_hash((number & _MASK) ^ key) ^ _hash(upper ^ key ^ _MASK))
    # Half a turn, so that a word is its own signed number.
    return (((word + _WORD // 2) & _MASK) - _WORD // 2).to(torch.float32) * 2.0**-31


_WORD, _MASK, _POSITIVE = 1 << 32, (1 << 32) - 1, (1 << 63) - 1


def _hash(x: Tensor) -> Tensor:
    x = x ^ (x >> 16)
    x = (x * 0x7FEB352D) & _MASK
    x = x ^ (x >> 15)
    x = (x * (0x846CA68B - _WORD)) & _MASK
    return x ^ (x >> 16)


class Shimmer(PlainOperation):
    """`oscine.functional.shimmer`: small random movement of many values."""

    def __init__(self, operation: Operation, sample_rate: int, hop_length: int) -> None:
        super().__init__(operation, sample_rate, hop_length)
        self.keep("periods", torch.tensor(self.integers)[:, None])
        first = PERIOD_NUMBERS * torch.arange(1, len(self.integers) + 1)[:, None] + torch.arange(self.size)
        self.keep("first", first)

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the movement of the next frames."""
        periods = self.constant("periods")
        frame = (
            memory.sample.reshape(1, 1, 1) // self.hop_length + torch.arange(memory.n_frames)[:, None, None]
        )
        number = self.constant("first") + frame // periods * self.size
        angle = (math.pi / 2) * (frame % periods) / periods
        before, after = (white_values(memory.seed, one) for one in (number, number + self.size))
        moved = torch.cos(angle) * before + torch.sin(angle) * after
        return math.sqrt(3.0) * (self.constant(0) * moved).sum(1)


class Noise(PlainOperation):
    """`oscine.functional.filtered_noise`, from taps."""

    def start(self) -> dict[str, Tensor]:
        """Return the values before the first frame."""
        return {"taps": torch.zeros(1, self.sizes[0])}

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the audio, (frame, hop)."""
        taps = wires[0]
        n_frames, reach = taps.shape[0], self.sizes[0] - 1
        n_samples = n_frames * self.hop_length + 2 * reach
        white = white_noise(memory.seed + self.integers[0], memory.sample - reach, n_samples)
        rows = overlapping(white, n_frames, self.hop_length)
        before = memory.previous("taps", taps)
        return blend(rows, symmetric(before), symmetric(taps), self.hop_length)
