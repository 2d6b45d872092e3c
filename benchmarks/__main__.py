"""``python -m benchmarks [NAME …] [--quick]``: measure, and write the sections of performance.md."""

import argparse
import time
from collections.abc import Callable, Sequence

from benchmarks import gpu, loss, noise, oscillator, reverb, scaling, step, streaming, transfer
from benchmarks.page import machine, write_section

BENCHMARKS: dict[str, Callable[[bool], str]] = {
    "oscillator": oscillator.run,
    "scaling": scaling.run,
    "noise": noise.run,
    "reverb": reverb.run,
    "loss": loss.run,
    "step": step.run,
    "streaming": streaming.run,
    "transfer": transfer.run,
    "gpu": gpu.run,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line names, or everything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}; all if none")
    parser.add_argument(
        "--quick", action="store_true", help="tiny problems, to see that it runs; writes nothing"
    )
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}: choose of {', '.join(BENCHMARKS)}")
    command = " ".join(["python -m benchmarks", *options.names])
    for name in options.names or BENCHMARKS:
        began = time.monotonic()
        content = f"{BENCHMARKS[name](options.quick)}\n\n*{machine()}; `{command}`.*"
        print(f"{name}, {time.monotonic() - began:.0f} s\n\n{content}\n", flush=True)
        # One section at a time: what is measured is kept, whatever becomes of the rest.
        if not options.quick:
            write_section(name, content)


if __name__ == "__main__":
    main()
