"""A dataset that is made in parts has the bytes of one that is made at once."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from tests.data.test_prepare import _content
from tests.data.tunes import tune

from oscine.cli.main import main
from oscine.data import Progress, prepare, prepare_part
from oscine.errors import InputError


@pytest.fixture(scope="module")
def takes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine files: six takes in two folders, one of them twice, and two that can't be used."""
    folder = tmp_path_factory.mktemp("takes") / "takes"
    for name in ("flute", "viola"):
        (folder / name).mkdir(parents=True)
    for number in range(6):
        place = folder / ("flute" if number % 2 else "viola") / f"{number}.flac"
        soundfile.write(place, tune(6 + number, lowest_midi=50 + number), 16_000)
    shutil.copy(folder / "viola" / "0.flac", folder / "a-twin.flac")
    (folder / "words.wav").write_text("no sound")
    soundfile.write(folder / "zero.wav", tune(6) * 0, 16_000)
    return folder


@pytest.fixture(scope="module")
def at_once(takes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What `prepare` makes of them."""
    folder = tmp_path_factory.mktemp("at-once") / "dataset"
    prepare(takes, folder, n_workers=1, sample_rate=16_000)
    return _content(folder)


def test_parts_in_one_folder_merge(takes: Path, at_once: dict[str, str], tmp_path: Path) -> None:
    reports = [
        prepare_part(takes, tmp_path / "dataset", part, 3, n_workers=1, sample_rate=16_000)
        for part in (3, 1, 2)
    ]
    names = sorted(file.path for report in reports for file in report.files)
    takes_of = {"flute": (1, 3, 5), "viola": (0, 2, 4)}
    used = [f"{player}/{number}.flac" for player, numbers in takes_of.items() for number in numbers]
    assert names == ["a-twin.flac", *used, "words.wav", "zero.wav"]
    assert {report.n_files for report in reports} == {9}
    assert not (tmp_path / "dataset" / "manifest.json").exists()
    merged = prepare(takes, tmp_path / "dataset", n_workers=1, sample_rate=16_000)
    assert merged.reused == 8  # and the ninth repeats another
    assert _content(tmp_path / "dataset") == at_once


def test_parts_in_folders_of_their_own_are_copied_together(
    takes: Path, at_once: dict[str, str], tmp_path: Path
) -> None:
    for part in (1, 2):
        prepare_part(takes, tmp_path / f"{part}", part, 2, n_workers=1, sample_rate=16_000)
        shutil.copytree(tmp_path / f"{part}", tmp_path / "dataset", dirs_exist_ok=True)
    assert prepare(takes, tmp_path / "dataset", n_workers=1, sample_rate=16_000).reused == 8
    assert _content(tmp_path / "dataset") == at_once


def test_parts_with_other_settings_are_refused_before_their_work_is_lost(takes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    prepare_part(takes, folder, 1, 9, n_workers=1, sample_rate=16_000, store="flac")
    before = _content(folder)
    with pytest.raises(InputError, match="holds parts with the sample rate 16000 Hz, and 44100 Hz is asked"):
        prepare_part(takes, folder, 2, 9, n_workers=1, sample_rate=44_100, store="flac")
    with pytest.raises(InputError, match=r"the store flac, and float32 is asked for; .*\(--store flac\)"):
        prepare(takes, folder, n_workers=1, sample_rate=16_000)
    assert {
        name: bytes_ for name, bytes_ in _content(folder).items() if name != ".part-2-of-9.lock"
    } == before


class _Killed(BaseException):
    """As if the process had been ended."""


def test_an_interrupted_part_goes_on_where_it_was(
    takes: Path, at_once: dict[str, str], tmp_path: Path
) -> None:
    def kill(progress: Progress) -> None:
        if progress.done_files == 4:
            raise _Killed

    with pytest.raises(_Killed):
        prepare_part(takes, tmp_path / "set", 1, 1, n_workers=1, sample_rate=16_000, on_progress=kill)
    resumed = prepare_part(takes, tmp_path / "set", 1, 1, n_workers=1, sample_rate=16_000)
    assert resumed.reused == 4
    prepare(takes, tmp_path / "set", n_workers=1, sample_rate=16_000)
    assert _content(tmp_path / "set") == at_once


def test_a_later_file_moves_no_other(takes: Path, tmp_path: Path) -> None:
    sources = Path(shutil.copytree(takes, tmp_path / "takes"))

    def part() -> set[str]:
        report = prepare_part(sources, tmp_path / "set", 1, 2, n_workers=1, sample_rate=16_000)
        return {file.path for file in report.files}

    before = part()
    (sources / "aa.wav").write_text("words")
    assert part() - {"aa.wav"} == before


def test_who_may_write_at_the_same_time(takes: Path, tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="Windows has no lock that is shared")
    tried: list[str] = []

    def attempt(run: Callable[[], object]) -> str:
        try:
            run()
        except InputError as error:
            return str(error)
        return "done"

    def others(progress: Progress) -> None:
        if not tried:
            tried.append("")
            settings: dict[str, Any] = {"n_workers": 1, "sample_rate": 16_000}
            tried[:] = [
                attempt(lambda: prepare_part(takes, tmp_path / "set", 2, 2, **settings)),
                attempt(lambda: prepare_part(takes, tmp_path / "set", 1, 2, **settings)),
                attempt(lambda: prepare(takes, tmp_path / "set", **settings)),
            ]

    prepare_part(takes, tmp_path / "set", 1, 2, n_workers=1, sample_rate=16_000, on_progress=others)
    assert tried[0] == "done"
    assert all("Another oscine prepare is writing" in sentence for sentence in tried[1:])


def _run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["prepare", *map(str, arguments)])
    printed = capsys.readouterr()
    return int(stop.value.code or 0), printed.out, printed.err


def test_the_command_says_what_comes_next(
    takes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order = [takes, tmp_path / "set", "--sample-rate", "16000", "--workers", "1"]
    code, out, _ = _run(capsys, *order, "--part", "1/2")
    assert code == 0
    assert "Part 1 of 2 is done: " in out
    assert "When all parts are, run the command without --part." in out
    code, out, _ = _run(capsys, *order, "--part", "2/2", "--json")
    report = json.loads(out)
    assert (report["part"], report["n_parts"], report["n_files"]) == (2, 2, 9)
    code, out, _ = _run(capsys, *order)
    assert code == 0
    assert "8 files finished by an earlier run." in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--part", "3/2"], "--part 3/2 is no part; give one such as 2/8"),
        (["--part", "0/2"], "is no part"),
        (["--part", "2"], "is no part"),
        (["--part", "1/2", "--held-out", "9"], "--held-out is of the whole dataset; give it without --part."),
        (["--part", "1/2", "--unpitched"], "--unpitched is of the whole dataset"),
    ],
)
def test_parts_that_there_are_not(
    options: list[str], words: str, takes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, error = _run(capsys, takes, tmp_path / "set", *options)
    assert code == 2
    assert words in error
    assert not (tmp_path / "set").exists()
