"""Previews of a run: a piece of the held-out part by the instrument as it is now, and as it was recorded."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import torch
from jaxtyping import Float, Float32, UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave
from torch import Tensor

from oscine.analysis.spectrogram import draw_spectrogram, spectrogram_db
from oscine.files import write_atomically

SOUND, PICTURE = "preview.flac", "preview.png"


class Preview(NamedTuple):
    """The instrument, then the recording."""

    sound: Float32[np.ndarray, " time"]
    sample_rate: int
    """Hz."""
    picture: UInt8[np.ndarray, "height width 3"]
    """Their spectrograms, one above the other."""

    def write(self, folder: Path) -> None:
        """Write `preview.flac` and `preview.png`.

        Raises:
            OSError: When the disk refuses.
        """
        sound, rate = self.sound, self.sample_rate
        write_atomically(folder / SOUND, lambda path: soundfile.write(path, sound, rate, format="FLAC"))
        write_atomically(folder / PICTURE, lambda path: imsave(path, self.picture, format="png"))


def make_preview(
    audio: Float[Tensor, " time"], target: Float[Tensor, " time"], sample_rate: int, step: int
) -> Preview:
    """Return the preview of a step; what is not finite is silent."""
    sounds = [torch.nan_to_num(sound, posinf=0.0, neginf=0.0).clamp(-1, 1) for sound in (audio, target)]
    figure = Figure(figsize=(10, 6))
    figure.subplots_adjust(left=0.08, right=0.98, top=0.94, bottom=0.09, hspace=0.2)
    top_db = max(float(spectrogram_db(sound, sample_rate).max()) for sound in sounds)
    titles = f"instrument, step {step}", "recording"
    for axes, title, sound in zip(figure.subplots(2, 1, sharex=True), titles, sounds, strict=True):
        draw_spectrogram(axes, sound, sample_rate, top_db=top_db)
        axes.set_title(title)
    figure.axes[-1].set_xlabel("time (s)")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Preview(torch.cat(sounds).numpy(), sample_rate, np.asarray(canvas.buffer_rgba())[..., :3].copy())
