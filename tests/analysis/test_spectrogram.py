"""The picture's levels are those of the sound."""

import math

import pytest
import torch
from matplotlib.figure import Figure

from oscine.analysis.spectrogram import draw_spectrogram, spectrogram_db


@pytest.mark.parametrize("sample_rate", [16000, 44100])
def test_a_full_scale_sine_reads_0_db_at_its_frequency(sample_rate: int) -> None:
    sine = torch.sin(2 * math.pi * 1000 * torch.arange(sample_rate) / sample_rate)
    level_db = spectrogram_db(sine, sample_rate)
    column = level_db[len(level_db) // 2]
    assert float(column.max()) == pytest.approx(0.0, abs=1.5)  # a Hann window loses 1.4 dB between two bins
    assert int(column.argmax()) / (len(column) - 1) * sample_rate / 2 == pytest.approx(1000, abs=10)


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize("n_samples", [1, 100, 16000])
def test_any_sound_can_be_drawn_where_it_lies_in_time(n_samples: int, logarithmic: bool) -> None:
    axes = Figure().subplots()
    draw_spectrogram(axes, torch.zeros(n_samples), 16000, start_s=2.0, logarithmic=logarithmic)
    axes.figure.canvas.draw()
    assert axes.get_xlim() == pytest.approx((2.0, 2.0 + max(n_samples / 16000, 1e-3)))
