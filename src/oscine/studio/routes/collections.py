"""Collections of takes: what an instrument is learned from."""

from typing import Annotated, Any

from fastapi import Request, UploadFile
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from oscine.plural import counted
from oscine.studio.answers import file_answer
from oscine.studio.database import Row
from oscine.studio.routes.common import (
    PARTS,
    Body,
    Id,
    Name,
    StudioHere,
    add_recording,
    delete,
    look_at,
    restore,
    router,
)
from oscine.studio.state import Studio

api = router()
_SHORTEST_S = 0.1


class NewCollection(Body):
    """A collection to be made."""

    name: Name


class Trim(Body):
    """What of a take is used."""

    from_s: Annotated[float, Field(ge=0.0, le=1e6)]
    to_s: Annotated[float, Field(gt=0.0, le=1e6)]


class TakeChange(Body):
    """What is changed of a take; what is left out stays."""

    name: Name | None = None
    trim: Trim | None = None
    left_out: bool | None = None


def told_take(take: Row) -> Row:
    """Return what is told of a take."""
    facts = take["facts"]
    seconds = facts.get("seconds", 0.0)
    return {
        "id": take["id"],
        "collection": take["owner"],
        "name": take["name"],
        "state": take["state"],
        "verdict": facts.get("verdict"),
        "reasons": facts.get("reasons", []),
        "seconds": seconds,
        "trim": facts.get("trim", {"from_s": 0.0, "to_s": seconds}),
        "left_out": facts.get("left_out", False),
        "pitch_s": facts.get("pitch_s", {}),
        "words": facts.get("words", "Being checked."),
        "peaks": facts.get("peaks", []),
        "created": take["created"],
    }


def _told(studio: Studio, collection: Row) -> Row:
    takes = studio.database.things("take", owner=collection["id"])
    return {
        "id": collection["id"],
        "name": collection["name"],
        "takes": [told_take(take) for take in takes],
        "created": collection["created"],
    }


@api.get("/collections")
def collections(studio: StudioHere) -> list[Row]:
    """All collections."""
    return [_told(studio, one) for one in studio.database.things("collection")]


@api.post("/collections", status_code=201)
def make(studio: StudioHere, body: NewCollection) -> Row:
    """Make a collection."""
    return _told(studio, studio.database.add("collection", body.name))


@api.get("/collections/{id}")
def collection(studio: StudioHere, id: Id) -> Row:  # noqa: A002
    """One collection."""
    return _told(studio, studio.thing("collection", id))


@api.patch("/collections/{id}")
def rename(studio: StudioHere, id: Id, body: NewCollection) -> Row:  # noqa: A002
    """Give a collection another name."""
    studio.thing("collection", id)
    studio.database.change(id, name=body.name)
    return _told(studio, studio.thing("collection", id))


@api.delete("/collections/{id}", status_code=204)
def remove(studio: StudioHere, id: Id) -> Response:  # noqa: A002
    """Put a collection into the trash."""
    return delete(studio, "collection", id)


@api.post("/collections/{id}/restore")
def bring_back(studio: StudioHere, id: Id) -> Row:  # noqa: A002
    """Take a collection out of the trash."""
    restore(studio, "collection", id)
    return _told(studio, studio.thing("collection", id))


@api.post("/collections/{id}/takes", status_code=202)
def add_take(studio: StudioHere, id: Id, file: UploadFile) -> Row:  # noqa: A002
    """Add a recording; it is checked by the worker."""
    collection = studio.thing("collection", id)
    made = add_recording(studio, "take", file, owner=collection["id"])
    return told_take(studio.thing("take", made))


@api.get("/takes/{id}")
def take(studio: StudioHere, id: Id) -> Row:  # noqa: A002
    """One take."""
    return told_take(studio.thing("take", id))


@api.patch("/takes/{id}")
def change_take(studio: StudioHere, id: Id, body: TakeChange) -> Row:  # noqa: A002
    """Rename, trim or leave out a take; a trimmed one is checked again."""
    take = studio.thing("take", id)
    if body.left_out is not None or body.name is not None:
        left_out: Row = {} if body.left_out is None else {"left_out": body.left_out}
        studio.database.change(id, name=body.name, **left_out)
    if body.trim is not None:
        _trim(studio, take, body.trim)
    return told_take(studio.thing("take", id))


def _trim(studio: Studio, take: Row, trim: Trim) -> None:
    """Set what of a take is used, and have it checked again."""
    if take["state"] == "rejected" or "seconds" not in take["facts"]:
        raise HTTPException(409, "Only a take that was checked and can be used is trimmed.")
    seconds, before = take["facts"]["seconds"], take["facts"]["trim"]
    to_s = min(trim.to_s, seconds)
    if to_s - trim.from_s < _SHORTEST_S:
        raise HTTPException(
            400, f"The trim leaves less than {_SHORTEST_S:g} s of {seconds:.1f} s; leave more."
        )
    after = {"from_s": trim.from_s, "to_s": to_s}
    if after == before:
        return
    # Before the job, which looks at it.
    studio.database.change(take["id"], state="checking", trim=after)
    try:
        look_at(studio, "take", take["id"], take["name"])
    except HTTPException:
        studio.database.change(take["id"], state=take["state"], trim=before)
        raise


@api.delete("/takes/{id}", status_code=204)
def remove_take(studio: StudioHere, id: Id) -> Response:  # noqa: A002
    """Put a take into the trash."""
    return delete(studio, "take", id)


@api.post("/takes/{id}/restore")
def bring_take_back(studio: StudioHere, id: Id) -> Row:  # noqa: A002
    """Take a take out of the trash."""
    restore(studio, "take", id)
    return told_take(studio.thing("take", id))


@api.get("/takes/{id}/audio", response_class=Response, responses=PARTS)
def take_audio(studio: StudioHere, request: Request, id: Id) -> Response:  # noqa: A002
    """The sound of a take, whole, as FLAC."""
    take = studio.thing("take", id)
    try:
        file = studio.root.open("takes", id, "sound.flac")
    except FileNotFoundError:
        raise HTTPException(409, "This take has no sound that can be played, or not yet.") from None
    return file_answer(file, request, f"{take['name']}.flac", max_age_s=3600)


@api.get("/collections/{id}/report")
def report(studio: StudioHere, id: Id) -> Row:  # noqa: A002
    """What the takes that are not left out come to, within their trims."""
    from oscine.analysis.quality import Quality, merge

    studio.thing("collection", id)
    takes = [one for one in studio.database.things("take", owner=id) if not one["facts"].get("left_out")]
    ready = [one for one in takes if one["state"] == "ready"]
    n_checking = sum(one["state"] == "checking" for one in takes)
    quality = merge([Quality.model_validate(one["facts"]["quality"]) for one in ready])
    can_train = bool(ready) and quality.learnable and not n_checking
    return {
        "usable_minutes": round(quality.usable_minutes, 3),
        "minutes": round(quality.minutes, 3),
        "pitch_s": {str(midi): round(s, 2) for midi, s in quality.pitch_s.items()},
        "loudness_range_db": quality.loudness_range_db,
        "noise": _noise(quality) if ready else "There are no takes yet.",
        "advice": quality.advice if ready else [],
        "can_train": can_train,
        "words": _words(quality, bool(ready), n_checking),
    }


def _noise(quality: Any) -> str:
    if quality.signal_to_noise_db is None:
        return "Unknown, because there are no pauses."
    return f"{quality.signal_to_noise_db:.0f} dB below the notes."


def _words(quality: Any, has_takes: bool, n_checking: int) -> str:
    if n_checking:
        return f"{counted(n_checking, 'take')} {'is' if n_checking == 1 else 'are'} still being checked."
    if not has_takes:
        return "There are no takes yet; record or drop some."
    if not quality.learnable:
        return quality.advice[0]
    return f"{quality.usable_minutes:.1f} minutes can be used: an instrument can learn from them."
