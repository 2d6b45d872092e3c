"""Opens every page of the built documentation in Chromium: ``python -m tools.look_at_docs [SITE]``.

At 1280 and 390 px, in light and in dark: axe-core finds nothing serious, the page is not wider than the
window, each sound and picture is there and has a name. It needs Debian's chromium and the packages
playwright and axe-playwright-python.
"""

import argparse
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SITE = Path(__file__).parents[1] / "site"
WIDTHS = {1280: 900, 390: 844}
SCHEMES = ("light", "dark")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--mute-audio"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
#: The names of axe-core's rules that are broken, with how badly, and the first three places of each.
_AXE = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
  .filter(one => ["serious", "critical"].includes(one.impact))
  .map(one => one.id + ": " + one.nodes.slice(0, 3).map(node => node.target.join(" ")).join(", "))"""
_LAYOUT = """() => {
  const found = [];
  const wide = document.scrollingElement.scrollWidth - window.innerWidth;
  if (wide > 0) {
    const widest = [...document.querySelectorAll("main *")]
      .filter(one => one.getBoundingClientRect().right > window.innerWidth + 1)
      .map(one => one.tagName.toLowerCase() + "." + one.className).slice(-1);
    found.push(`the page is ${wide} px wider than the window: ${widest}`);
  }
  for (const image of document.querySelectorAll("main img"))
    if (image.complete && !image.naturalWidth) found.push("no picture at " + image.getAttribute("src"));
  for (const one of document.querySelectorAll("main table"))
    if (one.scrollWidth > one.parentElement.clientWidth + 1
        && getComputedStyle(one.parentElement).overflowX !== "auto")
      found.push("a table is cut: " + one.querySelector("th")?.textContent);
  return found;
}"""
_SOUNDS = """async () => {
  const found = [];
  for (const one of document.querySelectorAll("audio")) {
    if (!one.getAttribute("aria-label")) found.push("a sound has no aria-label: " + one.src);
    const answer = await fetch(one.currentSrc || one.src, {method: "HEAD"});
    if (!answer.ok) found.push("no sound at " + one.src);
  }
  return found;
}"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on a port of the kernel's choice; give the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def pages_of(site: Path) -> list[str]:
    """Return the addresses of a built site's pages, relative to it."""
    return sorted(path.parent.relative_to(site).as_posix() for path in site.rglob("index.html"))


def look(site: Path, pages: Sequence[str], shots: Path | None = None) -> list[str]:
    """Open the pages; print and return what is wrong with them, a sentence each.

    Args:
        site: The built documentation.
        pages: Addresses relative to it, such as ``how-to/live``.
        shots: Where screenshots of whole pages go, if anywhere.
    """
    import axe_playwright_python
    from playwright.sync_api import sync_playwright

    axe = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    wrong: list[str] = []
    with served(site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        for scheme in SCHEMES:
            for width, height in WIDTHS.items():
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme="dark" if scheme == "dark" else "light",
                    reduced_motion="reduce",
                )
                tab = context.new_page()
                for page in pages:
                    tab.goto(f"{address}/{page}/", wait_until="load")
                    tab.evaluate(axe)
                    found = [*tab.evaluate(_LAYOUT), *tab.evaluate(_AXE)]
                    if scheme == SCHEMES[0] and width == min(WIDTHS):
                        found += tab.evaluate(_SOUNDS)
                    for one in found:
                        wrong.append(f"{page}, {width} px, {scheme}: {one}")
                        print(wrong[-1], flush=True)
                    if shots is not None:
                        name = f"{page.replace('/', '+')}-{width}-{scheme}.png"
                        tab.screenshot(path=shots / name, full_page=True)
                context.close()
        browser.close()
    return wrong


def main(arguments: Sequence[str] | None = None) -> None:
    """Look at the pages; fail if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tools.look_at_docs", description=__doc__)
    parser.add_argument("site", type=Path, nargs="?", default=SITE, help="a built site")
    parser.add_argument("--pages", nargs="+", metavar="PAGE", help="these alone, such as how-to/live")
    parser.add_argument("--shots", type=Path, metavar="FOLDER", help="write a picture of each page")
    options = parser.parse_args(arguments)
    if shutil.which("chromium") is None:
        raise SystemExit("chromium is missing; on Debian, install the package chromium.")
    if options.shots is not None:
        options.shots.mkdir(parents=True, exist_ok=True)
    wrong = look(options.site, options.pages or pages_of(options.site), options.shots)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
