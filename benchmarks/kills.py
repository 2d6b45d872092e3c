"""Kill a short training at random moments, resume it, and compare its weights with the unbroken run's.

Run: ``python -m benchmarks.kills [N] [DATASET]``; without a dataset the package's violin is prepared first.
Each trial is one run, killed once with SIGKILL at a random moment, then resumed to its end.
"""

import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from oscine import recordings
from oscine.data import prepare
from oscine.files import sha256

STEPS = 60
OPTIONS = [
    "--steps",
    str(STEPS),
    "--recipe",
    "tiny",
    "--set",
    "instrument.controller.hidden_size=32",
    "--set",
    "instrument.effects.reverb.ir_s=0.1",
    "--set",
    "training.batch_size=2",
    "--set",
    "training.crop_s=0.25",
    "--set",
    "training.snapshot_every=5",
    "--set",
    "training.n_validations=4",
]
# One thread each, so that two trials side by side do not disturb each other.
COMMAND = "import torch; torch.set_num_threads(1); from oscine.cli.main import main; main()"


def _start(dataset: Path, folder: Path) -> subprocess.Popen[bytes]:
    resume = ["--resume"] if (folder / "training" / "checkpoint.safetensors").exists() else []
    arguments = [sys.executable, "-c", COMMAND, "train", str(dataset), str(folder), *OPTIONS, *resume]
    return subprocess.Popen(arguments, stderr=subprocess.DEVNULL)


def trial(dataset: Path, folder: Path, kill_after_s: float | None) -> tuple[bool, int, str]:
    """Return whether the kill hit a living run, the step it was resumed from, the sha256 of the weights."""
    hit = False
    if kill_after_s is not None:
        process = _start(dataset, folder)
        time.sleep(kill_after_s)
        hit = process.poll() is None
        process.kill()
        process.wait()
    checkpoint = folder / "training" / "checkpoint.safetensors"
    step = 0
    if hit and checkpoint.exists():
        from oscine.training.checkpoint import read_checkpoint

        step = read_checkpoint(checkpoint)[0].counters.step
    if _start(dataset, folder).wait() != 0:
        raise RuntimeError(f"the resumed run in {folder} failed")
    return hit, step, sha256(folder / "model.safetensors")


def main(n_kills: int, dataset: Path | None) -> None:
    """Print one line: kills, from how many different steps, how many ended on the same weights."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        if dataset is None:
            dataset = root / "dataset"
            prepare(recordings.path("violin"), dataset, sample_rate=16_000, held_out_s=25.0)
        began = time.monotonic()
        _, _, unbroken = trial(dataset, root / "unbroken", None)
        length_s = time.monotonic() - began
        moments = [random.Random(seed).uniform(0.0, 1.3 * length_s) for seed in range(4 * n_kills)]
        hits, steps, same = 0, set(), 0
        with ThreadPoolExecutor(2) as pool:
            for first in range(0, len(moments), 2):
                jobs = [
                    pool.submit(trial, dataset, root / str(i), moments[i]) for i in range(first, first + 2)
                ]
                for hit, step, weights in [job.result() for job in jobs]:
                    hits += hit
                    same += hit and weights == unbroken
                    steps |= {step} if hit else set()
                if hits >= n_kills:
                    break
        print(f"{hits} SIGKILLs, resumed from {len(steps)} different steps of {STEPS}; {same} ended the same")


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 50,
        Path(sys.argv[2]) if len(sys.argv) > 2 else None,
    )
