"""What is read is what counts: whatever is said of its length, all of a sound is used."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.audio.flac_bytes import flac
from tests.data.tunes import tune

from oscine.audio import probe, read_audio
from oscine.audio.mpeg import _frame

_RATE = 44_100
_SECONDS = 6


def _id3(n_bytes: int) -> bytes:
    """A tag of version 2.4 with a picture's bytes in it, some of which look like frames."""
    sizes = bytes(n_bytes >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\x00\x00" + sizes + (b"\xff\xfb\x90\x64" + bytes(range(252))) * (n_bytes // 256)


@pytest.fixture(scope="module")
def variable(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An mp3 of variable bit rate: 2 s of next to nothing, then a tune."""
    path = tmp_path_factory.mktemp("mp3") / "a.mp3"
    audio = tune(_SECONDS, _RATE)
    audio[: 2 * _RATE] *= 1e-3
    soundfile.write(path, audio, _RATE, bitrate_mode="VARIABLE", compression_level=0.2)
    content = path.read_bytes()
    assert b"Xing" in content[:200]
    return content


def _headless(content: bytes) -> bytes:
    """Without the frame that states how many there are."""
    first = _frame(content[:4])
    assert first is not None
    return content[first.n_bytes :]


def test_an_mp3_that_does_not_say_its_length_is_read_to_the_end(variable: bytes, tmp_path: Path) -> None:
    (tmp_path / "with.mp3").write_bytes(variable)
    (tmp_path / "without.mp3").write_bytes(_headless(variable))
    whole, _ = read_audio(tmp_path / "with.mp3")
    report = probe(tmp_path / "without.mp3")
    assert report.verdict == "ok", report
    assert report.duration_s == pytest.approx(_SECONDS, abs=0.1)
    audio, _ = read_audio(tmp_path / "without.mp3")
    lag = 576  # what the encoder put in front, and only the header tells
    np.testing.assert_allclose(audio[lag : lag + len(whole)], whole, atol=1e-3)


def test_an_mp3_is_read_without_a_seam(variable: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(variable)
    at_once, _ = soundfile.read(tmp_path / "a.mp3", dtype="float32")
    np.testing.assert_allclose(read_audio(tmp_path / "a.mp3")[0], at_once, atol=1e-6)


def test_an_mp3_of_two_has_the_sound_of_both(variable: bytes, tmp_path: Path) -> None:
    (tmp_path / "two.mp3").write_bytes(variable + variable)
    assert probe(tmp_path / "two.mp3").duration_s == pytest.approx(2 * _SECONDS, abs=0.1)


@pytest.mark.parametrize("has_header", [True, False])
@pytest.mark.parametrize("n_bytes", [256, 300_288])
def test_tags_and_pictures_are_no_sound(
    variable: bytes, tmp_path: Path, n_bytes: int, has_header: bool
) -> None:
    path = tmp_path / "tagged.mp3"
    path.write_bytes(_id3(n_bytes) + (variable if has_header else _headless(variable)))
    report = probe(path)
    assert report.verdict == "ok", report
    assert report.duration_s == pytest.approx(_SECONDS, abs=0.1)


def test_a_tagged_mp3_of_constant_rate_is_in_order(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.mp3", tune(_SECONDS, _RATE), _RATE, bitrate_mode="CONSTANT")
    content = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(_id3(100_096) + content)
    report = probe(tmp_path / "a.mp3")
    assert (report.verdict, report.reasons) == ("ok", [])
    assert report.duration_s == pytest.approx(_SECONDS, abs=0.1)


def test_an_mp3_with_fewer_frames_than_it_says_is_cut(variable: bytes, tmp_path: Path) -> None:
    position, n_frames = 0, 0
    while n_frames < 100:
        frame = _frame(variable[position : position + 4])
        assert frame is not None
        position, n_frames = position + frame.n_bytes, n_frames + 1
    (tmp_path / "cut.mp3").write_bytes(variable[:position])
    report = probe(tmp_path / "cut.mp3")
    assert report.verdict == "repaired"
    assert "and 99 are there" in report.reasons[0]
    assert report.duration_s == pytest.approx(99 * 1152 / _RATE, abs=0.05)


@pytest.fixture(scope="module")
def flac_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flac") / "a.flac"
    soundfile.write(path, tune(_SECONDS, _RATE), _RATE)
    return path


def _without_length(content: bytes) -> bytes:
    packed = int.from_bytes(content[18:26], "big") >> 36 << 36
    return content[:18] + packed.to_bytes(8, "big") + content[26:]


def test_a_flac_that_does_not_say_its_length_loses_nothing(flac_file: Path, tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(_without_length(flac_file.read_bytes()))
    whole, _ = read_audio(flac_file)
    audio, _ = read_audio(tmp_path / "a.flac")
    assert np.array_equal(audio, whole)
    assert probe(tmp_path / "a.flac").reasons == ["the header does not say how long it is; read to the end"]


@pytest.mark.parametrize("says_length", [True, False])
def test_a_flac_damaged_in_the_middle_is_called_that(
    flac_file: Path, tmp_path: Path, says_length: bool
) -> None:
    content = flac_file.read_bytes()
    content = content if says_length else _without_length(content)
    middle = len(content) // 2
    (tmp_path / "a.flac").write_bytes(content[:middle] + bytes(range(256)) * 8 + content[middle + 2048 :])
    report = probe(tmp_path / "a.flac")
    assert report.verdict == "repaired"
    assert any(reason.startswith("damaged: ") for reason in report.reasons), report
    assert 1 < report.duration_s < _SECONDS - 1


def test_a_flac_behind_a_tag_is_read(flac_file: Path, tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(_id3(4096) + flac_file.read_bytes() + b"TAG" + bytes(125))
    assert probe(tmp_path / "a.flac").verdict == "ok"
    assert np.array_equal(read_audio(tmp_path / "a.flac")[0], read_audio(flac_file)[0])


@pytest.mark.parametrize("bits", [8, 12, 16, 20, 24, 32])
def test_flac_of_every_depth_that_its_frames_state(tmp_path: Path, bits: int) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 16_000)
    samples = np.round(tone * (2 ** (bits - 1) - 1)).astype(int)
    (tmp_path / "a.flac").write_bytes(flac(samples.tolist(), bits, 16_000))
    report = probe(tmp_path / "a.flac")
    assert (report.verdict, report.duration_s) == ("ok", 0.5)
    assert report.format == ("FLAC PCM_S8" if bits == 8 else f"FLAC PCM_{bits}")
    audio, _ = read_audio(tmp_path / "a.flac")
    assert np.abs(audio - tone).max() < 2.0 ** (2 - bits) + 2.0**-23


@pytest.mark.parametrize("suffix", ["wav", "aiff", "caf", "w64", "au"])
def test_a_file_cut_in_its_sound_is_called_that(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, tune(_SECONDS, _RATE), _RATE, subtype="PCM_16")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    report = probe(path)
    assert report.verdict == "repaired"
    assert report.reasons[0].startswith("truncated: "), report
    assert report.duration_s == pytest.approx(_SECONDS / 2, abs=0.1)


def test_an_ogg_without_some_of_its_pages_is_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, tune(_SECONDS, _RATE), _RATE)
    content = path.read_bytes()
    pages = [place for place in range(len(content)) if content.startswith(b"OggS", place)]
    third = len(pages) // 2
    path.write_bytes(content[: pages[third]] + content[pages[third + 1] :])
    assert "damaged: 1 of its pages are missing" in probe(path).reasons[0]
