"""``oscine evaluate``: one table, or one JSON value; a page on request; bad input is one sentence."""

import json
import math
import shutil
import sys

import pytest
import soundfile
import torch

from oscine.cli.main import main
from oscine.data import Dataset, prepare
from oscine.models import Instrument, load_recipe


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    time_s = torch.arange(40 * 16000, dtype=torch.float64) / 16000
    phase = 2 * math.pi * 330 * time_s
    tone = 0.2 * sum(torch.sin(k * phase) / k for k in range(1, 6)) * (1 + 0.5 * torch.sin(3 * time_s))
    (folder / "in").mkdir()
    soundfile.write(folder / "in" / "tone.wav", tone.float().numpy(), 16000)
    prepare(folder / "in", folder / "dataset", sample_rate=16000, held_out_s=3.0, n_workers=1)
    recipe = load_recipe("tiny", {"instrument.sample_rate": 16000, "instrument.hop_length": 64})
    instrument = Instrument(recipe.instrument, Dataset.open(folder / "dataset").statistics)
    instrument.save_pretrained(folder / "violin")
    return folder


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *map(str, arguments)])
    return ended.value.code, *capsys.readouterr()


def test_json_is_one_value_and_nothing_else(capsys, places):
    code, out, err = run(capsys, places / "violin", places / "dataset", "--json")
    assert (code, err) == (0, "")
    figures = json.loads(out)
    assert set(figures["instrument"]) == set(figures["mean_control"]) == set(figures["harmonic_ceiling"])
    assert figures["seconds"] == pytest.approx(3.0, abs=0.01)
    assert figures["instrument"]["f0_median_semitones"] < 0.1


def test_the_table_and_the_page(capsys, places):
    page = places / "page.html"
    code, out, _ = run(capsys, places / "violin", places / "dataset", "--page", page)
    assert code == 0
    for text in ("loudness L1", "f0 outliers", "mean control", "parameters", str(page)):
        assert text in out
    html = page.read_text(encoding="utf-8")
    assert "Evaluation of violin" in html
    assert html.count("<audio") == 4


@pytest.mark.skipif(sys.platform != "linux", reason="it needs a folder in which nobody can write")
def test_a_page_that_the_disk_refuses_costs_no_figures(capsys, places):
    code, out, err = run(
        capsys, places / "violin", places / "dataset", "--no-baselines", "--page", "/proc/x.html"
    )
    assert code == 2
    assert "loudness L1" in out
    assert "/proc/x.html" in err


@pytest.mark.skipif(sys.platform != "linux", reason="the system takes only names that are Unicode")
def test_names_that_are_no_utf8_are_written(capsys, places, tmp_path):
    shutil.copytree(places / "violin", tmp_path / "caf\udce9")
    page = tmp_path / "caf\udce9.html"
    code, _, _ = run(capsys, tmp_path / "caf\udce9", places / "dataset", "--no-baselines", "--page", page)
    assert code == 0
    assert r"Evaluation of caf\xe9" in page.read_text(encoding="utf-8")


def test_bad_input_is_exit_code_2_and_leaves_nothing(capsys, places):
    for arguments, sentence in (
        ((places / "none", places / "dataset"), "There is no folder"),
        ((places / "violin", places / "in"), "in"),
        ((places / "violin", places / "dataset", "--page", places / "page.txt"), "must end in .html or .htm"),
        ((places / "violin", places / "dataset", "--page", places / "page.html" / "x.html"), "not a folder"),
    ):
        code, out, err = run(capsys, *arguments)
        assert code == 2
        assert out == ""
        assert sentence in err
        assert "Traceback" not in err
    assert not (places / "page.txt").exists()
