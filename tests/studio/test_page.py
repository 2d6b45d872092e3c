"""The page of the studio in Chromium: the whole way, keys alone, a microphone, axe, a phone's width."""

import importlib.resources
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import oscine

pytest.importorskip("playwright", reason="playwright is missing; install the extra dev")

from playwright.sync_api import Browser, Page, expect
from studio_page import HUM_HZ, HUM_S, MARKS, address, browser, hummed, page
from tools.studio_pictures import DESKTOP, PHONE, hum, learn, part_of, record

__all__ = ["address", "browser", "hummed", "page"]
pytestmark = MARKS
SERIOUS = {"serious", "critical"}


def _violations(page: Page) -> list[tuple[str, str]]:
    """What axe calls serious or critical on the screen as it is now."""
    script = importlib.resources.files("axe_playwright_python") / "axe.min.js"
    page.evaluate(script.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"] if one["impact"] in SERIOUS
    ]


def _export(page: Page, target: Path) -> tuple[np.ndarray, int]:
    """Export what the instrument plays, save the file as a user does, and return its samples."""
    page.get_by_role("button", name="Export").click()
    link = page.get_by_role("link", name="Save the WAV")
    expect(link).to_be_visible()
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename.endswith(".wav")
    download.value.save_as(target)
    return soundfile.read(target)


def _pitch_hz(samples: np.ndarray, rate: int) -> float:
    features = oscine.analyze((samples, rate))
    return float(features.f0_hz[features.confidence >= 0.5].median())


def test_the_whole_way(page: Page, browser: Browser, address: str, hummed: Path, tmp_path: Path) -> None:
    """Recordings are dropped, learned from, and played by a hum whose pitch was edited; then axe looks."""
    record(
        page,
        address,
        [
            part_of("violin", tmp_path / "violin.flac", 38.0),
            part_of("trumpet", tmp_path / "trumpet.flac", 5.0),
        ],
    )
    screens = [page.url]
    expect(page.locator(".coverage .on-white").first).to_be_visible()
    learn(page, "My violin", 12)
    screens.append(page.url)
    expect(page.locator(".quality .now")).to_have_count(1)
    expect(page.locator(".preview")).not_to_have_count(0)

    hum(page, address, hummed)
    screens.append(page.url)
    page.get_by_label("Plays the melody").select_option(label="My violin")
    page.get_by_label("Octave", exact=True).select_option(label="+1")
    before, rate = _export(page, tmp_path / "before.wav")
    page.get_by_role("application").focus()
    for key in ("Control+a", "f", "ArrowUp", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    after, _ = _export(page, tmp_path / "after.wav")
    length = round((HUM_S + 0.5) * rate)
    for samples in (before, after):
        assert abs(len(samples) - length) < 0.1 * rate
        assert np.abs(samples).max() > 0.01
    cents = 1200 * math.log2(_pitch_hz(after, rate) / _pitch_hz(before, rate))
    assert cents == pytest.approx(300, abs=30)
    assert 1200 * math.log2(_pitch_hz(before, rate) / (2 * HUM_HZ)) == pytest.approx(0, abs=50)

    with page.expect_download() as download:
        page.get_by_role("link", name="f0.csv").click()
    edited = np.genfromtxt(download.value.path(), delimiter=",", names=True)
    f0_hz = edited["f0_hz"][edited["f0_hz"] > 0]
    assert 1200 * math.log2(np.median(f0_hz) / HUM_HZ) == pytest.approx(300, abs=20)
    assert np.ptp(1200 * np.log2(f0_hz[len(f0_hz) // 4 : -len(f0_hz) // 4])) < 40

    screens += [
        f"{address}/{name}"
        for name in ("shelf", "record", "learn", "play", "live/violin-16k", "share", "share/violin")
    ]
    _look(browser, screens)


def _look(browser: Browser, screens: list[str]) -> None:
    """No screen has what axe calls serious, scrolls sideways on a phone, or has a text below 12 px."""
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    for screen in screens:
        page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
        page.goto(screen)
        expect(page.locator("main h1")).to_be_visible()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert _violations(page) == [], (screen, scheme)
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0], screen
        sizes = page.evaluate(
            """[...document.querySelectorAll("body *")]
               .map((one) => parseFloat(getComputedStyle(one).fontSize))"""
        )
        assert min(sizes) >= 12, screen
    context.close()


def test_back_and_forward_and_an_unknown_address(page: Page, address: str) -> None:
    page.goto(f"{address}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Shelf")
    for name in ("Learn", "Share"):
        page.get_by_role("navigation").get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        expect(page).to_have_url(f"{address}/{name.lower()}")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Learn")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Shelf")
    page.go_forward()
    expect(page.get_by_role("heading", level=1)).to_have_text("Learn")
    assert page.title() == "Learn · Oscine studio"
    page.goto(f"{address}/learn/doesnotexist")
    expect(page.get_by_role("main").get_by_role("alert")).to_contain_text(".")
    answer = page.goto(f"{address}/nowhere/at/all")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("Shelf")
    expect(page.get_by_text("There is no screen at /nowhere/at/all.")).to_be_visible()


def _tab_to(page: Page, label: str) -> None:
    """Press Tab until something of this name has the focus, which has to be seen."""
    for _ in range(60):
        page.keyboard.press("Tab")
        name = page.evaluate(
            """(({ariaLabel, labels, textContent}) => ariaLabel ?? labels?.[0]?.textContent ?? textContent)(
                 document.activeElement)"""
        )
        if name.strip() == label:
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"{label} has the focus, and it can't be seen"
            return
    raise AssertionError(f"Tab does not come to {label}")


def _record_for(page: Page, seconds: int) -> None:
    """Wait until so many seconds were recorded, or more."""
    expect(page.locator(".recorder .time")).to_have_text(re.compile(f"^0:(0[{seconds}-9]|[1-5][0-9])$"))


def test_keys_alone(page: Page, address: str) -> None:
    """Make a collection, record a take, trim it, leave it out, delete it and take that back."""
    page.goto(f"{address}/shelf")
    expect(page.get_by_role("heading", level=1)).to_have_text("Shelf")
    _tab_to(page, "Record")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Record")
    _tab_to(page, "What do you record?")
    page.keyboard.type("Keys")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Keys")
    _tab_to(page, "Record a take")
    page.keyboard.press("Enter")
    _record_for(page, 2)
    assert float(page.get_by_role("meter").get_attribute("aria-valuenow") or -60) > -40
    page.keyboard.press("Enter")
    take = page.locator(".take")
    expect(take.locator(".badge:not(.waiting)")).to_be_visible()

    _tab_to(page, "Beginning of Take 1.wav")
    begin = take.get_by_role("slider").first
    # On a busy machine a trim is also sent between two keys.
    with page.expect_response(lambda response: '"from_s":0.4' in (response.request.post_data or "")):
        for _ in range(4):
            page.keyboard.press("ArrowRight")
    expect(begin).to_have_attribute("aria-valuenow", "0.40")
    expect(take.locator(".badge:not(.waiting)")).to_be_visible()
    _tab_to(page, "Use this take")
    page.keyboard.press("Space")
    expect(take).to_have_class("take left-out")
    _tab_to(page, "Delete Take 1.wav")
    page.keyboard.press("Enter")
    expect(take).to_have_count(0)
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(take).to_have_count(1)
    expect(begin).to_have_attribute("aria-valuenow", "0.40")


def test_what_the_microphone_heard_is_what_is_kept(page: Page, address: str, tmp_path: Path) -> None:
    """A melody is recorded from a microphone that plays the hum, and its pitch is on the piano roll."""
    page.goto(f"{address}/play")
    page.get_by_role("button", name="Record a melody").click()
    _record_for(page, 4)
    page.get_by_role("button", name="Stop recording").click()
    expect(page.get_by_role("application")).to_be_visible()
    place = page.url.rpartition("/")[2].partition("?")[0]
    (tmp_path / "melody").write_bytes(page.request.get(f"{address}/api/performances/{place}/audio").body())
    samples, rate = soundfile.read(tmp_path / "melody")
    assert len(samples) > 3.5 * rate
    assert _pitch_hz(samples, rate) == pytest.approx(HUM_HZ, rel=0.01)
    page.get_by_role("application").focus()
    page.keyboard.press("Control+a")
    expect(page.locator(".roll-status")).to_contain_text("A3")
    page.keyboard.press("Shift+ArrowUp")
    expect(page.locator(".roll-status")).to_contain_text("A4")
    page.keyboard.press("Control+z")
    expect(page.locator(".roll-status")).to_contain_text("A3")
    page.keyboard.press("u")
    expect(page.locator(".roll-status")).to_contain_text("unvoiced")
    expect(page.locator(".saving")).to_have_text("Saved")


def test_a_lost_server_is_told_and_nothing_typed_is_lost(page: Page, address: str) -> None:
    page.goto(f"{address}/record")
    page.get_by_label("What do you record?").fill("Still here")
    page.context.set_offline(True)
    page.get_by_role("button", name="Begin").click()
    expect(page.locator("#banner")).to_contain_text("The server does not answer.")
    expect(page.locator("main .problem:visible")).to_contain_text("Nothing is lost")
    page.context.set_offline(False)
    expect(page.locator("#banner")).to_be_hidden()
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Still here")
    refused = {"name": "note.txt", "mimeType": "text/plain", "buffer": b"no sound"}
    page.locator("main input[type=file]").set_input_files([refused])  # pyright: ignore[reportArgumentType]
    said = page.locator("main .problem:visible, .take .badge.bad")
    expect(said.first).to_be_visible()


def test_edits_of_a_pitch(page: Page, address: str) -> None:
    """Two notes with a vibrato of 50 cents: each edit, on a curve whose answer is known."""
    page.goto(f"{address}/shelf")
    found = page.evaluate(
        """async () => {
          const edits = await import("/page/pitch-edits.js");
          const frameRate = 250;
          const midi = Float64Array.from({length: 1000}, (_, i) =>
            i < 100 || i >= 900 ? NaN
              : (i < 500 ? 60.3 : 64.1) + 0.5 * Math.sin(2 * Math.PI * 5.5 * i / frameRate));
          const span = {midi, from: 0, to: 1000, frameRate};
          const few = (...pitches) => Float64Array.from(pitches);
          const plain = (curve) => [...curve].map((one) => (Number.isNaN(one) ? null : one));
          const flat = edits.flattened(span);
          return {
            notes: edits.notes(span),
            flat: plain(flat),
            snapped: plain(edits.snapped({...span, midi: flat})),
            lifted: plain(edits.lifted({...span, from: 100, to: 102}, 12)),
            straight: plain(edits.straight({midi: few(NaN, 60, NaN, NaN, 63, 1), from: 1, to: 5, frameRate})),
            bridged: plain(edits.straight({midi: few(61, NaN, NaN, 63), from: 1, to: 3, frameRate})),
            unvoiced: plain(edits.unvoiced(span)),
          };
        }"""
    )
    assert found["notes"] == [[100, 500], [500, 900]]
    for name, low, high in (("flat", 60.3, 64.1), ("snapped", 60.0, 64.0)):
        curve = np.array(found[name], dtype=float)
        assert np.isnan(curve[:100]).all()
        assert np.abs(curve[100:500] - low).max() < 0.05
        assert np.abs(curve[500:900] - high).max() < 0.05
    assert found["lifted"] == pytest.approx([72.3, 72.3], abs=0.6)
    assert found["straight"] == [60, 61, 62, 63]
    assert found["bridged"] == [61, 63]
    assert found["unvoiced"] == [None] * 1000


def test_the_recorders_wav(page: Page, address: str, tmp_path: Path) -> None:
    page.goto(f"{address}/shelf")
    samples = [0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 0.25]
    for bits, subtype in ((16, "PCM_16"), (24, "PCM_24")):
        content = page.evaluate(
            """async ([samples, bits]) => {
              const {wav} = await import("/page/wav.js");
              const blocks = [samples.slice(0, 4), samples.slice(4)].map((block) => Float32Array.from(block));
              const file = wav(blocks, 44100, bits);
              return [...new Uint8Array(await file.arrayBuffer())];
            }""",
            [samples, bits],
        )
        place = tmp_path / f"{bits}.wav"
        place.write_bytes(bytes(content))
        info = soundfile.info(place)
        assert (info.samplerate, info.channels, info.subtype) == (44100, 1, subtype)
        assert soundfile.read(place)[0] == pytest.approx(np.clip(samples, -1, 1), abs=2.0 ** (1 - bits))


def test_latency_is_measured_from_clicks(page: Page, address: str) -> None:
    """Clicks that are heard 37 ms late, over a hum; one of them is missing."""
    page.goto(f"{address}/shelf")
    found = page.evaluate(
        """async () => {
          const {delays} = await import("/page/latency.js");
          const rate = 48000, played = [0.4, 0.9, 1.4, 1.9, 2.4];
          const heard = Float32Array.from({length: 3 * rate}, (_, i) => 0.004 * Math.sin(i / 40));
          for (const at of [0.4, 0.9, 1.9, 2.4])
            heard.fill(0.3, Math.round((at + 0.037) * rate), Math.round((at + 0.041) * rate));
          return delays(heard, rate, played);
        }"""
    )
    assert found == pytest.approx([0.037] * 4, abs=1e-4)
