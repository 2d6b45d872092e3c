"""Voices together: their sum is that of the voices, in whatever order, at once, by steps and compiled."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from oscine import kernels
from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig, load_recipe
from oscine.models.config import NotesConfig
from oscine.models.ensemble import Voices, play_together
from oscine.processors import FilterConfig, Reverb
from oscine.runtime import engines
from oscine.streaming import Stream

RATE, HOP, FRAMES = 16_000, 64, 40


def _piano(**changes: object) -> Instrument:
    torch.manual_seed(0)
    config = load_recipe("piano", changes).instrument.fit(RATE, HOP, (), ())
    instrument = Instrument(config).eval()
    for module in instrument.modules():
        if isinstance(module, Reverb):
            torch.nn.init.normal_(module.impulse_response, std=0.05)
    return instrument


def _voices(n_voices: int, n_items: int) -> Voices:
    generator = torch.Generator().manual_seed(1)

    def chance(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    keys = torch.randint(30, 90, (n_voices, 1), generator=generator)
    conditions = {
        "f0_hz": (440 * 2 ** ((keys - 69) / 12)).expand(-1, FRAMES),
        "loudness_db": -45 + 30 * chance(n_voices, 1).expand(-1, FRAMES),
        "onset_s": torch.arange(FRAMES) / 250 + chance(n_voices, 1),
    }
    gain = (chance(n_voices, FRAMES) > 0.1).float()
    return Voices(conditions, gain, torch.arange(n_voices) % n_items)


def _in_order(voices: Voices, order: Tensor) -> Voices:
    conditions = {name: values[order] for name, values in voices.conditions.items()}
    return Voices(conditions, voices.gain[order], voices.item[order])


def test_the_order_of_the_voices_makes_no_difference() -> None:
    # Noise belongs to the voice's number, so it is left out here.
    config = _piano().config.model_copy(update={"synth": _piano().config.synth[:1]})
    torch.manual_seed(3)
    instrument = Instrument(config).eval()
    voices = _voices(16, 1)
    first = play_together(instrument, voices, 1)
    assert first.abs().max() > 1e-3
    for seed in range(3):
        order = torch.randperm(16, generator=torch.Generator().manual_seed(seed))
        other = play_together(instrument, _in_order(voices, order), 1)
        assert (other - first).abs().max() < 1e-6


def test_items_have_their_own_voices_and_one_without_is_silent() -> None:
    instrument, voices = _piano(), _voices(6, 2)
    both = play_together(instrument, voices, 3)
    assert both.shape == (3, FRAMES * HOP)
    assert not both[2].any()
    for item in range(2):
        rows = (voices.item == item).nonzero()[:, 0]
        alone = _in_order(voices, rows)._replace(item=torch.zeros(len(rows), dtype=torch.long))
        dry = play_together(instrument, voices, 3, dry=True)[item : item + 1]
        torch.testing.assert_close(both[item : item + 1], instrument.effects(dry), atol=1e-6, rtol=0)
        assert alone.gain.shape[0] == 3


def _blocks(voices: Voices, voice: int) -> Iterator[dict[str, Tensor]]:
    for block in (slice(0, 7), slice(7, 8), slice(8, FRAMES)):
        named = {name: values[voice : voice + 1, block] for name, values in voices.conditions.items()}
        yield named | {"gain": voices.gain[voice : voice + 1, block]}


def test_together_they_are_what_the_steps_of_each_voice_play() -> None:
    instrument, voices = _piano(), _voices(3, 1)
    total = torch.zeros(1, FRAMES * HOP)
    for v in range(3):
        state, pieces = instrument.init_state(1, 5 + v), []
        for block in _blocks(voices, v):
            audio, state = instrument.step(state=state, dry=True, **block)
            pieces.append(audio)
        total += torch.cat(pieces, dim=1)
    together = play_together(instrument, voices, 1, seed=5)
    torch.testing.assert_close(instrument.effects(total), together, atol=1e-5, rtol=0)


@pytest.mark.skipif(
    not engines(), reason="no compiled runtime: there was no C++ compiler at the installation"
)
def test_together_they_are_what_compiled_streams_of_the_voices_play() -> None:
    instrument, voices = _piano(), _voices(3, 1)
    total = torch.zeros(1, FRAMES * HOP)
    for v in range(3):
        with kernels.use(engines()[0]):
            stream = Stream(instrument, seed=5 + v, dry=True)
        assert stream.compiled
        total += torch.cat([stream.push(**block) for block in _blocks(voices, v)], dim=1)
    together = play_together(instrument, voices, 1, seed=5)
    torch.testing.assert_close(Stream(instrument.effects).push(total), together, atol=1e-5, rtol=0)


def test_effects_that_take_controls_can_not_be_shared() -> None:
    with pytest.raises(InputError, match="shared by its voices"):
        Instrument(InstrumentConfig(effects=(FilterConfig(n_bands=9),), notes=NotesConfig()))
