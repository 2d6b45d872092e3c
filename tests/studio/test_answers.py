"""Answers: ranges, what is gone from the disk, a database that is busy or damaged, the trash, names."""

import sqlite3

import pytest

from oscine.errors import InputError
from oscine.studio.database import Database


@pytest.mark.parametrize(
    ("asked", "status", "length"),
    [
        ("bytes=0-3", 206, 4),
        ("bytes=-5", 206, 5),
        ("bytes=2-", 206, None),
        (f"bytes=0-{10**17}", 206, None),
        (f"bytes={10**17}-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=5-2", 416, None),
        ("bytes=0-1,3-4", 200, None),
        ("bytes=-", 200, None),
        ("items=0-1", 200, None),
        (f"bytes={'9' * 5000}-", 200, None),
        (f"bytes=-{'9' * 5000}", 200, None),
    ],
)
def test_ranges(studio, asked, status, length):
    answer = studio.client.get("/api/instruments/flute/sound", headers={"Range": asked})
    assert answer.status_code == status
    if length is not None:
        assert len(answer.content) == length


@pytest.mark.parametrize("address", ["/", "/api/health", "/page/app.js", "/api/instruments/flute/sound"])
def test_heads_are_the_answers_without_their_bodies(studio, address):
    head, whole = studio.client.head(address), studio.client.get(address)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "content-type", "x-frame-options"):
        assert head.headers[name] == whole.headers[name]
    assert studio.client.head("/api/events").status_code == 405


def test_what_is_gone_from_the_disk_is_told(studio):
    made = studio.server.studio.database.add("performance", "x", state="ready")["id"]
    for part in ("audio", "curves", "f0.csv"):
        answer = studio.client.get(f"/api/performances/{made}/{part}")
        assert answer.status_code == 409
        assert "is gone from the data folder" in answer.json()["error"]
    studio.server.studio.database.forget(made)


def test_a_database_that_is_busy_is_told(studio, monkeypatch):
    def locked():
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(studio.server.studio.database, "counts", locked)
    answer = studio.client.get("/api/health")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["error"] == "The database is in use by another program; try again in a moment."


def test_a_damaged_database_is_one_sentence(tmp_path):
    path = tmp_path / "x.sqlite3"
    database = Database(path)
    for i in range(400):
        database.add("take", f"take {i}", facts={"words": "x" * 50})
    with database.changing() as connection:
        pass
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    half = len(whole) // 2 // 4096 * 4096
    for content in (b"no database" * 100, whole[:half], whole[:half] + b"\xa5" * half, whole[:50]):
        damaged = tmp_path / f"{len(list(tmp_path.iterdir()))}.sqlite3"
        damaged.write_bytes(content)
        with pytest.raises(InputError, match="is damaged; put a copy of it back"):
            Database(damaged)
    folder = tmp_path / "folder.sqlite3"
    folder.mkdir()
    with pytest.raises(InputError, match="unable to open"):
        Database(folder)


def test_the_trash_is_listed_and_emptied(studio):
    made = studio.client.post("/api/collections", json={"name": "to go"}).json()["id"]
    take = studio.client.post(
        f"/api/collections/{made}/takes", files={"file": ("a.wav", b"no sound")}
    ).json()["id"]
    studio.wait(f"/api/takes/{take}", ("rejected",))
    address = f"/api/trash/{made}"
    assert studio.client.delete(address).status_code == 404
    assert studio.client.delete(f"/api/collections/{made}").status_code == 204
    listed = studio.client.get("/api/trash").json()[0]
    assert (listed["id"], listed["kind"], listed["name"]) == (made, "collection", "to go")
    assert studio.client.delete(address).status_code == 204
    assert studio.client.delete(address).status_code == 404
    assert studio.client.post(f"/api/collections/{made}/restore").status_code == 404
    assert studio.client.get(f"/api/takes/{take}").status_code == 404
    assert not (studio.folder / "takes" / take).exists()


def test_the_name_of_a_file_is_what_its_sender_sees(studio):
    """Browsers write quotes as %22."""
    sent = studio.client.post(
        "/api/performances", files={"file": ("%22x%22 👩\u200d🎤 <b>.wav", b"no sound")}
    )
    assert sent.json()["name"] == '"x" 👩\u200d🎤 <b>.wav'
    studio.wait(f"/api/performances/{sent.json()['id']}", ("failed",))
