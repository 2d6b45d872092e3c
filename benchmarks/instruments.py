"""Every recipe as a stream and as a whole: the cost of a block, and how much faster than real time."""

from collections.abc import Callable

import torch

from benchmarks.measure import measure, signal_to_noise_db, table
from oscine.models import Instrument, list_recipes, load_recipe
from oscine.processors import Stream

BLOCK_FRAMES = 1


def _instrument(name: str) -> Instrument:
    torch.manual_seed(0)
    return Instrument(load_recipe(name).instrument).eval()


def _melody(instrument: Instrument, quick: bool) -> tuple[torch.Tensor, torch.Tensor]:
    n_frames = round((0.2 if quick else 4.0) * instrument.sample_rate / instrument.hop_length)
    time = torch.arange(n_frames, dtype=torch.float32).unsqueeze(0)
    return 440.0 * torch.exp2(torch.sin(time / 40) / 12), -30.0 + 10.0 * torch.sin(time / 90)


class Whole:
    """The whole melody in one call."""

    def __init__(self, recipe: str) -> None:
        self.recipe = recipe

    def __call__(self, quick: bool) -> Callable[[], torch.Tensor]:
        """Return the call that plays it."""
        instrument = _instrument(self.recipe)
        melody = _melody(instrument, quick)

        @torch.no_grad()
        def call() -> torch.Tensor:
            return instrument(*melody)

        return call


class Blocks(Whole):
    """The melody frame by frame."""

    def __call__(self, quick: bool) -> Callable[[], torch.Tensor]:
        """Return the call that plays it."""
        instrument = _instrument(self.recipe)
        f0_hz, loudness_db = _melody(instrument, quick)
        stream = Stream(instrument)

        def call() -> torch.Tensor:
            stream.reset()
            frames = zip(f0_hz.split(BLOCK_FRAMES, 1), loudness_db.split(BLOCK_FRAMES, 1), strict=True)
            return torch.cat([stream.push(*frame) for frame in frames], dim=1)

        return call


def run(quick: bool) -> str:
    """Return the table."""
    rows = []
    for name in list_recipes():
        instrument = _instrument(name)
        n_frames = _melody(instrument, quick)[0].shape[1]
        seconds = n_frames * instrument.hop_length / instrument.sample_rate
        whole, blocks = measure(Whole(name), quick), measure(Blocks(name), quick)
        rows.append(
            [
                f"{name} at {instrument.sample_rate} Hz",
                f"{instrument.n_parameters / 1e6:.2f}",
                f"{seconds * 1e3 / whole.milliseconds:.1f}",
                f"{seconds * 1e3 / blocks.milliseconds:.1f}",
                f"{blocks.milliseconds / n_frames:.2f}",
                f"{signal_to_noise_db(blocks.result, whole.result):.0f}",
            ]
        )
    columns = [
        "recipe",
        "M parameters",
        "whole × real time",
        "stream × real time",
        "ms a frame",
        "SNR of stream to whole dB",
    ]
    return f"Instruments, one thread; a block is one frame\n\n{table(columns, rows)}"
