"""What shared libraries of the three systems say about themselves, read by lief."""

from pathlib import Path
from typing import Any

from tools.release.targets import Facts

_MACHINES = {"AARCH64": "aarch64", "ARM64": "arm64", "X86_64": "x86_64", "AMD64": "amd64"}


def facts_of(library: Path) -> Facts:
    """Return what a library says about itself.

    Raises:
        ValueError: When it is no shared library of Linux, macOS or Windows.
    """
    import lief  # pyright: ignore[reportMissingImports] # in the release's environment alone

    lief.logging.disable()
    read: Any = lief.parse(library)
    if isinstance(read, lief.ELF.Binary):
        return Facts(
            _MACHINES.get(read.header.machine_type.name, "?"),
            tuple(map(str, read.libraries)),
            frozenset(str(one.name) for one in read.exported_symbols),
            tuple(
                sorted({str(aux.name) for needed in read.symbols_version_requirement
                        for aux in needed.get_auxiliary_symbols()})
            ),
        )
    if isinstance(read, lief.MachO.Binary):
        return Facts(
            _MACHINES.get(read.header.cpu_type.name, "?"),
            tuple(str(one.name) for one in read.libraries if "liboscine" not in str(one.name)),
            frozenset(str(one.name) for one in read.exported_symbols),
            oldest_macos=tuple(read.build_version.minos[:2]),
        )
    if isinstance(read, lief.PE.Binary):
        return Facts(
            _MACHINES.get(read.header.machine.name, "?"),
            tuple(str(one.name) for one in read.imports),
            frozenset(str(one.name) for one in read.get_export().entries),
        )
    raise ValueError(f"{library} is no shared library of Linux, macOS or Windows.")
