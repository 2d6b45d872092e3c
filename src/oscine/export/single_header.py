"""The C++ runtime as one header, from the sources in the package."""

import re
from pathlib import Path

import oscine

_PACKAGE = Path(oscine.__file__).parent
_FOLDERS = _PACKAGE / "runtime" / "native", _PACKAGE / "kernels" / "native"
_INTERFACE = "oscine_runtime.h"
_SOURCES = (
    "portable.cpp",
    "engines.cpp",
    "runtime.cpp",
    "live.cpp",
    "keyboard.cpp",
    "listener.cpp",
    "performer.cpp",
)
_INCLUDE = re.compile(r'^#include "([^"]+)"$', re.MULTILINE)

_HEAD = """\
// The runtime of Oscine {version} as one header: C++17 inside, a C interface, no library but those of C.
// Apache License 2.0. In one C++ file, define OSCINE_IMPLEMENTATION before including it:
//
//     #define OSCINE_IMPLEMENTATION
//     #include "oscine.h"
//
// Compile that file with GCC or Clang:
//
//     -std=c++17 -O3 -fwrapv -fno-math-errno -fno-trapping-math -fno-exceptions -fno-rtti
//
// For a chip without an operating system, define these as well (docs/how-to/devices.md has what was tried):
//
//     #define WIDTH 1          // no vectors
//     #define OSCINE_FRAMES 1  // a frame at a time takes less memory
//
// and, for a Cortex-M7, compile by
//
//     arm-none-eabi-g++ -mcpu=cortex-m7 -mfpu=fpv5-d16 -mfloat-abi=hard -mthumb -ffunction-sections
//
// with the options above, and link with -Wl,--gc-sections. Give oscine_load memory of your own, as many bytes
// as oscine_size says: nothing is allocated then. The program may stay in flash.
"""

# All is in one file here, so nothing with internal linkage can meet another of its name.
_QUIET = """\
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#pragma GCC diagnostic ignored "-Wpsabi"
#endif
"""


def single_header() -> str:
    """Return the runtime as the text of one header: its C interface and its implementation."""
    inlined = {_INTERFACE}
    interface = _source(_INTERFACE).replace("#pragma once\n", "")
    sources = "".join(_inline(_source(name), inlined) for name in _SOURCES)
    return (
        f"{_HEAD.format(version=oscine.__version__)}#ifndef OSCINE_H\n#define OSCINE_H\n{interface}#endif\n\n"
        f"#if defined(OSCINE_IMPLEMENTATION) && !defined(OSCINE_IMPLEMENTED)\n#define OSCINE_IMPLEMENTED\n"
        f"#define OSCINE_ONE_ENGINE\n{_QUIET}{sources}#endif\n"
    )


def _source(name: str) -> str:
    path = next(folder / name for folder in _FOLDERS if (folder / name).exists())
    return path.read_text(encoding="utf-8")


def _inline(text: str, inlined: set[str]) -> str:
    """Return a source with our own headers in the places where they are included first."""

    def content(found: re.Match[str]) -> str:
        name = found[1]
        if name in inlined:
            return ""
        inlined.add(name)
        return _inline(_source(name), inlined)

    return _INCLUDE.sub(content, text.replace("#pragma once\n", ""))
