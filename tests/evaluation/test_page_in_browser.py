"""The page of an evaluation in a browser: on a phone, in dark mode, and with a screen reader's eyes."""

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from oscine.analysis import analyze
from oscine.evaluation import Page
from oscine.evaluation.pictures import comparison_picture
from oscine.evaluation.tally import Sound

RATE, HOP = 16_000, 64
_SWITCHES = ("no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking")
_FONT_SIZES = """() => [...document.querySelectorAll('svg text')].flatMap(one => {
    const svg = one.closest('svg');
    if (!svg.getClientRects().length) return [];
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    return [parseFloat(getComputedStyle(one).fontSize) * scale];
})"""


def _sound(f0_hz: float) -> Sound:
    audio = 0.3 * torch.sin(2 * torch.pi * f0_hz * torch.arange(2 * RATE) / RATE)
    features = analyze(audio, RATE, HOP)
    return Sound(audio, features, features.loudness_db)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "index.html"
    low, high = _sound(220.0), _sound(440.0)
    names = (
        "held-out audio",
        "instrument",
        "mean control",
        "harmonic ceiling",
        "oracle",
        "two seeds",
        "paper",
    )
    rows = [["loudness L1 (dB)", *["1.23"] * 6], ["mel-cepstral distortion (dB)", *["12.34"] * 6]]
    made = Page("A violin", "after three minutes").heading("A voice")
    made.players([("A voice", low.audio, RATE, "the melody"), ("The violin", high.audio, RATE, "plays it")])
    made.picture(comparison_picture(low, high), "Pitch and loudness of both", "Two tones.")
    made.heading("Figures").table(names, rows, [{2}, {1}]).paragraph("A note.", note=True).write(path)
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is missing; on Debian, install chromium")
    for module in ("playwright", "axe_playwright_python"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module.replace('_', '-')} is missing; pip install it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = [f"--{switch}" for switch in _SWITCHES]
        started = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield started
        started.close()


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (1280, "dark"), (760, "light"), (390, "dark"), (320, "light")]
)
def test_it_is_legible_and_accessible(browser: Any, page: Path, width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    shown = context.new_page()
    fetched: list[str] = []
    shown.on("request", lambda request: fetched.append(request.url.split(":")[0]))
    shown.goto(page.as_uri())
    assert shown.evaluate("document.documentElement.scrollWidth") <= width, "nothing hides at the side"
    sizes = shown.evaluate(_FONT_SIZES)
    assert len(sizes) > 10
    assert min(sizes) >= 12.0
    cells = shown.locator("td").all()
    assert all(cell.is_visible() for cell in cells)
    found = Axe().run(shown).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    loaded = "() => [...document.querySelectorAll('audio')].every(one => one.readyState >= 1 && !one.error)"
    shown.wait_for_function(loaded)
    assert set(fetched) <= {"file", "data"}
    context.close()
