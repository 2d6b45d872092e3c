"""One job for every host: which plug-in plays what, and where its sound goes.

A host is a program of its own, so that a crash is a failed job. Each is missing where its tools are not here.
"""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from tools.build_plugins import BUILT, PLATFORMS, build

HERE = Path(__file__).parent / "hosts"
ROOT = Path(__file__).parents[2]
DPF = Path(os.environ.get("OSCINE_DPF", "/usr/share/dpf"))
VST3_HOSTS = "pedalboard==0.9.26", "dawdreamer==0.9.0"
KINDS = {"instrument": ("Oscine", "oscine"), "voice": ("Oscine Voice", "oscine_voice")}
Note = tuple[int, int, int, int]


@dataclass(frozen=True)
class Job:
    """What a plug-in is asked to play."""

    kind: str  # of KINDS
    rate: int
    n_samples: int
    blocks: Sequence[int] = (512,)
    notes: Sequence[Note] = ()  # sample, and the bytes of the message
    heard: Path | None = None
    load: Path | None = None
    save: Path | None = None
    settings: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Played:
    """What a host reports."""

    audio: list[np.ndarray]  # for each block
    latency: int
    said: str  # the error output
    facts: dict[str, float]  # load and times of the last block size, of the C hosts


class Host:
    """A host: what it needs, and how it plays a job."""

    name = ""
    takes_latency_away = False  # of an effect
    is_slow = False
    has_parameters = True
    tolerance = 1e-6  # of the peak; the same sound is rounded a little differently by other flags

    def __init__(self, plugins: Path, work: Path) -> None:
        self.plugins, self.work = plugins, work
        self.made: set[Path] = set()  # the hosts that were compiled
        work.mkdir(parents=True, exist_ok=True)

    def missing(self) -> str:
        """Return a sentence that says what is missing, or nothing."""
        raise NotImplementedError

    def play(self, job: Job, instruments: Path) -> Played:
        """Play a job, with the instruments of a folder."""
        raise NotImplementedError

    def close(self) -> None:
        """End what was begun."""

    def _run(self, command: Sequence[str | Path], instruments: Path) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "OSCINE_INSTRUMENTS": str(instruments), "WINEDEBUG": "-all"}
        done = subprocess.run(
            list(map(str, command)),
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"{self.name} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done

    def _outs(self, job: Job) -> list[Path]:
        return [self.work / f"{i}-{block}.f32" for i, block in enumerate(job.blocks)]


class ScriptHost(Host):
    """A host in C, which does what a script says."""

    has_instances = False  # made before a state is loaded

    def command(self, job: Job, script: Path) -> list[str | Path]:
        """Return how the host is run."""
        raise NotImplementedError

    def path(self, path: Path) -> str:
        """Return a path as the host's system writes it."""
        return str(path)

    def play(self, job: Job, instruments: Path) -> Played:
        """Play a job, with the instruments of a folder."""
        outs, script = self._outs(job), self.work / "script.txt"
        lines = [f"heard {self.path(job.heard)}"] if job.heard else []
        lines += [f"instance {job.rate}"] if self.has_instances else []
        lines += [f"load {self.path(job.load)}"] if job.load else []
        lines += [f"set {name} {value}" for name, value in job.settings.items()]
        if self.has_instances and "voices" in job.settings:
            # LV2 hands parameters over with the first block; the voices are then made in the background.
            lines += [f"activate {job.rate}", f"play 64 64 {outs[0]}", "wait", "deactivate"]
        for block, out in zip(job.blocks, outs, strict=True):
            lines += [f"activate {job.rate}", *(f"note {' '.join(map(str, note))}" for note in job.notes)]
            lines += [f"play {job.n_samples} {block} {self.path(out)}", "latency", "deactivate"]
        lines += [f"save {self.path(job.save)}"] if job.save else []
        script.write_text("\n".join(lines) + "\n")
        done = self._run(self.command(job, script), instruments)
        facts = dict(line.split()[:2] for line in done.stdout.splitlines() if len(line.split()) == 2)
        audio = [np.fromfile(out, np.float32) for out in outs]
        numbers = {name: float(value) for name, value in facts.items()}
        return Played(audio, int(numbers["latency"]), done.stderr, numbers)


class Clap(ScriptHost):
    """A CLAP host in C."""

    name = "CLAP, C host"
    flags: Sequence[str] = ()
    compiler: Sequence[str] = ("gcc",)

    def missing(self) -> str:
        """Return a sentence that says what is missing, or nothing."""
        if not shutil.which("gcc") or not DPF.exists():
            return "The CLAP host needs gcc and the headers in DPF: install gcc and dpf-source."
        return ""

    def plugin(self, kind: str) -> Path:
        """Return the plug-in's file."""
        return self.plugins / "linux-x86_64" / f"{KINDS[kind][0]}.clap"

    def command(self, job: Job, script: Path) -> list[str | Path]:
        """Return how the host is run."""
        host = self.work / "clap_host"
        if host not in self.made:
            source = ["-std=c11", "-O2", f"-I{DPF / 'distrho' / 'src'}", str(HERE / "clap_host.c")]
            subprocess.run([*self.compiler, *self.flags, *source, "-o", str(host), "-ldl"], check=True)
            self.made.add(host)
        return [host, self.plugin(job.kind).resolve(), f"oscine.{job.kind}", script]


class SanitizedClap(Clap):
    """The same with the address and undefined-behaviour sanitizers in host and plug-in, without an editor."""

    name = "CLAP, sanitized"
    tolerance = 1e-5  # not optimized alike
    flags = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")

    def plugin(self, kind: str) -> Path:
        """Return the plug-in's file, built where it is not there."""
        if kind not in self._plugins:
            flags = ("-fPIC", "-pthread", "-O1", *self.flags)
            platform = replace(
                PLATFORMS["linux-x86_64"], flags=flags, links=("-pthread", *self.flags), editor=()
            )
            made = build(platform, BUILT / "sanitized", ("clap",))
            self._plugins = {one: made[name, "clap"] for one, (name, _) in KINDS.items()}
        return self._plugins[kind]

    def __init__(self, plugins: Path, work: Path) -> None:
        super().__init__(plugins, work)
        self._plugins: dict[str, Path] = {}


class WindowsClap(Clap):
    """The same for Windows, under wine."""

    name = "CLAP for Windows, C host in wine"
    tolerance = 1e-5  # another compiler

    def missing(self) -> str:
        """Return a sentence that says what is missing, or nothing."""
        if not shutil.which("wine"):
            return "The Windows plug-in needs wine: install wine and wine64."
        if zig() is None:
            return "The Windows host is built by ziglang: set OSCINE_ZIG to a Python that has it."
        if not self.plugin("instrument").exists():
            return "The Windows plug-ins were not built: run make plugins."
        return ""

    def plugin(self, kind: str) -> Path:
        """Return the plug-in's file."""
        return self.plugins / "windows-x86_64" / f"{KINDS[kind][0]}.clap"

    def path(self, path: Path) -> str:
        """Return a path as wine has it."""
        return "Z:" + str(path.resolve()).replace("/", "\\")

    def command(self, job: Job, script: Path) -> list[str | Path]:
        """Return how the host is run."""
        host = self.work / "clap_host.exe"
        if host not in self.made:
            compiler = [*(zig() or ()), "cc", "-target", "x86_64-windows-gnu"]
            source = ["-std=c11", "-O2", f"-I{DPF / 'distrho' / 'src'}", str(HERE / "clap_host.c")]
            subprocess.run([*compiler, *source, "-o", str(host)], check=True)
            self.made.add(host)
        return ["wine", host, self.path(self.plugin(job.kind)), f"oscine.{job.kind}", self.path(script)]

    def play(self, job: Job, instruments: Path) -> Played:
        """Play a job, with the instruments of a folder."""
        return super().play(job, Path(self.path(instruments)))


class Lv2(ScriptHost):
    """An LV2 host on lilv, in C."""

    name = "LV2, lilv"
    has_instances = True

    def missing(self) -> str:
        """Return a sentence that says what is missing, or nothing."""
        command = ["pkg-config", "--exists", "lilv-0", "lv2"]
        if not shutil.which("pkg-config") or subprocess.run(command, check=False).returncode:
            return "The LV2 host needs lilv: install liblilv-dev, lv2-dev and pkg-config."
        return ""

    def command(self, job: Job, script: Path) -> list[str | Path]:
        """Return how the host is run."""
        host, label = self.work / "lv2_host", KINDS[job.kind][1]
        if host not in self.made:
            flags = subprocess.check_output(["pkg-config", "--cflags", "--libs", "lilv-0", "lv2"], text=True)
            subprocess.run(
                ["gcc", "-std=c11", "-O2", str(HERE / "lv2_host.c"), "-o", str(host), *flags.split()],
                check=True,
            )
            self.made.add(host)
        bundle = (self.plugins / "linux-x86_64" / f"{label}.lv2").resolve()
        return [host, f"{bundle}/", f"urn:oscine:{job.kind}", script]


class Vst3(Host):
    """A VST3 host on JUCE, from PyPI, in an environment of its own."""

    module = ""
    is_slow = True

    def missing(self) -> str:
        """Return a sentence that says what is missing, or nothing."""
        python = hosts_python()
        return "" if python else f"The VST3 hosts could not be installed: pip install {' '.join(VST3_HOSTS)}."

    def __init__(self, plugins: Path, work: Path) -> None:
        super().__init__(plugins, work)
        self._process: subprocess.Popen[str] | None = None
        self._said = work / "said.txt"

    def play(self, job: Job, instruments: Path) -> Played:
        """Play a job, with the instruments of a folder."""
        if self._process is None:
            command = [str(hosts_python()), str(HERE / "vst3_host.py")]
            with self._said.open("w") as said:
                self._process = subprocess.Popen(
                    command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said
                )
        outs = self._outs(job)
        asked = {
            "host": self.module,
            "instruments": str(instruments),
            "plugin": str((self.plugins / "linux-x86_64" / f"{KINDS[job.kind][0]}.vst3").resolve()),
            "rate": job.rate,
            "samples": job.n_samples,
            "blocks": list(job.blocks),
            "outs": [str(out) for out in outs],
            "notes": [list(note) for note in job.notes],
            "heard": str(job.heard) if job.heard else None,
            "load": str(job.load) if job.load else None,
            "save": str(job.save) if job.save else None,
            "set": self.settings(job),
        }
        said_before = len(self._said.read_text(errors="replace"))
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        said = self._said.read_text(errors="replace")[said_before:]
        if not answer.startswith("{"):
            code = self._process.wait(60)
            self._process = None
            raise AssertionError(f"{self.name} ended with {code}: {answer} {said[-2000:]}")
        return Played([np.fromfile(out, np.float32) for out in outs], json.loads(answer)["latency"], said, {})

    def close(self) -> None:
        """End the host's process."""
        if self._process is not None and self._process.stdin:
            self._process.stdin.close()
            self._process.wait(60)

    def settings(self, job: Job) -> dict[str, float]:
        """Return the settings as this host names and scales them."""
        raise NotImplementedError


class Pedalboard(Vst3):
    """Spotify's pedalboard. Its parameters are left as they are, because finding them takes it a minute."""

    name, module = "VST3, pedalboard 0.9.26", "pedalboard"
    takes_latency_away = True
    has_parameters = False

    def settings(self, job: Job) -> dict[str, float]:
        """Return the settings as this host names and scales them."""
        return {}


class DawDreamer(Vst3):
    """DawDreamer: parameters go from 0 to 1."""

    name, module = "VST3, DawDreamer 0.9.0", "dawdreamer"

    def settings(self, job: Job) -> dict[str, float]:
        """Return the settings as this host names and scales them."""
        scales = {
            "octave": ("Octave", -4, 4),
            "level_db": ("Level", -60, 12),
            "macro_1": ("Macro 1", 0, 1),
            "voices": ("Voices", 1, 8),
            "glide_s": ("Glide", 0, 5),
        }
        scaled = {}
        for key, value in job.settings.items():
            name, least, most = scales[key]
            scaled[name] = (value - least) / (most - least)
        return scaled


def zig() -> list[str] | None:
    """Return how ziglang is run, or None where it is not here."""
    for python in (os.environ.get("OSCINE_ZIG", ""), str(ROOT / ".cache/zig/bin/python"), sys.executable):
        command = [python, "-m", "ziglang"]
        if (
            shutil.which(python)
            and not subprocess.run([*command, "version"], capture_output=True, check=False).returncode
        ):
            return command
    return None


def hosts_python() -> Path | None:
    """Return a Python that has the VST3 hosts, made once; or None where they can't be had."""
    folder = Path(os.environ.get("OSCINE_VST3_HOSTS", ROOT / ".cache" / "vst3-hosts"))
    python = folder / "bin" / "python"
    installed = [str(python), "-c", "import pedalboard, dawdreamer"]
    if python.exists() and not subprocess.run(installed, capture_output=True, check=False).returncode:
        return python
    venv.create(folder, with_pip=True)
    command = [
        str(python),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
        "numpy",
        *VST3_HOSTS,
    ]
    return None if subprocess.run(command, check=False).returncode else python


HOSTS = (Clap, SanitizedClap, Lv2, Pedalboard, DawDreamer, WindowsClap)
