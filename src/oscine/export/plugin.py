"""An instrument as plug-ins for a DAW: binaries that were built before, with the instrument beside them."""

import os
import re
from pathlib import Path
from typing import Literal

from oscine.errors import InputError
from oscine.files import read_bytes

PluginFormat = Literal["clap", "vst3", "lv2"]
PLUGIN_FORMATS: tuple[PluginFormat, ...] = ("clap", "vst3", "lv2")

_FOLDER = Path(__file__).parent / "plugins"
_MOST_BYTES = 64 << 20
_LICENCES = "LICENSES.txt"


def plugin_files(content: bytes, name: str, form: PluginFormat, credit: str) -> dict[str, bytes]:
    """Return the files of a plug-in for each platform that one was built for, with the instrument in them.

    The plug-ins load any program file (docs/how-to/plugins.md), so they are copied, not compiled: from the
    folder that the environment's ``OSCINE_PLUGINS`` names, or from the one that ``make plugins`` writes in
    this package. In both there is a folder for each platform.

    Args:
        content: The program file.
        name: The name of the instrument: a file name without its ending.
        form: The plug-ins' format.
        credit: Licence and credit of the recordings, as text.

    Returns:
        The content of each file by its path, which begins with the platform.

    Raises:
        InputError: When there are no plug-ins of this format.
    """
    named = os.environ.get("OSCINE_PLUGINS", "")
    folder = Path(named) if named else _FOLDER
    files: dict[str, bytes] = {}
    for platform in sorted(path for path in folder.glob("*") if path.is_dir()):
        plugins = sorted(platform.glob(f"*.{form}"))
        for plugin in plugins:
            copied = [plugin] if plugin.is_file() else [p for p in sorted(plugin.rglob("*")) if p.is_file()]
            for path in copied:
                files[path.relative_to(folder).as_posix()] = read_bytes(path, _MOST_BYTES)
            files[f"{platform.name}/{_place(plugin, form)}{_file_name(name)}"] = content
        if plugins:
            licences = platform / _LICENCES
            if licences.is_file():
                files[f"{platform.name}/{_LICENCES}"] = read_bytes(licences, _MOST_BYTES)
            files[f"{platform.name}/CREDITS.txt"] = credit.encode()
    if not files:
        raise InputError(
            f"There are no plug-ins in {folder}; download them from Oscine's releases and set OSCINE_PLUGINS "
            "to their folder, or run `make plugins` in a checkout."
        )
    return files


def _place(plugin: Path, form: PluginFormat) -> str:
    """Return the folder in which a plug-in looks for its own instruments, with a slash; or nothing."""
    if plugin.is_file():
        return ""
    return f"{plugin.name}/" if form == "lv2" else f"{plugin.name}/Contents/Resources/"


def _file_name(name: str) -> str:
    plain = re.sub(r"[^\w .-]", "_", name).strip(" .")
    return f"{plain or 'instrument'}.oscine"
