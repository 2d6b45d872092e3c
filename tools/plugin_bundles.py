"""Puts a plug-in's binary where hosts look for it: the folders, descriptions and licences around it."""

import plistlib
import struct
import subprocess
from pathlib import Path

import oscine

_FAT_MAGIC, _ALIGNMENT = 0xCAFEBABE, 14
_MAC = "MacOS"
_LICENCES = Path(__file__).parent.parent / "outlets" / "plugin" / "LICENSES.txt"  # with a place for DPF's


def bundle(
    library: Path, name: str, label: str, form: str, folder: Path, vst3_folder: str, turtle: dict[str, str]
) -> Path:
    """Put a library where the hosts of a platform look for it, and return what the user copies.

    Args:
        library: The plug-in.
        name: What people read.
        label: What the files of LV2 are called.
        form: "clap", "vst3" or "lv2".
        folder: Of the platform.
        vst3_folder: The platform's name inside a VST3 bundle.
        turtle: The descriptions of LV2 by file name.
    """
    is_mac = vst3_folder == _MAC
    if form == "lv2":
        made = folder / f"{label}.lv2"
        place = made / f"{label}{library.suffix}"
        for file, text in turtle.items():
            _write(made / file, text.replace(f"{label}.so", place.name).encode())
    elif form == "clap" and not is_mac:
        made = place = folder / f"{name}.clap"
    else:
        made = folder / f"{name}.{form}"
        suffix = "" if is_mac else ".vst3" if library.suffix == ".dll" else library.suffix
        place = made / "Contents" / vst3_folder / f"{name}{suffix}"
        if is_mac:
            _write(made / "Contents" / "PkgInfo", b"BNDL????")
            _write(made / "Contents" / "Info.plist", plistlib.dumps(_properties(name, label, form)))
    _write(place, library.read_bytes())
    place.chmod(0o755)
    return made


def _properties(name: str, label: str, form: str) -> dict[str, str]:
    return {
        "CFBundleDevelopmentRegion": "English",
        "CFBundleExecutable": name,
        "CFBundleIdentifier": f"oscine.{label.replace('_', '-')}.{form}",
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundleName": name,
        "CFBundlePackageType": "BNDL",
        "CFBundleSignature": "????",
        "CFBundleVersion": oscine.__version__,
    }


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # a host that has the old file loaded keeps it
    path.write_bytes(content)


def universal(libraries: list[Path]) -> Path:
    """Return one library for all processors: that of macOS holds each of them whole."""
    if len(libraries) == 1:
        return libraries[0]
    page = 1 << _ALIGNMENT
    at, entries, contents = page, b"", b""
    for library in libraries:
        content = library.read_bytes()
        kind, subtype = struct.unpack_from("<II", content, 4)
        entries += struct.pack(">IIIII", kind, subtype, at, len(content), _ALIGNMENT)
        contents += content.ljust(-(-len(content) // page) * page, b"\0")
        at = page + len(contents)
    made = libraries[0].with_name(f"universal-{libraries[0].name}")
    made.write_bytes((struct.pack(">II", _FAT_MAGIC, len(libraries)) + entries).ljust(page, b"\0") + contents)
    return made


def turtle(library: Path, label: str, folder: Path, dpf: Path) -> dict[str, str]:
    """Return the descriptions of an LV2 plug-in, which it writes itself; they hold for all platforms."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = folder / "lv2_ttl_generator"
    if not generator.exists():
        source = dpf / "utils" / "lv2-ttl-generator" / "lv2_ttl_generator.c"
        subprocess.run(["cc", source, "-o", generator, "-ldl"], check=True)
    place = folder / f"{label}.lv2"
    for old in place.glob("*"):
        old.unlink()
    _write(place / f"{label}.so", library.read_bytes())
    command = [str(generator), f"./{label}.so"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"The LV2 description of {label} can't be made: {done.stderr[-2000:]}")
    return {path.name: path.read_text() for path in sorted(place.glob("*.ttl"))}


def licences(dpf: Path) -> str:
    """Return what has to be said beside the binaries."""
    text = _LICENCES.read_text(encoding="utf-8")
    return text.format(isc=(dpf / "LICENSE").read_text(encoding="utf-8"))
