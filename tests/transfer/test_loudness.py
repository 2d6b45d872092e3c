import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator
from transfer_standin import distance

from oscine.transfer.loudness import LoudnessMap, shift_loudness


def _quantiles(samples: np.ndarray) -> list[float]:
    return np.quantile(samples, np.linspace(0, 1, 101)).tolist()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_mapped_loudness_has_the_distribution_of_the_instrument(seed):
    rng = np.random.default_rng(seed)
    heard = np.concatenate([rng.normal(-30, 4, 6000), rng.normal(-45, 3, 3000)])
    learned = -25 + 6 * rng.gumbel(size=20000)
    mapped = LoudnessMap.between(torch.from_numpy(heard), _quantiles(learned))(torch.from_numpy(heard))
    assert distance(mapped.numpy(), learned) < 0.03
    assert distance(heard, learned) > 0.3  # or there was nothing to do


@settings(deadline=None, max_examples=60)
@given(
    heard=st.lists(st.floats(-70, 20), min_size=1, max_size=40),
    learned=st.lists(st.floats(-80, 20), min_size=1, max_size=40),
)
def test_the_map_is_finite_rising_smooth_and_keeps_silence(heard, learned):
    curve = LoudnessMap.between(torch.tensor(heard, dtype=torch.float64), _quantiles(np.array(learned)))
    at = torch.linspace(-80, 30, 4001, dtype=torch.float64)
    out = curve(at)
    assert bool(out.isfinite().all())
    assert float(out.diff().min()) >= -1e-9
    assert float(out[0]) == -80.0
    # No step: a cubic with slopes of at most three times its secants.
    assert float(out.diff().max() / (at[1] - at[0])) <= 3 * max(3.0, 100 / 10)


def test_the_curve_is_the_monotone_cubic_of_scipy_between_its_points():
    rng = np.random.default_rng(0)
    curve = LoudnessMap.between(
        torch.from_numpy(rng.normal(-35, 5, 5000)), _quantiles(rng.normal(-25, 9, 5000))
    )
    oracle = PchipInterpolator(curve.input_db.numpy(), curve.output_db.numpy())
    at = np.linspace(float(curve.input_db[2]), float(curve.input_db[-3]), 500)
    np.testing.assert_allclose(curve(torch.from_numpy(at)).numpy(), oracle(at), atol=1e-9)


def test_an_input_without_dynamics_is_played_at_the_median_and_not_blown_up():
    rng = np.random.default_rng(0)
    heard = torch.from_numpy(-12 + 0.1 * rng.standard_normal(5000))
    out = LoudnessMap.between(heard, np.linspace(-60, -20, 101).tolist())(heard)
    assert float(out.median()) == pytest.approx(-40, abs=0.1)
    assert float(out.std()) < 0.35


def test_without_anything_heard_the_map_changes_nothing():
    at = torch.tensor([-80.0, -40.0, 0.0])
    torch.testing.assert_close(LoudnessMap.between(torch.zeros(0), [-30.0] * 101)(at), at)


@pytest.mark.parametrize("shift_db", [-30.0, -6.0, 0.0, 12.0, 40.0])
def test_a_shift_by_hand_adds_its_decibels_and_keeps_silence(shift_db):
    at = torch.linspace(-80, 0, 801)
    out = shift_loudness(at, shift_db)
    assert float(out[0]) == -80.0
    assert float(out.diff().min()) >= 0
    heard = at > -69
    torch.testing.assert_close(out[heard], (at + shift_db).clamp(min=-80)[heard])
    assert float(out.diff().max()) < 0.6  # no step at the bend: 0.1 dB in, at most 5 times that out
