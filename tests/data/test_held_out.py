"""The held-out part has the length asked for and shares no sound with the training part."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oscine.data.held_out import GAP_S, Take, split_held_out, split_validation
from oscine.errors import InputError

_FRAME_RATE = 250.0

_takes = st.lists(
    st.builds(Take, st.integers(1, 100_000), st.floats(30, 90), st.sampled_from(["", "alto", "tenor"])),
    min_size=1,
    max_size=30,
)


@given(takes=_takes, share=st.floats(0.001, 0.5))
def test_the_parts_share_nothing_and_keep_apart(takes: list[Take], share: float) -> None:
    total = sum(take.n_frames for take in takes)
    seconds = share * total / _FRAME_RATE
    if not 1 <= round(seconds * _FRAME_RATE) <= total / 2:
        return
    train, held_out = split_held_out(takes, _FRAME_RATE, seconds)
    assert held_out
    n_frames = Counter[str]()
    for take in takes:
        n_frames[take.identity] += take.n_frames
    trained = {takes[part.take].identity for part in train}
    assert trained >= {voice for voice, length in n_frames.items() if length > 2 * _FRAME_RATE}
    given_s = sum(part.stop - part.start for part in held_out) / _FRAME_RATE
    assert given_s >= 0.5 * seconds - 1
    for part in train + held_out:
        assert 0 <= part.start < part.stop <= takes[part.take].n_frames
    for held in held_out:
        for part in train:
            if part.take == held.take:
                assert part.stop + GAP_S * _FRAME_RATE <= held.start
    lost = total - sum(part.stop - part.start for part in train + held_out)
    assert 0 <= lost <= len({take.identity for take in takes}) * (GAP_S * _FRAME_RATE + 1)


@given(takes=_takes, share=st.floats(0.001, 0.5))
def test_the_validation_part_is_of_the_training_part_and_apart_from_both(
    takes: list[Take], share: float
) -> None:
    total = sum(take.n_frames for take in takes)
    seconds = share * total / _FRAME_RATE
    if not 1 <= round(seconds * _FRAME_RATE) <= total / 2:
        return
    rest, held_out = split_held_out(takes, _FRAME_RATE, seconds)
    train, validation = split_validation(takes, rest, held_out, _FRAME_RATE)
    assert {takes[part.take].identity for part in train} == {takes[part.take].identity for part in rest}
    for part in train + validation:
        assert any(part.take == one.take and one.start <= part.start < part.stop <= one.stop for one in rest)
    parts = sorted([*train, *validation, *held_out])
    kinds = {id(part): kind for kind, one in enumerate((train, validation, held_out)) for part in one}
    for before, after in pairwise(parts):
        if before.take == after.take:
            assert before.stop + GAP_S * _FRAME_RATE <= after.start
            assert kinds[id(before)] < kinds[id(after)]


def test_the_validation_part_is_before_the_held_out_part_and_half_as_long() -> None:
    takes = [Take(27_000, 70), Take(35_000, 70)]
    rest, held_out = split_held_out(takes, _FRAME_RATE, 40)
    train, validation = split_validation(takes, rest, held_out, _FRAME_RATE)
    assert held_out == [(1, 25_000, 35_000)]
    assert validation == [(1, 25_000 - 63 - 5_000, 25_000 - 63)]
    assert train == [(0, 0, 27_000), (1, 0, 25_000 - 63 - 5_000 - 63)]


def test_of_isolated_notes_whole_ones_are_for_validation() -> None:
    takes = [Take(1_000, 50.0 + number) for number in range(40)]
    rest, held_out = split_held_out(takes, _FRAME_RATE)
    train, validation = split_validation(takes, rest, held_out, _FRAME_RATE)
    assert (len(train), len(validation), len(held_out)) == (34, 2, 4)
    assert all((part.start, part.stop) == (0, 1_000) for part in train + validation)


def test_of_a_moment_nothing_is_for_validation() -> None:
    takes = [Take(4, 70)]
    rest, held_out = split_held_out(takes, _FRAME_RATE, 1 / _FRAME_RATE)
    assert split_validation(takes, rest, held_out, _FRAME_RATE) == (rest, [])


def test_the_end_of_the_last_recording_is_held_out() -> None:
    train, held_out = split_held_out([Take(27_000, 70), Take(35_000, 70)], _FRAME_RATE, 45)
    assert held_out == [(1, 35_000 - 11_250, 35_000)]
    assert train == [(0, 0, 27_000), (1, 0, 35_000 - 11_250 - 63)]


def test_more_than_the_last_recording_reaches_into_the_one_before() -> None:
    train, held_out = split_held_out([Take(50_000, 70), Take(1_000, 70)], _FRAME_RATE, 6)
    assert held_out == [(0, 49_500, 50_000), (1, 0, 1_000)]
    assert [part.take for part in train] == [0]


def test_every_voice_gives_its_share() -> None:
    takes = [Take(20_000, 70, "alto"), Take(3_000, 70), Take(10_000, 70, "tenor"), Take(9_000, 70, "tenor")]
    train, held_out = split_held_out(takes, _FRAME_RATE)
    assert held_out == [(0, 18_000, 20_000), (1, 2_700, 3_000), (3, 7_100, 9_000)]
    assert [part.take for part in train] == [0, 1, 2, 3]


def test_a_voice_of_seconds_is_trained_on_whole() -> None:
    takes = [Take(20_000, 70, "alto"), Take(1_000, 70, "tenor")]
    train, held_out = split_held_out(takes, _FRAME_RATE)
    assert held_out == [(0, 17_900, 20_000)]
    assert train[1] == (1, 0, 1_000)


@pytest.mark.parametrize("last_s", [9.9, 10.5])
def test_many_voices_of_seconds_give_as_much_together(last_s: float) -> None:
    takes = [Take(2_475, 70, f"s{number}") for number in range(8)] + [Take(round(250 * last_s), 70, "s9")]
    _, held_out = split_held_out(takes, _FRAME_RATE, 9)
    assert len(held_out) == 9
    assert sum(part.stop - part.start for part in held_out) == 9 * 250


def test_what_small_voices_keep_the_large_ones_give() -> None:
    takes = [Take(10_000, 70, "alto"), Take(10_000, 70, "bass"), Take(2_000, 70, "tenor")]
    _, held_out = split_held_out(takes, _FRAME_RATE)
    assert held_out == [(0, 8_900, 10_000), (1, 8_900, 10_000)]


def test_a_voice_of_a_moment_is_trained_on() -> None:
    takes = [Take(1_250, 70, f"s{number:02}") for number in range(12)] + [Take(65, 70, "tiny")]
    train, held_out = split_held_out(takes, _FRAME_RATE)
    assert train[-1] == (12, 0, 65)
    assert {part.take for part in held_out} == set(range(12))


@pytest.mark.parametrize("seconds", [None, 30.0])
def test_of_few_notes_among_phrases_the_ends_are_held_out(seconds: float | None) -> None:
    takes = [Take(3_500, 60, f"s{number}") for number in range(9)] + 2 * [Take(250, 70, "zwei")]
    _, held_out = split_held_out(takes, _FRAME_RATE, seconds)
    wanted = 3_200 if seconds is None else 30 * _FRAME_RATE
    assert sum(part.stop - part.start for part in held_out) == pytest.approx(wanted, abs=1)


def test_of_little_sound_every_voice_gives_what_there_is() -> None:
    _, held_out = split_held_out([Take(1, 70, "alto"), Take(2, 70)], _FRAME_RATE, 1 / _FRAME_RATE)
    assert held_out == [(1, 1, 2)]


def test_voices_of_one_recording_each_give_its_end() -> None:
    takes = [Take(3_500, 70, f"s{number}") for number in range(10)]
    train, held_out = split_held_out(takes, _FRAME_RATE)
    assert held_out == [(number, 3_150, 3_500) for number in range(10)]
    assert [part.take for part in train] == list(range(10))


def test_what_is_no_isolated_note_is_trained_on() -> None:
    takes = [Take(1_000, 60 + number, "alto") for number in range(5)] + [Take(12_500, 70, "bass")]
    takes += [Take(1_000, 60 + number, "tenor") for number in range(5)]
    _, held_out = split_held_out(takes, _FRAME_RATE)
    assert [part.take for part in held_out] == [2, 8]


def test_a_tenth_is_held_out_by_default() -> None:
    _, held_out = split_held_out([Take(10_000, 70)], _FRAME_RATE)
    assert held_out == [(0, 9_000, 10_000)]


def test_isolated_notes_are_held_out_whole_and_over_all_pitches() -> None:
    pitches = [50 + (7 * number) % 40 for number in range(40)]  # sorted by name is not sorted by pitch
    train, held_out = split_held_out([Take(1_000, pitch) for pitch in pitches], _FRAME_RATE)
    assert all((part.start, part.stop) == (0, 1_000) for part in train + held_out)
    assert len(held_out) == 4
    assert sorted(pitches[part.take] for part in held_out) == [55, 65, 75, 85]
    assert not {part.take for part in train} & {part.take for part in held_out}


def test_isolated_notes_are_held_out_of_every_voice() -> None:
    takes = [Take(1_000, pitch, voice) for voice in ("alto", "tenor") for pitch in range(50, 70)]
    _, held_out = split_held_out(takes, _FRAME_RATE)
    assert [(takes[part.take].identity, takes[part.take].pitch_midi) for part in held_out] == [
        ("alto", 55),
        ("alto", 65),
        ("tenor", 55),
        ("tenor", 65),
    ]


@pytest.mark.parametrize("seconds", [0.0, 21.0, 1e9])
def test_nothing_or_most_of_it_cannot_be_held_out(seconds: float) -> None:
    with pytest.raises(InputError, match="hold out"):
        split_held_out([Take(10_000, 70)], _FRAME_RATE, seconds)
