"""The whole way by HTTP, in real processes which are killed on it."""

import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from studio_served import WAIT_S, until

from oscine.analysis import f0_file_beside, read_f0

_STEPS = 8


class Process:
    """`oscine serve` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "oscine",
                "serve",
                "--data",
                str(folder),
                "--port",
                "0",
                "--device",
                "cpu",
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        found = re.search(r"http://\S+", self.process.stderr.readline())
        assert found is not None
        self.client = httpx.Client(base_url=found.group(), timeout=WAIT_S)
        until(self._answers, bool)

    def _answers(self) -> bool:
        try:
            return self.client.get("/api/health").status_code == 200
        except httpx.TransportError:
            return False

    def worker(self) -> int:
        """Return the worker's process id."""
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        pids = [int(pid) for path in children for pid in path.read_text().split()]
        lines = {
            pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids if Path(f"/proc/{pid}").exists()
        }
        found = [pid for pid, line in lines.items() if b"worker_process" in line]
        return found[0] if found else 0

    def kill(self) -> None:
        """Kill server and worker, as a power cut does."""
        worker = self.worker()
        self.process.kill()
        if worker:
            os.kill(worker, signal.SIGKILL)
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()
        self.client.close()

    def end(self) -> int:
        """End the server as a service manager does."""
        self.process.terminate()
        self.client.close()
        code = self.process.wait(60)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Process ids are read from Linux's /proc.")
def test_from_recordings_to_a_sound_through_kills(tmp_path, violin, hum):
    folder = tmp_path / "data"
    one = Process(folder)
    ask = one.client
    collection = ask.post("/api/collections", json={"name": "Violin"}).json()["id"]
    sent = ask.post(f"/api/collections/{collection}/takes", files={"file": ("long.flac", violin)})
    assert sent.status_code == 202
    bad = ask.post(f"/api/collections/{collection}/takes", files={"file": ("bad.wav", b"RIFF" + bytes(99))})
    sung = ask.post("/api/performances", files={"file": ("hum.wav", hum)}).json()["id"]
    take = until(
        lambda: ask.get(f"/api/takes/{sent.json()['id']}").json(), lambda t: t["state"] != "checking"
    )
    assert take["state"] == "ready", take
    assert take["words"].startswith(("Good: 45 s", "Usable: 45 s"))
    assert 200 < len(take["peaks"]) <= 400
    bad = until(lambda: ask.get(f"/api/takes/{bad.json()['id']}").json(), lambda t: t["state"] != "checking")
    assert bad["state"] == "rejected"
    assert bad["reasons"]
    report = ask.get(f"/api/collections/{collection}/report").json()
    assert report["can_train"], report
    part = ask.get(f"/api/takes/{take['id']}/audio", headers={"Range": "bytes=4-7"})
    assert (part.status_code, len(part.content)) == (206, 4)

    asked = {"collection": collection, "name": "Viola d'amore", "recipe": "tiny", "steps": _STEPS}
    run = ask.post("/api/runs", json=asked)
    assert run.status_code == 201, run.text
    run_id = run.json()["id"]

    def run_now() -> dict:
        return one.client.get(f"/api/runs/{run_id}").json()

    # Paused after a step, and resumed.
    until(run_now, lambda r: r["state"] in ("training", "done"))
    ask.post(f"/api/runs/{run_id}/pause")
    paused = until(run_now, lambda r: r["state"] in ("paused", "done"))
    assert paused["state"] == "paused"
    assert paused["steps"] < _STEPS
    # While it is paused, another job is done.
    assert until(lambda: ask.get(f"/api/performances/{sung}").json(), lambda p: p["state"] != "checking")
    ask.post(f"/api/runs/{run_id}/resume")
    until(run_now, lambda r: r["steps"] > paused["steps"])
    # The worker dies; another one takes over.
    os.kill(one.worker(), signal.SIGKILL)
    steps = run_now()["steps"]
    until(run_now, lambda r: r["steps"] > steps or r["state"] == "done")
    # The machine dies.
    one.kill()
    one = Process(folder)
    ask = one.client
    done = until(run_now, lambda r: r["state"] in ("done", "failed"))
    assert done["state"] == "done", done["error"]
    assert done["steps"] == _STEPS
    steps = [point[0] for point in done["curve"]]
    assert steps == sorted(set(steps))
    assert steps[-1] == _STEPS
    assert done["quality"]["word"] in ("noise", "usable", "good")
    preview = done["previews"][-1]
    pair = [
        ask.get(f"/api/runs/{run_id}/previews/{preview['id']}/{which}") for which in ("audio", "recording")
    ]
    played, recorded = (soundfile.read(io.BytesIO(answer.content)) for answer in pair)
    assert len(played[0]) == len(recorded[0]) > 0
    assert np.abs(played[0] - recorded[0]).max() > 0

    # Bit for bit what the command line makes of the same dataset in one go.
    unbroken = tmp_path / "unbroken"
    command = [
        sys.executable,
        "-m",
        "oscine",
        "train",
        str(folder / "runs" / run_id / "dataset"),
        str(unbroken),
    ]
    command += ["--recipe", "tiny", "--steps", str(_STEPS), "--device", "cpu"]
    subprocess.run(command, check=True, capture_output=True)
    shelf = folder / "instruments" / done["instrument"]
    files = [place / "model.safetensors" for place in (unbroken, shelf)]
    assert len({hashlib.sha256(file.read_bytes()).hexdigest() for file in files}) == 1

    # Its melody is drawn an octave higher, and played.
    curves = ask.get(f"/api/performances/{sung}/curves").json()
    f0_hz = [None if one is None else 2 * one for one in curves["f0_hz"]]
    n = len(f0_hz)
    drawn = ask.put(f"/api/performances/{sung}/curves", json={"f0_hz": f0_hz, "loudness_db": [-30.0] * n})
    assert drawn.json()["edited"]
    beside = f0_file_beside(folder / "performances" / sung / "sound.flac")
    assert beside is not None
    saved = read_f0(beside)
    assert saved.f0_hz.max() == pytest.approx(max(one or 0 for one in f0_hz), abs=0.01)
    assert ask.get(f"/api/performances/{sung}/f0.csv").text == beside.read_text()
    wanted = {"instrument": done["instrument"], "octave": 0, "format": "flac", "stems": True}
    job = ask.post(
        f"/api/performances/{sung}/renders", json=wanted | {"sliders": {"noise.magnitudes": -6}}
    ).json()
    export = ask.post(f"/api/instruments/{done['instrument']}/exports", json={"format": "oscine"}).json()
    for made in (job, export):
        over = until(
            lambda made=made: ask.get(f"/api/jobs/{made['id']}").json(),
            lambda j: j["state"] != "queued" and j["state"] != "running",
        )
        assert over["state"] == "done", over
    with zipfile.ZipFile(io.BytesIO(ask.get(f"/api/jobs/{job['id']}/file").content)) as archive:
        sounds = {name: soundfile.read(io.BytesIO(archive.read(name)))[0] for name in archive.namelist()}
    assert not [one for one in ask.get(f"/api/jobs/{job['id']}").json()["result"]["remarks"] if "csv" in one]
    assert set(sounds) == {"mix.flac", "harmonic.flac", "noise.flac", "effects.flac"}
    parts = sum(sound for name, sound in sounds.items() if name != "mix.flac")
    assert np.abs(parts - sounds["mix.flac"]).max() < 1e-5
    program = ask.get(f"/api/jobs/{export['id']}/file")
    assert program.headers["content-disposition"].startswith('attachment; filename="Viola d_amore.oscine"')
    assert len(program.content) > 100_000
    assert one.end() in (0, 143)
    assert not list((folder / "uploads").iterdir())
    assert json.loads((folder / "performances" / sung / "curves.json").read_text())["edited"] is False
