"""Health, figures, what the server can do, and the jobs."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from oscine.studio.answers import file_answer, missing
from oscine.studio.database import is_id
from oscine.studio.routes.common import PARTS, Id, StudioHere, router
from oscine.studio.state import Studio, told_job
from oscine.studio.tidying import remove_for_good

api = router()
_POLL_S, _HEARTBEAT_S = 0.4, 15.0
_RECIPES = ("default", "dry", "tiny", "solo", "voice", "wavetable", "fm", "pulse-filter", "inharmonic")


@api.get("/health")
def health(studio: StudioHere) -> dict[str, Any]:
    """Whether the server and its worker run."""
    from oscine import __version__

    counts = studio.database.counts()
    return {
        "status": "ok",
        "version": __version__,
        "worker": _worker_state(studio, counts),
        "queue": counts.get("queued", 0),
    }


def _worker_state(studio: Studio, counts: dict[str, int]) -> str:
    if studio.worker is not None and not studio.worker.is_up:
        return "down"
    return "busy" if counts.get("running", 0) else "idle"


@api.get("/metrics", response_class=PlainTextResponse)
def metrics(studio: StudioHere) -> str:
    """Figures for Prometheus."""
    counts = studio.database.counts()
    return studio.metrics.text(counts, studio.stored_bytes(), _worker_state(studio, counts))


@api.get("/about")
def about(studio: StudioHere) -> dict[str, Any]:
    """What this server is and can do."""
    import shutil
    from dataclasses import asdict

    import torch

    from oscine import __version__, kernels
    from oscine.audio import AUDIO_SUFFIXES
    from oscine.audio.output import AUDIO_OUTPUTS
    from oscine.models import list_recipes, load_recipe
    from oscine.studio.shelf import LABELS

    has_gpu = torch.cuda.is_available()
    has_ffmpeg = shutil.which("ffmpeg") is not None
    known = ["wav", "flac", "ogg", "mp3", "aiff"] + (["m4a", "aac", "webm"] if has_ffmpeg else [])
    recipes = [load_recipe(name) for name in _RECIPES if name in list_recipes()]
    return {
        "version": __version__,
        "device": torch.cuda.get_device_name() if has_gpu else "CPU",
        "kernels": kernels.chosen(),
        "ffmpeg": has_ffmpeg,
        "limits": asdict(studio.limits),
        "formats": {
            "in": known,
            "out": [ending[1:] for ending in AUDIO_OUTPUTS],
            "endings": sorted(AUDIO_SUFFIXES),
        },
        "exports": [{"format": form, "label": label} for form, label in LABELS.items()],
        "recipes": [{"name": one.name, "description": one.description} for one in recipes],
        "token_needed": studio.needs_token,
    }


@api.get("/jobs")
def jobs(studio: StudioHere, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> list[dict[str, Any]]:
    """The newest jobs, the newest first."""
    return [told_job(job) for job in studio.database.jobs()[:limit]]


def _job(studio: Studio, id: str) -> dict[str, Any]:  # noqa: A002
    job = studio.database.job(id) if is_id(id) else None
    if job is None:
        raise missing("job")
    return job


@api.get("/jobs/{id}")
def job(studio: StudioHere, id: Id) -> dict[str, Any]:  # noqa: A002
    """One job."""
    return told_job(_job(studio, id))


@api.delete("/jobs/{id}")
def cancel(studio: StudioHere, id: Id) -> dict[str, Any]:  # noqa: A002
    """Cancel a job; what it has begun is removed."""
    job = _job(studio, id)
    if job["kind"] == "run":
        raise HTTPException(409, "This job trains an instrument; stop or delete its run.")
    if job["kind"] in ("take", "performance"):
        raise HTTPException(409, "This job reads a recording; delete the recording.")
    if not studio.database.change_job(id, state="cancelled", what="Cancelled"):
        raise HTTPException(409, "This job is over already.")
    return told_job(_job(studio, id))


@api.get("/jobs/{id}/file", response_class=Response, responses=PARTS)
def job_file(studio: StudioHere, request: Request, id: Id) -> Response:  # noqa: A002
    """What a job has made."""
    job = _job(studio, id)
    if job["state"] != "done" or not job["file"]:
        raise HTTPException(404, "This job has made no file, or not yet.")
    try:
        file = studio.root.open("jobs", id, job["file"])
    except FileNotFoundError:
        raise HTTPException(404, "The file that this job made is gone; ask for it again.") from None
    return file_answer(file, request, job["name"] or job["file"], is_download=True)


@api.get("/trash")
def trash(studio: StudioHere) -> list[dict[str, Any]]:
    """What has been deleted, the newest first; `POST /api/{kind}s/{id}/restore` takes it out of the trash."""
    keys = ("id", "kind", "name", "owner", "deleted")
    return [{key: one[key] for key in keys} for one in studio.database.trash()]


@api.delete("/trash/{id}", status_code=204)
def forget(studio: StudioHere, id: Id) -> Response:  # noqa: A002
    """Remove what has been deleted for good, with its files."""
    found = [one for one in studio.database.trash() if one["id"] == id]
    if not found:
        raise HTTPException(404, "There is nothing of this name in the trash.")
    remove_for_good(studio.root, studio.database, found[0])
    studio.measure_again()
    return Response(status_code=204)


@api.get("/events", response_class=StreamingResponse)
async def events(studio: StudioHere, request: Request) -> Response:
    """Changes as they happen: events `job`, with the job, and `thing`, with kind and id (event-stream)."""
    listeners = request.app.state
    if listeners.n_listeners >= studio.limits.listeners:
        raise HTTPException(503, "Too many pages listen already; close some, or ask every two seconds.")

    async def stream() -> AsyncIterator[str]:
        listeners.n_listeners += 1
        try:
            last, quiet_s = await run_in_threadpool(studio.database.last_change), 0.0
            yield ": hello\n\n"
            while not listeners.is_ending:
                await asyncio.sleep(_POLL_S)
                quiet_s += _POLL_S
                newest = await run_in_threadpool(studio.database.last_change)
                if newest != last:
                    jobs, things = await run_in_threadpool(studio.database.changes, last)
                    last = newest
                    for one in jobs:
                        yield f"event: job\ndata: {json.dumps(told_job(one))}\n\n"
                    for one in things:
                        yield f"event: thing\ndata: {json.dumps(one)}\n\n"
                    quiet_s = 0.0
                if quiet_s >= _HEARTBEAT_S:
                    yield ": here\n\n"
                    quiet_s = 0.0
        finally:
            listeners.n_listeners -= 1

    return StreamingResponse(stream(), media_type="text/event-stream")
