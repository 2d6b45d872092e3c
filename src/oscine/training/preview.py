"""Previews of a run: the held-out part as it sounds now, beside how it should sound."""

from pathlib import Path

import numpy as np
import soundfile
import torch
from jaxtyping import Float
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from oscine.analysis.spectrogram import draw_spectrogram, spectrogram_db
from oscine.files import write_atomically


def write_preview(
    folder: Path,
    audio: Float[Tensor, " time"],
    target: Float[Tensor, " time"],
    sample_rate: int,
    step: int,
    writer: SummaryWriter | None,
) -> None:
    """Write `preview.flac` (instrument, then recording) and `preview.png`, and both to TensorBoard."""
    sound = np.concatenate([audio.cpu().numpy(), target.cpu().numpy()]).clip(-1, 1)
    write_atomically(
        folder / "preview.flac", lambda path: soundfile.write(path, sound, sample_rate, format="FLAC")
    )
    figure = _spectrograms(audio.cpu().numpy(), target.cpu().numpy(), sample_rate, step)
    write_atomically(folder / "preview.png", lambda path: figure.savefig(path, format="png"))
    if writer is not None:
        writer.add_audio("preview", sound, step, sample_rate)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        writer.add_image("preview", np.asarray(canvas.buffer_rgba())[..., :3], step, dataformats="HWC")


def _spectrograms(audio: np.ndarray, target: np.ndarray, sample_rate: int, step: int) -> Figure:
    figure = Figure(figsize=(10, 6), layout="constrained")
    sounds = torch.from_numpy(audio), torch.from_numpy(target)
    top_db = max(float(spectrogram_db(sound, sample_rate).max()) for sound in sounds)
    for axes, (title, sound) in zip(
        figure.subplots(2, 1, sharex=True),
        zip((f"instrument, step {step}", "recording"), sounds, strict=True),
        strict=True,
    ):
        draw_spectrogram(axes, sound, sample_rate, top_db=top_db)
        axes.set_title(title)
    figure.axes[-1].set_xlabel("time (s)")
    return figure
