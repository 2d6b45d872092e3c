"""Runs: an instrument is learned from a collection."""

from typing import Annotated

from fastapi import Request
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from oscine.studio.answers import file_answer, missing
from oscine.studio.database import Row, is_id
from oscine.studio.routes.common import PARTS, Body, Id, Name, StudioHere, delete, restore, router
from oscine.studio.state import Studio
from oscine.studio.steering import Wish, steer

api = router()


class NewRun(Body):
    """A run to be started."""

    collection: Annotated[str, Field(max_length=64)]
    name: Name
    recipe: Annotated[str, Field(max_length=64)] = "default"
    start_from: Annotated[str, Field(max_length=64)] | None = None
    minutes: Annotated[float, Field(gt=0.0, le=10_000.0)] | None = None
    steps: Annotated[int, Field(ge=1, le=10_000_000)] | None = None


def told_run(studio: Studio, run: Row) -> Row:
    """Return what is told of a run."""
    facts = run["facts"]
    previews = facts.get("previews", [])
    return {
        "id": run["id"],
        "name": run["name"],
        "collection": run["owner"],
        "state": run["state"],
        "recipe": facts["recipe"],
        "start_from": facts.get("start_from"),
        "start_name": facts.get("start_name", facts.get("start_from")),
        "steps": facts.get("steps_done", 0),
        "total_steps": facts["steps"],
        "minutes": facts.get("minutes_done", 0.0),
        "total_minutes": facts["minutes"],
        "left_s": facts.get("left_s") if run["state"] in ("training", "paused") else None,
        "curve": studio.database.curve(run["id"]),
        "quality": facts.get("quality"),
        "previews": [{key: one[key] for key in ("minute", "step", "id", "seconds")} for one in previews],
        "instrument": facts.get("instrument") if run["state"] == "done" else None,
        "asked": facts.get("control"),
        "error": facts.get("error"),
        "created": run["created"],
    }


@api.post("/runs", status_code=201)
def start(studio: StudioHere, body: NewRun) -> Row:
    """Start a run: the takes are prepared as they are now, then trained on."""
    from oscine.models import list_recipes

    collection = studio.thing("collection", body.collection)
    takes = [
        one
        for one in studio.database.things("take", owner=collection["id"])
        if one["state"] == "ready" and not one["facts"].get("left_out")
    ]
    if not takes:
        raise HTTPException(409, "The collection has no take that can be used; add recordings first.")
    names = list_recipes()
    if body.recipe not in names:
        raise HTTPException(400, f"There is no recipe of this name; there are {', '.join(names)}.")
    studio.require_room()
    facts: Row = {
        "name": body.name,
        "recipe": body.recipe,
        "minutes": body.minutes if body.minutes or body.steps else 10.0,
        "steps": body.steps,
        "takes": [_used(one) for one in takes],
    }
    if body.start_from is not None:
        start, folder = studio.instrument(body.start_from)
        facts |= {"start_from": body.start_from, "start_name": start["name"], "start_folder": str(folder)}
    run = studio.database.add("run", body.name, state="queued", owner=collection["id"], facts=facts)
    try:
        studio.add_job("run", run["id"], f"Learning {body.name}")
    except HTTPException:
        studio.database.forget(run["id"])
        raise
    return told_run(studio, studio.thing("run", run["id"]))


def _used(take: Row) -> Row:
    facts = take["facts"]
    return {"id": take["id"], "name": take["name"], "sample_rate": facts["sample_rate"], **facts["trim"]}


@api.get("/runs")
def runs(studio: StudioHere) -> list[Row]:
    """All runs."""
    return [told_run(studio, one) for one in studio.database.things("run")]


@api.get("/runs/{id}")
def run(studio: StudioHere, id: Id) -> Row:  # noqa: A002
    """One run."""
    return told_run(studio, studio.thing("run", id))


def _steered(studio: Studio, id: str, wish: Wish) -> Row:  # noqa: A002
    run = studio.thing("run", id)
    if not steer(studio.database, id, wish):
        raise HTTPException(409, f"This run is {run['state']}, so it can't be paused, resumed or stopped.")
    return told_run(studio, studio.thing("run", id))


@api.post("/runs/{id}/pause")
def pause(studio: StudioHere, id: Id) -> Row:  # noqa: A002
    """Pause a run after the step that it is in."""
    return _steered(studio, id, "pause")


@api.post("/runs/{id}/resume")
def resume(studio: StudioHere, id: Id) -> Row:  # noqa: A002
    """Go on with a run that is paused, or try one again that has failed."""
    return _steered(studio, id, "resume")


@api.post("/runs/{id}/stop")
def stop(studio: StudioHere, id: Id) -> Row:  # noqa: A002
    """End a run before its time, with the best instrument so far."""
    return _steered(studio, id, "stop")


@api.delete("/runs/{id}", status_code=204)
def remove(studio: StudioHere, id: Id) -> Response:  # noqa: A002
    """Put a run into the trash; if it goes on, it is paused first. Its instrument stays."""
    studio.thing("run", id)
    steer(studio.database, id, "pause")
    return delete(studio, "run", id)


@api.post("/runs/{id}/restore")
def bring_back(studio: StudioHere, id: Id) -> Row:  # noqa: A002
    """Take a run out of the trash; one that was going on is paused."""
    restore(studio, "run", id)
    return told_run(studio, studio.thing("run", id))


def _preview(studio: Studio, request: Request, id: str, preview: str, ending: str) -> Response:  # noqa: A002
    run = studio.thing("run", id)
    known = {one["id"] for one in run["facts"].get("previews", [])}
    if not is_id(preview) or preview not in known:
        raise missing("preview")
    try:
        file = studio.root.open("runs", id, "previews", f"{preview}{ending}.flac")
    except FileNotFoundError:
        raise missing("preview") from None
    return file_answer(file, request, f"{run['name']}{ending}.flac", max_age_s=86_400)


@api.get("/runs/{id}/previews/{preview}/audio", response_class=Response, responses=PARTS)
def preview_audio(studio: StudioHere, request: Request, id: Id, preview: Id) -> Response:  # noqa: A002
    """What the instrument played then (FLAC)."""
    return _preview(studio, request, id, preview, "")


@api.get("/runs/{id}/previews/{preview}/recording", response_class=Response, responses=PARTS)
def preview_recording(studio: StudioHere, request: Request, id: Id, preview: Id) -> Response:  # noqa: A002
    """What was recorded at the same bar (FLAC)."""
    return _preview(studio, request, id, preview, ".recording")
