"""What libsndfile does not know is decoded by ffmpeg, or said to need it."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.audio.flac_bytes import flac
from tests.data.tunes import tune

from oscine.audio import AUDIO_SUFFIXES, ffmpeg, probe, read_audio
from oscine.errors import InputError

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed here")


@pytest.fixture
def no_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg.shutil, "which", lambda name: None)


def _encoded(folder: Path, name: str, *options: str) -> Path:
    soundfile.write(folder / "a.wav", tune(3, 44_100), 44_100)
    command = ["ffmpeg", "-v", "error", "-i", str(folder / "a.wav"), *options, str(folder / name)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return folder / name


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.m4a", "a.aac", "a.webm", "a.mp4", "-i a.m4a", "http:a.m4a"])
def test_what_phones_and_browsers_record_is_read(tmp_path: Path, name: str) -> None:
    path = _encoded(tmp_path, "a." + name.rpartition(".")[2]).rename(tmp_path / name)
    report = probe(path)
    assert (report.verdict, report.format) == ("ok", "ffmpeg"), report
    assert report.duration_s == pytest.approx(3, abs=0.1)
    audio, sample_rate = read_audio(path, 16_000)
    assert sample_rate == 16_000
    reference, _ = read_audio(tmp_path / "a.wav", 16_000)
    spectra = [np.abs(np.fft.rfft(one[:32_000])) for one in (audio, reference)]
    assert np.corrcoef(spectra)[0, 1] > 0.95


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.oga", "a.ogg", "a.what"])
def test_what_libsndfile_refuses_is_left_to_ffmpeg_whatever_its_name(tmp_path: Path, name: str) -> None:
    """FLAC in Ogg as ffmpeg writes it: libsndfile has an unknown error."""
    report = probe(_encoded(tmp_path, name, "-c:a", "flac", "-f", "ogg"))
    assert (report.verdict, report.format, report.duration_s) == ("ok", "ffmpeg", 3.0), report
    reference, _ = read_audio(tmp_path / "a.wav")
    np.testing.assert_allclose(read_audio(tmp_path / name)[0], reference, atol=1e-4)


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.mp2", "a.voc", "a.asf", "a.eac3", "a.oga"])
def test_a_folder_is_searched_for_every_format_that_is_read(tmp_path: Path, name: str) -> None:
    assert probe(_encoded(tmp_path, name)).verdict == "ok"
    assert Path(name).suffix in AUDIO_SUFFIXES


@needs_ffmpeg
def test_flac_of_any_other_depth_is_read(tmp_path: Path) -> None:
    samples = np.round(16_000 * np.sin(2 * np.pi * 440 * np.arange(8000) / 16_000)).astype(int) // 2
    (tmp_path / "a.flac").write_bytes(flac(samples.tolist(), 15, 16_000))
    audio, _ = read_audio(tmp_path / "a.flac")
    np.testing.assert_allclose(audio, samples / 2**14, atol=1e-4)


@needs_ffmpeg
def test_a_cut_file_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    path = _encoded(tmp_path, "a.aac")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 + 1])
    report = probe(path)
    assert report.verdict == "repaired", report
    assert 1 < report.duration_s < 2


@needs_ffmpeg
def test_what_is_missing_in_the_middle_is_missed(tmp_path: Path) -> None:
    """ffmpeg says nothing of a whole WavPack block that is gone."""
    content = _encoded(tmp_path, "a.wv").read_bytes()
    assert probe(tmp_path / "a.wv").verdict == "ok"
    blocks = [b"wvpk" + block for block in content.split(b"wvpk")[1:]]
    (tmp_path / "a.wv").write_bytes(b"".join(blocks[:2] + blocks[3:]))
    report = probe(tmp_path / "a.wv")
    assert report.verdict == "repaired", report
    assert "of the declared 3.00 s can be read" in report.reasons[0]
    assert report.reasons[0].startswith("damaged")


@needs_ffmpeg
def test_what_is_spoilt_in_the_middle_is_told_from_what_comes_before(tmp_path: Path) -> None:
    content = bytearray(_encoded(tmp_path, "a.wma").read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = bytes(third)
    (tmp_path / "a.wma").write_bytes(content)
    assert "damaged: " in probe(tmp_path / "a.wma").reasons[0]
    assert "of the declared 3.0" in probe(tmp_path / "a.wma").reasons[0]


@needs_ffmpeg
def test_a_film_may_last_longer_than_its_sound(tmp_path: Path) -> None:
    picture = ("-f", "lavfi", "-i", "color=size=16x16:rate=5:duration=5", "-map", "0:a", "-map", "1:v")
    report = probe(_encoded(tmp_path, "a.mkv", *picture))
    assert (report.verdict, report.format) == ("ok", "ffmpeg"), report


@needs_ffmpeg
def test_a_phones_memo_with_a_cover_and_tags_is_sound_alone(tmp_path: Path) -> None:
    cover = ("-f", "lavfi", "-i", "color=size=16x16:duration=0.04", "-map", "0:a", "-map", "1:v")
    tags = ("-c:v", "mjpeg", "-disposition:v", "attached_pic", "-metadata", "title=Memo 一")
    report = probe(_encoded(tmp_path, "Sprachmemo äöü.M4A", *cover, *tags, "-f", "ipod"))
    assert (report.verdict, report.format) == ("ok", "ffmpeg"), report
    assert report.duration_s == pytest.approx(3, abs=0.1)


@needs_ffmpeg
def test_a_browsers_recording_that_does_not_say_how_long_it_is_is_read(tmp_path: Path) -> None:
    """MediaRecorder writes WebM as a stream, without a duration."""
    path = _encoded(tmp_path, "a.webm", "-c:a", "libopus", "-live", "1")
    report = probe(path)
    assert (report.verdict, report.format) == ("ok", "ffmpeg"), report
    assert report.duration_s == pytest.approx(3, abs=0.1)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "magic", "head", "n_bytes", "rate"),
    [("a.amr", b"#!AMR\n", 0x3C, 31, 8_000), ("a.awb", b"#!AMR-WB\n", 0x44, 60, 16_000)],
)
def test_speech_of_old_phones_is_read(
    tmp_path: Path, name: str, magic: bytes, head: int, n_bytes: int, rate: int
) -> None:
    """No encoder of AMR is free; frames of any bits are frames, of 20 ms each."""
    random = np.random.default_rng(0)
    frames = b"".join(bytes([head]) + random.bytes(n_bytes) for _ in range(100))
    (tmp_path / name).write_bytes(magic + frames)
    report = probe(tmp_path / name)
    assert (report.verdict, report.sample_rate) == ("ok", rate), report
    assert report.duration_s == pytest.approx(2.0, abs=0.05)
    assert Path(name).suffix in AUDIO_SUFFIXES
    command = ["ffmpeg", "-v", "error", "-i", str(tmp_path / name), "-c", "copy", str(tmp_path / "a.3gp")]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    assert (probe(tmp_path / "a.3gp").verdict, probe(tmp_path / "a.3gp").sample_rate) == ("ok", rate)


@needs_ffmpeg
def test_a_film_without_sound_and_a_memo_that_was_cut_say_so(tmp_path: Path) -> None:
    silent = _encoded(tmp_path, "a.mkv", "-f", "lavfi", "-i", "color=size=16x16:duration=1", "-map", "1:v")
    assert "it has no sound track" in probe(silent).reasons[0]
    memo = _encoded(tmp_path, "a.m4a")
    memo.write_bytes(memo.read_bytes()[:20_000])
    assert "it is cut, or was never finished" in probe(memo).reasons[0]


@needs_ffmpeg
def test_no_file_makes_ffmpeg_open_another(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "secret.wav", tune(2, 16_000), 16_000)
    for text in (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{tmp_path}/secret.wav\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile '{tmp_path}/secret.wav'\n",
    ):
        (tmp_path / "list.m4a").write_text(text, encoding="utf-8")
        report = probe(tmp_path / "list.m4a")
        assert report.verdict == "rejected"
        assert "not readable audio" in report.reasons[0]


@needs_ffmpeg
def test_an_ffmpeg_that_puts_out_nothing_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stalled = tmp_path / "ffmpeg"
    stalled.write_text("#!/bin/sh\nexec sleep 600\n", encoding="utf-8")
    stalled.chmod(0o755)
    monkeypatch.setattr(ffmpeg.shutil, "which", lambda name: str(stalled))
    monkeypatch.setattr(ffmpeg, "_LONGEST_SILENCE_S", 0.2)
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    assert "put out nothing" in probe(tmp_path / "a.m4a").reasons[0]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.m4a", b"\0\0\0\x20ftypM4A " + bytes(100)),
        ("a.aac", b"\xff\xf1\x50\x80" + bytes(100)),
        ("a.webm", b"\x1aE\xdf\xa3" + bytes(100)),
        ("a.amr", b"#!AMR\n" + bytes(100)),
        ("a.wav", b"\0\0\0\x20ftypM4A " + bytes(100)),
        ("a.wma", b"anything"),
        ("a.flac", flac([1, 2, 3], 15, 16_000)),
    ],
)
@pytest.mark.usefixtures("no_ffmpeg")
def test_without_ffmpeg_the_verdict_says_what_would_be_needed(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    report = probe(tmp_path / name)
    assert report.verdict == "rejected"
    reason = " and needs ffmpeg, which is not installed: install it, or convert the file to WAV or FLAC"
    assert reason in report.reasons[0]
    with pytest.raises(InputError, match=reason):
        read_audio(tmp_path / name)


@needs_ffmpeg
@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are Linux's")
def test_a_process_with_limits_of_its_own_reads_too(tmp_path: Path) -> None:
    """The studio reads what is uploaded in such a process, and without the right to raise a limit."""
    path = _encoded(tmp_path, "memo.m4a")
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_CPU, (60, 60))\n"
        "from pathlib import Path; from oscine.audio import probe\n"
        "print(probe(Path(sys.argv[1])).verdict)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "ok", done.stdout + done.stderr
