"""Transfer of an hour: how long it takes, where the time goes, and the memory of the process."""

import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
import torch
from swift_f0 import SwiftF0

from benchmarks.measure import alone, peak_megabytes, table
from oscine import recordings
from oscine.analysis import analyze_blocks
from oscine.audio import read_blocks
from oscine.models import Instrument, load_recipe
from oscine.transfer import transfer_file

SAMPLE_RATE, HOP_LENGTH = 44_100, 176
LENGTHS = {"a quarter of an hour": 900.0, "an hour": 3600.0}


class Transferred(NamedTuple):
    """Seconds that the parts took, and the highest memory of the process."""

    listening: float
    playing: float
    megabytes: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.listening + self.playing


class Listened(NamedTuple):
    """Seconds that the first pass takes, and its two largest parts alone."""

    analysis: float
    tracker: float
    reading: float


def transfer(instrument: Path, performance: Path, output: Path) -> Transferred:
    """Transfer a file, in a process of its own, so that the memory is the transfer's."""
    torch.set_num_threads(1)
    moments: dict[str, float] = {}

    def note(what: str, share: float) -> None:
        moments[what] = time.perf_counter()

    player = Instrument.from_pretrained(instrument)
    began = time.perf_counter()
    transfer_file(player, performance, output, on_progress=note)
    ended = time.perf_counter()
    listened = moments["analysing"]
    return Transferred(listened - began, ended - listened, peak_megabytes())


def listen(performance: Path) -> Listened:
    """Time the analysis, the reading alone, and the pitch tracker alone on stretches as it is given them."""
    torch.set_num_threads(1)
    tracker, hop = SwiftF0(threads=1, spin=False), 256
    moments = [time.perf_counter()]
    for _ in analyze_blocks(read_blocks(performance, SAMPLE_RATE), SAMPLE_RATE, HOP_LENGTH):
        pass
    moments.append(time.perf_counter())
    audio = np.concatenate(list(read_blocks(performance, 16_000)))
    moments.append(time.perf_counter())
    # Four seconds at a time, with the context that it needs on both sides.
    for start in range(0, len(audio), 256 * hop):
        stretch = audio[max(0, start - 16 * hop) : start + (256 + 16) * hop]
        tracker.detect(np.pad(stretch, (0, -len(stretch) % hop)), 16_000)
    moments.append(time.perf_counter())
    analysis, reading, tracking = np.diff(moments).tolist()
    return Listened(analysis, tracking, reading)


def _write_performance(path: Path, seconds: float) -> None:
    """Write the package's singing, over and over."""
    melody, rate = soundfile.read(recordings.path("singing"), dtype="float32")
    melody = soxr.resample(melody, rate, SAMPLE_RATE)
    left = round(seconds * SAMPLE_RATE)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1) as file:
        while left > 0:
            file.write(melody[:left])
            left -= len(melody[:left])


def run(quick: bool) -> str:
    """Return the section."""
    rows, listened, first = [], None, 1.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rates = {"instrument.sample_rate": SAMPLE_RATE, "instrument.hop_length": HOP_LENGTH}
        torch.manual_seed(0)
        Instrument(load_recipe("default", rates).instrument).save_pretrained(folder / "instrument")
        for what, length_s in LENGTHS.items():
            seconds = 0.001 * length_s if quick else length_s
            _write_performance(folder / "in.wav", seconds)
            arguments = (folder / "instrument", folder / "in.wav", folder / "out.wav")
            took = transfer(*arguments) if quick else alone(transfer, *arguments)
            if listened is None:
                first = seconds
                listened = listen(arguments[1]) if quick else alone(listen, arguments[1])
            rows.append(
                [
                    what,
                    f"{took.seconds:.1f}",
                    f"{seconds / took.seconds:.0f}",
                    *(f"{part:.1f}" for part in took[:2]),
                    f"{took.megabytes:.0f}",
                ]
            )
    assert listened is not None
    columns = ["length", "s", "× real time", "listening s", "playing s", "peak MB"]
    head = (
        f"Singing at {SAMPLE_RATE} Hz, played by `default`. Listening takes as many threads as there are "
        "cores (four at most), playing two. Peak MB is of the whole process."
    )
    share, limit = listened.tracker / listened.analysis, first / listened.tracker
    floor = (
        f"Listening to {next(iter(LENGTHS))} takes {listened.analysis:.1f} s on one thread. The pitch "
        f"tracker's network takes {listened.tracker:.1f} s of it ({100 * share:.0f} %): with everything else "
        f"free a transfer would run at {limit:.0f} × real time. Reading and resampling take "
        f"{listened.reading:.1f} s."
    )
    return f"{head}\n\n{table(columns, rows)}\n\n{floor}"
