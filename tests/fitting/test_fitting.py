"""Fitting: known controls are found again, each loss does what it is for, and bad input is refused."""

from itertools import pairwise

import numpy as np
import pytest
import soundfile
import torch
from tests.fitting.conftest import HOP, RATE, SYNTH, known_patch

import oscine
from oscine.analysis.pitch.f0_file import F0Curve
from oscine.errors import InputError
from oscine.fitting import fit
from oscine.functional import filtered_noise
from oscine.functional.activations import normalize_distribution
from oscine.losses import EnergyDistance, MultiScaleSpectralLoss
from oscine.models import Instrument, InstrumentConfig
from oscine.networks import ControllerConfig
from oscine.processors import (
    ChainConfig,
    FilterConfig,
    HarmonicConfig,
    NoiseConfig,
    PulseConfig,
    ReverbConfig,
    WavetableConfig,
)

PITCH = F0Curve(np.array([0.0, 9.0]), np.array([330.0, 330.0]), np.ones(2), names_pauses=True)


def synth(*parts, effects=()):
    return Instrument(
        InstrumentConfig(
            sample_rate=RATE,
            hop_length=HOP,
            controller=ControllerConfig(hidden_size=4),
            synth=parts or SYNTH,
            effects=effects,
        )
    )


def harmonics_db(controls):
    """Return the levels of the harmonics, (frame, harmonic), dB."""
    shares = normalize_distribution(controls["harmonic.harmonic_distribution"])
    return 20 * torch.log10(controls["harmonic.amplitude"][:, None] * shares)


def test_known_controls_are_found_again():
    truth = known_patch(60, effects=())
    sound = truth.play()
    found = fit(sound, synth(), tracker=PITCH, steps=200, seed=3)
    inner = slice(10, -10)
    error_db = (harmonics_db(found.controls) - harmonics_db(truth.controls))[inner].abs()
    assert float(error_db.median()) < 0.3
    assert float(error_db[:, :6].quantile(0.95)) < 1.5
    noise_db = 20 * torch.log10(found.controls["noise.magnitudes"][inner] / 0.01)
    assert float(noise_db.mean(0)[1:].abs().max()) < 3.0
    assert abs(float(noise_db[:, 1:].mean())) < 1.0
    residual = found.config.residual
    assert residual is not None
    assert residual.log_mel_db < 0.5
    assert abs(residual.level_db) < 0.1
    assert residual.spectral_loss < 0.7


def test_the_energy_distance_fits_any_noise_and_the_spectral_loss_its_own():
    recording = filtered_noise(torch.full((1, 100, 5), 0.03), hop_length=HOP, seed=99)
    near = MultiScaleSpectralLoss(RATE)
    far = EnergyDistance(MultiScaleSpectralLoss(RATE))
    own, anys = {}, {}
    for loss in ("spectral", "energy"):
        found = fit((recording[0], RATE), synth(NoiseConfig(n_bands=5)), loss=loss, tracker=PITCH, steps=150)
        draws = [found.play(seed=seed)[0][None] for seed in (0, 7, 8, 9, 10)]
        own[loss] = float(near(draws[0], recording))
        anys[loss] = sum(float(far(one, recording, other)) for one, other in pairwise(draws[1:]))
        level_db = float(10 * torch.log10(draws[1].square().mean() / recording.square().mean()))
        assert abs(level_db) < 0.5, loss
    assert own["spectral"] < own["energy"]
    assert anys["energy"] < anys["spectral"]


def residuals(loss, steps):
    sound = known_patch(50, effects=()).play()
    found = [fit(sound, synth(), loss=loss, tracker=PITCH, steps=n).config.residual for n in (1, steps)]
    first, last = found
    assert first is not None
    assert last is not None
    return first, last


@pytest.mark.parametrize("loss", ["spectral", "energy", "log-mel"])
def test_a_loss_comes_nearer(loss):
    first, last = residuals(loss, 80)
    assert last.log_mel_db < 0.35 * first.log_mel_db


def test_transport_finds_level_and_centre_and_little_else():
    first, last = residuals("transport", 80)
    assert abs(last.level_db) < 0.1 < abs(first.level_db)
    assert 5.0 < last.log_mel_db < first.log_mel_db


def test_a_synth_with_latency_is_in_time():
    source = ChainConfig(
        name="voiced", parts=(PulseConfig(), FilterConfig(n_bands=65, start_db_per_octave=-12.0))
    )
    clicks = torch.zeros(3200)
    clicks[800::1000] = 0.9
    found = fit((clicks, RATE), synth(source, NoiseConfig(n_bands=9)), tracker=PITCH, steps=60)
    assert found.instrument.latency == 64
    audio, _ = found.play()
    assert len(audio) == len(clicks)
    loudest = [int(part.abs().argmax()) for part in audio[300:3300].split(1000)[:2]]
    assert loudest == pytest.approx([500, 500], abs=40)


def test_an_instrument_stays_as_it_is_and_gives_its_room():
    instrument = synth(effects=(ReverbConfig(ir_s=0.1),))
    for parameter in instrument.effects.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    before = {name: value.clone() for name, value in instrument.state_dict().items()}
    found = fit(known_patch(50).play(), instrument, tracker=PITCH, steps=5)
    assert all(torch.equal(value, before[name]) for name, value in instrument.state_dict().items())
    assert all(one.requires_grad for one in instrument.parameters())
    response = found.instrument.state_dict()["effects.parts.reverb.impulse_response"]
    assert torch.equal(response, before["effects.parts.reverb.impulse_response"])
    assert not torch.equal(found.play()[0], found.play(dry=True)[0])


def test_a_recipe_gives_its_parts_and_what_they_learn_is_fitted(tmp_path):
    recipe = tmp_path / "tables.yaml"
    recipe.write_text(
        "name: tables\ndescription: Two tables.\n"
        "instrument:\n"
        "  synth: [{kind: wavetable, n_tables: 2, n_harmonics: 8}]\n"
        "  effects: [{kind: reverb, ir_s: 0.05}]\n"
    )
    found = fit(known_patch(50).play(), recipe, tracker=PITCH, steps=10)
    assert found.config.synth == (WavetableConfig(n_tables=2, n_harmonics=8),)
    assert found.config.effects == (ReverbConfig(ir_s=0.05),)
    assert float(found.instrument.state_dict()["effects.parts.reverb.impulse_response"].abs().max()) > 0
    assert fit(known_patch(50).play(), recipe, tracker=PITCH, steps=1, dry=True).config.effects == ()
    assert (found.config.sample_rate, found.config.hop_length) == (RATE, HOP)
    assert found.instrument.latency == 0
    again, other = (fit(known_patch(50).play(), recipe, tracker=PITCH, steps=steps) for steps in (10, 1))
    key = "synth.parts.wavetable.coefficients"
    assert torch.equal(found.instrument.state_dict()[key], again.instrument.state_dict()[key])
    assert not torch.equal(found.instrument.state_dict()[key], other.instrument.state_dict()[key])


def test_long_sounds_are_fitted_in_pieces(monkeypatch):
    sound = known_patch(60, effects=()).play()
    whole = fit(sound, synth(), tracker=PITCH, steps=120)
    monkeypatch.setattr("oscine.fitting.patch._PIECE_S", 0.1)
    parts = fit(sound, synth(), tracker=PITCH, steps=120)
    assert whole.config.residual is not None
    assert parts.config.residual is not None
    # After so few steps rounding alone moves both between 1.8 and 2.8 dB; after one step there are 14.
    assert max(parts.config.residual.log_mel_db, whole.config.residual.log_mel_db) < 4.0


def test_the_rate_of_a_recipe_is_the_sounds_within_16_to_48_khz(tmp_path):
    tone = 0.3 * torch.sin(2 * torch.pi * 330 * torch.arange(19200) / 96000)
    soundfile.write(tmp_path / "tone.wav", tone.numpy(), 96000)
    found = oscine.fit(tmp_path / "tone.wav", "tiny", tracker=PITCH, steps=1)
    assert (found.sample_rate, found.config.n_samples, found.config.source) == (48000, 9600, "tone.wav")
    assert fit((tone[:2000], 8000), "tiny", tracker=PITCH, steps=1).sample_rate == 16000


TONE = torch.sin(torch.arange(3200) * 0.13)


@pytest.mark.parametrize(
    ("sound", "options", "reason"),
    [
        ((TONE * float("nan"), RATE), {}, "The audio has nan at sample 0"),
        ((TONE * 1e-5, RATE), {}, "can't be fitted: it is too quiet"),
        ((TONE[:800], RATE), {}, "has 0.050 s; give at least 0.1 s"),
        ((TONE, RATE), {"loss": "spektral"}, "the nearest is spectral"),
        ((TONE, RATE), {"synth": "kazoo"}, "There is no synth kazoo; give a recipe"),
        ((TONE, RATE), {"synth": "nowhere.yaml"}, "There is no recipe"),
        ((TONE, RATE), {"steps": 0}, "steps is 0"),
        ((TONE, RATE), {"seed": -1}, "seed is -1"),
        ((TONE, RATE), {"tracker": "ears"}, "ears"),
        ("nowhere.wav", {}, "nowhere.wav"),
        ((torch.zeros(4, 5, 6), RATE), {}, "shape|axes|dimension"),
    ],
)
def test_bad_input_is_one_sentence(sound, options, reason):
    with pytest.raises((InputError, FileNotFoundError), match=reason) as refused:
        fit(sound, **{"synth": synth(), "steps": 1, **options})
    assert "\n" not in str(refused.value)


def test_a_long_sound_is_refused_before_it_is_analysed():
    with pytest.raises(InputError, match="longer than 10 minutes"):
        fit((torch.ones(8000 * 601) * 0.1, 8000), synth(HarmonicConfig(n_harmonics=2)), tracker=PITCH)
