"""Every kind of bad file has its verdict; every kind of good one is read as the same sound."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oscine.audio import decoder, probe, read_audio, read_blocks
from oscine.audio.containers import inspect_container
from oscine.audio.file import FileReport
from oscine.audio.findings import Findings
from oscine.audio.view import FileContent
from oscine.errors import InputError

_VERDICTS = [
    ("fine.wav", "ok", ""),
    ("fine.flac", "ok", ""),
    ("fine.ogg", "ok", ""),
    ("fine.mp3", "ok", ""),
    ("open_length.wav", "ok", ""),
    ("truncated.wav", "repaired", "truncated: the header promises"),
    ("truncated.flac", "repaired", "damaged"),
    ("truncated.mp3", "repaired", "truncated: it ends inside an MPEG frame"),
    ("truncated.ogg", "repaired", "truncated: the stream has no last page"),
    ("promises_more.wav", "repaired", "truncated"),
    ("damaged.flac", "repaired", "damaged"),
    ("flac_long.flac", "repaired", "of the declared 3000.00 s"),
    ("flac_unsaid.flac", "repaired", "does not say how long"),
    ("not_finite.wav", "repaired", "12 samples are NaN or infinite"),
    ("offset.wav", "repaired", "offset of 0.2"),
    ("empty.wav", "rejected", "it is empty"),
    ("empty.mp3", "rejected", "it is empty"),
    ("text.wav", "rejected", "not readable audio"),
    ("text.flac", "rejected", "not readable audio"),
    ("text.ogg", "rejected", "not readable audio"),
    ("text.mp3", "rejected", "not readable audio"),
    ("beheaded.wav", "rejected", "not readable audio"),
    ("promises_less.wav", "rejected", "more follow"),
    ("unclosed.wav", "rejected", "more follow"),
    ("wrong_rate.wav", "rejected", "sample rate cannot be trusted"),
    ("wrong_channels.wav", "rejected", "contradicts itself"),
    ("no_channels.wav", "rejected", "not readable audio"),
    ("flac_short.flac", "rejected", "the header declares 44100 samples"),
    ("no_frames.wav", "rejected", "holds no samples"),
    ("no_frames.ogg", "rejected", "holds no samples"),
    ("silence.flac", "rejected", "silent from end to end"),
    ("all_nan.wav", "rejected", "44100 of its samples are NaN or infinite, and the rest is silent"),
    ("constant.wav", "rejected", "silent from end to end"),
    ("short.wav", "rejected", "it lasts 50 ms"),
    ("integers.wav", "rejected", "full scale is 1"),
    ("cancelling.wav", "rejected", "cancel each other"),
]


@pytest.mark.parametrize(("kind", "verdict", "words"), _VERDICTS, ids=[kind for kind, *_ in _VERDICTS])
def test_every_bad_file_has_its_verdict(
    make_bad: Callable[[str], Path], kind: str, verdict: str, words: str
) -> None:
    report = probe(make_bad(kind))
    assert report.verdict == verdict, report
    assert words in "; ".join(report.reasons)
    assert (report.reasons == []) == (verdict == "ok")


@pytest.mark.parametrize("kind", [kind for kind, verdict, _ in _VERDICTS if verdict != "rejected"])
def test_what_is_used_is_the_sound_up_to_the_fault(make_bad: Callable[[str], Path], kind: str) -> None:
    path = make_bad(kind)
    report = probe(path)
    audio = np.concatenate(list(read_blocks(path, offset=report.offset)))
    reference, _ = read_audio(make_bad(f"fine.{path.suffix[1:]}"))
    assert len(audio) == round(report.duration_s * 44_100)
    assert len(audio) > 0.3 * len(reference)
    if kind.startswith("offset"):
        reference = reference * 0.5
    if kind.startswith("not_finite"):
        assert np.all(audio[1000:1010] == 0)
        audio[1000:1010] = reference[1000:1010]
        audio[[5000, 6000]] = reference[[5000, 6000]]
    n = len(audio) - 4096  # what a lossy decoder makes of the last frame before the cut is its own affair
    np.testing.assert_allclose(audio[:n], reference[:n], atol=1e-3)


def test_a_folder_a_missing_file_and_a_pipe_are_rejected(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.wav")  # opening it would wait for ever
    assert "not a regular file" in probe(tmp_path / "pipe.wav").reasons[0]
    assert "not a regular file" in probe(tmp_path).reasons[0]
    assert "does not exist" in probe(tmp_path / "none.wav").reasons[0]


def test_reading_rejects_with_a_sentence(make_bad: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match=r"text\.wav is not readable audio .*; convert it"):
        read_audio(make_bad("text.wav"))
    coded = make_bad("text.wav").with_name("v.ovc")
    coded.write_bytes(b"OVC\x01" + bytes(20))
    with pytest.raises(InputError, match=r"v\.ovc is a coded voice and no sound yet; decode it: oscine"):
        read_audio(coded)
    with pytest.raises(InputError, match=r"integers\.wav has -?[0-9.e+]+ at sample \d+ .*; floats lie in"):
        read_audio(make_bad("integers.wav"))


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [("wav", "PCM_U8"), ("wav", "PCM_24"), ("wav", "DOUBLE"), ("flac", "PCM_16"), ("aiff", "PCM_32")],
)
def test_any_rate_and_depth_is_the_same_tone(tmp_path: Path, rate: int, suffix: str, subtype: str) -> None:
    t = np.arange(rate) / rate
    tone = 0.5 * np.sin(2 * np.pi * 1000 * t)
    path = tmp_path / f"tone.{suffix}"
    soundfile.write(path, np.stack([tone * 1.5, tone * 0.5], axis=1), rate, subtype=subtype)
    audio, sample_rate = read_audio(path, 16_000)
    assert sample_rate == 16_000
    assert len(audio) == 16_000
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    middle = slice(500, -500)  # the resampler's edges
    error = audio[middle] - expected[middle]
    assert np.abs(error).max() < (0.02 if subtype == "PCM_U8" else 2e-4)


@pytest.mark.parametrize("suffix", ["ogg", "mp3"])
def test_lossy_formats_are_the_same_tone(tmp_path: Path, suffix: str) -> None:
    t = np.arange(2 * 44_100) / 44_100
    soundfile.write(tmp_path / f"tone.{suffix}", 0.5 * np.sin(2 * np.pi * 440 * t), 44_100)
    audio, _ = read_audio(tmp_path / f"tone.{suffix}", 16_000)
    spectrum = np.abs(np.fft.rfft(audio[8_000:24_000] * np.hanning(16_000)))
    assert spectrum.argmax() == 440
    assert abs(len(audio) - 32_000) < 100


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(block_s=st.floats(1e-4, 3.0), rate=st.sampled_from([None, 8_000, 16_000, 48_000]))
def test_block_length_does_not_change_the_sound(
    make_bad: Callable[[str], Path], block_s: float, rate: int | None
) -> None:
    path = make_bad("fine.flac")
    block_s = max(block_s, 0.01)
    blocks = list(read_blocks(path, rate, block_s))
    whole, sample_rate = read_audio(path, rate)
    assert np.array_equal(np.concatenate(blocks), whole)
    assert {len(block) for block in blocks[:-1]} <= {max(1, round(block_s * sample_rate))}


def test_clipping_is_counted_in_the_file(tmp_path: Path) -> None:
    tone = 1.4 * np.sin(2 * np.pi * 100 * np.arange(16_000) / 16_000)
    soundfile.write(tmp_path / "loud.wav", np.clip(tone, -1, 1), 16_000)
    # |sin| exceeds 1 / 1.4 for this share of the time.
    assert probe(tmp_path / "loud.wav").clipped_s == pytest.approx(
        1 - 2 / np.pi * np.arcsin(1 / 1.4), abs=0.02
    )


_PROBE = """
import resource, sys
from oscine.audio import probe
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
report = probe(sys.argv[1])
print(report.verdict, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, *report.reasons)
"""


def test_hours_of_silence_take_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "hours.flac"
    with soundfile.SoundFile(path, "w", 44_100, 2, "PCM_16") as file:
        minute = np.zeros((60 * 44_100, 2), np.int16)
        for _ in range(90):
            file.write(minute)
    assert path.stat().st_size < 1_700_000
    command = [sys.executable, "-c", _PROBE, str(path)]
    words = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert words[0] == "rejected"
    assert "silent" in words
    # Decoded it would be 1.9 GB.
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(words[1]) * unit < 50e6


@pytest.mark.parametrize("suffix", [".wav", ".aiff", ".caf", ".flac", ".ogg", ".mp3"])
def test_a_file_cut_while_it_is_read_ends_there(tmp_path: Path, suffix: str) -> None:
    """A map of the file would end the process by SIGBUS."""
    path = tmp_path / f"a{suffix}"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 20 * 44_100)
    soundfile.write(path, noise, 44_100)
    reports: list[FileReport] = []
    blocks = read_blocks(path, block_s=1.0, on_report=reports.append)
    n_read = len(next(blocks))
    os.truncate(path, path.stat().st_size // 2)
    n_read += sum(map(len, blocks))
    assert 44_100 <= n_read < 15 * 44_100
    assert reports[0].verdict == "repaired", reports
    assert reports[0].reasons[0].startswith(("truncated", "damaged")), reports


def test_a_file_cut_before_its_header_is_read_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(44_100), 44_100)

    def cut(content: FileContent) -> Findings:
        os.truncate(path, 4)
        return inspect_container(content)

    monkeypatch.setattr(decoder, "inspect_container", cut)
    with pytest.raises(InputError, match="became shorter while it was read"):
        read_audio(path)
