"""The page's files: read at the start, and found by name in a table."""

from pathlib import Path

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from oscine.studio.answers import media_type

_FOLDER = Path(__file__).parent / "page"
SCREENS = ("shelf", "record", "learn", "play", "live", "share")
_SHOWN_ENDINGS = (".html", ".js", ".css", ".svg", ".png", ".woff2", ".json", ".webmanifest")


def page_router() -> APIRouter:
    """Return the routes of the page: its screens, each of which is `index.html`, and its files."""
    files = {
        path.name: path.read_bytes()
        for path in _FOLDER.iterdir()
        if path.is_file() and path.suffix in _SHOWN_ENDINGS
    }
    router = APIRouter(include_in_schema=False)

    def index() -> Response:
        return Response(files["index.html"], media_type=media_type("index.html"))

    def screen(id: str) -> Response:  # noqa: A002
        return index()

    def file(name: str) -> Response:
        if name not in files:
            raise HTTPException(404)
        return Response(files[name], media_type=media_type(name), headers={"Cache-Control": "no-cache"})

    router.add_api_route("/", index)
    for name in SCREENS:
        router.add_api_route(f"/{name}", index)
        router.add_api_route(f"/{name}/{{id}}", screen)
    router.add_api_route("/page/{name}", file)
    router.add_api_route(
        "/favicon.ico", lambda: file("icon.svg") if "icon.svg" in files else Response(status_code=204)
    )
    return router
