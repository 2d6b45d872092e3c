"""Jobs: the queue's end, cancelling, a worker's deaths, many users at once, the trash's end."""

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from studio_eaters import eats_memory, eats_time, fills_the_disk
from studio_served import until

from oscine.errors import InputError
from oscine.studio import Limits, opened
from oscine.studio import worker as worker_module
from oscine.studio.database import Database
from oscine.studio.limited import LimitedProcesses
from oscine.studio.root import DataRoot
from oscine.studio.routes.collections import told_take
from oscine.studio.tidying import tidy
from oscine.studio.work.job import Cancelled, Ended
from oscine.studio.worker import Worker


@pytest.fixture
def database(tmp_path) -> Database:
    return Database(tmp_path / "x.sqlite3")


@pytest.fixture
def worker(tmp_path, database) -> Worker:
    return Worker(DataRoot(tmp_path), database, Limits(queue=3), "cpu", threading.Event())


def _job(database: Database, kind: str = "render", subject: str = "s") -> dict:
    job = database.add_job(kind, subject, "x", 10)
    assert job is not None
    return job


def test_a_full_queue_takes_no_more(database):
    assert [database.add_job("take", "x", "y", 2) is None for _ in range(4)] == [False, False, True, True]


def test_short_jobs_go_first_and_each_is_taken_once(database):
    run, *short = [_job(database, kind) for kind in ("run", "take", "render")]
    with ThreadPoolExecutor(4) as pool:
        taken = [one["id"] for one in pool.map(lambda _: database.take_job(), range(5)) if one]
    assert sorted(taken) == sorted([run["id"], *(one["id"] for one in short)])
    assert taken[-1] == run["id"] or taken.count(run["id"]) == 1
    assert database.take_job() is None


def test_what_a_worker_had_in_hand_is_done_again_and_what_killed_two_is_given_up(database, worker):
    render, run = _job(database), _job(database, "run")
    for deaths in (1, 2):
        while database.take_job():
            pass
        worker.recover()
        states = {one["id"]: one["state"] for one in database.jobs()}
        assert set(states.values()) == {"queued" if deaths == 1 else "failed"}
    assert "special about the input" in database.job(render["id"])["error"]
    assert "smaller recipe" in database.job(run["id"])["error"]


def test_a_job_is_done_again_when_the_database_was_busy(database, worker, monkeypatch):
    def work(job):
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(worker_module, "JOBS", {"take": work})
    job = _job(database, "take")
    with pytest.raises(sqlite3.OperationalError):
        worker.do_next()
    worker.recover()
    assert database.job(job["id"])["state"] == "queued"


def test_a_job_that_ends_with_its_worker_is_taken_up_again(database, worker, monkeypatch):
    def work(job):
        raise Ended

    monkeypatch.setattr(worker_module, "JOBS", {"render": work})
    job = _job(database)
    for _ in range(3):
        worker.do_next()
        worker.recover()
    found = database.job(job["id"])
    assert (found["state"], found["deaths"]) == ("queued", 0)


def test_what_a_job_raises_is_one_sentence_and_the_next_is_done(database, worker, monkeypatch, capsys):
    def raising(error):
        def work(job):
            raise error

        return work

    kinds = {
        "a": raising(InputError(f"{worker.root.path}/runs/x is none; do y.")),
        "b": raising(OSError(28, "No space left on device")),
        "c": raising(ZeroDivisionError("secret")),
        "d": raising(Cancelled),
        "e": lambda job: job.finish(x=1),
    }
    monkeypatch.setattr(worker_module, "JOBS", kinds)
    jobs = {kind: _job(database, kind)["id"] for kind in kinds}
    for _ in kinds:
        assert worker.do_next()
    assert not worker.do_next()
    told = {kind: database.job(name) for kind, name in jobs.items()}
    assert told["a"]["error"] == "runs/x is none; do y."
    assert told["b"]["error"] == "No space left on device."
    assert "secret" not in told["c"]["error"]
    assert told["e"]["result"] == {"x": 1}
    assert [one["state"] for one in told.values()] == ["failed", "failed", "failed", "running", "done"]
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_take_that_could_not_be_checked_says_why(database, worker, monkeypatch):
    def work(job):
        raise InputError("It lasts 70 minutes; cut it to 60 at most.")

    monkeypatch.setattr(worker_module, "JOBS", {"take": work})
    take = database.add("take", "x", state="checking")["id"]
    _job(database, "take", take)
    worker.do_next()
    told = told_take(database.things("take", id=take)[0])
    assert told["state"] == "rejected"
    assert told["words"] == "Left out: it lasts 70 minutes; cut it to 60 at most."


def test_a_cancelled_job_ends_when_it_tells_of_itself(database, worker, monkeypatch):
    seen = []

    def work(job):
        (job.output_folder() / "part").write_text("half")
        database.change_job(job.id, state="cancelled")
        seen.append("begun")
        job.tell("x", 0.5)
        seen.append("not reached")

    monkeypatch.setattr(worker_module, "JOBS", {"render": work})
    job = _job(database)
    worker.do_next()
    assert seen == ["begun"]
    assert database.job(job["id"])["state"] == "cancelled"
    assert not worker.root.has("jobs", job["id"], "part")


def test_the_trash_is_emptied_after_its_days(database, worker):
    kept, gone = (database.add("performance", name) for name in ("kept", "gone"))
    for one in (kept, gone):
        (worker.root.folder("performances", one["id"]) / "sound.flac").write_bytes(b"x")
        assert database.delete("performance", one["id"])
    long_ago = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    with database._writing() as connection:
        connection.execute("UPDATE things SET deleted = ? WHERE id = ?", (long_ago, gone["id"]))
    tidy(worker.root, database, worker.limits)
    assert worker.root.has("performances", kept["id"], "sound.flac")
    assert not worker.root.has("performances", gone["id"], "sound.flac")
    assert database.restore("performance", kept["id"])
    assert not database.restore("performance", gone["id"])


def test_facts_change_one_by_one(database):
    one = database.add("take", "x", facts={"a": {"b": 1}, "c": [1]})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: database.change(one["id"], **{f"k{i}": {"v": i}}), range(40)))
    facts = database.things("take", id=one["id"])[0]["facts"]
    assert facts == {"a": {"b": 1}, "c": [1]} | {f"k{i}": {"v": i} for i in range(40)}


def test_a_curve_is_thinned_and_cut(database):
    for step in range(1, 1501):
        database.add_point("r", step, 1.0, 2.0 if step % 100 == 0 else None)
    curve = database.curve("r")
    assert len(curve) <= 500
    assert sum(one[2] is not None for one in curve) >= 7
    database.cut_curve("r", 700)
    assert database.curve("r")[-1][0] <= 700


def test_a_reader_that_takes_too_much_is_ended(tmp_path):
    readers = LimitedProcesses(Limits(cpu_s=2.0, memory_bytes=1 << 29, decoded_bytes=8 << 20))
    for function, arguments in (
        (eats_memory, ()),
        (eats_time, ()),
        (fills_the_disk, (str(tmp_path / "x"),)),
    ):
        with pytest.raises(InputError, match="more memory, time or disk"):
            readers.run(function, *arguments)
    assert 0 < (tmp_path / "x").stat().st_size <= 8 << 20
    assert readers.run(len, "abc") == 3


def test_a_port_that_is_taken_a_folder_that_is_none_and_one_that_another_has(tmp_path):
    with opened(tmp_path / "a") as one:
        with (
            pytest.raises(InputError, match=f"Port {one.port} is taken"),
            opened(tmp_path / "b", port=one.port),
        ):
            pass
        with pytest.raises(InputError, match="Another studio has"), opened(tmp_path / "a"):
            pass
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="can't be written to"), opened(tmp_path / "file"):
        pass
    with pytest.raises(InputError, match="no address"), opened(tmp_path / "c", host="no such host"):
        pass


def test_twenty_users_at_once(studio, hum):
    base = f"http://127.0.0.1:{studio.server.port}"

    def use(number: int) -> list[tuple[int, float]]:
        seen = []
        with httpx.Client(base_url=base, timeout=120) as client:
            for i in range(10):
                began = time.monotonic()
                if i == 0:
                    answer = client.post("/api/collections", json={"name": f"user {number}"})
                elif i == 5 and number < 4:
                    answer = client.post("/api/performances", files={"file": (f"{number}.wav", hum)})
                else:
                    answer = client.get(("/api/jobs", "/api/collections", "/api/runs", "/api/health")[i % 4])
                seen.append((answer.status_code, time.monotonic() - began))
        return seen

    with ThreadPoolExecutor(20) as pool:
        answers = [one for user in pool.map(use, range(20)) for one in user]
    assert len(answers) == 200
    assert {status for status, _ in answers} <= {200, 201, 202}
    names = {one["name"] for one in studio.client.get("/api/collections").json()}
    assert {f"user {i}" for i in range(20)} <= names
    sung = studio.client.get("/api/performances").json()
    for one in sung:
        until(
            lambda one=one: studio.client.get(f"/api/performances/{one['id']}").json(),
            lambda p: p["state"] != "checking",
        )
    assert 'route="/api/collections",status="201"' in studio.client.get("/api/metrics").text


def test_events_tell_of_jobs(studio, hum):
    with studio.client.stream("GET", "/api/events") as stream:
        lines = stream.iter_lines()
        assert next(lines) == ": hello"
        sent = studio.client.post("/api/performances", files={"file": ("a.wav", hum)}).json()
        told = next(line for line in lines if sent["id"] in line)
        assert told.startswith("data: {")
    assert studio.client.delete(f"/api/performances/{sent['id']}").status_code == 204
