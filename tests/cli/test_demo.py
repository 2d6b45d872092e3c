"""The demo, in a very short form: the loop runs, the page says what was measured, a second run goes on."""

import json
import re

import numpy as np
import pytest
import soundfile
import torch
import typer
from typer.testing import CliRunner

from oscine import recordings
from oscine.analysis import analyze
from oscine.cli import demonstration
from oscine.cli.demo import demo
from oscine.cli.demonstration import PAGE, demonstrate, follows
from oscine.errors import InputError

RATE, HOP = 16_000, 64


@pytest.fixture(scope="module")
def short_violin(tmp_path_factory):
    """45 s of the violin: enough that it is not refused."""
    folder = tmp_path_factory.mktemp("violin")
    audio, sample_rate = soundfile.read(recordings.path("violin") / "movement_6.flac", stop=45 * RATE)
    soundfile.write(folder / "short.flac", audio, sample_rate)
    return folder


@pytest.fixture
def short_demo(monkeypatch, short_violin):
    """Makes everything that takes long short: what is learned from, what is held out, what is played."""
    monkeypatch.setattr(demonstration, "HELD_OUT_S", 6.0)
    monkeypatch.setattr(demonstration, "_MELODIES", {"trumpet": "A trumpet"})
    place = recordings.path
    monkeypatch.setattr(recordings, "path", lambda name: short_violin if name == "violin" else place(name))


def test_the_loop_ends_with_a_page_and_is_not_repeated(tmp_path, short_demo):
    folder = tmp_path / "demo [/red]"  # no markup
    app = typer.Typer()
    app.command()(demo)
    run = CliRunner().invoke(app, ["--steps", "2", "--out", str(folder)], catch_exceptions=False)
    assert run.exit_code == 0
    page = folder / PAGE
    assert run.stdout.strip().endswith(str(page))

    html = page.read_text(encoding="utf-8")
    assert len(re.findall('src="data:audio/mpeg;base64,', html)) >= 4
    assert html.count("<svg ") == 4
    assert html.count("<audio") == len(
        re.findall('<audio controls preload="metadata" aria-label="[^"]', html)
    )
    assert page.stat().st_size < 2_000_000
    assert not re.findall('(?:src|href)="(?!data:|#)', html), "the page loads nothing"
    for credit in ("John Garner", "vocadito", "Mihai Sorohan"):
        assert credit in html
    figures = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    assert f"{figures['instrument']['spectral_loss']:.3f}" in html
    played, sample_rate = soundfile.read(folder / "trumpet.wav")
    assert sample_rate == RATE
    assert len(played) == pytest.approx(RATE * soundfile.info(recordings.path("trumpet")).duration, abs=2)

    bundled, sample_rate = soundfile.read(folder / "trumpet-violin-of-the-package.wav")
    assert sample_rate == 44_100
    assert np.abs(bundled).max() > 0.05
    assert "an instrument that comes with Oscine" in html

    weights = (folder / "instrument" / "model.safetensors").read_bytes()
    demonstrate(folder, steps=2)
    assert (folder / "instrument" / "model.safetensors").read_bytes() == weights


def test_an_earlier_demo_with_other_settings_is_refused_with_what_to_do(tmp_path, short_demo, monkeypatch):
    demonstrate(tmp_path / "demo", steps=1)
    monkeypatch.setattr(demonstration, "RECIPE", "default")
    with pytest.raises(InputError, match="--out"):
        demonstrate(tmp_path / "demo", steps=1)


def _glide(octave: int = 0, cents: float = 0.0, swell_db: float = 20.0) -> torch.Tensor:
    """Two seconds of a gliding tone that swells, with some harmonics."""
    time = np.arange(2 * RATE) / RATE
    f0_hz = 300.0 * 2.0 ** (0.25 * time + octave + cents / 1200)
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE
    level = 0.02 * 10 ** (swell_db / 20 * np.sin(np.pi * time / 2))
    return torch.from_numpy(level * sum(np.sin(k * phase) / k for k in range(1, 6))).float()


def test_following_is_measured_in_cents_and_by_correlation():
    melody = analyze(_glide(), RATE, HOP)
    cents, correlation = follows(melody, analyze(_glide(octave=1, cents=30.0), RATE, HOP), octave=1)
    assert cents == pytest.approx(30.0, abs=3.0)
    assert correlation > 0.99
    _, opposite = follows(melody, analyze(_glide(swell_db=-20.0), RATE, HOP), octave=0)
    assert opposite < -0.9


def test_silence_cannot_be_followed():
    silence = analyze(torch.zeros(RATE), RATE, HOP)
    with pytest.raises(InputError, match="no confident pitch"):
        follows(silence, silence, 0)
