"""The pictures of the studio for its page in the documentation, and a walk through every screen.

    python -m tools.studio_pictures docs/how-to [--all FOLDER]

starts a studio of its own in a temporary folder, records, learns and plays there with the recordings of the
package, and writes the pictures of ``docs/how-to/studio.md``. ``--all`` writes every screen, for a desktop
and a phone, light and dark. It needs Debian's chromium.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path

import soundfile
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from oscine import recordings

ROOT = Path(__file__).parents[1]
DESKTOP, PHONE = (1280, 860), (390, 844)
#: The microphone of the browser is a file, and no window asks for it.
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--use-fake-ui-for-media-stream"),
    "--use-fake-device-for-media-stream",
)
COLOURS = 96
# On a busy machine a training of a few steps takes its time.
expect.set_options(timeout=120_000)
_LATEST_S, _TRAINED_MS = 60.0, 600_000


@contextmanager
def studio(folder: Path) -> Iterator[str]:
    """Run ``oscine studio`` with its data in a folder, and yield its address.

    Raises:
        RuntimeError: When it does not answer.
    """
    command = [sys.executable, "-m", "oscine", "studio", "--no-browser", "--port", "0", "--data", str(folder)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    log = folder.parent / f"{folder.name}.log"
    with (
        log.open("w") as output,
        subprocess.Popen(command, stdout=output, stderr=output, env=environment) as process,
    ):
        try:
            until = time.monotonic() + _LATEST_S
            while not (found := re.search(r"http://[\w.:\[\]]+", log.read_text())):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"the studio did not start: {log.read_text()}")
                time.sleep(0.05)
            yield found[0].rstrip("/")
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


@contextmanager
def chromium(microphone: Path | None = None) -> Iterator[Browser]:
    """Yield Debian's Chromium, whose microphone plays a WAV file."""
    flags = [*FLAGS, *([f"--use-file-for-fake-audio-capture={microphone}"] if microphone else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        try:
            yield browser
        finally:
            browser.close()


def part_of(name: str, target: Path, seconds: float) -> Path:
    """Write the beginning of a recording of the package, as FLAC or WAV, and return its place."""
    source = recordings.path(name)
    if source.is_dir():
        source = min(source.glob("*.flac"))
    info = soundfile.info(source)
    samples, rate = soundfile.read(source, frames=round(seconds * info.samplerate))
    soundfile.write(target, samples, rate)
    return target


def record(page: Page, address: str, files: list[Path]) -> None:
    """Make a collection with recordings."""
    page.goto(f"{address}/record")
    page.get_by_label("What do you record?").fill("My violin")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", name="What is covered")).to_be_visible()
    page.locator("main input[type=file]").set_input_files(files)
    expect(page.locator(".take .badge:not(.waiting)")).to_have_count(len(files))


def learn(page: Page, name: str, steps: int, start: str = "") -> None:
    """Train on the collection that is shown, until it is done."""
    page.get_by_role("link", name="Learn from it").click()
    page.get_by_label("Name of the instrument").fill(name)
    page.get_by_label("How long?").fill(str(steps))
    page.get_by_label("Minutes or steps").select_option("steps")
    if start:
        page.get_by_text("An instrument", exact=True).click()
        page.get_by_label("Instrument", exact=True).select_option(start)
    else:
        page.get_by_label("Recipe").select_option("tiny")
    page.get_by_role("button", name="Start the training").click()
    expect(page.get_by_role("link", name="Play it")).to_be_visible(timeout=_TRAINED_MS)
    expect(page.locator(".state .badge")).to_have_text("Done")


def hum(page: Page, address: str, file: Path) -> None:
    """Drop a melody, and wait for its piano roll."""
    page.goto(f"{address}/play")
    expect(page.get_by_role("heading", name="Melodies")).to_be_visible()
    page.locator("main input[type=file]").set_input_files(file)
    expect(page.get_by_role("application")).to_be_visible()


def shoot(page: Page, size: tuple[int, int], *, is_whole: bool = False) -> Image.Image:
    """Return a picture of the screen in few colours; as a whole where it is longer."""
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    if is_whole:
        height = max(height, page.evaluate("document.documentElement.scrollHeight"))
        page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(300)  # what is drawn anew when the size changes
    image = Image.open(BytesIO(page.screenshot())).convert("RGB")
    return image.quantize(COLOURS, dither=Image.Dither.NONE)


def main() -> None:
    """Walk through the studio and write the pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--all", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = [
            part_of("violin", folder / "Bach, allemande.flac", 60.0),
            part_of("trumpet", folder / "Trumpet.flac", 5.0),
        ]
        melody = part_of("singing", folder / "My hum.wav", 12.0)
        with studio(folder / "studio") as address, chromium(melody) as browser:
            page = browser.new_page(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
            record(page, address, files)
            screens = {"record": page.url}
            learn(page, "My violin", 12, "violin-16k")
            screens["learn-run"] = page.url
            hum(page, address, melody)
            page.get_by_role("application").focus()
            for key in ("Control+ArrowRight", "Control+ArrowRight", "Control+ArrowRight", "n"):
                page.keyboard.press(key)
            page.get_by_label("Plays the melody").select_option(label="My violin")
            page.get_by_role("button", name="Play it").click()
            expect(page.get_by_role("group", name="input and My violin", exact=True)).to_be_visible(
                timeout=60_000
            )
            screens["play-editor"] = page.url
            page.evaluate("scrollTo(0, 0)")
            shoot(page, DESKTOP).save(arguments.out / "studio-play.png", optimize=True)
            page.goto(screens["record"])
            expect(page.locator(".take")).to_have_count(len(files))
            shoot(page, DESKTOP, is_whole=True).save(arguments.out / "studio-record.png", optimize=True)
            if arguments.all:
                paths = ("shelf", "record", "learn", "play", "live/violin", "share", "share/violin")
                screens |= {path.replace("/", "-"): f"{address}/{path}" for path in paths if path != "record"}
                _every_screen(browser, screens, arguments.all)


def _every_screen(browser: Browser, screens: dict[str, str], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        for size in (DESKTOP, PHONE):
            context = browser.new_context(color_scheme=scheme)
            page = context.new_page()
            for name, address in screens.items():
                page.goto(address)
                expect(page.locator("h1")).to_be_visible()
                page.wait_for_timeout(1500)  # what is fetched after the screen is there
                shoot(page, size, is_whole=True).save(out / f"{name}-{size[0]}-{scheme}.png", optimize=True)
            context.close()


if __name__ == "__main__":
    main()
