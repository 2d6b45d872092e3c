"""Onsets in made-up features, where they are known, and in recordings, where the pitch tells of them."""

import pytest
import soundfile
import torch
from torch import Tensor

import oscine
from oscine import recordings
from oscine.functional import hz_to_midi, onset_state, time_since_onset_s, time_since_onset_step

RATE = 250.0


def _onset_frames(confidence: list[float], loudness_db: list[float]) -> list[int]:
    seconds = time_since_onset_s(torch.tensor([confidence]), torch.tensor([loudness_db]), RATE)
    return (seconds[0] == 0).nonzero().flatten().tolist()


def test_the_start_counts_as_an_onset_and_time_runs_from_it() -> None:
    silence = torch.full((2, 500), -80.0)
    seconds = time_since_onset_s(torch.zeros(2, 500), silence, RATE)
    torch.testing.assert_close(seconds, (torch.arange(500) / RATE).expand(2, -1))


def test_a_pitch_that_appears_begins_a_note_and_a_short_loss_does_not() -> None:
    steady = [-20.0] * 200
    confidence = [0.1] * 50 + [0.9] * 50 + [0.4] * 12 + [0.9] * 38 + [0.4] * 13 + [0.9] * 37
    # 12 frames are 48 ms, 13 are 52 ms.
    assert _onset_frames(confidence, steady) == [0, 50, 163]
    # A pitch at exactly 0.5 is one.
    assert _onset_frames([0.1] * 50 + [0.5] * 150, steady) == [0, 50]
    assert _onset_frames([0.1] * 50 + [0.499] * 150, steady) == [0]


def test_a_rise_of_6_db_within_30_ms_begins_a_note() -> None:
    pitched = [0.9] * 200

    def ramp(rise_db: float, n_frames: int) -> list[float]:
        slope = [-40.0 + rise_db * (i + 1) / n_frames for i in range(n_frames)]
        return [-40.0] * 100 + slope + [slope[-1]] * (100 - n_frames)

    assert _onset_frames(pitched, ramp(6.0, 1)) == [0, 100]
    assert _onset_frames(pitched, ramp(5.9, 1)) == [0]
    # 30 ms are 8 frames: 6 dB in 8 frames are enough and 6 dB in 9 are not.
    assert _onset_frames(pitched, ramp(6.0, 8)) == [0, 107]
    assert _onset_frames(pitched, ramp(6.0, 9)) == [0]


def test_what_lies_below_the_floor_is_no_rise() -> None:
    pitched = [0.9] * 200
    assert _onset_frames(pitched, [-90.0] * 100 + [-62.0] * 100) == [0]
    assert _onset_frames(pitched, [-90.0] * 100 + [-54.0] * 100) == [0, 100]
    assert _onset_frames(pitched, [-90.0] * 100 + [-54.1] * 100) == [0]


def test_attack_and_pitch_are_one_onset_and_the_next_note_another() -> None:
    loudness = [-60.0] * 100 + [-20.0] * 100
    # 76 ms behind the attack the pitch belongs to it; 80 ms behind it, it is another note.
    assert _onset_frames([0.0] * 119 + [0.9] * 81, loudness) == [0, 100]
    assert _onset_frames([0.0] * 120 + [0.9] * 80, loudness) == [0, 100, 120]


def test_a_rise_counts_once_however_it_flutters() -> None:
    # In 30 ms it rises by 7.2 dB, then by 4.8, then by 7.2 again: above the lower threshold the rise goes on.
    slopes = torch.tensor([0.0] * 100 + [0.9] * 25 + [0.6] * 25 + [0.9] * 25)
    assert len(_onset_frames([0.9] * 175, (slopes.cumsum(0) - 59).tolist())) == 2
    # Below it, the rise has ended, and the next one begins a note.
    slopes[125:150] = 0.3
    assert len(_onset_frames([0.9] * 175, (slopes.cumsum(0) - 59).tolist())) == 3


def test_what_is_no_number_counts_as_silence() -> None:
    loudness = [float("-inf")] * 50 + [float("nan")] * 50 + [-20.0] * 100
    confidence = [float("nan")] * 100 + [0.9] * 100
    assert _onset_frames(confidence, loudness) == [0, 100]


def test_any_split_gives_the_same() -> None:
    generator = torch.Generator().manual_seed(0)
    # A new level and a new confidence every 25 frames.
    confidence, level = torch.rand(2, 2, 16, generator=generator).repeat_interleave(25, dim=-1)
    loudness = -70 + 60 * level + torch.randn(2, 400, generator=generator)
    whole = time_since_onset_s(confidence, loudness, RATE)
    assert (whole == 0).sum() > 8
    for size in (1, 3, 7, 150):
        state, parts = onset_state(2, RATE), []
        for first in range(0, 400, size):
            block = slice(first, first + size)
            part, state = time_since_onset_step(
                confidence[:, block], loudness[:, block], state, frame_rate=RATE
            )
            parts.append(part)
        assert torch.equal(torch.cat(parts, dim=1), whole)


def test_an_hour_is_as_exact_as_a_second() -> None:
    n_frames = 3600 * 250
    seconds = time_since_onset_s(torch.zeros(1, n_frames), torch.full((1, n_frames), -80.0), RATE)
    assert seconds[0, -1].item() == pytest.approx((n_frames - 1) / RATE, rel=1e-6)


def _recording(name: str) -> tuple[Tensor, Tensor]:
    """Return the onsets in seconds, and by how many semitones the pitch changes at each."""
    path = recordings.path(name)
    path = min(path.glob("*.flac")) if path.is_dir() else path
    audio, rate = soundfile.read(path, dtype="float32", stop=12 * 24_000)
    features = oscine.analyze(audio, rate)
    seconds = time_since_onset_s(features.confidence[None], features.loudness_db[None], features.frame_rate)
    onsets = (seconds[0] == 0).nonzero().flatten().tolist()[1:]
    midi = hz_to_midi(features.f0_hz)
    changes = [midi[i + 12 : i + 30].median() - midi[max(0, i - 25) : i - 8].median() for i in onsets]
    return torch.tensor([(i + 1) / features.frame_rate for i in onsets]), torch.stack(changes)


@pytest.mark.parametrize(("name", "n_fewest", "n_most"), [("violin", 45, 75), ("trumpet", 8, 12)])
def test_notes_of_recordings(name: str, n_fewest: int, n_most: int) -> None:
    onset_s, changes = _recording(name)
    assert n_fewest <= len(onset_s) <= n_most
    # These melodies hardly repeat a note, so an onset that is one comes with another pitch.
    assert (changes.abs() > 0.7).float().mean() >= 0.85


def test_a_run_of_even_notes() -> None:
    # The violin's notes from 8.8 s to 11.0 s are semiquavers and quavers of an even tempo.
    onset_s, _ = _recording("violin")
    run = onset_s[(onset_s > 8.8) & (onset_s < 11.1)]
    assert len(run) >= 10
    in_notes = run.diff() / 0.169
    assert (in_notes - in_notes.round()).abs().max() < 0.3
