"""Streams: compiled or not, they take and refuse the same, and play the weights that they were made with."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from oscine import kernels
from oscine.models import Instrument, InstrumentConfig
from oscine.networks import ControllerConfig
from oscine.processors import FilteredNoise, HarmonicConfig, NoiseConfig
from oscine.runtime import engines
from oscine.streaming import Program, Stream

FORMS = [*engines(), "torch"]


@pytest.fixture(params=FORMS)
def stream(request: pytest.FixtureRequest) -> Iterator[Stream]:
    """A stream in each form that there is here."""
    with kernels.use(request.param):
        stream = Stream(_instrument())
        assert stream.compiled == (request.param != "torch")
        yield stream


def _instrument() -> Instrument:
    return Instrument(
        InstrumentConfig(
            sample_rate=16_000,
            hop_length=40,
            controller=ControllerConfig(hidden_size=9),
            synth=(HarmonicConfig(n_harmonics=9), NoiseConfig(n_bands=9)),
            effects=(),
        )
    )


def _conditions(n_frames: int = 12) -> dict[str, torch.Tensor]:
    return {"f0_hz": 100 + 300 * torch.rand(1, n_frames), "loudness_db": -50 * torch.rand(1, n_frames)}


def test_conditions_come_by_name_by_position_or_as_a_mapping(stream: Stream) -> None:
    conditions = _conditions()
    expected = stream.push(**conditions)
    for push in (
        lambda: stream.push(*conditions.values()),
        lambda: stream.push(conditions),
        lambda: stream.push(conditions["f0_hz"], loudness_db=conditions["loudness_db"]),
        lambda: stream.push(conditions, gain=torch.ones(1, 12)),
    ):
        stream.reset()
        assert torch.equal(push(), expected)


def test_what_is_missing_given_twice_or_unknown_is_refused_in_a_sentence(stream: Stream) -> None:
    f0_hz, loudness_db = _conditions().values()
    for signals, named in (
        ((), {"f0_hz": f0_hz}),
        ((f0_hz,), {}),
        ((f0_hz, loudness_db), {"f0_hz": f0_hz}),
        ((f0_hz, loudness_db, f0_hz), {}),
        ((f0_hz, loudness_db[:, 1:]), {}),
        (({"f0_hz": f0_hz, "loudness_db": loudness_db},), {"f0_hz": f0_hz}),
        ((f0_hz, loudness_db[0]), {}),
        ((f0_hz.repeat(2, 1), loudness_db.repeat(2, 1)), {}),
        ((), {"f0_hz": f0_hz, "loudness_db": loudness_db, "pitch": f0_hz}),
    ):
        with pytest.raises(ValueError, match=r"\.$"):
            stream.push(*signals, **named)


def test_reset_starts_anew_and_may_change_the_seed(stream: Stream) -> None:
    conditions = _conditions()
    first = stream.push(**conditions)
    stream.reset(seed=5)
    assert not torch.equal(stream.push(**conditions), first)
    stream.reset()
    assert not torch.equal(stream.push(**conditions), first)
    stream.reset(seed=0)
    assert torch.equal(stream.push(**conditions), first)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"seed": 1.5}, "seed is 1.5; give a whole number"),
        ({"seed": "1"}, "seed is '1'"),
        ({"seed": 1 << 63}, "seed is 9223372036854775808; give a whole number of at most 63 bits"),
        ({"batch_size": 0}, "batch_size is 0; give a whole number of at least 1"),
        ({"batch_size": 1.5}, "batch_size is 1.5"),
    ],
)
def test_a_batch_size_or_seed_that_is_none_is_refused(options: dict[str, Any], sentence: str) -> None:
    noise = FilteredNoise(n_bands=5, hop_length=8)
    with pytest.raises(ValueError, match=sentence):
        inspect.unwrap(Stream.__init__)(object.__new__(Stream), noise, **options)
    if "seed" in options:
        with pytest.raises(ValueError, match=sentence):
            inspect.unwrap(Stream.reset)(Stream(noise), **options)


def test_no_gradient_flows_and_training_may_go_on(stream: Stream) -> None:
    conditions = {name: curve.requires_grad_() for name, curve in _conditions().items()}
    assert not stream.push(**conditions).requires_grad


@pytest.mark.skipif(not engines(), reason="no compiled runtime")
def test_what_is_too_large_for_the_runtime_streams_by_step() -> None:
    class Remembering(FilteredNoise):
        def program(self) -> Program:
            program = Program(16_000, self.hop_length)
            magnitudes = program.input("magnitudes", self.n_bands)
            audio = self.lower(program, magnitudes)
            for _ in range(9):
                audio = program.delay(audio, 1 << 24)
            program.output = audio
            return program

    with kernels.use(engines()[0]):
        stream = Stream(Remembering(n_bands=5, hop_length=8))
    assert not stream.compiled
    assert "more than the runtime allows" in stream.why
    assert stream.push(torch.ones(1, 2, 5)).shape == (1, 16)
