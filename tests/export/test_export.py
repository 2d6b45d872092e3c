"""Exports: what is written plays what the instrument plays."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.export.small import small_instrument
from tests.performance.scores import LEARNED

from oscine.cli.main import main
from oscine.errors import InputError
from oscine.export import export, single_header
from oscine.models import Instrument, InstrumentConfig
from oscine.processors import HarmonicConfig
from oscine.runtime import Live, engines
from oscine.streaming import Program, read_metadata

FLAGS = ["-O1", "-fwrapv", "-fno-math-errno", "-fno-trapping-math", "-fno-exceptions", "-fno-rtti"]
needs_a_compiler = pytest.mark.skipif(
    not (shutil.which("c++") and shutil.which("cc") and engines()), reason="there is no C++ compiler here"
)


@pytest.fixture(scope="module")
def instrument() -> Instrument:
    return small_instrument()


def test_a_program_file_is_the_instruments(instrument: Instrument, tmp_path: Path) -> None:
    path = tmp_path / "violin.oscine"
    report = export(instrument, path, weights="float32")
    assert path.read_bytes() == instrument.program().to_bytes()
    assert report.files == {"violin.oscine": path.stat().st_size}
    assert (report.licence, report.credit) == ("cc-by-3.0", "Somebody")
    if engines():
        assert report.difference is not None
        assert report.difference < 1e-5
    small = export(instrument, path)
    assert small.files["violin.oscine"] < 0.75 * report.files["violin.oscine"]
    if engines():
        assert report.difference is not None
        assert small.difference is not None
        assert report.difference < small.difference < 1e-2
    dynamics = read_metadata(path.read_bytes())["dynamics"]
    assert len(dynamics["curve_db"]) == 128
    smaller = export(instrument, path, weights="int8")
    assert smaller.files["violin.oscine"] < 0.75 * small.files["violin.oscine"]
    if engines():
        assert small.difference is not None
        assert smaller.difference is not None
        assert small.difference < smaller.difference < 0.1
    dry = export(instrument, path, weights="float32", dry=True)
    assert [one.kind for one in Program.from_bytes(path.read_bytes()).operations].count("convolve") == 0
    assert dry.difference is None or dry.difference < 1e-5


@needs_a_compiler
@pytest.mark.parametrize("width", [1, 4])
def test_the_header_plays_what_python_plays(instrument: Instrument, tmp_path: Path, width: int) -> None:
    folder = tmp_path / "c"
    export(instrument, folder, "c")
    warnings = ["-Wall", "-Wextra", "-Werror"]
    command = ["c++", "-std=c++17", *FLAGS, *warnings, f"-DWIDTH={width}", "example.cpp", "-o", "example"]
    subprocess.run(command, cwd=folder, check=True)
    played = np.frombuffer(
        subprocess.run([folder / "example"], check=True, capture_output=True).stdout, "<f4"
    )
    live = Live(instrument.program().to_bytes("float16"), name="portable")
    live.set(f0_hz=440.0, loudness_db=-20.0)
    expected = live.play(32000).numpy()
    assert np.abs(played - expected).max() < 1e-5 * np.abs(expected).max()


@needs_a_compiler
def test_the_header_is_c_for_those_who_only_call_it(tmp_path: Path) -> None:
    (tmp_path / "oscine.h").write_text(single_header())
    (tmp_path / "user.c").write_text(
        '#include "oscine.h"\nint main(void) { return oscine_runtime_version() < 0; }\n'
    )
    strict = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    subprocess.run(["cc", *strict, "-c", "user.c", "-o", "user.o"], cwd=tmp_path, check=True)
    assert not any(line.startswith('#include "') for line in single_header().splitlines())


def test_what_a_card_says_stays_in_its_comment(tmp_path: Path) -> None:
    config = InstrumentConfig(sample_rate=16000, hop_length=64, synth=(HarmonicConfig(n_harmonics=2),))
    evil = 'a\nint x = 1;\r\v\f\u2028*/ \\\n#include "evil.h" ??/\n'
    export(Instrument(config, LEARNED, {"licence": evil, "credit": evil}), tmp_path / "c", "c")
    head = (tmp_path / "c" / "instrument.h").read_text().split("#pragma once")[0]
    assert head.isascii()
    for line in head.splitlines():
        assert line.startswith("// ")
        assert not line.endswith(("\\", "??/"))


def test_what_cannot_be_written_is_said(instrument: Instrument, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"must end in \.oscine"):
        export(instrument, tmp_path / "violin.osc")
    for output in (full, full / "notes.txt"):
        with pytest.raises(InputError, match="is there already"):
            export(instrument, output, "c")
    assert (full / "notes.txt").read_text() == "mine"
    (tmp_path / "folder.oscine").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        export(instrument, tmp_path / "folder.oscine")

    class Newer(Instrument):
        def step(self, *signals, **named):
            return super().step(*signals, **named)

    with pytest.raises(InputError, match="can't be exported: Newer overrides `step`"):
        export(Newer(instrument.config), tmp_path / "newer.oscine")


def test_the_command(instrument: Instrument, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "violin"
    instrument.save_pretrained(folder)

    def run(*arguments: str | Path) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["export", *map(str, arguments)])
        return int(ended.value.code or 0)

    assert run(folder, "-o", tmp_path / "violin.oscine") == 0
    said = capsys.readouterr().out
    assert "violin.oscine: " in said
    assert "Credit: Somebody" in said
    assert run(folder, "-o", tmp_path / "c", "--format", "c", "--json") == 0
    assert set(json.loads(capsys.readouterr().out)["files"]) == {
        "oscine.h",
        "instrument.h",
        "example.cpp",
        "CREDITS.txt",
    }
    for wrong, sentence in (
        (("--format", "vst"), "--format is 'vst'; give one of oscine, c, "),
        (("--weights", "int4"), "--weights is 'int4'; give one of float32, float16, int8"),
    ):
        assert run(folder, "-o", tmp_path / "b.oscine", *wrong) == 2
        assert sentence in " ".join(capsys.readouterr().err.split())
