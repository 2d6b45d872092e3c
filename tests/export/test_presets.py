"""Presets for other synthesisers: a DX7's voice and wavetables, read back by what the formats say."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tests.performance.scores import LEARNED

from oscine.cli.main import main
from oscine.errors import InputError
from oscine.export import export
from oscine.export.dx7 import dx7_voice
from oscine.functional import limit_fm_levels
from oscine.functional.wavetable import cycle_coefficients
from oscine.models import Instrument, InstrumentConfig
from oscine.networks import ControllerConfig
from oscine.processors import (
    ChainConfig,
    FilterConfig,
    FmConfig,
    FmOscillator,
    HarmonicConfig,
    NoiseConfig,
    SumConfig,
    Wavetable,
    WavetableConfig,
)


def _instrument(*synth, card=None) -> Instrument:
    config = InstrumentConfig(
        sample_rate=16_000, hop_length=64, controller=ControllerConfig(hidden_size=8), synth=synth, effects=()
    )
    return Instrument(config, LEARNED, card or {"licence": "cc-by-3.0", "credit": "Somebody"}).eval()


def _steps(level: int) -> int:
    """The DX7's attenuation, 127 for none, in steps of an eighth of a factor of two."""
    low = [0, 5, 9, 13, 17, 20, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 42, 43, 45, 46]
    return low[level] if level < 20 else level + 28


def _read(content: bytes) -> tuple[int, str, list[float], list[float]]:
    """Algorithm, name, the ratios of operators 1 … 6, and their amplitudes as shares of level 99."""
    assert len(content) == 163
    assert content[:6] == bytes.fromhex("f0430000011b")
    assert content[-1] == 0xF7
    data = content[6:161]
    assert (sum(data) + content[161]) % 128 == 0
    assert max(data) < 128
    ratios, shares = [], []
    for operator in range(1, 7):
        one = data[21 * (6 - operator) :][:21]
        assert list(one[:8]) == [99, 99, 99, 75, 99, 99, 99, 0]  # on until the key is released
        assert one[14:16] == b"\0\0"  # neither tremolo nor velocity
        level, mode, coarse, fine, detune = one[16:]
        assert (mode, detune) == (0, 7)
        ratios.append((coarse or 0.5) * (1 + fine / 100))
        shares.append(2 ** ((_steps(level) - 127) / 8))
    assert list(data[126:134]) == [99] * 4 + [50] * 4
    assert data[135] == 0  # no feedback
    assert data[144] == 24  # middle C
    return data[134] + 1, data[145:].decode("ascii"), ratios, shares


def _played(instrument: Instrument, f0_hz: float, loudness_db: float) -> list[float]:
    """What the operators' levels are in a steady note's second second."""
    ((name, part), *_) = instrument.synth
    assert isinstance(part, FmOscillator)
    f0 = torch.full((1, 500), f0_hz)
    with torch.no_grad():
        controls, _ = instrument.control({"f0_hz": f0, "loudness_db": torch.full((1, 500), loudness_db)})
    levels = part.levels(*(controls[f"{name}.{one.name}"] for one in part.controls))
    routing = {"ratios": part.ratios, "modulators": part.modulators}
    return limit_fm_levels(f0, levels, **routing, sample_rate=16_000)[0, 250:].mean(0).tolist()


@pytest.mark.parametrize(
    ("number", "ratios"), [(2, (1, 1, 1, 1, 3, 14)), (32, (0.5, 1.5, 2.02, 0.75, 31, 1))]
)
def test_a_voice_is_the_sound_of_a_steady_note(number, ratios) -> None:
    instrument = _instrument(FmConfig(algorithm=number, ratios=ratios), NoiseConfig(n_bands=5))
    content, said = dx7_voice(instrument, "Geige, ärgerlich", f0_hz=110.0, loudness_db=-25.0)
    assert "110.0 Hz at -25 dB" in said
    algorithm, name, read, shares = _read(content)
    assert (algorithm, name) == (number, "Geige, ?rg")
    assert read == pytest.approx(ratios, rel=1e-6)
    wanted = _played(instrument, 110.0, -25.0)
    ((_, part), _) = instrument.synth
    assert isinstance(part, FmOscillator)
    carriers = {one: wanted[one - 1] for one in part.carriers}
    for operator, share in enumerate(shares, 1):
        full = max(carriers.values()) if operator in carriers else 4 * np.pi
        # Half a step of 0.75 dB.
        assert abs(20 * np.log10(share * full / wanted[operator - 1])) < 0.38
    assert max(shares[one - 1] for one in carriers) == 1


def test_the_note_is_the_median_of_what_was_learned(tmp_path: Path) -> None:
    instrument = _instrument(SumConfig(parts=(FmConfig(), NoiseConfig(n_bands=5))))
    report = export(instrument, tmp_path / "violin.syx", "syx")
    assert report.files == {"violin.syx": 163}
    assert (report.inputs, report.difference, report.licence) == ([], None, "cc-by-3.0")
    assert report.note is not None
    f0_hz = 440 * 2 ** ((LEARNED.pitch_midi_quantiles[50] - 69) / 12)
    assert f"{f0_hz:.1f} Hz at {LEARNED.loudness_db_quantiles[50]:.0f} dB" in report.note
    assert _read((tmp_path / "violin.syx").read_bytes())[1] == "violin    "


def test_a_ratio_that_a_dx7_lacks_is_refused() -> None:
    with pytest.raises(InputError, match=r"Operator 3 has the ratio 0.25; a DX7 has none below 0.5."):
        dx7_voice(_instrument(FmConfig(ratios=(1, 1, 0.25, 1, 1, 1))))
    # What lies between two of its ratios is the nearer one.
    content, _ = dx7_voice(_instrument(FmConfig(ratios=(1, 1, 4 / 3, 1, 1, 1))))
    assert _read(content)[2][2] == pytest.approx(1.33)


def _chunks(content: bytes) -> dict[bytes, bytes]:
    assert content[:4] == b"RIFF"
    assert struct.unpack_from("<I", content, 4)[0] == len(content) - 8
    at, found = 12, {}
    while at < len(content):
        size = struct.unpack_from("<I", content, at + 4)[0]
        found[content[at : at + 4]] = content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


def test_the_tables_are_cycles_in_a_file(tmp_path: Path) -> None:
    instrument = _instrument(WavetableConfig(n_tables=5, n_harmonics=40), NoiseConfig(n_bands=5))
    path = tmp_path / "violin.wav"
    report = export(instrument, path, "wavetable")
    assert report.note == "5 tables of 2048 samples, from dull to bright."
    audio, _ = soundfile.read(path)
    assert audio.shape == (5 * 2048,)
    assert np.abs(audio).max() == 1
    ((_, part), _) = instrument.synth
    assert isinstance(part, Wavetable)
    written = cycle_coefficients(torch.from_numpy(audio).reshape(5, 2048), 40)
    known = part.tables().detach().double()
    written = written * (known.norm() / written.norm())
    # Each is one of the instrument's, and each of those is there.
    distance = (written.unsqueeze(1) - known).abs().amax((2, 3))
    assert distance.amin(1).max() < 1e-6
    assert sorted(distance.argmin(1).tolist()) == list(range(5))
    number = torch.arange(1, 41)
    power = written.square().sum(1)
    centroids = (power * number).sum(1) / power.sum(1)
    assert (centroids.diff() > 0).all()


def test_the_file_says_how_long_a_cycle_is(tmp_path: Path) -> None:
    path = tmp_path / "violin.wav"
    export(_instrument(WavetableConfig(n_tables=2, n_harmonics=4)), path, "wavetable")
    chunks = _chunks(path.read_bytes())
    assert chunks[b"clm "].startswith(b"<!>2048 ")
    assert list(chunks).index(b"clm ") < list(chunks).index(b"data")
    assert len(chunks[b"data"]) == 4 * 2 * 2048
    assert b"cc-by-3.0" in chunks[b"LIST"]


FM_TWICE = (
    FmConfig(),
    ChainConfig(name="voiced", parts=(FmConfig(name="second"), FilterConfig(n_bands=5))),
)


@pytest.mark.parametrize(
    ("synth", "name", "form", "sentence"),
    [
        (
            (HarmonicConfig(),),
            "a.syx",
            "syx",
            "The instrument has no FM part, which the format syx is made from",
        ),
        ((FmConfig(),), "a.wav", "wavetable", "The instrument has no wavetable, which"),
        (FM_TWICE, "a.syx", "syx", r"more than one FM part \(fm, voiced.second\); the format syx holds one"),
        ((FmConfig(),), "a.mid", "syx", "its name must end in .syx"),
        ((WavetableConfig(),), "a.syx", "wavetable", "its name must end in .wav"),
    ],
)
def test_what_can_not_be_written_is_one_sentence(synth, name, form, sentence, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=sentence):
        export(_instrument(*synth), tmp_path / name, form)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [{"weights": "int8"}, {"dry": True}])
def test_options_of_programs_are_refused(options, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="The format syx has no network and no effects; leave out"):
        export(_instrument(FmConfig()), tmp_path / "a.syx", "syx", **options)


def test_the_command_writes_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form, part, ending in (("syx", FmConfig(), "syx"), ("wavetable", WavetableConfig(), "wav")):
        folder = tmp_path / form
        _instrument(part).save_pretrained(folder)
        out = tmp_path / f"out.{ending}"
        with pytest.raises(SystemExit) as ended:
            main(["export", str(folder), "--format", form, "-o", str(out)])
        assert ended.value.code == 0
        said = capsys.readouterr().out
        assert f"out.{ending}: " in said
        assert "Licence: cc-by-3.0" in said
        assert "samples a frame" not in said
        assert "Not measured" not in said
        assert out.exists()
