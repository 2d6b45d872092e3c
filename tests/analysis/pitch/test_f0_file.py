"""Pitch files: what people have is read, what is broken is said with its line, what is written comes back."""

import numpy as np
import pytest
import torch
from tests.analysis.tones import vibrato_tone

from oscine.analysis import VOICED, F0Curve, Features, analyze, f0_file_beside, read_f0, write_f0
from oscine.errors import InputError


@pytest.fixture
def write(tmp_path):
    def write(text, name="a.f0.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize(
    "text",
    [
        "0.0,0\n0.01,220.5\n0.02,0.0\n0.03,441\n",
        "0.0,0.0\r\n0.01,220.5\r\n0.02,-220.5\r\n0.03,441\r\n",
        "time,frequency\n0,\n0.01,220.5\n\n0.02,nan\n0.03,441",
        "\ufeff# from somewhere\ntime_s; f0_hz\n0;0\n0,01;220,5\n0,02;0\n0,03;441,0\n",
        '"0.00"\t"0"\n"0.01"\t"220.5"\n"0.02"\t""\n"0.03"\t"441"\n',
        "0.00 0\n0.01  220.5\n 0.02 0\n0.03 441\n",
    ],
)
def test_what_people_have_is_read(write, text):
    curve = read_f0(write(text))
    assert np.allclose(curve.time_s, [0.0, 0.01, 0.02, 0.03])
    assert np.allclose(curve.f0_hz, [0.0, 220.5, 0.0, 441.0])
    assert np.array_equal(curve.confidence, [0.0, 1.0, 0.0, 1.0])
    assert curve.names_pauses


def test_a_third_column_is_the_confidence(write):
    header = "time,frequency,confidence\n"
    everywhere = read_f0(write(header + "0.00,100,0.9\n0.01,101,0.2\n0.02,102,0.5\n"))  # as CREPE writes it
    assert np.array_equal(everywhere.f0_hz, [100.0, 0.0, 102.0])
    assert np.array_equal(everywhere.confidence, [0.9, 0.2, 0.5])
    assert everywhere.names_pauses
    corrected = read_f0(write(header + "0.00,100,0.9\n0.01,101,0.2\n0.02,0,0.8\n0.03,0,0.1\n"))
    assert np.array_equal(corrected.f0_hz, [100.0, 101.0, 0.0, 0.0])
    assert np.array_equal(corrected.confidence[[0, 1, 3]], [0.9, 1.0, 0.1])
    assert np.float32(corrected.confidence[2]) < VOICED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no pitch"),
        ("time,f0\n", "holds no pitch"),
        ("0,100\n0.01\n", r"a\.f0\.csv, line 2: 1 value where 2 values as in the first line"),
        ("t,f\n0,100\n0.01,abc\n", "line 3: 'abc' is not a number of Hz"),
        ("0,100\nx,100\n", "line 2: 'x' is not a number of seconds"),
        ("0,100\ninf,100\n", "line 2: inf is not a number of seconds"),
        ("0,100\n0.02,100\n0.01,100\n", "line 3: the time does not rise"),
        ("0,100\n\n0,100\n", "line 3: the time does not rise"),
        ("0,100\n0.01,3\n", "line 2: 3 is not a pitch in Hz"),
        ("0,100\n0.01,44100\n", "line 2: 44100 is not a pitch in Hz"),
        ("0,100,0.5\n0.01,100,7\n", "line 2: 7 is not a confidence"),
        ("0,1,2,3\n", "line 1: 4 values where 2 or 3 values should be"),
        (b"\xff\xfe\x00a", "is not text"),
        ("these are words\nand no pitch\n", "line 2: 'and' is not a number of seconds"),
    ],
)
def test_what_is_broken_is_said_with_its_line(write, text, words):
    with pytest.raises(InputError, match=words):
        read_f0(write(text))


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv cannot be read"):
        read_f0(tmp_path / "none.csv")


def test_pitch_goes_straight_in_octaves_inside_notes_and_never_across_a_pause():
    curve = F0Curve(
        np.array([0.0, 0.1, 0.3, 0.4, 0.5, 0.6]),
        np.array([0.0, 100.0, 200.0, 0.0, 0.0, 300.0]),
        np.array([0.0, 1.0, 0.8, 0.1, 0.1, 1.0]),
        True,
    )
    times = np.array([-1.0, 0.04, 0.06, 0.1, 0.2, 0.3, 0.34, 0.36, 0.45, 0.54, 0.56, 9.0])
    f0_hz, confidence = curve.at(times)
    wanted = [0, 0, 100, 100, 100 * 2**0.5, 200, 200, 0, 0, 0, 300, 300]
    assert np.allclose(f0_hz, wanted)
    assert np.allclose(confidence, [0, 0, 1, 1, 0.9, 0.8, 0.8, 0.1, 0.1, 0.1, 1, 1])


def test_a_list_of_voiced_instants_has_its_pauses_where_it_says_nothing(write):
    rows = [f"{time:.3f},{200 + 10 * time:.2f}" for time in [*np.arange(1, 2, 0.01), *np.arange(3, 4, 0.01)]]
    curve = read_f0(write("\n".join(rows)))
    assert not curve.names_pauses
    f0_hz, confidence = curve.at(np.array([0.5, 0.98, 1.0, 1.555, 1.99, 2.02, 2.5, 3.0, 3.99, 4.02]))
    assert np.allclose(f0_hz, [0, 0, 210, 215.55, 219.9, 0, 0, 230, 239.9, 0], atol=0.01)
    assert np.array_equal(confidence > 0.5, f0_hz > 0)
    one = F0Curve(np.array([1.0]), np.array([300.0]), np.array([1.0]), False)
    assert np.allclose(one.at(np.array([0.5, 1.0, 1.5]))[0], [0, 300, 0])
    curve.check_length(6.0)
    with pytest.raises(InputError, match=r"from 1\.00 to 3\.99 s and the recording lasts 3\.50 s"):
        curve.check_length(3.5)


def test_the_length_must_be_that_of_the_recording():
    curve = F0Curve(np.array([0.0, 1.0, 2.0]), np.array([0.0, 100.0, 0.0]), np.array([0.0, 1.0, 0.0]), True)
    for duration_s in (1.91, 2.0, 2.09):
        curve.check_length(duration_s)
    for duration_s in (1.89, 2.11):
        with pytest.raises(InputError, match="the recording lasts"):
            curve.check_length(duration_s)


def test_what_is_written_comes_back(tmp_path):
    tone, _ = vibrato_tone(330.0, seconds=1.0)
    audio = np.concatenate([np.zeros(4000), tone, np.zeros(4000)])
    features = analyze(audio, 16000)
    path = tmp_path / "a.f0.csv"
    write_f0(features, path)
    assert path.read_text().startswith("time_s,f0_hz,confidence\n0.004000,0.000,")
    again = analyze(audio, 16000, tracker=read_f0(path))
    voiced = features.confidence >= VOICED
    assert torch.equal(again.confidence >= VOICED, voiced)
    assert torch.allclose(again.f0_hz[voiced], features.f0_hz[voiced], atol=1e-3)
    assert torch.allclose(again.confidence, features.confidence, atol=1e-4)
    read_f0(path).check_length(len(audio) / 16000)
    with pytest.raises(InputError, match="is there already and may hold corrections"):
        write_f0(features, path)


def test_a_voiced_frame_of_another_rate_finds_its_row(tmp_path):
    """The written grid is read on another one: 44.1 kHz, where a frame is 176 samples."""
    tone, pitch = vibrato_tone(330.0, seconds=1.0)
    write_f0(analyze(tone, 16000), tmp_path / "a.csv")
    time_s = np.arange(20, 230) * 176 / 44100
    f0_hz, _ = read_f0(tmp_path / "a.csv").at(time_s)
    assert np.abs(1200 * np.log2(f0_hz / pitch(time_s))).max() < 8.0


def test_the_file_beside_a_recording(tmp_path):
    recording = tmp_path / "take.1.flac"
    assert f0_file_beside(recording) is None
    (tmp_path / "take.1_f0.csv").write_text("0,0\n")
    assert f0_file_beside(recording) == tmp_path / "take.1_f0.csv"
    (tmp_path / "take.1.f0.csv").write_text("0,0\n")
    assert f0_file_beside(recording) == tmp_path / "take.1.f0.csv"


def test_a_frame_without_a_pitch_is_written_as_zero(tmp_path):
    values = torch.tensor([440.0, 441.0])
    features = Features(values, torch.tensor([0.9, 0.3]), values, values, 16000, 64)
    write_f0(features, tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[1:] == ["0.004000,440.000,0.9000", "0.008000,0.000,0.3000"]
