"""Synthetic tones: a pure function, controls that are true of the audio, and variety."""

from dataclasses import replace

import pytest
import torch

from oscine.data.synthetic import HIGHEST_MIDI, LOWEST_MIDI, synthetic_tones
from oscine.errors import InputError
from oscine.functional import hz_to_midi
from oscine.losses import parameter_loss
from oscine.processors import Control, FilteredNoise, HarmonicOscillator


def test_a_batch_is_a_pure_function_of_seed_and_step():
    tones = synthetic_tones(3, 5, 2, 200)
    synthetic_tones(1, 1, 1, 7)  # no state is left between calls
    again = synthetic_tones(3, 5, 2, 200)
    assert torch.equal(tones.audio, again.audio)
    assert all(torch.equal(value, again.controls[name]) for name, value in tones.controls.items())
    for other in (synthetic_tones(3, 6, 2, 200), synthetic_tones(4, 5, 2, 200)):
        assert not torch.equal(tones.audio, other.audio)
    assert not torch.equal(tones.audio[0], tones.audio[1])


@pytest.mark.parametrize(
    "sizes", [{}, {"sample_rate": 48000, "hop_length": 192, "n_harmonics": 60, "n_bands": 98}]
)
@pytest.mark.parametrize("n_frames", [1, 50])
def test_controls_are_those_that_the_processors_declare(sizes, n_frames):
    tones = synthetic_tones(0, 0, 3, n_frames, **sizes)
    rate, hop = sizes.get("sample_rate", 16000), sizes.get("hop_length", 64)
    oscillator = HarmonicOscillator(sizes.get("n_harmonics", 100), rate, hop)
    noise = FilteredNoise(sizes.get("n_bands", 65), hop)
    noise_control = replace(noise.controls[0], name="noise_magnitudes")
    pitch = Control("f0_hz", 0, "Hz", 1.0, rate / 2, "log")
    controls = (pitch, *oscillator.controls, noise_control)
    assert set(tones.controls) == {control.name for control in controls}
    for control in controls:
        value = tones.controls[control.name]
        assert value.shape == (3, n_frames, *([control.size] if control.size else []))
        assert control.minimum <= float(value.min()) <= float(value.max()) <= control.maximum
    assert tones.audio.shape == (3, n_frames * hop)
    assert float(parameter_loss(tones.controls, tones.controls, controls)) == 0.0


def test_the_audio_is_the_controls_played():
    # Without the noise's seed only the tone can be made again; what is left must be as loud as the noise.
    tones = synthetic_tones(2, 0, 8, 250)
    values = tones.controls
    tone = HarmonicOscillator(100, 16000, 64)(
        values["f0_hz"], values["amplitude"], values["harmonic_distribution"]
    )
    rest = (tones.audio - tone).square().mean(-1)
    noise = FilteredNoise(65, 64)(values["noise_magnitudes"]).square().mean(-1)
    assert (rest / noise).log10().abs().max() < 0.3


def test_the_family_is_wide_and_its_levels_are_safe():
    batches = [synthetic_tones(0, step, 32, 250) for step in range(4)]
    values = {name: torch.cat([batch.controls[name] for batch in batches]) for name in batches[0].controls}
    audio = torch.cat([batch.audio for batch in batches])
    assert torch.isfinite(audio).all()
    assert float(audio.abs().max()) <= 1.0
    midi = hz_to_midi(values["f0_hz"])
    assert LOWEST_MIDI - 1.5 < float(midi.min()) < 30
    assert 90 < float(midi.max()) < HIGHEST_MIDI + 1.5
    shares = torch.histc(midi, 6, LOWEST_MIDI, HIGHEST_MIDI) / midi.numel()
    assert float(shares.min()) > 0.1  # uniform: a sixth each
    amplitude = values["amplitude"]
    assert 0.02 < float((amplitude == 0).float().mean()) < 0.4
    assert float((amplitude > 0.1).float().mean()) > 0.1
    distribution = values["harmonic_distribution"]
    torch.testing.assert_close(distribution.sum(-1), torch.ones_like(amplitude))
    audible = values["f0_hz"].unsqueeze(-1) * torch.arange(1, 101) < 8000
    assert float(distribution[~audible].max()) == 0.0
    loud = distribution[amplitude > 0]
    assert float((loud[:, 0] < 0.01).float().mean()) > 0.02  # missing fundamentals
    effective = 1 / loud.square().sum(-1)
    assert float(effective.quantile(0.1)) < 2.0
    assert float(effective.quantile(0.9)) > 8.0
    tilt = (values["noise_magnitudes"][..., 5] / values["noise_magnitudes"][..., 60].clamp(min=1e-9)).log10()
    assert float(tilt.std()) > 0.2


@pytest.mark.parametrize("arguments", [(-1, 0, 1, 10), (0, -1, 1, 10), (0, 0, 0, 10), (0, 0, 1, 0)])
def test_bad_sizes_are_refused(arguments):
    with pytest.raises(InputError, match="give positive sizes"):
        synthetic_tones(*arguments)
