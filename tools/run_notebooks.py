"""Run the notebooks from their first cell to their last: ``python -m tools.run_notebooks OUT``.

They are stored without outputs; OUT gets them with outputs, and the files that they make. With ``--wheel``
they run in a new environment that has the wheel and nothing of this repository but ``examples/``.
"""

import argparse
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
_TIMEOUT_S = 3600
TORCH = "torch==2.13.0"


def run(notebook: Path, folder: Path, *, quick: bool) -> nbformat.NotebookNode:
    """Run a notebook in a folder, and return it with its outputs, which are written there too.

    Args:
        notebook: As it is stored.
        folder: Where it runs; ``examples/`` of the repository is linked there.
        quick: As its first cell explains.

    Raises:
        CellExecutionError: When a cell fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    examples = folder / "examples"
    if not examples.exists():
        examples.symlink_to(ROOT / "examples")
    node = nbformat.read(notebook, as_version=4)
    client = NotebookClient(
        node, timeout=_TIMEOUT_S, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    before = os.environ.pop("OSCINE_NOTEBOOK", None)
    if quick:
        os.environ["OSCINE_NOTEBOOK"] = "quick"
    try:
        client.execute()
    finally:
        os.environ.pop("OSCINE_NOTEBOOK", None)
        if before is not None:
            os.environ["OSCINE_NOTEBOOK"] = before
        nbformat.write(node, folder / notebook.name)
    return node


def _in_environment(wheel: Path, place: Path, arguments: list[str]) -> None:
    """Make an environment with the wheel, and run this file in it."""
    shutil.rmtree(place, ignore_errors=True)
    venv.create(place, with_pip=True)
    python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, TORCH, wheel, "nbclient", "ipykernel"], check=True)
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([python, Path(__file__), *arguments], check=True, env=clean)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--quick", action="store_true", help="hardly any training, to see that all cells run")
    parser.add_argument("--wheel", type=Path, help="run in a new environment that has this wheel")
    options = parser.parse_args()
    if options.wheel is not None:
        arguments = [str(options.out.resolve()), *(["--quick"] if options.quick else [])]
        _in_environment(options.wheel.resolve(), options.out.resolve() / "environment", arguments)
        return
    import oscine

    print(f"Oscine {oscine.__version__} in {Path(oscine.__file__).parent}, Python {sys.version.split()[0]}")
    for notebook in NOTEBOOKS:
        run(notebook, options.out.resolve(), quick=options.quick)
        print(f"{notebook.name}: every cell ran; with its outputs in {options.out}")


if __name__ == "__main__":
    main()
