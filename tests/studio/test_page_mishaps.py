"""What goes wrong on the page of the studio: double clicks, full queues, a lost server, a long recording."""

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="playwright is missing; install the extra dev")

from playwright.sync_api import Dialog, Page, Route, expect
from studio_page import MARKS, address, browser, hummed, page

__all__ = ["address", "browser", "hummed", "page"]
pytestmark = MARKS


def _collection(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}/record")
    page.get_by_label("What do you record?").fill(name)
    page.get_by_role("button", name="Begin").dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_a_double_click_is_one_and_the_trash_gives_back(page: Page, address: str) -> None:
    for name in ("First", "Second"):
        _collection(page, address, name)
    page.goto(f"{address}/record")
    cards = page.locator(".card")
    both = ["SecondNo take yet", "FirstNo take yet"]
    expect(cards).to_have_text(both)
    page.get_by_role("button", name="Delete Second").dblclick()
    expect(cards).to_have_text(both[1:])
    page.reload()
    expect(cards).to_have_text(both[1:])
    page.get_by_text("Trash (1)").click()
    page.get_by_role("button", name="Restore Second").click()
    expect(cards).to_have_text(both)
    page.get_by_role("button", name="Delete Second", exact=True).click()
    expect(page.get_by_text("Trash (1)")).to_be_visible()
    page.on("dialog", _accept)
    page.get_by_role("button", name="Delete Second for good").click()
    expect(page.get_by_text("Trash (1)")).to_be_hidden()
    assert page.request.get(f"{address}/api/trash").json() == []


def _accept(dialog: Dialog) -> None:
    assert "can't be undone" in dialog.message
    dialog.accept()


def test_what_another_page_did_is_shown_and_the_skip_link_keeps_the_screen(page: Page, address: str) -> None:
    _collection(page, address, "Here")
    place = page.url.rpartition("/")[2]
    # A browser has six connections to a server.
    pages = [page, *(page.context.new_page() for _ in range(6))]
    for one in pages[1:]:
        one.goto(page.url)
        expect(one.get_by_role("heading", level=1)).to_have_text("Here")
    page.request.patch(f"{address}/api/collections/{place}", data={"name": "There"})
    for one in pages:
        expect(one.get_by_role("heading", level=1)).to_have_text("There")
    page.bring_to_front()
    page.evaluate("window.heading = document.querySelector('h1')")
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#screen")).to_be_focused()
    assert page.evaluate("window.heading === document.querySelector('h1')")


def test_an_undo_stays_as_long_as_it_has_the_focus(page: Page, address: str) -> None:
    page.clock.install()
    _collection(page, address, "Short")
    page.goto(f"{address}/record")
    page.get_by_role("button", name="Delete Short").press("Enter")
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    page.clock.run_for(30_000)
    expect(undo).to_be_focused()
    page.get_by_label("What do you record?").focus()
    page.clock.run_for(14_000)
    expect(undo).to_have_count(0)


def test_files_wait_for_the_queue_and_go_on_behind_other_screens(
    page: Page, address: str, tmp_path: Path
) -> None:
    """The queue is full at first; the screen is left; a file is empty, one is no recording."""
    _collection(page, address, "Corpus")
    n_refused = 0

    def full(route: Route) -> None:
        nonlocal n_refused
        n_refused += 1
        if n_refused > 2:
            return route.continue_()
        headers = {"Retry-After": "10"}
        return route.fulfill(status=429, headers=headers, json={"error": "64 jobs wait already."})

    page.route("**/takes", full)
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"RIFF" + bytes(99))
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "a.TextGrid").write_text("x")
    page.locator("main input[type=file]").set_input_files(sorted(tmp_path.iterdir()))
    expect(page.get_by_text("The studio is still checking what came before")).to_be_visible()
    page.get_by_role("link", name="All collections").click()
    page.go_back()
    expect(page.locator(".take")).to_have_count(2)
    expect(page.get_by_text("empty.wav: This file is empty; send a recording.")).to_be_visible()
    expect(
        page.get_by_text("Left out, because the name is not that of a recording: a.TextGrid.")
    ).to_be_visible()
    assert n_refused == 5
    page.get_by_role("link", name="All collections").click()
    page.go_back()
    expect(page.locator(".take")).to_have_count(2)
    expect(page.get_by_text("empty.wav")).to_have_count(0)


def test_a_recording_that_is_too_long_for_one_file_goes_on_in_the_next(page: Page, address: str) -> None:
    def small(route: Route) -> None:
        about = route.fetch().json()
        about["limits"]["upload_bytes"] = 4096 + 3 * 48_000
        route.fulfill(body=json.dumps(about))

    page.route("**/api/about", small)
    _collection(page, address, "Long")
    page.get_by_role("button", name="Record a take").click()
    expect(page.get_by_text("the recording goes on in the next one")).to_be_visible()
    expect(page.locator(".recorder .time")).to_have_text(re.compile("^0:0[2-9]$|^0:[1-5]"))
    page.get_by_role("button", name="Stop recording").click()
    expect(page.locator(".take h3").nth(1)).to_have_text("Take 2.wav")


def test_an_answer_that_was_cut_is_a_lost_server(page: Page, address: str) -> None:
    """The page goes on by itself afterwards."""
    page.goto(f"{address}/record")
    expect(page.get_by_role("heading", level=1)).to_have_text("Record")
    page.route("**/api/collections", lambda route: route.fulfill(body='[{"id"'), times=1)
    page.request.post(f"{address}/api/collections", data={"name": "Cut"})
    expect(page.locator("#banner")).to_contain_text("The server does not answer.")
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.get_by_role("link", name="Cut")).to_be_visible()
