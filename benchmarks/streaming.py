"""Every recipe played live: one frame at a time, every block timed, over minutes of simulated clock."""

import time
from array import array
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from benchmarks.measure import Call, alone, measure, signal_to_noise_db, table
from oscine import kernels
from oscine.models import Instrument, load_recipe
from oscine.streaming import Stream

MINUTES, WHOLE_S, N_BLOCKS_BY_STEP = 10, 10, 2000
#: Sample rate, hop length.
RATES = ((16_000, 64), (48_000, 128))


class Setting(NamedTuple):
    """A recipe at a rate."""

    name: str
    sample_rate: int
    hop_length: int
    weights: Literal["float32", "float16"] = "float32"

    @property
    def block_s(self) -> float:
        """Length of a block, one frame."""
        return self.hop_length / self.sample_rate

    def n_blocks(self, seconds: float) -> int:
        """Return how many blocks so many seconds are."""
        return round(seconds / self.block_s)

    def instrument(self) -> Instrument:
        """Return it as it is before training, the same in every process."""
        rates = {"instrument.sample_rate": self.sample_rate, "instrument.hop_length": self.hop_length}
        torch.manual_seed(0)
        return Instrument(load_recipe(self.name, rates).instrument).eval()

    def melody(self, n_blocks: int) -> tuple[Tensor, Tensor]:
        """Return pitch, a slow vibrato of an octave, and loudness; one value per block."""
        seconds = (torch.arange(n_blocks, dtype=torch.float64) * self.block_s).unsqueeze(0)
        return (
            440 * torch.exp2(torch.sin(2 * seconds) / 2).float(),
            (-30 + 10 * torch.sin(3 * seconds)).float(),
        )


class Played(NamedTuple):
    """A stream's audio, its beginning, and how long each block took."""

    seconds: Tensor
    beginning: Tensor


def play(setting: Setting, n_blocks: int, n_kept: int, form: str | None = None) -> Played:
    """Play block by block, in the fastest form or in the one that is named."""
    torch.set_num_threads(1)
    with kernels.use(form or kernels.chosen()):
        stream = Stream(setting.instrument(), weights=setting.weights)
        melody = setting.melody(n_blocks)
        nanoseconds, kept = array("q", bytes(8 * n_blocks)), []
        for block in range(n_blocks):
            f0_hz, loudness_db = (one[:, block : block + 1] for one in melody)
            began = time.perf_counter_ns()
            audio = stream.push(f0_hz, loudness_db)
            nanoseconds[block] = time.perf_counter_ns() - began
            if block < n_kept:
                kept.append(audio)
    return Played(1e-9 * torch.tensor(nanoseconds, dtype=torch.float64), torch.cat(kept, dim=1))


def whole(setting: Setting, seconds: float) -> list[Call]:
    """The beginning in one call."""
    instrument, melody = setting.instrument(), setting.melody(setting.n_blocks(seconds))
    return [torch.no_grad()(lambda: instrument(*melody))]


def _row(setting: Setting, quick: bool) -> list[str]:
    beginning_s = 0.1 if quick else WHOLE_S
    n_kept = setting.n_blocks(beginning_s)
    counts = (n_kept, 3) if quick else (setting.n_blocks(60 * MINUTES), N_BLOCKS_BY_STEP)
    calls = [partial(play, setting, counts[0], n_kept), partial(play, setting, counts[1], 1, "torch")]
    stream, by_step = [call() if quick else alone(call) for call in calls]
    at_once = measure(partial(whole, setting, beginning_s), quick)
    shares = stream.seconds / setting.block_s
    return [
        f"`{setting.name}`, {setting.hop_length} samples at {setting.sample_rate} Hz, {setting.weights}",
        f"{1e6 * stream.seconds.median():.0f}",
        f"{shares.median():.4f}",
        f"{shares.quantile(0.999):.4f}",
        f"{shares.max():.2f}",
        f"{int((shares > 1).sum())} of {len(shares)}",
        f"{signal_to_noise_db(stream.beginning, at_once.result):.0f}",
        f"{by_step.seconds.median() / setting.block_s:.2f}",
        f"{1e3 * beginning_s / at_once.milliseconds():.0f}",
    ]


def run(quick: bool) -> str:
    """Return the section."""
    settings = [Setting(name, *rate) for name in ("tiny", "default", "solo") for rate in RATES]
    # Beyond the processor's cache; half the bytes are half the time.
    settings += [Setting("solo", *rate, "float16") for rate in RATES]
    columns = [
        "recipe, block, weights",
        "median µs",
        "median / block's time",
        "p99.9 / block's time",
        "max / block's time",
        "overruns",
        "SNR to the whole dB",
        "by `step` in torch: median / block's time",
        "whole × real time",
    ]
    head = f"{MINUTES} minutes of simulated clock, one thread; the whole is {WHOLE_S} s in one call."
    return f"{head}\n\n{table(columns, [_row(setting, quick) for setting in settings])}"
