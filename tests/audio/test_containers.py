"""Headers are compared with the bytes, and no sound file in order is accused."""

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.data.tunes import tune

from oscine.audio.containers import inspect_container
from oscine.audio.findings import Findings
from oscine.audio.view import FileContent


def _write(path: Path) -> Path:
    soundfile.write(path, tune(3, 44_100), 44_100)
    return path


def _inspect(path: Path) -> Findings:
    with closing(FileContent(path)) as content:
        return inspect_container(content)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {"format": "WAV", "subtype": "PCM_24"}),
        ("a.wav", {"format": "WAV", "subtype": "ULAW"}),
        ("a.wav", {"format": "WAV", "subtype": "IMA_ADPCM"}),
        ("a.wav", {"format": "WAVEX", "subtype": "FLOAT"}),
        ("a.wav", {"format": "RF64", "subtype": "PCM_16"}),
        ("a.wav", {"format": "WAV", "subtype": "PCM_16", "endian": "BIG"}),
        ("a.flac", {"format": "FLAC", "subtype": "PCM_24"}),
        ("a.ogg", {"format": "OGG", "subtype": "OPUS"}),
        ("a.aiff", {"format": "AIFF"}),
        ("a.caf", {"format": "CAF", "subtype": "PCM_16"}),
        ("a.w64", {"format": "W64", "subtype": "PCM_16"}),
        ("a.au", {"format": "AU", "subtype": "PCM_16"}),
    ],
)
def test_what_is_in_order_has_no_findings(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    path = tmp_path / name
    rate = 48_000 if options.get("subtype") == "OPUS" else 44_100
    soundfile.write(path, tune(3, rate), rate, **options)
    findings = _inspect(path)
    assert (findings.harmless, findings.fatal) == ([], [])
    if findings.declared_frames is not None and options.get("subtype") != "IMA_ADPCM":
        assert findings.declared_frames == 3 * rate


@pytest.mark.parametrize("seed", range(3))
def test_flac_noise_is_never_taken_for_a_header(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "noise.flac"
    noise = np.random.default_rng(seed).uniform(-1, 1, (200_000, 2))
    soundfile.write(path, noise, 44_100)
    assert _inspect(path) == Findings(declared_frames=200_000)


def test_a_chunk_after_the_sound_is_no_sound(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.wav")
    path.write_bytes(path.read_bytes() + b"LIST\x10\x00\x00\x00INFOICMT\x04\x00\x00\x00hi\x00\x00")
    assert _inspect(path).fatal == []


def test_a_wav_without_sound_chunk_is_fatal(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.wav")
    content = path.read_bytes()
    path.write_bytes(content[: content.find(b"data")])
    assert _inspect(path).fatal == ["the header has no data chunk"]


def test_a_flac_cut_in_its_header_is_fatal(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.flac")
    path.write_bytes(path.read_bytes()[:30])
    assert _inspect(path).fatal == ["the file ends inside its header"]


def test_tags_around_mpeg_frames_are_no_damage(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.mp3")
    frames = path.read_bytes()
    frames = frames[frames.find(b"\xff\xfb") :]
    id3 = b"ID3\x04\x00\x00\x00\x00\x02\x00" + b"\xff" * 256  # what looks like a frame is inside the tag
    path.write_bytes(id3 + frames + b"TAG" + b"title".ljust(125, b"\0"))
    there = _inspect(path)
    assert (there.harmless, there.fatal) == ([], [])
    path.write_bytes(id3 + frames + b"APETAGEX" + bytes(24))
    assert _inspect(path) == there


def test_foreign_bytes_among_mpeg_frames_are_reported(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.mp3")
    frames = path.read_bytes()
    path.write_bytes(frames + b"no sound " * 1000 + frames)
    assert "are no MPEG audio" in _inspect(path).harmless[0]


def test_mpeg_frames_of_two_rates_are_fatal(tmp_path: Path) -> None:
    first = _write(tmp_path / "a.mp3").read_bytes()
    soundfile.write(tmp_path / "b.mp3", tune(3, 22_050), 22_050)
    (tmp_path / "a.mp3").write_bytes(first + (tmp_path / "b.mp3").read_bytes())
    assert "disagree on the sample rate (22050, 44100 Hz)" in _inspect(tmp_path / "a.mp3").fatal[0]


def test_mpeg_without_a_frame_is_fatal(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"ID3\x04\x00\x00\x00\x00\x00\x10" + bytes(16) + b"words " * 100)
    assert _inspect(path).fatal == ["there is no MPEG audio frame in it"]


def test_content_is_searched_as_bytes_are(tmp_path: Path) -> None:
    """Also across the blocks in which it is read."""
    rng = np.random.default_rng(0)
    data = rng.integers(0, 4, 400_000, np.uint8).tobytes()
    (tmp_path / "a").write_bytes(data)
    with closing(FileContent(tmp_path / "a")) as content:
        assert len(content) == len(data)
        for what in (data[131_070:131_075] + data[131_075:131_090], data[262_143:262_160], b"\x05", b"\x03"):
            assert content.find(what, 10) == data.find(what, 10)
            assert content.find(what, 10, 131_080) == data.find(what, 10, 131_080)
            assert content.rfind(what, 10, 399_000) == data.rfind(what, 10, 399_000)
            assert content.rfind(what, 131_075, 399_000) == data.rfind(what, 131_075, 399_000)
        for start, stop in ((0, 4), (131_070, 131_080), (399_999, 400_010), (5, 3), (500_000, 500_004)):
            assert content[start:stop] == data[start:stop]
        assert content[131_072] == data[131_072]
