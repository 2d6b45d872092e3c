"""The sounds of a listening test: pairs, level match, anchor; and the folder, which names no system."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.evaluation.listening_page import SYSTEMS, write_sounds

from oscine.errors import InputError
from oscine.evaluation.listening import level_db, lowpass, make_test, making, read_items, read_key

RATE = 48000


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    return write_sounds(tmp_path_factory.mktemp("sounds"), n_items=2, seconds=0.6)


def systems_of(sounds):
    return {name: sounds[name] for name in SYSTEMS}


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_the_anchor_keeps_the_limits_of_the_standard(rate):
    impulse = np.zeros(8192, np.float32)
    impulse[4096] = 1
    response = lowpass(impulse, rate, 3500)
    frequency = np.fft.rfftfreq(65536, 1 / rate)
    gain_db = 20 * np.log10(np.abs(np.fft.rfft(response, 65536)) + 1e-9)
    assert np.abs(gain_db[frequency <= 3500]).max() < 0.1
    assert gain_db[frequency >= 4000].max() < -25
    assert gain_db[frequency >= 4500].max() < -50
    assert np.argmax(response) == 4096


def test_systems_get_the_references_loudness(sounds):
    items, rate = read_items(sounds["reference"], systems_of(sounds), [3500])
    assert rate == RATE
    for item in items:
        levels = {name: level_db(item.sounds[name], rate) for name in ("reference", *SYSTEMS)}
        assert np.ptp(list(levels.values())) < 0.1
        # The systems were written at 0.4 and 0.6 of the reference's level.
        assert item.gains_db["quagga"] == pytest.approx(7.96, abs=0.3)
        assert item.gains_db["okapi"] == pytest.approx(4.44, abs=0.3)
        assert len({len(sound) for sound in item.sounds.values()}) == 1
        assert max(np.abs(sound).max() for sound in item.sounds.values()) <= 10 ** (-1 / 20) + 1e-6


def test_loud_sounds_are_made_quieter_together(tmp_path):
    time = np.arange(RATE) / RATE
    tone = np.sin(2 * np.pi * 440 * time)
    pulses = np.where(np.arange(RATE) % 480 == 0, 0.5, 0.0)
    soundfile.write(tmp_path / "tone.wav", 0.9 * tone, RATE)
    soundfile.write(tmp_path / "pulses.wav", pulses, RATE)
    (item,), rate = read_items(tmp_path / "tone.wav", {"pulses": tmp_path / "pulses.wav"})
    assert np.abs(item.sounds["pulses"]).max() == pytest.approx(10 ** (-1 / 20), rel=1e-3)
    assert np.abs(item.sounds["reference"]).max() < 0.8
    assert level_db(item.sounds["pulses"], rate) == pytest.approx(
        level_db(item.sounds["reference"], rate), abs=0.1
    )


def test_the_page_names_sounds_by_hash_alone(sounds, tmp_path):
    made = make_test(tmp_path / "test", sounds["reference"], systems_of(sounds), title="</title><b>&")
    files = {path.relative_to(made.page).as_posix(): path.read_text() for path in made.page.rglob("*.*")}
    for name, text in files.items():
        for word in (*SYSTEMS, "melody", "3500", str(sounds["reference"])):
            assert word not in name
            # Base64 may have any short word by chance.
            assert word not in text or (name.startswith("sounds/") and len(word) < 6)
        assert re.fullmatch(r"sounds/[0-9a-f]{16}\.js|[a-z]+\.(js|css|html)", name)
        assert not re.search(r"https?://", text)
    assert "<title>&lt;/title&gt;&lt;b&gt;&amp;</title>" in files["index.html"]
    shown = json.loads(files["test.js"].partition("const TEST = ")[2].removesuffix(";\n"))
    key = read_key(made.key_path)
    assert key == made.key
    assert shown["test"] == key.test
    for item in shown["items"]:
        names = [key.items[item["item"]].sounds[one] for one in item["sounds"]]
        assert sorted(names) == ["anchor 3500 Hz", "okapi", "quagga", "reference"]
        # One order for all items, so that the page can balance; the open reference has a name of its own.
        assert names == [
            key.items[shown["training"]["item"]].sounds[one] for one in shown["training"]["sounds"]
        ]
        assert item["reference"] not in item["sounds"]
        assert (
            _decoded(files, item["reference"])
            == _decoded(files, item["sounds"][names.index("reference")])
            != _decoded(files, item["sounds"][0 if names[0] != "reference" else 1])
        )
    assert len([name for name in files if name.startswith("sounds/")]) == 2 * 5


def _decoded(files: dict[str, str], name: str) -> bytes:
    text = files[f"sounds/{name}.js"]
    found = re.fullmatch(rf'heard\("{name}", "([A-Za-z0-9+/=]+)"\);\n', text)
    assert found
    content = base64.b64decode(found.group(1))
    assert soundfile.read(io.BytesIO(content))[1] == RATE
    return content


def test_the_seed_alone_changes_the_names(sounds, tmp_path):
    tests = [
        make_test(tmp_path / name, sounds["reference"], systems_of(sounds), seed=seed).key.test
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert tests[0] == tests[1] != tests[2]


def test_a_sound_for_the_training_alone_is_not_judged(sounds, tmp_path):
    made = make_test(
        tmp_path / "test", sounds["reference"], systems_of(sounds), method="mos", training="melody-1"
    )
    assert [made.key.items[one].name for one in made.key.tested] == ["melody-0"]
    assert made.key.items[made.key.training].name == "melody-1"
    assert made.key.anchors_hz == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"systems": {}}, "no system"),
        ({"systems": {"reference": "quagga"}}, "can't be called"),
        ({"systems": {"a\x1bb": "quagga"}}, "can't be called"),
        ({"systems": {"a": "one"}}, "has no file for melody-0"),
        ({"systems": {"a": "long"}}, "equally long"),
        ({"systems": {"a": "silent"}}, "is silent"),
        ({"systems": {"a": "twice"}}, "two sounds with the name"),
        ({"systems": {"a": "nowhere"}}, "does not exist"),
        ({"systems": {f"s{i}": "quagga" for i in range(12)}}, "give at most 12"),
        ({"anchors_hz": [23900]}, "can't be made"),
        ({"anchors_hz": [3500, 3500]}, "given twice"),
        ({"anchors_hz": [3500], "method": "abx"}, "has no anchors"),
        ({"repeats": 0}, "give 1 to 20"),
        ({"training": "nothing"}, "no sound nothing"),
        ({"title": "x" * 501}, "at most 500"),
        ({"contact": "two\nlines"}, "single lines"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_leaves_nothing(sounds, tmp_path, given, sentence):
    folder = sounds["reference"].parent
    if not (folder / "one").exists():
        for name in ("one", "long", "silent", "twice"):
            (folder / name).mkdir()
        time = np.arange(2 * RATE) / RATE
        tone = 0.1 * np.sin(2 * np.pi * 300 * time)
        soundfile.write(folder / "one" / "other.wav", tone, RATE)
        soundfile.write(folder / "twice" / "melody-0.wav", tone, RATE)
        soundfile.write(folder / "twice" / "melody-0.flac", tone, RATE)
        for i in range(2):
            soundfile.write(folder / "long" / f"melody-{i}.wav", tone, RATE)
            soundfile.write(folder / "silent" / f"melody-{i}.wav", 0 * tone[: int(0.6 * RATE)], RATE)
    systems = {name: folder / place for name, place in given.pop("systems", {"a": "quagga"}).items()}
    with pytest.raises(InputError, match=sentence) as caught:
        make_test(tmp_path / "test", sounds["reference"], systems, **given)
    assert str(caught.value).endswith(".")
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten_and_nothing_is_left_when_the_disk_refuses(sounds, tmp_path, monkeypatch):
    def make(name: str) -> Path:
        return make_test(tmp_path / name, sounds["reference"], systems_of(sounds)).page

    make("test")
    with pytest.raises(InputError, match="is there already"):
        make("test")
    (tmp_path / "other.key.json").write_text("mine")
    with pytest.raises(InputError, match="move that key away"):
        make("other")
    assert (tmp_path / "other.key.json").read_text() == "mine"

    monkeypatch.chdir(tmp_path / "test" / "sounds")
    for name in (".", "..", "/"):
        with pytest.raises(InputError, match="is there already"):
            make_test(Path(name), sounds["reference"], systems_of(sounds))

    def refuse(path: Path, content: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(making, "write_atomically", refuse)
    with pytest.raises(OSError, match="No space left"):
        make("third")
    assert sorted(tmp_path.rglob("*")) == before
