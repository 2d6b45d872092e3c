"""The plug-ins' editors on a screen without a monitor: what they look like, and that their keys play."""

import os
import shutil
import subprocess
from pathlib import Path

import matplotlib.image
import numpy as np
from tests.export.plugin_jobs import DPF, HERE, KINDS

WIDTH, HEIGHT = 760, 480
A_KEY = 200, 440  # where a white key is
_HEAD = f"P6\n{WIDTH} {HEIGHT}\n255\n".encode()


def missing() -> str:
    """Return a sentence that says what is missing, or nothing."""
    is_here = shutil.which("xvfb-run") and shutil.which("xauth")
    if not is_here or not Path("/usr/include/X11/extensions/XTest.h").exists():
        return "The editors need a screen and a pointer: install xvfb, xauth and libxtst-dev."
    return ""


def editor(kind: str, plugins: Path, instruments: Path, out: Path) -> dict[str, float]:
    """Open the editor of a plug-in, press a key, and write a picture of it, ``OUT/KIND.png``.

    Raises:
        AssertionError: When the host fails, the picture is of one colour, or the key is not heard.
    """
    host, script, picture = out / "editor_host", out / f"{kind}.txt", out / f"{kind}.ppm"
    source = ["-std=c11", "-O2", f"-I{DPF / 'distrho' / 'src'}", str(HERE / "editor_host.c"), "-o", str(host)]
    subprocess.run(["gcc", *source, "-ldl", "-lX11", "-lXtst", "-lm"], check=True)
    x, y = A_KEY
    script.write_text(f"press {x} {y}\nwait 0.5\npicture {picture}\nrelease {x} {y}\n")
    plugin = (plugins / "linux-x86_64" / f"{KINDS[kind][0]}.clap").resolve()
    command = [
        "xvfb-run",
        "-a",
        "-s",
        "-screen 0 800x600x24",
        str(host),
        str(plugin),
        f"oscine.{kind}",
        str(script),
    ]
    environment = {**os.environ, "OSCINE_INSTRUMENTS": str(instruments)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert not done.returncode, f"the editor ended with {done.returncode}: {done.stderr[-2000:]}"
    content = picture.read_bytes()
    assert content.startswith(_HEAD), "the editor has another size"
    pixels = np.frombuffer(content[len(_HEAD) :], np.uint8).reshape(HEIGHT, WIDTH, 3)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20, "the editor draws nothing"
    matplotlib.image.imsave(out / f"{kind}.png", pixels)
    peak = float(done.stdout.split("peak ")[1])
    assert peak > 0.001, "what is played in the editor is not heard"
    return {"peak": peak}
