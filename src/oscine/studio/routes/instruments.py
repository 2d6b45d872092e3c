"""Instruments: the shelf, their cards, sounds, exports, and the files of the web instrument."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Request, UploadFile
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from oscine import instruments as bundled
from oscine.studio.answers import file_answer, missing
from oscine.studio.database import Row, new_id
from oscine.studio.routes.common import (
    Body,
    Id,
    Name,
    StudioHere,
    accepted,
    delete,
    plain_name,
    restore,
    router,
)
from oscine.studio.state import Studio, told_instrument, told_job

api = router()
Text = Annotated[str, Field(max_length=2000)]
Form = Literal[
    "zip", "oscine", "c", "web", "clap", "vst3", "lv2", "pd", "onnx", "nn", "neutone", "syx", "wavetable"
]


class Card(Body):
    """What a model card says."""

    name: Name | None = None
    licence: Annotated[str, Field(max_length=200)] = ""
    credit: Annotated[str, Field(max_length=500)] = ""
    consent: bool | None = None
    description: Text = ""


class NewExport(Body):
    """An export to be made."""

    format: Form


class NewUpload(Body):
    """A place on the Hugging Face hub."""

    repo: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}$")]
    private: bool = True
    token: Annotated[str, Field(max_length=200)] | None = None


@api.get("/instruments")
def instruments(studio: StudioHere) -> list[Row]:
    """All instruments: one's own, the newest first, then those in the package."""
    own = [
        told_instrument(one["facts"] | {key: one[key] for key in ("id", "name", "created")})
        for one in studio.database.things("instrument")
    ]
    return own[::-1] + [told_instrument(one, is_bundled=True) for one in studio.bundled()]


@api.get("/instruments/{id}")
def instrument(studio: StudioHere, id: Id) -> Row:  # noqa: A002
    """One instrument."""
    return studio.instrument(id)[0]


@api.post("/instruments", status_code=201)
def add(studio: StudioHere, file: UploadFile | None = None, files: list[UploadFile] | None = None) -> Row:
    """Put an instrument on the shelf: a zip file of its folder, or the folder's files."""
    from oscine.studio import archives
    from oscine.studio.shelf import describe

    studio.require_room()
    if (file is None) == (not files):
        raise HTTPException(422, "Send a zip file as `file`, or the files of a folder as `files`.")
    staged = new_id()
    folder = studio.root.folder("uploads", staged)
    try:
        if file is not None:
            name = Path(plain_name(file.filename, "Instrument")).stem
            archives.take_instrument(file.file, folder)
        else:
            name = _folder_name(files or [])
            for one in files or []:
                _keep(one.file, plain_name(one.filename, ""), folder)
        facts = studio.readers.run(describe, str(folder), what="the instrument")
        made = new_id()
        folder.rename(studio.root.folder("instruments") / made)
    finally:
        studio.root.remove("uploads", staged)
    row = studio.database.add("instrument", name or "Instrument", facts=facts, id=made)
    return studio.instrument(row["id"])[0]


def _folder_name(files: list[UploadFile]) -> str:
    """Return the folder that the files were in, as browsers send it, else a word."""
    parts = (files[0].filename or "").replace("\\", "/").split("/")
    return plain_name(parts[-2], "Instrument") if len(parts) > 1 else "Instrument"


def _keep(file: Any, name: str, folder: Path) -> None:
    """Write one file of an instrument's folder; others are passed over."""
    from oscine.studio.archives import TAKEN

    if name not in TAKEN:
        return
    content = file.read(TAKEN[name] + 1)
    if len(content) > TAKEN[name]:
        raise HTTPException(413, f"{name} is larger than that of an instrument.")
    try:
        with open(folder / name, "xb") as target:
            target.write(content)
    except FileExistsError:
        raise HTTPException(400, f"{name} was sent twice; send one folder.") from None


def _own(studio: Studio, id: str) -> Row:  # noqa: A002
    if id in bundled.names():
        raise HTTPException(409, "This instrument is in the package, so it can't be changed or deleted.")
    return studio.thing("instrument", id)


@api.delete("/instruments/{id}", status_code=204)
def remove(studio: StudioHere, id: Id) -> Response:  # noqa: A002
    """Put an instrument into the trash."""
    _own(studio, id)
    return delete(studio, "instrument", id)


@api.post("/instruments/{id}/restore")
def bring_back(studio: StudioHere, id: Id) -> Row:  # noqa: A002
    """Take an instrument out of the trash."""
    restore(studio, "instrument", id)
    return studio.instrument(id)[0]


@api.put("/instruments/{id}/card")
def write(studio: StudioHere, id: Id, body: Card) -> Row:  # noqa: A002
    """Write the model card."""
    from oscine.studio.shelf import describe, write_card

    row = _own(studio, id)
    folder = studio.root.folder("instruments", id)
    card: dict[str, object] = body.model_dump(exclude={"name"})
    write_card(folder, card | {"name": body.name or row["name"]})
    facts = studio.readers.run(describe, str(folder))
    studio.database.change(id, name=body.name, **facts | {"consent": body.consent})
    return studio.instrument(id)[0]


def _made(studio: Studio, kind: str, id: str, what: str, folder: Path) -> Response:  # noqa: A002
    """Answer with the job that makes what is not there yet."""
    waiting = studio.database.jobs(subject=id, kind=kind, open_only=True)
    job = told_job(waiting[0]) if waiting else studio.add_job(kind, id, what, folder=str(folder))
    return accepted({"job": job})


@api.get("/instruments/{id}/sound", response_class=Response)
def sound(studio: StudioHere, request: Request, id: Id) -> Response:  # noqa: A002
    """A few seconds of it (FLAC); 202 with the job while it is made."""
    row, folder = studio.instrument(id)
    name = f"{row['name']}.flac"
    if row["kind"] == "bundled" and (folder / "sound.flac").is_file():
        return file_answer(open(folder / "sound.flac", "rb"), request, name, max_age_s=3600)
    try:
        file = studio.root.open("sounds", f"{id}.flac")
    except FileNotFoundError:
        return _made(studio, "sound", id, f"Playing {row['name']}", folder)
    return file_answer(file, request, name, max_age_s=3600)


@api.get("/instruments/{id}/controls")
def controls(studio: StudioHere, id: Id) -> list[Row]:  # noqa: A002
    """What sliders there are for a render, from the controls that the instrument declares."""
    if id in bundled.names():
        return next(one for one in studio.bundled() if one["id"] == id)["controls"]
    return studio.thing("instrument", id)["facts"]["controls"]


@api.post("/instruments/{id}/exports", status_code=202)
def export(studio: StudioHere, id: Id, body: NewExport) -> Row:  # noqa: A002
    """Make a file of it for other programs."""
    row, folder = studio.instrument(id)
    if body.format not in row["can_export"]:
        can = ", ".join(row["can_export"])
        raise HTTPException(409, f"This instrument can't be exported as {body.format} here; it can as {can}.")
    if body.format == "zip" and not (row["licence"] and row["credit"]):
        raise HTTPException(409, "The card has no licence or no credit; fill them in before you share it.")
    what = f"Exporting {row['name']} ({body.format})"
    return studio.add_job("export", id, what, folder=str(folder), format=body.format, name=row["name"])


@api.post("/instruments/{id}/hub", status_code=202)
def upload(studio: StudioHere, id: Id, body: NewUpload) -> Row:  # noqa: A002
    """Upload it to the Hugging Face hub."""
    row, folder = studio.instrument(id)
    if not (row["licence"] and row["credit"]):
        raise HTTPException(409, "The card has no licence or no credit; fill them in before you share it.")
    if row["consent"] is False:
        raise HTTPException(409, "The card says that the player did not agree, so it is not uploaded.")
    asked = {"repo": body.repo, "private": body.private, "token": body.token}
    return studio.add_job("hub", id, f"Uploading {row['name']}", folder=str(folder), **asked)


@api.get("/instruments/{id}/live/{file}", response_class=Response)
def live(studio: StudioHere, request: Request, id: Id, file: Id) -> Response:  # noqa: A002
    """A file of the web instrument; 202 with the job while it is made. `instrument.oscine` is its program."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", file):
        raise missing("file")
    row, folder = studio.instrument(id)
    if "web" not in row["can_export"]:
        raise HTTPException(409, "This instrument has no compiled form, so it can't be played live.")
    if not studio.root.has("live", id, "index.html"):
        return _made(studio, "live", id, f"Preparing {row['name']} for the browser", folder)
    name = file
    if file == "instrument.oscine":
        place = studio.root.folder("live", id)
        name = next((one.name for one in place.glob("*.oscine")), file)
    try:
        return file_answer(studio.root.open("live", id, name), request, name)
    except FileNotFoundError:
        raise missing("file") from None
