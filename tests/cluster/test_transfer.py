"""Many performances played on a cluster: the files of one machine, and a word about each failure."""

from pathlib import Path

import pytest
import soundfile
from tests.cluster.conftest import Machines
from tests.data.tunes import tune

from oscine.cluster import connected
from oscine.errors import InputError
from oscine.files import sha256
from oscine.transfer import TransferReport, load, transfer_file
from oscine.transfer.rendering import Rendering, render_on_cluster

pytestmark = pytest.mark.slow


def test_a_batch_is_played_as_here(machines: Machines, tmp_path: Path) -> None:
    for number in range(3):
        soundfile.write(tmp_path / f"{number}.wav", tune(1, lowest_midi=60 + number), 16_000)
    (tmp_path / "3.wav").write_text("no sound")
    outputs = [tmp_path / "out" / f"{number}.wav" for number in range(4)]
    tasks = [Rendering("violin", tmp_path / f"{number}.wav", output) for number, output in enumerate(outputs)]
    with connected(machines.address) as connection:
        reports = {task.source.name: report for task, report in render_on_cluster(connection, tasks)}
    assert isinstance(reports.pop("3.wav"), InputError)
    assert not outputs[3].exists()
    assert all(isinstance(report, TransferReport) for report in reports.values())
    assert len(reports) == 3
    transfer_file(load("violin"), tmp_path / "1.wav", tmp_path / "here.wav")
    assert sha256(outputs[1]) == sha256(tmp_path / "here.wav")
