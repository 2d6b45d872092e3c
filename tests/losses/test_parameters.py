"""Parameter losses: each control in its unit, weighted by what is heard, from the declarations alone."""

import math

import pytest
import torch

from oscine.errors import InputError
from oscine.losses import parameter_distances, parameter_loss
from oscine.processors import Control, FilteredNoise, HarmonicOscillator, SinusoidalOscillator

CONTROLS = (
    Control("f0_hz", 0, "Hz", 1.0, 8000.0, "log"),
    *HarmonicOscillator(10, 16000, 64, inharmonic=True, phased=True).controls,
    *FilteredNoise(9, 64).controls,
)


def truth(dtype=torch.float64):
    return {
        "f0_hz": 200.0 + 400.0 * torch.rand(2, 7, dtype=dtype),
        "amplitude": 0.1 + torch.rand(2, 7, dtype=dtype),
        "harmonic_distribution": torch.rand(2, 7, 10, dtype=dtype),
        "inharmonicity": 1e-4 + 1e-3 * torch.rand(2, 7, dtype=dtype),
        "phase": torch.rand(2, 7, dtype=dtype) - 0.5,
        "magnitudes": 0.01 * torch.rand(2, 7, 9, dtype=dtype),
    }


def changed(name, change):
    target = truth()
    distances = parameter_distances(target | {name: change(target[name])}, target, CONTROLS)
    assert all(float(value) == 0.0 for key, value in distances.items() if key != name)
    return float(distances[name])


def test_the_truth_costs_nothing():
    target = truth()
    assert float(parameter_loss(target, target, CONTROLS)) == 0.0
    assert set(parameter_distances(target, target, CONTROLS)) == set(target)


def test_each_control_in_its_unit():
    assert changed("f0_hz", lambda x: x * 2 ** (3 / 12)) == pytest.approx(3.0)
    assert changed("amplitude", lambda x: x * 10 ** (-6 / 20)) == pytest.approx(6.0, abs=0.02)
    assert changed("harmonic_distribution", lambda x: 5.0 * x) == pytest.approx(0.0, abs=1e-12)
    assert changed("inharmonicity", lambda x: 10.0 * x) == pytest.approx(1 / 5)
    assert changed("phase", lambda x: x + 1.05) == pytest.approx(0.05)
    assert changed("magnitudes", torch.zeros_like) > 30.0


def test_a_distribution_costs_the_share_that_is_misplaced():
    controls = (Control("harmonic_distribution", 4, "weight", 0.0, 2.0, "distribution"),)
    one, other = torch.zeros(2, 1, 3, 4)
    one[..., 0] = 2.0
    other[..., 0], other[..., 3] = 3.0, 1.0
    got = parameter_distances({"harmonic_distribution": one}, {"harmonic_distribution": other}, controls)
    assert float(got["harmonic_distribution"]) == pytest.approx(0.25)


def test_harmonics_from_nyquist_up_do_not_count():
    target = truth()
    target["f0_hz"].fill_(2000.0)  # harmonics 4 and up are at Nyquist or above
    wrong = target["harmonic_distribution"].clone()
    wrong[..., 3:] = 7.0
    distances = parameter_distances(target | {"harmonic_distribution": wrong}, target, CONTROLS)
    assert float(distances["harmonic_distribution"]) == pytest.approx(0.0, abs=1e-12)


def test_what_is_not_heard_has_no_pitch_but_must_be_silent():
    target = truth()
    target["amplitude"][:, :3] = 0.0
    wrong = {name: value.clone() for name, value in target.items()}
    wrong["f0_hz"][:, :3] = 50.0
    wrong["harmonic_distribution"][:, :3] = 1.0
    distances = parameter_distances(wrong, target, CONTROLS)
    assert float(distances["f0_hz"]) == 0.0
    assert float(distances["harmonic_distribution"]) == 0.0
    wrong["amplitude"][:, :3] = 1.0
    distances = parameter_distances(wrong, target, CONTROLS)
    assert float(distances["amplitude"]) == pytest.approx(80.0 * 3 / 7, rel=1e-3)


def test_a_frame_weighs_by_its_level_in_db():
    f0_hz, amplitude = CONTROLS[0], HarmonicOscillator(10, 16000, 64).controls[0]
    target = {"f0_hz": torch.tensor([[200.0, 200.0]]), "amplitude": torch.tensor([[1.0, 10 ** (-60 / 20)]])}
    wrong = target | {"f0_hz": torch.tensor([[200.0, 400.0]])}
    # At a floor of −80 dB the second frame weighs a quarter of the first.
    assert float(parameter_distances(wrong, target, (f0_hz, amplitude))["f0_hz"]) == pytest.approx(12 / 5)
    assert float(parameter_distances(wrong, target, (f0_hz,))["f0_hz"]) == pytest.approx(6.0)


def test_free_sinusoids_are_weighted_each_by_its_own_amplitude():
    controls = SinusoidalOscillator(2, 16000, 64).controls
    target = {"frequencies_hz": torch.full((1, 5, 2), 300.0), "amplitudes": torch.ones(1, 5, 2)}
    target["amplitudes"][..., 1] = 0.0
    wrong = target | {"frequencies_hz": torch.tensor([300.0, 5000.0]).expand(1, 5, 2)}
    assert float(parameter_distances(wrong, target, controls)["frequencies_hz"]) == 0.0


def test_the_loss_adds_what_is_as_bad_as_a_semitone():
    target = truth()
    wrong = {
        "f0_hz": target["f0_hz"] * 2 ** (2 / 12),
        "amplitude": 2.0 * target["amplitude"],
        "phase": target["phase"] + 0.3,
    }
    got = parameter_loss(target | wrong, target, CONTROLS)
    assert float(got) == pytest.approx(2.0 + 1.0 + 3.0, rel=2e-3)


def test_a_fifth_of_the_harmonics_amplitude_is_as_bad_as_a_semitone():
    target = truth()
    share = target["harmonic_distribution"].zero_()
    share[..., 0] = 1.0
    wrong = share.clone()
    wrong[..., 0], wrong[..., 1] = 0.8, 0.2
    target["f0_hz"].fill_(200.0)
    got = parameter_loss(target | {"harmonic_distribution": wrong}, target, CONTROLS)
    assert float(got) == pytest.approx(1.0)


def test_the_order_of_the_controls_does_not_matter():
    target = truth()
    target["f0_hz"].fill_(2000.0)
    wrong = target | {"harmonic_distribution": torch.rand(2, 7, 10, dtype=torch.float64)}
    expected = parameter_distances(wrong, target, CONTROLS)
    for name, distance in parameter_distances(wrong, target, CONTROLS[::-1]).items():
        assert float(distance) == pytest.approx(float(expected[name]), abs=1e-12)


def test_channels_of_a_frame_weigh_by_its_level_and_none_by_more_than_full_scale():
    amplitude = HarmonicOscillator(10, 16000, 64).controls[0]
    drive = Control("drive", 3, "weight", 0.0, 1.0, "linear")
    target = {"amplitude": torch.tensor([[0.0, 1.0], [10.0, 10.0]]), "drive": torch.zeros(2, 2, 3)}
    wrong = target | {"drive": torch.tensor([[[9.0] * 3, [0.3] * 3], [[0.9] * 3, [0.0] * 3]])}
    got = parameter_distances(wrong, target, (amplitude, drive))
    assert float(got["drive"]) == pytest.approx(1.2 / 3)


def test_any_other_control_costs_a_share_of_its_range():
    control = Control("drive", 0, "weight", 0.0, 4.0, "linear")
    got = parameter_distances(
        {"drive": torch.full((1, 3), 2.0)}, {"drive": torch.full((1, 3), 1.0)}, (control,)
    )
    assert float(got["drive"]) == 0.25


def test_gradients_are_those_of_the_definition_and_finite_in_silence():
    target = truth()
    target["amplitude"][:, :2] = 0.0
    names = list(target)
    predicted = [(1.1 * target[name] + 1e-3).requires_grad_() for name in names]
    assert torch.autograd.gradcheck(
        lambda *values: parameter_loss(dict(zip(names, values, strict=True)), target, CONTROLS), predicted
    )
    silent = {name: torch.zeros_like(value) for name, value in target.items()}
    start = {
        name: torch.zeros_like(value).requires_grad_()
        for name, value in silent.items()
        if name != "inharmonicity"
    }
    controls = tuple(control for control in CONTROLS if control.name != "inharmonicity")
    loss = parameter_loss(start, silent, controls)
    loss.backward()
    assert math.isfinite(float(loss.detach()))
    assert all(value.grad is None or torch.isfinite(value.grad).all() for value in start.values())


def test_what_is_missing_or_misshapen_is_named():
    target = truth()
    without = {name: value for name, value in target.items() if name != "phase"}
    with pytest.raises(InputError, match="predicted has no phase"):
        parameter_loss(without, target, CONTROLS)
    with pytest.raises(InputError, match="target has no phase"):
        parameter_loss(target, without, CONTROLS)
    with pytest.raises(InputError, match="amplitude is"):
        parameter_loss(target | {"amplitude": torch.ones(2, 6)}, target, CONTROLS)
