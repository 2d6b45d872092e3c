"""Sounds whose controls are known, and patches that are made in a moment."""

import pytest
import torch

from oscine.fitting import Patch, PatchConfig
from oscine.processors import HarmonicConfig, NoiseConfig, ReverbConfig

RATE, HOP = 16_000, 64
SYNTH = (HarmonicConfig(n_harmonics=8), NoiseConfig(n_bands=5))
ROOM = (ReverbConfig(ir_s=0.05),)


def known_patch(n_frames=100, synth=SYNTH, effects=ROOM):
    """Return a patch with a tone of 330 Hz that swells, and quiet noise."""
    config = PatchConfig(
        sample_rate=RATE, hop_length=HOP, n_samples=n_frames * HOP, seed=3, synth=synth, effects=effects
    )
    time_s = torch.arange(n_frames) * HOP / RATE
    swell = 0.3 + 0.1 * torch.sin(2 * torch.pi * 3 * time_s)
    weights = (0.4 / torch.arange(1, 9) ** 1.5).expand(n_frames, -1)
    controls = {
        "f0_hz": torch.full((n_frames,), 330.0),
        "harmonic.amplitude": swell,
        "harmonic.harmonic_distribution": weights.clone(),
        "noise.magnitudes": torch.full((n_frames, 5), 0.01),
    }
    return Patch(config, config.build().eval(), controls)


@pytest.fixture
def patch():
    made = known_patch()
    for parameter in made.instrument.effects.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    made.instrument.requires_grad_(False)
    return made
