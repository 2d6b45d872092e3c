"""The platforms that wheels are built for, and what a library may need of each."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target:
    """A platform.

    Attributes:
        triple: What Zig calls it.
        host: What Python calls it (`sysconfig.get_platform`).
        tag: Of the wheel.
        suffix: Of a shared library.
        machine: Of the processor, as the library's header names it.
    """

    triple: str
    host: str
    tag: str
    suffix: str
    machine: str


GLIBC = (2, 28)
MACOS = (11, 0)
_LINUX = "{0}-linux-gnu.2.28", "linux-{0}", "manylinux_2_28_{0}", ".so"
TARGETS = {
    "linux-x86_64": Target(*(text.format("x86_64") for text in _LINUX), machine="x86_64"),
    "linux-aarch64": Target(*(text.format("aarch64") for text in _LINUX), machine="aarch64"),
    "macos-arm64": Target(
        "aarch64-macos.11.0", "macosx-11.0-arm64", "macosx_11_0_arm64", ".dylib", "arm64"
    ),
    "macos-x86_64": Target(
        "x86_64-macos.11.0", "macosx-11.0-x86_64", "macosx_11_0_x86_64", ".dylib", "x86_64"
    ),
    "windows-x86_64": Target("x86_64-windows-gnu", "win-amd64", "win_amd64", ".dll", "amd64"),
}

#: What every system of a kind has: glibc's own parts, macOS's libSystem, Windows' kernel and its C library.
_ALLOWED = {
    ".so": r"lib(c|m|dl|rt|pthread)\.so\.\d|ld-linux-(x86-64|aarch64)\.so\.\d",
    ".dylib": r"/usr/lib/libSystem\.B\.dylib",
    ".dll": r"(?i)(kernel32|ntdll|ucrtbase|api-ms-win-(crt|core)-[\w-]+)\.dll",
}
#: Beside them, the C++ library inside offers its allocation (weak symbols), and macOS' linker two names.
_OFFERED = r"_?(oscine_\w+|_Zn[aw]m.*|_Zd[al]Pv.*)|__mh_dylib_header|___dso_handle"
#: What setup.py's library offers: the kernels and the runtime.
NEEDED_SYMBOLS = frozenset({"oscine_version", "oscine_find", "oscine_runtime_version", "oscine_find_engine"})


@dataclass(frozen=True)
class Facts:
    """What a shared library says about itself.

    Attributes:
        machine: The processor, as `Target.machine` has it.
        libraries: What it loads.
        versions: Of the symbols that it wants from them, such as ``GLIBC_2.27``; of ELF alone.
        exported: The functions that it offers.
        oldest_macos: The first macOS that it may run on; of Mach-O alone.
    """

    machine: str
    libraries: tuple[str, ...]
    exported: frozenset[str]
    versions: tuple[str, ...] = ()
    oldest_macos: tuple[int, ...] = field(default=())


def wheel_name(version: str, target: Target) -> str:
    """Return the name of a platform's wheel, which fits every Python 3."""
    return f"oscine-{version}-py3-none-{target.tag}.whl"


def problems(facts: Facts, target: Target) -> list[str]:
    """Return what keeps a library from the promise of its wheel's tag, as sentences; none where it holds."""
    found = []
    if facts.machine != target.machine:
        found.append(f"The library is for {facts.machine}, not for {target.machine}.")
    foreign = [name for name in facts.libraries if not re.fullmatch(_ALLOWED[target.suffix], name)]
    if foreign:
        found.append(f"It needs {', '.join(foreign)}, which not every system has.")
    if late := later_than(facts.versions, GLIBC):
        found.append(f"It needs {', '.join(late)}; the tag promises glibc {GLIBC[0]}.{GLIBC[1]}.")
    if facts.oldest_macos > MACOS:
        needed = ".".join(map(str, facts.oldest_macos))
        found.append(f"It needs macOS {needed}; the tag promises {MACOS[0]}.{MACOS[1]}.")
    # Mach-O writes an underscore before each name of C.
    if missing := NEEDED_SYMBOLS - {name.removeprefix("_") for name in facts.exported}:
        found.append(f"It lacks {', '.join(sorted(missing))}.")
    if further := [name for name in sorted(facts.exported) if not re.fullmatch(_OFFERED, name)]:
        found.append(f"It offers {', '.join(further[:5])} as well, which may meet another library's.")
    return found


def later_than(versions: Iterable[str], limit: tuple[int, ...]) -> list[str]:
    """Return the symbol versions that a system with this glibc has not, and all that are no glibc's.

    Example:
        >>> later_than(["GLIBC_2.17", "GLIBC_2.34", "GLIBCXX_3.4"], (2, 28))
        ['GLIBC_2.34', 'GLIBCXX_3.4']
    """
    late = []
    for version in versions:
        number = re.fullmatch(r"GLIBC_(\d+(?:\.\d+)*)", version)
        if number is None or tuple(map(int, number.group(1).split("."))) > limit:
            late.append(version)
    return late
