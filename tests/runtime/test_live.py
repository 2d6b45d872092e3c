"""The runtime as a host plays it: any block, any rate, a latency that is what an impulse measures."""

import inspect
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from tests.runtime.programs import RATE, busy_program

from oscine.runtime import Engine, Live, TooLarge, engines
from oscine.runtime.library import require_samples
from oscine.streaming import Program

pytestmark = pytest.mark.skipif(
    not engines(), reason="no compiled runtime: there was no C++ compiler when the package was installed"
)

HOP = 64
HOST_RATES = (8000, 16000, 22050, 44100, 48000, 96000, 47999)


def _tone(sample_rate: int, *frequencies_hz: float) -> bytes:
    """Return a program that plays sines of amplitude 1 / n."""
    program = Program(sample_rate, HOP)
    x = program.input("x")
    n = len(frequencies_hz)
    frequencies = program.linear(x, torch.zeros(n, 1), torch.tensor(frequencies_hz))
    program.output = program.sinusoidal(frequencies, program.linear(x, torch.zeros(n, 1), torch.ones(n) / n))
    return program.to_bytes()


def _level(latency: int) -> bytes:
    """Return a program whose audio is its input, interpolated, and late."""
    program = Program(RATE, HOP, latency)
    level = program.input("level")
    ones = program.linear(level, torch.zeros(HOP, 1), torch.ones(HOP))
    program.output = program.delay(program.gain(ones, level), latency)
    return program.to_bytes()


@pytest.mark.parametrize("name", engines())
def test_at_its_own_rate_it_plays_what_the_engine_plays(name: str) -> None:
    content = busy_program().to_bytes()
    engine, live = Engine(content, name), Live(content, name=name)
    n_frames, hop = 40, engine.hop_length
    inputs = {key: torch.rand(1, n_frames, one.size) for key, one in engine.inputs.items()}
    inputs["f0_hz"] = 200 + 300 * inputs["f0_hz"]
    expected = engine.play(inputs)[0]
    frames = []
    for t in range(n_frames):
        live.set(**{key: curve[0, t].tolist() for key, curve in inputs.items()})
        frames.append(live.play(hop))
    assert torch.equal(torch.cat(frames), expected)
    assert live.sample_rate == engine.sample_rate
    assert live.latency == engine.latency + hop


@pytest.mark.parametrize("sample_rate", HOST_RATES)
def test_the_cut_into_blocks_makes_no_difference(sample_rate: int) -> None:
    live = Live(_level(0), sample_rate)
    events = [0, *sorted(np.random.default_rng(0).choice(9000, 30, replace=False).tolist()), 9000]
    levels = torch.rand(len(events)).tolist()

    def play(longest: int) -> torch.Tensor:
        live.reset()
        random, blocks = np.random.default_rng(longest), []
        for (a, b), level in zip(pairwise(events), levels, strict=False):
            live.set(level=level)
            left = b - a
            while left:
                n = int(min(random.integers(0, longest + 1), left))
                blocks.append(live.play(n))
                left -= n
        return torch.cat(blocks)

    whole = play(100_000)
    assert whole.shape == (9000,)
    assert whole.std() > 0.1
    for longest in (1, 64, 1000):
        assert torch.equal(play(longest), whole)


@pytest.mark.parametrize("sample_rate", HOST_RATES)
@pytest.mark.parametrize("latency", [0, 37])
def test_the_latency_is_what_an_impulse_measures(sample_rate: int, latency: int) -> None:
    live = Live(_level(latency), sample_rate)
    frame = HOP * sample_rate / RATE
    live.set(level=0.0)
    start = live.play(round(49.5 * frame))
    live.set(level=1.0)  # frame 50 takes it
    impulse = live.play(round(50.5 * frame) - len(start))
    live.set(level=0.0)
    audio = torch.cat([start, impulse, live.play(round(60 * frame))]).double()
    measured = float((audio * torch.arange(len(audio))).sum() / audio.sum())
    assert abs(measured - 50 * frame - live.latency) <= 0.51
    assert audio.sum() == pytest.approx(frame, rel=1e-4)


@pytest.mark.parametrize("own", [16000, 44100, 48000])
@pytest.mark.parametrize("sample_rate", HOST_RATES)
def test_a_tone_stays_a_tone(own: int, sample_rate: int) -> None:
    """What both rates have passes unchanged; all else, images and aliases, is 85 dB below."""
    nyquist = min(own, sample_rate) / 2
    # Whole numbers of Hz, which float32 has.
    kept = [round(share * nyquist) for share in (0.03, 0.41, 0.87)]
    lost = [round(share * nyquist) for share in (1.01, 1.3) if share * nyquist < own / 2]
    frequencies = kept + lost
    audio = Live(_tone(own, *frequencies), sample_rate).play(9000)[3000:].double().numpy()
    time = np.arange(len(audio)) / sample_rate
    waves = np.stack([wave(2 * np.pi * f * time) for f in kept for wave in (np.cos, np.sin)], axis=1)
    fitted, *_ = np.linalg.lstsq(waves, audio, rcond=None)
    amplitudes = np.hypot(fitted[::2], fitted[1::2]) * len(frequencies)
    assert np.abs(20 * np.log10(amplitudes)).max() < 0.01
    rest = audio - waves @ fitted
    assert 20 * math.log10(np.sqrt((rest**2).mean()) * math.sqrt(2) * len(frequencies)) < -85


@pytest.mark.parametrize("sample_rate", [44100, 48000, 96000])
def test_the_filter_is_late_by_less_than_a_millisecond(sample_rate: int) -> None:
    """Its delay grows toward the band's edge; up to 7/8 of it, it stays below 1 ms."""
    pairs = [(f, f + 50) for f in (200, 2000, 5000, 7000)]
    frequencies = [f for pair in pairs for f in pair]
    live, own = Live(_tone(RATE, *frequencies), sample_rate), Live(_tone(RATE, *frequencies))
    declared_ms = 1000 * (live.latency - round(HOP * sample_rate / RATE)) / sample_rate

    def turns(live: Live, f: int) -> float:
        n = np.arange(2 * live.sample_rate // 10, 6 * live.sample_rate // 10)
        audio = sounds[live][n]
        return float(np.angle((audio * np.exp(-2j * np.pi * f * n / live.sample_rate)).sum()) / (2 * np.pi))

    sounds = {one: one.play(6 * one.sample_rate // 10).double().numpy() for one in (live, own)}
    late_ms = []
    for low, high in pairs:
        difference = turns(own, high) - turns(live, high) - turns(own, low) + turns(live, low)
        late_ms.append(1000 * (difference - round(difference)) / (high - low))
    assert declared_ms < 0.21
    assert late_ms[0] == pytest.approx(declared_ms, abs=0.002)
    assert np.all(np.diff(late_ms) > 0)
    assert late_ms[-1] < 1


def test_inputs_stand_until_they_are_set_and_reset_forgets_them() -> None:
    live = Live(_level(0))
    live.set(level=0.5)
    live.play(HOP)
    assert torch.equal(live.play(HOP), torch.full((HOP,), 0.5))
    live.set(level=math.nan)
    live.play(HOP)
    assert torch.equal(live.play(HOP), torch.full((HOP,), 0.5))
    live.set(level=None)
    live.play(HOP)
    assert torch.equal(live.play(HOP), torch.zeros(HOP))
    live.set(level=1.0)
    live.reset()
    assert torch.equal(live.play(HOP), torch.zeros(HOP))


def test_what_it_cannot_do_is_a_sentence() -> None:
    live = Live(_level(0))
    for wrong, sentence in (
        (lambda: live.set(pitch=440.0), "pitch was given; the inputs are level"),
        (lambda: live.set(level=[1.0, 2.0]), "level has 2 values; give 1"),
        (lambda: live.play(-1), "n_samples is -1; give a whole number, 0 or more"),
        (lambda: inspect.unwrap(require_samples)(0.5), "n_samples is 0.5"),
        (lambda: Live(_level(0), 3999), "out of its range"),
        (lambda: Live(_level(0), 768001), "out of its range"),
        (lambda: Live(_level(0), -1), "The sample rate is -1"),
        (lambda: Live(_level(0)[:-1]), r"damaged|invalid"),
    ):
        with pytest.raises(ValueError, match=sentence):
            wrong()
    assert live.play(0).shape == (0,)
    with pytest.raises(ValueError, match="pitch"):
        live.set(level=1.0, pitch=440.0)
    live.play(HOP)
    assert torch.equal(live.play(HOP), torch.zeros(HOP))  # nothing was set
    late = Program(1000, HOP, 1 << 24)
    audio = late.input("audio", HOP)
    late.output = late.add(audio, audio)
    with pytest.raises(TooLarge):
        Live(late.to_bytes(), 768000)
    with pytest.raises(TooLarge):
        Live(_tone(400_000, 100.0), 4000)
