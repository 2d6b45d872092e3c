"""One small program for each operation, with what it has to sound like in torch."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from oscine import functional
from oscine.functional.filter import LOG_OFFSET
from oscine.functional.noise import filter_taps
from oscine.streaming import Program, Wire

RATE = 16_000
Inputs = dict[str, Tensor]
Wires = dict[str, Wire]


@dataclass
class Case:
    """A program's last operation, from inputs of these sizes, and the same in torch.

    Inputs are (1, frame, size). The program's audio is the operation's output, so that ``hop_length`` is its
    size; ``expected`` returns it, any shape, for all frames. With ``hits``, samples, an input is ``onset_s``.
    """

    kind: str
    build: Callable[[Program, Wires], Wire]
    expected: Callable[[Inputs], Tensor]
    sizes: dict[str, int]
    hop_length: int
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    tolerance: float = 1e-5
    hits: tuple[float, ...] = ()

    def program(self) -> Program:
        program = Program(RATE, self.hop_length)
        wires = {name: program.input(name, size) for name, size in self.sizes.items()}
        program.output = self.build(program, wires)
        assert program.operations[-1].kind == self.kind
        return program

    def inputs(self, n_frames: int) -> Inputs:
        made = {}
        for name, size in self.sizes.items():
            low, high = self.ranges.get(name, (-2.0, 2.0))
            made[name] = low + (high - low) * torch.rand(1, n_frames, size)
        if self.hits:
            made["onset_s"] = onset_curve(self.hits, n_frames, RATE, self.hop_length)[None, :, None].float()
        return made


def onset_curve(hits: Sequence[float], n_frames: int, sample_rate: int, hop_length: int) -> Tensor:
    """Return the seconds since the last hit at each frame's end, 0 before the first one, float64.

    Args:
        hits: Samples at which they begin, in order.
        n_frames: How many.
        sample_rate: Hz.
        hop_length: Samples per frame.
    """
    end = hop_length * torch.arange(1.0, n_frames + 1, dtype=torch.float64)
    curve = torch.zeros_like(end)
    for hit in hits:
        curve = torch.where(end > hit, (end - hit) / sample_rate, curve)
    return curve


def _map(
    kind: str, expected: Callable[[Tensor], Tensor], size: int, *arguments: float, low: float = -9.0
) -> Case:
    return Case(
        kind,
        lambda program, wires: getattr(program, kind)(wires["x"], *arguments),
        lambda inputs: expected(inputs["x"]),
        {"x": size},
        size,
        {"x": (low, 9.0)},
    )


def _exp_sigmoid(x: Tensor) -> Tensor:
    return 2.0 * torch.exp(-math.log(10.0) * nn.functional.softplus(-x.double())).float() + 1e-7


def _linear(n_in: int, n_out: int, bias: bool = True) -> Case:
    layer = nn.Linear(n_in, n_out, bias=bias)
    return Case(
        "linear",
        lambda program, wires: program.linear(wires["x"], layer.weight, layer.bias if bias else None),
        lambda inputs: layer(inputs["x"]),
        {"x": n_in},
        n_out,
    )


def _layer_norm(size: int) -> Case:
    weight, bias = torch.randn(size), torch.randn(size)
    return Case(
        "layer_norm",
        lambda program, wires: program.layer_norm(wires["x"], weight, bias, 1e-5),
        lambda inputs: nn.functional.layer_norm(inputs["x"], (size,), weight, bias),
        {"x": size},
        size,
        {"x": (3.0, 5.0)},
    )


def _gru(n_in: int, size: int) -> Case:
    gru = nn.GRU(n_in, size, batch_first=True)
    weight, recurrent, bias, recurrent_bias = gru.all_weights[0]
    return Case(
        "gru",
        lambda program, wires: program.gru(
            program.linear(wires["x"], weight, bias), recurrent, recurrent_bias
        ),
        lambda inputs: gru(inputs["x"])[0],
        {"x": n_in},
        size,
    )


def _history(size: int, lags: list[int]) -> Case:
    def expected(inputs: Inputs) -> Tensor:
        x = inputs["x"]
        past = [nn.functional.pad(x, (0, 0, lag, 0))[:, : x.shape[1]] for lag in lags]
        return torch.cat(past, -1)

    return Case(
        "history",
        lambda program, wires: program.history(wires["x"], lags),
        expected,
        {"x": size},
        size * len(lags),
    )


def _shimmer(periods: list[int], size: int) -> Case:
    depths = torch.rand(len(periods), size)

    def expected(inputs: Inputs) -> Tensor:
        n_items, n_frames, _ = inputs["x"].shape
        zeros = torch.zeros(n_items, dtype=torch.int64)
        return functional.shimmer(depths, periods, zeros, zeros, n_frames)

    return Case(
        "shimmer", lambda program, wires: program.shimmer(depths, periods), expected, {"x": size}, size
    )


def _depthwise(size: int, taps: int) -> Case:
    layer = nn.Conv1d(size, size, taps, groups=size)
    bias = layer.bias
    assert bias is not None

    def expected(inputs: Inputs) -> Tensor:
        return layer(nn.functional.pad(inputs["x"].transpose(1, 2), (taps - 1, 0))).transpose(1, 2)

    return Case(
        "depthwise",
        lambda program, wires: program.depthwise(wires["x"], layer.weight[:, 0], bias),
        expected,
        {"x": size},
        size,
    )


def _attention(size: int, heads: int, context: int) -> Case:
    slopes = torch.exp2(-8 * torch.arange(1.0, heads + 1) / heads)

    def expected(inputs: Inputs) -> Tensor:
        query, key, value = (
            inputs[name].unflatten(-1, (heads, -1)).transpose(1, 2) for name in ("q", "k", "v")
        )
        frame = torch.arange(query.shape[2])
        distance = frame[:, None] - frame
        bias = -slopes[:, None, None] * distance
        bias = bias.masked_fill((distance < 0) | (distance >= context), -torch.inf)
        seen = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return seen.transpose(1, 2).flatten(2)

    return Case(
        "attention",
        lambda program, wires: program.attention(wires["q"], wires["k"], wires["v"], slopes, context),
        expected,
        {"q": size, "k": size, "v": size},
        size,
    )


_PITCH = {"f0_hz": (80.0, 900.0), "amplitude": (0.0, 1.0), "weights": (0.0, 1.0)}


def _harmonic(n_partials: int, hop: int, *, inharmonic: bool = False, phased: bool = False) -> Case:
    sizes = {"f0_hz": 1, "amplitude": 1, "weights": n_partials}
    sizes |= {"inharmonicity": 1} if inharmonic else {}
    sizes |= {"phase": 1} if phased else {}

    def expected(inputs: Inputs) -> Tensor:
        extra = {name: inputs[name][..., 0] for name in ("inharmonicity", "phase") if name in inputs}
        return functional.harmonic_oscillator(
            inputs["f0_hz"][..., 0],
            inputs["amplitude"][..., 0],
            inputs["weights"],
            sample_rate=RATE,
            hop_length=hop,
            **extra,
        )

    return Case(
        "harmonic",
        lambda program, wires: program.harmonic(
            wires["f0_hz"],
            wires["amplitude"],
            wires["weights"],
            wires.get("inharmonicity"),
            wires.get("phase"),
        ),
        expected,
        sizes,
        hop,
        {**_PITCH, "inharmonicity": (0.0, 1e-3), "phase": (-0.5, 0.5)},
        # A rounding of a partial's own frequency adds up over its phase.
        1e-4 if inharmonic else 1e-5,
    )


def _sinusoidal(n_sines: int, hop: int) -> Case:
    return Case(
        "sinusoidal",
        lambda program, wires: program.sinusoidal(wires["f"], wires["a"]),
        lambda inputs: functional.sinusoidal_oscillator(
            inputs["f"], inputs["a"], sample_rate=RATE, hop_length=hop
        ),
        {"f": n_sines, "a": n_sines},
        hop,
        {"f": (50.0, 9000.0), "a": (0.0, 1.0)},
    )


def _phased(n_sines: int, hop: int) -> Case:
    return Case(
        "sinusoidal",
        lambda program, wires: program.sinusoidal(wires["f"], wires["a"], wires["p"]),
        lambda inputs: functional.sinusoidal_oscillator(
            inputs["f"], inputs["a"], sample_rate=RATE, hop_length=hop, phases=inputs["p"]
        ),
        {"f": n_sines, "a": n_sines, "p": n_sines},
        hop,
        {"f": (50.0, 9000.0), "a": (0.0, 1.0), "p": (-0.5, 0.5)},
    )


def _envelope(n_bands: int, n_points: int) -> Case:
    def expected(inputs: Inputs) -> Tensor:
        points = inputs["f0_hz"] * torch.arange(1, n_points + 1)
        return functional.read_envelope(inputs["x"], points, RATE)

    return Case(
        "envelope",
        lambda program, wires: program.envelope(wires["x"], n_points, wires["f0_hz"]),
        expected,
        {"x": n_bands, "f0_hz": 1},
        n_points,
        {"f0_hz": (50.0, 9000.0)},
    )


def _amplitudes(n_bands: int, n_points: int) -> Case:
    return Case(
        "envelope",
        lambda program, wires: program.envelope(wires["x"], n_points, wires["f0_hz"], amplitudes=True),
        lambda inputs: functional.partial_amplitudes(
            inputs["f0_hz"][..., 0], inputs["x"], torch.full_like(inputs["x"], -300.0), n_points, RATE
        ),
        {"x": n_bands, "f0_hz": 1},
        n_points,
        {"f0_hz": (50.0, 9000.0), "x": (-100.0, -30.0)},
    )


def _cycle(n_harmonics: int, hop: int) -> Case:
    tables = torch.randn(1, 2, n_harmonics) / n_harmonics

    def expected(inputs: Inputs) -> Tensor:
        f0_hz, amplitude = inputs["f0_hz"][..., 0], inputs["amplitude"][..., 0]
        ones = torch.ones(1, f0_hz.shape[1], 1)
        rates = {"sample_rate": RATE, "hop_length": hop}
        return functional.wavetable_oscillator(f0_hz, amplitude, ones, tables, **rates)

    def build(program: Program, wires: Wires) -> Wire:
        zeros = torch.zeros(2 * n_harmonics, 1)
        cycle = program.linear(wires["f0_hz"], zeros, tables.flatten())
        return program.cycle(wires["f0_hz"], wires["amplitude"], cycle)

    return Case("cycle", build, expected, {"f0_hz": 1, "amplitude": 1}, hop, _PITCH)


def _pulse(hop: int, odd: bool) -> Case:
    return Case(
        "pulse",
        lambda program, wires: program.pulse(wires["f0_hz"], wires["amplitude"], odd),
        lambda inputs: functional.pulse_train(
            inputs["f0_hz"][..., 0],
            inputs["amplitude"][..., 0],
            sample_rate=RATE,
            hop_length=hop,
            harmonics="odd" if odd else "all",
        ),
        {"f0_hz": 1, "amplitude": 1},
        hop,
        _PITCH,
    )


#: In a frame, in two that follow each other, at a frame's end, twice in a frame, and after silence.
_HITS = (70.3, 605.75, 660.25, 1200.0, 1500.5, 1510.6, 2700.9)


#: The same for frames of one sample.
_CLOSE_HITS = (5.5, 20.25, 21.5, 22.0, 40.0)


def _modes(n_modes: int, hop: int) -> Case:
    return Case(
        "modes",
        lambda program, wires: program.modes(*wires.values()),
        lambda inputs: functional.modes(
            inputs["onset_s"][..., 0],
            *(inputs[name] for name in ("f", "t", "a", "p")),
            sample_rate=RATE,
            hop_length=hop,
        ),
        {"onset_s": 1, "f": n_modes, "t": n_modes, "a": n_modes, "p": n_modes},
        hop,
        {"f": (50.0, 7000.0), "t": (0.001, 0.1), "a": (0.0, 1.0), "p": (-1.0, 1.0)},
        hits=_HITS if hop > 1 else _CLOSE_HITS,
    )


def _transient(n_taps: int, hop: int) -> Case:
    return Case(
        "transient",
        lambda program, wires: program.transient(wires["onset_s"], wires["c"]),
        lambda inputs: functional.transient(
            inputs["onset_s"][..., 0], inputs["c"], sample_rate=RATE, hop_length=hop
        ),
        {"onset_s": 1, "c": n_taps},
        hop,
        hits=_HITS if hop > 1 else _CLOSE_HITS,
    )


def _onset_gate(hop: int, hits: tuple[float, ...]) -> Case:
    return Case(
        "onset_gate",
        lambda program, wires: program.onset_gate(wires["audio"], wires["onset_s"]),
        lambda inputs: functional.onset_gate(
            inputs["audio"].flatten(1), inputs["onset_s"][..., 0], sample_rate=RATE, hop_length=hop
        ),
        {"audio": hop, "onset_s": 1},
        hop,
        hits=hits,
    )


def _fm(hop: int, number: int, ratios: tuple[float, ...]) -> Case:
    modulators = functional.dx7_algorithm(number)
    return Case(
        "fm",
        lambda program, wires: program.fm(wires["f0_hz"], wires["levels"], ratios, modulators),
        lambda inputs: functional.fm_oscillator(
            inputs["f0_hz"][..., 0],
            inputs["levels"],
            ratios=ratios,
            modulators=modulators,
            sample_rate=RATE,
            hop_length=hop,
        ),
        {"f0_hz": 1, "levels": 6},
        hop,
        _PITCH | {"levels": (0.0, 6.0)},
    )


def _noise(n_bands: int, hop: int) -> Case:
    return Case(
        "noise",
        lambda program, wires: program.noise(program.linear(wires["m"], filter_taps(n_bands).T)),
        lambda inputs: functional.filtered_noise(inputs["m"], hop_length=hop),
        {"m": n_bands},
        hop,
        {"m": (0.0, 1.0)},
    )


def _gain(hop: int) -> Case:
    return Case(
        "gain",
        lambda program, wires: program.gain(wires["audio"], wires["gain"]),
        lambda inputs: inputs["audio"].flatten(1) * functional.upsample(inputs["gain"], hop)[..., 0],
        {"audio": hop, "gain": 1},
        hop,
    )


def _delay(hop: int, n_samples: int) -> Case:
    return Case(
        "delay",
        lambda program, wires: program.delay(wires["audio"], n_samples),
        lambda inputs: nn.functional.pad(inputs["audio"].flatten(1), (n_samples, 0))[
            :, : inputs["audio"].numel()
        ],
        {"audio": hop},
        hop,
    )


def _convolve(hop: int, n_taps: int) -> Case:
    taps = torch.randn(n_taps) * torch.exp(-6 * torch.arange(n_taps) / n_taps) / math.sqrt(n_taps)
    return Case(
        "convolve",
        lambda program, wires: program.convolve(wires["audio"], taps),
        lambda inputs: functional.convolve(inputs["audio"].double().flatten(1), taps.double()).float(),
        {"audio": hop},
        hop,
    )


def _allpole(order: int, hop: int) -> Case:
    return Case(
        "allpole",
        lambda program, wires: program.allpole(wires["x"], wires["k"]),
        lambda inputs: functional.allpole(inputs["x"].flatten(1), inputs["k"], hop_length=hop),
        {"x": hop, "k": order},
        hop,
        {"k": (-0.99, 0.99)},
    )


def _neural_filter(hop: int, channels: int, taps: int, dilations: list[int]) -> Case:
    n = len(dilations)
    first, weight = torch.randn(channels), torch.randn(n * channels, taps * channels) / channels**0.5
    output = torch.randn(channels) / channels

    def expected(inputs: Inputs) -> Tensor:
        """As a sum over taps at every sample, in float64."""
        x = inputs["audio"].double().flatten()
        curve = functional.upsample(inputs["offsets"].double(), hop)[0]
        h = x.unsqueeze(-1) * first
        for i, dilation in enumerate(dilations):
            own = weight[i * channels : (i + 1) * channels].double().reshape(channels, taps, channels)
            total = curve[:, i * channels : (i + 1) * channels]
            for k in range(taps):
                late = (taps - 1 - k) * dilation
                total = total + nn.functional.pad(h, (0, 0, late, 0))[: len(h)] @ own[:, k].T
            h = h + torch.tanh(total)
        return (x + h @ output.double()).float()

    return Case(
        "neural_filter",
        lambda program, wires: program.neural_filter(
            wires["audio"], wires["offsets"], first, weight, output, dilations
        ),
        expected,
        {"audio": hop, "offsets": n * channels},
        hop,
    )


def _minimum_phase(n_bands: int) -> Case:
    n_taps = 4 * (n_bands - 1)
    return Case(
        "minimum_phase",
        lambda program, wires: program.minimum_phase(wires["m"], filter_taps(n_bands).T, n_taps, LOG_OFFSET),
        lambda inputs: functional.minimum_phase_taps(inputs["m"].double()).float(),
        {"m": n_bands},
        n_taps,
        {"m": (0.1, 1.0)},
    )


def _moving_filter(hop: int, n_taps: int, symmetric: bool) -> Case:
    def expected(inputs: Inputs) -> Tensor:
        taps = inputs["taps"]
        if symmetric:
            taps = torch.cat([taps[..., 1:].flip(-1), taps], -1)
        return functional.moving_filter(inputs["audio"].flatten(1), taps, hop_length=hop)

    return Case(
        "moving_filter",
        lambda program, wires: program.moving_filter(wires["audio"], wires["taps"], symmetric),
        expected,
        {"audio": hop, "taps": n_taps},
        hop,
    )


def cases() -> dict[str, Case]:
    """Return the cases by name, with weights from a fixed seed."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return _cases()


def _cases() -> dict[str, Case]:
    made = {
        "concatenate": Case(
            "concatenate",
            lambda program, wires: program.concatenate(*wires.values()),
            lambda inputs: torch.cat(list(inputs.values()), -1),
            {"x": 1, "y": 19, "z": 3},
            23,
        ),
        "add": Case(
            "add",
            lambda program, wires: program.add(*wires.values()),
            lambda inputs: inputs["x"] + inputs["y"],
            {"x": 19, "y": 19},
            19,
        ),
        "multiply": Case(
            "multiply",
            lambda program, wires: program.multiply(*wires.values()),
            lambda inputs: inputs["x"] * inputs["y"],
            {"x": 19, "y": 19},
            19,
        ),
    }
    for size in (1, 5, 37):
        made |= {
            f"affine {size}": _map("affine", lambda x: 0.3 * x - 7.0, size, 0.3, -7.0),
            f"hz_to_midi {size}": _map("hz_to_midi", functional.hz_to_midi, size, low=0.1),
            f"saturate {size}": _map("saturate", lambda x: x / (x + 0.5), size, 0.5, low=0.0),
            f"leaky_relu {size}": _map("leaky_relu", lambda x: nn.functional.leaky_relu(x, 0.2), size, 0.2),
            f"silu {size}": _map("silu", nn.functional.silu, size),
            f"tanh {size}": _map("tanh", torch.tanh, size),
            f"sigmoid {size}": _map("sigmoid", lambda x: -1 + 4 * torch.sigmoid(x), size, -1.0, 3.0),
            f"log_sigmoid {size}": _map(
                "log_sigmoid", lambda x: functional.log_sigmoid_range(x, 1e-3, 10.0), size, 1e-3, 10.0
            ),
            f"exp_sigmoid {size}": _map("exp_sigmoid", _exp_sigmoid, size, 2.0),
            f"softmax {size}": _map("softmax", lambda x: torch.softmax(x, -1), size),
            f"layer_norm {size}": _layer_norm(size),
        }
    for n_in, n_out in ((1, 1), (3, 130), (130, 3), (129, 257), (17, 80)):
        made[f"linear {n_in} to {n_out}"] = _linear(n_in, n_out)
    made |= {
        "linear without a bias": _linear(5, 9, bias=False),
        "gru of one": _gru(2, 1),
        "gru": _gru(5, 37),
        "history": _history(5, [0, 3, 11]),
        "shimmer": _shimmer([1, 2, 7, 64, 1], 13),
        "shimmer of one": _shimmer([3], 1),
        "depthwise": _depthwise(19, 7),
        "depthwise of one tap": _depthwise(3, 1),
        "attention": _attention(24, 3, 9),
        "attention of one frame": _attention(5, 1, 1),
        "harmonic": _harmonic(60, 100),
        "harmonic of one": _harmonic(1, 64),
        "harmonic, a hop of one": _harmonic(9, 1),
        "harmonic, inharmonic": _harmonic(30, 60, inharmonic=True),
        "harmonic, phased": _harmonic(30, 60, phased=True),
        "harmonic, both": _harmonic(30, 60, inharmonic=True, phased=True),
        "sinusoidal": _sinusoidal(21, 60),
        "sinusoidal, phased": _phased(21, 60),
        "envelope": _envelope(30, 50),
        "envelope of two": _envelope(2, 3),
        "envelope, amplitudes": _amplitudes(40, 60),
        "cycle": _cycle(40, 60),
        "pulse": _pulse(60, odd=False),
        "pulse, odd": _pulse(60, odd=True),
        "modes": _modes(7, 60),
        "modes, a hop of one": _modes(3, 1),
        "transient": _transient(50, 60),
        "transient of a tap, a hop longer than it": _transient(1, 60),
        "transient of many, a hop of one": _transient(90, 1),
        "onset_gate": _onset_gate(60, _HITS),
        "onset_gate, an onset between two samples": _onset_gate(60, (1333.25,)),
        "fm": _fm(60, 2, (1.0, 1.0, 1.0, 1.0, 3.0, 14.0)),
        "fm, a modulator of three": _fm(60, 22, (1.0, 2.0, 0.5, 1.01, 3.0, 1.5)),
        "fm, six carriers": _fm(1, 32, (1.0, 2.0, 3.0, 4.0, 5.0, 6.5)),
        "noise": _noise(65, 60),
        "noise of two bands": _noise(2, 33),
        "gain": _gain(48),
        "delay": _delay(48, 100),
        "delay, short": _delay(48, 5),
        "convolve": _convolve(60, 3000),
        "convolve, a segment": _convolve(60, 512),
        "convolve, a tap more": _convolve(60, 513),
        "convolve, one tap": _convolve(60, 1),
        "convolve, a long hop": _convolve(1300, 2000),
        "allpole": _allpole(22, 60),
        "allpole of one pole": _allpole(1, 7),
        "allpole of many poles": _allpole(50, 37),
        "neural_filter": _neural_filter(60, 16, 3, [1, 2, 4, 8]),
        "neural_filter of a channel and a tap": _neural_filter(7, 1, 1, [1]),
        "neural_filter, a hop of one": _neural_filter(1, 5, 2, [3, 1]),
        "neural_filter that looks back for several frames": _neural_filter(20, 19, 2, [100, 7, 1]),
        "minimum_phase": _minimum_phase(33),
        "moving_filter": _moving_filter(60, 40, symmetric=False),
        "moving_filter, symmetric": _moving_filter(60, 33, symmetric=True),
    }
    return made


def busy_program() -> Program:
    """Return a program that uses every kind of operation, for what is not about their numbers."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        program = Program(RATE, 48, metadata={"name": "busy", "licence": "CC0-1.0"})
        f0_hz = program.input("f0_hz", default=220.0, minimum=20.0, maximum=8000.0, positive=True)
        loudness = program.input("loudness_db", default=-60.0, minimum=-120.0, maximum=0.0)
        z = program.input("z", 3)
        x = program.concatenate(program.hz_to_midi(f0_hz), program.affine(loudness, 1 / 80, 1.0), z)
        x = program.linear(x, torch.randn(12, 5) / 9, torch.randn(12))
        x = program.leaky_relu(program.layer_norm(x, torch.ones(12), torch.zeros(12), 1e-5), 0.2)
        x = program.gru(program.linear(x, torch.randn(36, 12) / 4), torch.randn(36, 12) / 4, torch.randn(36))
        x = program.depthwise(x, torch.randn(12, 3), torch.zeros(12))
        x = program.add(x, program.shimmer(torch.full((3, 12), 0.5), [1, 3, 64]))
        x = program.add(x, program.silu(program.attention(x, x, x, torch.tensor([0.5, 0.1]), 5)))
        x = program.multiply(program.tanh(x), program.sigmoid(x))
        x = program.linear(program.history(x, [0, 2]), torch.randn(60, 24) / 4, torch.randn(60))
        amplitude, weights, magnitudes, tables, extra = x.split(1, 9, 17, 24, 9)
        amplitude = program.exp_sigmoid(amplitude, 1.0)
        weights = program.exp_sigmoid(weights, 2.0)
        inharmonicity = program.log_sigmoid(extra.split(1, 8)[0], 1e-5, 1e-3)
        audio = program.harmonic(f0_hz, amplitude, weights, inharmonicity, extra.split(1, 8)[0])
        audio = program.add(audio, program.harmonic(f0_hz, amplitude, weights))
        sines = program.concatenate(f0_hz, program.affine(f0_hz, 2.0, 0.0), program.affine(f0_hz, 0.25, 0.0))
        audio = program.add(audio, program.sinusoidal(sines, program.softmax(extra.split(3, 6)[0])))
        tilted = program.envelope(program.affine(extra, 20.0, -30.0), 3, f0_hz, amplitudes=True)
        audio = program.add(audio, program.sinusoidal(sines, tilted, extra.split(3, 6)[0]))
        audio = program.add(audio, program.cycle(f0_hz, amplitude, program.tanh(tables)))
        level = program.saturate(program.softmax(extra), 0.5)
        magnitudes = program.exp_sigmoid(magnitudes, 1.0)
        pulses = program.pulse(f0_hz, amplitude, odd=True)
        onset_s = program.affine(f0_hz, 0.0, 1e4)
        decays = program.log_sigmoid(extra, 1e-3, 1.0)
        hit = program.modes(onset_s, program.affine(decays, 900.0, 50.0), decays, level, extra)
        hit = program.allpole(program.add(hit, program.transient(onset_s, tables)), program.tanh(tables))
        pulses = program.add(pulses, program.onset_gate(hit, onset_s))
        routing = functional.dx7_algorithm(5)
        pulses = program.add(pulses, program.fm(f0_hz, weights.split(6, 3)[0], [1, 1, 2, 3, 1, 0.5], routing))
        taps = program.minimum_phase(magnitudes, filter_taps(17).T, 64, LOG_OFFSET)
        audio = program.add(audio, program.moving_filter(pulses, taps))
        half = program.linear(magnitudes, filter_taps(17).T)
        audio = program.add(program.delay(audio, 16), program.noise(half, 5))
        audio = program.moving_filter(audio, half, symmetric=True)
        audio = program.gain(
            audio, program.input("gain", default=1.0, minimum=0.0, maximum=10.0, optional=True)
        )
        audio = program.gain(audio, level.split(1, 8)[0])
        ends = torch.randn(2, 4) / 4
        audio = program.neural_filter(
            audio, extra.split(8, 1)[0], ends[0], torch.randn(8, 12) / 4, ends[1], [1, 30]
        )
        program.output = program.convolve(audio, torch.randn(1200) / 40)
        program.latency = 32
        return program
