"""Builds the plug-ins: ``python -m tools.build_plugins OUT [PLATFORM ...]`` (``make plugins``).

The sources are in outlets/plugin and in the package's runtime; DPF is Debian's package dpf-source, or a
folder that OSCINE_DPF names. Linux is built by g++, Windows and macOS by ziglang from PyPI, if it can be run
as ``python -m ziglang`` by this Python, or by the one that OSCINE_ZIG names.

What is made is ``OUT/PLATFORM/``, with an instrument and an effect in each of the three formats.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from tools.plugin_bundles import bundle, licences, turtle, universal

import oscine
from oscine.streaming import Program

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "outlets" / "plugin"
RUNTIME, KERNELS = ROOT / "src/oscine/runtime/native", ROOT / "src/oscine/kernels/native"
DPF = Path(os.environ.get("OSCINE_DPF", "/usr/share/dpf"))
PUGL = DPF / "dgl" / "src" / "pugl-upstream" / "include"
BUILT = ROOT / "build" / "plugins"
# Name and label of each plug-in, and what its source is compiled with.
KINDS = {"Oscine": ("oscine", ()), "Oscine Voice": ("oscine_voice", ("-DOSCINE_VOICE",))}
FORMATS = "clap", "vst3", "lv2"
COMMON = ("-O3", "-g0", "-fwrapv", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-w")


EDITOR = "-DOSCINE_EDITOR", "-DHAVE_DGL", "-DDGL_OPENGL", "-DHAVE_OPENGL"
# Of DPF's own library for editors: what draws by another library is left out.
NOT_DRAWN_WITH = {"Cairo", "Vulkan"}


@dataclass(frozen=True)
class Platform:
    """Where a plug-in runs, and what builds it."""

    targets: tuple[str, ...]  # of zig, or () for the machine's own compiler
    vst3_folder: str
    suffix: str  # of a shared library
    flags: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    editor: tuple[str, ...] = ()  # flags; none where there is no editor
    editor_links: tuple[str, ...] = ()


PLATFORMS = {
    "linux-x86_64": Platform(
        (),
        "x86_64-linux",
        ".so",
        ("-fPIC", "-pthread"),
        ("-static-libstdc++", "-static-libgcc", "-Wl,--gc-sections", "-Wl,--no-undefined", "-pthread", "-s"),
        (*EDITOR, "-DHAVE_X11"),
        ("-lGL", "-lX11"),
    ),
    "windows-x86_64": Platform(
        ("x86_64-windows-gnu",),
        "x86_64-win",
        ".dll",
        links=("-s",),
        editor=EDITOR,
        editor_links=("-lopengl32", "-lgdi32", "-lcomdlg32", "-lole32", "-luuid", "-ldwmapi"),
    ),
    # Zig has no headers of Cocoa, so there is no editor.
    "macos": Platform(("aarch64-macos.11.0", "x86_64-macos.11.0"), "MacOS", ".dylib", ("-fPIC",), ("-s",)),
}


def silence() -> str:
    """Return a program of silence as a C array: the runtime tells its settings with any program loaded."""
    program = Program(48_000, 64)
    gain = program.input("gain")
    program.output = program.linear(gain, torch.zeros(64, 1))
    content = program.to_bytes()
    numbers = ",".join(map(str, content))
    return f"static const unsigned char OSCINE_SILENCE[{len(content)}] = {{{numbers}}};\n"


def compilers(platform: Platform) -> list[list[str]]:
    """Return a command for each target."""
    if not platform.targets:
        return [[os.environ.get("CXX", "g++")]]
    zig = [os.environ.get("OSCINE_ZIG", sys.executable), "-m", "ziglang", "c++"]
    return [[*zig, "-target", target] for target in platform.targets]


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr[-4000:]}")


def _compile(command: list[str], source: Path, made: Path, depends: Sequence[Path]) -> Path:
    """Compile a source, unless that was done since what it depends on or the command changed."""
    files = [path for folder in depends for path in folder.glob("*") if path.suffix in {".h", ".cpp"}]
    newest = max(path.stat().st_mtime for path in (source, *files))
    done_by, said = made.with_suffix(".txt"), " ".join(command)
    was_same = done_by.exists() and done_by.read_text() == said
    if not was_same or not made.exists() or made.stat().st_mtime < newest:
        _run([*command, "-c", source, "-o", made])
        done_by.write_text(said)
    return made


def build(platform: Platform, folder: Path, formats: Sequence[str] = FORMATS) -> dict[tuple[str, str], Path]:
    """Compile all plug-ins of a platform, and return the libraries by name and format."""
    made: dict[tuple[str, str], list[Path]] = {}
    for compiler in compilers(platform):
        objects = folder / (compiler[-1] if platform.targets else "native")
        objects.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for key, library in _build_one(platform, compiler, objects, formats, pool).items():
                made.setdefault(key, []).append(library)
    return {key: universal(libraries) for key, libraries in made.items()}


def _patched(objects: Path) -> Path:
    """Return a copy of DPF's sources for CLAP that outlives a host without the extension for latency."""
    folder = objects / "dpf"
    (folder / "src").mkdir(parents=True, exist_ok=True)
    call = "fHostExtensions.latency->changed(fHost);"
    text = (DPF / "distrho" / "src" / "DistrhoPluginCLAP.cpp").read_text(encoding="utf-8")
    if call not in text:
        raise SystemExit(f"DPF in {DPF} is another version than 1.6: {call} is not in its source.")
    main = (DPF / "distrho" / "DistrhoPluginMain.cpp").read_text(encoding="utf-8")
    guarded = text.replace(call, f"if (fHostExtensions.latency != nullptr) {call}")
    for path, content in (
        (folder / "DistrhoPluginMain.cpp", main),
        (folder / "src" / "DistrhoPluginCLAP.cpp", guarded),
    ):
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")
    return folder


def _build_one(
    platform: Platform,
    compiler: list[str],
    objects: Path,
    formats: Sequence[str],
    pool: ThreadPoolExecutor,
) -> dict[tuple[str, str], Path]:
    header = objects / "silence.h"
    if not header.exists() or header.read_text() != silence():
        header.write_text(silence())
    command = [*compiler, *COMMON, *platform.flags, f"-I{RUNTIME}"]
    plain = [*command, f"-I{KERNELS}", "-std=c++17", "-fno-rtti"]
    # Not the kernels' folder: its memory.h is another than that of C.
    include = [
        f"-I{path}"
        for path in (SOURCES, DPF / "distrho", DPF / "distrho" / "src", DPF / "dgl", PUGL, objects)
    ]
    with_dpf = [*command, *include, "-std=c++20", *platform.editor]
    with_dpf += [f"-DOSCINE_VERSION={oscine.__version__.replace('.', ',')}"]
    of_runtime, of_plugin = (RUNTIME, KERNELS), (SOURCES, RUNTIME, KERNELS)
    own, roots = ["plugin"], ["DistrhoPluginMain"]
    shared = [
        pool.submit(_compile, plain, source, objects / f"{source.stem}.o", of_runtime)
        for source in sorted(RUNTIME.glob("*.cpp"))
    ]
    if platform.editor:
        own, roots = ["plugin", "editor"], ["DistrhoPluginMain", "DistrhoUIMain"]
        shared += [
            pool.submit(_compile, with_dpf, source, objects / f"dgl-{source.stem}.o", ())
            for source in sorted((DPF / "dgl" / "src").glob("*.cpp"))
            if source.stem not in NOT_DRAWN_WITH
        ]
    patched = _patched(objects)
    made = {}
    for name, (label, defines) in KINDS.items():
        of_kind = [*with_dpf, *defines]
        parts = [
            pool.submit(_compile, of_kind, SOURCES / f"{one}.cpp", objects / f"{label}-{one}.o", of_plugin)
            for one in own
        ]
        for form in formats:
            target = [*of_kind, f"-DDISTRHO_PLUGIN_TARGET_{form.upper()}"]
            mains = [
                pool.submit(
                    _compile,
                    target,
                    (patched if (one, form) == ("DistrhoPluginMain", "clap") else DPF / "distrho")
                    / f"{one}.cpp",
                    objects / f"{label}-{form}-{one}.o",
                    (SOURCES,),
                )
                for one in roots
            ]
            script = DPF / "utils" / "symbols" / f"{form}.version"
            hidden = [] if platform.targets else [f"-Wl,--version-script={script}"]
            inputs = [one.result() for one in (*shared, *parts, *mains)]
            library = objects / f"{label}-{form}{platform.suffix}"
            links = [*platform.links, *hidden, *(platform.editor_links if platform.editor else ())]
            _run([*compiler, "-shared", *inputs, "-o", library, *links])
            made[name, form] = library
    return made


def main() -> None:
    """Build what is asked for, and say how large each binary is."""
    parser = argparse.ArgumentParser(description="Build the plug-ins.")
    parser.add_argument("output", type=Path)
    parser.add_argument("platforms", nargs="*", default=[*PLATFORMS], metavar=f"{{{','.join(PLATFORMS)}}}")
    arguments = parser.parse_args()
    if not (DPF / "distrho" / "DistrhoPluginMain.cpp").exists():
        raise SystemExit(f"DPF is not in {DPF}; on Debian, install the package dpf-source.")
    unknown = set(arguments.platforms) - set(PLATFORMS)
    if unknown:
        raise SystemExit(f"{', '.join(sorted(unknown))} is not known; give some of {', '.join(PLATFORMS)}.")
    native = build(PLATFORMS["linux-x86_64"], BUILT / "linux-x86_64")
    texts = {
        name: turtle(native[name, "lv2"], label, BUILT / "turtle", DPF) for name, (label, _) in KINDS.items()
    }
    for title in arguments.platforms:
        platform = PLATFORMS[title]
        libraries = native if title == "linux-x86_64" else build(platform, BUILT / title)
        folder = arguments.output / title
        for (name, form), library in libraries.items():
            made = bundle(library, name, KINDS[name][0], form, folder, platform.vst3_folder, texts[name])
            print(f"{made}: {library.stat().st_size / 1000:.0f} kB")
        (folder / "LICENSES.txt").write_text(licences(DPF), encoding="utf-8")


if __name__ == "__main__":
    main()
