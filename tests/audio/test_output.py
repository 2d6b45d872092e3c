"""Files that are written: in time, without clipping, and refused before anything is lost."""

from pathlib import Path

import pytest
import torch

from oscine.audio import read_audio
from oscine.audio.output import AUDIO_OUTPUTS, check_output, write_audio
from oscine.errors import InputError


@pytest.mark.parametrize(("ending", "error"), [(".wav", 2e-7), (".flac", 2e-7), (".mp3", 0.01)])
@pytest.mark.parametrize("sample_rate", [16_000, 44_100])
def test_what_is_written_comes_back_in_time(
    tmp_path: Path, ending: str, error: float, sample_rate: int
) -> None:
    time_s = torch.arange(sample_rate + 77) / sample_rate
    sound = 0.4 * torch.sin(2 * torch.pi * 440 * time_s) * (time_s > 0.5)
    path = tmp_path / f"sound{ending}"
    peak, gain = write_audio(path, iter(sound.split(1000)), sample_rate, len(sound))
    assert gain == 1.0
    assert peak == pytest.approx(float(sound.abs().max()))
    read, rate = read_audio(path)
    assert rate == sample_rate
    assert len(read) == len(sound)
    assert float((torch.from_numpy(read) - sound).square().mean().sqrt()) < error


def test_an_mp3_that_would_clip_is_made_quieter(tmp_path: Path) -> None:
    sound = 3 * torch.sin(torch.arange(16_000) * 0.1)
    _, gain = write_audio(tmp_path / "a.mp3", iter([sound]), 16_000, len(sound))
    assert gain == pytest.approx(0.999 / 3, rel=1e-3)
    assert abs(read_audio(tmp_path / "a.mp3")[0]).max() < 1.05


def test_an_mp3_says_which_rates_it_can_have(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"An MP3 can't have 96000 Hz, only 8 000, .* write .wav or .flac"):
        write_audio(tmp_path / "a.mp3", iter([torch.zeros(10)]), 96_000, 10)
    assert not list(tmp_path.iterdir())


def test_an_output_has_a_known_ending(tmp_path: Path) -> None:
    for ending in AUDIO_OUTPUTS:
        check_output(tmp_path / f"a{ending}", tmp_path / "b.wav")
    with pytest.raises(InputError, match=r"must end in .wav, .flac or .mp3\."):
        check_output(tmp_path / "a.ogg", tmp_path / "b.wav")
