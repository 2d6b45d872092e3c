"""Patches for Pure Data that play an exported instrument into a file, and Pd that runs them."""

import subprocess
from pathlib import Path

import numpy as np
import soundfile

PROGRAMS = ("pd", "c++", "make")
PACKAGES = "puredata-core puredata-dev g++ make"


class Patch:
    """The text of a patch: objects in order, and connections between their numbers."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._connections: list[str] = []

    def add(self, kind: str, text: str) -> int:
        """Add an object (``obj``) or a message (``msg``); return its number."""
        number = len(self._lines)
        escaped = text.replace(",", "\\,").replace(";", "\\;")
        self._lines.append(f"#X {kind} 10 {10 + 20 * number} {escaped};")
        return number

    def add_message_to(self, receiver: str, text: str, *more: str) -> int:
        """Add a message that goes to Pd or a receiver by name, and more such messages in its box."""
        number = len(self._lines)
        box = " ".join(f"\\; {one}" for one in (f"{receiver} {text}", *more))
        self._lines.append(f"#X msg 10 {10 + 20 * number} {box};")
        return number

    def subpatch(self, inner: "Patch") -> int:
        """Add a patch inside this one."""
        number = len(self._lines)
        self._lines.append(f"#N canvas 0 0 450 300 inner 0;\n{inner.body()}#X restore 10 10 pd inner;")
        return number

    def connect(self, source: int, sink: int, outlet: int = 0, inlet: int = 0) -> None:
        """Connect an outlet of an object with an inlet of another one."""
        self._connections.append(f"#X connect {source} {outlet} {sink} {inlet};")

    def body(self) -> str:
        """Return the lines without those of the canvas."""
        return "\n".join([*self._lines, *self._connections]) + "\n"

    def text(self) -> str:
        """Return the whole file."""
        return "#N canvas 0 0 450 300 12;\n" + self.body()


def play(
    folder: Path,
    arguments: str,
    n_samples: int,
    *,
    messages: tuple[tuple[float, str], ...] = (),
    signals: tuple[np.ndarray, ...] = (),
    block: str = "64",
    sample_rate: int = 48000,
) -> tuple[np.ndarray, str]:
    """Play ``[oscine~ arguments]`` in Pd, faster than real time.

    Args:
        folder: Has the external, and what the arguments name.
        arguments: Of the object.
        n_samples: How many are returned; the first one is that of the reset, at 0 ms.
        messages: Time in ms and text, in order; those at 0 ms come after the reset.
        signals: What goes into the inlets.
        block: Arguments of ``block~``.
        sample_rate: Of Pd.

    Returns:
        The samples, and what Pd said.

    Raises:
        RuntimeError: When Pd ends in another way than by its last message.
    """
    inner = Patch()
    inner.add("obj", f"block~ {block}")
    start = inner.add("obj", "r start")
    instrument = inner.add("obj", f"oscine~ {arguments}")
    write = inner.add("obj", "tabwrite~ played")
    print_said = inner.add("obj", "print said")
    inner.connect(instrument, print_said, 1)
    order = inner.add("obj", "t b b b b")
    inner.connect(start, order)
    reset = inner.add("msg", "reset")
    inner.connect(order, reset, 3)
    inner.connect(reset, instrument)
    inner.connect(order, write, 1)
    inner.connect(instrument, write)
    for i, signal in enumerate(signals):
        soundfile.write(folder / f"signal{i}.wav", signal.astype(np.float32), sample_rate, subtype="FLOAT")
        reader = inner.add("obj", f"tabplay~ signal{i}")
        inner.connect(order, reader, 2)
        inner.connect(reader, instrument, 0, i)
    for time_ms, text in messages:
        message = inner.add("msg", text)
        if time_ms:
            wait = inner.add("obj", f"delay {time_ms}")
            inner.connect(order, wait, 0)
            inner.connect(wait, message)
        else:
            inner.connect(order, message, 0)
        inner.connect(message, instrument)
    patch = Patch()
    patch.add("obj", f"table played {n_samples}")
    for i, signal in enumerate(signals):
        patch.add("obj", f"table signal{i} {len(signal)}")
    patch.subpatch(inner)
    loaded = patch.add("obj", "loadbang")
    order = patch.add("obj", "t b b b")
    patch.connect(loaded, order)
    files = patch.add("obj", "soundfiler")
    for i in range(len(signals)):
        reading = patch.add("msg", f"read -resize signal{i}.wav signal{i}")
        patch.connect(order, reading, 2)
        patch.connect(reading, files)
    on = patch.add_message_to("pd", "dsp 1", "start bang")
    patch.connect(order, on, 1)
    done = patch.add("obj", f"delay {1000 * n_samples / sample_rate + 300}")
    patch.connect(order, done, 0)
    last = patch.add("obj", "t b b")
    patch.connect(done, last)
    writing = patch.add("msg", "write -wave -bytes 4 played.wav played")
    patch.connect(last, writing, 1)
    patch.connect(writing, files)
    leave = patch.add_message_to("pd", "quit")
    patch.connect(last, leave, 0)
    (folder / "patch.pd").write_text(patch.text())
    (folder / "played.wav").unlink(missing_ok=True)
    said = run(folder, "patch.pd", sample_rate)
    if not (folder / "played.wav").exists():
        raise RuntimeError(f"Pd wrote nothing: {said}")
    audio, _ = soundfile.read(folder / "played.wav", dtype="float32")
    return audio[:n_samples], said


def run(folder: Path, patch: str, sample_rate: int = 48000) -> str:
    """Run a patch, which ends Pd itself, and return what Pd said.

    Raises:
        RuntimeError: When Pd fails.
    """
    command = ["pd", "-batch", "-nogui", "-noprefs", "-stderr", "-r", str(sample_rate), "-open", patch]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise RuntimeError(f"Pd failed: {done.stderr}")
    return done.stderr + done.stdout
