"""Previews of a run: a piece of the held-out part by the instrument as it is now, and as it was recorded."""

from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float, Float32
from matplotlib.figure import Figure
from torch import Tensor

from oscine.files import write_atomically

SOUND, PICTURE = "preview.flac", "preview.png"


def write_preview(
    folder: Path, audio: Float[Tensor, " time"], target: Float[Tensor, " time"], sample_rate: int, step: int
) -> None:
    """Write `preview.flac` (instrument, then recording) and `preview.png`.

    Raises:
        OSError: When the disk refuses.
    """
    sound = preview_sound(audio, target)
    write_atomically(folder / SOUND, lambda path: soundfile.write(path, sound, sample_rate, format="FLAC"))
    figure = preview_figure(audio, target, sample_rate, step)
    write_atomically(folder / PICTURE, lambda path: figure.savefig(path, format="png"))


def preview_sound(
    audio: Float[Tensor, " time"], target: Float[Tensor, " time"]
) -> Float32[np.ndarray, " longer"]:
    """Return the instrument's sound and then the recording's; what is not finite is silent."""
    return np.nan_to_num(np.concatenate([audio.numpy(), target.numpy()]), posinf=0.0, neginf=0.0).clip(-1, 1)


def preview_figure(
    audio: Float[Tensor, " time"], target: Float[Tensor, " time"], sample_rate: int, step: int
) -> Figure:
    """Return the spectrograms of both, one above the other."""
    figure = Figure(figsize=(10, 6), layout="constrained")
    sounds = ((f"instrument, step {step}", audio), ("recording", target))
    for axes, (title, sound) in zip(figure.subplots(2, 1, sharex=True), sounds, strict=True):
        n_fft = 1 << round(np.log2(sample_rate * 0.05))
        # A hiss far below all that is shown keeps the logarithm finite in digital silence.
        hiss = 1e-7 * np.random.default_rng(0).standard_normal(len(sound))
        samples = np.nan_to_num(sound.numpy(), posinf=0.0, neginf=0.0).clip(-1, 1) + hiss
        axes.specgram(samples, NFFT=n_fft, Fs=sample_rate, noverlap=n_fft * 3 // 4, vmin=-120, vmax=-20)
        axes.set(title=title, ylabel="frequency (Hz)", ylim=(0, min(sample_rate / 2, 10_000)))
    figure.axes[-1].set_xlabel("time (s)")
    return figure
