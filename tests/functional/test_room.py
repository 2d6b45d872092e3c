"""Octaves of noise, and how they decay: against what they were asked for."""

import pytest
import torch

from oscine.functional.room import decaying_noise, n_octaves, octave_noise
from oscine.processors import Room

RATE = 16_000


def band_db(response, lowest_hz, highest_hz):
    """Return the energy between two frequencies, dB."""
    spectrum = torch.fft.rfft(response.double(), 1 << 16).abs().square()
    hz = torch.fft.rfftfreq(1 << 16, 1 / RATE)
    return float(10 * torch.log10(2 * spectrum[(hz >= lowest_hz) & (hz < highest_hz)].sum() / (1 << 16)))


@pytest.mark.parametrize(
    ("rate", "octaves"), [(8_000, 7), (16_000, 8), (44_100, 9), (48_000, 9), (192_000, 11)]
)
def test_the_octaves_reach_nyquist_and_are_white_noise_together(rate, octaves):
    noise = octave_noise(20_000, rate)
    assert noise.shape == (octaves, 20_000)
    assert n_octaves(rate) == octaves
    total = noise.sum(0)
    assert float(total.square().mean()) == pytest.approx(1.0, rel=0.03)
    power = torch.fft.rfft(total).abs().square()[1:].reshape(10, -1).mean(1)
    assert torch.allclose(power / power.mean(), torch.ones(10), atol=0.12)
    assert torch.equal(noise, octave_noise(20_000, rate))


def test_each_octave_decays_in_its_own_time():
    noise = octave_noise(2 * RATE, RATE)
    decay_s = torch.linspace(0.3, 1.0, 8)
    for octave in (2, 5, 7):
        level = torch.nn.functional.one_hot(torch.tensor(octave), 8).float()
        response = decaying_noise(noise, level, decay_s, RATE)
        assert float(response.square().sum()) == pytest.approx(float(noise[octave].square().mean()), rel=0.25)
        halves = response[: RATE // 5].reshape(2, -1).square().sum(1)
        fall_db = float(10 * torch.log10(halves[0] / halves[1]))
        assert fall_db == pytest.approx(60 * 0.1 / float(decay_s[octave]), abs=2.5)


def test_before_training_a_room_is_dry():
    room = Room(RATE, 320, RATE)
    taps = room.taps().detach()
    assert taps.shape == (RATE,)
    assert float(taps[0]) == 1.0
    assert float(10 * torch.log10(taps[1:].square().sum())) == pytest.approx(
        -31.3, abs=0.5
    )  # some of it is where the body is


def test_the_body_fades_out_as_the_noise_fades_in():
    room = Room(RATE, 320, RATE)
    with torch.no_grad():
        room.impulse_response.fill_(1.0)
        room.late_level.fill_(-100.0)
    body = room.taps().detach()
    assert bool((body[1:320].diff() < 0).all())
    assert float(body[320:].abs().max()) == 0.0
    with torch.no_grad():
        room.impulse_response.zero_()
        room.late_level.fill_(0.0)
    late = room.taps().detach()
    assert float(late[1:40].square().mean()) < 0.01 * float(late[320:640].square().mean())


def test_the_level_of_one_octave_is_heard_there():
    room = Room(RATE, 320, RATE)
    with torch.no_grad():
        quiet = room.taps()
        room.late_level[4] = 0.5  # a kilohertz, 17 dB up
        loud = room.taps()
    assert band_db(loud[1:], 900, 1100) - band_db(quiet[1:], 900, 1100) == pytest.approx(17.4, abs=1.5)
    assert band_db(loud[1:], 4000, 8000) == pytest.approx(band_db(quiet[1:], 4000, 8000), abs=0.5)


def test_a_room_shorter_than_its_body_is_refused():
    with pytest.raises(ValueError, match="n_body is 320"):
        Room(320, 320, RATE)
