"""A listening test as a folder of static files, and its key."""

import base64
import hashlib
import html
import io
import json
import random
import shutil
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from oscine.errors import InputError
from oscine.evaluation.listening.formats import (
    KEY_FORMAT,
    METHODS,
    MOST_REPEATS,
    VERSION,
    Key,
    KeyItem,
    Method,
)
from oscine.evaluation.listening.stimuli import REFERENCE, anchor_name, read_items
from oscine.files import printable, write_atomically, write_folder

_PAGE = Path(__file__).parent / "page"
_SCRIPTS = "orders.js", "player.js", "questions.js", "page.js"
_MOST_TEXT = 500


class Made(NamedTuple):
    """The files that `make_test` wrote."""

    page: Path
    """The folder to be published."""
    key_path: Path
    """The file beside it that is not."""
    key: Key
    size: int
    """Of the folder, in bytes."""
    seconds: float
    """Of all sounds that are judged, each once."""


def make_test(
    output: Path,
    reference: Path,
    systems: Mapping[str, Path],
    *,
    method: Method = "mushra",
    anchors_hz: Sequence[int] | None = None,
    training: str | None = None,
    repeats: int = 4,
    title: str = "Listening test",
    contact: str = "",
    seed: int = 0,
) -> Made:
    """Write the page of a listening test, and its key beside it.

    The page is for any static host, and opens from a disk as well. Nothing that it shows and no name of a
    file tells which sound is of which system: sounds are named by hashes, which the key explains.

    Args:
        output: A folder that is empty or not there. The key is named after it: ``OUT.key.json``.
        reference: A file or a folder, as in `read_items`.
        systems: A file or a folder by the name of the system.
        method: "mushra": all systems, the hidden reference and the anchors side by side on a scale of 0 to
            100; "mos": each sound alone, on five points; "abx": whether X is the reference or the system.
        anchors_hz: Cut-offs of low-passed references; by default 3500 for MUSHRA, and none for MOS.
        training: The name of a sound that is for the training alone; by default the first one of the test
            serves there, too.
        repeats: Of ABX, how often each pair is asked.
        title: Shown on the page.
        contact: A sentence at the end of the test, such as where to send the result.
        seed: Of the hashes and the conditions' numbers.

    Raises:
        InputError: When sounds, names or the folder can't be used.
        OSError: When the disk refuses; nothing is left then.
    """
    output = output if output.name not in ("", "..") else output.resolve()
    if not output.name:
        raise InputError(f"{output} is there already; give a folder that is empty or not there.")
    key_path = output.with_name(f"{output.name}.key.json")
    _check(output, key_path, systems, method, anchors_hz, repeats, (title, contact))
    cutoffs = list(([3500] if method == "mushra" else []) if anchors_hz is None else anchors_hz)
    items, rate = read_items(reference, systems, cutoffs)
    names = [item.name for item in items]
    if training is not None and training not in names:
        raise InputError(
            f"There is no sound {printable(training)} for the training; give one of the reference's."
        )
    if training is not None and len(items) < 2:
        raise InputError("The training takes the only sound; give the reference one more.")
    conditions = [REFERENCE, *systems, *map(anchor_name, cutoffs)]
    random.Random(seed).shuffle(conditions)
    kept: dict[str, KeyItem] = {}
    shown: list[dict[str, Any]] = []
    files: dict[str, bytes] = {}
    for item in items:
        of_item = _hash(seed, item.name, b"")
        contents = {one: _flac(item.sounds[one], rate) for one in conditions}
        hashes = {one: _hash(seed, f"{item.name}\n{one}", content) for one, content in contents.items()}
        given = {"item": of_item, "sounds": list(hashes.values())}
        if method == "mushra":
            given["reference"] = _hash(seed, f"{item.name}\nopen", contents[REFERENCE])
            files[f"sounds/{given['reference']}.js"] = _script(given["reference"], contents[REFERENCE])
        elif method == "abx":
            given["reference"] = hashes[REFERENCE]
        files |= {f"sounds/{hashes[one]}.js": _script(hashes[one], contents[one]) for one in conditions}
        shown.append(given)
        by_hash = {hashes[one]: one for one in sorted(conditions)}
        kept[of_item] = KeyItem(name=item.name, sounds=by_hash, gains_db=item.gains_db)
    for_training = shown[0 if training is None else names.index(training)]
    tested = [one for one in shown if training is None or one is not for_training]
    manifest = {
        "version": VERSION,
        "method": method,
        "title": title,
        "contact": contact,
        "sample_rate": rate,
        "repeats": repeats if method == "abx" else 1,
        "training": for_training,
        "items": sorted(tested, key=lambda one: one["item"]),
    }
    test = hashlib.sha256(json.dumps(manifest).encode()).hexdigest()[:16]
    key = Key(
        format=KEY_FORMAT,
        version=VERSION,
        test=test,
        method=method,
        title=title,
        seed=seed,
        repeats=manifest["repeats"],
        sample_rate=rate,
        systems=list(systems),
        anchors_hz=cutoffs,
        items=kept,
        tested=[one["item"] for one in tested],
        training=for_training["item"],
    )
    text = json.dumps({"test": test, **manifest}, indent=1)
    files["test.js"] = f"/** @type {{Test}} */\nconst TEST = {text};\n".encode()
    page = string.Template((_PAGE / "index.html").read_text(encoding="utf-8"))
    files["index.html"] = page.substitute(title=html.escape(title)).encode()
    files |= {name: (_PAGE / name).read_bytes() for name in (*_SCRIPTS, "style.css")}
    write_folder(output, files)
    try:
        write_atomically(key_path, key.model_dump_json(indent=1) + "\n")
    except BaseException:
        shutil.rmtree(output)
        raise
    seconds = sum(len(item.sounds[REFERENCE]) for item in items if _hash(seed, item.name, b"") in key.tested)
    return Made(output, key_path, key, sum(map(len, files.values())), seconds * len(conditions) / rate)


def _check(
    output: Path,
    key_path: Path,
    systems: Mapping[str, Path],
    method: str,
    anchors_hz: Sequence[int] | None,
    repeats: int,
    texts: Sequence[str],
) -> None:
    if method not in METHODS:
        raise InputError(f"The method {printable(method)} is not known; give one of {', '.join(METHODS)}.")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"{printable(output)} is there already; give a folder that is empty or not there.")
    if key_path.exists():
        raise InputError(
            f"{printable(key_path)} is there already; give another folder, or move that key away."
        )
    if not systems:
        raise InputError("There is no system to judge; give at least one.")
    for name in systems:
        if (
            not 1 <= len(name) <= 100
            or printable(name) != name
            or name == REFERENCE
            or name.startswith("anchor")
        ):
            raise InputError(
                f"A system can't be called {printable(name)!r}; give a name of 1 to 100 printable characters "
                f"that is not '{REFERENCE}' and does not begin with 'anchor'."
            )
    if anchors_hz and method == "abx":
        raise InputError("An ABX test has no anchors; leave them out.")
    if anchors_hz and len(set(anchors_hz)) < len(anchors_hz):
        raise InputError("An anchor is given twice; give each cut-off once.")
    if not 1 <= repeats <= MOST_REPEATS:
        raise InputError(f"There are {repeats} repeats; give 1 to {MOST_REPEATS}.")
    if any(len(text) > _MOST_TEXT or printable(text) != text for text in texts):
        raise InputError(
            f"Title and contact are single lines of at most {_MOST_TEXT} characters; shorten them."
        )


def _hash(seed: int, name: str, content: bytes) -> str:
    head = f"{seed}\n{printable(name)}\n".encode()
    return hashlib.sha256(head + content).hexdigest()[:16]


def _flac(sound: Float32[np.ndarray, " time"], rate: int) -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, sound, rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def _script(name: str, content: bytes) -> bytes:
    """Return a sound as a script: browsers let a page from a disk load scripts, and read no other file."""
    return f'heard("{name}", "{base64.b64encode(content).decode()}");\n'.encode()
