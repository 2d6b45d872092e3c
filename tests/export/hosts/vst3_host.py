# pyright: reportMissingImports=false
"""Two VST3 hosts, pedalboard and DawDreamer, which are GPL: run by a Python that has them, no dependency.

Each line of the input is a job as JSON, and is answered by a line of JSON.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np


def _sound(path: str) -> np.ndarray:
    mono = np.fromfile(path, np.float32)
    return np.stack([mono, mono])


_loaded: dict[str, tuple] = {}


def pedalboard(job: dict) -> dict:
    import pedalboard

    # Loading takes it a minute: it looks at each of the 2080 parameters by which VST3 has MIDI controllers.
    if job["plugin"] not in _loaded:
        os.environ["OSCINE_INSTRUMENTS"] = os.devnull
        fresh = pedalboard.load_plugin(job["plugin"])
        os.environ["OSCINE_INSTRUMENTS"] = job["instruments"]
        _loaded[job["plugin"]] = fresh, fresh.raw_state
    plugin, fresh_state = _loaded[job["plugin"]]
    plugin.raw_state = Path(job["load"]).read_bytes() if job["load"] else fresh_state
    rate, latency = job["rate"], None
    for block, out in zip(job["blocks"], job["outs"], strict=True):
        if job["heard"]:
            played = plugin(_sound(job["heard"]), rate, buffer_size=block, reset=True)
        else:
            notes = [(bytes(message), at / rate) for at, *message in job["notes"]]
            played = plugin(
                notes,
                duration=job["samples"] / rate,
                sample_rate=rate,
                num_channels=2,
                buffer_size=block,
                reset=True,
            )
        latency = plugin.reported_latency_samples
        assert np.array_equal(played[0], played[1])
        played[0].astype(np.float32).tofile(out)
    if job.get("save"):
        Path(job["save"]).write_bytes(plugin.raw_state)
    return {"latency": latency}


def dawdreamer(job: dict) -> dict:
    import dawdreamer

    latency = None
    for block, out in zip(job["blocks"], job["outs"], strict=True):
        engine = dawdreamer.RenderEngine(job["rate"], block)
        plugin = engine.make_plugin_processor("oscine", job["plugin"])
        if job.get("load"):
            plugin.load_state(job["load"])
        names = [plugin.get_parameter_name(i) for i in range(plugin.get_plugin_parameter_size())]
        for name, value in job["set"].items():
            plugin.set_parameter(names.index(name), value)
        rate = job["rate"]
        begun: dict[int, tuple[int, int]] = {}
        for at, status, key, velocity in job["notes"]:
            if status == 0x90:
                begun[key] = at, velocity
            else:
                start, loudness = begun.pop(key)
                plugin.add_midi_note(key, loudness, start / rate, (at - start) / rate)
        for key, (start, velocity) in begun.items():
            plugin.add_midi_note(key, velocity, start / rate, (job["samples"] - start) / rate)
        if job["heard"]:
            voice = engine.make_playback_processor("voice", _sound(job["heard"]))
            engine.load_graph([(voice, []), (plugin, ["voice"])])
        else:
            engine.load_graph([(plugin, [])])
        if job["set"] or job["load"]:
            # Parameters come with the first block; the voices are then made in the background.
            engine.render(0.1)
            time.sleep(0.3)
        engine.render(job["samples"] / rate)
        latency = plugin.get_latency_samples()
        played = engine.get_audio()
        assert np.array_equal(played[0], played[1])
        played[0][: job["samples"]].astype(np.float32).tofile(out)
        if job.get("save"):
            plugin.save_state(job["save"])
    return {"latency": latency}


if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        os.environ["OSCINE_INSTRUMENTS"] = asked["instruments"]
        report = {"pedalboard": pedalboard, "dawdreamer": dawdreamer}[asked["host"]](asked)
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()
