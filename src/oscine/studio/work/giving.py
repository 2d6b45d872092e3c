"""What an instrument is made into: a sound to hear, the web instrument, exports, a place on the hub."""

import json
import math
from typing import Any

import numpy as np
import torch

from oscine.audio.output import write_audio
from oscine.data.statistics import Statistics
from oscine.export import export
from oscine.files import write_atomically
from oscine.models import Instrument
from oscine.models.conditioning import absent_conditions
from oscine.models.sharing import share
from oscine.studio.archives import write_zip
from oscine.studio.work.job import Job
from oscine.threads import one_thread

#: Semitones above the lowest note of the phrase, and seconds of each.
_PHRASE = ((0, 0.6), (4, 0.3), (7, 0.3), (12, 0.9), (7, 0.4), (5, 0.3), (4, 0.3), (0, 1.2))
_TAIL_S = 0.6
_PRESET_ENDINGS = {"oscine": "oscine", "syx": "syx", "wavetable": "wav"}


def make_sound(job: Job) -> None:
    """Let an instrument play a short phrase in its range."""
    instrument = Instrument.from_pretrained(job.arguments["folder"])
    with one_thread(), torch.no_grad():
        audio = instrument(_phrase(instrument))[0]
    peak = float(audio.abs().max())
    audio = torch.nan_to_num(audio) * (0.7 / max(peak, 1e-6))
    target = job.root.folder("sounds") / f"{job.subject}.flac"
    write_audio(target, [audio], instrument.sample_rate, len(audio))
    job.finish()


def _phrase(instrument: Instrument) -> dict[str, torch.Tensor]:
    """Return pitch and loudness of a phrase in the instrument's range, and its other inputs' defaults."""
    learned = instrument.statistics
    low, high, loud = (57.0, 81.0, -25.0) if learned is None else _range(learned)
    frame_rate = instrument.sample_rate / instrument.hop_length
    base = low + max(0.0, (high - low - 12) / 2)
    midi, loudness = [], []
    for step, seconds in _PHRASE:
        n = round(seconds * frame_rate)
        shape = np.minimum(
            1.0, np.minimum(np.arange(n) / (0.04 * frame_rate), np.arange(n, 0, -1) / (0.06 * frame_rate))
        )
        midi += [min(base + step, max(high, base))] * n
        loudness += list(loud - 30.0 * (1 - shape))
    n_tail = round(_TAIL_S * frame_rate)
    midi += [midi[-1]] * n_tail
    loudness += [-80.0] * n_tail
    f0_hz = 440.0 * 2 ** ((np.asarray(midi) - 69.0) / 12)
    given = absent_conditions(instrument, len(midi), None)
    given["f0_hz"] = torch.tensor(f0_hz[None], dtype=torch.float32)
    given["loudness_db"] = torch.tensor(np.asarray(loudness)[None], dtype=torch.float32)
    return {name: value for name, value in given.items() if name in instrument.inputs}


def _range(learned: Statistics) -> tuple[float, float, float]:
    pitches, levels = learned.pitch_midi_quantiles, learned.loudness_db_quantiles
    return pitches[10], pitches[90], levels[70]


def make_live(job: Job) -> None:
    """Write the files of the web instrument, which the page plays."""
    folder = job.output_folder()
    export(Instrument.from_pretrained(job.arguments["folder"]), folder / "web", "web")
    target = job.root.folder("live") / job.subject
    job.root.remove("live", job.subject)
    (folder / "web").rename(target)
    job.root.remove("jobs", job.id)
    job.finish()


def export_instrument(job: Job) -> None:
    """Write an instrument in a format, as one file or zipped."""
    asked = job.arguments
    folder, form, name = job.output_folder(), asked["format"], asked["name"]
    instrument = Instrument.from_pretrained(asked["folder"])
    job.tell(f"Exporting ({form})", 0.2)
    if form == "zip":
        share(instrument, folder / "instrument.zip")
        job.finish("instrument.zip", f"{name}.zip")
        return
    if form in _PRESET_ENDINGS:
        file = f"instrument.{_PRESET_ENDINGS[form]}"
        report = export(instrument, folder / file, form)
        job.finish(file, f"{name}.{_PRESET_ENDINGS[form]}", **_told(report))
        return
    report = export(instrument, folder / "made", form)
    files = sorted(path for path in (folder / "made").rglob("*") if path.is_file())
    named = [(path.relative_to(folder / "made").as_posix(), path) for path in files]
    write_atomically(folder / "made.zip", lambda path: write_zip(path, named))
    job.root.remove("jobs", job.id, "made")
    job.finish("made.zip", f"{name} ({form}).zip", **_told(report))


def _told(report: Any) -> dict[str, Any]:
    told = report.model_dump(mode="json", include={"difference", "load", "note", "latency", "sample_rate"})
    return {
        key: None if isinstance(one, float) and not math.isfinite(one) else one for key, one in told.items()
    }


def upload_to_hub(job: Job) -> None:
    """Upload an instrument to the Hugging Face hub."""
    asked = job.arguments
    token = asked.pop("token", None)
    job.database.change_job(job.id, arguments=json.dumps(asked))  # a secret is kept no longer than needed
    instrument = Instrument.from_pretrained(asked["folder"])
    job.tell("Uploading", 0.2)
    share(instrument, asked["repo"], private=asked["private"], token=token)
    job.finish(address=f"https://huggingface.co/{asked['repo']}")
