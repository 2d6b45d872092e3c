"""The exported page in Chromium: ``python -m tests.export.browser OUT [INSTRUMENT]``.

It plays the page and measures what sounds. It needs Debian's chromium, nodejs and npm, and installs
playwright-core, axe-core and typescript into ``OUT/node`` unless they are there. INSTRUMENT is a trained
instrument's folder; without it one is made that was trained on nothing.
"""

import functools
import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import torch
from tests.performance.scores import LEARNED

import oscine
from oscine.export import export
from oscine.models import Instrument, InstrumentConfig, load_recipe
from oscine.models.inputs import CurveConfig, F0Config, IdentityConfig, LoudnessConfig
from oscine.processors import HarmonicConfig, NoiseConfig, Reverb, ReverbConfig
from oscine.runtime import Performer
from oscine.transfer import load

HERE = Path(__file__).parent
TOOLS = "chromium", "node", "npm"
TOLERANCE = 1e-5
SECONDS = 10
HUM_HZ = 220.0
_RELATIVE = "sub/path"
_MODULES = "playwright-core", "axe-core", "typescript"
_MARKUP = '<img src="x" onerror="alert(1)">'
_NAMES = ["Constructor", "Bow pressure", "Who plays"]
_TYPES = {
    "compilerOptions": {
        **dict.fromkeys(("checkJs", "allowJs", "noEmit", "strict", "skipLibCheck"), True),
        **dict.fromkeys(("target", "module"), "es2022"),
        "moduleResolution": "bundler",
        "types": [],
        "lib": ["es2023", "dom", "dom.iterable"],
    },
    "files": ["page.js", "oscine-instrument.js", "worklet.js", "oscine-instrument.d.ts"],
}


def small_instrument() -> Instrument:
    """Return an instrument whose pitch can be measured."""
    torch.manual_seed(0)
    config = InstrumentConfig(
        sample_rate=16000,
        hop_length=64,
        synth=(HarmonicConfig(n_harmonics=20), NoiseConfig(n_bands=9)),
        effects=(ReverbConfig(ir_s=0.1),),
    )
    made = Instrument(config, LEARNED, {"licence": "cc-by-3.0", "credit": "Somebody"}).eval()
    ((_, reverb),) = made.effects
    assert isinstance(reverb, Reverb)
    torch.nn.init.normal_(reverb.impulse_response, std=0.01)
    return made


def _strange() -> Instrument:
    """Return an instrument whose texts are markup, and whose inputs have names that JavaScript knows."""
    config = InstrumentConfig(
        sample_rate=16000,
        hop_length=64,
        inputs=(
            F0Config(),
            LoudnessConfig(),
            *(CurveConfig(name=name) for name in ("constructor", "bow_pressure")),
            IdentityConfig(names=(_MARKUP, "violin"), size=2),
        ),
        synth=(HarmonicConfig(n_harmonics=2),),
    )
    return Instrument(config, LEARNED, {"licence": _MARKUP, "credit": _MARKUP}).eval()


def performance(rate: int, source: int) -> dict[str, object]:
    """Return what is played offline: notes with controllers, by MPE, or a sound that is followed."""
    rng = np.random.default_rng(source)
    # A zone of MPE with seven members: each note has a channel, with a bend of its own.
    events: list[tuple[int, list[int]]] = [(0, [0xB0, 101, 0]), (0, [0xB0, 100, 6]), (0, [0xB0, 6, 7])]
    for i, key in enumerate([60, 64, 67, 72, 71, 69, 57, 81]):
        begin, channel = int(rate * (0.1 + 1.1 * i)), 1 + i % 7
        on, off = [0x90 | channel, key, int(rng.integers(20, 127))], [0x80 | channel, key, 0]
        events += [(begin, on), (begin + int(1.3 * rate), off)]
        events.append((begin + rate // 2, [0xE0 | channel, 0, int(rng.integers(60, 68))]))
        events.append((begin + rate // 3, [0xD0 | channel, int(rng.integers(0, 127))]))
        events.append((begin + rate // 4, [0xB0, 1, int(rng.integers(0, 127))]))
    events.sort(key=lambda event: event[0])
    settings = {"vibrato_cents": 30.0, "source": float(source), "level_db": -3.0}
    return {"rate": rate, "voices": 3, "settings": settings, "events": events}


def hum(rate: int) -> np.ndarray:
    """Return ten seconds of a sawtooth that glides."""
    time = np.arange(SECONDS * rate) / rate
    phase = np.cumsum(HUM_HZ * 2 ** (0.3 * np.sin(time))) / rate
    return (0.2 * (2 * (phase % 1) - 1)).astype(np.float32)


def expected(program: bytes, plan: dict[str, object], heard: np.ndarray) -> np.ndarray:
    """Return what Python plays."""
    rate, voices, settings, events = (plan[name] for name in ("rate", "voices", "settings", "events"))
    assert isinstance(rate, int)
    assert isinstance(voices, int)
    assert isinstance(settings, dict)
    assert isinstance(events, list)
    performer = Performer(program, rate, voices, "portable")
    performer.set(**settings)
    played, at = [], 0
    for frame, message in [*events, (len(heard), [0xFE])]:
        played.append(performer.play(frame - at, heard[at:frame]))
        performer.take(bytes(message))
        at = frame
    return np.concatenate(played)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder to this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def pitch(samples: np.ndarray, rate: int) -> float:
    """Return the median pitch as MIDI."""
    features = oscine.analyze((samples, rate))
    return float(features.midi[features.confidence >= 0.5].median())


def main() -> None:
    """Play the page, print what was measured, and fail where it is not as it should be."""
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        sys.stdout.write(f"Skipped: {', '.join(missing)} missing; on Debian, install chromium nodejs npm.\n")
        return
    out = Path(sys.argv[1]).resolve()
    shutil.rmtree(out / "site", ignore_errors=True)
    page, modules, sounds = out / "site" / _RELATIVE / "violin", out / "node", out / "browser"
    for folder in (modules, sounds):
        folder.mkdir(parents=True, exist_ok=True)
    if not (modules / "node_modules" / "playwright-core").exists():
        command = ["npm", "install", "--no-fund", "--no-audit", "--silent", *_MODULES]
        if subprocess.run(command, cwd=modules, check=False).returncode:
            sys.stdout.write("Skipped: npm could not install the modules.\n")
            return
    instrument = load(sys.argv[2]) if len(sys.argv) > 2 else small_instrument()
    report = export(instrument, page, "web")
    program = (page / "violin.oscine").read_bytes()
    (page / "evil.oscine").write_bytes(_strange().program().to_bytes("float16"))
    (page / "cut.oscine").write_bytes(program[: len(program) // 2])
    soundfile.write(sounds / "hum.wav", _tone(48000), 48000)
    offline = []
    for rate in (44100, 48000):
        hum(rate).tofile(sounds / f"hum-{rate}.f32")
        for source in (0, 1):
            name, heard = f"{('notes', 'sound')[source]}-{rate}", str(sounds / f"hum-{rate}.f32")
            offline.append({**performance(rate, source), "name": name, "heard": heard})
    with served(out / "site") as address:
        plan = {
            "url": f"{address}{_RELATIVE}/violin/",
            "folder": str(sounds),
            "chromium": shutil.which("chromium"),
            "microphone": str(sounds / "hum.wav"),
            "offline": offline,
        }
        (sounds / "plan.json").write_text(json.dumps(plan))
        script = str(HERE / "browser.mjs")
        subprocess.run(["node", script, str(modules), str(sounds / "plan.json")], check=True, timeout=900)
    found = json.loads((sounds / "found.json").read_text())

    failures = []

    def say(what: str, value: object, is_right: bool) -> None:
        sys.stdout.write(f"{what:58} {value}{'' if is_right else '   <-- wrong'}\n")
        if not is_right:
            failures.append(what)

    for one in offline:
        played = np.fromfile(sounds / f"{one['name']}.f32", "<f4")
        wanted = expected(program, one, np.fromfile(one["heard"], "<f4"))
        peak = float(np.abs(wanted).max())
        difference = float(np.abs(played - wanted).max()) / peak
        say(
            f"offline, {one['name']}: difference to Python, of the peak",
            f"{difference:.1e}",
            difference < TOLERANCE,
        )
        say(f"offline, {one['name']}: peak", f"{peak:.3f}", peak > 1e-3)
    keys = {
        "mouse": 69,
        "letters": found["letters"],
        "midi": 64,
        "bend": 65,
        "keyboardAlone": found["focused"],
        "microphone": 57,
    }
    for name, key in keys.items():
        heard = pitch(np.fromfile(sounds / f"{name}.f32", "<f4"), int(found["rates"][name]))
        cents = 100 * (heard - key)
        say(f"live, {name}: pitch off, cents", f"{cents:+.1f}", abs(cents) < 15)
    hz = found["heard"]["heardHz"]
    say("microphone: pitch that is shown, Hz", f"{hz:.1f}", abs(hz - HUM_HZ) < 2)
    strange = found["strange"]
    say("another instrument is played when the source changes", strange["isPlayed"], strange["isPlayed"])
    say("texts of strangers: made into elements", strange["made"], strange["made"] == 0)
    say("texts of strangers: shown", strange["credit"], _MARKUP in strange["credit"])
    say("sliders of the instrument's own", strange["sliders"], strange["sliders"] == _NAMES)
    for what, sentence in found["sentences"].items():
        say(what, sentence, bool(sentence) and sentence.endswith("."))
    say("back to notes without a microphone", found["backToNotes"], found["backToNotes"])
    say("two fingers: voices", found["fingers"], found["fingers"] == 2)
    say("after panic: voices", found["voicesAfterPanic"], found["voicesAfterPanic"] == 0)
    live = found["live"]
    say("ten seconds: load of the audio thread", f"{live['load']:.1%}", live["load"] < 0.5)
    underruns = live["stats"].get("underrunEvents")
    # How many there are depends on what else the machine does: it is told, not judged.
    say("ten seconds: underruns", underruns, underruns is not None)
    say("opens without a network after the first load", found["offline"], found["offline"])
    say("requests to elsewhere", found.get("elsewhere", []), not found.get("elsewhere"))
    say("errors on the page", found.get("errors", []), not found.get("errors"))
    say("found by axe", found.get("violations", []), not found.get("violations"))
    say("smallest text, px", found["smallestText"], found["smallestText"] >= 12)
    say("wider than the screen, px", found["widths"], not any(found["widths"].values()))
    packed = subprocess.run(["npm", "pack", "--dry-run", "--json"], cwd=page, check=True, capture_output=True)
    names = {one["path"] for one in json.loads(packed.stdout)[0]["files"]}
    say("files that are not in the package for npm", set(report.files) - names, set(report.files) <= names)
    (page / "tsconfig.json").write_text(json.dumps(_TYPES))
    command = ["node", str(modules / "node_modules" / "typescript" / "bin" / "tsc"), "-p", str(page)]
    said = subprocess.run(command, check=False, capture_output=True, text=True).stdout.splitlines()
    say("errors of types", said, not said)
    say("size of the folder, kB", f"{sum(report.files.values()) / 1000:.0f}", True)
    _speed(out / "site", say)
    if failures:
        raise SystemExit(f"{len(failures)} of these are wrong: {'; '.join(failures)}.")


def _speed(folder: Path, say: Callable[[str, object, bool], None]) -> None:
    """Measure an instrument of the default recipe at 48 kHz, as WebAssembly in node."""
    page = folder / "default"
    untrained = Instrument(load_recipe("default").instrument.fit(48000, 192, (), ()))
    size = export(untrained, page, "web").files["default.oscine"]
    say("default recipe, 48 kHz: size of the instrument, kB", f"{size / 1000:.0f}", size <= 600_000)
    for voices in (1, 4, 8):
        command = ["node", str(HERE / "speed.mjs"), str(page), "default.oscine", str(voices)]
        took = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        budget = 128e6 / 48000
        times = f"p50 {took['p50']:.0f}, p99 {took['p99']:.0f}, max {took['max']:.0f} of {budget:.0f} us"
        what = f"default recipe, 48 kHz: load of {voices}"
        say(what, f"{took['load']:.1%} of a core, {times}; {took['memory'] / 1e6:.1f} MB", took["load"] < 0.5)


def _tone(rate: int) -> np.ndarray:
    """Return two seconds of a hum: a whole number of periods, so that it can be played in a loop."""
    time = np.arange(2 * rate) / rate
    k = np.arange(1, 12)[:, None]
    return 0.2 * (np.sin(2 * np.pi * k * HUM_HZ * time) / k).sum(0)


if __name__ == "__main__":
    main()
