"""How much of a request's body is taken, and for how long it is waited for."""

import asyncio
import time

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oscine.studio.limits import Limits

#: What a form has beside its files.
_FORM_BYTES = 256 << 10
#: What is still read of a body that was refused, so that its sender comes to read the answer.
_LINGER_S, _LINGER_BYTES = 2.0, 16 << 20


class Bodies:
    """Refuses bodies that are too large, with 413, and ends those that take too long, with 408.

    Args:
        app: What takes the others.
        limits: How large, how long.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app, self.limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with a body that is watched."""
        headers = Headers(scope=scope) if scope["type"] == "http" else {}
        # A request without a body has sent all of it: the time is not the server's.
        if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
            await self.app(scope, receive, send)
            return
        is_form = headers.get("content-type", "").lower().startswith("multipart/form-data")
        most = self.limits.upload_bytes + _FORM_BYTES if is_form else self.limits.json_bytes
        sentence = f"This is too large; a body may have {_said(most)} at most."
        sentence = self.limits.too_large if is_form else sentence
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > most:
            await _refuse(413, sentence, scope, receive, send)
            return
        watched = _Watched(receive, most, self.limits.upload_s, sentence)
        started = False

        async def note(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, watched, note)
        except HTTPException as error:
            if started:
                raise
            await _refuse(error.status_code, str(error.detail), scope, receive, send)


class _Watched:
    """A body as it comes, up to a size and a time."""

    def __init__(self, receive: Receive, most_bytes: int, most_s: float, sentence: str) -> None:
        self._receive, self._most_bytes, self._sentence = receive, most_bytes, sentence
        self._until = time.monotonic() + most_s
        self._n_bytes, self._is_whole = 0, False

    async def __call__(self) -> Message:
        if self._is_whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, self._until - time.monotonic()))
        except TimeoutError:
            raise HTTPException(
                408, "The upload took too long; try again with a faster connection."
            ) from None
        if message["type"] == "http.request":
            self._n_bytes += len(message.get("body", b""))
            self._is_whole = not message.get("more_body", False)
            if self._n_bytes > self._most_bytes:
                raise HTTPException(413, self._sentence)
        return message


async def _refuse(status: int, sentence: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the whole answer at once, and then read on for a moment: a reset would hide it from the sender."""
    answer = JSONResponse({"error": sentence}, status, {"Connection": "close"})
    await send({"type": "http.response.start", "status": status, "headers": answer.raw_headers})
    await send({"type": "http.response.body", "body": bytes(answer.body), "more_body": True})
    until, n_read = time.monotonic() + _LINGER_S, 0
    while n_read < _LINGER_BYTES and (left := until - time.monotonic()) > 0:
        try:
            message = await asyncio.wait_for(receive(), left)
        except TimeoutError:
            break
        n_read += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            break
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _said(n_bytes: int) -> str:
    return f"{n_bytes / (1 << 20):.0f} MB" if n_bytes >= 1 << 20 else f"{n_bytes / 1024:.0f} kB"
