"""``python -m benchmarks [NAME …] [--quick]``: write ``benchmarks/results/NAME.md``."""

import argparse
import platform
from pathlib import Path

import torch

from benchmarks import instruments, oscillator, spectral_loss
from oscine.files import write_atomically

BENCHMARKS = {
    "oscillator": oscillator.run,
    "spectral_loss": spectral_loss.run,
    "instruments": instruments.run,
}
RESULTS = Path(__file__).parent / "results"


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, torch {torch.__version__}, one thread"


def main() -> None:
    """Run what the command line names, or everything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}; all if none")
    parser.add_argument(
        "--quick", action="store_true", help="tiny problems, to see that it runs; writes nothing"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}: choose of {', '.join(BENCHMARKS)}")
    for name in arguments.names or BENCHMARKS:
        source = f"{_machine()}; written by `python -m benchmarks {name}`."
        text = f"{BENCHMARKS[name](arguments.quick)}\n\n{source}\n"
        print(text)
        if not arguments.quick:
            write_atomically(RESULTS / f"{name}.md", text)


if __name__ == "__main__":
    main()
