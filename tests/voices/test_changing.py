"""A voice that is changed: its pitch, its formants and its noise, each alone, measured by Praat."""

import json
import math
from pathlib import Path

import numpy as np
import parselmouth
import pytest
import soundfile
import torch

from oscine.cli.main import main
from oscine.functional import envelope_grid_hz, envelope_oscillator, stft_magnitude
from oscine.models import Instrument, load_recipe
from oscine.voices import VoiceChange, analyze_voice, change_voice, voice_bands

RATE = 16_000
FORMANTS_HZ = (650.0, 1150.0, 2600.0, 3500.0)


@pytest.fixture(scope="module")
def vowel() -> torch.Tensor:
    """Two seconds of a synthetic vowel that glides from 105 to 135 Hz."""
    grid = envelope_grid_hz(voice_bands(RATE), RATE)
    z = torch.exp(-2j * math.pi * grid / RATE)
    response = torch.ones_like(z)
    for hz, width in zip(FORMANTS_HZ, (80.0, 90.0, 120.0, 150.0), strict=True):
        pole = math.exp(-math.pi * width / RATE) * np.exp(2j * math.pi * hz / RATE)
        response = response / ((1 - pole * z) * (1 - np.conj(pole) * z))
    density_db = (-95 + 20 * torch.log10(response.abs()) - 6 * (grid / 500).clamp(min=1.0).log2()).float()
    f0_hz = torch.linspace(105, 135, 400)
    curves = density_db.expand(1, 400, -1)
    return envelope_oscillator(
        f0_hz[None],
        curves,
        torch.full_like(curves, -30.0),
        n_partials=80,
        n_noise_bands=257,
        sample_rate=RATE,
        hop_length=80,
    )[0]


def _praat(audio: torch.Tensor) -> tuple[float, list[float]]:
    """Return the median pitch and the first three formants, Hz."""
    sound = parselmouth.Sound(audio.double().numpy(), RATE)
    pitch = sound.to_pitch().selected_array["frequency"]
    formants = sound.to_formant_burg(maximum_formant=4500.0, max_number_of_formants=4)
    times = np.linspace(0.3, 1.7, 50)
    return float(np.median(pitch[pitch > 0])), [
        float(np.median([formants.get_value_at_time(k, t) for t in times])) for k in (1, 2, 3)
    ]


def _cents(a: float, b: float) -> float:
    return 1200 * math.log2(a / b)


@pytest.mark.parametrize("semitones", [-5.0, 3.5, 12.0])
def test_the_pitch_moves_and_the_formants_stay(vowel: torch.Tensor, semitones: float) -> None:
    pitch, formants = _praat(vowel)
    audio, rate = change_voice((vowel.numpy(), RATE), VoiceChange(pitch=semitones))
    moved, kept = _praat(audio)
    assert (rate, len(audio)) == (RATE, len(vowel))
    assert abs(_cents(moved, pitch) - 100 * semitones) < 10
    if semitones < 6:  # at 240 Hz Praat reads partials as formants
        assert np.allclose(kept, formants, rtol=0.05)


@pytest.mark.parametrize("factor", [0.85, 1.2])
def test_the_formants_move_and_the_pitch_stays(vowel: torch.Tensor, factor: float) -> None:
    pitch, formants = _praat(vowel)
    audio, _ = change_voice((vowel.numpy(), RATE), VoiceChange(formant=factor))
    kept, moved = _praat(audio)
    assert abs(_cents(kept, pitch)) < 5
    assert np.allclose(moved, np.array(formants) * factor, rtol=0.05)
    assert 10 * math.log10(audio.square().mean() / vowel.square().mean()) == pytest.approx(0, abs=1.5)


def test_without_intonation_a_voice_is_monotonous(vowel: torch.Tensor) -> None:
    audio, _ = change_voice((vowel.numpy(), RATE), VoiceChange(intonation=0.0))
    pitch = parselmouth.Sound(audio.double().numpy(), RATE).to_pitch().selected_array["frequency"]
    pitch = pitch[pitch > 0]
    assert _cents(float(np.quantile(pitch, 0.95)), float(np.quantile(pitch, 0.05))) < 10
    assert abs(_cents(float(np.median(pitch)), math.sqrt(105 * 135))) < 20


def test_breath_turns_partials_into_noise_of_the_same_power(vowel: torch.Tensor) -> None:
    audio, _ = change_voice((vowel.numpy(), RATE), VoiceChange(breath_db=60.0))
    voiced, breathy = (
        float(np.median(parselmouth.Sound(x.double().numpy(), RATE).to_harmonicity().values[0, 20:-20]))
        for x in (vowel, audio)
    )
    assert voiced > 15
    assert breathy < 5
    assert 10 * math.log10(audio.square().mean() / vowel.square().mean()) == pytest.approx(0, abs=1.5)


def test_no_change_is_a_copy(vowel: torch.Tensor) -> None:
    audio, _ = change_voice((vowel.numpy(), RATE))
    spectra = [stft_magnitude(x, 512) for x in (vowel, audio)]
    distance = (spectra[0].clamp(min=1e-4).log10() - spectra[1].clamp(min=1e-4).log10()).abs().mean()
    assert 20 * float(distance) < 2.5


def test_a_long_recording_is_the_same_in_pieces(vowel: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    long = vowel.repeat(3)
    whole, _ = change_voice((long.numpy(), RATE), VoiceChange(pitch=2.0))
    monkeypatch.setattr("oscine.voices.voice._PIECE_S", 1.3)
    pieces, _ = change_voice((long.numpy(), RATE), VoiceChange(pitch=2.0))
    torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-3)


def test_a_voice_plays_itself(vowel: torch.Tensor) -> None:
    voice = analyze_voice((vowel.numpy(), RATE))
    copy, _ = change_voice((vowel.numpy(), RATE))
    torch.testing.assert_close(voice.play()[: len(copy)], copy, rtol=0, atol=1e-3)


def test_a_vocoder_without_training_is_plain_synthesis(vowel: torch.Tensor) -> None:
    config = load_recipe("voice").instrument.model_copy(update={"sample_rate": RATE, "hop_length": 80})
    vocoder = Instrument(config)
    with torch.no_grad():
        for parameter in vocoder.controller.head.parameters():
            parameter.zero_()
    plain, _ = change_voice((vowel.numpy(), RATE), VoiceChange(pitch=2.0))
    audio, _ = change_voice((vowel.numpy(), RATE), VoiceChange(pitch=2.0), vocoder=vocoder)
    assert 10 * math.log10((audio - plain).square().mean() / plain.square().mean()) < -15


def test_the_command_writes_a_file_and_says_what_it_did(
    vowel: torch.Tensor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "in.wav", tmp_path / "out.wav"
    soundfile.write(source, vowel.numpy(), RATE)
    with pytest.raises(SystemExit) as end:
        main(["voice", str(source), "--pitch", "4", "-o", str(out), "--json"])
    assert end.value.code == 0
    report = json.loads(capsys.readouterr().out)
    assert _cents(report["f0_hz"][1], report["f0_hz"][0]) == pytest.approx(400, abs=1)
    assert soundfile.info(out).frames == len(vowel)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--formant", "0"], "formant"),
        (["--pitch", "nan"], "pitch"),
        (["--vocoder", "violin"], "recipe voice"),
    ],
)
def test_what_no_voice_does_is_one_sentence(
    vowel: torch.Tensor, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    source, out = tmp_path / "in.wav", tmp_path / "out.wav"
    soundfile.write(source, vowel.numpy(), RATE)
    with pytest.raises(SystemExit) as end:
        main(["voice", str(source), *arguments, "-o", str(out)])
    said = capsys.readouterr().err
    assert end.value.code == 2
    assert words in said
    assert "Traceback" not in said
    assert not out.exists()
