"""Builds the sdist from a commit, and the wheels from the sdist; the same commit gives the same bytes."""

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.release.targets import Target

ROOT = Path(__file__).parents[2]


def run(
    command: Sequence[str | Path],
    folder: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    given: bytes | None = None,
) -> bytes:
    """Return what a command prints.

    Raises:
        SystemExit: When it fails, with its last words.
    """
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=dict(os.environ if environment is None else environment),
        input=given,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr)[-4000:].decode("utf-8", "replace")
        raise SystemExit(f"{' '.join(map(str, command))}\nended with the code {done.returncode}:\n{said}")
    return done.stdout


def commit_time() -> str:
    """Return when the commit was made, seconds since 1970: the date of all that is built from it."""
    return run(["git", "log", "-1", "--format=%ct"]).decode().strip()


def _environment(**further: str) -> dict[str, str]:
    """Return an environment for a build, in which nothing depends on who builds, where and when."""
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "CFLAGS", "LDFLAGS"}}
    return kept | {"SOURCE_DATE_EPOCH": commit_time(), "LC_ALL": "C.UTF-8"} | further


def build_sdist(to: Path, scratch: Path) -> Path:
    """Return the sdist of the last commit; files that are not committed are not in it."""
    source = scratch / "source"
    with tarfile.open(fileobj=io.BytesIO(run(["git", "archive", "HEAD"]))) as archive:
        archive.extractall(source, filter="data")
    made = scratch / "sdist"
    command = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "-o", made]
    run(command, source, _environment())
    (sdist,) = made.glob("*.tar.gz")
    to.mkdir(parents=True, exist_ok=True)
    return without_traces(sdist, to / sdist.name)


def without_traces(sdist: Path, to: Path) -> Path:
    """Write a tar file anew: sorted, of nobody, dated by the commit."""
    with tarfile.open(sdist) as old:
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as new:
            for one in sorted(old.getmembers(), key=lambda one: one.name):
                kept = tarfile.TarInfo(one.name)
                kept.type, kept.size, kept.mtime = one.type, one.size, int(commit_time())
                kept.mode = 0o755 if one.isdir() or one.mode & 0o100 else 0o644
                new.addfile(kept, old.extractfile(one))
    to.write_bytes(gzip.compress(plain.getvalue(), mtime=0))
    return to


def build_wheel(sdist: Path, target: Target, to: Path, scratch: Path) -> Path:
    """Return the wheel for a platform, by Zig's compiler and the setup.py of the sdist."""
    shutil.rmtree(scratch, ignore_errors=True)
    with tarfile.open(sdist) as archive:
        archive.extractall(scratch, filter="data")
    (source,) = scratch.iterdir()
    for path in [source, *source.rglob("*")]:  # a wheel keeps the modes
        path.chmod(0o755 if path.is_dir() else 0o644)
    compiler = f"{sys.executable} -m ziglang c++ -target {target.triple}"
    # What programs would be linked with on Windows; nobody needs it, and it would be packed.
    linker = f"{compiler} -shared -s" + (f" -Wl,--out-implib={scratch}/none.lib" if target.suffix == ".dll" else "")
    environment = _environment(
        CC=compiler,
        CXX=compiler,
        LDSHARED=linker,
        LDCXXSHARED=linker,
        _PYTHON_HOST_PLATFORM=target.host,
    )
    made = scratch / "wheel"
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", made]
    run([*command, f"--config-setting=--build-option=--plat-name={target.tag}"], source, environment)
    (wheel,) = made.glob("*.whl")
    if target.tag not in wheel.name:
        raise SystemExit(f"{wheel.name} has no library in it: Zig could not build it for {target.triple}.")
    return Path(shutil.move(wheel, to / wheel.name))
