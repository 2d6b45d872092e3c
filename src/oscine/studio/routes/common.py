"""What the routes share: the studio, ids, uploads, and the trash."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, UploadFile
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from oscine.audio import AUDIO_SUFFIXES
from oscine.files import printable
from oscine.studio.answers import StudioRoute, missing
from oscine.studio.database import Kind, is_id, new_id
from oscine.studio.state import Studio

_UPLOAD_CHUNK = 1 << 20
#: What browsers write in a form for what can't stand in the name of a file there.
_FORM_ESCAPES = {"%22": '"', "%0D": "\r", "%0A": "\n"}
Recorded = Literal["take", "performance"]


class Body(BaseModel):
    """What a request says: known fields only, finite numbers only."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Error(BaseModel):
    """What is answered when a request can't be done."""

    error: str
    """One sentence."""


class Making(BaseModel):
    """What is answered while the file is still made."""

    job: dict[str, Any]


#: Of a file: the part of it that was asked for; and of one that is made when it is first asked for.
PARTS: dict[int | str, dict[str, Any]] = {206: {"description": "The part that was asked for."}}
MADE: dict[int | str, dict[str, Any]] = PARTS | {202: {"model": Making}}


def router() -> APIRouter:
    """Return a router whose forms are bounded, with the answers that any route may give."""
    errors = {
        status: {"model": Error}
        for status in (400, 401, 403, 404, 405, 408, 409, 413, 415, 416, 422, 429, 503)
    }
    return APIRouter(prefix="/api", route_class=StudioRoute, responses=errors)  # pyright: ignore[reportArgumentType]


def studio_of(request: Request) -> Studio:
    """Return the studio that is served."""
    return request.app.state.studio


StudioHere = Annotated[Studio, Depends(studio_of)]
Id = Annotated[str, InPath(max_length=64)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True, pattern=r"\S")]


def plain_name(name: str | None, instead: str) -> str:
    """Return a file's name as it is shown: no folder, nothing that can't be printed, not too long."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    for written, meant in _FORM_ESCAPES.items():
        last = last.replace(written, meant)
    return printable(last).strip()[:120] or instead


def take_upload(studio: Studio, file: Any, *folders: str, suffix: str) -> Path:
    """Write what was sent into a thing's folder, whole or not at all.

    Raises:
        HTTPException: 413, when it is larger than a file may be.
    """
    staged = studio.root.folder("uploads") / new_id()
    n_bytes = 0
    try:
        with open(staged, "xb") as target:
            while chunk := file.read(_UPLOAD_CHUNK):
                n_bytes += len(chunk)
                if n_bytes > studio.limits.upload_bytes:
                    raise HTTPException(413, studio.limits.too_large)
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        if n_bytes == 0:
            raise HTTPException(400, "This file is empty; send a recording.")
        place = studio.root.folder(*folders) / f"source{suffix}"
        staged.replace(place)
        return place
    finally:
        staged.unlink(missing_ok=True)


def audio_suffix(name: str) -> str:
    """Return the ending of a sound file's name, or one that says nothing."""
    suffix = Path(name).suffix.lower()
    return suffix if suffix in AUDIO_SUFFIXES else ".sound"


def look_at(studio: Studio, kind: Recorded, id: str, name: str) -> None:  # noqa: A002
    """Let the worker look at a recording.

    Raises:
        HTTPException: 429, when too many jobs wait already.
    """
    studio.add_job(kind, id, f"{'Checking' if kind == 'take' else 'Listening to'} {name}")


def add_recording(studio: Studio, kind: Recorded, file: UploadFile, owner: str | None = None) -> str:
    """Keep a recording that was sent, let the worker look at it, and return its id.

    Args:
        studio: The studio.
        kind: Of the recording.
        file: What was sent.
        owner: The collection of a take.

    Raises:
        HTTPException: 413, when it is larger than a file may be; 429, when there is no room; nothing is kept.
    """
    studio.require_room()
    name, made, folder = plain_name(file.filename, kind.capitalize()), new_id(), f"{kind}s"
    take_upload(studio, file.file, folder, made, suffix=audio_suffix(name))
    studio.database.add(kind, name, state="checking", owner=owner, id=made)
    try:
        look_at(studio, kind, made, name)
    except HTTPException:
        studio.database.forget(made)
        studio.root.remove(folder, made)
        raise
    return made


def delete(studio: Studio, kind: Kind, id: str) -> Response:  # noqa: A002
    """Put a thing into the trash.

    Raises:
        HTTPException: 404, when there is none.
    """
    if not is_id(id) or not studio.database.delete(kind, id):
        raise missing(kind)
    return Response(status_code=204)


def restore(studio: Studio, kind: Kind, id: str) -> None:  # noqa: A002
    """Take a thing out of the trash; a recording that was deleted before it was looked at is looked at now.

    Raises:
        HTTPException: 404, when there is none in it; 429, when too many jobs wait already.
    """
    if not is_id(id) or not (studio.database.restore(kind, id) or studio.database.things(kind, id=id)):
        raise HTTPException(404, f"There is no {kind} of this name in the trash.")
    row = studio.thing(kind, id)
    if row["kind"] not in ("take", "performance") or row["state"] != "checking":
        return
    if not studio.database.jobs(subject=id, open_only=True):
        try:
            look_at(studio, row["kind"], id, row["name"])
        except HTTPException:
            studio.database.delete(kind, id)
            raise


def accepted(value: Any) -> Any:
    """Return an answer of 202 with a value."""
    from starlette.responses import JSONResponse

    return JSONResponse(value, 202)
