"""Runs that several people pause, resume, stop and delete at once; recordings that are brought back."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile
from starlette.exceptions import HTTPException

from oscine.errors import InputError
from oscine.studio import Limits
from oscine.studio.database import Database
from oscine.studio.limited import LimitedProcesses
from oscine.studio.metrics import Metrics
from oscine.studio.root import DataRoot
from oscine.studio.routes.common import restore
from oscine.studio.state import Studio
from oscine.studio.steering import settle, steer
from oscine.studio.work import learning
from oscine.studio.work.job import Cancelled, Ended, Job
from oscine.studio.work.sounds import SOUND, decoded
from oscine.training import Paused


@pytest.fixture
def studio(tmp_path) -> Studio:
    """A studio without a worker."""
    limits = Limits(queue=3)
    database = Database(tmp_path / "x.sqlite3")
    return Studio(DataRoot(tmp_path / "data"), database, limits, LimitedProcesses(limits), Metrics())


def _run(database: Database, state: str, *, steps: int = 0, control: str | None = None) -> tuple[str, str]:
    """Add a run whose job is in a state, and return both ids."""
    run = database.add("run", "x", state="training", facts={"steps_done": steps, "control": control})["id"]
    job = database.add_job("run", run, "x", 9)
    assert job is not None
    database.change_job(job["id"], state=state)
    return run, job["id"]


def _states(database: Database, run: str, job: str) -> tuple[str, str, str | None]:
    thing, row = database.things("run", id=run)[0], database.job(job)
    assert row is not None
    return row["state"], thing["state"], thing["facts"]["control"]


def _job(studio: Studio, id: str) -> Job:  # noqa: A002
    row = studio.database.job(id)
    assert row is not None
    return Job(
        row, studio.root, studio.database, studio.limits, studio.readers, "cpu", lambda: None, lambda: False
    )


@pytest.mark.parametrize(
    ("job_state", "steps", "wish", "after"),
    [
        ("queued", 0, "pause", ("paused", "paused", None)),
        ("queued", 0, "resume", ("queued", "queued", None)),
        ("queued", 0, "stop", ("cancelled", "failed", None)),
        ("queued", 5, "stop", ("queued", "queued", "stop")),
        ("running", 0, "pause", ("running", "training", "pause")),
        ("running", 5, "resume", ("running", "training", None)),
        ("running", 0, "stop", ("running", "training", "stop")),
        ("paused", 5, "pause", ("paused", "paused", None)),
        ("paused", 5, "resume", ("queued", "queued", None)),
        ("paused", 5, "stop", ("queued", "queued", "stop")),
        ("paused", 0, "stop", ("cancelled", "failed", None)),
        ("failed", 5, "resume", ("queued", "queued", None)),
        ("failed", 5, "stop", None),
        ("done", 5, "resume", None),
    ],
)
def test_what_a_wish_does_to_a_run(studio, job_state, steps, wish, after):
    run, job = _run(studio.database, job_state, steps=steps)
    before = _states(studio.database, run, job)
    assert steer(studio.database, run, wish) == (after is not None)
    assert _states(studio.database, run, job) == (after or before)


def test_a_run_is_paused_only_where_somebody_still_wants_it(studio):
    for control in (None, "stop"):
        run, job = _run(studio.database, "running", control=control)
        assert not settle(studio.database, run, job)
        assert _states(studio.database, run, job) == ("running", "training", control)
    run, job = _run(studio.database, "running", control="pause")
    assert settle(studio.database, run, job)
    assert _states(studio.database, run, job) == ("paused", "paused", None)
    run, job = _run(studio.database, "running")
    studio.database.delete("run", run)
    assert settle(studio.database, run, job)


def test_wishes_at_once_leave_no_run_without_a_way_on(studio):
    run, job = _run(studio.database, "running", steps=3)

    def wish(number: int) -> None:
        steer(studio.database, run, ("pause", "resume", "stop")[number % 3])
        settle(studio.database, run, job)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(wish, range(60)))
    job_state, state, _ = _states(studio.database, run, job)
    assert (job_state, state) in {("queued", "queued"), ("paused", "paused"), ("running", "training")}


def test_a_training_that_was_paused_goes_on_when_it_was_resumed_meanwhile(studio, monkeypatch):
    run, job = _run(studio.database, "running")
    done = []

    def train(*_: object) -> None:
        done.append("train")
        if len(done) == 1:
            steer(studio.database, run, "pause")
            steer(studio.database, run, "stop")
            raise Paused

    monkeypatch.setattr(learning, "_prepared", lambda *_: None)
    monkeypatch.setattr(learning, "_train", train)
    monkeypatch.setattr(learning, "_finish", lambda *_: done.append("finish"))
    learning.learn(_job(studio, job))
    assert done == ["train", "train", "finish"]


def test_a_run_that_is_deleted_while_it_is_measured_is_paused(studio, monkeypatch):
    run, job = _run(studio.database, "running")

    def finish(one: Job, *_: object) -> None:
        studio.database.delete("run", run)
        one.thing("run")

    monkeypatch.setattr(learning, "_prepared", lambda *_: None)
    monkeypatch.setattr(learning, "_train", lambda *_: None)
    monkeypatch.setattr(learning, "_finish", finish)
    with pytest.raises(Ended):
        learning.learn(_job(studio, job))
    studio.database.restore("run", run)
    assert _states(studio.database, run, job) == ("paused", "paused", None)


def test_a_training_with_too_little_says_so_of_the_collection(studio, tmp_path):
    """Nothing of the studio's folders, and nothing of the command line."""
    take = studio.database.add("take", "hum.wav", facts={})["id"]
    soundfile.write(studio.root.folder("takes", take) / SOUND, np.zeros(16_000), 16_000)
    used = {"id": take, "name": "hum.wav", "sample_rate": 16_000, "from_s": 0.0, "to_s": 1.0}
    run, job = _run(studio.database, "running")
    studio.database.change(run, takes=[used], recipe="tiny", steps=1, minutes=None, name="x")
    with pytest.raises(InputError) as caught:
        learning.learn(_job(studio, job))
    sentence = str(caught.value)
    assert sentence.startswith(("The collection holds", "hum.wav"))
    assert not [one for one in (str(tmp_path), "runs/", "000.flac", "--", "oscine") if one in sentence]


@pytest.mark.parametrize("kind", ["take", "performance"])
def test_a_recording_that_was_deleted_while_it_was_checked_is_checked_when_it_is_back(studio, kind):
    database = studio.database
    one = database.add(kind, "x", state="checking")["id"]
    first = database.add_job(kind, one, "x", 9)
    assert first is not None
    database.delete(kind, one)
    with pytest.raises(Cancelled):
        _job(studio, first["id"]).thing(kind)
    restore(studio, kind, one)
    restore(studio, kind, one)
    assert [job["state"] for job in database.jobs(subject=one)] == ["queued", "cancelled"]
    # With a full queue it stays in the trash, and nothing waits for ever.
    other = database.add(kind, "y", state="checking")["id"]
    database.delete(kind, other)
    for _ in range(3):
        database.add_job("render", "z", "z", 9)
    with pytest.raises(HTTPException):
        restore(studio, kind, other)
    assert not database.things(kind, id=other)


def test_a_worker_that_is_killed_while_it_decodes_begins_anew(studio, hum, monkeypatch):
    take = studio.database.add("take", "hum.wav", state="checking")["id"]
    row = studio.database.add_job("take", take, "x", 9)
    assert row is not None
    job = _job(studio, row["id"])
    place = studio.root.folder("takes", take)
    (place / "source.wav").write_bytes(hum)
    monkeypatch.setattr(studio.readers, "run", lambda function, *arguments, what: function(*arguments))

    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(studio.database, "change", killed)
        with pytest.raises(Killed):
            decoded(job, "take", 100.0)
    assert (place / SOUND).is_file()
    sound, facts = decoded(job, "take", 100.0)
    assert (facts["verdict"], facts["seconds"]) == ("ok", pytest.approx(5.0))
    assert facts["trim"] == {"from_s": 0.0, "to_s": facts["seconds"]}
    assert soundfile.info(sound).duration == pytest.approx(5.0)
    assert [one.name for one in place.iterdir()] == [SOUND]
