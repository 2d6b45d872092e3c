"""The performer against what it is made of: the keyboard, live players, and what they are told."""

import hashlib
import inspect
import math

import numpy as np
import pytest
import torch
from tests.performance.scores import LEARNED

from oscine.models import Instrument, InstrumentConfig, dynamics_of
from oscine.models.inputs import (
    CentroidConfig,
    F0Config,
    InputConfig,
    LoudnessConfig,
    OnsetConfig,
    ZConfig,
)
from oscine.processors import HarmonicConfig, NoiseConfig
from oscine.runtime import CompiledKeyboard, Live, Performer, engines
from oscine.streaming import Program

pytestmark = pytest.mark.skipif(
    not engines(), reason="no compiled runtime: there was no C++ compiler when the package was installed"
)

RATE, HOP = 16000, 64
ON, OFF = 0x90, 0x80


def _program(*more: InputConfig) -> bytes:
    torch.manual_seed(0)
    config = InstrumentConfig(
        sample_rate=RATE,
        hop_length=HOP,
        synth=(HarmonicConfig(n_harmonics=10), NoiseConfig(n_bands=9)),
    )
    if more:
        config = config.model_copy(update={"inputs": more})
    return Instrument(config, LEARNED).eval().program().to_bytes()


@pytest.fixture(scope="module")
def program() -> bytes:
    return _program()


@pytest.mark.parametrize("n_voices", [1, 3])
@pytest.mark.parametrize("rate", [RATE, 44100])
def test_it_is_keyboard_and_players(program: bytes, n_voices: int, rate: int) -> None:
    performer = Performer(program, rate, n_voices)
    dynamics = dynamics_of(LEARNED)
    keyboard = CompiledKeyboard(RATE / HOP, n_voices, dynamics.curve_db, dynamics.least_db)
    voices = [Live(program) for _ in range(n_voices)]
    for i, voice in enumerate(voices):
        voice.reset(i)
    notes = {
        0: bytes([ON, 60, 90]),
        20: bytes([ON, 64, 70]),
        40: bytes([OFF, 60, 0]),
        50: bytes([ON, 67, 120]),
    }
    n_frames = 80
    mixed = []
    held = [(440.0, -80.0)] * n_voices
    woken = [False] * n_voices
    for t in range(n_frames):
        keyboard.take(notes.get(t, b""))
        mix = torch.zeros(HOP)
        for i, (f0_hz, loudness_db, gain, _, _) in enumerate(keyboard.frame().tolist()):
            if gain > 0:
                held[i], woken[i] = (f0_hz, loudness_db), True
            if woken[i]:
                voices[i].set(f0_hz=held[i][0], loudness_db=held[i][1], gain=gain)
                mix += voices[i].play(HOP)
        mixed.append(mix)
    if rate == RATE:
        played = []
        for t in range(n_frames):
            performer.take(notes.get(t, b""))
            played.append(performer.play(HOP))
        np.testing.assert_allclose(np.concatenate(played), torch.cat(mixed).numpy(), rtol=0, atol=1e-7)
    else:
        # Between two rates it is the same sound, resampled; here its level is compared.
        performer.take(notes[0])
        n = int(19 * HOP / RATE * rate)
        played = performer.play(n)
        expected = torch.cat(mixed)[: 19 * HOP].numpy()
        assert np.sqrt(np.mean(played[n // 2 :] ** 2)) == pytest.approx(
            float(np.sqrt(np.mean(expected[len(expected) // 2 :] ** 2))), rel=0.05
        )


def test_the_cut_into_blocks_makes_no_difference(program: bytes) -> None:
    random = np.random.default_rng(0)
    heard = (0.3 * np.sin(np.arange(30000) * 2 * np.pi * 220 / 48000)).astype(np.float32)
    whole = Performer(program, 48000, 2)
    whole.set(source=1, mix=0.7)
    expected = whole.play(len(heard), heard)
    parts = Performer(program, 48000, 2)
    parts.set(source=1, mix=0.7)
    played, start = [], 0
    while start < len(heard):
        block = heard[start : start + int(random.integers(0, 700))]
        played.append(parts.play(len(block), block))
        start += len(block)
    assert np.array_equal(np.concatenate(played), expected)


def test_a_note_waits_and_the_latency_is_what_is_said() -> None:
    """A gain that opens in one frame has wholly opened after the latency."""
    program = _program()
    for rate in (16000, 48000, 96000):
        performer = Performer(program, rate)
        performer.set(attack_s=0)
        performer.take(bytes([ON, 69, 127]))
        sound = performer.play(rate // 10)
        first = int(np.flatnonzero(np.abs(sound) > 1e-6)[0])
        assert first <= performer.note_latency
        assert performer.note_latency <= 0.01 * rate


@pytest.mark.parametrize(
    ("rate", "own_rate", "hop"), [(48000, 48000, 192), (48000, 16000, 64), (44100, 16000, 64)]
)
def test_a_frame_takes_the_message_before_its_first_sample(rate: int, own_rate: int, hop: int) -> None:
    """Frame k begins with the host's first sample that is not before k · hop / own_rate."""
    torch.manual_seed(0)
    config = InstrumentConfig(sample_rate=own_rate, hop_length=hop, synth=(HarmonicConfig(n_harmonics=5),))
    content = Instrument(config, LEARNED).eval().program().to_bytes()
    first = math.ceil(25 * hop * rate / own_rate)

    def played(at: int) -> np.ndarray:
        performer = Performer(content, rate)
        silent = performer.play(at)
        performer.take(bytes([ON, 69, 127]))
        return np.concatenate([silent, performer.play(3 * rate // 100 + first - at)])

    in_time, earlier, later = played(first), played(first - 1), played(first + 1)
    np.testing.assert_array_equal(in_time, earlier)
    assert not np.array_equal(in_time, later)


@pytest.mark.parametrize("rate", [16000, 44100, 48000, 96000])
@pytest.mark.parametrize("own_rate", [16000, 48000])
def test_the_voice_latency_is_what_a_ramp_measures(rate: int, own_rate: int) -> None:
    """A tone gets louder by decibels; the program plays the loudness that it is told, in 1/100 dB."""
    hop = own_rate // 250
    program = Program(own_rate, hop)
    program.input("f0_hz", default=440.0, minimum=1.0, maximum=8000.0, positive=True)
    loudness = program.input("loudness_db", default=-80.0, minimum=-120.0, maximum=60.0)
    ones = program.linear(loudness, torch.zeros(hop, 1), torch.ones(hop) / 100)
    program.output = program.gain(ones, loudness)
    program.metadata = {"dynamics": {"curve_db": [60.0] * 128, "least_db": -120.0}}
    performer = Performer(program.to_bytes(), rate)
    performer.set(source=1, match=0)
    time = np.arange(2 * rate) / rate
    level_db = -40 + 20 * time
    heard = (10 ** (level_db / 20) * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)
    told_db = 100 * performer.play(len(heard), heard)
    middle = slice(rate // 2, 3 * rate // 2)
    # A full-scale sine of 1 kHz reads 19.8 dB; its own slope shifts the mean of the window by far less.
    slope, offset = np.polyfit(time[middle], told_db[middle], 1)
    still = Performer(program.to_bytes(), rate)
    still.set(source=1, match=0)
    steady = 0.1 * np.sin(2 * np.pi * 1000 * time[: rate // 2]).astype(np.float32)
    constant_db = 100 * float(still.play(len(steady), steady)[-1]) + 20
    assert slope == pytest.approx(20, rel=1e-3)
    late_s = (constant_db - 40 - offset) / slope
    assert late_s * rate == pytest.approx(performer.voice_latency, abs=7e-5 * max(rate, 44100))
    assert performer.voice_latency <= 0.0205 * max(rate, 44100)  # 16 ms of look-ahead, a frame, the filters


def test_a_silent_voice_rests_and_wakes(program: bytes) -> None:
    performer = Performer(program, RATE)
    assert not performer.play(RATE).any()
    performer.take(bytes([ON, 69, 100]))
    assert np.abs(performer.play(RATE // 2)).max() > 0
    assert performer.meters().f0_hz == pytest.approx(440, rel=1e-3)
    performer.take(bytes([OFF, 69, 0]))
    performer.play(2 * RATE)
    assert performer.meters().n_voices == 0
    assert performer.meters().f0_hz == 0
    performer.take(bytes([ON, 57, 100]))
    assert np.abs(performer.play(RATE // 2)).max() > 0
    performer.set(octave=1)
    performer.play(HOP)
    assert performer.meters().f0_hz == pytest.approx(440, rel=1e-3)


def test_reset_is_a_new_one(program: bytes) -> None:
    performer = Performer(program, 44100, 2)
    performer.take(bytes([ON, 69, 100]))
    first = performer.play(5000)
    performer.reset()
    performer.take(bytes([ON, 69, 100]))
    assert np.array_equal(performer.play(5000), first)


def test_the_instruments_inputs_have_knobs() -> None:
    content = _program(F0Config(), LoudnessConfig(), CentroidConfig(), OnsetConfig(), ZConfig())
    performer = Performer(content, RATE)
    names = set(performer.settings)
    assert {"centroid_midi", "z.0", "z.15", "vibrato_cents", "octave"} <= names
    assert not {"f0_hz", "onset_s", "gain"} & names
    performer.take(bytes([ON, 69, 100]))
    first = performer.play(8000)
    performer.reset()
    performer.set(**{"z.0": 3})
    assert performer.value("z.0") == 3
    performer.take(bytes([ON, 69, 100]))
    assert not np.allclose(performer.play(8000), first)
    assert performer.settings["centroid_midi"].maximum > performer.settings["centroid_midi"].default


def test_level_and_mix(program: bytes) -> None:
    heard = np.ones(8000, np.float32)
    performer = Performer(program, RATE)
    performer.set(mix=0, level_db=-20)
    performer.reset()
    through = performer.play(8000, heard)
    # As late as the instrument that follows it.
    assert not through[: performer.voice_latency].any()
    np.testing.assert_allclose(through[performer.voice_latency :], 0.1, rtol=1e-5)
    performer.set(level_db=0)
    played = performer.play(8000, heard)
    assert np.all(np.diff(played) >= 0)
    assert np.abs(np.diff(played)).max() < 0.02
    np.testing.assert_allclose(played[-1], 1, rtol=1e-4)
    bad = np.full(640, np.nan, np.float32)
    assert not performer.play(640, bad)[performer.voice_latency :].any()


def test_what_is_wrong_is_said(program: bytes) -> None:
    performer = Performer(program, RATE)
    with pytest.raises(ValueError, match="the settings are source"):
        performer.set(pitch=1)
    with pytest.raises(ValueError, match="octave is nan"):
        performer.set(octave=float("nan"))
    with pytest.raises(ValueError, match=r"heard is \(3,\); give as many"):
        performer.play(4, np.zeros(3, np.float32))
    with pytest.raises(ValueError, match=r"heard is \(4, 2\); give as many samples, mono"):
        inspect.unwrap(Performer.play)(performer, 4, np.zeros((4, 2), np.float32))
    for rate, n_voices in ((1000, 1), (RATE, 0), (RATE, 17)):
        with pytest.raises(ValueError, match="out of its range"):
            Performer(program, rate, n_voices)
    performer.set(octave=100)
    assert performer.value("octave") == 4


def test_metadata_that_are_no_json(program: bytes) -> None:
    other = Program.from_bytes(program)
    for text in ("\0[\0{", '{"dynamics": {"curve_db": [', '{"knobs"', '"', "[" * 5000, '{"a": nul\0'):
        other.metadata = {"x" * len(text.encode()): 0}
        content = bytearray(other.to_bytes())
        place = content.index(b'{"xx') if len(text) > 1 else content.index(b'{"x": 0')
        content[place : place + len(text)] = text.encode()
        content[128:160] = bytes(32)
        content[128:160] = hashlib.sha256(content).digest()
        with pytest.raises(ValueError, match="metadata"):
            Performer(bytes(content), RATE)


def test_a_program_of_any_size_of_samples_plays_finite_ones() -> None:
    program = Program(RATE, HOP)
    x = program.input("x", default=1.0)
    program.output = program.linear(x, torch.zeros(HOP, 1), torch.full((HOP,), 3e38))
    performer = Performer(program.to_bytes(), RATE, 4)
    performer.set(level_db=12)
    for key in (60, 64, 67, 69):
        performer.take(bytes([ON, key, 100]))
    assert np.isfinite(performer.play(2000)).all()


def test_an_inputs_knob_has_a_name_and_a_range_of_its_own() -> None:
    program = Program(RATE, HOP)
    x = program.input("mix", default=2.0, minimum=1.0, maximum=3.0)
    program.output = program.linear(x, torch.zeros(HOP, 1), torch.ones(HOP))
    performer = Performer(program.to_bytes(), RATE)
    assert performer.settings["input.mix"][1:] == (2.0, 1.0, 3.0)
    assert performer.settings["mix"].maximum == 1.0


def test_hostile_metadata(program: bytes) -> None:
    for metadata in (
        {"dynamics": 3, "knobs": []},
        {"dynamics": {"curve_db": [1, 2]}, "knobs": {"z": "x"}},
        {
            "a": '"dynamics": {',
            "b": ["}", {"c": "\\"}],
            "dynamics": {"curve_db": [1e3] * 128, "least_db": 1e300},
        },
    ):
        other = Program.from_bytes(program)
        other.metadata = metadata
        performer = Performer(other.to_bytes(), RATE)
        performer.take(bytes([ON, 69, 100]))
        assert np.isfinite(performer.play(2000)).all()


def test_how_an_instrument_was_learned_is_how_its_notes_begin(program: bytes) -> None:
    other = Program.from_bytes(program)
    other.metadata |= {"expression": {"release_s": 0.6, "attack_s": 99.0, "sustain_db": "x"}}
    performer, plain = Performer(other.to_bytes(), RATE), Performer(program, RATE)
    assert performer.settings["release_s"].default == performer.value("release_s") == pytest.approx(0.6)
    assert performer.settings["attack_s"].default == 5.0
    assert performer.settings["sustain_db"] == plain.settings["sustain_db"]
    plain.set(release_s=0.6, attack_s=5.0)
    played = []
    for one in (performer, plain):
        one.take(bytes([ON, 69, 100]))
        started = one.play(3000)
        one.take(bytes([OFF, 69, 0]))
        played.append(np.concatenate([started, one.play(6000)]))
    np.testing.assert_array_equal(*played)
