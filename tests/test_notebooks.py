"""The notebooks: stored without outputs, and every cell runs, with sounds and pictures in the page."""

import re

import nbformat
import pytest
from tools.run_notebooks import NOTEBOOKS, run

pytestmark = pytest.mark.slow


def _texts(node):
    """What the cells show as text, and as HTML."""
    plain, html, pictures = [], [], 0
    for output in (output for cell in node.cells for output in cell.get("outputs", [])):
        plain.append(output.get("text", ""))
        data = output.get("data", {})
        plain.append(data.get("text/markdown", ""))
        html.append(data.get("text/html", ""))
        pictures += "image/png" in data
    return "\n".join(plain), "\n".join(html), pictures


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs_and_says_what_its_variable_does(notebook):
    node = nbformat.read(notebook, as_version=4)
    nbformat.validate(node)
    for cell in node.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
    first = next(cell.source for cell in node.cells if cell.cell_type == "code")
    told = "\n".join(cell.source for cell in node.cells if cell.cell_type == "markdown")
    assert 'os.environ.get("OSCINE_NOTEBOOK") == "quick"' in first
    assert "`OSCINE_NOTEBOOK`" in told


def test_there_are_both_notebooks():
    assert [path.stem for path in NOTEBOOKS] == ["the-paper", "train-your-own"]


def test_train_your_own_runs_and_makes_an_instrument(tmp_path):
    node = run(next(path for path in NOTEBOOKS if path.stem == "train-your-own"), tmp_path, quick=True)
    plain, html, pictures = _texts(node)
    assert "20 steps of tiny" in plain
    assert "loudness L1" in plain
    # A recording, the melody, and three performances.
    assert len(re.findall(r'<audio controls preload="metadata" aria-label="[^"]+" src="data:', html)) == 5
    assert pictures == 1
    made = {path.name for path in (tmp_path / "my-instrument-files").iterdir()}
    assert {"dataset", "instrument", "lower.wav", "scale.mid", "my-instrument.zip"} <= made


def test_the_paper_runs_and_shows_its_figures(tmp_path):
    node = run(next(path for path in NOTEBOOKS if path.stem == "the-paper"), tmp_path, quick=True)
    plain, html, pictures = _texts(node)
    for title in (
        "# Timbre transfer",
        "# Independent control",
        "# Extrapolation",
        "# Dereverberation",
    ):
        assert title in plain
    assert html.count("<audio controls") == 14
    assert pictures == 4
    assert "](" not in re.sub(r"\]\(\w+\.md\)", "", plain)  # no link to a file that the page does not have
    assert not list((tmp_path / "examples").glob("*.ipynb"))
