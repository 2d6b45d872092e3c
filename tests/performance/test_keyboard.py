"""Keys to voices: legato, pedal, stealing, bend ranges, MPE."""

import numpy as np
from tests.performance.scores import LEARNED

from oscine.models import dynamics_of
from oscine.performance import Event, Expression, Keyboard, count_voices

RATE = 250.0
SHARP = Expression(attack_s=0.0, release_s=0.02, glide_s=0.0)


class Played:
    """A keyboard that is told events in between frames."""

    def __init__(self, n_voices: int = 1, expression: Expression = SHARP) -> None:
        self.keyboard = Keyboard(expression, dynamics_of(LEARNED), RATE, n_voices)

    def __call__(self, *events: tuple) -> list[float]:
        """Take events ``(kind, number, value[, channel])`` and return the sounding pitches 40 ms later."""
        for kind, number, value, *channel in events:
            self.keyboard.take(Event(0.0, channel[0] if channel else 1, kind, number, value))
        frames = [self.keyboard.frame() for _ in range(10)][-1]
        return sorted(round(69 + 12 * float(np.log2(f.f0_hz / 440)), 3) for f in frames if f.gain > 0)


def on(key: int, channel: int = 1, velocity: int = 90) -> tuple:
    return "note_on", key, velocity, channel


def off(key: int, channel: int = 1) -> tuple:
    return "note_off", key, 0, channel


def control(number: int, value: int, channel: int = 1) -> tuple:
    return "control", number, value, channel


def test_one_voice_ties_notes_and_goes_back_to_those_still_held() -> None:
    play = Played()
    assert play(on(60)) == [60]
    assert play(on(64)) == [64]
    assert play(on(67)) == [67]
    assert play(off(64)) == [67]
    assert play(off(67)) == [60]
    assert play(off(60)) == []


def test_a_tied_note_has_no_attack() -> None:
    play = Played(expression=Expression(attack_s=1.0, glide_s=0.0))
    play(on(60))
    level = play.keyboard.voices[0].level_db
    play(off(60), on(62))  # lifted first: an attack, from where the release has come to
    again = play.keyboard.voices[0].level_db
    play(on(64))
    tied = play.keyboard.voices[0].level_db
    assert tied - again > 0
    play = Played(expression=Expression(attack_s=0.1, glide_s=0.0))
    for _ in range(5):
        play(on(60))
    level = play.keyboard.voices[0].level_db
    play.keyboard.take(Event(0.0, 1, "note_on", 64, 90))
    play.keyboard.frame()
    assert play.keyboard.voices[0].level_db == level


def test_each_note_has_a_voice_until_all_are_taken() -> None:
    play = Played(3)
    assert play(on(60), on(64), on(67)) == [60, 64, 67]
    assert play(on(72)) == [64, 67, 72]  # the oldest gives way
    assert play(off(64)) == [67, 72]
    assert play(on(65)) == [65, 67, 72]
    assert play(on(65)) == [65, 67, 72]  # the same key again takes its own voice
    slow = Played(2, Expression(release_s=5.0))
    slow(on(60), on(64))
    slow(off(64))
    assert slow(on(67)) == [60, 67]  # what is released gives way before what is held


def test_the_pedal_holds_what_is_lifted() -> None:
    for n_voices in (1, 4):
        play = Played(n_voices)
        play(control(64, 127), on(60))
        assert play(off(60)) == [60]
        assert play(control(64, 0)) == []
        play(on(60), control(64, 64))
        assert play(control(64, 63)) == [60]
        assert play(off(60)) == []
    play = Played(4)
    play(control(64, 127), on(60), off(60), on(60))
    assert play(control(64, 0)) == [60]  # pressed again: it is held by the key


def test_all_sound_off_ends_all_and_all_keys_up_leaves_the_pedal() -> None:
    for number in (120, 123):
        play = Played(4)
        held = play(on(60), on(64), on(67, 2), control(64, 127), off(64))
        assert play(control(number, 0)) == ([67] if number == 120 else held)
        assert play(control(64, 0)) == [67]


def test_keys_that_go_up_together_do_not_go_on_in_each_others_place() -> None:
    play = Played(expression=Expression(release_s=1.0, glide_s=0.01))
    play(on(60), on(64), on(62))
    assert play(control(123, 0)) == [62]
    assert not play.keyboard.voices[0].is_held


def test_reset_puts_controllers_parameters_and_pressures_back() -> None:
    play = Played(2)
    play(on(60, velocity=40), control(101, 0), control(100, 0))
    level = play.keyboard.frame()[0].loudness_db
    play(("bend", 0, 8191), control(1, 127), ("note_pressure", 60, 127), control(121, 0), control(6, 12))
    assert play() == [60]
    assert abs(play.keyboard.frame()[0].loudness_db - level) < 0.01
    assert play(("bend", 0, 4096)) == [61]  # the range is still 2: no parameter was chosen


def test_notes_that_begin_together_glide_from_each_other_and_not_from_long_ago() -> None:
    play = Played(expression=Expression(glide_s=1.0))
    play(on(40), off(40))
    assert all(71 < pitch <= 76 for pitch in play(on(72), on(76)))


def test_a_note_behind_a_sounding_one_has_an_attack() -> None:
    for n_voices, second in ((1, 69), (1, 71), (4, 69), (1, 69)):
        play = Played(n_voices, Expression(attack_s=0.1, release_s=1.0))
        for _ in range(5):
            play()
        play(on(69))
        for _ in range(5):
            play()
        voice = play.keyboard.voices[0]
        before = voice.level_db
        play.keyboard.take(Event(0.0, 1, "note_off", 69, 0))
        play.keyboard.take(Event(0.0, 1, "note_on", second, 90))
        play.keyboard.frame()
        assert min(one.level_db for one in play.keyboard.voices if one.is_held) < before - 9


def test_bend_and_its_range() -> None:
    play = Played()
    play(on(60))
    assert play(("bend", 0, 4096)) == [61]
    assert play(("bend", 0, -8192)) == [58]
    assert play(control(101, 0), control(100, 0), control(6, 12)) == [48]
    assert play(control(101, 127), control(100, 127), control(6, 2)) == [48]  # no parameter is chosen
    assert play(control(99, 0), control(98, 0), control(6, 2)) == [48]  # another kind of parameter


def test_in_an_mpe_zone_each_note_has_its_channel() -> None:
    play = Played(4)
    zone = control(101, 0), control(100, 6), control(6, 5)
    assert play(*zone, on(60, 2), on(64, 3)) == [60, 64]
    assert play(("bend", 0, 8192 // 48, 2)) == [60 + round(48 * (8192 // 48) / 8192, 3), 64]
    assert play(("bend", 0, 0, 2), ("bend", 0, 4096, 1)) == [61, 65]  # the master bends all, by its own range
    assert play(control(123, 0, 3)) == [61]
    assert play(control(101, 0), control(100, 6), control(6, 0)) == [
        60
    ]  # the member has the usual range again


def test_the_pedal_of_an_mpe_zone_holds_its_members() -> None:
    play = Played(4)
    play(control(101, 0), control(100, 6), control(6, 5), control(64, 127))
    assert play(on(60, 2), off(60, 2), on(64, 3), off(64, 3)) == [60, 64]
    assert play(control(64, 0)) == []
    play(on(60, 2), on(64, 3), on(67, 9))
    assert play(control(123, 0)) == [67]


def test_pressure_of_a_key_is_its_own() -> None:
    play = Played(2)
    play(on(60, velocity=40), on(64, velocity=40))
    before = [frame.loudness_db for frame in play.keyboard.frame()]
    play(("note_pressure", 64, 127))
    after = [frame.loudness_db for frame in play.keyboard.frame()]
    assert after[0] == before[0]
    assert after[1] > before[1] + 3


def test_voices_are_counted_without_short_overlaps() -> None:
    def score(*notes: tuple[int, float, float]) -> list[Event]:
        events = [Event(start, 1, "note_on", key, 90) for key, start, _ in notes]
        events += [Event(stop, 1, "note_off", key, 0) for key, _, stop in notes]
        return sorted(events, key=lambda event: event.time_s)

    assert count_voices(score((60, 0.0, 1.0), (62, 1.0, 2.0))) == 1
    assert count_voices(score((60, 0.0, 1.04), (62, 1.0, 2.0))) == 1
    assert count_voices(score((60, 0.0, 1.2), (62, 1.0, 2.0))) == 2
    assert count_voices(score(*((40 + i, 0.0, 1.0) for i in range(30)))) == 16
    assert count_voices(score(*((60 + i, 0.0, 0.04) for i in range(3)))) == 3  # a short chord
    assert count_voices([Event(0.0, 1, "note_on", 60, 90), Event(0.5, 1, "note_on", 64, 90)]) == 2
    pedal = [Event(0.0, 1, "control", 64, 127), *score(*((60 + i, float(i), i + 0.5) for i in range(4)))]
    assert count_voices([*pedal, Event(5.0, 1, "control", 64, 0)]) == 4
    assert count_voices([]) == 1
