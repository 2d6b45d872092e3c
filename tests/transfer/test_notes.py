import torch

from oscine.functional.runs import runs
from oscine.transfer.notes import find_notes, hold_nearest, presence, settled_pitch

RATE = 250.0


def _mask(*spans: tuple[int, int], n: int = 300) -> torch.Tensor:
    mask = torch.zeros(n, dtype=torch.bool)
    for start, stop in spans:
        mask[start:stop] = True
    return mask


def test_notes_are_sure_audible_and_long():
    confidence, loudness_db = torch.zeros(300), torch.full((300,), -20.0)
    confidence[20:60] = 0.95  # a note
    confidence[34:38] = 0.2  # with a hole of 16 ms in it
    confidence[80:86] = 0.95  # 24 ms: a glitch
    confidence[100:125] = 0.6  # 100 ms and never sure: a fricative
    confidence[140:180] = 0.6  # 160 ms: a hum without overtones
    confidence[200:250] = 0.95  # a note's reverberation, far down
    loudness_db[200:250] = -68.0
    assert runs(find_notes(confidence, loudness_db, RATE)).tolist() == [[20, 60], [140, 180]]


def test_noise_and_silence_hold_no_note():
    assert not find_notes(torch.full((300,), 0.3), torch.full((300,), -20.0), RATE).any()
    assert not find_notes(torch.full((300,), 0.95), torch.full((300,), -80.0), RATE).any()
    assert find_notes(torch.zeros(0), torch.zeros(0), RATE).shape == (0,)


def test_presence_is_whole_on_notes_ramps_around_them_and_ends():
    on = _mask((100, 150))
    p = presence(on, RATE)
    assert (p[on] == 1).all()
    assert (p.diff()[:100] >= 0).all()
    assert (p.diff()[149:] <= 0).all()
    assert (p[:91] == 0).all()  # an attack of 32 ms
    assert (p[171:] == 0).all()  # a release of 80 ms
    assert float(p.diff().abs().max()) < 0.2  # a ramp, not a step
    assert (presence(_mask(), RATE) == 0).all()


def test_a_gap_keeps_the_pitch_before_and_then_has_the_next_one():
    on = _mask((10, 20), (40, 50), n=60)
    values = torch.arange(60.0)
    held = hold_nearest(values, on)
    assert torch.equal(held[on], values[on])
    assert (held[:10] == 10).all()
    assert (held[20:30] == 19).all()
    assert (held[30:40] == 40).all()
    assert (held[50:] == 49).all()
    assert torch.equal(hold_nearest(values, _mask(n=60)), values)


def test_a_short_fall_of_an_octave_is_not_believed_but_fast_notes_are():
    on = _mask((10, 150), (200, 214), n=300)
    midi = torch.full((300,), 50.0)
    midi[10:19] = 38.0  # a voice that breaks in: 36 ms an octave low
    midi[140:150] = 34.0  # and creaks out
    midi[60:85] = 57.0  # a note of 100 ms, slurred
    midi[200:206] = 70.0  # a note shorter than any piece: its longer part stays
    settled = settled_pitch(midi, on, RATE)
    assert runs(settled).tolist() == [[19, 140], [206, 214]]
    held = hold_nearest(midi, settled)
    assert held[10:60].unique().tolist() == [50.0]
    assert held[60:85].unique().tolist() == [57.0]
    assert held[130:170].unique().tolist() == [50.0]
    assert torch.equal(settled_pitch(midi[:0], on[:0], RATE), on[:0])


def test_vibrato_and_glides_are_believed():
    time = torch.arange(300.0)
    on = _mask((0, 300))
    assert bool(settled_pitch(60 + torch.sin(time / 6) + 0.1 * time, on, RATE).all())
