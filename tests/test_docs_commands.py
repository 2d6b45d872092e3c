"""The commands of the documentation: each is one that `oscine` takes, and those of many pages run here."""

import importlib.util
import re
import shlex
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from tests.performance.scores import note, write_midi
from tests.test_docs import NOT_RUN, PAGES, ROOT, _name, _page, _save_instrument, _write_tone
from typer.core import TyperGroup

from oscine.cli.cluster import with_addresses
from oscine.cli.main import app, main
from oscine.recordings import path as recording

#: What a command raises that does not take its options.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]
#: Pages whose commands run, one after the other, on small recordings and with two steps of training.
RUN = (
    *("start/play", "start/first-instrument"),
    *("how-to/codec", "how-to/data", "how-to/live", "how-to/notes"),
    *("how-to/outlets", "how-to/transfer", "how-to/web", "how-to/imitate"),
)
#: What a command needs that no test has; the command is parsed and not run.
NEEDS = {
    "oscine demo": "three minutes",
    "oscine play --list": "a sound card",
    "oscine play --to": "a sound card, unless it has files",
}
_MAKERS: dict[str, Callable[[Path], None]] = {}


def _makes(*names: str) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    def known(maker: Callable[[Path], None]) -> Callable[[Path], None]:
        _MAKERS.update(dict.fromkeys(names, maker))
        return maker

    return known


@_makes("hum.wav", "speech.wav", "clip.wav", "song.flac")
def _tone(path: Path) -> None:
    _write_tone(str(path), 220.0)


@_makes("song.mid")
def _score(path: Path) -> None:
    write_midi(path, note(60, 480), note(64, 480, channel=1))


@_makes("my-violin", "my-saxophone", "my-instrument")
def _instrument(path: Path) -> None:
    _save_instrument(str(path))


@_makes("recordings", "recordings/")
def _recordings(path: Path) -> None:
    """Forty seconds of the violin in the package, at the rate of the untrained instruments."""
    path.mkdir()
    file = min(recording("violin").glob("*.flac"))
    sound, rate = soundfile.read(file, dtype="float32")
    sound = np.tile(sound, -(-40 * rate // len(sound)))[: 40 * rate]
    soundfile.write(path / "take-1.wav", sound, rate)


def _commands(page: Path) -> list[str]:
    """The commands of a page's shell blocks, without comments, continued lines joined."""
    text = page.read_text(encoding="utf-8")
    found = []
    for block in re.finditer(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if NOT_RUN.search(text[: block.start()]):
            continue
        for line in block.group(1).replace("\\\n", " ").splitlines():
            for command in re.sub(r"\s#\s.*$", "", line).split(" && "):
                found += [command.strip()] if command.strip() else []
    return found


def _parse(words: list[str]) -> None:
    """Let the real command read its options; it raises what it says about wrong ones."""
    command, context, name = typer.main.get_command(app), None, "oscine"
    if words[0].startswith("--"):
        known = {option for parameter in command.params for option in parameter.opts}
        assert words[0] in known, f"oscine has no {words[0]}"
        return
    while isinstance(command, TyperGroup):
        context = command.make_context(name, list(words), parent=context)
        name, command, words = command.resolve_command(context, list(words))
        assert command is not None
    command.make_context(name, list(words), parent=context)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_the_commands_of_a_page_are_taken(page):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for command in _commands(page):
        words = shlex.split(command)
        if words[0] == "oscine" and "…" not in command:
            try:
                _parse(list(with_addresses(words[1:])))
            except UsageError as error:
                pytest.fail(f"{_name(page)}: {command}: {error}")
        elif words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= targets, f"{_name(page)}: {command}"
        elif words[0].startswith("python") and "-m" in words:
            module = words[words.index("-m") + 1]
            assert importlib.util.find_spec(module), f"{_name(page)}: there is no module {module}"
        elif "install" in words:
            for extra in re.findall(r"oscine\[([^\]]+)\]", command):
                assert set(extra.split(",")) <= set(extras), f"{_name(page)}: {command}"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_the_options_in_a_pages_text_are_options(page):
    """`oscine train --minutes`, in a sentence, names an option of that command."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    for name, rest in re.findall(r"`oscine ([a-z]+)((?: [^`]*)?)`", page.read_text(encoding="utf-8")):
        command = group.commands[name]
        if isinstance(command, TyperGroup):
            continue
        options = {one for parameter in command.params for one in parameter.opts}
        said = set(re.findall(r"(?<=\s)(--?[a-z][\w-]*)", rest)) - {"--help"}
        assert said <= options, f"{_name(page)}: oscine {name} has no {', '.join(said - options)}"


def _shortened(words: list[str]) -> list[str]:
    if words[0] != "train":
        return words
    for option in ("--minutes", "--steps"):
        if option in words:
            at = words.index(option)
            words = words[:at] + words[at + 2 :]
    return [*words, "--steps", "2", "--set", "training.batch_size=1", "--set", "training.n_validations=1"]


def _outputs(words: list[str]) -> set[str]:
    made = {words[2]} if words[0] in ("prepare", "train", "distill") else set()
    return made | {words[at + 1] for at, word in enumerate(words) if word in ("-o", "--midi", "--f0")}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUN)
def test_the_commands_of_a_page_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = 0
    for command in _commands(_page(name)):
        words = shlex.split(command)
        has_files = {"--input", "--midi"} & set(words) and "-o" in words
        if words[0] != "oscine" or (any(map(command.startswith, NEEDS)) and not has_files):
            continue
        words = words[1:]
        outputs = _outputs(words) if "play" not in words[0] else {words[words.index("-o") + 1]}
        for word in words:
            if word.split("=")[-1] in _MAKERS and word not in outputs:
                made = Path(word.split("=")[-1].rstrip("/"))
                if not made.exists():
                    _MAKERS[word.split("=")[-1]](made)
        for output in outputs:
            if Path(output).is_dir():
                shutil.rmtree(output)
        with pytest.raises(SystemExit) as end:
            main(_shortened(words))
        assert not end.value.code, f"{command} ended with {end.value.code}"
        assert all(Path(output).exists() for output in outputs), f"{command} wrote no {', '.join(outputs)}"
        ran += 1
    assert ran
