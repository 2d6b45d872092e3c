"""The impulse response at any rate: the same reverberation, nothing before the direct sound; and its RT60."""

import math

import numpy as np
import pytest
import soxr
import torch

from oscine.analysis.decay import decay_s
from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig
from oscine.processors import ChainConfig, Reverb, ReverbConfig
from oscine.transfer.room import resample_response, reverberate, room_response

RATE = 16000


def _noise_room(seconds: float = 0.5, decay: float = 0.4, seed: int = 0) -> torch.Tensor:
    """A direct sound and white noise that falls by 60 dB in ``decay`` seconds, as loud as it."""
    n = round(seconds * RATE)
    fall = 10 ** (-3 * np.arange(n) / (decay * RATE))
    taps = 0.05 * np.random.default_rng(seed).standard_normal(n) * fall
    taps[0] = 1.0
    return torch.from_numpy(taps)


def _wet(taps: torch.Tensor) -> torch.Tensor:
    return torch.cat([taps[:1] - 1, taps[1:]])


def _at(taps: torch.Tensor, rate: int, frequency_hz: np.ndarray) -> np.ndarray:
    """The frequency response, by its definition."""
    turns = np.outer(frequency_hz, np.arange(len(taps))) / rate
    return np.exp(-2j * np.pi * turns) @ taps.numpy()


def _level_db(error: np.ndarray, of: np.ndarray) -> float:
    return float(10 * np.log10(np.sum(np.abs(error) ** 2) / np.sum(np.abs(of) ** 2)))


@pytest.mark.parametrize(
    ("rate", "most_db"), [(48000, -65), (44100, -65), (96000, -65), (11025, -55), (8000, -50)]
)
def test_the_frequency_response_stays_where_both_rates_have_one(rate, most_db):
    taps = _noise_room()
    frequency_hz = np.linspace(20, 0.9 * min(rate, RATE) / 2, 150)
    there = _at(_wet(resample_response(taps, RATE, rate)), rate, frequency_hz)
    here = _at(_wet(taps), RATE, frequency_hz)
    assert _level_db(there - here, here) < most_db


def test_a_noise_burst_at_48_khz_sounds_as_the_one_convolved_at_16_khz():
    rate, top_hz = 48000, 7200
    # A burst without anything above the common band, so that both rates can carry it.
    burst = torch.from_numpy(np.random.default_rng(1).standard_normal(4800))
    spectrum = torch.fft.rfft(torch.cat([torch.zeros(4800), burst, torch.zeros(14400)]).double())
    spectrum[torch.fft.rfftfreq(24000, 1 / rate) > top_hz - 400] = 0
    high = torch.fft.irfft(spectrum, 24000)
    low = torch.from_numpy(soxr.resample(high.numpy(), rate, RATE, "VHQ"))
    taps = _noise_room()

    meant = soxr.resample(reverberate(low[None], taps)[0].numpy(), RATE, rate, "VHQ")
    played = reverberate(high[None], resample_response(taps, RATE, rate))[0].numpy()
    n = min(len(meant), len(played))
    both = np.fft.rfft(np.stack([meant[:n], played[:n]]))[:, : round(top_hz * n / rate)]
    assert _level_db(both[1] - both[0], both[0]) < -60


def test_nothing_comes_before_the_direct_sound_which_stays_what_it_is():
    taps = torch.zeros(800, dtype=torch.float64)
    taps[0], taps[160] = 1.0, 0.5  # an echo after 10 ms
    there = resample_response(taps, RATE, 48000)
    assert len(there) == 2400
    assert float(there[0]) == pytest.approx(1.0, abs=1e-3)
    assert int(there[1:].abs().argmax()) + 1 == 480
    # A pulse without what lies above the resampler's band, 95 % of Nyquist: a third as high, the same area.
    assert float(there[480]) == pytest.approx(0.95 * 0.5 / 3, rel=0.02)
    assert float(_wet(there).sum()) == pytest.approx(0.5, abs=1e-4)


def test_an_early_echo_keeps_its_spectrum():
    taps = torch.zeros(800, dtype=torch.float64)
    taps[0], taps[1] = 1.0, 0.5
    frequency_hz = np.linspace(20, 7200, 150)
    there = _at(_wet(resample_response(taps, RATE, 44100)), 44100, frequency_hz)
    here = _at(_wet(taps), RATE, frequency_hz)
    assert _level_db(there - here, here) < -55


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_the_energy_falls_as_before(rate):
    taps = _noise_room(decay=0.3)
    there = resample_response(taps, RATE, rate)
    before, after = decay_s(_wet(taps), RATE), decay_s(_wet(there), rate)
    assert before == pytest.approx(0.3, rel=0.05)
    assert after == pytest.approx(before, rel=0.04)


def test_the_same_rate_is_the_same_response():
    taps = _noise_room()
    same = resample_response(taps, RATE, RATE)
    assert torch.equal(same, taps)
    assert same.data_ptr() != taps.data_ptr()


def test_a_response_of_two_taps_can_be_resampled():
    assert len(resample_response(torch.tensor([1.0, 0.1]), RATE, 48000)) == 6


def test_an_instrument_gives_its_response_with_and_without_the_direct_sound():
    violin = Instrument(InstrumentConfig(sample_rate=RATE, hop_length=64, effects=(ReverbConfig(ir_s=0.1),)))
    ((_, reverb),) = violin.effects
    assert isinstance(reverb, Reverb)
    with torch.no_grad():
        reverb.impulse_response.normal_(0, 0.1)
    taps = room_response(violin)
    assert torch.equal(taps, reverb.taps())
    wet = room_response(violin, wet=True)
    assert float(wet[0]) == 0.0
    assert torch.equal(wet[1:], taps[1:])
    assert len(room_response(violin, 44100)) == math.ceil(0.1 * 44100)

    pulse = torch.zeros(1, 100)
    pulse[0, 10] = 0.5
    heard = reverberate(pulse, taps)[0]
    assert len(heard) == 100 + len(taps) - 1
    assert torch.allclose(heard[10 : 10 + len(taps)], 0.5 * taps, atol=1e-6)


@pytest.mark.parametrize("rate", [0, -1, 7999, 192001])
def test_an_impossible_rate_is_refused(rate):
    violin = Instrument(InstrumentConfig(sample_rate=RATE, hop_length=64, effects=(ReverbConfig(ir_s=0.1),)))
    with pytest.raises(InputError, match="8000 to 192000"):
        room_response(violin, rate)


def test_the_reverb_is_found_behind_and_inside_other_effects():
    inner = ChainConfig(parts=(ReverbConfig(ir_s=0.05, name="body"),))
    violin = Instrument(InstrumentConfig(sample_rate=RATE, hop_length=64, effects=(inner,)))
    assert len(room_response(violin)) == round(0.05 * RATE)


def test_an_instrument_without_a_reverb_says_so():
    violin = Instrument(InstrumentConfig(sample_rate=RATE, hop_length=64, effects=()))
    with pytest.raises(InputError, match="no reverb; train one"):
        room_response(violin)
