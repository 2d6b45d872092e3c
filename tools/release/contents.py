"""What is in the files of a release, held against what is in the repository."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

from tools.release.targets import Target

_ABOUT = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def package_files(committed: Iterable[str]) -> set[str]:
    """Return the files of the package, as a wheel names them, from the paths in the repository."""
    return {path.removeprefix("src/") for path in committed if path.startswith("src/oscine/")}


def wheel_problems(wheel: Path, committed: Iterable[str], target: Target) -> list[str]:
    """Return what a wheel has too little or too much of, as sentences.

    Args:
        wheel: The file.
        committed: The paths of the repository's files.
        target: Its platform.
    """
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
    expected = package_files(committed) | {f"oscine/kernels/liboscine{target.suffix}"}
    found = {name for name in names if ".dist-info/" not in name}
    said = []
    if missing := sorted(expected - found):
        said.append(f"It lacks {_few(missing)}.")
    if further := sorted(found - expected):
        said.append(f"It holds {_few(further)}, which the repository has not.")
    if len(set(names)) != len(names):
        said.append("It holds a file twice.")
    about = {name.split(".dist-info/")[1] for name in names if ".dist-info/" in name}
    if lacking := _ABOUT - about:
        said.append(f"Its dist-info lacks {', '.join(sorted(lacking))}.")
    return said


def sdist_problems(names: Iterable[str], committed: Iterable[str]) -> list[str]:
    """Return what an sdist lacks of what a build and the package need, as sentences."""
    inside = {name.split("/", 1)[1] for name in names if "/" in name}
    needed = {path for path in committed if path.startswith("src/oscine/")}
    missing = sorted((needed | {"pyproject.toml", "setup.py", "README.md", "LICENSE"}) - inside)
    return [f"It lacks {_few(missing)}."] if missing else []


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
