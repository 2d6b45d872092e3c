"""Playing live with files in the place of a sound card, and with a sound card that is unplugged."""

import json
import sys
import types
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import soundfile
import torch
from tests.performance.scores import LEARNED

import oscine
from oscine.cli.main import main
from oscine.cli.playing import Knobs, bar, note_name
from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig
from oscine.performance import Note, read_midi, write_midi
from oscine.processors import HarmonicConfig
from oscine.realtime import FileDevice, Session, SoundCard
from oscine.realtime.keys import names_of
from oscine.realtime.midi_input import MidiInput
from oscine.runtime import Performer, engines
from oscine.streaming import Program

pytestmark = pytest.mark.skipif(
    not engines(), reason="no compiled runtime: there was no C++ compiler when the package was installed"
)

RATE = 48000


@pytest.fixture(scope="module")
def instrument() -> Instrument:
    torch.manual_seed(0)
    config = InstrumentConfig(sample_rate=RATE, hop_length=192, synth=(HarmonicConfig(n_harmonics=10),))
    return Instrument(config, LEARNED, {"licence": "cc-by-3.0", "credit": "Somebody"}).eval()


@pytest.fixture(scope="module")
def program(instrument: Instrument) -> bytes:
    return instrument.program().to_bytes()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.mid"
    write_midi(path, [Note(0.1 + 0.3 * i, 0.25, 60 + i, 100) for i in range(4)])
    return path


def _ended(device: FileDevice, session: Session) -> np.ndarray:
    device.start(session)
    while device.is_running:
        pass
    device.stop()
    return soundfile.read(device.output, dtype="float32")[0]


def test_notes_from_a_file_are_heard_in_time_and_in_tune(program: bytes, song: Path, tmp_path: Path) -> None:
    session = Session(Performer(program, RATE), 128)
    played = _ended(FileDevice(tmp_path / "out.wav", score=read_midi(song)), session)
    features = oscine.analyze((played, RATE))
    report = session.report()
    assert report.note_latency_ms < 10
    for i in range(4):
        begins = round(0.1 * RATE) + i * round(0.3 * RATE)
        middle = round((0.1 + 0.3 * i + 0.15) * features.frame_rate)
        assert float(features.midi[middle]) == pytest.approx(60 + i, abs=0.2)
        if i == 0:
            first = int(np.flatnonzero(np.abs(played) > 1e-5)[0])
            assert 0 <= first - begins <= report.note_latency_ms * RATE / 1000
    assert report.overruns == 0
    assert report.licence == "cc-by-3.0"


@pytest.mark.parametrize(("own_rate", "hop"), [(48000, 192), (16000, 64)])
@pytest.mark.parametrize("block", [64, 128, 1000])
def test_the_latency_is_that_of_the_worst_moment(own_rate: int, hop: int, block: int) -> None:
    """A gain opens in one frame; half a frame earlier it is half open. The message just missed a block."""
    marker = Program(own_rate, hop)
    gain = marker.input("gain")
    marker.output = marker.gain(marker.linear(gain, torch.zeros(hop, 1), torch.ones(hop)), gain)
    program = marker.to_bytes()
    session = Session(Performer(program, RATE), block)
    session.performer.set(attack_s=0.0, release_s=0.0)

    def played(n_samples: int, *message: int) -> np.ndarray:
        session.post(bytes(message))
        n_blocks = -(-n_samples // block)
        return np.concatenate([session.process(np.zeros(block, np.float32)) for _ in range(n_blocks)])

    played(3000, 0x90, 69, 127)
    late = []
    for _ in range(24):
        assert not played(3000 + block, 0x80, 69, 0)[-1]
        audio = played(3000, 0x90, 69, 127)
        above = int(np.flatnonzero(audio >= 0.5)[0])
        middle = above - (audio[above] - 0.5) / (audio[above] - audio[above - 1])
        late.append(middle + RATE / 500 + block)
    latency = session.report().note_latency_ms * RATE / 1000
    assert max(late) == pytest.approx(latency, abs=1)
    if block <= 128:
        assert latency <= 0.01 * RATE


def test_a_file_has_the_performers_samples(program: bytes, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    heard = (0.1 * random.standard_normal(20_001)).astype(np.float32)
    performer = Performer(program, RATE)
    performer.set(source=1)
    for block in (1, 100):
        played = _ended(
            FileDevice(tmp_path / "out.wav", heard=heard[: 200 * block], seconds=200 * block / RATE),
            Session(performer, block),
        )
        performer.reset()
        expected = performer.play(200 * block, heard[: 200 * block])
        performer.reset()
        np.testing.assert_allclose(played, expected, rtol=0, atol=2**-23)


def test_an_error_leaves_the_file_as_it_was(program: bytes, tmp_path: Path) -> None:
    class Broken(Performer):
        def play(self, n_samples, heard=None):
            raise MemoryError

    output = tmp_path / "out.wav"
    output.write_bytes(b"precious")
    device = FileDevice(output, seconds=0.1)
    with pytest.raises(MemoryError):
        _ended(device, Session(Broken(program, RATE), 128))
    assert output.read_bytes() == b"precious"
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]


def test_a_voice_from_a_file_is_followed(program: bytes, tmp_path: Path) -> None:
    time = np.arange(RATE) / RATE
    partials = np.arange(1, 6)[:, None]
    heard = (0.3 * np.sin(2 * np.pi * 220 * partials * time) / partials).sum(0).astype(np.float32)
    performer = Performer(program, RATE)
    performer.set(source=1, octave=1)
    played = _ended(FileDevice(tmp_path / "out.flac", heard=heard), Session(performer, 64))
    assert len(played) == 2 * RATE
    features = oscine.analyze((played, RATE))
    assert float(features.f0_hz[150]) == pytest.approx(440, rel=5e-3)
    assert np.abs(played[-RATE // 4 :]).max() < 1e-3


def test_the_pace_is_kept_and_a_late_block_is_counted(program: bytes, tmp_path: Path) -> None:
    session = Session(Performer(program, RATE), 4800)
    n_late = 0

    class Slow(Performer):
        def play(self, n_samples, heard=None):
            nonlocal n_late
            if self.n_played == 2:
                import time

                time.sleep(0.25)
                n_late += 1
            self.n_played += 1
            return super().play(n_samples, heard)

        n_played = 0

    slow = Session(Slow(program, RATE), 4800)
    for one, n_overruns in ((session, 0), (slow, 1)):
        for channel_message in (bytes([0x90, 69, 100]),):
            one.post(channel_message)
        _ended(FileDevice(tmp_path / "out.wav", seconds=0.6, is_paced=True), one)
        # A busy machine may add some; the slow block alone is sure.
        assert one.overruns >= n_overruns
    assert n_late == 1
    assert slow.report().load_p999 > 1


def test_what_follows_a_gap_fades_in(program: bytes) -> None:
    session = Session(Performer(program, RATE), 480)
    session.performer.set(mix=0)
    session.performer.reset()
    ones = np.ones(480, np.float32)
    through = [session.process(ones) for _ in range(10)]
    assert np.array_equal(through[-1], ones)
    faded = session.process(ones, gap=True)
    assert faded[0] == 0
    assert np.all(np.diff(faded) > 0)
    assert session.overruns == 1


def test_controllers_move_settings_and_silence_ends_notes(program: bytes) -> None:
    session = Session(Performer(program, RATE), 128, {20: "mix", 21: "octave"})
    block = np.zeros(128, np.float32)
    session.post(bytes([0xB0, 20, 0]))
    session.post(bytes([0xB0, 21, 127]))
    session.post(bytes([0x90, 69, 100]))
    session.process(block)
    assert session.performer.value("mix") == 0
    assert session.performer.value("octave") == 4
    assert session.meters.n_voices == 1
    session.silence()
    session.process(block)
    session.process(block)
    assert session.meters.n_voices == 0
    session.change("mix", 0.5)
    session.process(block)
    assert session.performer.value("mix") == 0.5
    with pytest.raises(InputError, match="no setting 'size'"):
        session.change("size", 1.0)
    with pytest.raises(InputError, match="Controller 200"):
        Session(session.performer, 128, {200: "mix"})
    with pytest.raises(InputError, match="1 to 8192"):
        Session(session.performer, 0)


def test_the_terminals_keys(program: bytes) -> None:
    session = Session(Performer(program, RATE), 128)
    knobs = Knobs(session)
    block = np.zeros(128, np.float32)
    for key in names_of("\x1b[B\x1b[20~\x1b[A\x1b[C\x1b[C"):
        knobs.press(key)
    session.process(block)
    assert knobs.names[knobs.chosen] == "octave"
    assert session.performer.value("octave") == 2
    knobs.press("0")
    session.process(block)
    assert session.performer.value("octave") == 0
    assert note_name(442.0).split() == ["A4", "+8"]
    assert not note_name(0.0).strip()
    assert bar(-30.0, 10).startswith("█████·····")


class _Stream:
    """PortAudio's, as far as it is used."""

    made: ClassVar[list["_Stream"]] = []
    is_there = True
    latency = 0.01

    def __init__(self, *, callback, samplerate, blocksize, **_):
        if not _Stream.is_there:
            raise _PortAudioError("Device unavailable")
        self.callback, self.rate, self.block, self.active = callback, samplerate, blocksize, False
        _Stream.made.append(self)

    def start(self):
        self.active = True

    def close(self, ignore_errors):
        self.active = False

    def ask(self, **status) -> np.ndarray:
        out = np.zeros((self.block, 1), np.float32)
        flags = types.SimpleNamespace(output_underflow=False, input_overflow=False) if not status else None
        self.callback(out, self.block, None, flags or types.SimpleNamespace(**status))
        return out[:, 0]


class _PortAudioError(Exception):
    pass


def test_an_unplugged_sound_card_is_survived(program: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    library = types.SimpleNamespace(
        OutputStream=_Stream,
        Stream=_Stream,
        PortAudioError=_PortAudioError,
        _terminate=lambda: None,
        _initialize=lambda: None,
    )
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    monkeypatch.setattr("oscine.realtime.sound_card._RETRY_S", 0.0)
    _Stream.made.clear()
    session = Session(Performer(program, RATE), 128)
    card = SoundCard(RATE, 128)
    card.start(session)
    session.post(bytes([0x90, 69, 100]))
    assert max(np.abs(_Stream.made[-1].ask()).max() for _ in range(40)) > 0
    _Stream.made[-1].ask(output_underflow=True)
    assert session.overruns == 1
    # Unplugged: the stream stops, and there is no device.
    _Stream.made[-1].active, _Stream.is_there = False, False
    assert card.is_running
    assert "tried again every second" in card.remark
    _Stream.is_there = True
    assert card.is_running
    assert card.remark == ""
    assert len(_Stream.made) == 2
    assert np.abs(_Stream.made[-1].ask()).max() > 0
    card.stop()
    _Stream.is_there = False
    with pytest.raises(InputError, match="can't be opened at 48000 Hz: Device unavailable"):
        SoundCard(RATE, 128, output="nine").start(session)
    _Stream.is_there = True


def test_a_midi_port_comes_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    ports: list[str] = []
    callbacks = []

    class MidiIn:
        def get_ports(self):
            return ports

        def ignore_types(self, **_):
            pass

        def set_callback(self, callback):
            callbacks.append(callback)

        def open_port(self, number):
            if ports[number] != "Big Keyboard":
                raise OSError("busy")

        def close_port(self):
            pass

        def delete(self):
            pass

    monkeypatch.setitem(
        sys.modules,
        "rtmidi",
        types.SimpleNamespace(
            MidiIn=MidiIn, SystemError=OSError, InvalidPortError=KeyError, InvalidUseError=KeyError
        ),
    )
    monkeypatch.setattr("oscine.realtime.midi_input._LOOK_S", 0.0)
    messages: list[bytes] = []
    lost = []
    port = MidiInput("", messages.append, lambda: lost.append(True))
    assert port.name == ""
    ports.extend(["Midi Through:0", "Big Keyboard"])
    port.poll()
    assert port.name == "Big Keyboard"
    callbacks[-1](([0x90, 60, 100], 0.0), None)
    assert messages == [bytes([0x90, 60, 100])]
    ports.pop()
    port.poll()
    assert port.name == ""
    assert lost == [True]
    ports.append("Busy")
    port.poll()
    assert port.name == ""
    port.close()


def test_the_command(
    instrument: Instrument, song: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "violin"
    instrument.save_pretrained(folder)

    def run(*arguments: str | Path) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["play", *map(str, arguments)])
        return int(ended.value.code or 0)

    out = tmp_path / "out.wav"
    assert run("--to", folder, "--midi", song, "-o", out, "--json", "--set", "octave=-1") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["sample_rate"] == RATE
    assert report["seconds"] == pytest.approx(soundfile.info(out).duration)
    heard = tmp_path / "hum.wav"
    soundfile.write(heard, 0.1 * np.sin(np.arange(8000) * 0.1), 16000)
    assert run("--to", folder, "--voice", "--input", heard, "-o", out) == 0
    assert "16000 Hz in blocks of 128: 0 overruns" in " ".join(capsys.readouterr().out.split())
    for wrong, sentence in (
        ((), "--to is missing"),
        (("--to", folder, "--midi", song), "give -o OUT.wav"),
        (("--to", folder, "-o", out), "Nothing comes in"),
        (("--to", folder, "--voice", "-o", out), "give --input FILE"),
        (("--to", folder, "--input", heard, "-o", out), "add --voice"),
        (("--to", folder, "--voice", "--input", heard, "-o", heard), "is the input itself"),
        (("--to", folder, "--voice", "--input", heard, "-o", out, "--midi", song), "remove it, or --voice"),
        (("--to", folder, "--midi", "port", "-o", out), "give --midi SONG.mid"),
        (("--to", folder, "--paced"), "--paced is for files"),
        (("--to", folder, "--voice", "--voices", "4"), "--voices is for playing notes"),
        (("--to", folder, "--midi", song, "-o", out, "--set", "source=1"), "use --voice"),
        (("--to", folder, "-o", out, "--map", "20=mix", "--map", "20=octave"), "20 twice"),
        (("--to", folder, "-o", out, "--set", "octave=9"), "give -4 to 4"),
        (("--to", folder, "-o", out, "--set", "octave"), "write NAME=VALUE"),
        (("--to", folder, "-o", out, "--map", "x=mix"), "write CC=NAME"),
        (("--to", folder, "-o", out, "--voices", "17"), "give 1 to 16"),
        (("--to", folder, "-o", out, "--rate", "1"), "give 4000 to 768000 Hz"),
        (("--to", folder, "-o", out, "--seconds", "0"), "give more than 0"),
        (("--to", tmp_path / "none.oscine", "-o", out), "none.oscine"),
        (("--to", song.rename(tmp_path / "bad.oscine"), "-o", out), "can't be played"),
    ):
        assert run(*wrong) == 2
        assert sentence in " ".join(capsys.readouterr().err.split())
