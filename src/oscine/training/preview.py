"""Previews of a run: the held-out part as it sounds now, beside how it should sound."""

from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

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
    for axes, (title, sound) in zip(
        figure.subplots(2, 1, sharex=True),
        ((f"instrument, step {step}", audio), ("recording", target)),
        strict=True,
    ):
        n_fft = 1 << round(np.log2(sample_rate * 0.05))
        # A hiss far below all that is shown keeps the logarithm finite in digital silence.
        hiss = 1e-7 * np.random.default_rng(0).standard_normal(len(sound))
        axes.specgram(sound + hiss, NFFT=n_fft, Fs=sample_rate, noverlap=n_fft * 3 // 4, vmin=-120, vmax=-20)
        axes.set(title=title, ylabel="frequency (Hz)", ylim=(0, min(sample_rate / 2, 10_000)))
    figure.axes[-1].set_xlabel("time (s)")
    return figure
