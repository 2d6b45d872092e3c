"""Cut-off, levels and mel bands of sounds whose spectrum is known."""

import math

import pytest
import torch

from oscine.evaluation.spectrum import (
    band_energy,
    cutoff_hz,
    energy_spectrum,
    floor_below_db,
    level_difference_db,
    log_mel_db,
    mel_power,
    third_octave_differences_db,
)

RATE = 44100


def noise(seconds=4.0, rate=RATE, seed=0):
    return 0.1 * torch.randn(round(seconds * rate), generator=torch.Generator().manual_seed(seed))


def filtered(audio, gain, rate=RATE):
    """Return a sound with each frequency's amplitude multiplied by a gain."""
    hz = torch.fft.rfftfreq(len(audio), 1 / rate)
    return torch.fft.irfft(torch.fft.rfft(audio) * gain(hz), len(audio))


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_the_energies_sum_to_that_of_the_sound(rate):
    sound = noise(2.3, rate)
    assert float(energy_spectrum(sound, rate).sum()) == pytest.approx(float(sound.square().sum()), rel=1e-5)
    short = sound[:100]
    assert float(energy_spectrum(short, rate).sum()) == pytest.approx(float(short.square().sum()), rel=1e-5)


def test_energy_in_a_band_is_that_of_its_sine():
    time_s = torch.arange(4 * RATE, dtype=torch.float64) / RATE
    sound = (
        0.3 * torch.sin(2 * math.pi * 1000 * time_s) + 0.1 * torch.sin(2 * math.pi * 5000 * time_s)
    ).float()
    edges_hz = torch.tensor([0.0, 500.0, 2000.0, 22050.0], dtype=torch.float64)
    shares = band_energy(energy_spectrum(sound, RATE), RATE, edges_hz) / (4 * RATE)
    assert shares.tolist() == pytest.approx([0.0, 0.045, 0.005], abs=1e-5)


@pytest.mark.parametrize(("edge_hz", "rate"), [(16000.0, 44100), (11000.0, 44100), (8000.0, 48000)])
def test_the_cutoff_of_a_low_pass_is_found_to_one_percent(edge_hz, rate):
    rest = 10 ** (-70 / 20)  # what dither leaves above
    # A spectrum that falls by 12 dB an octave above 500 Hz, and by 60 dB within 200 Hz at the edge.
    sound = filtered(
        noise(4.0, rate),
        lambda hz: (
            torch.maximum(10 ** (-3 * ((hz - edge_hz) / 200).clamp(0)), torch.tensor(rest))
            / (1 + (hz / 500) ** 2)
        ),
        rate,
    )
    assert cutoff_hz(energy_spectrum(sound, rate), rate) == pytest.approx(edge_hz, rel=0.01)


def test_full_band_falling_spectra_clean_tones_and_silence_have_no_cutoff():
    time_s = torch.arange(2 * RATE, dtype=torch.float64) / RATE
    tone = torch.stack([torch.sin(2 * math.pi * 440 * k * time_s) / k for k in range(1, 12)]).sum(0).float()
    for sound in (
        noise(),
        filtered(noise(), lambda hz: 1 / (1 + (hz / 300) ** 3)),
        tone,
        torch.zeros(RATE),
        torch.zeros(0),
    ):
        assert cutoff_hz(energy_spectrum(sound, RATE), RATE) == RATE / 2
    assert cutoff_hz(energy_spectrum(noise(1.0, 8000), 8000), 8000) == 4000


def test_a_gap_in_the_spectrum_is_no_cutoff():
    sound = filtered(noise(), lambda hz: 1 - 0.9999 * ((hz > 9000) & (hz < 12000)))
    assert cutoff_hz(energy_spectrum(sound, RATE), RATE) == RATE / 2


def test_an_equaliser_is_read_back_per_third_octave():
    def gain_db(hz):
        return torch.where(hz > 2000, torch.tensor(-4.0), torch.where(hz < 200, torch.tensor(3.0), 0.0))

    before = noise(8.0)
    after = filtered(before, lambda hz: 10 ** (gain_db(hz) / 20))
    one, other = energy_spectrum(after, RATE), energy_spectrum(before, RATE)
    found = third_octave_differences_db(one, other, RATE, 16000.0)
    assert min(found) == 50
    assert max(found) == 12589
    for center_hz, difference_db in found.items():
        if center_hz not in (200, 1995):  # these bands are divided by the two edges
            assert difference_db == pytest.approx(float(gain_db(torch.tensor(float(center_hz)))), abs=0.1)
    assert level_difference_db(one, other, RATE, 8000.0, 16000.0) == pytest.approx(-4.0, abs=0.01)
    assert level_difference_db(0.25 * other, other, RATE, 20.0, 16000.0) == pytest.approx(-6.02, abs=0.01)
    assert level_difference_db(one, other, RATE, 8000.0, 7600.0) is None
    assert level_difference_db(0 * one, other, RATE, 20.0, 7600.0) is None


def test_bands_that_the_recording_lacks_are_left_out():
    target = filtered(noise(), lambda hz: (hz > 300).float())
    found = third_octave_differences_db(
        energy_spectrum(noise(seed=1), RATE), energy_spectrum(target, RATE), RATE, 22050.0
    )
    assert min(found) > 250
    assert third_octave_differences_db(torch.zeros(100), torch.zeros(100), RATE, 22050.0) == {}


def test_mel_power_is_that_of_the_sound_whatever_the_window():
    time_s = torch.arange(2 * RATE, dtype=torch.float64) / RATE
    sine = (0.2 * torch.sin(2 * math.pi * 1234 * time_s)).float()
    for window_s, hop_s in ((0.05, 0.025), (0.01, 0.005)):
        power = mel_power(sine, RATE, window_s, hop_s, 16000.0)
        assert power.shape == (round(2 / hop_s), 64)
        # Two neighbouring triangles sum to 1 everywhere between their peaks.
        assert float(power[20:-20].sum(-1).mean()) == pytest.approx(0.02, rel=0.02)
        assert mel_power(sine[:100], RATE, window_s, hop_s, 16000.0).shape == (0, 64)


def test_every_mel_band_has_bins_at_all_rates():
    for rate in (8000, 16000, 44100, 192000):
        power = mel_power(noise(1.0, rate), rate, 0.01, 0.005, rate / 2)
        assert bool((power[5:-5] > 0).all())


def test_a_level_is_that_much_log_mel_distance():
    sound = noise()
    floor_db = floor_below_db(float(sound.square().mean()))
    assert floor_db == pytest.approx(-80, abs=0.1)
    one, other = (log_mel_db(x, RATE, 16000.0, floor_db) for x in (0.5 * sound, sound))
    assert float((one - other).abs().mean()) == pytest.approx(6.02, abs=0.01)
    silence = log_mel_db(0 * sound, RATE, 16000.0, floor_db)
    assert bool((silence == floor_db).all())
