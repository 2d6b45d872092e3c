"""The compiled keyboard against the one in Python, on random playing."""

import numpy as np
import pytest
from tests.performance.scores import LEARNED

from oscine.models import dynamics_of
from oscine.notes.midi_file import Kind, message_of
from oscine.performance import Event, Expression, Keyboard
from oscine.runtime import CompiledKeyboard, engines
from oscine.runtime.library import runtime_library

pytestmark = pytest.mark.skipif(
    not engines(), reason="no compiled runtime: there was no C++ compiler when the package was installed"
)

RATE = 250.0
DYNAMICS = dynamics_of(LEARNED)
KINDS: tuple[Kind, ...] = ("note_on", "note_off", "bend", "pressure", "note_pressure", "control")
OFTEN = (0.27, 0.27, 0.05, 0.05, 0.05, 0.31)
CONTROLS = (1, 6, 7, 11, 64, 74, 98, 99, 100, 101, 120, 121, 123, 38, 10)


def _random_event(random: np.random.Generator) -> Event:
    kind = KINDS[random.choice(len(KINDS), p=OFTEN)]
    channel = int(random.choice([1, 2, 3, 16]))
    number = int(random.integers(55, 62)) if kind != "control" else int(random.choice(CONTROLS))
    value = int(random.integers(1, 128))
    if kind == "control":
        # Often a parameter that exists, and values at the limits.
        value = int(random.choice([0, 0, 6, 12, 63, 64, 127, value]))
    if kind in ("bend", "pressure"):
        number = 0
    if kind == "bend":
        value = int(random.integers(-8192, 8192))
    return Event(0.0, channel, kind, number, 0 if kind == "note_off" else value)


@pytest.mark.parametrize("n_voices", [1, 2, 5])
@pytest.mark.parametrize("seed", range(12))
def test_both_play_the_same(n_voices: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    drawn = {
        "attack_s": random.uniform(0, 0.2),
        "decay_s": random.uniform(0, 0.5),
        "sustain_db": -random.uniform(0, 20),
        "release_s": random.uniform(0, 0.5),
        "glide_s": random.uniform(0, 0.2),
        "scoop_cents": float(random.choice([0.0, -150.0, 80.0])),
        "vibrato_cents": random.uniform(0, 50),
        "vibrato_delay_s": float(random.choice([0.0, 0.1])),
        "vibrato_rise_s": float(random.choice([0.0, 0.1])),
    }
    how = Expression(**drawn) if seed else Expression()
    ours = Keyboard(how, DYNAMICS, RATE, n_voices)
    theirs = CompiledKeyboard(RATE, n_voices, *DYNAMICS, how.model_dump())
    n_sounding = 0
    for _ in range(1500):
        for _ in range(random.integers(0, 2) * random.integers(0, 3)):
            event = _random_event(random)
            ours.take(event)
            theirs.take(message_of(event))
        expected = np.array(ours.frame(), np.float32)
        n_sounding += int((expected[:, 2] > 0).sum())
        np.testing.assert_allclose(theirs.frame(), expected, rtol=2e-6, atol=2e-6)
    assert n_sounding > 500


def test_the_settings_are_those_of_the_expression() -> None:
    library = runtime_library()
    assert library is not None
    names = [library.oscine_keyboard_setting(i).decode() for i in range(library.oscine_keyboard_n_settings())]
    assert set(names) == set(Expression.model_fields)
    assert library.oscine_keyboard_setting(len(names)) is None
    for name, field in Expression.model_fields.items():
        low, high = (
            next(getattr(one, side) for one in field.metadata if hasattr(one, side)) for side in ("ge", "le")
        )
        for value, is_allowed in ((low, True), (high, True), (low - 1e-3, False), (high + 1e-3, False)):
            try:
                CompiledKeyboard(RATE, 1, *DYNAMICS, {name: value})
            except ValueError:
                assert not is_allowed
            else:
                assert is_allowed
    plain = CompiledKeyboard(RATE, 1, *DYNAMICS)
    set_ = CompiledKeyboard(RATE, 1, *DYNAMICS, Expression().model_dump())
    for keyboard in (plain, set_):
        keyboard.take(bytes([0x90, 60, 100]))
    for _ in range(100):
        np.testing.assert_array_equal(plain.frame(), set_.frame())


def test_what_is_no_message_of_a_channel_is_ignored() -> None:
    keyboard = CompiledKeyboard(RATE, 1, *DYNAMICS)
    for message in (
        b"",
        b"\x90",
        b"\x90\x3c",
        b"\x3c\x64",
        b"\xf8",
        b"\xf0\x01\x02\xf7",
        b"\x90\x80\x64",
        b"\x90\x3c\xff",
        b"\xc0\x05",
    ):
        keyboard.take(message)
        assert keyboard.frame()[0, 2] == 0
    keyboard.take(b"\x90\x3c\x64")
    assert keyboard.frame()[0, 2] > 0
    keyboard.reset()
    assert keyboard.frame()[0, 2] == 0


def test_wrong_sizes_are_refused() -> None:
    for n_voices, frame_rate in ((0, RATE), (65, RATE), (1, 0.0), (1, float("nan"))):
        with pytest.raises(ValueError, match="out of its range"):
            CompiledKeyboard(frame_rate, n_voices, *DYNAMICS)
    with pytest.raises(ValueError, match="give 128"):
        CompiledKeyboard(RATE, 1, (0.0,), -60.0)
    for curve_db, least_db in (((float("nan"),) * 128, -60.0), ((0.0,) * 128, float("-inf"))):
        with pytest.raises(ValueError, match="is not finite; give levels in dB"):
            CompiledKeyboard(RATE, 1, curve_db, least_db)
