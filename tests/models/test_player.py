"""The compiled player is the instrument's `step`, for whatever sizes and however the frames are cut."""

import copy
from collections.abc import Iterator

import pytest
import torch

from oscine import kernels
from oscine.kernels.library import INSTRUCTION_SETS
from oscine.models import Instrument, InstrumentConfig, load_recipe
from oscine.networks import ControllerConfig
from oscine.processors import Stream

COMPILED = [name for name in kernels.available() if name in INSTRUCTION_SETS]
pytestmark = pytest.mark.skipif(
    not COMPILED, reason="no compiled kernels: there was no C++ compiler when the package was installed"
)

SIZES = {
    "odd sizes": ({"hidden_size": 7, "mlp_size": 5, "n_mlp_layers": 2}, 33, 9, 9, 0.05),
    "no dense layers": ({"hidden_size": 33}, 64, 30, 65, 0.2),
    "no room": ({"hidden_size": 16, "mlp_size": 16, "n_mlp_layers": 1}, 48, 101, 17, 0.0),
    "a room of exactly three segments": ({"hidden_size": 16}, 100, 3, 2, 1536 / 16_000),
    "a room of a tap more": ({"hidden_size": 16}, 100, 3, 2, 1537 / 16_000),
    "a hop of one sample": ({"hidden_size": 4}, 1, 2, 5, 0.01),
    "a hop longer than a segment": ({"hidden_size": 4}, 1200, 40, 33, 0.3),
}


@pytest.fixture(autouse=True)
def _compiled() -> Iterator[None]:
    """Whatever OSCINE_KERNEL says."""
    with kernels.use(COMPILED[0]):
        yield


def _instrument(name: str) -> Instrument:
    controller, hop, n_harmonics, n_bands, reverb_s = SIZES[name]
    config = InstrumentConfig(
        sample_rate=16_000,
        hop_length=hop,
        n_harmonics=n_harmonics,
        n_noise_bands=n_bands,
        reverb_s=reverb_s,
        controller=ControllerConfig.model_validate(controller),
    )
    return _loud(Instrument(config))


def _loud(instrument: Instrument) -> Instrument:
    """Let every branch be heard."""
    if instrument.room is not None:
        torch.nn.init.normal_(instrument.room.impulse_response, std=0.1)
    with torch.no_grad():
        instrument.controller.head.weight.mul_(4)
        instrument.controller.head.bias[1 + instrument.config.n_harmonics :] += 4
    return instrument.eval()


def _melody(n_frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    return 60 + 900 * torch.rand(1, n_frames), -60 + 50 * torch.rand(1, n_frames)


def _streamed(instrument: Instrument, melody: tuple[torch.Tensor, torch.Tensor], block: int) -> torch.Tensor:
    stream = Stream(instrument)
    assert stream._player is not None
    parts = zip(*(x.split(block, 1) for x in melody), strict=True)
    return torch.cat([stream.push(*part) for part in parts], dim=1)


@pytest.mark.parametrize("form", COMPILED)
@pytest.mark.parametrize("name", SIZES)
def test_it_is_the_step(name: str, form: str) -> None:
    instrument = _instrument(name)
    melody = _melody(70)
    with torch.no_grad():
        whole = instrument(*melody)
    with kernels.use(form):
        for block in (1, 7, 70):
            ours = _streamed(instrument, melody, block)
            torch.testing.assert_close(ours, whole, rtol=0, atol=1e-5 * max(1.0, whole.abs().max().item()))


@pytest.mark.parametrize("recipe", ["tiny", "default"])
def test_presets_play_a_minute_without_drifting(recipe: str) -> None:
    instrument = _loud(Instrument(load_recipe(recipe, {"instrument.sample_rate": 16_000}).instrument))
    melody = _melody(3000)
    with torch.no_grad():
        whole = instrument(*melody)
    error = (_streamed(instrument, melody, 1) - whole)[:, -16_000:]
    assert 10 * torch.log10(whole[:, -16_000:].square().sum() / error.square().sum()) > 90


def test_reset_begins_again_with_the_weights_of_now() -> None:
    instrument, melody = _instrument("no dense layers"), _melody(20)
    stream = Stream(instrument)
    first = stream.push(*melody)
    stream.reset()
    torch.testing.assert_close(stream.push(*melody), first, rtol=0, atol=0)
    with torch.no_grad():
        instrument.controller.head.bias.add_(1.0)
    stream.reset()
    assert not torch.allclose(stream.push(*melody), first)


def test_the_seed_is_the_noises() -> None:
    instrument, melody = _instrument("no dense layers"), _melody(20)
    for seed in (1, 2**40 + 3):
        player = instrument.player(seed)
        assert player is not None
        torch.testing.assert_close(player(*melody), instrument(*melody, seed=seed), rtol=0, atol=1e-5)


def test_frames_that_do_not_belong_together_are_refused() -> None:
    player = _instrument("no room").player()
    assert player is not None
    with pytest.raises(ValueError, match="as many frames"):
        player(torch.ones(1, 3), torch.ones(1, 2))


def test_what_it_can_not_play_streams_by_step() -> None:
    assert Stream(_instrument("no room").double())._player is None
    assert Stream(_instrument("no room"), batch_size=2)._player is None
    with kernels.use("torch"):
        assert Stream(_instrument("no room"))._player is None


def test_an_instrument_of_someone_elses_streams_by_its_own_step() -> None:
    class Silent(Instrument):
        def step(self, f0_hz, loudness_db, conditions=None, *, state, dry=False):
            audio, after = super().step(f0_hz, loudness_db, conditions, state=state, dry=dry)
            return 0 * audio, after

    silent = Silent(_instrument("no room").config)
    assert torch.count_nonzero(Stream(silent).push(*_melody(3))) == 0


def test_a_player_is_not_copied() -> None:
    with pytest.raises(TypeError, match="can't be copied"):
        copy.deepcopy(_instrument("no room").player())


def test_a_player_does_not_mind_the_default_precision() -> None:
    instrument, melody = _instrument("no dense layers"), _melody(20)
    expected = Stream(instrument).push(*melody)
    torch.set_default_dtype(torch.float64)
    try:
        torch.testing.assert_close(Stream(instrument).push(*melody), expected, rtol=0, atol=0)
    finally:
        torch.set_default_dtype(torch.float32)
