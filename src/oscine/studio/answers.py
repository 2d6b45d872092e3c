"""What is sent back: files with ranges, errors as one sentence, and requests whose forms are bounded."""

import os
import re
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, BinaryIO
from urllib.parse import quote

from fastapi import FastAPI, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.datastructures import FormData
from starlette.datastructures import UploadFile as StarletteUpload
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response, StreamingResponse

from oscine.errors import InputError
from oscine.explain import explain_finding
from oscine.studio.database import database_words

_CHUNK_BYTES = 64 << 10
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_WORDS = {
    400: "The body can't be read; send what the address expects.",
    401: "This studio asks for its token.",
    404: "There is nothing at this address.",
    405: "This address takes another method.",
}
MEDIA_TYPES = {
    "flac": "audio/flac",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "zip": "application/zip",
    "csv": "text/csv; charset=utf-8",
    "oscine": "application/octet-stream",
    "syx": "application/octet-stream",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "wasm": "application/wasm",
    "json": "application/json",
    "webmanifest": "application/manifest+json",
    "txt": "text/plain; charset=utf-8",
    "md": "text/plain; charset=utf-8",
    "woff2": "font/woff2",
    "png": "image/png",
}


def media_type(name: str) -> str:
    """Return what a file is by its ending."""
    return MEDIA_TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")


class StudioRoute(APIRoute):
    """A route whose forms have few parts, and small ones beside the files."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(_Request(request.scope, request.receive))

        return handle


class _Request(Request):
    def form(self, **_: Any) -> Any:
        """Read the form within its bounds."""
        return super().form(max_files=8, max_fields=8, max_part_size=64 << 10)

    async def _get_form(self, **bounds: Any) -> FormData:
        form = await super()._get_form(**bounds)
        return FormData([(name, _own(value)) for name, value in form.multi_items()])


def _own(value: Any) -> Any:
    """Return a file of a form as FastAPI declares it."""
    if not isinstance(value, StarletteUpload):
        return value
    return UploadFile(value.file, size=value.size, filename=value.filename, headers=value.headers)


def file_answer(
    file: BinaryIO, request: Request, name: str, *, is_download: bool = False, max_age_s: int = 0
) -> Response:
    """Return a file's content, or the range of it that was asked for.

    Args:
        file: Open; it is closed when all of it was sent.
        request: What asks.
        name: What it is called; its ending says what it is.
        is_download: To be saved, and not to be shown.
        max_age_s: For how long it may be kept.
    """
    size = os.fstat(file.fileno()).st_size
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": f"private, max-age={max_age_s}" if max_age_s else "no-store",
    }
    if is_download:
        headers["Content-Disposition"] = disposition(name)
    start, stop, status = 0, size, 200
    if (asked := _RANGE.fullmatch(request.headers.get("range", ""))) and any(asked.groups()):
        first, last = asked.groups()
        if first:
            start, stop = int(first), min(int(last) + 1 if last else size, size)
        else:
            start = max(0, size - int(last))
        if start >= stop:
            file.close()
            return JSONResponse(
                {"error": "The range is outside of the file."}, 416, {"Content-Range": f"bytes */{size}"}
            )
        status = 206
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    headers["Content-Length"] = str(stop - start)

    def content() -> Iterator[bytes]:
        with file:
            file.seek(start)
            left = stop - start
            while left > 0 and (chunk := file.read(min(_CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk

    return StreamingResponse(content(), status, headers, media_type(name))


def disposition(name: str) -> str:
    """Return the header that gives a download its name: nothing in it leaves the quotes or is a path."""
    plain = re.sub(r"[^A-Za-z0-9 ._-]", "_", name).strip(" .") or "file"
    exact = re.sub(r"[\x00-\x1f\x7f/\\]", "_", name).strip(" .") or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(exact, safe='')}"


def missing(what: str) -> HTTPException:
    """Return the error that there is no such thing."""
    return HTTPException(404, f"There is no {what} of this name; it may have been deleted.")


def add_error_handlers(app: FastAPI) -> None:
    """Let every error be `{"error": "One sentence."}`."""

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        is_plain = isinstance(error.detail, str) and error.detail.endswith(".")
        sentence = error.detail if is_plain else _WORDS.get(error.status_code, "This can't be answered.")
        return JSONResponse({"error": sentence}, error.status_code, error.headers)

    @app.exception_handler(InputError)
    def _input(request: Request, error: InputError) -> Response:
        return JSONResponse({"error": str(error)}, 400)

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> Response:
        found = dict(error.errors()[0])
        if found["type"] == "json_invalid":
            return JSONResponse({"error": "The body is not JSON; send an object of JSON."}, 422)
        # The first step says whether it is of the body, the path or the query.
        found["loc"] = found["loc"][1:] or found["loc"]
        clause = explain_finding(found)
        return JSONResponse({"error": f"{clause[:1].upper()}{clause[1:]}."}, 422)

    @app.exception_handler(FileNotFoundError)
    def _gone(request: Request, error: FileNotFoundError) -> Response:
        sentence = "A file of it is gone from the data folder; put it back, or delete it and add it again."
        return JSONResponse({"error": sentence}, 409)

    @app.exception_handler(sqlite3.Error)
    def _database(request: Request, error: sqlite3.Error) -> Response:
        return JSONResponse({"error": f"The database {database_words(error)}."}, 503, {"Retry-After": "5"})

    @app.exception_handler(OSError)
    def _disk(request: Request, error: OSError) -> Response:
        return JSONResponse({"error": f"The disk refuses this ({error.strerror or 'unknown'})."}, 503)
