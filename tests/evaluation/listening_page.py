"""Listening tests in Chromium, filled in to the end: ``python -m tests.evaluation.listening_page OUT``.

MUSHRA with a mouse over http, and with fingers on a phone from a disk; MOS from a disk; ABX by the keyboard
alone. What is sent back is analysed by the command and compared with what was answered. It needs Debian's
chromium, nodejs and npm, and installs playwright-core, axe-core and typescript into ``OUT/node`` unless they
are there.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from tests.export.browser import served

from oscine.evaluation.listening import Key, make_test

HERE = Path(__file__).parent
TOOLS = "chromium", "node", "npm"
RATE = 48000
SECONDS = 2.5
SYSTEMS = "quagga", "okapi"
RATINGS = {"reference": 100, "quagga": 72, "okapi": 41, "anchor 3500 Hz": 13}
_MODULES = "playwright-core", "axe-core", "typescript"
_TYPES = {
    "compilerOptions": {
        **dict.fromkeys(("checkJs", "allowJs", "noEmit", "strict", "skipLibCheck"), True),
        "target": "es2022",
        "types": [],
        "lib": ["es2023", "dom", "dom.iterable"],
    },
    "files": ["test.js", "orders.js", "player.js", "questions.js", "page.js"],
}
_WRONG_EVERY = 6
_PHONE = {
    "viewport": {"width": 390, "height": 844},
    "hasTouch": True,
    "isMobile": True,
    "colorScheme": "dark",
}


def write_sounds(folder: Path, n_items: int = 3, seconds: float = SECONDS) -> dict[str, Path]:
    """Write a reference and two systems, whose sounds are found anywhere in them by their noise."""
    rng = np.random.default_rng(0)
    time = np.arange(int(seconds * RATE)) / RATE
    places = {name: folder / name for name in ("reference", *SYSTEMS)}
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    for item in range(n_items):
        tone = 0.1 * sum(np.sin(2 * np.pi * 220 * (1 + item / 4) * k * time) / k for k in range(1, 20))
        for i, place in enumerate(places.values()):
            sound = (tone + 0.1 * rng.normal(size=len(time))) * (1.0, 0.4, 0.6)[i]
            soundfile.write(place / f"melody-{item}.wav", sound, RATE)
    return places


def by_hash(key: Key, points: dict[str, int]) -> dict[str, int]:
    """Return what each sound is to be rated."""
    return {one: points[name] for item in key.items.values() for one, name in item.sounds.items()}


def main() -> None:
    """Fill in the tests, print what was measured, and fail where it is not as it should be."""
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        sys.stdout.write(f"Skipped: {', '.join(missing)} missing; on Debian, install chromium nodejs npm.\n")
        return
    out = Path(sys.argv[1]).resolve()
    modules, folder = out / "node", out / "listening"
    shutil.rmtree(folder, ignore_errors=True)
    for place in (modules, folder / "results"):
        place.mkdir(parents=True, exist_ok=True)
    if not all((modules / "node_modules" / name).exists() for name in _MODULES):
        command = ["npm", "install", "--no-fund", "--no-audit", "--silent", *_MODULES]
        if subprocess.run(command, cwd=modules, check=False).returncode:
            sys.stdout.write("Skipped: npm could not install the modules.\n")
            return
    sounds = write_sounds(folder / "sounds")
    reference, systems = sounds["reference"], {name: sounds[name] for name in SYSTEMS}
    made = {
        "mushra": make_test(
            folder / "site" / "mushra",
            reference,
            systems,
            title="A bowed tone",
            contact="Send it to the lab.",
        ),
        "mos": make_test(folder / "site" / "mos", reference, systems, method="mos", training="melody-0"),
        "abx": make_test(folder / "site" / "abx", reference, systems, method="abx", repeats=2),
    }
    points = {"reference": 5, "quagga": 4, "okapi": 2}
    with served(folder / "site") as address:
        disk = (folder / "site").as_uri() + "/"
        runs: list[dict[str, Any]] = [
            _run("mushra-mouse", "mushra", address, ratings=by_hash(made["mushra"].key, RATINGS)),
            _run(
                "mushra-phone",
                "mushra",
                disk,
                settings=_PHONE,
                ratings=by_hash(made["mushra"].key, {**RATINGS, "quagga": 60}),
            ),
            _run("mos-disk", "mos", disk, ratings=by_hash(made["mos"].key, points)),
            _run("abx-keyboard", "abx", address, keyboard=True, n_answered=0, wrong_every=_WRONG_EVERY),
        ]
        plan = {"folder": str(folder), "chromium": shutil.which("chromium"), "runs": runs}
        (folder / "plan.json").write_text(json.dumps(plan))
        command = ["node", str(HERE / "listening_page.mjs"), str(modules), str(folder / "plan.json")]
        subprocess.run(command, check=True, timeout=300)
    found = json.loads((folder / "found.json").read_text())
    failures: list[str] = []

    def say(what: str, value: object, is_right: bool) -> None:
        sys.stdout.write(f"{what:62} {value}{'' if is_right else '   <-- wrong'}\n")
        if not is_right:
            failures.append(what)

    for name, kept in found["runs"].items():
        say(f"{name}: a reload loses nothing", kept["survives"], kept["survives"])
        if "switches" in kept:
            heard = kept["switches"]
            # The loop is the whole sound: its position and the clock differ by the same part of a turn.
            turns = np.array([one["turns"] - heard[0]["turns"] for one in heard])
            moved_ms = 1000 * SECONDS * np.abs(turns - np.round(turns)).max()
            off_ms = 1000 * np.ptp([one["off_s"] for one in heard])
            say(f"{name}: likeness to the chosen sound, least", f"{_least(heard):.3f}", _least(heard) > 0.99)
            say(f"{name}: a change moves the position, ms", f"{moved_ms:.1f}", moved_ms < 30)
            say(f"{name}: position that is shown, deviation, ms", f"{off_ms:.1f}", off_ms < 30)
            within = all(0.999 <= one["position"] <= 1.501 for one in kept["loop"])
            # One of the four may be heard across the seam, where no single place of the sound is like it.
            alike = sorted(one["alike"] for one in kept["loop"])[1]
            say(f"{name}: the loop stays in its passage", within, within)
            say(f"{name}: likeness in the loop, second least", f"{alike:.3f}", alike > 0.99)
            say(f"{name}: level after a stop, dB", f"{kept['silence']:.0f}", kept["silence"] < -100)
            say(f"{name}: another listener can begin", kept["again"], kept["again"])
    results = folder / "results"
    mushra = _analysed(made["mushra"].key_path, results / "mushra-mouse.json", results / "mushra-phone.json")
    means = {one["condition"]: one["mean"] for one in mushra["rated"]}
    say("MUSHRA: means", means, means == {**RATINGS, "quagga": 66})
    mos = _analysed(made["mos"].key_path, results / "mos-disk.json")
    means = {one["condition"]: one["mean"] for one in mos["rated"]}
    say("MOS: means", means, means == points)
    abx = _analysed(made["abx"].key_path, results / "abx-keyboard.json")
    n_right, n = (
        sum(one[name] for one in abx["told"] if one["listener"] is None) for name in ("n_right", "n")
    )
    say("ABX: right", f"{n_right} of {n}", (n_right, n) == (12 - 12 // _WRONG_EVERY, 12))
    for what, sentence in found["sentences"].items():
        say(what, sentence, bool(sentence) and sentence.endswith("."))
    texts = [
        *found["texts"],
        *(path.read_text() for path in (folder / "site").rglob("*/*") if path.is_file()),
    ]
    names = [
        str(path.relative_to(folder / "site" / path.relative_to(folder / "site").parts[0]))
        for path in (folder / "site").glob("*/**/*")
    ]
    told = {word for word in (*SYSTEMS, "melody", "anchor 3500") for text in (*texts, *names) if word in text}
    say("names of systems or files on the pages and in their folders", told or "none", not told)
    say("requests to elsewhere", found.get("elsewhere", []), not found.get("elsewhere"))
    say("errors on the pages", found.get("errors", []), not found.get("errors"))
    say("found by axe", found.get("violations", []), not found.get("violations"))
    say("smallest text, px", found["smallest"], found["smallest"] >= 12)
    say("wider than the screen, px", found["wider"], found["wider"] <= 0)
    size = sum(path.stat().st_size for path in made["mushra"].page.iterdir() if path.is_file())
    say("size of a page without its sounds, kB", f"{size / 1000:.0f}", size < 50_000)
    (made["abx"].page / "tsconfig.json").write_text(json.dumps(_TYPES))
    tsc = str(modules / "node_modules" / "typescript" / "bin" / "tsc")
    command = ["node", tsc, "-p", str(made["abx"].page)]
    lines = subprocess.run(command, check=False, capture_output=True, text=True).stdout.splitlines()
    say("errors of types", lines, not lines)
    if failures:
        raise SystemExit(f"{len(failures)} of these are wrong: {'; '.join(failures)}.")


def _run(name: str, method: str, root: str, **given: object) -> dict[str, Any]:
    return {"name": name, "method": method, "root": root, "url": f"{root}{method}/index.html", **given}


def _least(heard: list[dict[str, float]]) -> float:
    return min(one["alike"] for one in heard)


def _analysed(key: Path, *results: Path) -> dict[str, Any]:
    """Return what the command says about results."""
    command = [sys.executable, "-m", "oscine", "listen", "results", str(key), *map(str, results), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


if __name__ == "__main__":
    main()
