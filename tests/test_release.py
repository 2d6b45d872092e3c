"""The release: what is built under which name, and the checks of `make release` on files made for them."""

import dataclasses
import hashlib
import importlib.util
import io
import runpy
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from tools.release import __main__ as release
from tools.release import build, contents, resolve
from tools.release.targets import TARGETS, Facts, later_than, problems, wheel_name

from oscine.kernels import library

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GOOD = Facts(
    machine="x86_64",
    libraries=("libc.so.6", "libm.so.6"),
    exported=frozenset(
        {"oscine_version", "oscine_find", "oscine_runtime_version", "oscine_find_engine", "_Znwm"}
    ),
    versions=("GLIBC_2.2.5", "GLIBC_2.27"),
)


def _committed() -> list[str]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("git can't list the repository's files here")
    return [path for path in done.stdout.decode().split("\0") if (ROOT / path).is_file()]


def _setup(monkeypatch, host):
    """What setup.py gives setuptools, on a machine of this name."""
    given = {}
    monkeypatch.setenv("_PYTHON_HOST_PLATFORM", host)
    monkeypatch.setattr("setuptools.setup", lambda **said: given.update(said))
    monkeypatch.chdir(ROOT)
    runpy.run_path("setup.py")
    return given


@pytest.mark.parametrize(
    ("target", "platform"),
    [("linux-x86_64", "linux"), ("macos-arm64", "darwin"), ("windows-x86_64", "win32")],
)
def test_the_library_is_built_and_looked_for_under_the_name_of_the_system(target, platform, monkeypatch):
    one = TARGETS[target]
    build_ext = _setup(monkeypatch, one.host)["cmdclass"]["build_ext"]
    built = build_ext.get_ext_filename(None, "oscine.kernels.liboscine")
    monkeypatch.setattr(sys, "platform", platform)
    place = importlib.util.spec_from_file_location("library_elsewhere", library.__file__)
    assert place is not None
    assert place.loader is not None
    elsewhere = importlib.util.module_from_spec(place)
    place.loader.exec_module(elsewhere)
    assert built == f"oscine/kernels/{elsewhere.FILE.name}" == f"oscine/kernels/liboscine{one.suffix}"


def test_every_source_is_compiled(monkeypatch):
    (extension,) = _setup(monkeypatch, "linux-x86_64")["ext_modules"]
    there = {path for path in _committed() if path.startswith("src/") and path.endswith(".cpp")}
    assert set(extension.sources) == {path for path in there if "/native/" in path}


def test_package_data_is_all_that_is_committed_and_every_pattern_finds_something():
    source = ROOT / "src" / "oscine"
    found = set()
    for pattern in PROJECT["tool"]["setuptools"]["package-data"]["oscine"]:
        files = {path.relative_to(ROOT).as_posix() for path in source.glob(pattern) if path.is_file()}
        assert files, f"{pattern} finds nothing"
        found |= files
    committed = {path for path in _committed() if path.startswith("src/oscine/")}
    packages = {path.parent.relative_to(ROOT).as_posix() for path in source.rglob("__init__.py")}
    modules = {path for path in committed if path.endswith(".py") and path.rpartition("/")[0] in packages}
    compiled = {path for path in committed if path.startswith("src/oscine/kernels/native/")}
    assert not committed - found - modules - compiled


def test_what_a_wheel_promises_of_python_is_what_is_looked_up():
    prefix = "Programming Language :: Python :: "
    classifiers = PROJECT["project"]["classifiers"]
    said = [one.removeprefix(prefix) for one in classifiers if one.startswith(prefix)]
    assert set(said) <= set(resolve.PYTHONS)
    assert PROJECT["project"]["requires-python"] == f">={resolve.PYTHONS[0]}"
    assert resolve.PLATFORMS.keys() == TARGETS.keys()


def test_wheels_are_named_by_platform():
    assert wheel_name("1.2", TARGETS["macos-arm64"]) == "oscine-1.2-py3-none-macosx_11_0_arm64.whl"
    names = [wheel_name("1.2", target) for target in TARGETS.values()]
    assert len(set(names)) == len(names) == 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, None),
        ({"machine": "aarch64"}, "is for aarch64, not for x86_64"),
        ({"libraries": ("libc.so.6", "libstdc++.so.6")}, r"needs libstdc\+\+.so.6, which not every"),
        ({"versions": ("GLIBC_2.35",)}, "needs GLIBC_2.35; the tag promises glibc 2.28"),
        ({"versions": ("GLIBCXX_3.4",)}, "needs GLIBCXX_3.4"),
        ({"exported": GOOD.exported - {"oscine_find"}}, "lacks oscine_find"),
        ({"exported": GOOD.exported | {"malloc"}}, "offers malloc as well"),
    ],
)
def test_a_library_keeps_what_its_tag_promises(change, said):
    found = problems(dataclasses.replace(GOOD, **change), TARGETS["linux-x86_64"])
    if said is None:
        assert found == []
    else:
        assert len(found) == 1
        with pytest.raises(SystemExit, match=said):
            release.require(Path("x.whl"), found)


def test_a_library_of_a_later_macos_or_with_a_compilers_dll_is_refused():
    exported = frozenset(f"_{name}" for name in GOOD.exported if name.startswith("oscine"))
    system = ("/usr/lib/libSystem.B.dylib",)
    mac = Facts("arm64", system, exported, oldest_macos=(11, 0))
    assert problems(mac, TARGETS["macos-arm64"]) == []
    late = problems(dataclasses.replace(mac, oldest_macos=(14, 0)), TARGETS["macos-arm64"])
    assert late == ["It needs macOS 14.0; the tag promises 11.0."]
    windows = Facts("amd64", ("KERNEL32.dll", "api-ms-win-crt-heap-l1-1-0.dll"), GOOD.exported)
    assert problems(windows, TARGETS["windows-x86_64"]) == []
    with_gcc = dataclasses.replace(windows, libraries=("KERNEL32.dll", "libgcc_s_seh-1.dll"))
    assert "libgcc_s_seh-1.dll" in problems(with_gcc, TARGETS["windows-x86_64"])[0]


def test_versions_are_compared_as_numbers():
    assert later_than(["GLIBC_2.9", "GLIBC_2.28", "GLIBC_2.3.4"], (2, 28)) == []
    assert later_than(["GLIBC_2.29", "GLIBC_3.0", "GLIBC_PRIVATE"], (2, 28)) == [
        "GLIBC_2.29",
        "GLIBC_3.0",
        "GLIBC_PRIVATE",
    ]


def test_a_wheel_holds_the_package_and_nothing_else(tmp_path):
    target = TARGETS["windows-x86_64"]
    committed = ["src/oscine/__init__.py", "src/oscine/py.typed", "tests/test_release.py"]
    about = ["METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"]
    whole = [
        "oscine/__init__.py",
        "oscine/py.typed",
        "oscine/kernels/liboscine.dll",
        *(f"oscine-1.dist-info/{name}" for name in about),
    ]

    def problems_of(names):
        with zipfile.ZipFile(tmp_path / "a.whl", "w") as archive:
            for name in names:
                archive.writestr(name, "")
        return contents.wheel_problems(tmp_path / "a.whl", committed, target)

    assert problems_of(whole) == []
    assert problems_of(whole[1:]) == ["It lacks oscine/__init__.py."]
    assert problems_of([*whole, "oscine/kernels/a.lib"]) == [
        "It holds oscine/kernels/a.lib, which the repository has not."
    ]
    assert problems_of(whole[:-2]) == ["Its dist-info lacks entry_points.txt, licenses/LICENSE."]
    assert contents.sdist_problems(["o-1/src/oscine/py.typed", "o-1/setup.py"], committed) == [
        "It lacks LICENSE, README.md, pyproject.toml, src/oscine/__init__.py."
    ]


def test_an_sdist_says_nothing_of_who_made_it_and_when(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "commit_time", lambda: "1700000000")
    made = []
    for when, names in ((1, "ab"), (2, "ba")):
        source = tmp_path / f"{when}.tar.gz"
        with tarfile.open(source, "w:gz") as archive:
            for name in names:
                one = tarfile.TarInfo(name)
                one.size, one.mtime, one.uid, one.mode = 1, when, 1000 + when, 0o600 + when % 2 * 0o40
                archive.addfile(one, io.BytesIO(name.encode()))
        made.append(build.without_traces(source, tmp_path / f"{when}-again.tar.gz").read_bytes())
    assert made[0] == made[1]
    with tarfile.open(fileobj=io.BytesIO(made[0])) as archive:
        assert {(one.name, one.mtime, one.uid, one.mode) for one in archive} == {
            ("a", 1700000000, 0, 0o644),
            ("b", 1700000000, 0, 0o644),
        }


def test_sums_can_be_checked(tmp_path):
    (tmp_path / "a.whl").write_bytes(b"a")
    release.write_sums(tmp_path)
    digest = hashlib.sha256(b"a").hexdigest()
    assert (tmp_path / "SHA256SUMS").read_text(encoding="utf-8") == f"{digest}  a.whl\n"


def test_the_image_has_no_root_and_takes_nothing_that_is_not_needed():
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users[-1:] == ["1000"]
    copied = {
        word
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    assert copied == {line[1:] for line in ignored if line.startswith("!")}
    assert all((ROOT / name).exists() for name in copied)
