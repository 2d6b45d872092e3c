"""The Pure Data external in Debian's Pd: its sound against Python's, its pitch, its load, and broken files.

``python -m tests.export.pd_check OUT INSTRUMENT`` exports the instrument, builds the external and prints a
table. With ``--page`` the table is written into docs/how-to/pd.md.
"""

import argparse
import re
import resource
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from tests.export.pd_patches import PACKAGES, PROGRAMS, play, run

from oscine.export import export
from oscine.export.pd import EXTERNAL
from oscine.models import Instrument
from oscine.runtime import Live, Performer
from oscine.transfer import load

PAGE = Path(__file__).parents[2] / "docs" / "background" / "laboratory" / "pd.md"
TOLERANCE = 1e-6
RATE = 48000
BLOCKS = 1, 64, 128, 512, 1024, 4096
ENGINE = "portable"
_BEGIN, _END = "<!-- tests/export/pd_check.py: begin -->\n", "<!-- end -->\n"
_NOTE, _SECOND = b"\x90\x45\x64", b"\x90\x48\x50"


def missing() -> list[str]:
    """Return which of the programs are not here."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


def build(instrument: Instrument, folder: Path) -> None:
    """Export an instrument with float32 weights, and build the external.

    Raises:
        RuntimeError: When it was not built.
    """
    if folder.exists():
        shutil.rmtree(folder)
    report = export(instrument, folder, "pd", weights="float32")
    if report.note is not None or not (folder / EXTERNAL).exists():
        raise RuntimeError(report.note)


def curves_difference(
    folder: Path, *, block: str = "64", rate: int = RATE, scale: float = 1.0, n: int = 12000
) -> float:
    """Return the largest difference of the sound played by curves to `Live`, over its largest sample.

    Args:
        folder: With the external and the instrument.
        block: Arguments of ``block~``.
        rate: Of Pd, Hz.
        scale: By which the block's sample rate differs from it.
        n: How many samples.
    """
    time = np.arange(n) / n
    f0 = (330.0 * 2 ** np.sin(5 * time)).astype(np.float32)
    loudness = (-25.0 + 10.0 * np.sin(9 * time)).astype(np.float32)
    played, _ = play(
        folder, "-curves instrument.oscine", n, signals=(f0, loudness), block=block, sample_rate=rate
    )
    live = Live((folder / "instrument.oscine").read_bytes(), round(rate * scale), ENGINE)
    expected = []
    for hz, decibels in zip(f0.tolist(), loudness.tolist(), strict=True):
        live.set(f0_hz=hz, loudness_db=decibels)
        expected.append(live.play(1))
    return _difference(played, torch.cat(expected).numpy())


def notes_difference(folder: Path, *, block: int = 64) -> float:
    """Return the same for two notes, the second one after half a second, against `Performer`."""
    n = RATE
    messages = (0.0, "note 69 100"), (500.0, "midi 144 72 80")
    played, _ = play(folder, "-voices 2 instrument.oscine", n, messages=messages, block=str(block))
    performer = Performer((folder / "instrument.oscine").read_bytes(), RATE, 2, ENGINE)
    performer.take(_NOTE)
    second = -(-(RATE // 2) // block) * block  # Pd takes a message before the next block
    first_part = performer.play(second)
    performer.take(_SECOND)
    return _difference(played, np.concatenate([first_part, performer.play(n - second)]))


def sound_difference(folder: Path) -> float:
    """Return the same for a sound that is heard: a gliding tone with harmonics."""
    n = RATE
    turns = np.cumsum(220.0 * 2 ** (np.arange(n) / n)) / RATE
    k = np.arange(1, 8)[:, None]
    heard = (0.1 * np.sum(np.sin(2 * np.pi * k * turns) / k, 0)).astype(np.float32)
    messages = ((0.0, "set source 1"),)
    played, _ = play(folder, "instrument.oscine", n, signals=(heard,), messages=messages)
    performer = Performer((folder / "instrument.oscine").read_bytes(), RATE, 1, ENGINE)
    performer.set(source=1)
    return _difference(played, performer.play(n, heard))


def pitch_error_cents(folder: Path, note: int) -> float:
    """Return how far the lowest partial of a note is from the note that was sent."""
    played, _ = play(folder, "instrument.oscine", 2 * RATE, messages=((0.0, f"note {note} 100"),))
    expected_hz = 440.0 * 2 ** ((note - 69) / 12)
    spectrum = np.abs(np.fft.rfft(played[RATE:] * np.hanning(RATE), 8 * RATE))
    hz = np.arange(len(spectrum)) / 8
    near = np.flatnonzero((hz > expected_hz / 1.4) & (hz < expected_hz * 1.4))
    return float(1200 * np.log2(hz[near[spectrum[near].argmax()]] / expected_hz))


def broken_files(folder: Path) -> dict[str, str]:
    """Return what Pd says about files that can't be played; each is silent, and so is the next half a second.

    Raises:
        RuntimeError: When something sounds, or a good file does not play after a bad one.
    """
    good = (folder / "instrument.oscine").read_bytes()
    files = {"text.oscine": b"nothing", "empty.oscine": b"", "short.oscine": good[: len(good) // 2]}
    files["flipped.oscine"] = good[:-100] + bytes([good[-100] ^ 1]) + good[-99:]
    (folder / "folder.oscine").mkdir(exist_ok=True)
    said = {}
    for name, content in [*files.items(), ("folder.oscine", None), ("missing.oscine", None)]:
        if content is not None:
            (folder / name).write_bytes(content)
        played, lines = play(folder, name, 6400, messages=((0.0, "note 69 100"),))
        if np.any(played):
            raise RuntimeError(f"{name} sounds.")
        found = re.search(rf"oscine~: .*{re.escape(name)}.*", lines)
        said[name] = found[0] if found else ""
    messages = (0.0, "load text.oscine"), (50.0, "load instrument.oscine"), (50.0, "note 69 100")
    played, _ = play(folder, "instrument.oscine", 12800, messages=messages)
    if np.any(played[:2304]) or not np.any(played[2400:]):
        raise RuntimeError("An instrument that is loaded after a broken file does not play.")
    return said


def help_patch(folder: Path) -> str:
    """Return what Pd complains about when it opens the help patch and takes its messages."""
    text = (folder / "oscine~-help.pd").read_text()
    (folder / "opened.pd").write_text(text + "#X obj 600 700 loadbang;\n#X msg 600 730 \\; pd quit;\n")
    numbers = text.count("#X obj") + text.count("#X msg") + text.count("#X text")
    with (folder / "opened.pd").open("a") as file:
        file.write(f"#X connect {numbers} 0 {numbers + 1} 0;\n")
    said = run(folder, "opened.pd")
    sent = [one for one in re.findall(r"^#X msg \d+ \d+ ([a-z].*);$", text, re.MULTILINE) if "\\" not in one]
    messages = tuple((20.0 * i, one) for i, one in enumerate(sent))
    said += play(folder, "-voices 4 instrument.oscine", RATE, messages=messages)[1]
    return "\n".join(
        line
        for line in said.splitlines()
        if re.search(r"error|couldn't|oscine~:", line) and "ALSA" not in line
    )


def load_of(folder: Path, arguments: str, notes: tuple[int, ...]) -> float:
    """Return the share of a core that a minute takes in Pd, beside what an empty patch takes."""

    def cpu_s(arguments: str, notes: tuple[int, ...]) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        play(folder, arguments, 60 * RATE, messages=tuple((0.0, f"note {note} 100") for note in notes))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return (cpu_s(arguments, notes) - cpu_s("", ())) / 60


def _difference(played: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(played - expected).max() / np.abs(expected).max())


def rows(folder: Path) -> Iterator[tuple[str, str, bool]]:
    """Run all checks and yield what was checked, the result, and whether it is good."""
    for block in BLOCKS:
        found = curves_difference(folder, block=str(block))
        yield f"curves, 48 kHz, blocks of {block}", f"{found:.1e} of the peak", found <= TOLERANCE
    for rate in (44100, 96000, 16000):
        found = curves_difference(folder, rate=rate)
        yield f"curves, {rate / 1000:g} kHz", f"{found:.1e} of the peak", found <= TOLERANCE
    for scale, text in ((2.0, "twice"), (0.5, "half")):
        found = curves_difference(folder, block=f"64 1 {scale:g}", scale=scale)
        yield f"curves, subpatch at {text} the rate", f"{found:.1e} of the peak", found <= TOLERANCE
    for block in BLOCKS:
        found = notes_difference(folder, block=block)
        yield f"two notes, blocks of {block}", f"{found:.1e} of the peak", found <= TOLERANCE
    found = sound_difference(folder)
    yield "a sound that is followed", f"{found:.1e} of the peak", found <= TOLERANCE
    for note in (57, 69, 76):
        cents = pitch_error_cents(folder, note)
        yield f"pitch of note {note}", f"{cents:+.1f} cents", abs(cents) < 5
    for name, said in broken_files(folder).items():
        yield name, f"silence; {said}", bool(said)
    said = help_patch(folder)
    yield "help patch, and each of its messages", said or "no complaint", not said
    for voices in (1, 4):
        share = load_of(folder, f"-voices {voices} instrument.oscine", (57, 64, 69, 73)[:voices])
        yield f"load, {voices} sounding", f"{share:.1%} of a core", share < 0.5
    share = load_of(folder, "-curves instrument.oscine", ())
    yield "load, by curves", f"{share:.1%} of a core", share < 0.5


def main() -> None:
    """Build, check and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("instrument")
    parser.add_argument("--page", action="store_true", help="write the table into docs/how-to/pd.md")
    given = parser.parse_args()
    if gone := missing():
        sys.stdout.write(f"Pure Data: {', '.join(gone)} missing; on Debian, install {PACKAGES}.\n")
        return
    torch.set_num_threads(1)
    folder = given.out / "pd"
    build(load(given.instrument), folder)
    lines = ["| checked | result |", "|---|---|"]
    size = (folder / EXTERNAL).stat().st_size
    lines.append(f"| size of `{EXTERNAL}` | {size / 1000:.0f} kB |")
    bad = []
    for what, result, is_good in rows(folder):
        lines.append(f"| {what} | {result} |")
        sys.stdout.write(lines[-1] + "\n")
        if not is_good:
            bad.append(what)
    if bad:
        raise SystemExit(f"Not as it should be: {', '.join(bad)}.")
    if given.page:
        before, rest = PAGE.read_text(encoding="utf-8").split(_BEGIN)
        table = "\n".join(lines)
        PAGE.write_text(f"{before}{_BEGIN}\n{table}\n\n{_END}{rest.split(_END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
