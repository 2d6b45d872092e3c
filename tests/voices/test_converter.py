"""The trained conversion: its network in pieces and as a whole, its file, and what it does to a voice."""

import pytest
import torch

from oscine.errors import InputError
from oscine.functional import envelope_grid_hz
from oscine.voices import Converter, ConverterConfig, Voice, built_in_converter, convert_voice, decoding
from oscine.voices.decoding import KnownFrames, SpokenVoice, shaped_pieces
from oscine.voices.statistics import level_db, shape_of

RATE, HOP, BANDS = 16_000, 80, 80


def voice(size: float, f0_hz: float, seconds: float, seed: int) -> Voice:
    """Return vowels in a random order, of a head of some size, with hisses between them."""
    generator = torch.Generator().manual_seed(seed)
    n = round(seconds * RATE / HOP)
    hz = envelope_grid_hz(BANDS, RATE).float()
    formants = torch.tensor([[300, 2200], [450, 1900], [700, 1200], [450, 900], [320, 750]]) * size
    vowels = (
        25 * torch.exp(-(((hz - formants[:, :, None]) / 160) ** 2)).sum(1) - 75 - 9 * torch.log2(1 + hz / 500)
    )
    hiss = (-80 + 12 * torch.exp(-(((hz - 5500 * size) / 1500) ** 2)))[None]
    chosen = torch.randint(6, (1 + n // 30,), generator=generator).repeat_interleave(30)[:n]
    density = torch.cat([vowels, hiss])[chosen]
    ratio = torch.where(chosen == 5, 20.0, -25.0)[:, None].expand_as(density)
    pitch = f0_hz * torch.exp2(torch.sin(torch.arange(n) / 40) / 6)
    return Voice(pitch, density, ratio.contiguous(), RATE, HOP)


def spoken(*voices: Voice, step: int = 2) -> SpokenVoice:
    found = SpokenVoice(step)
    for one in voices:
        found.add(iter([one.slice(0, 130), one.slice(130, len(one.f0_hz))]))
    return found


def test_the_frames_of_a_voice_have_its_statistics():
    one = voice(1.0, 120.0, 6.0, 0)
    (frames,), (active,) = spoken(one, step=1).frames()
    assert bool(active.all())
    torch.testing.assert_close(10 * frames.shape[0], shape_of(one.density_db), atol=1e-4, rtol=0)
    weight = frames.voiced[0][:, None]
    mean = (weight * frames.shape[0]).sum(0) / weight.sum()
    torch.testing.assert_close(frames.statistics[0, 0], mean, atol=1e-4, rtol=0)
    assert float(torch.quantile(frames.level[0], 0.95)) == pytest.approx(0.0, abs=0.02)


def test_blocks_give_what_the_whole_gives(monkeypatch):
    target, (frames,) = spoken(voice(1.2, 200.0, 4.0, 1)), spoken(voice(1.0, 120.0, 6.0, 0)).frames()[0]
    known = KnownFrames(built_in_converter(), target)
    whole = known.shapes(frames)
    monkeypatch.setattr(decoding, "_BLOCK", 70)
    torch.testing.assert_close(known.shapes(frames), whole, atol=1e-3, rtol=0)
    monkeypatch.setattr(Converter, "frames_around", 5)
    assert float((known.shapes(frames) - whole).abs().max()) > 0.01


def test_pieces_take_the_shapes_at_their_place_and_keep_the_level():
    one = voice(1.0, 120.0, 3.0, 0)
    shapes = torch.linspace(0, 1, 300)[:, None] * torch.linspace(-20, 20, BANDS)
    parts = [one.slice(0, 250), one.slice(250, 600)]
    found = torch.cat([piece.density_db for piece in shaped_pieces(iter(parts), shapes, 2)])
    steps = shape_of(found)[1:] - shape_of(found)[:-1]
    torch.testing.assert_close(shape_of(found)[1::2], shapes, atol=1e-3, rtol=0)
    assert float(steps[1:].max() - steps[1:].min()) < 0.1
    torch.testing.assert_close(level_db(found, RATE), level_db(one.density_db, RATE), atol=1e-3, rtol=0)
    unchanged = [piece.density_db for piece in shaped_pieces(iter(parts), shapes, 2, 0.0)]
    torch.testing.assert_close(torch.cat(unchanged), one.density_db, atol=1e-3, rtol=0)


def test_the_network_in_the_package_brings_shapes_to_those_of_the_target():
    source, target = voice(1.0, 120.0, 8.0, 0), voice(1.25, 200.0, 8.0, 1)
    known = KnownFrames(built_in_converter(), spoken(target))
    (found,) = shaped_pieces(iter([source]), known.shapes(spoken(source).frames()[0][0]), 2)
    aim = voice(1.25, 200.0, 8.0, 0)
    low = envelope_grid_hz(BANDS, RATE) < 5_000
    before, after = (
        (shape_of(one.density_db[:, low]) - shape_of(aim.density_db[:, low])).abs().mean()
        for one in (source, found)
    )
    assert float(after) < 0.8 * float(before)


def test_a_recording_is_converted():
    sound, like = voice(1.0, 120.0, 3.0, 0).play(), voice(1.25, 200.0, 3.0, 1).play()
    audio, rate = convert_voice((sound, RATE), (like, RATE), converter=built_in_converter())
    assert (rate, len(audio)) == (RATE, len(sound))
    assert bool(torch.isfinite(audio).all())
    with pytest.raises(InputError, match="8000 Hz"):
        convert_voice((sound, 8_000), (like, RATE), converter=built_in_converter())


def test_a_file_is_what_was_saved_and_others_are_refused(tmp_path):
    converter = Converter(ConverterConfig(width=8, bottleneck=4))
    converter.save(tmp_path / "one.safetensors")
    again = Converter.load(tmp_path / "one.safetensors")
    assert again.config == converter.config
    for name, tensor in converter.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], tensor, atol=1e-3, rtol=1e-3)
    from oscine import weights

    with pytest.raises(InputError, match="not a converter"):
        Converter.load(weights.path("enhancer"))
    with torch.no_grad():
        converter.decoder.temperature.fill_(float("nan"))
    converter.save(tmp_path / "one.safetensors")
    with pytest.raises(InputError, match="not finite"):
        Converter.load(tmp_path / "one.safetensors")
