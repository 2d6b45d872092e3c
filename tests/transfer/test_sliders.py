"""Sliders move what they say; stems add up; a pitch file beside the input is used."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from oscine import recordings
from oscine.analysis import analyze
from oscine.analysis.pitch.f0_file import write_f0
from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig
from oscine.networks import ControllerConfig
from oscine.processors import HarmonicConfig, NoiseConfig, ReverbConfig
from oscine.transfer import Options, part_alone, sliders_of, transfer, transfer_file, with_sliders

_N = 100
_GIVEN = {"f0_hz": torch.full((1, _N), 220.0), "loudness_db": torch.full((1, _N), -20.0)}


@pytest.fixture
def instrument():
    config = InstrumentConfig(
        sample_rate=16_000,
        hop_length=64,
        controller=ControllerConfig(hidden_size=8),
        synth=(HarmonicConfig(n_harmonics=20), NoiseConfig(n_bands=17)),
        effects=(ReverbConfig(ir_s=0.1),),
    )
    made = Instrument(config).eval()
    with torch.no_grad():
        made.effects.parts["reverb"].get_parameter("impulse_response").uniform_(-0.1, 0.1)
    return made


@pytest.fixture
def hum(tmp_path):
    audio, rate = soundfile.read(recordings.path("singing"), frames=3 * 24_000, start=24_000)
    soundfile.write(tmp_path / "hum.wav", audio, rate)
    return tmp_path / "hum.wav"


def _played(instrument, dry=True):
    with torch.no_grad():
        return instrument(_GIVEN, dry=dry)[0].double()


def test_a_gain_is_exact_and_moves_its_part_alone(instrument):
    parts = {name: _played(part_alone(instrument, name)) for name in ("harmonic", "noise")}
    for name, slider, other in (
        ("harmonic", "harmonic.amplitude", "noise"),
        ("noise", "noise.magnitudes", "harmonic"),
    ):
        moved = with_sliders(instrument, {slider: -6.0})
        louder = _played(part_alone(moved, name))
        assert torch.allclose(louder, parts[name] * 10 ** (-6 / 20), atol=1e-6)
        assert torch.equal(_played(part_alone(moved, other)), parts[other])
    assert torch.equal(_played(part_alone(instrument, "noise")), parts["noise"])


def test_brightness_tilts_the_harmonics(instrument):
    def levels(player):
        spectrum = torch.fft.rfft(_played(part_alone(player, "harmonic"))[1600:]).abs()
        n = len(_played(instrument)) - 1600
        return [20 * float(torch.log10(spectrum[round(220 * k * n / 16_000)])) for k in (1, 2, 4)]

    before = levels(instrument)
    after = levels(with_sliders(instrument, {"harmonic.harmonic_distribution": -6.0}))
    change = np.array(after) - np.array(before)
    assert change[0] - change[1] == pytest.approx(6, abs=3)
    assert change[1] - change[2] == pytest.approx(6, abs=3)


def test_the_compiled_form_moves_too(instrument):
    from oscine.runtime import engines

    if not engines():
        pytest.skip("The compiled runtime is not built here.")
    from oscine.streaming import Stream

    moved = with_sliders(instrument, {"harmonic.amplitude": 6.0, "noise.magnitudes": -12.0})
    audio = Stream(moved, dry=True).push(**_GIVEN)[0].double()
    assert torch.allclose(audio, _played(moved), atol=1e-4)


def test_bad_sliders_are_one_sentence(instrument):
    with pytest.raises(InputError, match=r"no slider 'x'; there are harmonic\.amplitude"):
        with_sliders(instrument, {"x": 1.0})
    for value in (25.0, -25.0, float("nan")):
        with pytest.raises(InputError, match="give a number from -24 to 24"):
            with_sliders(instrument, {"noise.magnitudes": value})
    assert with_sliders(instrument, {"noise.magnitudes": 0.0}) is instrument
    assert [one.default for one in sliders_of(instrument)] == [0.0] * 3


def test_stems_add_up_to_the_output(instrument, hum, tmp_path):
    options = Options(sliders={"noise.magnitudes": 6.0})
    transfer_file(instrument, hum, tmp_path / "out.wav", options, stems=tmp_path / "stems")
    mix, _ = soundfile.read(tmp_path / "out.wav")
    stems = {path.stem: soundfile.read(path)[0] for path in (tmp_path / "stems").iterdir()}
    assert set(stems) == {"harmonic", "noise", "effects"}
    assert np.abs(sum(stems.values()) - mix).max() < 1e-5
    transfer_file(instrument, hum, tmp_path / "dry.flac", replace(options, dry=True), stems=tmp_path / "dry")
    assert {path.name for path in (tmp_path / "dry").iterdir()} == {"harmonic.flac", "noise.flac"}


def test_the_pitch_beside_the_input_is_played_and_told_of(instrument, hum, tmp_path):
    options = Options(octave=0, level_passes=0, dry=True)
    before = transfer_file(instrument, hum, tmp_path / "a.wav", options)
    assert before.remarks == [
        "The instrument has no statistics, so pitch and loudness are not mapped to its range."
    ]
    features = analyze(hum)
    write_f0(replace(features, f0_hz=features.f0_hz * 1.5), hum.with_suffix(".f0.csv"))
    after = transfer_file(instrument, hum, tmp_path / "b.wav", options)
    assert "Of the input: pitch taken from hum.f0.csv." in after.remarks
    pitches = [analyze(tmp_path / name) for name in ("a.wav", "b.wav")]
    both = (pitches[0].confidence > 0.85) & (pitches[1].confidence > 0.85)
    ratio = (pitches[1].f0_hz / pitches[0].f0_hz)[both].median()
    assert float(ratio) == pytest.approx(1.5, rel=0.01)
    audio, _ = transfer(instrument, hum, options)
    written, _ = soundfile.read(tmp_path / "b.wav")
    assert np.abs(audio.numpy() - written).max() < 1e-3
    for text, word in (("0,1\n", "line 1"), ("0,220\n9,0\n", "goes from 0.00 to 9.00 s")):
        hum.with_suffix(".f0.csv").write_text(text)
        with pytest.raises(InputError, match=word):
            transfer_file(instrument, hum, tmp_path / "c.wav", options)
    assert not (tmp_path / "c.wav").exists()
