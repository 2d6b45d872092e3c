"""The multi-scale spectral loss: the hand-written gradient against autograd through torch.stft."""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks import textbook
from benchmarks.measure import (
    Call,
    both_ways,
    by_form,
    cpu_forms,
    measure,
    random_like,
    relative_error,
    table,
)
from oscine.losses import default_fft_sizes, multi_scale_spectral_loss

TEXTBOOK = "textbook, autograd"


class Size(NamedTuple):
    """A batch of audio."""

    sample_rate: int
    batch_size: int
    seconds: float

    def audio(self) -> tuple[Tensor, Tensor]:
        """Return prediction and target."""
        n_samples = round(self.seconds * self.sample_rate)
        one, other = 0.1 * random_like(2, self.batch_size, n_samples)
        return one, other


SIZES = (Size(16_000, 16, 4.0), Size(44_100, 6, 1.0))


def _calls(name: str, size: Size, dtype: torch.dtype = torch.float32) -> list[Call]:
    audio, target = (x.to(dtype) for x in size.audio())
    form = textbook.spectral_loss if name == TEXTBOOK else multi_scale_spectral_loss
    bound = partial(form, target=target, fft_sizes=default_fft_sizes(size.sample_rate))
    return both_ways(bound, [audio.requires_grad_()], torch.ones((), dtype=dtype))


def contender(name: str, size: Size) -> list[Call]:
    """The textbook, or ours by a form of its kernel."""
    return _calls(name, size) if name == TEXTBOOK else by_form(name, _calls(name, size))


def run(quick: bool) -> str:
    """Return the section; each definition is held against itself in float64."""
    rows = []
    for size in SIZES:
        given = size._replace(batch_size=1, seconds=0.5) if quick else size
        names = [*dict.fromkeys([cpu_forms()[0], "torch"]), TEXTBOOK]
        costs = {name: measure(partial(contender, name, given), quick) for name in names}
        for name, cost in costs.items():
            right = _calls(name, given, torch.float64)[0]()
            rows.append(
                [
                    f"{size.batch_size} × {size.seconds:g} s at {size.sample_rate} Hz: {name}",
                    f"{cost.milliseconds():.1f}",
                    f"{cost.megabytes:.0f}",
                    f"{relative_error(cost.result.value, right.value):.1e}",
                    f"{relative_error(cost.result.gradients[0], right.gradients[0]):.1e}",
                    f"{costs[TEXTBOOK].milliseconds() / cost.milliseconds():.2f}",
                    f"{costs[TEXTBOOK].megabytes / max(cost.megabytes, 1e-3):.1f}",
                ]
            )
    columns = ["form", "forward + backward ms", "MB", "error", "gradient error", "× textbook", "× less MB"]
    return table(columns, rows)
