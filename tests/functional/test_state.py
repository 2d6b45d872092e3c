"""What every `*_step` promises: one item of a batch can begin anew, and the step can be exported."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from oscine import functional, kernels
from oscine.functional import (
    NoiseState,
    allpole_state,
    allpole_step,
    causal_stft_state,
    causal_stft_step,
    convolution_state,
    convolve_step,
    dx7_algorithm,
    envelope_oscillator_step,
    envelope_state,
    filter_state,
    filtered_noise_step,
    fm_oscillator_step,
    fm_state,
    harmonic_oscillator_step,
    hit_state,
    hold_valid,
    inverse_causal_stft_step,
    modes_step,
    moving_filter_step,
    noise_bands_step,
    noise_state,
    onset_gate_step,
    onset_state,
    oscillator_state,
    pulse_state,
    pulse_train_step,
    sinusoidal_oscillator_step,
    string_tables,
    strings_state,
    strings_step,
    time_since_onset_step,
    transient_step,
    upsample_state,
    upsample_step,
    usual_inharmonicity,
    wavetable_oscillator_step,
    wavetable_state,
)

RATE, HOP, BATCH = 16_000, 64, 3
SIZES: dict[str, Any] = {"sample_rate": RATE, "hop_length": HOP}


@dataclass
class Case:
    """A step, its state before the first frame, its inputs for so many frames, and its weights."""

    step: Callable[..., tuple[Tensor, Any]]
    state: Callable[[int], Any]
    inputs: Callable[[int, int], list[Tensor]]
    weights: Callable[[], list[Tensor]] = list


def _hz(batch: int, frames: int, *partials: int) -> Tensor:
    return 100 + 2000 * torch.rand(batch, frames, *partials)


def _onset_s(batch: int, frames: int, first: float = 3.3) -> Tensor:
    """A hit that began so many frames before the first one's end, and one 2.3 before the last one's."""
    number = torch.arange(frames)
    ages = torch.where(number < 5, number + first, (number - frames + 3.3).clamp(min=0))
    return (ages * HOP / RATE).expand(batch, -1)


def _harmonic(partials: int, *extra: str) -> Case:
    return Case(
        lambda f0, amplitude, weights, *rest, state: harmonic_oscillator_step(
            f0, amplitude, weights, state, **SIZES, **dict(zip(extra, rest, strict=True))
        ),
        lambda batch: oscillator_state(batch, partials, partials if "inharmonicity" in extra else 1),
        lambda batch, frames: [
            _hz(batch, frames),
            torch.rand(batch, frames),
            torch.rand(batch, frames, partials),
            *(1e-3 * torch.rand(batch, frames) for _ in extra),
        ],
    )


def _taps(n: int) -> Callable[[], list[Tensor]]:
    return lambda: [torch.randn(n, generator=torch.Generator().manual_seed(n)) / n**0.5]


CASES = {
    "harmonic_oscillator_step": _harmonic(7),
    "harmonic_oscillator_step, inharmonic and phased": _harmonic(5, "inharmonicity", "phase"),
    "sinusoidal_oscillator_step": Case(
        lambda hz, amplitudes, state: sinusoidal_oscillator_step(hz, amplitudes, state, **SIZES),
        lambda batch: oscillator_state(batch, 4, 4),
        lambda batch, frames: [_hz(batch, frames, 4), torch.rand(batch, frames, 4)],
    ),
    "sinusoidal_oscillator_step, with phases": Case(
        lambda hz, amplitudes, phases, state: sinusoidal_oscillator_step(
            hz, amplitudes, state, **SIZES, phases=phases
        ),
        lambda batch: oscillator_state(batch, 4, 4, phased=True),
        lambda batch, frames: [
            _hz(batch, frames, 4),
            torch.rand(batch, frames, 4),
            torch.rand(batch, frames, 4),
        ],
    ),
    "envelope_oscillator_step": Case(
        lambda f0, density, ratio, state: envelope_oscillator_step(f0, density, ratio, state, **SIZES),
        lambda batch: envelope_state(batch, 7, 9),
        lambda batch, frames: [
            _hz(batch, frames),
            -20 * torch.rand(batch, frames, 6),
            20 * torch.rand(batch, frames, 6) - 10,
        ],
    ),
    "wavetable_oscillator_step": Case(
        lambda f0, amplitude, mixture, tables, state: wavetable_oscillator_step(
            f0, amplitude, mixture, tables, state, **SIZES
        ),
        lambda batch: wavetable_state(batch, 6),
        lambda batch, frames: [_hz(batch, frames), torch.rand(batch, frames), torch.rand(batch, frames, 3)],
        lambda: [torch.ones(3, 2, 6)],
    ),
    "strings_step": Case(
        lambda f0, amplitude, weights, tables, state: strings_step(
            f0, amplitude, weights, tables, state, **SIZES
        ),
        lambda batch: strings_state(batch, 5, 2),
        lambda batch, frames: [_hz(batch, frames), torch.rand(batch, frames), torch.rand(batch, frames, 5)],
        lambda: [string_tables(usual_inharmonicity(), torch.zeros(88), torch.full((88,), 3.0), 2)],
    ),
    "pulse_train_step": Case(
        lambda f0, amplitude, state: pulse_train_step(f0, amplitude, state, **SIZES),
        pulse_state,
        lambda batch, frames: [_hz(batch, frames), torch.rand(batch, frames)],
    ),
    "fm_oscillator_step": Case(
        lambda f0, levels, state: fm_oscillator_step(
            f0, levels, state, ratios=(1, 1, 2, 1.5, 3, 7), modulators=dx7_algorithm(20), **SIZES
        ),
        fm_state,
        lambda batch, frames: [_hz(batch, frames), 2 * torch.rand(batch, frames, 6)],
    ),
    "filtered_noise_step": Case(
        lambda magnitudes, state: filtered_noise_step(magnitudes, state, hop_length=HOP),
        lambda batch: noise_state(batch, 17, seed=5),
        lambda batch, frames: [torch.rand(batch, frames, 17)],
    ),
    "noise_bands_step": Case(
        lambda gains, state: noise_bands_step(gains, state, **SIZES, n_taps=30),
        lambda batch: noise_state(batch, 17, seed=5),
        lambda batch, frames: [torch.rand(batch, frames, 17)],
    ),
    "modes_step": Case(
        lambda onset, hz, decays, amplitudes, phases, state: modes_step(
            onset, hz, decays, amplitudes, phases, state, **SIZES
        ),
        lambda batch: hit_state(batch, 4 * 3),
        lambda batch, frames: [
            _onset_s(batch, frames),
            _hz(batch, frames, 3),
            *(0.1 + torch.rand(3, batch, frames, 3)).unbind(),
        ],
    ),
    "transient_step": Case(
        lambda onset, taps, state: transient_step(onset, taps, state, **SIZES),
        lambda batch: hit_state(batch, 500),
        lambda batch, frames: [_onset_s(batch, frames), torch.randn(batch, frames, 500)],
    ),
    "onset_gate_step": Case(
        lambda audio, onset, state: onset_gate_step(audio, onset, state, **SIZES),
        hit_state,
        lambda batch, frames: [
            torch.randn(batch, frames * HOP),
            # Another hit begins with the block, so it matters whether there was one before.
            _onset_s(batch, frames, 1 + 0.3 / HOP),
        ],
    ),
    "moving_filter_step": Case(
        lambda audio, taps, state: moving_filter_step(audio, taps, state, hop_length=HOP),
        lambda batch: filter_state(batch, 9),
        lambda batch, frames: [torch.randn(batch, frames * HOP), torch.randn(batch, frames, 9)],
    ),
    "allpole_step": Case(
        lambda audio, reflection, state: allpole_step(audio, reflection, state, hop_length=HOP),
        lambda batch: allpole_state(batch, 9),
        lambda batch, frames: [
            torch.randn(batch, frames * HOP),
            torch.tanh(torch.randn(batch, frames, 9)),
        ],
    ),
    "causal_stft_step": Case(
        lambda audio, state: causal_stft_step(audio, state, n_fft=4 * HOP, hop_length=HOP),
        lambda batch: causal_stft_state(batch, 4 * HOP, HOP),
        lambda batch, frames: [torch.randn(batch, frames * HOP)],
    ),
    "inverse_causal_stft_step": Case(
        lambda real, imaginary, state: inverse_causal_stft_step(
            torch.complex(real, imaginary), state, n_fft=4 * HOP, hop_length=HOP
        ),
        lambda batch: causal_stft_state(batch, 4 * HOP, HOP),
        lambda batch, frames: [torch.randn(batch, frames, 2 * HOP + 1) for _ in range(2)],
    ),
    "convolve_step": Case(
        convolve_step,
        lambda batch: convolution_state(batch, 2000),
        lambda batch, frames: [torch.randn(batch, frames * HOP)],
        _taps(2000),
    ),
    "upsample_step": Case(
        lambda controls, state: upsample_step(controls, state, hop_length=HOP),
        lambda batch: upsample_state(batch, 2),
        lambda batch, frames: [torch.randn(batch, frames, 2)],
    ),
    "time_since_onset_step": Case(
        lambda confidence, loudness, state: time_since_onset_step(
            confidence, loudness, state, frame_rate=250.0
        ),
        lambda batch: onset_state(batch, 250.0),
        lambda batch, frames: [torch.rand(batch, frames), -60 * torch.rand(batch, frames)],
    ),
    "hold_valid": Case(
        lambda values, valid, state: hold_valid(values, valid, last=state),
        lambda batch: torch.full((batch,), 440.0),
        lambda batch, frames: [torch.randn(batch, frames), torch.rand(batch, frames) < 0.3],
    ),
}


def _flat(state: Any) -> list[Tensor]:
    return [state] if isinstance(state, Tensor) else [tensor for part in state for tensor in _flat(part)]


def _like(state: Any, tensors: Sequence[Tensor]) -> Any:
    """Return a state of the same kind; its parts may be states themselves."""
    left = iter(tensors)

    def made(part: Any) -> Any:
        if isinstance(part, Tensor):
            return next(left)
        # Strings keep a plain tuple of states.
        return tuple(map(made, part)) if type(part) is tuple else type(part)(*map(made, part))

    return made(state)


def test_no_public_step_is_left_out() -> None:
    public = {name for name in functional.__all__ if name.endswith("_step")}
    assert public == {name.split(",")[0] for name in CASES} - {"hold_valid"}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("form", [kernels.available()[0], "torch"])
def test_one_item_begins_anew_and_the_others_go_on(name: str, form: str) -> None:
    torch.manual_seed(0)
    case, weights = CASES[name], CASES[name].weights()
    before, after = case.inputs(BATCH, 37), case.inputs(BATCH, 41)
    with kernels.use(form):
        _, state = case.step(*before, *weights, state=case.state(BATCH))
        goes_on, _ = case.step(*after, *weights, state=state)
        fresh, _ = case.step(*after, *weights, state=case.state(BATCH))
        mixed = []
        for one, initial in zip(_flat(state), _flat(case.state(BATCH)), strict=True):
            # Batch first, and no tensor that the items share.
            assert one.shape == initial.shape
            assert one.shape[0] == BATCH
            rows = one.clone()
            rows[1] = initial[1].to(rows.dtype)
            mixed.append(rows)
        output, _ = case.step(*after, *weights, state=_like(state, mixed))
    torch.testing.assert_close(output[1], fresh[1], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(output[::2], goes_on[::2], rtol=1e-5, atol=1e-5)
    assert not torch.equal(goes_on[1], fresh[1])


class _Step(nn.Module):
    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case
        self.like = case.state(1)
        self.weights = nn.ParameterList(case.weights())

    def forward(self, inputs: list[Tensor], state: list[Tensor]) -> list[Tensor]:
        output, after = self.case.step(*inputs, *self.weights, state=_like(self.like, state))
        return [output, *_flat(after)]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("frames", [1, 8])
def test_a_step_can_be_exported(name: str, frames: int) -> None:
    torch.manual_seed(0)
    case = CASES[name]
    module = _Step(case)
    with kernels.use("torch"):
        program = torch.export.export(module, (case.inputs(1, frames), _flat(case.state(1)))).module()
        theirs, ours = _flat(case.state(1)), _flat(case.state(1))
        for _ in range(3):
            inputs = case.inputs(1, frames)
            found, *theirs = program(inputs, theirs)
            wanted, *ours = module(inputs, ours)
            torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_an_export_leaves_no_constants_behind() -> None:
    # 13 bands are nobody else's, so the constants are made while the step is traced.
    magnitudes, state = torch.rand(1, 1, 13), noise_state(1, 13)

    class Noise(nn.Module):
        def forward(self, magnitudes: Tensor, *state: Tensor) -> Tensor:
            return filtered_noise_step(magnitudes, NoiseState(*state), hop_length=HOP)[0]

    with kernels.use("torch"):
        exported = torch.export.export(Noise(), (magnitudes, *state)).module()(magnitudes, *state)
        audio, _ = filtered_noise_step(magnitudes, state, hop_length=HOP)
    assert type(audio) is Tensor
    torch.testing.assert_close(exported, audio)
