"""A small untrained instrument with a room that sounds, for every outlet."""

import torch
from tests.performance.scores import LEARNED

from oscine.models import Instrument, InstrumentConfig
from oscine.models.inputs import F0Config, InputConfig, LoudnessConfig
from oscine.processors import HarmonicConfig, NoiseConfig, Reverb, ReverbConfig

RATE = 16_000


def small_instrument(*inputs: InputConfig, hop_length: int = 64, credit: str = "Somebody") -> Instrument:
    """Return it.

    Args:
        inputs: Further ones, beside pitch and loudness.
        hop_length: Samples per frame.
        credit: For its card.
    """
    torch.manual_seed(0)
    config = InstrumentConfig(
        sample_rate=RATE,
        hop_length=hop_length,
        synth=(HarmonicConfig(n_harmonics=10), NoiseConfig(n_bands=9)),
        effects=(ReverbConfig(ir_s=0.1),),
    )
    config = config.model_copy(update={"inputs": (F0Config(), LoudnessConfig(), *inputs)})
    made = Instrument(config, LEARNED, {"licence": "cc-by-3.0", "credit": credit}).eval()
    ((_, reverb),) = made.effects
    assert isinstance(reverb, Reverb)
    torch.nn.init.normal_(reverb.impulse_response)
    return made
