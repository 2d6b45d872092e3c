"""An instrument for Pure Data: an external as source, and built where it can be, and a help patch."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from oscine.export.single_header import single_header
from oscine.files import write_atomically

EXTERNAL = "oscine~.pd_linux"
_SOURCES = Path(__file__).parent / "pd_external"
_HEADERS = Path("/usr/include/pd/m_pd.h"), Path("/usr/include/m_pd.h")
_PROGRAMS = "make", "c++"
_BUILD_S = 600.0


def pd_files(program: bytes, credit: str) -> dict[str, bytes]:
    """Return the files of the folder: what plays the instrument in Pure Data, from source.

    Args:
        program: The content of a program file.
        credit: Licence and credit of the recordings.
    """
    written = {path.name: path.read_bytes() for path in sorted(_SOURCES.iterdir()) if path.is_file()}
    header = {"oscine.h": single_header().encode()}
    return written | header | {"instrument.oscine": program, "CREDITS.txt": credit.encode()}


def build_external(folder: Path) -> str | None:
    """Build the external in a folder that has the source; return None, or a sentence that says what to do.

    Args:
        folder: With the files of `pd_files`; `EXTERNAL` is put there.
    """
    how = "run make in the folder; on Debian, the packages g++, make and puredata-dev have what it needs."
    if sys.platform != "linux":
        return "The external was not built: it is tested only on Linux, where make in the folder builds it."
    if not any(path.exists() for path in _HEADERS):
        return f"The external was not built, as there is no m_pd.h here: {how}"
    if missing := [name for name in _PROGRAMS if shutil.which(name) is None]:
        return f"The external was not built, as {' and '.join(missing)} is missing here: {how}"
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("oscine~.cpp", "oscine.h", "Makefile"):
            shutil.copy(folder / name, scratch)
        try:
            command = ["make", "--silent", "CXX=c++"]
            done = subprocess.run(command, cwd=scratch, capture_output=True, check=False, timeout=_BUILD_S)
            is_built = done.returncode == 0
        except subprocess.TimeoutExpired:
            is_built = False
        if not is_built:
            return f"The external was not built, as the compiler failed: {how}"
        write_atomically(folder / EXTERNAL, (Path(scratch) / EXTERNAL).read_bytes())
    return None
