"""The enhancer: its features, its mask, its file, and a stream of pieces."""

import pytest
import soundfile
import torch

from oscine.cli.main import main
from oscine.errors import InputError
from oscine.voices import Enhancer, EnhancerConfig, enhance, enhancement
from oscine.voices.enhancer import band_density_db, masked

RATE, HOP, BANDS = 16_000, 160, 80


def small() -> Enhancer:
    torch.manual_seed(1)
    enhancer = Enhancer(EnhancerConfig(width=16, n_layers=3, look_ahead=4)).eval().requires_grad_(False)
    enhancer.heads.weight.normal_(0, 0.1)
    return enhancer


def test_white_noise_has_the_same_density_in_all_bands():
    density = band_density_db(0.1 * torch.randn(1, 20 * RATE), RATE, HOP, BANDS)
    power = 10 * torch.log10((10 ** (density[0] / 10)).mean(0))
    expected = 10 * torch.log10(torch.tensor(0.01 / (RATE / 2)))
    torch.testing.assert_close(power[1:-1], expected.expand(BANDS - 2), atol=0.4, rtol=0)


@pytest.mark.parametrize("n", [37, 160, 15_999, 16_001])
def test_a_mask_of_ones_changes_nothing_and_of_halves_is_half(n):
    sound = torch.randn(2, n)
    gain = torch.ones(2, -(-n // HOP), BANDS)
    torch.testing.assert_close(masked(sound, gain, RATE, HOP), sound, atol=1e-5, rtol=0)
    torch.testing.assert_close(masked(sound, gain / 2, RATE, HOP), sound / 2, atol=1e-5, rtol=0)


def test_a_mask_removes_one_tone_and_keeps_another():
    time_s = torch.arange(RATE) / RATE
    low, high = torch.sin(2 * torch.pi * 500 * time_s), torch.sin(2 * torch.pi * 3000 * time_s)
    gain = torch.ones(1, 100, BANDS)
    gain[..., BANDS // 2 :] = 0
    kept = masked((low + high)[None], gain, RATE, HOP)[0, 800:-800]
    assert float((kept - low[800:-800]).abs().max()) < 1e-2


def test_frames_do_not_depend_on_what_is_further_away_than_said():
    enhancer, sound = small(), torch.randn(1, 2 * RATE)
    changed = sound.clone()
    middle = 100
    changed[:, : (middle - enhancer.frames_around) * HOP] = 0
    changed[:, (middle + enhancer.frames_around) * HOP :] = 0
    for one, other in zip(enhancer(sound), enhancer(changed), strict=True):
        torch.testing.assert_close(one[:, middle], other[:, middle])
        assert not torch.allclose(one[:, 20], other[:, 20])


@pytest.mark.parametrize("mask", [True, False])
def test_the_result_does_not_depend_on_the_pieces(mask, monkeypatch):
    enhancer, sound = small(), 0.1 * torch.randn(2 * RATE + 77)
    whole, rate = enhance((sound, RATE), enhancer, mask=mask)
    assert (rate, len(whole)) == (RATE, len(sound))
    monkeypatch.setattr(enhancement, "_PIECE_S", 0.3)
    pieces, _ = enhance((sound, RATE), enhancer, mask=mask)
    torch.testing.assert_close(pieces, whole, atol=1e-4, rtol=1e-4)


def test_a_saved_enhancer_is_the_same_to_eleven_bits(tmp_path):
    enhancer, sound = small(), torch.randn(1, 8000)
    enhancer.save(tmp_path / "e.safetensors")
    loaded = Enhancer.load(tmp_path / "e.safetensors")
    assert loaded.config == enhancer.config
    for one, other in zip(enhancer(sound), loaded(sound), strict=True):
        torch.testing.assert_close(one, other, atol=0.3, rtol=5e-3)


def test_a_file_of_something_else_is_refused(tmp_path):
    import safetensors.torch

    path = tmp_path / "other.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(InputError, match="not an enhancer"):
        Enhancer.load(path)
    weights = {name: tensor.half() for name, tensor in small().state_dict().items()}
    config = EnhancerConfig(width=32, n_layers=3, look_ahead=4)
    safetensors.torch.save_file(weights, path, {"oscine.enhancer": config.model_dump_json()})
    with pytest.raises(InputError, match="do not fit"):
        Enhancer.load(path)


def test_the_command_says_one_sentence_about_a_missing_model(tmp_path, capsys):
    soundfile.write(tmp_path / "in.wav", 0.1 * torch.randn(8000).numpy(), RATE)
    with pytest.raises(SystemExit) as ended:
        main(
            [
                "enhance",
                str(tmp_path / "in.wav"),
                "--with",
                str(tmp_path / "none"),
                "-o",
                str(tmp_path / "o.wav"),
            ]
        )
    assert ended.value.code == 2
    assert "does not exist" in capsys.readouterr().err
    assert not (tmp_path / "o.wav").exists()


def test_the_package_network_raises_the_signal_to_noise_ratio():
    """White noise on singing, neither of which it was trained on, at 5 dB."""
    from oscine import recordings, weights
    from oscine.audio import read_audio

    clean = torch.from_numpy(read_audio(recordings.path("singing"), RATE)[0])[: 4 * RATE]
    noise = torch.randn_like(clean)
    noise *= clean.square().mean().sqrt() / noise.square().mean().sqrt() * 10 ** (-5 / 20)
    enhancer = Enhancer.load(weights.path("enhancer"))
    masked_sound, _ = enhance((clean + noise, RATE), enhancer, mask=True)
    ratio_db = 10 * torch.log10(clean.square().sum() / (masked_sound - clean).square().sum())
    assert ratio_db > 5 + 3
    made, _ = enhance((clean + noise, RATE), enhancer)
    bands = [band_density_db(one[None], RATE, HOP, BANDS) for one in (clean, clean + noise, made)]
    floor = bands[0].max() - 60
    noisy, anew = ((one.clamp_min(floor) - bands[0].clamp_min(floor)).abs().mean() for one in bands[1:])
    assert anew < 0.6 * noisy
