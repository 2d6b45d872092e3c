"""Previews of a run: a piece of the held-out part by the instrument as it is now, and as it was recorded."""

from pathlib import Path

import numpy as np
import soundfile
import torch
from jaxtyping import Float, Float32
from matplotlib.figure import Figure
from torch import Tensor

from oscine.analysis.spectrogram import draw_spectrogram, spectrogram_db
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
    sounds = [torch.nan_to_num(sound, posinf=0.0, neginf=0.0) for sound in (audio, target)]
    top_db = max(float(spectrogram_db(sound, sample_rate).max()) for sound in sounds)
    titles = f"instrument, step {step}", "recording"
    for axes, title, sound in zip(figure.subplots(2, 1, sharex=True), titles, sounds, strict=True):
        draw_spectrogram(axes, sound, sample_rate, top_db=top_db)
        axes.set_title(title)
    figure.axes[-1].set_xlabel("time (s)")
    return figure
