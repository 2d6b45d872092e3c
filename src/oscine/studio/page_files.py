"""The page's files: read at the start, and found by name in a table."""

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from oscine import export
from oscine.studio.answers import media_type

_FOLDER = Path(__file__).parent / "page"
#: The element `<oscine-instrument>` of an exported web page, which the studio's page imports as it is.
_INSTRUMENT = Path(export.__file__).parent / "web"
SCREENS = ("shelf", "record", "learn", "play", "live", "share")
_SHOWN_ENDINGS = (".html", ".js", ".css", ".svg", ".png", ".woff2", ".json", ".webmanifest")
_INSTRUMENT_ENDINGS = (".js", ".wasm")


def page_router() -> APIRouter:
    """Return the routes of the page: its screens, each of which is `index.html`, and its files."""
    files = _files(_FOLDER, _SHOWN_ENDINGS)
    instrument_files = _files(_INSTRUMENT, _INSTRUMENT_ENDINGS)
    router = APIRouter(include_in_schema=False)

    def index() -> Response:
        return Response(files["index.html"], media_type=media_type("index.html"))

    def screen(id: str) -> Response:  # noqa: A002
        return index()

    def one_of(table: dict[str, bytes], name: str) -> Response:
        if name not in table:
            raise HTTPException(404)
        return Response(table[name], media_type=media_type(name), headers={"Cache-Control": "no-cache"})

    def file(name: str) -> Response:
        return one_of(files, name)

    def instrument_file(name: str) -> Response:
        return one_of(instrument_files, name)

    router.add_api_route("/", index)
    for name in SCREENS:
        router.add_api_route(f"/{name}", index)
        router.add_api_route(f"/{name}/{{id}}", screen)
    router.add_api_route("/page/{name}", file)
    router.add_api_route("/page/instrument/{name}", instrument_file)
    router.add_api_route(
        "/favicon.ico", lambda: file("icon.svg") if "icon.svg" in files else Response(status_code=204)
    )

    def elsewhere(request: Request, path: str) -> Response:
        """Return the page, which says that there is no such screen; to a program, 404."""
        if path.startswith(("api/", "page/")) or "text/html" not in request.headers.get("accept", ""):
            raise HTTPException(404)
        return Response(files["index.html"], 404, media_type=media_type("index.html"))

    router.add_api_route("/{path:path}", elsewhere)
    return router


def _files(folder: Path, endings: tuple[str, ...]) -> dict[str, bytes]:
    """Return the files of a folder with these endings, by name."""
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file() and one.suffix in endings}
