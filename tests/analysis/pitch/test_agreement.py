"""Agreement and accuracy by hand and by mir_eval; the passages that need a look."""

import warnings

import mir_eval
import numpy as np
import pytest
import torch

from oscine.analysis import F0Curve, Features, accuracy, agreements, passages


def features(f0_hz) -> Features:
    """Return features at 250 frames a second; where the pitch is 0 there is none, and 77 Hz is held."""
    f0_hz = torch.as_tensor(np.asarray(f0_hz), dtype=torch.float32)
    level = torch.zeros_like(f0_hz)
    return Features(torch.where(f0_hz > 0, f0_hz, 77.0), (f0_hz > 0).float(), level, level, 16000, 64)


def test_agreement_by_hand():
    one = features([220, 220, 220, 220, 220, 220, 0, 0, 220, 0])
    other = features([220 * 2 ** (3 / 1200), 220 * 2 ** (49 / 1200), 226.5, 440, 110, 660, 220, 0, 0, 0])
    (found,) = agreements({"a": one, "b": other})
    assert found.trackers == ("a", "b")
    assert found.both_voiced_s == pytest.approx(6 / 250)
    assert found.same_pitch == pytest.approx(2 / 6)
    assert found.octave_errors == pytest.approx(2 / 6)  # the twelfth is none
    assert found.median_cents == pytest.approx((50.5 + 1200) / 2, abs=0.1)
    assert found.same_voicing == pytest.approx(8 / 10)
    (silent,) = agreements({"a": features([0, 0]), "b": features([100, 0])})
    assert (silent.same_pitch, silent.octave_errors, silent.median_cents) == (None, None, None)
    assert silent.same_voicing == 0.5


def test_every_pair_is_compared():
    found = agreements({name: features([100.0]) for name in "abc"})
    assert [one.trackers for one in found] == [("a", "b"), ("a", "c"), ("b", "c")]


@pytest.mark.parametrize("seed", range(4))
def test_accuracy_is_that_of_mir_eval(seed):
    random = np.random.default_rng(seed)
    true_hz = np.where(random.uniform(size=400) < 0.7, random.uniform(100, 800, 400), 0.0)
    wrong = random.choice([0, 10, 49, 60, 1200, -1180, 2400, 700], 400)
    found_hz = np.where(random.uniform(size=400) < 0.8, np.maximum(true_hz, 150) * 2 ** (wrong / 1200), 0.0)
    part = features(found_hz)
    times = part.time_s.numpy()
    found = accuracy("a", part, F0Curve(times, true_hz, (true_hz > 0).astype(float), True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        grid = times - times[0]  # or it would put a frame before the first
        theirs = mir_eval.melody.evaluate(grid, true_hz, grid, part.f0_hz.numpy() * (found_hz > 0))
    assert found.tracker == "a"
    assert found.raw_pitch_accuracy == pytest.approx(theirs["Raw Pitch Accuracy"], abs=1e-9)
    assert found.raw_chroma_accuracy == pytest.approx(theirs["Raw Chroma Accuracy"], abs=1e-9)
    assert found.voicing_recall == pytest.approx(theirs["Voicing Recall"])
    assert found.voicing_false_alarm == pytest.approx(theirs["Voicing False Alarm"])


def test_accuracy_of_nothing_is_zero():
    silent = F0Curve(np.array([0.0, 1.0]), np.zeros(2), np.zeros(2), True)
    found = accuracy("a", features(np.zeros(10)), silent)
    assert found.raw_pitch_accuracy == found.voicing_recall == found.voicing_false_alarm == 0.0
    assert found.median_cents is None


def test_passages():
    one = np.full(1000, 220.0)
    other = one.copy()
    other[100:113] *= 2 ** (60 / 1200)  # 52 ms: a passage
    other[200:212] *= 2  # 48 ms: none
    other[300:400] *= 2 ** (49 / 1200)  # the same note
    other[500:520] = 0  # voicing
    other[540:560] = 0  # 80 ms later: the same passage
    other[700:720], one[720:740] = 110.0, 0  # pitch, then voicing, as one
    both_silent = slice(800, 900)
    one[both_silent] = other[both_silent] = 0
    found = passages({"a": features(one), "b": features(other)})
    assert [one.on for one in found] == ["pitch", "voicing", "pitch"]
    times = [(one.start_s, one.end_s) for one in found]
    assert times == [
        pytest.approx((first / 250, last / 250))
        for first, last in [(100.5, 113.5), (500.5, 560.5), (700.5, 740.5)]
    ]
    assert found[0].f0_hz == pytest.approx({"a": 220.0, "b": 220.0 * 2 ** (60 / 1200)}, rel=1e-5)
    assert found[1].f0_hz["a"] == pytest.approx(220.0)
    assert found[1].f0_hz["b"] is None


def test_trackers_that_agree_have_no_passage():
    assert passages({"a": features([220.0] * 50), "b": features([221.0] * 50)}) == []
    assert passages({"a": features([0.0] * 50), "b": features([0.0] * 50)}) == []
