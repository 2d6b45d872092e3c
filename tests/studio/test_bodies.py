"""Bodies that are too large, too slow, or of another form."""

import asyncio
import socket
import time

import pytest

from oscine.studio import Limits
from oscine.studio.bodies import Bodies


def _connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def _head(port: int, path: str, length: int | None, kind: str = "multipart/form-data; boundary=x") -> bytes:
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {kind}\r\n{size}\r\n\r\n"
    ).encode()


def _answer(connection: socket.socket) -> bytes:
    answer = b""
    while chunk := connection.recv(65_536):
        answer += chunk
        if b"\r\n\r\n" in answer and answer.rstrip().endswith(b"}"):
            break
    return answer


def test_sixty_megabytes_are_refused_before_they_are_sent(studio):
    with _connected(studio.server.port) as connection:
        connection.sendall(_head(studio.server.port, "/api/performances", 60 << 20))
        began = time.monotonic()
        answer = _answer(connection)
        assert time.monotonic() - began < 10
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"50 MB at most" in answer


def test_sixty_megabytes_whose_length_is_not_said_are_refused_on_the_way(studio):
    chunk = bytes(1 << 20)
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    with _connected(studio.server.port) as connection:
        connection.sendall(_head(studio.server.port, "/api/performances", None))
        connection.sendall(b"%x\r\n" % len(part) + part + b"\r\n")
        try:
            for _ in range(60):
                connection.sendall(b"%x\r\n" % len(chunk) + chunk + b"\r\n")
        except OSError:
            pass
        # A machine that is too busy to send so much in the time is refused for that.
        assert _answer(connection).startswith((b"HTTP/1.1 413", b"HTTP/1.1 408"))
    assert not list((studio.folder / "uploads").glob("*"))


def test_a_client_with_sixty_megabytes_reads_the_sentence(studio):
    answer = studio.client.post("/api/performances", files={"file": ("a.wav", bytes(60 << 20))})
    assert answer.status_code == 413
    assert answer.json()["error"].endswith(".")


def test_a_slow_body_is_cut(studio):
    with _connected(studio.server.port) as connection:
        connection.sendall(_head(studio.server.port, "/api/performances", 1000) + b"--x\r\n")
        began, answer = time.monotonic(), b""
        connection.settimeout(0.2)
        while not answer:
            try:
                connection.sendall(b"a")
                answer = connection.recv(65_536)
            except TimeoutError:
                assert time.monotonic() - began < 60
        assert answer.startswith(b"HTTP/1.1 408")
        assert time.monotonic() - began >= 5.5


def test_an_answer_that_took_longer_than_a_body_may_is_sent():
    """The time is the sender's, not the server's."""
    request = {"type": "http.request", "body": b"", "more_body": False}
    heard, said = [], []

    async def app(scope, receive, send):
        await asyncio.sleep(0.05)
        heard.append(await receive())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})

    async def receive():
        return request

    async def send(message):
        said.append(message["type"])

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(Bodies(app, Limits(upload_s=0.01))(scope, receive, send))
    assert (heard, said) == ([request], ["http.response.start", "http.response.body"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b'{"name": "x", "more": 1}', 422),
        (b'{"name": ""}', 422),
        (b'{"name": "  "}', 422),
        (b'{"name": 7}', 422),
        (b'["name"]', 422),
        (b"{" + b'"a":' * 100_000, 422),
        (b'{"name": "' + b"x" * 5_000_000 + b'"}', 413),
        (b'{"name": "\xff"}', 422),
        (b"", 422),
    ],
)
def test_json_that_is_none_is_one_sentence(studio, body, status):
    answer = studio.client.post(
        "/api/collections", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (400, status)
    assert set(answer.json()) == {"error"}
    assert answer.json()["error"].endswith(".")


def test_a_form_has_few_parts(studio):
    parts = [("files", (f"{i}.json", b"x")) for i in range(40)]
    assert studio.client.post("/api/instruments", files=parts).status_code in (400, 413)
    many = {f"field{i}": "x" for i in range(2000)}
    assert studio.client.post("/api/performances", files={"file": ("a", b"x")}, data=many).status_code in (
        400,
        413,
    )


def test_an_empty_upload_and_one_without_a_file_are_told(studio):
    empty = studio.client.post("/api/performances", files={"file": ("a.wav", b"")})
    assert (empty.status_code, empty.json()["error"]) == (400, "This file is empty; send a recording.")
    missing = studio.client.post("/api/performances", data={"x": "y"})
    assert missing.status_code == 422
    assert missing.json()["error"] == "File is missing."
