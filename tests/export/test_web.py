"""The web page: what is in the folder, what becomes of strangers' texts, what the worklet plays."""

import html.parser
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.export.browser import expected, performance, small_instrument
from tools import build_wasm

from oscine.cli.main import main
from oscine.errors import InputError
from oscine.export import export, web
from oscine.export.web import web_files
from oscine.runtime import engines
from oscine.streaming import read_metadata

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
EVIL = '</title><script src="//evil.example"></script>"\'\n\u2028$file ${title} <b>&amp;</b>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("web") / "My violin"
    export(small_instrument(), made, "web")
    return made


def _play(
    folder: Path, plan: dict[str, object], rate: int = 48000, voices: int = 1
) -> tuple[np.ndarray, list]:
    command = ["node", str(HERE / "worklet.mjs"), str(folder), str(rate), str(voices)]
    done = subprocess.run(command, input=json.dumps(plan).encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return np.frombuffer(done.stdout, "<f4"), json.loads(done.stderr)


needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not engines(),
    reason="node or the compiled runtime is missing; install nodejs and g++",
)


def test_the_folder_has_all_that_it_names(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert read_metadata((folder / "my-violin.oscine").read_bytes())["card"]["credit"] == "Somebody"
    page = (folder / "index.html").read_text()
    assert "<h1>My violin</h1>" in page
    assert '<oscine-instrument src="my-violin.oscine" page-keys>' in page
    package = json.loads((folder / "package.json").read_text())
    assert package["name"] == "oscine-my-violin"
    assert {package["main"][2:], package["types"][2:]} <= names
    worker = (folder / "service-worker.js").read_text()
    kept = json.loads(re.findall(r"^const FILES = (.*);$", worker, re.MULTILINE)[0])
    assert set(kept[1:]) <= names
    assert {"index.html", "oscine.wasm", "my-violin.oscine", "CREDITS.txt", "page.js"} <= set(kept)
    for script in folder.glob("*.js"):
        text = script.read_text()
        assert script.name == "service-worker.js" or script.name in kept
        for imported in re.findall(r'(?:from|import|URL\() ?"\./([^"]+)"', text):
            assert imported in names
    credit = (folder / "CREDITS.txt").read_text()
    assert "Somebody" in credit
    assert "cc-by-3.0" in credit
    assert (folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_nothing_in_the_folder_asks_for_another_host(folder: Path) -> None:
    for path in folder.iterdir():
        if path.suffix in {".js", ".html", ".webmanifest", ".ts"}:
            text = path.read_text().replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?://|\bSharedArrayBuffer\b", text), path.name


def test_the_version_of_the_service_worker_is_that_of_the_files() -> None:
    one, same, other = (
        web_files(content, "violin", "")["service-worker.js"] for content in (b"a", b"a", b"b")
    )
    assert one == same != other


def test_what_strangers_write_stays_text(tmp_path: Path) -> None:
    files = web_files(b"", EVIL, EVIL)
    page = files["index.html"].decode()
    found: list[tuple[str, dict[str, str | None]]] = []
    texts: list[str] = []

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attrs)))

        def handle_data(self, data: str) -> None:
            texts.append(data)

    Reader().feed(page)
    assert [attrs for tag, attrs in found if tag == "script"] == [{"type": "module", "src": "page.js"}]
    assert not any(tag == "b" for tag, _ in found)
    assert sum("evil.example" in text for text in texts) == 2
    file = next(name for name in files if name.endswith(".oscine"))
    assert re.fullmatch(r"[a-z0-9-]+\.oscine", file)
    assert json.loads(files["manifest.webmanifest"])["name"].startswith("</title>")
    assert re.fullmatch(r"oscine-[a-z0-9-]+", json.loads(files["package.json"])["name"])
    assert json.loads(web_files(b"", "\udce9\x1b[2J", "")["manifest.webmanifest"])["name"] == "\\xe9\\x1b[2J"
    assert web_files(b"", "…", "")["index.html"].count(b"instrument.oscine") == 1


def test_a_package_without_the_runtime_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_FOLDER", tmp_path)
    with pytest.raises(InputError, match=r"oscine\.wasm"):
        export(small_instrument(), tmp_path / "page", "web")
    assert not (tmp_path / "page").exists()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_instrument().save_pretrained(tmp_path / "violin")
    for code in (0, 2):
        with pytest.raises(SystemExit) as ended:
            main(["export", str(tmp_path / "violin"), "--format", "web", "-o", str(tmp_path / "page")])
        assert int(ended.value.code or 0) == code
    said = capsys.readouterr()
    assert "oscine.wasm: " in said.out
    assert "Credit: Somebody" in said.out
    assert "is there already" in " ".join(said.err.split())


@needs_node
@pytest.mark.parametrize("source", [0, 1])
@pytest.mark.parametrize("rate", [44100, 48000])
def test_the_worklet_plays_what_python_plays(folder: Path, source: int, rate: int) -> None:
    plan = performance(rate, source)
    n_blocks = 2 * rate // 128
    time = np.arange(128 * n_blocks) / rate
    heard = (0.2 * (2 * (time * 220 % 1) - 1)).astype(np.float32)
    assert isinstance(plan["events"], list)
    plan["events"] = [event for event in plan["events"] if event[0] < len(heard)]
    late_first = sorted(plan["events"], key=lambda event: -event[0])
    wanted = expected((folder / "my-violin.oscine").read_bytes(), plan, heard)
    settings = _settings(folder)
    assert isinstance(plan["settings"], dict)
    messages: list[tuple[int, dict[str, object]]] = [
        (0, {"setting": settings.index(name), "value": value}) for name, value in plan["settings"].items()
    ]
    # Sent beforehand, the last ones first: they are played at their times, and at one time as they were sent.
    messages += [(0, {"midi": message, "time": frame / rate}) for frame, message in late_first]
    played, _ = _play(
        folder,
        {"file": "my-violin.oscine", "messages": messages, "heard": heard.tolist(), "blocks": n_blocks},
        rate,
        voices=3,
    )
    assert np.abs(wanted).max() > 1e-3
    assert np.abs(played - wanted).max() < 1e-5 * np.abs(wanted).max()


def _settings(folder: Path) -> list[str]:
    from oscine.runtime import Performer

    return list(Performer((folder / "my-violin.oscine").read_bytes(), 48000).settings)


@needs_node
def test_the_worklet_answers_and_ends(folder: Path) -> None:
    messages = [
        (0, {"midi": [0x90, 69, 100]}),
        (0, {"midi": [0x90, 69, 100], "time": None}),
        (50, {"answer": 7}),
        (100, {"reset": True}),
        (150, {"end": True}),
    ]
    plan = {"file": "my-violin.oscine", "messages": messages, "blocks": 160, "ends": 150}
    played, said = _play(folder, plan)
    assert np.abs(played[: 128 * 100]).max() > 1e-3
    # The resampler still holds a few samples of before.
    assert not played[128 * 110 : 128 * 150].any()
    assert [one["answer"] for one in said if one.get("answer") is not None] == [7]
    meters = [one["meters"] for one in said if one.get("meters")]
    assert len(meters) == 128 * 160 * 30 // 48000 + 1
    assert meters[3][2] == pytest.approx(440, rel=1e-3)
    assert meters[3][5] == 1
    assert meters[-1][5] == 0


def test_the_module_is_of_these_sources() -> None:
    said = build_wasm.DIGEST.read_text().strip()
    assert said == build_wasm.digest(), (
        "the C++ sources have changed since; run make wasm, and commit its result"
    )


@pytest.mark.slow
@needs_node
def test_a_rebuilt_module_plays_the_same(folder: Path, tmp_path: Path) -> None:
    if missing := [tool for tool in build_wasm.TOOLS if shutil.which(tool) is None]:
        pytest.skip(f"{', '.join(missing)} missing; on Debian, install {build_wasm.PACKAGES}")
    rebuilt = tmp_path / "page"
    shutil.copytree(folder, rebuilt)
    build_wasm.build(rebuilt / "oscine.wasm")
    plan = {"file": "my-violin.oscine", "messages": [(0, {"midi": [0x90, 60, 100]})], "blocks": 300}
    committed, again = (_play(one, plan)[0] for one in (folder, rebuilt))
    assert np.abs(committed).max() > 1e-3
    assert np.abs(committed - again).max() < 1e-5 * np.abs(committed).max()


def test_the_module_is_small() -> None:
    import gzip

    assert len(gzip.compress(build_wasm.MODULE.read_bytes(), 9)) <= 70_000
