"""A file that kills its process is rejected; the others are done."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from oscine.data.manifest import FileRecord
from oscine.data.recording import Job
from oscine.data.workers import Workers, killed


class _Deadly:
    """Kills the process that unpickles it, as a crashing decoder would."""

    def __reduce__(self) -> tuple:
        return os._exit, (11,)


def test_a_crash_is_a_rejection(recordings: Path, tmp_path: Path) -> None:
    jobs = [
        Job(recordings / name, name, "0" * 64, f"{number:016x}", tmp_path, 16_000, 64)
        for number, name in enumerate(["a.wav", "b.flac"])
    ]
    deadly = jobs[0]._replace(source=_Deadly(), name="deadly.wav")  # type: ignore[arg-type]
    records = {job.name: record for job, record in Workers(2).run([jobs[0], deadly, jobs[1]])}
    assert {name: record.report.verdict for name, record in records.items()} == {
        "a.wav": "ok",
        "deadly.wav": "rejected",
        "b.flac": "ok",
    }
    assert "was killed" in records["deadly.wav"].report.reasons[0]


def test_windows_gets_as_many_processes_as_it_can_wait_for(monkeypatch, tmp_path: Path) -> None:
    asked = []

    def pool(jobs: list[Job], n_workers: int) -> Iterator[tuple[Job, FileRecord]]:
        asked.append(n_workers)
        yield from [(job, killed(job)) for job in list(jobs)]

    monkeypatch.setattr("oscine.data.workers._run_pool", pool)
    jobs = [
        Job(tmp_path, str(number), "0" * 64, f"{number:016x}", tmp_path, 16_000, 64) for number in range(100)
    ]
    assert len(list(Workers(128).run(jobs))) == 100
    monkeypatch.setattr("sys.platform", "win32")
    assert len(list(Workers(128).run(jobs))) == 100
    assert asked == [100, 61]


def test_a_script_without_a_guard_is_told_so(recordings: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from oscine.data import prepare\n"
        f"prepare({str(recordings)!r}, {str(tmp_path / 'set')!r}, sample_rate=16000, n_workers=2)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "can't start. A script must call this below" in done.stderr.splitlines()[-1]
