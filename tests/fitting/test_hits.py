"""Hits: onset and modes are found, the parts add up to the sound, each knob moves its own measure."""

import itertools
import math
from typing import Any

import pytest
import torch
from tests.fitting.conftest import known_patch

from oscine.errors import InputError
from oscine.fitting import Patch, PatchConfig, fit
from oscine.fitting.hits import find_onset
from oscine.functional import uniform_noise
from oscine.models import load_recipe
from oscine.processors import ChainConfig, ModesConfig, NoiseBandsConfig, OnsetGateConfig, TransientConfig

RATE, HOP = 16_000, 32
NOISE = ChainConfig(name="noise", parts=(NoiseBandsConfig(n_bands=32, n_taps=128), OnsetGateConfig()))


def noise(n_samples, seed=0):
    zero = torch.zeros(1, dtype=torch.int64)
    return uniform_noise(zero + seed, zero, n_samples)[0]


def struck(onset, n_samples=4801):
    """A drum whose modes are known, with a click and noise, from a sample on."""
    time = torch.arange(n_samples - onset) / RATE
    modes = 0.5 * torch.exp(-time / 0.08) * torch.sin(2 * math.pi * 187.0 * time + 1.0)
    modes += 0.2 * torch.exp(-time / 0.03) * torch.sin(2 * math.pi * 1311.0 * time)
    hit = modes + 0.1 * torch.exp(-time / 0.02) * noise(len(time), 77)
    hit[:3] += torch.tensor([0.4, -0.3, 0.1])
    return torch.nn.functional.pad(hit, (onset, 0))


@pytest.mark.parametrize("onset", [0, 1, 33, 1237, 2000])
def test_the_onset_is_found_to_the_sample(onset):
    assert find_onset(struck(onset) + 1e-3 * noise(4801, 3), RATE) == pytest.approx(onset, abs=1)


def test_a_weak_sound_before_the_attack_is_none():
    sound = struck(2000)
    sound[1500:2000] += 0.02 * noise(500, 5)
    assert find_onset(sound, RATE) == pytest.approx(2000, abs=1)


@pytest.mark.parametrize("onset", [101, 1237, 2222])
def test_a_click_of_one_sample_is_where_it_was(onset):
    click = torch.zeros(3333)
    click[onset] = 0.8
    found = fit((click, RATE), "hit", steps=25)
    audio = found.play()[0]
    peak = int(audio.abs().argmax())
    before, at, after = audio[peak - 1 : peak + 2].abs().tolist()
    # Between the samples, where the parabola through three of them is highest.
    exact = peak + (after - before) / (2 * (2 * at - before - after))
    assert abs(exact - onset) < 0.5
    assert not audio[: onset - 8].any()
    assert float(audio.square().sum()) == pytest.approx(0.64, rel=0.2)


@pytest.fixture(scope="module")
def drum():
    return fit((struck(1237), RATE), "hit", steps=40, tracker="none of them is asked")


def test_a_hit_needs_no_pitch_and_its_modes_are_found(drum):
    assert "f0_hz" not in drum.controls
    assert drum.config.loss == "hit"
    values = {
        name.partition(".")[2]: one[-1] for name, one in drum.controls.items() if name.startswith("modes.")
    }
    loudest = values["amplitudes"].argsort(descending=True)[:2]
    order = loudest[values["frequencies_hz"][loudest].argsort()]
    hz, decays = values["frequencies_hz"][order].tolist(), values["decays_s"][order].tolist()
    assert hz == pytest.approx([187.0, 1311.0], rel=0.01)
    assert decays == pytest.approx([0.08, 0.03], rel=0.35)
    # A hit keeps its controls, so they are the same in every frame.
    assert all(
        torch.equal(one[0], one[-1]) for name, one in drum.controls.items() if name.startswith("modes.")
    )


def test_modes_and_a_click_beside_noise_are_nearer_than_noise_alone(drum, tmp_path):
    alone = tmp_path / "alone.yaml"
    recipe = load_recipe("hit").instrument
    rates = f"sample_rate: {recipe.sample_rate}, hop_length: {recipe.hop_length}"
    alone.write_text(
        f"name: alone\ndescription: Noise alone.\ninstrument: {{{rates}, effects: [], "
        "synth: [{kind: noise_bands, n_bands: 256}]}\n"
    )
    other = fit((struck(1237), RATE), alone, steps=40, loss="hit", tracker="yin")
    assert other.config.residual is not None
    assert drum.config.residual.spectral_loss < 0.9 * other.config.residual.spectral_loss
    starts = [int((one.play()[0].abs() > 0.05).nonzero()[0]) for one in (drum, other)]
    assert starts[0] == pytest.approx(1237, abs=4)
    assert starts[1] < 1237 - 4


def test_a_saved_hit_sounds_the_same(drum, tmp_path):
    drum.save(tmp_path / "drum.safetensors")
    loaded = Patch.load(tmp_path / "drum.safetensors")
    assert torch.equal(loaded.play(decay=0.7, tune=2)[0], drum.play(decay=0.7, tune=2)[0])


def known_hit(n_frames=150, onset=700.25):
    """A patch with two modes, a click of white noise, and noise that decays."""
    config = PatchConfig(
        sample_rate=RATE,
        hop_length=HOP,
        n_samples=n_frames * HOP,
        seed=3,
        synth=(ModesConfig(n_modes=2), TransientConfig(n_taps=48), NOISE),
    )
    end = HOP * torch.arange(1.0, n_frames + 1)
    since = ((end - onset) / RATE).clamp(min=0)

    def constant(*values):
        return torch.tensor(values).expand(n_frames, -1).clone()

    controls = {
        "onset_s": since,
        "modes.frequencies_hz": constant(300.0, 1100.0),
        "modes.decays_s": constant(0.05, 0.03),
        "modes.amplitudes": constant(0.3, 0.1),
        "modes.phases": constant(0.0, 0.0),
        "transient.taps": constant(*(0.5 * noise(48, 9)).tolist()),
        "noise.noise_bands.gains": 0.2 * torch.exp(-since / 0.04)[:, None].expand(-1, 32).clone(),
    }
    return Patch(config, config.build().eval(), controls)


def spectrum_db(audio, low_hz, high_hz):
    power = torch.fft.rfft(audio.double()).abs().square()
    hz = torch.arange(len(power)) * RATE / len(audio)
    return 10 * math.log10(float(power[(hz >= low_hz) & (hz < high_hz)].sum()))


def centroid_hz(audio):
    power = torch.fft.rfft(audio.double()).abs().square()
    hz = torch.arange(len(power)) * RATE / (2 * (len(power) - 1))
    return float((hz * power).sum() / power.sum())


def loudest_hz(audio):
    return float(torch.fft.rfft(audio, 1 << 16).abs().argmax()) * RATE / (1 << 16)


def decay_s(audio):
    """The time after which a hundredth of the energy is left."""
    left = audio.double().square().flip(0).cumsum(0).flip(0)
    return int((left > 0.01 * left[0]).sum()) / RATE


def noise_db(audio):
    """Between the partials, when the click is over."""
    return spectrum_db(audio[900:], 3000, 8000)


def click_db(audio):
    return spectrum_db(audio[700:760], 2000, 8000)


KNOBS = {
    "tune": ((-12, -5, 0, 3, 12), loudest_hz),
    "octave": ((-1, -0.5, 0, 0.25, 1), loudest_hz),
    "decay": ((0.25, 0.5, 1, 2, 4), decay_s),
    "noise_db": ((-20, -10, 0, 6, 20), noise_db),
    "click_db": ((-6, 0, 6, 12, 20), click_db),
    "brightness_db": ((-6, -3, 0, 3, 6), centroid_hz),
}


@pytest.mark.parametrize("knob", KNOBS)
def test_each_knob_moves_its_own_measure(knob):
    values, measure = KNOBS[knob]
    patch = known_hit()
    found = [measure(patch.play(**{knob: value})[0]) for value in values]
    assert all(one < next_one for one, next_one in itertools.pairwise(found)), found


def test_tune_and_decay_are_what_they_say():
    patch = known_hit()
    quiet: dict[str, Any] = {"noise_db": -60, "click_db": -60}
    assert loudest_hz(patch.play(tune=7, **quiet)[0]) == pytest.approx(300 * 2 ** (7 / 12), rel=0.01)
    plain, longer = (decay_s(patch.play(decay=x, **quiet)[0][700:]) for x in (1.0, 2.0))
    assert longer == pytest.approx(2 * plain, rel=0.05)
    # A single band of noise goes as far up in mel as its centre does in Hz.
    bands = patch.controls["noise.noise_bands.gains"].clone()
    bands[:, torch.arange(32) != 12] = 0
    one = Patch(patch.config, patch.instrument, {**patch.controls, "noise.noise_bands.gains": bands})
    silent: dict[str, Any] = {"click_db": -60, "noise_db": 40}
    low, high = (centroid_hz(one.play(tune=x, **silent)[0]) for x in (0, 12))
    assert high == pytest.approx(2 * low, rel=0.1)


@pytest.mark.parametrize("options", [{"decay": 2.0}, {"stretch": 2.5}, {"decay": 0.5, "stretch": 1.5}])
def test_the_onset_stays_sharp_at_another_length(options):
    patch = known_hit()
    audio, _ = patch.play(**options)
    stretch, decay = options.get("stretch", 1.0), options.get("decay", 1.0)
    onset = 700.25 * stretch
    assert len(audio) == pytest.approx((700.25 + (4800 - 700.25) * decay) * stretch, abs=1)
    assert int(audio.nonzero()[0]) == pytest.approx(onset, abs=1)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"decay": 2.0}, "decay is 2, but no part of this patch begins with a hit; leave decay out"),
        ({"click_db": 3.0}, "click_db is 3, but no part of this patch is a click"),
        ({"tune": 25}, "tune is 25; give -24 … 24"),
        ({"decay": 0.0}, "decay is 0.0; give 0.0625 … 16"),
        ({"brightness_db": math.nan}, "brightness_db is nan; give -12 … 12"),
        ({"noise_db": 61}, "noise_db is 61; give -60 … 60"),
    ],
)
def test_a_knob_that_moves_nothing_or_too_much_is_refused(options, reason):
    with pytest.raises(InputError, match=reason):
        known_patch().play(**options)


def test_the_knobs_of_all_sounds_work_without_a_hit():
    patch = known_patch(effects=())
    plain = patch.play()[0]
    assert (
        centroid_hz(patch.play(brightness_db=6)[0])
        > centroid_hz(plain)
        > centroid_hz(patch.play(brightness_db=-6)[0])
    )
    assert spectrum_db(patch.play(noise_db=20)[0], 5000, 8000) > spectrum_db(plain, 5000, 8000) + 15
    assert loudest_hz(patch.play(tune=12)[0]) == pytest.approx(660, rel=0.01)
