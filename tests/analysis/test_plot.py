"""The picture: it is written, and what it must show is in its pixels."""

import numpy as np
import pytest
from matplotlib.image import imread
from tests.analysis.tones import vibrato_tone

from oscine.analysis import analyze, plot_features

CYAN = np.array([0x7F, 0xF0, 0xFF]) / 255


def pitch_pixels(path):
    picture = imread(path)[..., :3]
    return np.argwhere(np.abs(picture - CYAN).max(-1) < 0.05), picture.shape


def test_the_pitch_is_drawn_at_its_height_and_only_where_there_is_one(tmp_path):
    audio = np.concatenate([np.zeros(16000), vibrato_tone(200.0)[0], np.zeros(16000)]).astype(np.float32)
    plot_features(audio, 16000, analyze(audio, 16000), tmp_path / "low.png", title="a tone")
    higher = np.concatenate([np.zeros(16000), vibrato_tone(1600.0)[0], np.zeros(16000)]).astype(np.float32)
    plot_features(higher, 16000, analyze(higher, 16000), tmp_path / "high.png", title="a tone")
    low, shape = pitch_pixels(tmp_path / "low.png")
    high, _ = pitch_pixels(tmp_path / "high.png")
    # The legend shows the colour too, in the upper right corner.
    low, high = (found[found[:, 1] < 0.8 * shape[1]] for found in (low, high))
    assert len(low) > 200
    assert np.median(low[:, 0]) > np.median(high[:, 0]) + 50
    left, right = low[:, 1].min() / shape[1], low[:, 1].max() / shape[1]
    assert 0.2 < left < 0.35
    assert 0.65 < right < 0.8


@pytest.mark.parametrize("n_samples", [1, 40, 5000])
@pytest.mark.parametrize("level", [0.0, 0.3])
def test_short_and_silent_sounds_have_a_picture(tmp_path, n_samples, level):
    audio = np.full((2, n_samples), level)
    plot_features(audio, 44100, analyze(audio, 44100), tmp_path / "new folder" / "out.png")
    assert (tmp_path / "new folder" / "out.png").read_bytes().startswith(b"\x89PNG")
