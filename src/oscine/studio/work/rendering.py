"""Renders: a performance, with the pitch and loudness that were drawn, played by an instrument."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from oscine.analysis import Features
from oscine.files import write_atomically
from oscine.studio.archives import write_zip
from oscine.studio.work.job import Job
from oscine.studio.work.performing import CURVES, DRAWN
from oscine.studio.work.sounds import SOUND
from oscine.threads import one_thread
from oscine.transfer import Options, load, transfer_file


def render(job: Job) -> None:
    """Play a performance with an instrument, into one file or into a zip file of stems."""
    asked, performance = job.arguments, job.thing("performance")
    source = job.root.folder("performances", performance["id"])
    folder = job.output_folder()
    ending = asked["format"]
    output, stems = folder / f"mix.{ending}", folder / "stems"
    options = Options(
        octave=asked["octave"],
        loudness=asked["loudness"],
        autotune=asked["autotune"],
        dry=asked["dry"],
        identity=asked["identity"],
        sliders=asked["sliders"],
    )
    with one_thread():
        report = transfer_file(
            load(asked["folder"], device=job.device),
            source / SOUND,
            output,
            options,
            stems=stems if asked["stems"] else None,
            edit=_edit_of(source),
            on_progress=lambda what, share: job.tell(what.capitalize(), share),
        )
    name = f"{Path(performance['name']).stem} - {asked['instrument_name']}"
    file = output.name
    if asked["stems"]:
        file = "stems.zip"
        files = [(output.name, output), *((one.name, one) for one in sorted(stems.iterdir()))]
        write_atomically(folder / file, lambda path: write_zip(path, files))
        output.unlink()
        job.root.remove("jobs", job.id, "stems")
    told = report.model_dump(mode="json", exclude={"output", "imitation"})
    # The pitch file is the studio's own: what was drawn.
    told["remarks"] = [one for one in told["remarks"] if DRAWN not in one]
    job.finish(file, f"{name}.{file.rpartition('.')[2]}", **told)


def _edit_of(folder: Path) -> Any:
    """Return what puts the loudness that was drawn into the features; None where none was."""
    curves = json.loads((folder / CURVES).read_text())
    drawn = curves.get("drawn_loudness_db")
    if drawn is None:
        return None
    times = np.arange(1, len(drawn) + 1) / curves["frame_rate"]

    def edit(features: Features) -> Features:
        loudness_db = np.interp(features.time_s.numpy(), times, np.asarray(drawn, float))
        return replace(features, loudness_db=torch.from_numpy(loudness_db.astype(np.float32)))

    return edit
