"""Builds and checks a release: ``python -m tools.release OUT`` (``make release``), by Python with its tools.

OUT gets the sdist, a wheel for each platform, the plug-ins, an SBOM and SHA256SUMS. What can't be run on this
machine is named.
"""

import argparse
import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

from tools.release import build, contents, libraries, resolve, trial
from tools.release.targets import TARGETS, Target, problems

_PLUGINS = build.ROOT / "src" / "oscine" / "export" / "plugins"


def _tell(line: str) -> None:
    print(line, flush=True)


def require(file: Path, found: list[str]) -> None:
    """Stop where a check has found something.

    Raises:
        SystemExit: With all that it found.
    """
    if found:
        raise SystemExit(f"{file.name}: {' '.join(found)}")


def _same(first: Path, second: Path) -> None:
    if first.read_bytes() != second.read_bytes():
        raise SystemExit(f"{first.name}: two builds of one commit differ; compare {first} and {second}.")


def _build(out: Path, scratch: Path, committed: list[str], once: bool) -> tuple[Path, dict[str, Path]]:
    """Build all files, and check what can be read off them."""
    sdist = build.build_sdist(out, scratch / "first")
    _same(sdist, build.build_sdist(scratch / "again", scratch / "second"))
    with tarfile.open(sdist) as archive:
        require(sdist, contents.sdist_problems(archive.getnames(), committed))
    _tell(f"{sdist.name}: {_size(sdist)}, all of the package's files, twice the same bytes")
    wheels = {}
    for name, target in TARGETS.items():
        wheel = build.build_wheel(sdist, target, out, scratch / f"{name}-first")
        if not once:
            _same(wheel, build.build_wheel(sdist, target, scratch / "again", scratch / f"{name}-second"))
        require(wheel, contents.wheel_problems(wheel, committed, target))
        library = library_of(wheel, target, scratch / name)
        facts = libraries.facts_of(library)
        require(wheel, problems(facts, target))
        again = "NOT BUILT AGAIN" if once else "twice the same bytes"
        _tell(f"{wheel.name}: {_size(wheel)}, {again}; needs {', '.join(facts.libraries)}")
        if target.suffix == ".so":
            said = build.run([sys.executable, "-m", "auditwheel", "show", wheel]).decode()
            promised = f"manylinux_2_{said.split('manylinux_2_')[2].split('_')[0]}"
            _tell(f"  auditwheel: {promised}")
        wheels[name] = wheel
    build.run([sys.executable, "-m", "twine", "check", "--strict", sdist, *wheels.values()])
    _tell("twine check --strict: passed")
    return sdist, wheels


def library_of(wheel: Path, target: Target, folder: Path) -> Path:
    """Return the library of a wheel, unpacked."""
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(f"oscine/kernels/liboscine{target.suffix}", folder))


def _size(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.1f} MB"


def _pack_plugins(out: Path, version: str) -> None:
    """Write the plug-ins that were built in this checkout as one archive, dated by the commit."""
    folders = sorted(path for path in _PLUGINS.glob("*") if path.is_dir())
    if not folders:
        _tell("Plug-ins: NOT PACKED, as there are none in this checkout; `make plugins` builds them.")
        return
    date = time.gmtime(int(build.commit_time()))[:6]
    to = out / f"oscine-plugins-{version}.zip"
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(_PLUGINS.rglob("*")):
            if path.is_file():
                about = zipfile.ZipInfo(path.relative_to(_PLUGINS).as_posix(), date)
                about.external_attr = (0o755 if os.access(path, os.X_OK) else 0o644) << 16
                archive.writestr(about, path.read_bytes(), zipfile.ZIP_DEFLATED)
    _tell(f"{to.name}: {_size(to)}, for {', '.join(path.name for path in folders)}")


def write_sums(out: Path) -> None:
    """Write SHA256SUMS of all files in a folder, as `sha256sum --check` reads it."""
    files = sorted(path for path in out.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (out / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def main() -> None:
    """Build, check and say what was done."""
    parser = argparse.ArgumentParser(description="Build and check a release.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--torch", required=True, help="what pip installs as torch, such as torch==2.13.0")
    parser.add_argument("--once", action="store_true", help="build each wheel once, in half of the time")
    arguments = parser.parse_args()
    out = arguments.out.absolute()
    if out.exists() and any(out.iterdir()):
        raise SystemExit(f"{out} is not empty; name a new folder, or delete it.")
    if build.run(["git", "status", "--porcelain"]):
        _tell("There are changes that are not committed; the release is made of the last commit, without them.")
    committed = build.run(["git", "ls-tree", "-r", "-z", "--name-only", "HEAD"]).decode().split("\0")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        sdist, wheels = _build(out, scratch, committed, arguments.once)
        _pack_plugins(out, sdist.name.removeprefix("oscine-").removesuffix(".tar.gz"))
        tried = trial.Trial(scratch / "trial", arguments.torch)
        tried.install(wheels["linux-x86_64"])
        for line in trial.use(tried):
            _tell(f"{wheels['linux-x86_64'].name} in a new environment: {line}")
        for name, target in TARGETS.items():
            library = library_of(wheels[name], target, scratch / name)
            _tell(f"{name}: {trial.play(name, target, library, tried)}")
            _tell(f"{name}: {resolve.resolve(name, wheels[name])}")
        _tell(f"{sdist.name} without a compiler: {_one_line(tried.install(sdist, compiler=False))}")
        if shutil.which("c++"):
            _tell(f"{sdist.name} with c++: {_one_line(tried.install(sdist))}")
        else:
            _tell(f"{sdist.name} with a compiler: NOT RUN, as c++ is not here; on Debian, install g++.")
        tried.sbom(out / "sbom.cdx.json")
    write_sums(out)
    _tell(f"sbom.cdx.json and SHA256SUMS are beside them in {out}.")


def _one_line(said: str) -> str:
    return "; ".join(said.splitlines())


if __name__ == "__main__":
    main()
