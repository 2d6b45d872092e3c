"""Controls in the sizes of another instrument's: by what their channels mean."""

import pytest
import torch

from oscine.losses.matching import in_sizes_of, shared_controls
from oscine.processors import (
    Control,
    Filter,
    FilteredNoise,
    HarmonicOscillator,
    SinusoidalOscillator,
    Sum,
    Wavetable,
)

RATE, HOP = 16_000, 64


def _synth(n_harmonics: int, n_bands: int) -> Sum:
    parts = {"harmonic": HarmonicOscillator(n_harmonics, RATE, HOP), "noise": FilteredNoise(n_bands, HOP)}
    return Sum(parts)


def _names(controls: tuple[Control, ...]) -> list[str]:
    return [control.name for control in controls]


def test_harmonics_and_bands_are_shared_in_any_number() -> None:
    ours, theirs = _synth(4, 3), _synth(10, 9)
    assert shared_controls(ours.controls, theirs.controls) == ours.controls
    assert shared_controls(theirs.controls, ours.controls) == theirs.controls


def test_what_means_something_else_is_not_shared() -> None:
    ours = Sum({"a": HarmonicOscillator(4, RATE, HOP), "b": Wavetable(4, 8, RATE, HOP)})
    theirs = Sum({"a": HarmonicOscillator(4, RATE, HOP), "b": Wavetable(5, 8, RATE, HOP)})
    assert _names(shared_controls(ours.controls, theirs.controls)) == [
        "a.amplitude",
        "a.harmonic_distribution",
        "b.amplitude",
    ]
    # Sines at free frequencies are neither harmonics nor bands.
    few, many = SinusoidalOscillator(4, RATE, HOP), SinusoidalOscillator(5, RATE, HOP)
    assert not shared_controls(few.controls, many.controls)
    assert shared_controls(few.controls, few.controls) == few.controls
    # A factor on a signal is no amplitude of noise, though both are called magnitudes.
    assert not shared_controls(Filter(5, HOP).controls, FilteredNoise(5, HOP).controls)


def test_the_first_harmonics_keep_their_amplitudes() -> None:
    controls = HarmonicOscillator(2, RATE, HOP).controls
    values = {
        "amplitude": torch.tensor([[0.8, 0.8]]),
        "harmonic_distribution": torch.tensor([[[4.0, 2.0, 1.0, 1.0], [4.0, 2.0, 1.0, 1.0]]]),
    }
    # At 3 kHz the third harmonic is at 9 kHz: it does not sound, so the first two have all.
    matched = in_sizes_of(controls, values, torch.tensor([[100.0, 3000.0]]), RATE / 2)
    assert matched["harmonic_distribution"].tolist() == [[[4.0, 2.0], [4.0, 2.0]]]
    torch.testing.assert_close(matched["amplitude"], torch.tensor([[0.6, 0.8]]))
    weights = matched["harmonic_distribution"] / matched["harmonic_distribution"].sum(-1, keepdim=True)
    torch.testing.assert_close(
        matched["amplitude"][..., None] * weights, torch.tensor([[[0.4, 0.2], [0.8 * 2 / 3, 0.8 / 3]]])
    )
    without_pitch = in_sizes_of(controls, values)
    torch.testing.assert_close(without_pitch["amplitude"], torch.tensor([[0.6, 0.6]]))


def test_harmonics_that_the_other_lacks_are_silent() -> None:
    controls = HarmonicOscillator(4, RATE, HOP).controls
    values = {"amplitude": torch.tensor([[0.5]]), "harmonic_distribution": torch.tensor([[[3.0, 1.0]]])}
    matched = in_sizes_of(controls, values, torch.tensor([[100.0]]), RATE / 2)
    assert matched["harmonic_distribution"].tolist() == [[[3.0, 1.0, 0.0, 0.0]]]
    assert matched["amplitude"].tolist() == [[0.5]]


@pytest.mark.parametrize(("size", "expected"), [(3, [0.0, 2.0, 4.0]), (9, [i / 2 for i in range(9)])])
def test_bands_are_interpolated_between_0_and_nyquist(size: int, expected: list[float]) -> None:
    controls = FilteredNoise(size, HOP).controls
    matched = in_sizes_of(controls, {"magnitudes": torch.arange(5.0)[None, None]})
    assert matched["magnitudes"].tolist() == [[expected]]


def test_equal_sizes_stay_as_they_are() -> None:
    synth = _synth(4, 3)
    values = {
        control.name: torch.rand(2, 5, control.size) if control.size else torch.rand(2, 5)
        for control in synth.controls
    }
    matched = in_sizes_of(synth.controls, values | {"other": torch.ones(1)}, torch.full((2, 5), 5000.0), 8000)
    assert matched.keys() == values.keys()
    assert all(torch.equal(matched[name], values[name]) for name in values)
