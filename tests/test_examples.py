"""The examples, in a very short form: every page is written, with figures, pictures and sounds."""

import math
import re

import pytest
import soundfile
from examples.__main__ import EXAMPLES, main
from examples.violin import Settings, violin


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """One violin of two steps for all of them, and its recordings as those of a saxophone."""
    folder = tmp_path_factory.mktemp("examples")
    work = folder / "work"
    return Settings(folder / "pages", work, sax=work / "short-violin", sax_credit="A sax.", quick=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_measures_and_writes_its_page(settings, name):
    figures = EXAMPLES[name](settings)
    assert len(figures) >= 4
    assert all(math.isfinite(value) for value in figures.values()), figures
    page = (settings.pages / f"{name}.md").read_text(encoding="utf-8")
    linked = re.findall(r"(?:\]\(|src=\")([^)\"]+\.(?:png|flac))", page)
    assert any(file.endswith(".png") for file in linked)
    for file in linked:
        assert file.startswith(f"{name}-")
        assert (settings.pages / file).stat().st_size > 1000
        if file.endswith(".flac"):
            info = soundfile.info(settings.pages / file)
            assert (info.channels, info.duration <= 8) == (1, True)
    assert sum(file.endswith(".flac") for file in linked) >= 2
    assert re.search(r"The violin learned for two steps, from 0\.\d minutes of recordings\.", page)
    if name == "timbre_transfer":
        assert "The sax learned for two steps" in page
        assert "*A sax.*" in page
    # What was measured is what is said, at whatever number of digits.
    numbers = set(re.findall(r"\d+(?:\.\d+)?", page))
    for what, value in figures.items():
        forms = [f"{abs(scale * value):.{n}f}" for scale in (1, 100) for n in range(4)]
        assert numbers & set(forms), f"{what} is {value}, and the page of {name} doesn't say so"


def test_without_recordings_of_a_saxophone_the_page_says_so(settings, tmp_path):
    violin(settings)
    violin_only = Settings(tmp_path, settings.work, instrument=settings.work / "violin", quick=True)
    figures = EXAMPLES["timbre_transfer"](violin_only)
    assert not any(name.startswith("sax") for name in figures)
    assert "left out" in (tmp_path / "timbre_transfer.md").read_text(encoding="utf-8")


def test_an_unknown_name_is_refused(capsys):
    with pytest.raises(SystemExit) as raised:
        main(["timbre", "timbre_transfer"])
    assert raised.value.code == 2
    assert "there is no example timbre: choose of timbre_transfer" in capsys.readouterr().err
