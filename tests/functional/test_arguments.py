"""What the functions refuse, in sentences; and frequencies that are 0 or negative."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from oscine import functional
from oscine.functional import (
    accumulate_phase,
    convolution_state,
    convolve,
    convolve_step,
    envelope_oscillator,
    filter_state,
    filtered_noise,
    filtered_noise_step,
    fm_oscillator,
    fm_oscillator_step,
    fm_state,
    harmonic_oscillator,
    harmonic_oscillator_step,
    hit_state,
    hold_valid,
    hz_to_midi,
    limit_fm_levels,
    loudness_db,
    mfcc,
    minimum_phase_taps,
    modes,
    moving_filter,
    moving_filter_step,
    noise_bands_step,
    noise_state,
    onset_gate_step,
    onset_state,
    oscillator_state,
    paper_loudness_db,
    partial_amplitudes,
    previous_frames,
    pulse_train,
    read_envelope,
    sampled_cycles,
    sinusoidal_oscillator,
    sinusoidal_oscillator_step,
    spectral_centroid_midi,
    time_since_onset_step,
    upsample,
    upsample_state,
    upsample_step,
    wavetable_oscillator,
)
from oscine.functional.hit import held_controls
from oscine.models import Instrument, InstrumentConfig
from oscine.processors import HarmonicConfig, NoiseConfig
from oscine.streaming import Stream

F0, AMPLITUDE, WEIGHTS = torch.full((2, 3), 440.0), torch.ones(2, 3), torch.ones(2, 3, 4)


# The functions as users have them: without the type checker of the tests.
BARE_HARMONIC, BARE_NOISE = inspect.unwrap(harmonic_oscillator), inspect.unwrap(filtered_noise)
BARE_CONVOLVE, BARE_SINES = inspect.unwrap(convolve), inspect.unwrap(sinusoidal_oscillator)
BARE_FILTER, BARE_TABLE = inspect.unwrap(moving_filter), inspect.unwrap(wavetable_oscillator)
RATES: dict[str, Any] = {"sample_rate": 16_000, "hop_length": 64}
TABLES = torch.ones(4, 2, 8)
EMPTY = "no axis of which is empty"


def _harmonic(f0: Any, amplitude: Any = AMPLITUDE, weights: Any = WEIGHTS, **options: Any) -> Tensor:
    return BARE_HARMONIC(f0, amplitude, weights, **RATES | options)


def _table(weights: Tensor, tables: Tensor = TABLES, amplitude: Tensor = AMPLITUDE, **options: Any) -> Tensor:
    return BARE_TABLE(F0, amplitude, weights, tables, **RATES | options)


def _sines(frequencies: Tensor, amplitudes: Tensor) -> Tensor:
    return BARE_SINES(frequencies, amplitudes, **RATES)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "no items": (lambda: _harmonic(F0[:0], AMPLITUDE[:0], WEIGHTS[:0]), EMPTY),
    "no frames": (
        lambda: _harmonic(F0[:, :0], AMPLITUDE[:, :0], WEIGHTS[:, :0]),
        "no axis of which is empty",
    ),
    "no partials": (lambda: _harmonic(F0, AMPLITUDE, WEIGHTS[..., :0]), EMPTY),
    "no batch axis": (lambda: _harmonic(F0[0], AMPLITUDE[0], WEIGHTS[0]), "f0_hz has 1 axes"),
    "weights of another rank": (
        lambda: _harmonic(F0, AMPLITUDE, WEIGHTS[..., 0]),
        "harmonic_distribution has 2",
    ),
    "amplitude of another batch": (lambda: _harmonic(F0, AMPLITUDE[:1]), "amplitude is"),
    "weights of other frames": (lambda: _harmonic(F0, AMPLITUDE, WEIGHTS[:, :2]), "harmonic_distribution is"),
    "phase of other frames": (lambda: _harmonic(F0, phase=F0[:, :2]), "phase is"),
    "inharmonicity of another rank": (lambda: _harmonic(F0, inharmonicity=WEIGHTS), "inharmonicity has 3"),
    "a hop of 0": (lambda: _harmonic(F0, hop_length=0), "hop_length is 0"),
    "half a sample of hop": (lambda: _harmonic(F0, hop_length=64.5), "hop_length is 64.5"),
    "no rate": (lambda: _harmonic(F0, sample_rate=-1), "sample_rate is -1"),
    "another state": (
        lambda: harmonic_oscillator_step(
            F0, AMPLITUDE, WEIGHTS, oscillator_state(2, 5), sample_rate=16_000, hop_length=64
        ),
        "oscillator_state",
    ),
    "sines of two numbers": (lambda: _sines(WEIGHTS, WEIGHTS[..., :3]), "one amplitude for each"),
    "sines of no frames": (lambda: _sines(WEIGHTS[:, :0], WEIGHTS[:, :0]), EMPTY),
    "one band": (lambda: BARE_NOISE(WEIGHTS[..., :1], hop_length=64), "at least 2 bands"),
    "bands of no frames": (
        lambda: BARE_NOISE(WEIGHTS[:, :0], hop_length=64),
        "no axis of which is empty",
    ),
    "bands without a frame axis": (lambda: BARE_NOISE(F0, hop_length=64), "magnitudes has 2 axes"),
    "noise of no hop": (lambda: BARE_NOISE(WEIGHTS, hop_length=0), "hop_length is 0"),
    "another noise state": (
        lambda: filtered_noise_step(WEIGHTS, noise_state(2, 9), hop_length=64),
        "noise_state",
    ),
    "no samples": (lambda: BARE_CONVOLVE(torch.ones(1, 0), torch.ones(3)), EMPTY),
    "no taps": (lambda: BARE_CONVOLVE(torch.ones(1, 5), torch.ones(0)), "at least one"),
    "a response for each": (lambda: BARE_CONVOLVE(torch.ones(2, 5), torch.ones(2, 3)), "along one axis"),
    "audio alone": (lambda: BARE_CONVOLVE(torch.ones(5), torch.ones(3)), "audio has 1 axes"),
    "another response": (
        lambda: convolve_step(torch.ones(1, 5), torch.ones(3), convolution_state(1, 4)),
        "convolution_state",
    ),
    "upsampling nothing": (lambda: upsample(F0[:, :0], 64), "one frame or more"),
    "upsampling no block": (
        lambda: inspect.unwrap(upsample_step)(F0[:, :0], upsample_state(2), hop_length=64),
        "one frame or more",
    ),
    "nothing one frame earlier": (
        lambda: inspect.unwrap(previous_frames)(F0[:, :0], F0[:, 0], F0[:, 0] > 0),
        "one frame or more",
    ),
    "pulses of no frames": (
        lambda: inspect.unwrap(pulse_train)(F0[:, :0], F0[:, :0], sample_rate=16_000, hop_length=64),
        EMPTY,
    ),
    "the phase of no frames": (
        lambda: inspect.unwrap(accumulate_phase)(F0[:, :0], F0[:, :0], F0[:, 0].double(), 16_000, 64),
        "one frame or more",
    ),
    "a filter of no frames": (
        lambda: BARE_FILTER(F0[:, :0], WEIGHTS[:, :0], hop_length=64),
        EMPTY,
    ),
    "a table of no frames": (
        lambda: BARE_TABLE(F0[:, :0], F0[:, :0], WEIGHTS[:, :0], TABLES, **RATES),
        EMPTY,
    ),
    "upsampling by nothing": (lambda: upsample(F0, 0), "hop_length is 0"),
    "a pitch of whole numbers": (lambda: _harmonic(F0.long()), r"f0_hz.float\(\)"),
    "the frame before of another batch": (
        lambda: inspect.unwrap(previous_frames)(F0, F0[:1, 0], F0[:, 0] > 0),
        "The last frame is",
    ),
    "phases for other sines": (
        lambda: inspect.unwrap(sinusoidal_oscillator_step)(
            WEIGHTS, WEIGHTS, oscillator_state(2, 4, 4, phased=True), phases=WEIGHTS[..., :3], **RATES
        ),
        "one phase for each",
    ),
    "tables for other weights": (lambda: _table(WEIGHTS[..., :3]), "There are 3 table_weights for 4 tables"),
    "tables without sines": (lambda: _table(WEIGHTS, TABLES[:, :1]), r"give \(table, 2, harmonic\)"),
    "a table's amplitude for all": (lambda: _table(WEIGHTS, amplitude=AMPLITUDE[:1]), "amplitude is"),
    "a wavetable without a rate": (lambda: _table(WEIGHTS, sample_rate=0), "sample_rate is 0"),
    "a cycle of no harmonics": (
        lambda: inspect.unwrap(sampled_cycles)(TABLES[..., :0], 32),
        "at least one harmonic",
    ),
    "levels at no rate": (
        lambda: inspect.unwrap(limit_fm_levels)(
            F0, WEIGHTS, ratios=(1,) * 4, modulators=((),) * 4, sample_rate=0
        ),
        "sample_rate is 0",
    ),
    "operators of another state": (
        lambda: inspect.unwrap(fm_oscillator_step)(
            F0, WEIGHTS, fm_state(2, 6), ratios=(1,) * 4, modulators=((),) * 4, **RATES
        ),
        "fm_state",
    ),
    "one decay for all modes": (
        lambda: inspect.unwrap(modes)(F0, WEIGHTS, WEIGHTS[..., :1], WEIGHTS, WEIGHTS, **RATES),
        "one for each mode",
    ),
    "held controls of another state": (
        lambda: inspect.unwrap(held_controls)(WEIGHTS, WEIGHTS[:, 0, :3], torch.zeros(2, 3, 64) > 0),
        "hit_state",
    ),
    "a gate on another batch": (
        lambda: inspect.unwrap(onset_gate_step)(torch.zeros(1, 192), F0, hit_state(2), **RATES),
        "64 samples for each frame",
    ),
    "a filter on another batch": (
        lambda: inspect.unwrap(moving_filter_step)(
            torch.zeros(1, 192), WEIGHTS, filter_state(2, 4), hop_length=64
        ),
        r"give \(2, 192\)",
    ),
    "a filter of one band": (
        lambda: inspect.unwrap(minimum_phase_taps)(WEIGHTS[..., :1]),
        "at least 2 bands",
    ),
    "half a tap": (
        lambda: inspect.unwrap(noise_bands_step)(WEIGHTS, noise_state(2, 4), n_taps=64.5, **RATES),
        "n_taps is 64.5",
    ),
    "partials of another batch": (
        lambda: inspect.unwrap(partial_amplitudes)(F0, WEIGHTS[:1], WEIGHTS, 8, 16_000),
        "envelope_db is",
    ),
    "no partials under an envelope": (
        lambda: inspect.unwrap(envelope_oscillator)(
            F0, WEIGHTS, WEIGHTS, n_partials=0, n_noise_bands=9, **RATES
        ),
        "n_partials is 0",
    ),
    "an envelope of one band": (
        lambda: inspect.unwrap(read_envelope)(WEIGHTS[..., :1], WEIGHTS, 16_000),
        "at least 2 bands",
    ),
    "envelopes of other frames": (
        lambda: inspect.unwrap(read_envelope)(WEIGHTS[:1], WEIGHTS, 16_000),
        "the same frames",
    ),
    "onsets of another batch": (
        lambda: inspect.unwrap(time_since_onset_step)(F0[:1], F0, onset_state(2, 250.0), frame_rate=250.0),
        "give both as",
    ),
    "onsets at no rate": (lambda: onset_state(2, 0.0), "frame_rate is 0.0"),
    "a spectrogram without hops": (lambda: inspect.unwrap(mfcc)(F0, 16_000, 0), "hop_length is 0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_refused_in_a_sentence(name: str) -> None:
    call, sentence = REFUSED[name]
    with pytest.raises(ValueError, match=sentence) as caught:
        call()
    assert str(caught.value).endswith(".")


def test_features_of_no_sound_are_empty() -> None:
    audio, centers = torch.zeros(2, 0), torch.zeros(0, dtype=torch.int64)
    assert loudness_db(audio, centers).shape == (2, 0)
    assert loudness_db(torch.zeros(2, 900), centers).shape == (2, 0)
    assert paper_loudness_db(audio, centers).shape == (2, 0)
    assert mfcc(audio, 16_000, 64).shape == (2, 0, 30)
    assert spectral_centroid_midi(audio, 16_000, 64).shape == (2, 0)


def test_without_frames_the_state_stays() -> None:
    since, state = time_since_onset_step(
        F0[:, :0], F0[:, :0], before := onset_state(2, 250.0), frame_rate=250.0
    )
    assert since.shape == (2, 0)
    assert state is before
    held, last = hold_valid(F0[:, :0], F0[:, :0] > 0, F0[:, 0])
    assert held.shape == (2, 0)
    assert torch.equal(last, F0[:, 0])


@pytest.mark.parametrize("batch_size", [1, 2])
def test_an_instrument_plays_no_frames_as_no_samples(batch_size: int) -> None:
    synth = (HarmonicConfig(n_harmonics=4), NoiseConfig(n_bands=5))
    instrument = Instrument(InstrumentConfig(sample_rate=16_000, hop_length=64, synth=synth)).eval()
    none, some = torch.zeros(batch_size, 0), torch.full((batch_size, 5), 60.0)
    assert instrument(none, none).shape == (batch_size, 0)
    stream, other = Stream(instrument, batch_size=batch_size), Stream(instrument, batch_size=batch_size)
    assert stream.push(none, none).shape == (batch_size, 0)
    assert torch.equal(stream.push(some, -some), other.push(some, -some))


def test_a_frequency_of_0_is_silence_that_does_not_move() -> None:
    assert not _harmonic(torch.zeros(2, 3)).any()
    assert not _sines(torch.zeros(2, 3, 4), WEIGHTS).any()


def test_negative_frequencies_count_as_0() -> None:
    f0 = torch.tensor([[200.0, -50.0, 300.0], [-1.0, float("-inf"), 5.0]], requires_grad=True)
    audio = _harmonic(f0)
    assert torch.equal(audio, _harmonic(f0.detach().clamp(min=0.0)))
    assert audio.isfinite().all()
    audio.square().sum().backward()
    assert f0.grad is not None
    assert f0.grad.isfinite().all()
    assert f0.grad[0, 1] == 0
    assert _sines(-WEIGHTS, WEIGHTS).eq(0).all()


@pytest.mark.parametrize("value", [-50.0, float("-inf")])
def test_a_negative_pitch_counts_as_0_for_every_source(value: float) -> None:
    f0, zero = F0.clone(), F0.clone()
    f0[:, 1], zero[:, 1] = value, 0.0
    fm: dict[str, Any] = {"ratios": (1,) * 4, "modulators": ((2,), (), (4,), ()), **RATES}
    sources: dict[str, Callable[[Tensor], Tensor]] = {
        "pulses": lambda hz: pulse_train(hz, AMPLITUDE, **RATES),
        "wavetable": lambda hz: wavetable_oscillator(hz, AMPLITUDE, WEIGHTS, TABLES, **RATES),
        "fm": lambda hz: fm_oscillator(hz, WEIGHTS, **fm),
    }
    for name, source in sources.items():
        assert torch.equal(source(f0), source(zero)), name
        assert source(f0).isfinite().all(), name


def test_a_pitch_that_is_no_number_is_none_under_an_envelope() -> None:
    levels = torch.full((2, 3, 9), -60.0)
    f0 = F0.clone()
    f0[0, 1] = torch.nan
    audio = envelope_oscillator(f0, levels, levels, n_partials=5, n_noise_bands=9, **RATES)
    assert audio[1].isfinite().all()
    assert audio[0, 64:].isnan().all()


def test_pitch_is_finite_for_every_frequency() -> None:
    f0 = torch.tensor([440.0, 1e-3, 0.0, -5.0, float("-inf")], requires_grad=True)
    midi = hz_to_midi(f0)
    assert midi[0].item() == 69.0
    assert midi[1].item() == pytest.approx(-155.9, abs=0.1)
    assert (midi[2:] == midi[1]).all()
    midi.sum().backward()
    assert f0.grad is not None
    assert f0.grad.isfinite().all()


def test_the_gain_of_every_sample() -> None:
    """``c[t−1] + i/hop (c[t] − c[t−1])``: a control arrives at the first sample of the next frame."""
    controls = torch.tensor([[1.0, 3.0, 2.0]])
    wanted = torch.tensor([[1.0, 1.0, 1.0, 1.0, 1.0, 1.5, 2.0, 2.5, 3.0, 2.75, 2.5, 2.25]])
    assert torch.equal(upsample(controls, 4), wanted)
    state, parts = upsample_state(1), []
    for t in range(3):
        part, state = upsample_step(controls[:, t : t + 1], state, hop_length=4)
        parts.append(part)
    assert torch.equal(torch.cat(parts, dim=1), wanted)


def test_what_a_streaming_user_needs_is_public() -> None:
    for name in functional.__all__:
        if name.endswith("_step") and name != "time_since_onset_step":
            assert name.removesuffix("_step") in functional.__all__
    states = {name for name in functional.__all__ if name.endswith("State")}
    makers = {name for name in functional.__all__ if name.endswith("_state")}
    assert {name.removesuffix("State").lower() for name in states} == {
        name.removesuffix("_state").replace("_", "") for name in makers
    }
    assert {"frame_centers", "frames_at", "previous_frames"} <= set(functional.__all__)
