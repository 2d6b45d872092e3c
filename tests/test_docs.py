"""The documentation's snippets: each python block runs, each yaml block is a recipe that loads."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tests.performance.scores import note, write_midi
from tools import reference

import oscine
from oscine.data.statistics import Statistics
from oscine.models import Instrument, InstrumentConfig, load_recipe
from oscine.models.inputs import CurveConfig, F0Config, IdentityConfig, LoudnessConfig
from oscine.networks import ControllerConfig
from oscine.performance import Expression
from oscine.processors import HarmonicConfig, NoiseConfig, ReverbConfig

ROOT = Path(__file__).parents[1]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
#: Pages whose snippets another test runs.
ELSEWHERE = {
    "how-to/adding-a-synthesiser": "tests/test_adding_a_synthesiser.py",
    "how-to/serve": "tests/studio/test_page_of_the_api.py",
    "how-to/your-own-training-loop": "tests/test_own_training_loop.py",
    "background/program-file": "tests/runtime/test_builds.py",
}
NOT_RUN = re.compile(r"<!-- not run: \S.{8,} -->\n$")
#: Pages whose snippets take more than ten seconds.
SLOW = ("how-to/imitate",)
_RATE, _HOP = 16_000, 64


def _blocks(page: Path, language: str, *, runnable: bool = False) -> list[str]:
    """The code blocks of a page, each padded so that a traceback names the page's own line.

    Those behind a line ``<!-- not run: REASON -->`` are left out if only runnable ones are asked for.
    """
    text = page.read_text(encoding="utf-8")
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [
        "\n" * text.count("\n", 0, one.start(1)) + one.group(1)
        for one in found
        if not (runnable and NOT_RUN.search(text[: one.start()]))
    ]


def _name(page: Path) -> str:
    """The page's path below docs/ without its ending."""
    return page.relative_to(ROOT).with_suffix("").as_posix().removeprefix("docs/")


def _page(name: str) -> Path:
    return next(page for page in PAGES if _name(page) == name)


def _save_instrument(folder: str, identities: tuple[str, ...] = (), curves: tuple[str, ...] = ()) -> None:
    """Save an untrained instrument that is small enough to play a second at once."""
    identity = (IdentityConfig(names=identities, size=2),) if identities else ()
    config = InstrumentConfig(
        sample_rate=_RATE,
        hop_length=_HOP,
        inputs=(F0Config(), LoudnessConfig(), *identity, *(CurveConfig(name=name) for name in curves)),
        controller=ControllerConfig(hidden_size=8, mlp_size=0),
        synth=(HarmonicConfig(n_harmonics=8), NoiseConfig(n_bands=5)),
        effects=(ReverbConfig(ir_s=0.1),),
    )
    statistics = Statistics(
        minutes=5.0,
        voiced_share=0.9,
        pitch_midi_quantiles=np.linspace(55, 88, 101).tolist(),
        loudness_db_quantiles=np.linspace(-50, -15, 101).tolist(),
        loudness_db_silence=-60.0,
    )
    Instrument(config, statistics).save_pretrained(folder)


def _write_tone(path: str, f0_hz: float) -> None:
    """Write a second of a harmonic tone that fades in and out, so that there is something to play."""
    t = np.arange(_RATE) / _RATE
    tone = sum(np.sin(2 * np.pi * k * f0_hz * t) / k for k in range(1, 6))
    soundfile.write(path, 0.2 * tone * np.minimum(1, 20 * np.minimum(t, 1 - t)), _RATE)


def _gesture_of_the_page() -> str:
    text = _page("how-to/articulatory").read_text(encoding="utf-8")
    found = re.search(r"^```csv\n(time_s,.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found
    return found.group(1)


@pytest.fixture
def _workplace(tmp_path, monkeypatch):
    """A folder with what the pages open by name."""
    monkeypatch.chdir(tmp_path)
    for name in ("my-instrument", "my-violin", "my-saxophone"):
        _save_instrument(name)
    write_midi(tmp_path / "song.mid", note(60, 480), note(64, 480, channel=1))
    _save_instrument("band", ("flute", "trumpet", "violin"))
    _save_instrument("my-tract", curves=("JA", "LD", "TCX", "TCY"))
    (tmp_path / "gesture.csv").write_text(_gesture_of_the_page())
    _write_tone("hum.wav", 220.0)
    _write_tone("violin.wav", 440.0)
    for name in ("speech", "target-1", "target-2", "clip"):
        _write_tone(f"{name}.wav", 165.0)


def _pages_with(language: str) -> list[str]:
    return [_name(page) for page in PAGES if _blocks(page, language, runnable=True)]


@pytest.mark.usefixtures("_workplace")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in sorted({*_pages_with("python")} - {*ELSEWHERE})
    ],
)
def test_the_python_blocks_of_a_page_run_in_order(name):
    page = _page(name)
    namespace: dict[str, object] = {"__name__": "page"}
    for block in _blocks(page, "python", runnable=True):
        exec(compile(block, str(page), "exec"), namespace)
    for value in namespace.values():
        if isinstance(value, torch.Tensor):
            assert not value.isnan().any() or name == "background/contract"


def test_the_pages_that_another_test_runs_are_named_there():
    for name, test in ELSEWHERE.items():
        assert _page(name).exists()
        helpers = [ROOT / test, *(ROOT / test).parent.glob("builds.py")]
        assert any(f"{name.split('/')[1]}.md" in path.read_text(encoding="utf-8") for path in helpers)


# The recipe of the page on adding a synthesiser has the part that the page adds; its own test trains it.
@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "adding-a-synthesiser"], ids=_name)
def test_the_yaml_blocks_of_a_page_are_recipes_that_build(page, tmp_path):
    for number, block in enumerate(_blocks(page, "yaml")):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block, encoding="utf-8")
        recipe = load_recipe(path)
        Instrument(
            recipe.instrument.fit(_RATE, _HOP, ["breath", "bow_pressure", "intensity"], ["flute", "violin"])
        )


def test_the_settings_on_the_pages_are_settings():
    import yaml

    seen = set()
    for page in PAGES:
        for quoted, bare in re.findall(
            r"--set (?:'([^'\n]+)'|(\S+?=[^\s`'|]+))", page.read_text(encoding="utf-8")
        ):
            key, _, value = (quoted or bare).partition("=")
            seen.add(page.stem)
            if _name(page) == "how-to/notes":
                Expression.model_validate({key: value})
            elif _name(page) == "how-to/live" and key != "name":
                settings = Path(oscine.__file__).parent / "runtime" / "native" / "knobs.h"
                assert f'{{"{key}"' in settings.read_text(encoding="utf-8"), f"live.md sets {key}"
            elif key.lower() not in ("key", "name"):
                load_recipe("default", {key: yaml.safe_load(value)})
    assert {"notes", "conditioning"} <= seen


def test_the_documents_links_lead_somewhere():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if not target.startswith(("http://", "https://")):
                assert (page.parent / target).exists(), f"{page.name} links {target}, which is not there"


def test_the_names_of_earlier_versions_are_gone_from_the_pages():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for old in (
            "--voice NAME",
            "instrument.voice_size",
            "instrument.curves",
            "instrument.timbre_encoder",
        ):
            assert old not in text, f"{page.name} says {old}"
    assert not hasattr(oscine.load, "voice")


def test_the_pages_made_from_the_code_are_fresh():
    for name, content in reference.pages().items():
        page = ROOT / "docs" / "reference" / name
        assert page.read_text(encoding="utf-8") == content, f"{name} is stale: python -m tools.reference"


def test_the_pages_made_from_the_code_say_where_a_part_stands_and_what_may_be_repeated():
    recipes, commands = (
        _page(f"reference/{name}").read_text(encoding="utf-8") for name in ("recipes", "cli")
    )
    assert "Place: `instrument.effects`, or behind another part in a `chain`, `kind: reverb`." in recipes
    assert "Place: `instrument.synth`, `kind: harmonic`." in recipes
    assert "instrument.synth.chain.parts" not in recipes
    options = [line for line in commands.splitlines() if line.startswith("| `-")]
    assert max(line.count("repeated") + line.count("several times") for line in options) == 1


def test_every_sound_of_a_page_is_there_and_has_a_name():
    players = 0
    for page in PAGES:
        for player in re.findall(r"<audio[^>]*>", page.read_text(encoding="utf-8")):
            attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', player))
            assert attributes.get("aria-label"), f"{_name(page)}: {player} has no aria-label"
            assert (page.parent / attributes["src"]).exists(), f"{_name(page)}: no {attributes['src']}"
            players += 1
    assert players > 20


def test_every_page_is_in_the_menu():
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    said = set(re.findall(r"(\S+\.md)$", menu, re.MULTILINE))
    assert said == {page.relative_to(ROOT / "docs").as_posix() for page in PAGES if page.name != "README.md"}
