"""Who is answered: the right host, the same origin, a token where others can reach the server."""

import ipaddress
import re
import secrets
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oscine.errors import InputError

COOKIE = "oscine-token"
#: Whoever asks whether the server lives needs no token.
_OPEN_PATHS = ("/api/health",)
#: Of a host or an address; what `_split` can't read has an empty name, and no request may have that.
_NAME = re.compile(r"[\w.:-]+", re.ASCII)
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_CONTENT_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), midi=(self), camera=(), geolocation=()",
}


def is_local(host: str) -> bool:
    """Return whether an address to bind to can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Hosts:
    """The names by which a server may be asked.

    A page of another site can let its own name lead to this machine (DNS rebinding); its requests then carry
    that name. Numeric addresses are no names, and are taken where the server is bound to every address.

    Args:
        host: What the server is bound to.
        port: Its port.
        further: Names that lead to it, with a port or without one for any: of a proxy, of a container.

    Raises:
        InputError: When one of these is no name.
    """

    def __init__(self, host: str, port: int, further: Iterable[str] = ()) -> None:
        self._names = {(name, port) for name in (*_LOCAL_NAMES, host.strip("[]").lower())}
        self._further = set[tuple[str, int | None]]()
        for one in further:
            name = _split(one, None)
            if not _NAME.fullmatch(name[0]):
                raise InputError(f"'{one}' is no host; give NAME or NAME:PORT, such as studio.example:8420.")
            self._further.add(name)
        self._port = port
        self._takes_addresses = host.strip("[]") in ("0.0.0.0", "::", "")

    def allows(self, host: str) -> bool:
        """Return whether a request's Host is one of them."""
        name, port = _split(host, 80)
        if (name, port) in self._names or {(name, port), (name, None)} & self._further:
            return True
        return self._takes_addresses and port == self._port and _is_address(name)


def _split(host: str, default: int | None) -> tuple[str, int | None]:
    """Return name and port of `name:port` or `[address]:port`; the name is empty where it is neither."""
    name, bracket, rest = host.lower().rpartition("]")
    if bracket:
        if not name.startswith("[") or not (rest == "" or rest.startswith(":")):
            return "", default
        name, port = name[1:], rest[1:]
    else:
        name, _, port = rest.partition(":")
    if port == "":
        return name, default
    return (name, int(port)) if port.isascii() and port.isdigit() and len(port) < 6 else ("", default)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Security:
    """Refuses requests of other sites and of those without the token, and sets the headers of every answer.

    Args:
        app: What answers the others.
        hosts: By which names.
        token: Which is asked for; None where none is needed.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, token: str | None) -> None:
        self.app, self.hosts, self.token = app, hosts, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = self._refusal(scope) or self._entry(scope)
        await (answer or self.app)(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self.hosts.allows(hosts[0]):
            return _error(
                403, "The address of this request is not the studio's; open the one that it printed."
            )
        origins = headers.getlist("origin")
        allowed = f"http://{hosts[0].lower()}", f"https://{hosts[0].lower()}"
        if any(origin.lower() not in allowed for origin in origins):
            return _error(403, "Pages of other sites can't use this studio.")
        is_api = scope["path"].startswith("/api/")
        if is_api and headers.get("sec-fetch-site") == "cross-site":
            return _error(403, "Pages of other sites can't use this studio.")
        return None

    def _entry(self, scope: Scope) -> Response | None:
        """Return an answer to who has no token, or who gives it by the address; None to all others."""
        if self.token is None or scope["path"] in _OPEN_PATHS:
            return None
        if scope["method"] == "GET" and not scope["path"].startswith("/api/"):
            asked = parse_qs(scope["query_string"].decode("latin-1"))
            given = asked.pop("token", [])
            if given and self._is_token(given[0]):
                query = urlencode(asked, doseq=True)
                path = "/" + scope["path"].lstrip("/")
                answer = RedirectResponse(f"{path}?{query}" if query else path, 303)
                answer.set_cookie(COOKIE, self.token, httponly=True, samesite="strict", path="/")
                return answer
        if self._is_token(_token_of(Headers(scope=scope))):
            return None
        answer = _error(401, "This studio asks for its token; open the whole address that it printed.")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    def _is_token(self, given: str) -> bool:
        return self.token is not None and secrets.compare_digest(given.encode(), self.token.encode())


def _token_of(headers: Headers) -> str:
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return given.strip()
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie else ""


def _error(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status)
