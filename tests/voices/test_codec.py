"""Coded voices: near the voice, within the bit rate, and safe to read."""

import json
import math
import random
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from oscine.cli.main import main
from oscine.errors import InputError
from oscine.voices import CodedVoice, Voice, decode, encode, voice_bands, voice_hop
from oscine.voices.codec import _HEADER, _lines

RATE = 16_000
SECONDS = 2


def _voice(sample_rate: int = RATE, seed: int = 0) -> Voice:
    """Return a voice whose envelope wanders, smoothly in time and over its bands."""
    n_frames, n_bands = 200 * SECONDS, voice_bands(sample_rate)
    chance = np.random.default_rng(seed)
    time, band = np.arange(n_frames) / 200, np.linspace(0, 1, n_bands)
    density = np.full((n_frames, n_bands), -70.0)
    for number in range(1, 8):
        swing = np.sin(2 * math.pi * (time * chance.uniform(0.5, 4) + chance.random()))
        density += 8 / number * swing[:, None] * np.cos(math.pi * number * band)
    ratio = -15 + 20 * band + 5 * np.sin(2 * math.pi * 1.5 * time)[:, None]
    f0_hz = 140 * 2 ** (0.3 * np.sin(2 * math.pi * 0.8 * time))
    f0, levels, ratios = (torch.from_numpy(curve).float() for curve in (f0_hz, density, ratio))
    return Voice(f0, levels, ratios, sample_rate, voice_hop(sample_rate))


def _distance_db(a: Voice, b: Voice) -> float:
    return float((a.density_db - b.density_db).square().mean().sqrt())


@pytest.mark.parametrize("sample_rate", [RATE, 44_100])
def test_more_bits_are_nearer(sample_rate: int) -> None:
    voice = _voice(sample_rate)
    distances = []
    for bitrate, most_noise_db in ((1.0, 6), (2.5, 4), (6.0, 3))[:: 1 if sample_rate == RATE else 2]:
        content = encode(voice, bitrate)
        decoded = decode(content)
        assert len(content) * 8 <= 1000 * bitrate * SECONDS
        assert decoded.density_db.shape == voice.density_db.shape
        distances.append(_distance_db(voice, decoded))
        assert float((decoded.noise_ratio_db - voice.noise_ratio_db).abs().mean()) < most_noise_db
        octaves = torch.log2(decoded.f0_hz / voice.f0_hz)
        assert float(octaves.abs().quantile(0.99)) < 1 / 24
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 1.0


def test_pieces_are_coded_as_the_whole() -> None:
    voice = _voice()
    pieces = [voice.slice(at, at + 90) for at in range(0, 400, 90)]
    assert encode(pieces) == encode(voice)


def test_what_is_read_is_written_again() -> None:
    content = encode(_voice())
    assert CodedVoice.read(content).write() == content


def test_lines_are_found_again() -> None:
    knots = np.random.default_rng(1).normal(size=(21, 3))
    place = np.arange(100) / 5
    rows = np.stack([np.interp(place, np.arange(21), column) for column in knots.T], axis=1)
    # The last knot is behind the last frame.
    np.testing.assert_allclose(_lines(rows, 5)[:-1], knots[:-1], atol=5e-3)


@pytest.mark.parametrize("n_frames", [1, 2, 6])
def test_a_short_voice_is_coded(n_frames: int) -> None:
    decoded = decode(encode(_voice().slice(0, n_frames), 8.0))
    assert len(decoded.f0_hz) == n_frames


def test_silence_and_extremes_stay_finite() -> None:
    shape = 100, voice_bands(RATE)
    for level, ratio, f0_hz in ((-140.0, 60.0, 1.0), (40.0, -60.0, 1e5)):
        voice = Voice(
            torch.full((100,), f0_hz),
            torch.full(shape, level),
            torch.full(shape, ratio),
            RATE,
            voice_hop(RATE),
        )
        decoded = decode(encode(voice))
        assert bool(torch.isfinite(decoded.play()).all())
        assert float(decoded.f0_hz.min()) >= 40


def test_a_voice_of_another_grid_is_refused() -> None:
    voice = _voice()
    with pytest.raises(ValueError, match="give 80 bands every 80 samples"):
        encode(Voice(voice.f0_hz, voice.density_db, voice.noise_ratio_db, RATE, 64))
    with pytest.raises(ValueError, match="0 frames"):
        encode(voice.slice(0, 0))
    with pytest.raises(InputError, match="give one from"):
        encode(voice, math.nan)


@pytest.mark.parametrize("curve", ["f0_hz", "density_db", "noise_ratio_db"])
def test_a_voice_with_a_value_that_is_no_number_is_refused(curve: str) -> None:
    voice = _voice()
    with pytest.raises(ValueError, match=r"is NaN; replace it\.$"):
        encode(replace(voice, **{curve: getattr(voice, curve) * torch.nan}))
    loud = replace(voice, density_db=torch.full_like(voice.density_db, torch.inf))
    assert float(decode(encode(loud)).density_db.max()) <= 0


def _signed(head: bytes, body: bytes) -> bytes:
    return head + struct.pack("<I", zlib.crc32(body, zlib.crc32(head))) + body


def test_damage_is_one_sentence() -> None:
    content, chance = encode(_voice()), random.Random(0)
    for cut in [*range(40), len(content) - 1]:
        with pytest.raises(InputError, match=r"^[A-Z].*\.$"):
            decode(content[:cut])
    for _ in range(300):
        damaged = bytearray(content)
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        with pytest.raises(InputError):
            decode(bytes(damaged))


def test_hostile_bytes_are_refused_or_a_voice() -> None:
    chance, heard = random.Random(1), 0
    for _ in range(200):
        body = chance.randbytes(chance.randrange(60))
        head = _HEADER.pack(
            b"OVC",
            1,
            chance.choice([4000, 16000, 768_000]),
            chance.randrange(1, 200),
            5,
            chance.randrange(1, 256),
            0,
        )[:-4]
        try:
            voice = decode(_signed(head, body))
        except InputError:
            continue
        heard += 1
        assert bool(torch.isfinite(voice.density_db).all())
        assert 40 <= float(voice.f0_hz.min()) <= float(voice.f0_hz.max()) <= voice.sample_rate / 4
    assert heard > 10


@pytest.mark.parametrize(
    ("rate", "n_frames", "knot_frames", "step"),
    [
        (0, 9, 5, 9),
        (2**32 - 1, 9, 5, 9),
        (RATE, 0, 5, 9),
        (RATE, 2**32 - 1, 5, 9),
        (RATE, 9, 0, 9),
        (RATE, 9, 5, 0),
    ],
)
def test_numbers_that_no_voice_has_are_refused(rate: int, n_frames: int, knot_frames: int, step: int) -> None:
    head = _HEADER.pack(b"OVC", 1, rate, n_frames, knot_frames, step, 0)[:-4]
    with pytest.raises(InputError, match="damaged"):
        decode(_signed(head, b"\0" * 30))


def test_few_bytes_are_no_hours() -> None:
    head = _HEADER.pack(b"OVC", 1, RATE, 200 * 3600 * 3, 1, 9, 0)[:-4]
    with pytest.raises(InputError, match="damaged"):
        CodedVoice.read(_signed(head, b"\0" * 1000))


def _run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(map(str, arguments)))
    return int(end.value.code or 0)


def test_the_command_codes_and_plays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, coded, out = (tmp_path / name for name in ("in.wav", "voice.ovc", "out.wav"))
    sound = _voice().play()
    soundfile.write(source, sound.numpy(), RATE)
    assert _run("voice", source, "-o", coded, "--bitrate", "3", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["bitrate"] == pytest.approx(8 * coded.stat().st_size / SECONDS / 1000)
    assert 2 < report["bitrate"] <= 3
    assert _run("voice", coded, "-o", out, "--pitch", "5", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert 12 * math.log2(report["f0_hz"][1] / report["f0_hz"][0]) == pytest.approx(5, abs=0.01)
    assert report["f0_hz"][0] == pytest.approx(140, rel=0.05)
    assert soundfile.info(out).frames == len(sound)
    again = tmp_path / "again.ovc"
    assert _run("voice", coded, "-o", again, "--pitch", "5") == 0
    assert "kb/s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["in.wav", "-o", "out.wav", "--bitrate", "2"], "Only a coded voice"),
        (["in.wav", "-o", "out.ovc", "--bitrate", "nan"], "give one from 0.6 to 8"),
        (["bad.ovc", "-o", "out.wav"], "not a coded voice"),
        (["cut.ovc", "-o", "out.wav"], "damaged"),
        (["none.ovc", "-o", "out.wav"], "none.ovc"),
    ],
)
def test_what_can_not_be_coded_is_one_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    soundfile.write("in.wav", _voice().slice(0, 100).play().numpy(), RATE)
    Path("bad.ovc").write_bytes(b"RIFF" * 30)
    Path("cut.ovc").write_bytes(encode(_voice())[:-50])
    assert _run("voice", *arguments) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert not Path("out.wav").exists()
    assert not Path("out.ovc").exists()
