"""Writes small program files, each operation in one of them: ``python -m tests.runtime.seeds FOLDER``."""

import sys
from pathlib import Path

from tests.runtime.programs import busy_program, cases

LARGEST = 16_384


def seeds() -> dict[str, bytes]:
    """Return the files by name: every operation alone, and all of them together, in all types of weights."""
    made = {name: case.program().to_bytes() for name, case in cases().items()}
    busy = busy_program()
    made |= {"busy": busy.to_bytes(), "busy in float16": busy.to_bytes("float16")}
    made["busy in int8"] = busy.to_bytes("int8")
    return {name: content for name, content in made.items() if len(content) <= LARGEST or "busy" in name}


def main() -> None:
    """Write them."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds().values()):
        (folder / f"{number}.oscine").write_bytes(content)


if __name__ == "__main__":
    main()
