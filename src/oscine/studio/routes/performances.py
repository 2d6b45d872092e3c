"""Performances: a hum or a melody, its pitch and loudness to be drawn, and its renders."""

import json
import threading
from typing import Annotated, Literal

import numpy as np
from fastapi import Request, UploadFile
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from oscine.files import write_atomically
from oscine.studio.answers import file_answer
from oscine.studio.database import Row
from oscine.studio.routes.common import (
    PARTS,
    Body,
    Id,
    StudioHere,
    add_recording,
    delete,
    restore,
    router,
)
from oscine.studio.state import Studio

api = router()
_LOWEST_HZ, _HIGHEST_HZ = 10.0, 8000.0
_MOST_FRAMES = 400_000
_writing = threading.Lock()

Pitch = Annotated[float, Field(ge=_LOWEST_HZ, le=_HIGHEST_HZ)]
Level = Annotated[float, Field(ge=-120.0, le=20.0)]


class Curves(Body):
    """Curves that were drawn: a value for each frame, null where there is no pitch."""

    f0_hz: Annotated[list[Pitch | None], Field(max_length=_MOST_FRAMES)]
    loudness_db: Annotated[list[Level], Field(max_length=_MOST_FRAMES)] | None = None


class NewRender(Body):
    """A render to be made."""

    instrument: Annotated[str, Field(max_length=64)]
    identity: Annotated[str, Field(max_length=200)] | None = None
    octave: Literal["auto"] | Annotated[int, Field(ge=-8, le=8)] = "auto"
    loudness: Literal["auto"] | Annotated[float, Field(ge=-80.0, le=80.0)] = "auto"
    autotune: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    dry: bool = False
    sliders: Annotated[dict[str, float], Field(max_length=200, default_factory=dict)]
    format: Literal["wav", "flac", "mp3"] = "wav"
    stems: bool = False


def told_performance(row: Row) -> Row:
    """Return what is told of a performance."""
    facts = row["facts"]
    return {
        "id": row["id"],
        "name": row["name"],
        "state": row["state"],
        "seconds": facts.get("seconds", 0.0),
        "peaks": facts.get("peaks", []),
        "reasons": facts.get("reasons", []),
        "error": facts.get("error"),
        "created": row["created"],
    }


@api.get("/performances")
def performances(studio: StudioHere) -> list[Row]:
    """All performances."""
    return [told_performance(one) for one in studio.database.things("performance")]


@api.post("/performances", status_code=202)
def add(studio: StudioHere, file: UploadFile) -> Row:
    """Add a performance; it is analysed by the worker."""
    made = add_recording(studio, "performance", file)
    return told_performance(studio.thing("performance", made))


@api.get("/performances/{id}")
def performance(studio: StudioHere, id: Id) -> Row:  # noqa: A002
    """One performance."""
    return told_performance(studio.thing("performance", id))


@api.delete("/performances/{id}", status_code=204)
def remove(studio: StudioHere, id: Id) -> Response:  # noqa: A002
    """Put a performance into the trash."""
    return delete(studio, "performance", id)


@api.post("/performances/{id}/restore")
def bring_back(studio: StudioHere, id: Id) -> Row:  # noqa: A002
    """Take a performance out of the trash."""
    restore(studio, "performance", id)
    return told_performance(studio.thing("performance", id))


def _ready(studio: Studio, id: str) -> Row:  # noqa: A002
    row = studio.thing("performance", id)
    if row["state"] != "ready":
        words = "can't be used" if row["state"] == "failed" else "is still being listened to"
        raise HTTPException(409, f"This performance {words}.")
    return row


@api.get("/performances/{id}/audio", response_class=Response, responses=PARTS)
def audio(studio: StudioHere, request: Request, id: Id) -> Response:  # noqa: A002
    """The sound, as FLAC."""
    row = _ready(studio, id)
    return file_answer(studio.root.open("performances", id, "sound.flac"), request, f"{row['name']}.flac")


def _curves(studio: Studio, id: str) -> Row:  # noqa: A002
    with studio.root.open("performances", id, "curves.json") as file:
        return json.load(file)


@api.get("/performances/{id}/curves")
def curves(studio: StudioHere, id: Id) -> Row:  # noqa: A002
    """Pitch and loudness, as found or as drawn, and where two trackers disagree."""
    _ready(studio, id)
    return _told(_curves(studio, id))


def _told(found: Row) -> Row:
    told = {key: one for key, one in found.items() if not key.startswith("drawn_") and key != "confidence"}
    for name in ("f0_hz", "loudness_db"):
        if f"drawn_{name}" in found:
            told[name] = found[f"drawn_{name}"]
    return told | {"tracked_f0_hz": found["f0_hz"], "edited": "drawn_f0_hz" in found}


@api.put("/performances/{id}/curves")
def draw(studio: StudioHere, id: Id, body: Curves) -> Row:  # noqa: A002
    """Save curves that were drawn; the pitch is written as `NAME.f0.csv`, which the CLI reads."""
    _ready(studio, id)
    with _writing:
        found = _curves(studio, id)
        n_frames = len(found["f0_hz"])
        for name, values in (("f0_hz", body.f0_hz), ("loudness_db", body.loudness_db)):
            if values is not None and len(values) != n_frames:
                raise HTTPException(
                    400,
                    f"{name} has {len(values)} values; send one for each of the {n_frames} frames.",
                )
        found["drawn_f0_hz"] = body.f0_hz
        if body.loudness_db is not None:
            found["drawn_loudness_db"] = body.loudness_db
        folder = studio.root.folder("performances", id)
        write_atomically(folder / "sound.f0.csv", _f0_text(found))
        write_atomically(folder / "curves.json", json.dumps(found))
    return _told(found)


@api.delete("/performances/{id}/curves")
def undraw(studio: StudioHere, id: Id) -> Row:  # noqa: A002
    """Go back to the curves that were found."""
    _ready(studio, id)
    with _writing:
        found = {key: one for key, one in _curves(studio, id).items() if not key.startswith("drawn_")}
        write_atomically(studio.root.folder("performances", id) / "curves.json", json.dumps(found))
        studio.root.remove("performances", id, "sound.f0.csv")
    return _told(found)


def _f0_text(found: Row) -> str:
    """Return the pitch, as drawn where it was, in the form of `oscine analyze --f0`."""
    from oscine.analysis.pitch.f0_file import f0_text

    drawn = found.get("drawn_f0_hz", found["f0_hz"])
    f0_hz = np.array([one or 0.0 for one in drawn])
    times = np.arange(1, len(f0_hz) + 1) / found["frame_rate"]
    return f0_text(times, f0_hz, np.asarray(found["confidence"], float))


@api.get("/performances/{id}/f0.csv", response_class=Response)
def f0_csv(studio: StudioHere, id: Id) -> Response:  # noqa: A002
    """The pitch as a CSV file, to lie beside the recording."""
    from pathlib import Path

    from oscine.studio.answers import disposition

    row = _ready(studio, id)
    headers = {"Content-Disposition": disposition(f"{Path(row['name']).stem}.f0.csv")}
    return Response(_f0_text(_curves(studio, id)), media_type="text/csv; charset=utf-8", headers=headers)


@api.post("/performances/{id}/renders", status_code=202)
def render(studio: StudioHere, id: Id, body: NewRender) -> Row:  # noqa: A002
    """Play it with an instrument."""
    row = _ready(studio, id)
    instrument, folder = studio.instrument(body.instrument)
    if instrument["by_notes"]:
        raise HTTPException(409, "This instrument is played by notes; play a MIDI file with oscine render.")
    if body.identity is not None and body.identity not in instrument["identities"]:
        names = ", ".join(instrument["identities"]) or "none"
        raise HTTPException(400, f"The instrument has no identity of this name; there are {names}.")
    asked = body.model_dump(exclude={"instrument"})
    what = f"Playing {row['name']} with {instrument['name']}"
    return studio.add_job("render", id, what, folder=str(folder), instrument_name=instrument["name"], **asked)
