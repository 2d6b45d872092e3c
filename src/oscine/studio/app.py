"""The web application: routes, and around them what guards and counts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from oscine.studio.answers import add_error_handlers
from oscine.studio.bodies import Bodies
from oscine.studio.metrics import Counting
from oscine.studio.page_files import page_router
from oscine.studio.routes import collections, instruments, performances, runs, system
from oscine.studio.security import Hosts, Security
from oscine.studio.state import Studio

_DESCRIPTION = """Learn instruments from recordings, and play them. Errors are `{"error": "One sentence."}`.

Long work is a job: the request answers 202 with it, `GET /api/jobs/{id}` says how far it is, and
`GET /api/jobs/{id}/file` returns what it made."""


def make_app(studio: Studio, hosts: Hosts, token: str | None = None) -> ASGIApp:
    """Return the application.

    Args:
        studio: What it serves.
        hosts: By which names it may be asked.
        token: Which it asks for; None where none is needed.
    """
    from oscine import __version__

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        app.state.is_ending = True

    api = FastAPI(
        title="Oscine",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=life,
        redirect_slashes=False,
    )
    api.state.studio, api.state.n_listeners, api.state.is_ending = studio, 0, False
    add_error_handlers(api)
    for part in (system, instruments, collections, runs, performances):
        api.include_router(part.api)
    if studio.has_page:
        api.include_router(page_router())
    studio.needs_token = token is not None
    return Counting(Security(Bodies(_Heads(api), studio.limits), hosts, token), studio.metrics)


class _Heads:
    """Answers HEAD as GET; the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Events have no end.
        if scope["type"] == "http" and scope["method"] == "HEAD" and scope["path"] != "/api/events":
            scope = {**scope, "method": "GET"}
        await self.app(scope, receive, send)
