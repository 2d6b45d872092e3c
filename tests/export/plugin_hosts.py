"""The plug-ins in real hosts: ``python -m tests.export.plugin_hosts OUT``.

Plays the plug-ins in each host that is here, compares their sound with Python's, and writes the figures to
``OUT/plugins.json``. What is not here is skipped with a sentence; what is wrong ends the run with code 1.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from benchmarks.page import machine, write_section
from tests.export import plugin_editor
from tests.export.plugin_jobs import (
    DPF,
    HOSTS,
    KINDS,
    ROOT,
    Host,
    Job,
    Note,
    Played,
    SanitizedClap,
    ScriptHost,
)
from tests.performance.scores import LEARNED

from oscine.models import Instrument, InstrumentConfig
from oscine.models.inputs import CentroidConfig, F0Config, LoudnessConfig
from oscine.processors import HarmonicConfig, NoiseConfig, ReverbConfig
from oscine.runtime import Performer
from oscine.streaming import Program

RATES = 44_100, 48_000, 96_000
BLOCKS = 1, 64, 128, 512, 1024, 8192
VOICES = 4
ON, OFF = 0x90, 0x80
BUILT = ROOT / "src" / "oscine" / "export" / "plugins"


def instrument(seed: int) -> bytes:
    """Return a small instrument with an input that has a knob, its weights at random."""
    torch.manual_seed(seed)
    config = InstrumentConfig(
        sample_rate=16_000,
        hop_length=64,
        inputs=(F0Config(), LoudnessConfig(), CentroidConfig()),
        synth=(HarmonicConfig(n_harmonics=20), NoiseConfig(n_bands=17)),
        effects=(ReverbConfig(ir_s=0.2),),
    )
    return (
        Instrument(config, LEARNED, {"licence": "cc-by-3.0", "credit": "Somebody"})
        .eval()
        .program()
        .to_bytes()
    )


def marker() -> bytes:
    """Return a program whose sound is its pitch, in a line from frame to frame, as all controls go."""
    program = Program(16_000, 64)
    f0_hz = program.input("f0_hz", default=220.0)
    steady = program.linear(f0_hz, torch.zeros(64, 1), torch.ones(64))
    program.output = program.gain(steady, program.affine(f0_hz, 1e-3, 0.0))
    return program.to_bytes()


def melody(rate: int) -> list[Note]:
    """Return notes that overlap, at samples that are no frame's."""
    at = [int(rate * seconds) for seconds in (0.011, 0.2, 0.31, 0.5, 0.6, 0.7)]
    return [
        (at[0], ON, 57, 100),
        (at[1], ON, 64, 60),
        (at[2], OFF, 57, 0),
        (at[3], ON, 69, 120),
        (at[4], OFF, 64, 0),
        (at[5], OFF, 69, 0),
    ]


def sung(rate: int, seconds: float = 1.0) -> np.ndarray:
    """Return a tone with harmonics that glides and breathes."""
    time = np.arange(int(rate * seconds)) / rate
    phase = 2 * np.pi * np.cumsum(196 * 2 ** (0.3 * np.sin(2 * np.pi * 0.7 * time))) / rate
    tone = sum(np.sin(k * phase) / k for k in range(1, 9))
    return (0.2 * tone * np.sin(np.pi * time / seconds) ** 0.5).astype(np.float32)


def expected(content: bytes, job: Job) -> tuple[np.ndarray, int]:
    """Return what Python's performer plays, and its latency."""
    is_voice = job.kind == "voice"
    performer = Performer(content, job.rate, 1 if is_voice else VOICES)
    settings = {name: value for name, value in job.settings.items() if not name.startswith("macro")}
    performer.set(**settings, source=1.0 if is_voice else 0.0)
    performer.reset()
    if job.heard:
        return performer.play(job.n_samples, np.fromfile(job.heard, np.float32)), performer.voice_latency
    sound, at = [], 0
    for when, *message in job.notes:
        sound.append(performer.play(when - at))
        performer.take(bytes(message))
        at = when
    return np.concatenate([*sound, performer.play(job.n_samples - at)]), performer.note_latency


class Check:
    """The checks of one host; each returns figures or raises AssertionError."""

    def __init__(self, host: Host, work: Path) -> None:
        self.host, self.work = host, work
        self.shelf = work / "instruments"

    def _only(self, **contents: bytes) -> Path:
        """Return a folder that holds these instruments and no other."""
        shutil.rmtree(self.shelf, ignore_errors=True)
        self.shelf.mkdir(parents=True)
        for name, content in contents.items():
            (self.shelf / f"{name}.oscine").write_bytes(content)
        return self.shelf

    def _settings(self, **settings: float) -> dict[str, float]:
        return settings if self.host.has_parameters else {}

    def sound(self) -> dict[str, float]:
        """Notes and a voice sound as in Python at each rate, the same to the bit at each block size."""
        worst = 0.0
        content = instrument(1)
        shelf = self._only(one=content)
        for rate in RATES:
            # Blocks of one sample take most of the time.
            blocks = BLOCKS if rate == RATES[0] or not self.host.is_slow else BLOCKS[1:]
            heard = self.work / "heard.f32"
            sung(rate).tofile(heard)
            for job in (
                Job("instrument", rate, rate, blocks, melody(rate), settings=self._settings(octave=1.0)),
                Job("voice", rate, rate, blocks, heard=heard, settings=self._settings(octave=-1.0)),
            ):
                played = self.host.play(job, shelf)
                aim, latency = expected(content, job)
                audio = played.audio
                if self.host.takes_latency_away and job.heard:
                    aim, audio = aim[latency:], [one[: rate - latency] for one in audio]
                peak = float(np.abs(aim).max())
                assert peak > 1e-3, "Python plays nothing"
                for block, one in zip(blocks, audio, strict=True):
                    assert np.array_equal(one, audio[0]), (
                        f"{job.kind} at {rate} Hz: blocks of {block} sound different"
                    )
                difference = float(np.abs(audio[0] - aim).max()) / peak
                assert difference < self.host.tolerance, (
                    f"{job.kind} at {rate} Hz: {difference:.1e} from Python"
                )
                assert played.latency == latency, f"{job.kind}: reports {played.latency}, Python {latency}"
                worst = max(worst, difference)
        return {"difference": worst}

    def state(self) -> dict[str, float]:
        """A state brings back the instrument and the parameters, and says what it can't bring back."""
        one, other, rate = instrument(1), instrument(2), 48_000
        saved = self.work / "saved.state"
        job = Job(
            "instrument",
            rate,
            rate // 2,
            notes=melody(rate)[:2],
            settings=self._settings(level_db=-6.0, macro_1=0.8),
        )
        again = Job("instrument", rate, rate // 2, (512, 512), melody(rate)[:2], load=saved)
        # Twice, because some hosts hand parameters over with the first block.
        saving = Job(
            "instrument", rate, rate // 2, (512, 512), melody(rate)[:2], settings=job.settings, save=saved
        )
        first = self.host.play(saving, self._only(other=other)).audio[1]
        assert np.abs(first).max() > 1e-3
        two = self._only(one=one, other=other)
        nothing = self.host.play(Job("instrument", rate, rate // 2, notes=job.notes), two)
        self._silent(nothing, "Choose one of 2 instruments")
        assert np.array_equal(self.host.play(again, two).audio[1], first), "the state sounds different"
        shelf = self._only(one=one)
        (shelf / "renamed.oscine").write_bytes(other)
        assert np.array_equal(self.host.play(again, shelf).audio[1], first), "a renamed file is not found"
        self._silent(self.host.play(again, self._only(one=one)), "There is no file")
        self._silent(self.host.play(again, self._only(other=one)), "is not the file that was saved")
        self._silent(self.host.play(nothing_loaded(job), self._only(broken=other[:-100])), "broken.oscine: ")
        self._silent(self.host.play(nothing_loaded(job), self._only(broken=b"nothing")), "broken.oscine: ")
        self._silent(self.host.play(nothing_loaded(job), self._only()), "No instrument was found")
        return {}

    def _silent(self, played: Played, message: str) -> None:
        assert not any(audio.any() for audio in played.audio), f"it is not silent, but should say: {message}"
        assert message in played.said, f"it says {played.said[-500:]!r}, not {message!r}"

    def latency(self) -> dict[str, float]:
        """What is reported is what a step of the pitch measures, to the sample."""
        worst = 0.0
        for rate in RATES:
            frame, at = 64 * rate / 16_000, rate // 10  # where a frame begins
            notes: list[Note] = [(0, ON, 57, 127), (at, ON, 69, 127)]
            settings = {"voices": 1.0, "glide_s": 0.0}
            job = Job("instrument", rate, rate // 4, notes=notes, settings=settings)
            played = self.host.play(job, self._only(marker=marker()))
            # The pitch arrives with the end of the frame, and its middle half a frame before.
            measured = _middle(played.audio[0]) - at + frame / 2
            worst = max(worst, abs(measured - played.latency))
            assert abs(measured - played.latency) <= 1, (
                f"{rate} Hz: {measured:.1f} measured, {played.latency} reported"
            )
        return {"latency_error_samples": round(worst, 2)}

    def load(self) -> dict[str, float]:
        """The share of a core, one voice and four, and the times of blocks of 128 samples at 48 kHz."""
        rate, figures = 48_000, {}
        shelf = self._only(
            one=Path(os.environ["OSCINE_LOADED"]).read_bytes()
            if "OSCINE_LOADED" in os.environ
            else instrument(1)
        )
        for n in (1, 4):
            notes: list[Note] = [(0, ON, 57 + 4 * i, 100) for i in range(n)]
            facts = self.host.play(Job("instrument", rate, 10 * rate, (128,), notes), shelf).facts
            figures |= {f"{key}_{n}": facts[key] for key in ("load", "p50_us", "p99_us", "max_us")}
        return figures


def nothing_loaded(job: Job) -> Job:
    """Return a job without a state or settings."""
    return Job(job.kind, job.rate, job.n_samples, job.blocks, job.notes)


def _middle(audio: np.ndarray) -> float:
    """Return where a step from an octave below is in its middle, between samples."""
    middle = 0.75 * float(audio[-1])
    at = int(np.flatnonzero(audio < middle)[-1]) + 1
    return at - float((audio[at] - middle) / (audio[at] - audio[at - 1]))


def table(report: dict[str, dict[str, float]]) -> str:
    """Return the figures as a table of docs/how-to/plugins.md."""
    rows = [
        "| host | difference | latency, off by samples | load, one note and four, % | 99 % of blocks, µs |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for host, figures in report.items():
        if host == SanitizedClap.name:
            continue
        error = f"{figures['latency_error_samples']:.1f}" if "latency_error_samples" in figures else ""
        loads = f"{100 * figures['load_1']:.1f}, {100 * figures['load_4']:.1f}" if "load_1" in figures else ""
        times = f"{figures['p99_us_1']:.0f}, {figures['p99_us_4']:.0f}" if "load_1" in figures else ""
        rows.append(f"| {host} | {figures['difference']:.0e} | {error} | {loads} | {times} |")
    return "\n".join([*rows, "", f"*`python -m tests.export.plugin_hosts OUT --write`, on {machine()}.*"])


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Run all checks."""
    parser = argparse.ArgumentParser(description="Play the plug-ins in real hosts.")
    parser.add_argument("out", type=Path, help="the folder of the report")
    parser.add_argument(
        "--hosts", nargs="+", default=[one.__name__ for one in HOSTS], help="some of the hosts"
    )
    parser.add_argument("--write", action="store_true", help="write the table of docs/how-to/plugins.md")
    arguments = parser.parse_args()
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    plugins = Path(os.environ.get("OSCINE_PLUGINS", BUILT))
    if "OSCINE_PLUGINS" not in os.environ and (DPF / "distrho").exists():
        # Those that are there may be of older sources.
        build = [sys.executable, "-m", "tools.build_plugins", str(plugins), "linux-x86_64"]
        subprocess.run(build, check=True, cwd=ROOT)
    if not (plugins / "linux-x86_64").exists():
        _say(f"Skipped: there are no plug-ins in {plugins} and no DPF to build them; install dpf-source.")
        return
    report: dict[str, dict[str, float]] = {}
    n_failed = 0
    for make in HOSTS:
        if make.__name__ not in arguments.hosts:
            continue
        host = make(plugins, (out / make.__name__.lower()).resolve())
        if missing := host.missing():
            _say(f"{host.name}: skipped. {missing}")
            continue
        figures, failed = run(host)
        report[host.name] = figures
        n_failed += failed
    n_failed += look(plugins, out.resolve())
    (out / "plugins.json").write_text(json.dumps(report, indent=2))
    if arguments.write and not n_failed:
        write_section("hosts", table(report), "plugins")
    raise SystemExit(int(n_failed > 0))


def look(plugins: Path, out: Path) -> int:
    """Open both editors; return how many failed."""
    if missing := plugin_editor.missing():
        _say(f"Editors: skipped. {missing}")
        return 0
    shelf = out / "shown"
    shelf.mkdir(parents=True, exist_ok=True)
    (shelf / "violin.oscine").write_bytes(instrument(1))
    n_failed = 0
    for kind in KINDS:
        try:
            _say(f"Editor, {kind}: ok {plugin_editor.editor(kind, plugins, shelf, out)}")
        except (AssertionError, subprocess.CalledProcessError) as error:
            n_failed += 1
            _say(f"Editor, {kind}: FAILED: {error}")
    return n_failed


def run(host: Host) -> tuple[dict[str, float], int]:
    """Run the checks of a host; return the figures, and how many checks failed."""
    check = Check(host, host.work)
    checks: list[Callable[[], dict[str, float]]] = [check.sound, check.state]
    if host.has_parameters:
        checks += [check.latency]
    if isinstance(host, ScriptHost):
        checks += [check.load]
    figures: dict[str, float] = {}
    n_failed = 0
    for one in checks:
        began = time.monotonic()
        try:
            found = one()
        except (AssertionError, IndexError, subprocess.CalledProcessError) as error:
            n_failed += 1
            _say(f"{host.name}: {one.__name__} FAILED: {error}")
        else:
            figures |= found
            _say(f"{host.name}: {one.__name__} ok, {time.monotonic() - began:.0f} s {found or ''}")
    host.close()
    return figures, n_failed


if __name__ == "__main__":
    main()
