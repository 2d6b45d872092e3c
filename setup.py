"""Builds the compiled kernels, where there is a C++ compiler; all else is in pyproject.toml.

The library has a plain C interface and knows neither Python nor torch, so the wheel fits every Python 3 and
every torch on its platform. Without a compiler the package is installed all the same, and computes in torch.
Another platform's wheel is built the same way: CC and CXX name a compiler for it, and
_PYTHON_HOST_PLATFORM the platform.
"""

import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

KERNELS, RUNTIME = "src/oscine/kernels/native", "src/oscine/runtime/native"
# The same as in oscine/kernels/library.py, which loads it.
SUFFIXES = {"win": ".dll", "macosx": ".dylib"}
SUFFIX = SUFFIXES.get(sysconfig.get_platform().split("-")[0], ".so")
LIBRARY = Extension(
    "oscine.kernels.liboscine",
    sources=[path.as_posix() for folder in (KERNELS, RUNTIME) for path in sorted(Path(folder).glob("*.cpp"))],
    include_dirs=[KERNELS],
    depends=[path.as_posix() for folder in (KERNELS, RUNTIME) for path in sorted(Path(folder).glob("*.h"))],
    language="c++",
    extra_compile_args=[
        "-std=c++17",
        "-O3",
        "-g0",
        # Phases are binary fractions of a turn: integers that are meant to wrap.
        "-fwrapv",
        "-fno-math-errno",
        "-fno-trapping-math",
        "-fvisibility=hidden",
        "-Wno-psabi",
        "-Wno-unknown-pragmas",
    ],
    extra_link_args=["-pthread"],
    optional=True,
)


class BuildLibrary(build_ext):
    """Builds a library that is loaded by its path, so its name carries no version of Python."""

    def build_extension(self, ext: Extension) -> None:
        """Build it, and let nothing that was built earlier pass for it."""
        Path(self.get_ext_fullpath(ext.name)).unlink(missing_ok=True)
        super().build_extension(ext)

    def get_ext_filename(self, fullname: str) -> str:
        """Return the file's path in the package."""
        return f"{fullname.replace('.', '/')}{SUFFIX}"


class PlatformWheel(bdist_wheel):
    """A wheel for this platform and any Python 3; for any platform where nothing was compiled."""

    def finalize_options(self) -> None:
        """Say that the wheel is not pure."""
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self) -> tuple[str, str, str]:
        """Return the tag, from whether there is a library in what was built."""
        compiled = any(Path(self.bdist_dir or "build").rglob(f"liboscine{SUFFIX}"))
        return "py3", "none", super().get_tag()[2] if compiled else "any"


setup(ext_modules=[LIBRARY], cmdclass={"build_ext": BuildLibrary, "bdist_wheel": PlatformWheel})
