"""The map from one voice to another: its statistics, its limits, its files."""

import inspect
import json

import pytest
import soundfile
import torch

from oscine.analysis import VOICED, analyze
from oscine.cli.main import main
from oscine.errors import InputError
from oscine.voices import Conversion, Voice, VoiceStatistics, convert_voice, voice_statistics
from oscine.voices.conversion import transport
from oscine.voices.heard import is_coded
from oscine.voices.pitch import PitchMap, transposition
from oscine.voices.statistics import several_sounds, voicedness

RATE, HOP, BANDS = 16_000, 80, 80


def covariance(seed: int, n: int = BANDS) -> torch.Tensor:
    root = torch.randn(n, n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return root @ root.T / n + 0.1 * torch.eye(n, dtype=torch.float64)


def statistics(pitch: float, tilt_db: float, seed: int) -> VoiceStatistics:
    mean = torch.linspace(tilt_db, -tilt_db, BANDS)
    both = covariance(seed).float() * 30
    return VoiceStatistics(pitch, 2.0, torch.stack([mean, -mean]), torch.stack([both, both]), 30.0, RATE)


def spoken(f0_hz: float, formant_hz: float, seconds: float = 3.0, seed: int = 0) -> torch.Tensor:
    """Return a voice that glides about a pitch, with one formant that moves by 10 %."""
    n = round(seconds * RATE / HOP)
    turns = torch.arange(n) * HOP / RATE
    pitch = f0_hz * 2 ** (torch.sin(2 * torch.pi * 2 * turns) * 2 / 12)
    mel = torch.linspace(0, 2840, BANDS)
    hz = 700 * (10 ** (mel / 2595) - 1)
    centre = formant_hz * (1 + 0.1 * torch.sin(2 * torch.pi * 3 * turns))[:, None]
    density = -70 - 12 * torch.log2(1 + hz / 500) + 20 * torch.exp(-(((hz - centre) / 250) ** 2))
    return Voice(pitch, density, torch.full_like(density, -25.0), RATE, HOP).play(seed=seed)


def test_transport_gives_one_covariance_the_other():
    source, target = covariance(1), covariance(2)
    matrix = transport(source, target)
    torch.testing.assert_close(matrix @ source @ matrix, target, rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(matrix, matrix.T, rtol=1e-8, atol=1e-9)
    a, b = torch.rand(5).double() + 0.1, torch.rand(5).double() + 0.1
    torch.testing.assert_close(transport(torch.diag(a), torch.diag(b)), torch.diag((b / a).sqrt()))


def test_the_mapped_envelope_has_the_target_mean_and_the_source_level():
    source, target = statistics(84.0, 10.0, 1), statistics(90.0, -5.0, 2)
    noise = torch.randn(4000, BANDS) * 4
    density = source.mean_db[0] - 60 + noise
    voice = Voice(torch.full((4000,), 150.0), density, torch.full_like(density, -40.0), RATE, HOP)
    assert bool((voicedness(voice) > 0.99).all())
    changed = Conversion(source, target).apply(voice, voice.f0_hz)
    shape = changed.density_db - changed.density_db.mean(1, keepdim=True)
    torch.testing.assert_close(shape.mean(0), target.mean_db[0], atol=0.6, rtol=0)
    power = [(10 ** (one.density_db / 10) * torch.gradient(grid())[0]).sum(1) for one in (voice, changed)]
    torch.testing.assert_close(power[1], power[0], rtol=1e-3, atol=0)


def grid() -> torch.Tensor:
    from oscine.functional import envelope_grid_hz

    return envelope_grid_hz(BANDS, RATE).float()


def test_no_strength_and_the_same_voice_change_nothing():
    source, target = statistics(84.0, 10.0, 1), statistics(90.0, -5.0, 2)
    density = torch.randn(50, BANDS) * 5 - 60
    voice = Voice(torch.full((50,), 150.0), density, torch.randn(50, BANDS) * 10, RATE, HOP)
    for conversion in (Conversion(source, target, 0.0), Conversion(source, source)):
        torch.testing.assert_close(
            conversion.apply(voice, voice.f0_hz).density_db, density, atol=2e-2, rtol=0
        )


def test_a_converted_voice_has_the_pitch_and_the_formant_of_the_target():
    source, target = spoken(120.0, 1200.0), spoken(190.0, 1800.0, seed=1)
    audio, rate = convert_voice((source, RATE), (target, RATE))
    assert (rate, len(audio)) == (RATE, len(source))
    features, goal = analyze(audio, RATE), analyze(target, RATE)
    pitch = [torch.log2(f.f0_hz[f.confidence >= VOICED]).mean() * 12 for f in (features, goal)]
    assert abs(float(pitch[0] - pitch[1])) < 0.3
    peaks = []
    for one in (audio, target):
        spectrum = torch.fft.rfft(one).abs().square()
        hz = torch.fft.rfftfreq(len(one), 1 / RATE)
        near = (hz > 900) & (hz < 2600)
        peaks.append(float((spectrum * hz)[near].sum() / spectrum[near].sum()))
    assert abs(peaks[0] - peaks[1]) < 120


def test_a_silent_recording_does_not_change_the_statistics():
    voice, hiss = 10 * spoken(120.0, 1200.0), torch.randn(3 * RATE) * 1e-5
    alone = voice_statistics((voice, RATE))
    both = voice_statistics([(voice, RATE), (hiss, RATE)])
    assert both.seconds == alone.seconds
    torch.testing.assert_close(both.mean_db, alone.mean_db, atol=1e-4, rtol=0)


def test_statistics_refuse_what_is_no_voice():
    with pytest.raises(InputError, match="voiced speech"):
        voice_statistics((torch.zeros(RATE), RATE))
    with pytest.raises(InputError, match="no recording"):
        voice_statistics([])
    a = statistics(84.0, 10.0, 1)
    with pytest.raises(InputError, match="one rate"):
        Conversion(a, VoiceStatistics(84.0, 2.0, a.mean_db, a.covariance, 1.0, 48_000))
    with pytest.raises(InputError, match="0 to 1"):
        Conversion(a, a, 1.5)


def test_the_command_writes_a_file_and_never_over_a_target(tmp_path, capsys):
    source, target = tmp_path / "source.wav", tmp_path / "target.wav"
    soundfile.write(source, spoken(120.0, 1200.0, 1.5).numpy(), RATE)
    soundfile.write(target, spoken(190.0, 1800.0, 1.5).numpy(), RATE)
    with pytest.raises(SystemExit) as ended:
        main(["convert", str(source), "--like", str(target), "-o", str(tmp_path / "out.wav"), "--json"])
    assert ended.value.code == 0
    report = json.loads(capsys.readouterr().out)
    assert report["f0_hz"][1] > 1.4 * report["f0_hz"][0]
    assert soundfile.info(tmp_path / "out.wav").frames == soundfile.info(source).frames
    before = target.read_bytes()
    with pytest.raises(SystemExit) as ended:
        main(["convert", str(source), "--like", str(target), "-o", str(target)])
    assert ended.value.code == 2
    assert target.read_bytes() == before


def melody(degrees: list[int], f0_hz: float, formant_hz: float) -> torch.Tensor:
    """Return sung notes, semitones above a pitch, half a second each with a little vibrato."""
    steps = torch.tensor(degrees, dtype=torch.float32).repeat_interleave(RATE // HOP // 2)
    turns = torch.arange(len(steps)) * HOP / RATE
    pitch = f0_hz * torch.exp2((steps + 0.3 * torch.sin(2 * torch.pi * 5.5 * turns)) / 12)
    hz = grid()
    density = -70 - 12 * torch.log2(1 + hz / 500) + 20 * torch.exp(-(((hz - formant_hz) / 250) ** 2))
    density = density + 4 * torch.sin(2 * torch.pi * 1.7 * turns)[:, None] * torch.cos(hz / 900)
    return Voice(pitch, density, torch.full_like(density, -25.0), RATE, HOP).play()


@pytest.mark.parametrize(("transpose", "semitones"), [(0.0, 0.0), (-5.0, -5.0), ("octaves", -12.0)])
def test_a_transposed_melody_keeps_its_intervals(transpose, semitones):
    sung, target = melody([0, 4, 7, 12, 7, 5, 0], 220.0, 1000.0), spoken(125.0, 1600.0, seed=1)
    audio, _ = convert_voice((sung, RATE), (target, RATE), transpose=transpose)
    before, after = analyze(sung, RATE), analyze(audio, RATE)
    tonal = (before.confidence >= VOICED) & (after.confidence >= VOICED)
    assert float(tonal.float().mean()) > 0.9
    moved = 12 * torch.log2(after.f0_hz / before.f0_hz)[tonal]
    assert float((moved - semitones).abs().median()) < 0.1
    assert float(((moved - semitones).abs() < 0.5).float().mean()) > 0.95


def test_without_a_transposition_the_melody_gets_the_targets_spread():
    sung, target = melody([0, 4, 7, 12, 7, 5, 0], 220.0, 1000.0), spoken(125.0, 1600.0, seed=1)
    audio, _ = convert_voice((sung, RATE), (target, RATE))
    before, after, aim = (
        12 * torch.log2(f.f0_hz[f.confidence >= VOICED])
        for f in (analyze(sung, RATE), analyze(audio, RATE), analyze(target, RATE))
    )
    assert float(before.std()) > 3.5
    assert abs(float(after.std() - aim.std())) < 0.3


def test_what_is_no_sound_is_refused_by_its_reader():
    assert inspect.unwrap(several_sounds)(5) == [5]
    assert not inspect.unwrap(is_coded)([0.1, 0.2])


def test_a_transposition_out_of_range_is_refused():
    a = statistics(84.0, 10.0, 1)
    for wrong in (float("nan"), 49.0, -48.5):
        with pytest.raises(InputError, match="transposition"):
            Conversion(a, a, transpose=wrong)
    with pytest.raises(InputError, match="octaves"):
        transposition("fifth")
    with pytest.raises(InputError, match="or octaves"):
        inspect.unwrap(PitchMap.__init__)(object.__new__(PitchMap), a, a, 1.0, "octave")
    assert (transposition("octaves"), transposition("-5")) == ("octaves", -5.0)
    up = statistics(84.0 + 17.0, 10.0, 1)
    assert Conversion(a, up, transpose="octaves").transpose == 12.0
