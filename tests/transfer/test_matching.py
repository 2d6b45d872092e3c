import numpy as np
import pytest
import torch
from transfer_standin import distance, features, frames, statistics, tone

from oscine.transfer.matching import match, match_octave


@pytest.mark.parametrize(
    ("sung", "octave"),
    [([48, 50, 52], 2), ([60, 62, 64], 1), ([70, 72, 74], 0), ([84, 86, 88], -1), ([36, 38, 40], 3)],
)
def test_a_melody_goes_into_the_register_by_whole_octaves(sung, octave):
    midi = torch.cat([tone(m, 0.5) for m in sung])
    matched = match(features(midi, torch.full_like(midi, -30)), statistics(60, 84))
    assert matched.octave == octave
    torch.testing.assert_close(matched.f0_hz, features(midi + 12 * octave, midi).f0_hz)
    assert matched.range_share == 1.0


def test_the_octave_that_keeps_the_melody_in_the_learned_range_wins():
    learned = np.linspace(60, 84, 101).tolist()
    # By medians alone (72 and 66.5) the tune would stay, and its lower half lie 7 semitones below the range.
    assert match_octave(torch.tensor([66.5] * 60 + [53.0] * 40), learned) == 1
    # A tune that fits either way stays where the medians are nearest.
    assert match_octave(torch.tensor([66.5] * 60 + [68.0] * 40), learned) == 0


def test_octave_and_loudness_by_hand():
    midi = torch.cat([tone(60, 0.5), tone(64, 0.5)])
    matched = match(features(midi, torch.full_like(midi, -40)), statistics(), octave=-1, loudness=6.0)
    torch.testing.assert_close(matched.f0_hz, features(midi - 12, midi).f0_hz)
    torch.testing.assert_close(matched.loudness_db, torch.full_like(midi, -34))
    assert matched.loudness_shift_db == pytest.approx(6.0)


def test_without_autotune_and_shift_the_pitch_is_untouched():
    midi = 69 + torch.randn(frames(2.0)).cumsum(0) * 0.05
    heard = features(midi, torch.full_like(midi, -30))
    assert torch.equal(match(heard, statistics(), octave=0).f0_hz, heard.f0_hz)
    assert match(heard, statistics(), octave=0).scale is None


def test_autotune_reaches_the_frequency():
    midi = torch.cat([tone(m, 0.5) for m in (60.2, 63.8, 67.1, 64.9)])
    heard = features(midi, torch.full_like(midi, -30))
    matched = match(heard, statistics(), octave=0, autotune_strength=1.0)
    middle = [frames(0.5) * k + frames(0.25) for k in range(4)]
    played = 69 + 12 * torch.log2(matched.f0_hz[middle] / 440)
    torch.testing.assert_close(played.diff(), torch.tensor([4.0, 3.0, -2.0]), atol=5e-3, rtol=0)


def test_loudness_on_notes_takes_the_distribution_of_the_instrument():
    generator = torch.Generator().manual_seed(0)
    time = torch.arange(frames(30.0))
    loudness = -28 + 6 * torch.sin(time / 90) + torch.randn(len(time), generator=generator)
    learned = statistics(quiet_db=-45, loud_db=-15)
    matched = match(features(torch.full_like(loudness, 70), loudness), learned)
    played = matched.target_loudness_db[matched.on_notes]
    assert distance(played.numpy(), np.linspace(-45, -15, 2000)) < 0.03
    assert float(torch.corrcoef(torch.stack([played, loudness]))[0, 1]) > 0.95


def _phrase() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Silence, a note, a loud fricative, a note, room noise, a note, silence: 0.5 s each."""
    n = frames(0.5)
    loudness = torch.tensor([-80.0, -30, -22, -30, -65, -30, -80]).repeat_interleave(n)
    confidence = torch.tensor([0.0, 0.95, 0.1, 0.95, 0.1, 0.95, 0.0]).repeat_interleave(n)
    midi = torch.tensor([69.0, 60, 60, 64, 64, 67, 67]).repeat_interleave(n)
    return midi, loudness, confidence


def test_silence_consonants_and_room_noise_are_not_played_as_tones():
    matched = match(features(*_phrase()), statistics(silence_db=-60))
    n = frames(0.5)
    parts = matched.target_loudness_db.reshape(7, n)[:, 25 : n - 25]
    gain = matched.gain.reshape(7, n)[:, 25 : n - 25]
    notes, hiss, room, silence = parts[[1, 3, 5]], parts[2], parts[4], parts[[0, 6]]
    assert float(notes.min()) > -51
    assert float(hiss.max()) <= -52  # below the quietest note, though it was the loudest part heard,
    assert float(hiss[len(hiss) // 2]) < -60  # and falling, the longer it lasts
    assert float(room.max()) <= -70
    assert (silence == -80).all()
    assert (gain[[0, 6]] == 0).all()
    assert (gain[[1, 3, 5]] == 1).all()


def test_pitch_is_held_around_notes():
    matched = match(features(*_phrase()), statistics(), octave=0)
    heard = features(*_phrase()).f0_hz
    n = frames(0.5)
    assert torch.equal(matched.f0_hz[:n], heard[n].expand(n))  # the first attack has its own pitch
    assert float(matched.f0_hz[3 * n - 9]) == float(heard[3 * n])  # so does the second, over the fricative
    assert float(matched.f0_hz[2 * n + 9]) == float(heard[2 * n - 1])


def test_the_network_is_asked_for_nothing_that_it_has_not_learned():
    midi = tone(70, 4.0)
    loudness = torch.linspace(-75, 15, len(midi))
    for how in ("auto", 0.0, 30.0, -30.0):
        matched = match(
            features(midi, loudness), statistics(quiet_db=-50, loud_db=-20, silence_db=-60), loudness=how
        )
        assert float(matched.loudness_db.min()) >= -60
        assert float(matched.loudness_db.max()) <= -20
        assert bool(matched.gain.isfinite().all())
    # A recording's digital silence is not learned: the gain takes over 10 dB under the quietest notes.
    pedantic = match(features(midi, loudness), statistics(quiet_db=-50, loud_db=-20, silence_db=-80))
    assert float(pedantic.loudness_db.min()) == pytest.approx(-59.7, abs=0.1)
    # By hand, what is louder than learned is made up by gain.
    assert float(matched.target_loudness_db.max()) == pytest.approx(-15, abs=0.1)


def test_no_notes_at_all_and_no_statistics():
    n = frames(1.0)
    unpitched = features(torch.full((n,), 69.0), torch.full((n,), -30.0), torch.zeros(n))
    matched = match(unpitched, statistics(silence_db=-60))
    assert (matched.octave, matched.loudness_shift_db) == (0, 0.0)
    assert float(matched.target_loudness_db.max()) == -80
    assert bool(matched.f0_hz.isfinite().all())

    heard = features(tone(50, 1.0), torch.full((n,), -30.0))
    plain = match(heard, None)
    assert torch.equal(plain.f0_hz, heard.f0_hz)
    torch.testing.assert_close(plain.target_loudness_db, heard.loudness_db)


def test_what_is_no_note_is_20_db_lower_and_then_decays_by_60_db_per_second():
    note = frames(0.5)
    midi, loudness = torch.full((3 * note,), 69.0), torch.full((3 * note,), -30.0)
    pitched = torch.ones(3 * note)
    pitched[note : 2 * note] = 0.0
    target = match(features(midi, loudness, pitched), None).target_loudness_db
    torch.testing.assert_close(target[note // 2], torch.tensor(-30.0))
    # Frame i of the gap is i + 1 frames away from the note.
    away = {seconds: float(target[note + frames(seconds) - 1]) for seconds in (0.1, 0.2)}
    assert away == pytest.approx({0.1: -53.0, 0.2: -59.0}, abs=0.3)
