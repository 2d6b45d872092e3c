"""Writes small program files, each operation in one of them: ``python -m tests.runtime.seeds FOLDER``."""

import sys
from pathlib import Path

from tests.runtime.programs import busy_program, cases

LARGEST = 16_384


def seeds() -> dict[str, bytes]:
    """Return the files by name: every operation alone, and all of them together, in all types of weights.

    One has the metadata that a performer reads.
    """
    made = {name: case.program().to_bytes() for name, case in cases().items()}
    busy = busy_program()
    made |= {"busy": busy.to_bytes(), "busy in float16": busy.to_bytes("float16")}
    made["busy in int8"] = busy.to_bytes("int8")
    busy.metadata |= {
        "dynamics": {"curve_db": [-45.0 + i / 4 for i in range(128)], "least_db": -60.0},
        "inputs": {"f0_hz": {"unit": "Hz"}, "loudness_db": {"unit": "dB"}},
        "knobs": {"z": [0.0, -2.0, 2.0]},
    }
    made["busy with knobs"] = busy.to_bytes()
    return {name: content for name, content in made.items() if len(content) <= LARGEST or "busy" in name}


def main() -> None:
    """Write them."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds().values()):
        (folder / f"{number}.oscine").write_bytes(content)


if __name__ == "__main__":
    main()
