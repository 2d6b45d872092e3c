"""`Program`: an instrument as a flat list of operations with static sizes, which the C++ runtime executes.

A program computes one frame at a time. Every value is a `Wire`, a span of float32 numbers in one workspace:
controls of a frame, or the ``hop_length`` samples of its audio. An operation reads wires and tensors, keeps
its own state inside the runtime, and writes one wire. There is no control flow and no code in it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from oscine.streaming import program_file
from oscine.streaming.contents import Contents, ProgramInput, Wire
from oscine.streaming.program_file import WeightType


class Program(Contents):
    """A flat list of operations; the methods append one and return the wire of its result.

    Args:
        sample_rate: Hz.
        hop_length: Samples per frame.
        latency: Samples by which the output lags the inputs.
        metadata: Whatever is told about the instrument: names, licence, credit, ranges; JSON values.
    """

    # ---- inputs

    def input(
        self,
        name: str,
        size: int = 1,
        *,
        default: float = 0.0,
        minimum: float = -1e6,
        maximum: float = 1e6,
        positive: bool = False,
        optional: bool = False,
    ) -> Wire:
        """Declare an input and return its wire, which holds clean values (see `ProgramInput`).

        An input that was declared before is returned as it is.
        """
        for known in self.inputs:
            if known.name == name:
                return known.wire
        wire = self.new_wire(size)
        self.inputs.append(ProgramInput(name, wire, default, minimum, maximum, positive, optional))
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

    def linear(self, x: Wire, weight: Tensor, bias: Tensor | None = None, *, is_exact: bool = False) -> Wire:
        """``y = weight · x + bias``; weight is (out, in).

        ``is_exact``: a matrix of arithmetic, such as a transform, that a file does not store as int8.
        """
        n_out = weight.shape[0]
        bias = torch.zeros(n_out) if bias is None else bias
        return self.append("linear", [x], n_out, tensors=[weight, bias], is_exact=is_exact)

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

    def shimmer(self, depths: Tensor, periods: Sequence[int]) -> Wire:
        """Return `oscine.functional.shimmer`'s movement, by the seed of the player.

        Args:
            depths: Of each period and channel, (period, channel).
            periods: Frames between two random values.
        """
        return self.append("shimmer", [], depths.shape[1], integers=list(periods), tensors=[depths])

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

    def sinusoidal(self, frequencies_hz: Wire, amplitudes: Wire, phases: Wire | None = None) -> Wire:
        """Return `oscine.functional.sinusoidal_oscillator`'s audio of the frame."""
        wires = [wire for wire in (frequencies_hz, amplitudes, phases) if wire is not None]
        return self.append("sinusoidal", wires, self.hop_length)

    def envelope(
        self,
        values: Wire,
        n_points: int,
        spacing_hz: Wire | float,
        *,
        from_zero: bool = False,
        amplitudes: bool = False,
    ) -> Wire:
        """Return `oscine.functional.read_envelope`'s values at multiples of a frequency.

        Args:
            values: Of the envelope's points.
            n_points: Multiples at which it is read.
            spacing_hz: The frequency; of a wire, what is below 1 Hz counts as 1 Hz.
            from_zero: The first point is 0 Hz; else it is the frequency.
            amplitudes: Return ``√(2 spacing) 10^(x / 20)``, amplitudes of a power density in dB per Hz.
        """
        return self.append(
            "envelope",
            [values, spacing_hz] if isinstance(spacing_hz, Wire) else [values],
            n_points,
            integers=[not from_zero, amplitudes],
            numbers=[1.0 if isinstance(spacing_hz, Wire) else spacing_hz],
        )

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

    def modes(
        self, onset_s: Wire, frequencies_hz: Wire, decays_s: Wire, amplitudes: Wire, phases: Wire
    ) -> Wire:
        """Return `oscine.functional.modes`' audio of the frame."""
        wires = [onset_s, frequencies_hz, decays_s, amplitudes, phases]
        return self.append("modes", wires, self.hop_length)

    def transient(self, onset_s: Wire, taps: Wire) -> Wire:
        """Return `oscine.functional.transient`'s audio of the frame."""
        return self.append("transient", [onset_s, taps], self.hop_length)

    def onset_gate(self, audio: Wire, onset_s: Wire) -> Wire:
        """Return the audio, silent before the first onset (`oscine.functional.onset_gate`)."""
        return self.append("onset_gate", [audio, onset_s], audio.size)

    def fm(
        self,
        f0_hz: Wire,
        levels: Wire,
        ratios: Sequence[float | int],
        modulators: Sequence[Sequence[int]],
    ) -> Wire:
        """Return `oscine.functional.fm_oscillator`'s audio of the frame.

        Args:
            f0_hz: Fundamental.
            levels: Of the operators.
            ratios: Frequency of each over f0.
            modulators: For each operator, the numbers of those that modulate it; written as the sum of
                ``2^(number − 1)``.
        """
        masks = [sum(1 << (number - 1) for number in one) for one in modulators]
        return self.append(
            "fm", [f0_hz, levels], self.hop_length, integers=masks, numbers=list(map(float, ratios))
        )

    def minimum_phase(self, magnitudes: Wire, cepstrum: Tensor, n_taps: int, offset: float) -> Wire:
        """Return the taps of `oscine.functional.minimum_phase_taps`.

        Args:
            magnitudes: Of the bands.
            cepstrum: Matrix from the log magnitudes to the cepstrum, (quefrency, band).
            n_taps: Taps to return.
            offset: Added to a magnitude before its logarithm.
        """
        return self.append(
            "minimum_phase", [magnitudes], n_taps, numbers=[offset], tensors=[cepstrum], is_exact=True
        )

    def moving_filter(self, audio: Wire, taps: Wire, symmetric: bool = False) -> Wire:
        """Return `oscine.functional.moving_filter`'s audio of the frame, from causal taps of its end.

        Args:
            audio: Of the frame.
            taps: Taps 0 … n − 1; of a symmetric filter the middle one and those behind it, by
                `oscine.functional.noise.filter_taps`.
            symmetric: The filter has ``2 n − 1`` taps and delays by n − 1 samples.
        """
        return self.append("moving_filter", [audio, taps], audio.size, integers=[symmetric])

    def allpole(self, audio: Wire, reflection: Wire) -> Wire:
        """Return `oscine.functional.allpole`'s audio of the frame.

        Args:
            audio: Of the frame.
            reflection: Reflection coefficients at its end.
        """
        return self.append("allpole", [audio, reflection], audio.size)

    def neural_filter(
        self,
        audio: Wire,
        offsets: Wire,
        input_weight: Tensor,
        weight: Tensor,
        output_weight: Tensor,
        dilations: Sequence[int],
    ) -> Wire:
        """Return the audio of the frame through `oscine.processors.NeuralFilter`.

        Args:
            audio: Of the frame.
            offsets: The values to add to the convolutions at the end of the frame, (layer · channel).
            input_weight: From the audio to the channels.
            weight: Of all convolutions, (layer · channel, tap · channel), the oldest tap first.
            output_weight: From the channels to what is added to the audio.
            dilations: Samples between two taps of each layer.
        """
        tensors = [input_weight, weight, output_weight]
        return self.append(
            "neural_filter", [audio, offsets], audio.size, integers=list(dilations), tensors=tensors
        )

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

    def to_bytes(self, dtype: WeightType = "float32") -> bytes:
        """Return the program as a file's content (docs/background/program-file.md).

        Args:
            dtype: Of the large tensors; "float16" halves the file, and rounds them to 11 bits. "int8" stores
                matrices of weights in a byte per number and a scale per row, and what else is large in
                float16. Short vectors, such as biases, stay float32.

        Raises:
            ValueError: When the program has no audio, an input's name or range is wrong, or weights are not
                finite.
        """
        return program_file.to_bytes(self, dtype)

    @staticmethod
    def from_bytes(content: bytes) -> "Program":
        """Return the program of a file's content, its tensors in float32.

        A tensor of a single row is returned as a vector.

        Raises:
            ValueError: When the content is not a program file, of another version, or damaged.
        """
        return Program(**vars(program_file.from_bytes(content)))
