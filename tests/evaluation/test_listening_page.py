"""The page of a listening test: its orders, in node; and filled in from a disk, in Chromium."""

import collections
import html
import itertools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.listening_page import RATINGS, SYSTEMS, by_hash, write_sounds

from oscine.evaluation import listening
from oscine.evaluation.listening import analyze_results, make_test

HERE = Path(__file__).parent
PAGE = Path(listening.__file__).parent / "page"
N_SEEDS = 24


def _test(method: str, n_items: int, n_sounds: int, repeats: int = 1) -> dict[str, Any]:
    items = [{"item": f"i{i}", "sounds": [f"i{i}c{c}" for c in range(n_sounds)]} for i in range(n_items)]
    for item in items:
        item["reference"] = item["sounds"][0] if method == "abx" else "open"
    return {"method": method, "items": items, "training": items[0], "repeats": repeats}


def _plans(test: dict[str, Any], call: str = "planTest") -> list[list[dict[str, Any]]]:
    """Return the pages that listeners get, seed by seed."""
    if shutil.which("node") is None:
        pytest.skip("node missing; on Debian, install nodejs")
    code = (PAGE / "orders.js").read_text() + (
        f"const plans = [...Array({N_SEEDS}).keys()].map((seed) => {call}({json.dumps(test)}, seed));"
        "console.log(JSON.stringify(plans));"
    )
    done = subprocess.run(["node", "-"], input=code.encode(), capture_output=True, check=True)
    plans = json.loads(done.stdout)
    assert call != "planTest" or len({json.dumps(one) for one in plans}) == N_SEEDS
    return plans


def test_every_condition_stands_in_every_row_equally_often():
    rows: collections.Counter[tuple[str, int]] = collections.Counter()
    for plan in _plans(_test("mushra", 8, 4)):
        assert sorted(one["item"] for one in plan) == [f"i{i}" for i in range(8)]
        here = collections.Counter((name[-2:], row) for one in plan for row, name in enumerate(one["order"]))
        assert set(here.values()) == {2}
        assert all(one["reference"] == "open" for one in plan)
        rows += here
    assert len(rows) == 16


def test_no_item_follows_itself_and_conditions_are_spread():
    for plan in _plans(_test("mos", 6, 3)):
        names = [name for one in plan for name in one["order"]]
        assert len(names) == len(set(names)) == 18
        assert all(a["item"] != b["item"] for a, b in itertools.pairwise(plan))
        for block in range(3):
            here = collections.Counter(name[-2:] for name in names[6 * block : 6 * block + 6])
            assert set(here.values()) == {2}


def test_a_and_x_are_the_reference_in_half_of_the_pages():
    firsts: collections.Counter[bool] = collections.Counter()
    for plan in _plans(_test("abx", 3, 3, repeats=4)):
        assert len(plan) == 24
        pairs = collections.Counter(tuple(sorted(one["order"])) for one in plan)
        assert set(pairs.values()) == {4}
        assert all(one["x"] in one["order"] for one in plan)
        assert sum(one["x"].endswith("c0") for one in plan) == 12
        assert sum(one["order"][0].endswith("c0") for one in plan) == 12
        assert sum(one["order"][0] == one["x"] for one in plan) == 12
        firsts[plan[0]["x"].endswith("c0")] += 1
    assert min(firsts[True], firsts[False]) >= 4


def test_the_training_shows_every_sound_of_one_item():
    for method, n_pages in (("mushra", 1), ("mos", 3), ("abx", 2)):
        plans = _plans(_test(method, 5, 3, repeats=4), "planTraining")
        assert all(len(plan) == n_pages for plan in plans)
        assert {one["item"] for plan in plans for one in plan} == {"i0"}


def test_chromium_opens_it_from_a_disk_and_a_script_fills_it_in(tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium missing; on Debian, install chromium")
    sounds = write_sounds(tmp_path / "sounds", n_items=2, seconds=0.6)
    made = make_test(tmp_path / "test", sounds["reference"], {name: sounds[name] for name in SYSTEMS})
    wanted = json.dumps(by_hash(made.key, RATINGS))
    script = (HERE / "listening_fill.js").read_text().replace("WANTED = {}", f"WANTED = {wanted}")
    (made.page / "fill.js").write_text(script)
    page = made.page / "index.html"
    page.write_text(page.read_text().replace("</body>", '<script src="fill.js"></script></body>'))
    command = [
        *(chromium, "--headless", "--no-sandbox", f"--user-data-dir={tmp_path / 'profile'}"),
        *("--autoplay-policy=no-user-gesture-required", "--virtual-time-budget=20000", "--dump-dom"),
        page.as_uri(),
    ]
    home = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, check=False, timeout=100, env=home)
    found = re.search(r'<pre id="result">(.*)</pre>', done.stdout.decode())
    assert found, done.stdout.decode()[-2000:] + done.stderr.decode()[-2000:]
    (tmp_path / "result.json").write_text(html.unescape(found.group(1)))
    report = analyze_results(made.key_path, [tmp_path / "result.json"])
    assert {one.condition: one.mean for one in report.rated} == RATINGS
    result = json.loads((tmp_path / "result.json").read_text())
    assert all(one["plays"] == dict.fromkeys(["reference", *one["order"]], 1) for one in result["trials"])
