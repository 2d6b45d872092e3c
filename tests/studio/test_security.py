"""Who is answered, and what an address can reach."""

import socket
from urllib.parse import quote

import httpx
import pytest
from studio_served import served

from oscine.errors import InputError
from oscine.studio import opened
from oscine.studio.security import Hosts, is_local

_SECRET = "the secret of another folder"
_UP = (
    "../",
    "..\\",
    "..%2f",
    "%2e%2e/",
    "%2e%2e%2f",
    "..%5c",
    "%252e%252e%252f",
    "....//",
    "..%c0%af",
    "..;/",
)
_TARGETS = ("secret.txt", "etc/passwd", "data/studio.sqlite3", "studio.sqlite3")
PAYLOADS = [up * 4 + target for up in _UP for target in _TARGETS]
_PLACES = (
    "/page/{}",
    "/{}",
    "/learn/{}",
    "/api/jobs/{}/file",
    "/api/takes/{}/audio",
    "/api/instruments/{}/sound",
    "/api/instruments/violin/live/{}",
    "/api/runs/aaaaaaaaaaaa/previews/{}/audio",
    "/api/performances/{}/f0.csv",
)


def _raw(port: int, request: bytes) -> bytes:
    """Send bytes as they are, which no client does, and return the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    return answer


def test_forty_paths_lead_out_of_nothing(studio):
    assert len(PAYLOADS) == 40
    (studio.folder.parent / "secret.txt").write_text(_SECRET)
    for payload in PAYLOADS:
        for place in _PLACES:
            path = place.format(payload)
            head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{studio.server.port}\r\nConnection: close\r\n\r\n"
            answer = _raw(studio.server.port, head.encode())
            status = int(answer.split(b" ", 2)[1])
            assert _SECRET.encode() not in answer
            assert b"root:" not in answer
            assert b"SQLite format" not in answer
            assert status in (200, 404, 400, 409), path
            if status == 200:  # the page itself, of which any screen's address is one
                assert b"<!doctype html>" in answer.lower(), path


@pytest.mark.parametrize(
    "name", ["../../x.wav", "/etc/passwd", "a/../../b.wav", "..\\..\\c.wav", "\x00d.wav"]
)
def test_a_name_that_is_a_path_is_a_name(studio, name):
    made = studio.client.post("/api/collections", json={"name": name.replace("\x00", "0")})
    assert made.status_code == 201
    before = sorted(path.name for path in studio.folder.parent.iterdir())
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="'
        + name.encode()
        + b'"\r\nContent-Type: audio/wav\r\n\r\nno sound\r\n--x--\r\n'
    )
    answer = studio.client.post(
        f"/api/collections/{made.json()['id']}/takes",
        content=body,
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code in (202, 400, 422)
    if answer.status_code == 202:
        assert not {"/", "\\"} & set(answer.json()["name"].replace("\\x00", ""))
        take = studio.wait(f"/api/takes/{answer.json()['id']}", ("rejected", "ready"))
        assert take["state"] == "rejected"
        assert str(studio.folder) not in str(take)
    assert sorted(path.name for path in studio.folder.parent.iterdir()) == before


def test_links_in_the_data_folder_lead_nowhere(studio):
    secret = studio.folder.parent / "secret.txt"
    secret.write_text(_SECRET)
    take = "linkedtake00"
    studio.server.studio.database.add("take", "linked", id=take, owner="x")
    folder = studio.folder / "takes"
    folder.mkdir(exist_ok=True)
    (folder / take).mkdir()
    (folder / take / "sound.flac").symlink_to(secret)
    assert studio.client.get(f"/api/takes/{take}/audio").status_code == 409
    (folder / take / "sound.flac").unlink()
    (folder / take).rmdir()
    (folder / take).symlink_to(secret.parent)
    (secret.parent / "sound.flac").write_text(_SECRET)
    assert studio.client.get(f"/api/takes/{take}/audio").status_code == 409
    studio.server.studio.root.remove("takes", take)
    assert secret.read_text() == _SECRET


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1.evil.example:{port}", "[::1", "", "a b"],
)
def test_a_name_that_was_bound_to_this_machine_is_refused(studio, host):
    named = host.format(port=studio.server.port)
    for path in ("/", "/api/health", "/api/jobs"):
        request = f"GET {path} HTTP/1.1\r\nHost: {named}\r\nConnection: close\r\n\r\n"
        assert b" 403 " in _raw(studio.server.port, request.encode()).split(b"\r\n")[0]


def test_both_names_of_this_machine_are_taken(studio):
    for host in ("localhost", "127.0.0.1", "[::1]"):
        answer = studio.client.get("/api/health", headers={"Host": f"{host}:{studio.server.port}"})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1", "http://localhost:1", "file://", "https://127.0.0.1"],
)
def test_another_origin_is_refused_whatever_it_asks(studio, origin):
    n = len(studio.client.get("/api/collections").json())
    headers = {"Origin": origin}
    assert studio.client.get("/api/collections", headers=headers).status_code == 403
    answer = studio.client.post("/api/collections", json={"name": "x"}, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"].endswith(".")
    assert studio.client.options("/api/collections", headers=headers).status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert len(studio.client.get("/api/collections").json()) == n


def test_its_own_origin_is_taken_and_every_answer_has_the_headers(studio):
    own = f"http://127.0.0.1:{studio.server.port}"
    for path, status in (("/api/health", 200), ("/api/nothing", 404), ("/", 200)):
        answer = studio.client.get(path, headers={"Origin": own})
        assert answer.status_code == status
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src 'self' 'wasm-unsafe-eval';" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert not [name for name in answer.headers if name.startswith("access-control")]
    asked = studio.client.get("/api/jobs", headers={"Sec-Fetch-Site": "cross-site"})
    assert asked.status_code == 403


def test_a_token_that_no_address_can_have_is_refused(tmp_path):
    for token in ("a b", "a\nb", "é", ""):
        words = "token can't stand in an address"
        with pytest.raises(InputError, match=words), opened(tmp_path, token=token):
            pass
    assert not list(tmp_path.iterdir())


def test_beyond_this_machine_a_token_is_needed(tmp_path):
    with served(tmp_path / "data", host="0.0.0.0") as one:
        token, base = one.server.token, f"http://127.0.0.1:{one.server.port}"
        assert token is not None
        assert len(token) >= 20
        assert one.server.address.endswith(f"?token={token}")
        for_others = one.server.address_for_others
        assert for_others is None or for_others.endswith(f":{one.server.port}/?token={token}")
        with httpx.Client(base_url=base) as stranger:
            assert stranger.get("/api/health").status_code == 200
            for path in ("/", "/api/jobs", "/openapi.json"):
                refused = stranger.get(path)
                assert refused.status_code == 401
                assert refused.json()["error"].endswith(".")
            for wrong in (
                f"Bearer {token}x",
                "Bearer",
                f"Basic {token}",
                "Bearer é".encode().decode("latin-1"),
            ):
                named = {b"Authorization": wrong.encode("latin-1")}
                refused = stranger.get("/api/jobs", headers=named)
                assert refused.status_code == 401
            assert stranger.get(f"/api/jobs?token={token}").status_code == 401
            entry = stranger.get(f"/learn?token={token}&a=b")
            assert entry.status_code == 303
            assert entry.headers["location"] == "/learn?a=b"
            cookie = entry.headers["set-cookie"].lower()
            assert "httponly" in cookie
            assert "samesite=strict" in cookie
            assert stranger.get("/api/jobs").status_code == 200
            for path in ("//evil.example", "/%2f/evil.example"):
                assert not stranger.get(f"{path}?token={token}").headers.get("location", "/").startswith("//")
        assert one.client.get("/api/jobs").status_code == 200
        assert (
            one.client.get("/api/jobs", headers={"Host": f"192.0.2.7:{one.server.port}"}).status_code == 200
        )
        assert (
            one.client.get("/api/jobs", headers={"Host": f"evil.example:{one.server.port}"}).status_code
            == 403
        )


@pytest.mark.parametrize("name", ["", "a b", ":80", "a]b", "http://a", "a:99999999", "*"])
def test_what_is_no_host_is_refused(name):
    """It would stand for the empty name, and so for every request whose host can't be read."""
    with pytest.raises(InputError, match="is no host; give NAME or NAME:PORT"):
        Hosts("127.0.0.1", 8420, ["studio.example", name])


def test_hosts():
    hosts = Hosts("192.0.2.7", 8420, ["studio.example", "other.example:443"])
    assert hosts.allows("192.0.2.7:8420")
    assert hosts.allows("STUDIO.example")
    assert hosts.allows("studio.example:9")
    assert hosts.allows("other.example:443")
    assert not hosts.allows("other.example")
    assert not hosts.allows("192.0.2.8:8420")
    assert Hosts("127.0.0.1", 80).allows("localhost")
    assert not Hosts("127.0.0.1", 81).allows("localhost")
    assert [
        is_local(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost", "0.0.0.0", "example.org")
    ] == [
        *[True] * 4,
        *[False] * 2,
    ]


def test_quoting_of_downloads():
    from oscine.studio.answers import disposition

    nasty = 'a"; filename="b.exe\r\nX: y/../é.wav'
    header = disposition(nasty)
    assert "\r" not in header
    assert "\n" not in header
    assert header.count('"') == 2
    assert "/" not in header.replace("''", "").partition("filename*=")[2]
    assert quote("é") in header
