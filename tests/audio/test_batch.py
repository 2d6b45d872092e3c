"""Which files are read, and where each result goes."""

from pathlib import Path

import pytest

from oscine.audio.batch import plan_batch
from oscine.errors import InputError


def _touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def _names(inputs: list[Path], output: Path, **options: object) -> list[str]:
    batch = plan_batch(inputs, output, **options)  # pyright: ignore[reportArgumentType]
    assert batch.into_folder
    return [job.output.relative_to(output).as_posix() for job in batch.jobs]


def test_one_file_keeps_its_output_file(tmp_path: Path) -> None:
    batch = plan_batch([tmp_path / "a.mp3"], tmp_path / "out.flac")
    assert [tuple(job) for job in batch.jobs] == [(tmp_path / "a.mp3", tmp_path / "out.flac")]
    assert not batch.into_folder
    for name in ("out.txt", "-", ".wav", ".hidden"):  # refused where it is written, as ever
        assert not plan_batch([tmp_path / "a.mp3"], Path(name)).into_folder


def test_one_file_goes_into_a_folder_that_exists_or_has_no_ending(tmp_path: Path) -> None:
    (tmp_path / "old.d").mkdir()
    assert _names([tmp_path / "a.mp3"], tmp_path / "old.d") == ["a.wav"]
    assert _names([tmp_path / "a.mp3"], tmp_path / "new") == ["a.wav"]
    _touch(tmp_path / "file")
    assert not plan_batch([tmp_path / "a.mp3"], tmp_path / "file").into_folder


def test_folders_are_searched_and_keep_their_order_and_subfolders(tmp_path: Path) -> None:
    takes = tmp_path / "takes"
    _touch(
        takes / "b.WAV",
        takes / "sub" / "a.m4a",
        takes / "read.me",
        takes / ".hidden.wav",
        takes / ".git" / "c.wav",
    )
    assert _names([takes, tmp_path / "z.wav"], tmp_path / "out") == ["b.wav", "sub/a.wav", "z.wav"]
    (tmp_path / "empty").mkdir()
    batch = plan_batch([tmp_path / "empty", tmp_path / "z.wav"], tmp_path / "out")
    assert batch.empty == [tmp_path / "empty"]
    assert len(batch.jobs) == 1


def test_no_two_outputs_have_the_same_name(tmp_path: Path) -> None:
    inputs = [tmp_path / one for one in ("x/a.wav", "y/a.mp3", "a-2.wav", "z/A.flac", "q/a.wav")]
    assert _names(inputs, tmp_path / "out") == ["a.wav", "a-3.wav", "a-2.wav", "A-4.wav", "a-5.wav"]
    inputs = [tmp_path / "x/a.wav", tmp_path / "y/a.wav"]
    assert _names(inputs, tmp_path / "out", endings=(".csv",), ending=".f0.csv") == ["a.f0.csv", "a-2.f0.csv"]


def test_a_file_that_is_given_twice_is_read_once(tmp_path: Path) -> None:
    _touch(tmp_path / "takes" / "a.wav")
    (tmp_path / "link.wav").symlink_to(tmp_path / "takes" / "a.wav")
    inputs = [tmp_path / "takes", tmp_path / "takes" / ".." / "takes" / "a.wav", tmp_path / "link.wav"]
    assert _names(inputs, tmp_path / "out") == ["a.wav"]


def test_an_input_that_can_be_no_file_is_planned_for_its_verdict(tmp_path: Path) -> None:
    """A circle of links, and a name that the system has no room for: the others are made all the same."""
    takes = tmp_path / "takes"
    _touch(takes / "a.wav")
    (takes / "b.wav").symlink_to("c.wav")
    (takes / "c.wav").symlink_to("b.wav")
    assert _names([takes, tmp_path / f"{'x' * 300}.wav"], tmp_path / "out")[:-1] == [
        "a.wav",
        "b.wav",
        "c.wav",
    ]


def test_results_of_an_earlier_run_are_no_inputs(tmp_path: Path) -> None:
    _touch(tmp_path / "a.wav", tmp_path / "out" / "a.wav")
    assert _names([tmp_path], tmp_path / "out") == ["a.wav"]


@pytest.mark.parametrize("output", [".", "takes", "takes/../takes"])
def test_no_input_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str) -> None:
    monkeypatch.chdir(tmp_path)
    _touch(Path("takes/a.mp3"), Path("takes/a.wav"), Path("b.wav"))
    inputs = [Path("takes")] if output != "." else [Path("takes/a.mp3"), Path("b.wav")]
    with pytest.raises(InputError, match=r"is an input, and the output of .* would replace it; give another"):
        plan_batch(inputs, Path(output))


def test_several_inputs_have_no_single_output(tmp_path: Path) -> None:
    _touch(tmp_path / "a.wav", tmp_path / "b.wav", tmp_path / "file")
    for name in ("out.wav", "out.mp3", "out.ogg", "file"):
        with pytest.raises(InputError, match="is one file, and there are 2 inputs; give a folder, such as "):
            plan_batch([tmp_path / "a.wav", tmp_path / "b.wav"], tmp_path / name)
    with pytest.raises(InputError, match="is one file, and the input is a folder"):
        plan_batch([tmp_path], tmp_path / "out.wav")
