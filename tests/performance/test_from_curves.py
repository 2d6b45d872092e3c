"""Curves without a recording: `play_curves` and `render_curves_file`."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tests.performance.scores import LEARNED

from oscine.data.curves import Curves
from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig
from oscine.models.conditioning import silence_before
from oscine.models.inputs import CurveConfig, F0Config, LoudnessConfig, ZConfig
from oscine.networks import ControllerConfig
from oscine.performance import play_curves, render_curves_file
from oscine.processors import EnvelopeConfig, FilterConfig, ReverbConfig

RATE, HOP = 16_000, 64
LEARNED_CURVES = LEARNED.model_copy(update={"curves": {"jaw": (-3.0, 2.0), "lips": (1.0, 0.5)}})


def _instrument(*effects: ReverbConfig | FilterConfig, z: bool = False) -> Instrument:
    torch.manual_seed(0)
    curves = (CurveConfig(name="jaw"), CurveConfig(name="lips"))
    config = InstrumentConfig(
        sample_rate=RATE,
        hop_length=HOP,
        inputs=(F0Config(), LoudnessConfig(), *curves, *((ZConfig(),) if z else ())),
        controller=ControllerConfig(kind="tcn", hidden_size=16, n_layers=3),
        synth=(EnvelopeConfig(n_bands=20, n_partials=30, n_noise_bands=17),),
        effects=effects,
    )
    instrument = Instrument(config, LEARNED_CURVES).eval()
    with torch.no_grad():
        instrument.controller.head.weight.mul_(10)
    return instrument


def _curves(**values: float | list[float]) -> Curves:
    """Two seconds of curves in straight lines; pitch and loudness unless they are given."""
    all_values = {"f0_hz": 120.0, "loudness_db": -25.0} | values
    time_s = np.array([0.0, 1.0, 2.0])
    return Curves(
        time_s, {name: np.broadcast_to(value, 3).astype(float) for name, value in all_values.items()}
    )


def test_curves_are_played_as_the_instrument_plays_them_after_silence() -> None:
    for effects in ((), (FilterConfig(n_bands=17, phase="zero"),), (ReverbConfig(ir_s=0.1),)):
        instrument = _instrument(*effects)
        curves = _curves(f0_hz=[100.0, 200.0, 150.0], jaw=[-5.0, 0.0, -1.0], lips=2.0)
        sound, rate = play_curves(curves, instrument, seed=3)
        assert rate == RATE
        assert sound.shape == (2 * RATE,)
        frames = curves.frames(0, 500, RATE, HOP)
        given = {name: torch.from_numpy(values)[None] for name, values in frames.items()}
        before = silence_before(instrument, given)
        late = {name: values[:, -1:].expand(-1, 30) for name, values in given.items()}
        whole = {name: torch.cat([before[name], given[name], late[name]], 1) for name in given}
        with torch.no_grad():
            right = instrument(**whole, seed=3)[0].numpy()
        start = before["f0_hz"].shape[1] * HOP + instrument.latency
        np.testing.assert_allclose(sound, right[start : start + 2 * RATE], atol=2e-5 * np.abs(right).max())


def test_a_curve_that_is_left_out_stays_at_the_mean_of_what_was_learned() -> None:
    instrument = _instrument()
    left_out, _ = play_curves(_curves(jaw=-1.0), instrument)
    mean, _ = play_curves(_curves(jaw=-1.0, lips=1.0), instrument)
    other, _ = play_curves(_curves(jaw=-1.0, lips=2.0), instrument)
    np.testing.assert_array_equal(left_out, mean)
    assert np.abs(left_out - other).max() > 0.01 * np.abs(mean).max()


def test_a_curve_changes_the_sound_from_its_own_instant_on() -> None:
    instrument = _instrument()
    still, _ = play_curves(_curves(jaw=-3.0), instrument)
    moved, _ = play_curves(_curves(jaw=[-3.0, -3.0, 0.0]), instrument)
    np.testing.assert_array_equal(still[:RATE], moved[:RATE])
    assert np.abs(still[RATE + RATE // 2 :] - moved[RATE + RATE // 2 :]).max() > 0.01 * np.abs(still).max()


def test_an_instrument_with_z_plays_curves_too() -> None:
    sound, _ = play_curves(_curves(), _instrument(z=True))
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() > 0


@pytest.mark.parametrize(
    ("curves", "sentence"),
    [
        (
            _curves(jav=1.0),
            "has no input jav; the nearest is jaw; it takes f0_hz, loudness_db, jaw, lips. Re",
        ),
        (_curves(z=1.0), "has no input z; it takes f0_hz"),
        (
            Curves(np.array([0.0, 1.0]), {"f0_hz": np.full(2, 100.0)}),
            "lack loudness_db, which the instrument",
        ),
        (
            Curves(np.array([0.0, 1.0]), {"jaw": np.zeros(2)}),
            "lack f0_hz, which the instrument takes; add a c",
        ),
        (Curves(np.array([-2.0, -1.0, 0.0]), dict(_curves().values)), "end at 0 s; give a time above 0 s"),
        (
            Curves(np.zeros(0), {"f0_hz": np.zeros(0), "loudness_db": np.zeros(0)}),
            "end at 0 s; give a time above 0 s",
        ),
        (Curves(np.array([0.0, 1e30, 2e30]), dict(_curves().values)), "and of an hour at most"),
    ],
)
def test_curves_that_cannot_be_played_are_a_sentence(curves: Curves, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        play_curves(curves, _instrument(z=True))


def test_a_file_is_played_as_its_curves_are(tmp_path: Path) -> None:
    instrument = _instrument()
    place = tmp_path / "take.csv"
    place.write_text("time_s,f0_hz,loudness_db,jaw\n0,120,-25,-5\n1,120,-25,-4\n2,120,-25,-1\n")
    report = render_curves_file(place, instrument, tmp_path / "out.wav")
    assert report.curves == ["f0_hz", "loudness_db", "jaw"]
    assert report.means == ["lips"]
    assert report.seconds == 2.0
    sound, rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
    right, _ = play_curves(_curves(jaw=[-5.0, -4.0, -1.0]), instrument)
    assert rate == RATE
    np.testing.assert_allclose(sound, right * 10 ** (report.scaled_db / 20), atol=2e-6)
