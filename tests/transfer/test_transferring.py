import errno
import inspect

import numpy as np
import pytest
import soundfile
import torch
from transfer_standin import SAMPLE_RATE, SineInstrument, hum, statistics

from oscine.analysis import analyze
from oscine.errors import InputError
from oscine.transfer import Options, transfer, transfer_file

TUNE = [57, 61, 64, 57]


@pytest.fixture
def tune(tmp_path):
    path = tmp_path / "tune.wav"
    soundfile.write(path, np.concatenate([np.zeros(8000, np.float32), hum(TUNE)]), SAMPLE_RATE)
    return path


def test_the_tune_is_played_in_the_instruments_register(tune):
    instrument = SineInstrument(statistics(67, 79))
    audio, rate = transfer(instrument, tune)
    assert (rate, len(audio)) == (SAMPLE_RATE, soundfile.info(tune).frames)
    heard, played = analyze(soundfile.read(tune, dtype="float32")[0], rate), analyze(audio, rate)
    both = (heard.confidence > 0.85) & (played.confidence > 0.85)
    assert float(both.float().mean()) > 0.4
    cents = 1200 * torch.log2(played.f0_hz / heard.f0_hz)[both] - 1200
    assert float(cents.abs().median()) < 10
    assert bool((audio[:7000] == 0).all())  # the silence at the start


def test_the_file_holds_the_same_sound_as_transfer(tune, tmp_path):
    instrument = SineInstrument(statistics(67, 79))
    report = transfer_file(instrument, tune, tmp_path / "out.wav", Options(autotune=0.5))
    sound, rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
    audio, _ = transfer(instrument, tune, Options(autotune=0.5))
    np.testing.assert_allclose(sound, audio.numpy(), atol=2**-22)
    assert rate == SAMPLE_RATE
    assert soundfile.info(tmp_path / "out.wav").subtype == "PCM_24"
    assert report.octave == 1
    assert report.seconds == pytest.approx(len(audio) / rate)
    assert report.peak == pytest.approx(float(audio.abs().max()))
    assert (report.scaled_db, report.remarks) == (0.0, [])
    assert 0.4 < report.note_share < 0.8
    assert report.real_time_factor > 0
    assert not list(tmp_path.glob(".*"))  # nothing temporary stays


def test_flac_and_a_new_folder(tune, tmp_path):
    out = tmp_path / "new" / "out.flac"
    transfer_file(SineInstrument(statistics()), tune, out)
    assert soundfile.info(out).format == "FLAC"


def test_what_would_clip_is_lowered_as_a_whole_and_said(tune, tmp_path):
    loud = SineInstrument(statistics(), level=30.0)
    options = Options(level_passes=0)
    report = transfer_file(loud, tune, tmp_path / "out.wav", options)
    sound, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    audio, _ = transfer(loud, tune, options)
    assert report.peak > 1
    assert float(np.abs(sound).max()) == pytest.approx(0.999, abs=1e-4)
    np.testing.assert_allclose(sound, audio.numpy() * 10 ** (report.scaled_db / 20), atol=1e-5)
    assert any("level was reduced" in remark for remark in report.remarks)


def test_an_input_without_a_note_and_an_instrument_without_statistics_are_remarked(tmp_path):
    noise = 0.1 * np.random.default_rng(0).standard_normal(SAMPLE_RATE)
    soundfile.write(tmp_path / "noise.wav", noise, SAMPLE_RATE)
    report = transfer_file(SineInstrument(None), tmp_path / "noise.wav", tmp_path / "out.wav")
    assert "No note" in report.remarks[0]
    assert "no statistics" in report.remarks[1]
    assert report.note_share == 0


@pytest.mark.parametrize(
    ("sound", "words"),
    [
        (lambda tune: np.stack([tune, -tune], axis=1), "cancel each other when mixed to mono; invert"),
        (lambda tune: 1e-5 * tune, "too quiet, with a peak below -70 dB"),
        (lambda tune: 0 * tune, "too quiet, with a peak below -70 dB"),
        (lambda tune: 0.1 * np.random.default_rng(0).standard_normal(len(tune)), "neither too quiet nor"),
    ],
)
def test_why_there_is_no_note_is_said(tune, tmp_path, sound, words):
    audio, rate = soundfile.read(tune)
    soundfile.write(tmp_path / "in.wav", sound(audio), rate, subtype="FLOAT")
    report = transfer_file(SineInstrument(None), tmp_path / "in.wav", tmp_path / "out.wav")
    assert report.note_share == 0
    assert words in report.remarks[0]


def test_a_quiet_tune_is_played(tune, tmp_path):
    audio, rate = soundfile.read(tune)
    shares = []
    for name, gain_db in (("loud.wav", 0), ("quiet.wav", -46)):
        soundfile.write(tmp_path / name, audio * 10 ** (gain_db / 20), rate, subtype="FLOAT")
        report = transfer_file(SineInstrument(None), tmp_path / name, tmp_path / "out.wav")
        shares.append(report.note_share)
    assert shares[0] > 0.5
    assert shares[1] == pytest.approx(shares[0], abs=0.02)


def test_a_damaged_input_is_remarked(tune, tmp_path):
    soundfile.write(tmp_path / "in.wav", *soundfile.read(tune))
    content = (tmp_path / "in.wav").read_bytes()
    (tmp_path / "in.wav").write_bytes(content[: len(content) // 2])
    report = transfer_file(SineInstrument(None), tmp_path / "in.wav", tmp_path / "out.wav")
    assert report.remarks[0].startswith("Of the input: truncated: the header promises")


def test_a_tune_outside_the_learned_pitches_is_remarked(tune, tmp_path):
    report = transfer_file(SineInstrument(statistics(67, 79)), tune, tmp_path / "out.wav", Options(octave=-1))
    assert report.range_share == 0
    assert "outside the learned pitches" in report.remarks[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"autotune": 1.5}, "autotune"),
        ({"octave": 99}, "octave"),
        ({"octave": True}, "octave"),
        ({"octave": 1.0}, "octave is 1.0"),
        ({"octave": np.zeros(2)}, "octave is"),
        ({"loudness": float("nan")}, "loudness"),
        ({"loudness": "3"}, "loudness is 3; give a number of dB"),
        ({"loudness": None}, "loudness is None"),
        ({"loudness": True}, "loudness is True"),
        ({"autotune": "x"}, "autotune is x"),
        ({"autotune": float("nan")}, "autotune is nan"),
        ({"seed": 1.5}, "seed is 1.5; give a whole number"),
        ({"seed": float("nan")}, "seed is nan"),
        ({"seed": 1 << 63}, "seed is 9223372036854775808"),
        ({"dry": "no"}, "dry is no; give True or False"),
        ({"identity": 3}, "identity is 3; give the name"),
    ],
)
def test_options_out_of_range_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        # As users have it: without the type checker of the tests.
        inspect.unwrap(Options.__init__)(object.__new__(Options), **options)


def test_an_input_is_never_overwritten(tune, tmp_path):
    before = tune.read_bytes()
    link = tmp_path / "link.wav"
    link.symlink_to(tune)
    for output in (tune, link, tmp_path / "." / "tune.wav"):
        with pytest.raises(InputError, match="the input itself"):
            transfer_file(SineInstrument(), tune, output)
    assert tune.read_bytes() == before


def test_outputs_that_cannot_be_are_refused_before_any_work(tune, tmp_path):
    (tmp_path / "folder.wav").mkdir()
    for name, words in (
        ("out.ogg", "must end in"),
        ("folder.wav", "is a folder"),
        ("tune.wav/out.wav", "not a folder"),
    ):
        with pytest.raises(InputError, match=words):
            transfer_file(SineInstrument(), tmp_path / "missing.wav", tmp_path / name)
    with pytest.raises(InputError, match=r"must end in \.png"):
        transfer_file(SineInstrument(), tune, tmp_path / "out.wav", plot=tmp_path / "out.gif")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.wav", "tune.wav"]


def test_a_failure_leaves_the_old_output_and_nothing_else(tune, tmp_path):
    class Broken(SineInstrument):
        def step(self, *signals, state, **named):
            audio, state = super().step(*signals, state=state, **named)
            return audio * torch.nan, state

    out = tmp_path / "out.wav"
    out.write_bytes(b"old")
    with pytest.raises(InputError, match="NaN"):
        transfer_file(Broken(), tune, out)
    assert out.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.wav", "tune.wav"]


def test_the_picture_is_drawn(tune, tmp_path):
    transfer_file(
        SineInstrument(statistics()),
        tune,
        tmp_path / "out.wav",
        Options(autotune=1),
        plot=tmp_path / "out.png",
    )
    content = (tmp_path / "out.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) > 50_000


def test_progress_reaches_the_end(tune, tmp_path):
    told = []
    transfer_file(
        SineInstrument(), tune, tmp_path / "out.wav", on_progress=lambda what, done: told.append((what, done))
    )
    assert told[0] == ("analysing", 0.0)
    assert told[-1] == ("playing", 1.0)
    assert [done for what, done in told if what == "playing"] == sorted(d for w, d in told if w == "playing")


def test_a_full_disk_is_said_with_the_path_and_leaves_nothing(tune, tmp_path, monkeypatch):
    def full(path, blocks, sample_rate, n_samples):
        raise OSError("8192 requested and 4096 written")  # as numpy's tofile says it

    monkeypatch.setattr("oscine.audio.output._write", full)
    monkeypatch.setattr("oscine.files._refusal", lambda folder: errno.ENOSPC)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match="No space left on device") as refusal:
        transfer_file(SineInstrument(statistics(67, 79)), tune, tmp_path / "out.wav")
    assert refusal.value.filename == str(tmp_path / "out.wav")
    assert sorted(tmp_path.iterdir()) == before
