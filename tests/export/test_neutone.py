"""The format neutone: in a process without Oscine it follows a sound as the runtime's performer does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.export.small import small_instrument

from oscine.models import Instrument
from oscine.models.inputs import IdentityConfig
from oscine.runtime import Listener, Performer, engines

RATE, HOP = 16000, 60

_HOST = """
import json, sys
import numpy as np, torch
model, blocks, settings = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
assert not any(name.split(".")[0] == "oscine" for name in sys.modules)
torch.set_num_threads(1)
text = {"CREDITS.txt": ""}
model = torch.jit.load(model, _extra_files=text)
heard = torch.from_numpy(np.frombuffer(sys.stdin.buffer.read(), np.float32).copy())[None]
sound = []
with torch.inference_mode():
    for block in blocks:
        at, parts = 0, []
        model.reset()
        while at < heard.shape[1]:
            length = block[len(parts) % len(block)]
            parts.append(model(heard[:, at : at + length], *settings))
            assert parts[-1].shape == heard[:, at : at + length].shape
            at += length
        sound.append(torch.cat(parts, 1))
sys.stdout.buffer.write(torch.cat(sound).numpy().tobytes())
print(json.dumps([text["CREDITS.txt"].decode(), model.latency]), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def instrument() -> Instrument:
    return small_instrument(IdentityConfig(names=("a", "b"), size=2), hop_length=HOP)


@pytest.fixture(scope="module")
def folder(instrument: Instrument, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Written by the command: torch.jit.script can't read code that the tests' type checker has wrapped."""
    path = tmp_path_factory.mktemp("neutone")
    instrument.save_pretrained(path / "violin")
    command = [sys.executable, "-m", "oscine", "export", path / "violin", "--format", "neutone", "--json"]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [*command, "-o", path / "out"], check=True, capture_output=True, text=True, env=one_thread
    )
    report = json.loads(run.stdout)
    assert report["difference"] < 1e-5
    assert report["load"] > 0
    assert "pip install neutone_sdk" in report["note"]
    names = {"instrument.ts", "neutone.json", "make_neutone.py", "CREDITS.txt", "README.md"}
    assert set(report["files"]) == names
    return path / "out"


def hosted(
    folder: Path, heard: np.ndarray, blocks: list[list[int]], *settings: float
) -> tuple[np.ndarray, str, int]:
    """Return what follows a sound by each list of block lengths, (list, time), the credit and the latency."""
    command = [sys.executable, "-I", "-W", "ignore", "-c", _HOST, folder / "instrument.ts"]
    given = heard.astype(np.float32).tobytes()
    arguments = [json.dumps(blocks), json.dumps([*settings[:3], bool(settings[3])])]
    run = subprocess.run([*command, *arguments], input=given, check=True, capture_output=True)
    credit, latency = json.loads(run.stderr)
    return np.frombuffer(run.stdout, np.float32).reshape(len(blocks), -1), credit, latency


def _glide() -> np.ndarray:
    """A tone that glides, with a pause, softer towards the end."""
    time = np.arange(int(1.2 * RATE)) / RATE
    turns = np.cumsum(220 * 2 ** (0.7 * time)) / RATE
    tone = sum(0.2 / k * np.sin(2 * np.pi * k * turns) for k in range(1, 6)) * np.exp(-time)
    return (tone * ((time < 0.6) | (time > 0.75))).astype(np.float32)


def test_it_follows_a_sound_as_the_runtime_does(instrument: Instrument, folder: Path) -> None:
    if not engines():
        pytest.skip("There is no compiled runtime here.")
    heard = _glide()
    settings = 1.0, -3.0, 0.7, 1.0
    # The performer's listener begins with as much silence, so that its frames are there when a frame begins.
    rest = Listener(RATE, RATE, HOP).latency % HOP
    given = np.concatenate([np.zeros(rest, np.float32), heard])
    sound, credit, latency = hosted(folder, given, [[512], [64, 1000, 7]], *settings)
    assert "Licence of the recordings: cc-by-3.0" in credit
    np.testing.assert_allclose(sound[0], sound[1], rtol=0, atol=1e-5 * np.abs(sound).max())
    assert not sound[0, :latency].any(), "nothing comes before it is due"
    performer = Performer(instrument.program().to_bytes("float32"), RATE)
    performer.set(source=1, octave=1, loudness_db=-3, autotune=0.7, match=1, level_db=0, mix=1)
    expected = performer.play(len(heard), heard)
    # Each is as late as it says.
    length = len(heard) - max(latency, performer.voice_latency)
    ours = sound[0, latency + rest : latency + rest + length]
    theirs = expected[performer.voice_latency : performer.voice_latency + length]
    assert np.abs(ours).max() > 0.1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=5e-4 * np.abs(ours).max())


def test_nothing_follows_silence(folder: Path) -> None:
    heard = np.zeros(4800, np.float32)
    heard[100] = np.nan
    sound, _, _ = hosted(folder, heard, [[480]], 0.0, 0.0, 0.0, 1.0)
    assert not sound.any()
