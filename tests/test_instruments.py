"""The instruments in the package: small, attributed, playable by name; a folder wins; the hub's layout."""

import json
import re
import shutil
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from benchmarks import instruments as benchmark
from safetensors.torch import load_file
from tools import make_instrument, melodies, players

import oscine
from oscine import instruments, recordings
from oscine.cli.main import main
from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig, list_instruments
from oscine.models.card import is_unedited
from oscine.models.saved import CARD, CONFIG, SOUND, WEIGHTS
from oscine.performance import Note
from oscine.processors import HarmonicConfig, NoiseConfig
from oscine.runtime import engines
from oscine.transfer import imitate

ROOT = Path(__file__).parents[1]
NAMES = instruments.names()
_MOST_BYTES = 2_500_000


def _main(arguments: list[str]) -> int:
    try:
        main(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.fixture
def hum(tmp_path: Path) -> Path:
    """A second of a harmonic tone that fades in and out."""
    t = np.arange(16_000) / 16_000
    tone = sum(np.sin(2 * np.pi * k * 330.0 * t) / k for k in range(1, 6))
    soundfile.write(tmp_path / "hum.wav", 0.2 * tone * np.minimum(1, 20 * np.minimum(t, 1 - t)), 16_000)
    return tmp_path / "hum.wav"


def _small() -> Instrument:
    torch.manual_seed(0)
    return Instrument(
        InstrumentConfig(
            sample_rate=16_000,
            hop_length=64,
            synth=(HarmonicConfig(n_harmonics=5), NoiseConfig(n_bands=5)),
            effects=(),
        )
    )


def test_each_can_be_made_again_and_is_attributed() -> None:
    assert "violin" in NAMES
    assert set(NAMES) <= set(make_instrument.SPECS)
    for name in NAMES:
        assert f"`{name}`" in instruments.attribution()


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_is_small_and_has_a_valid_card_and_a_sound(name: str) -> None:
    from huggingface_hub import ModelCard

    folder = instruments.path(name)
    assert {file.name for file in folder.iterdir()} == {WEIGHTS, CONFIG, CARD, SOUND}
    assert sum(file.stat().st_size for file in folder.iterdir()) <= _MOST_BYTES
    text = (folder / CARD).read_text(encoding="utf-8")
    assert is_unedited(text)
    assert not re.search(r"/work/|/tmp/|/home/", text + (folder / CONFIG).read_text(encoding="utf-8"))
    data = ModelCard(text).data.to_dict()
    assert data["license"] == make_instrument.SPECS[name].licence
    assert data["library_name"] == "oscine"
    for part in ("credit: ", "told apart", f"make_instrument {name}", f'src="{SOUND}"', "(MIDI)"):
        assert part in text
    audio, rate = soundfile.read(folder / SOUND)
    assert rate == json.loads((folder / CONFIG).read_text())["instrument"]["sample_rate"]
    assert 0.05 < np.abs(audio).max() < 0.99  # nothing clips


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_enough_to_play(name: str, hum: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.wav"
    assert _main(["transfer", str(hum), "--to", name, "-o", str(output)]) == 0
    audio, rate = soundfile.read(output)
    assert len(audio) == pytest.approx(rate, abs=2)
    assert 1e-2 < np.sqrt(np.mean(audio**2)) < 0.5


def test_the_list_says_what_each_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert _main(["instruments", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed] == NAMES == [one.name for one in list_instruments()]
    for one in listed:
        assert one["lowest_midi"] < one["highest_midi"]
        assert one["description"]
        assert one["credit"]
    (several,) = [one for one in listed if one["identities"]]
    assert several["name"] == "orchestra"
    assert several["identities"] == sorted(players.LEARNED)
    assert _main(["instruments"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in NAMES)
    assert "english-horn" in shown


def test_a_wrong_name_is_a_sentence_with_the_names(capsys: pytest.CaptureFixture[str], hum: Path) -> None:
    assert _main(["transfer", str(hum), "--to", "violni", "-o", str(hum.with_name("o.wav"))]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "There is no instrument 'violni'; the nearest is violin; there are" in said
    assert all(name in said for name in NAMES)
    with pytest.raises(InputError, match="no instrument 'kazoo' in the package; there are"):
        instruments.path("kazoo")
    with pytest.raises(InputError, match="one in the package"):
        oscine.fit(hum, "kazoo")


def test_a_folder_of_the_name_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bundled = oscine.load("violin").config
    (tmp_path / "violin").mkdir()
    with pytest.raises(InputError, match="is not an instrument"):
        oscine.load("violin")
    _small().save_pretrained("violin")
    assert oscine.load("violin").config == _small().config != bundled


def test_half_precision_is_half_the_file_and_loads_as_float32(tmp_path: Path) -> None:
    small = _small()
    small.save_pretrained(tmp_path / "half", weight_type="float16")
    small.save_pretrained(tmp_path / "full")
    sizes = [(tmp_path / name / WEIGHTS).stat().st_size for name in ("half", "full")]
    assert sizes[0] < 0.6 * sizes[1]
    loaded = Instrument.from_pretrained(tmp_path / "half").state_dict()
    for key, tensor in small.state_dict().items():
        assert loaded[key].dtype == tensor.dtype
        torch.testing.assert_close(loaded[key], tensor, rtol=5e-4, atol=1e-7)
    with torch.no_grad():
        small.controller.head.bias[0] = 1e5
    with pytest.raises(InputError, match=r"controller\.head\.bias are too large for float16"):
        small.save_pretrained(tmp_path / "half", weight_type="float16")
    assert Instrument.from_pretrained(tmp_path / "half").state_dict().keys() == loaded.keys()


def test_a_bundled_instrument_goes_to_the_hub_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    made: dict[str, object] = {}
    revision = "1" * 40

    class Hub:
        """Takes an upload into the layout that the hub's client has in its cache after a download."""

        def __init__(self, token: str | None) -> None:
            made["token"] = token

        def create_repo(self, repo_id: str, **options: object) -> None:
            made["repo"], made["options"] = repo_id, options

        def upload_folder(self, repo_id: str, folder_path: Path, commit_message: str) -> None:
            home = tmp_path / f"models--{repo_id.replace('/', '--')}"
            shutil.copytree(folder_path, home / "snapshots" / revision)
            (home / "refs").mkdir()
            (home / "refs" / "main").write_text(revision)

    download = huggingface_hub.snapshot_download
    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    monkeypatch.setattr(
        huggingface_hub,
        "snapshot_download",
        lambda name, **options: download(name, cache_dir=tmp_path, local_files_only=True, **options),
    )
    violin = Instrument.from_pretrained("violin")
    violin.push_to_hub("ada/violin", private=True, token="x", weight_type="float16")
    assert made == {"token": "x", "repo": "ada/violin", "options": {"private": True, "exist_ok": True}}
    back = Instrument.from_pretrained("ada/violin")
    assert (back.config, back.statistics, back.card) == (violin.config, violin.statistics, violin.card)
    for key, tensor in violin.state_dict().items():
        assert torch.equal(back.state_dict()[key], tensor)
    stored = load_file(tmp_path / "models--ada--violin" / "snapshots" / revision / WEIGHTS)
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    with pytest.raises(InputError, match="'ada' is not a name on the hub"):
        violin.push_to_hub("ada")


def test_a_hub_that_refuses_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import HFValidationError

    def refuse(*_: object, **__: object) -> None:
        raise HFValidationError("no")

    monkeypatch.setattr("huggingface_hub.HfApi", lambda token: SimpleNamespace(create_repo=refuse))
    with pytest.raises(InputError, match="The hub refused ada/violin"):
        _small().push_to_hub("ada/violin")


@pytest.mark.skipif(not engines(), reason="no compiled runtime: there was no C++ compiler")
def test_the_page_of_the_instruments_has_their_figures() -> None:
    for content in (benchmark.overview(), benchmark.figures(), benchmark.half(), benchmark.costs(0.2)):
        assert all(f"`{name}`" in content for name in NAMES)
        assert re.search(r"\d\.\d", content)


def test_one_command_prepares_trains_measures_and_stores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "recordings"
    source.mkdir()
    audio, rate = soundfile.read(recordings.path("violin") / "movement_6.flac", stop=45 * 16_000)
    soundfile.write(source / "one.flac", audio, rate)
    soundfile.write(source / "other.flac", audio[::-1], rate)
    spec = make_instrument.Spec("A test.", "cc0-1.0", "Nobody.", 16_000, 6.0, "one.*", recipe="student100")
    monkeypatch.setitem(make_instrument.SPECS, "toy", spec)
    monkeypatch.setattr(make_instrument, "SOUND_S", 1.0)
    monkeypatch.setattr(recordings, "path", lambda name, place=recordings.path: place("trumpet"))
    n_threads = torch.get_num_threads()
    try:
        folder = make_instrument.make("toy", source, 2, tmp_path / "work", tmp_path / "out")
    finally:
        torch.set_num_threads(n_threads)
    assert folder == tmp_path / "out" / "toy"
    assert {file.name for file in folder.iterdir()} == {WEIGHTS, CONFIG, CARD, SOUND}
    toy = oscine.load(folder)
    assert toy.card["reproduce"] == "python -m tools.make_instrument toy RECORDINGS --steps 2"
    assert re.match(r"float16; the sound differs from that of float32 by -\d+ dB", toy.card["weights"])
    assert toy.statistics is not None
    assert toy.statistics.minutes == pytest.approx((45 - 6 - 3) / 60, abs=0.02)
    weights = load_file(folder / WEIGHTS)
    assert all(tensor.dtype == torch.float16 for tensor in weights.values())
    trained = Instrument.from_pretrained(tmp_path / "work" / "toy" / "instrument").state_dict()
    assert all(torch.equal(trained[key].half(), tensor) for key, tensor in weights.items())
    assert "| told apart (%) |" in (folder / CARD).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "source", "words"),
    [("kazoo", None, "choose one of"), ("violin", None, "give them"), ("flute", Path("x"), "omit them")],
)
def test_what_cannot_be_made_is_a_sentence(
    name: str, source: Path | None, words: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words):
        make_instrument.make(name, source, 1, tmp_path, tmp_path)


def test_each_of_several_players_has_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, Path, float, int]] = []
    monkeypatch.setattr(
        players,
        "render",
        lambda player, folder, minutes, seed: made.append((player[0], folder, minutes, seed)),
    )
    make_instrument.SPECS["orchestra"].render(tmp_path)
    assert len(made) == 20
    assert (71, tmp_path / "clarinet", players.MINUTES, 71) in made
    monkeypatch.setattr("sys.argv", ["players", str(tmp_path), "--minutes", "2"])
    made.clear()
    players.main()
    assert len({program for program, *_ in made}) == len(made) == 26
    assert (65, tmp_path / "unknown" / "alto-saxophone", 2.0, 65) in made
    assert not set(players.LEARNED) & set(players.UNKNOWN)


def test_the_orchestra_imitates_what_it_has_not_learned() -> None:
    """Two tones of the violin in a church: another player, another instrument, another room."""
    audio, rate = soundfile.read(recordings.path("violin") / "movement_6.flac", stop=4 * 16_000)
    one, found = imitate(oscine.load("orchestra"), (audio, rate), steps=25)
    assert found.nearest in players.LEARNED
    assert found.fitted_loss < 0.95 * found.nearest_loss
    assert one.n_parameters < oscine.load("orchestra").n_parameters


def test_tunes_are_played_in_the_range_one_note_at_a_time() -> None:
    import random

    melody = [(0.5 * i, 0.5, 60 + i % 12) for i in range(60)]
    player = melodies.Player(73, 48, 79)
    played = [melodies._played(melody, player, random.Random(seed)) for seed in range(20)]
    for notes in played:
        assert all(48 <= note.key <= 79 and 1 <= note.velocity <= 127 for note in notes)
        assert all(one.stop_s <= other.start_s for one, other in pairwise(notes))
    assert len({notes[0].key for notes in played}) > 5
    assert len({notes[1].start_s for notes in played}) > 3
    assert melodies._played([(0.0, 1.0, 30), (1.0, 1.0, 90)], player, random.Random(0)) == []


@pytest.mark.skipif(
    shutil.which("fluidsynth") is None or not melodies.SOUNDFONT.exists(),
    reason="needs the packages fluidsynth and fluid-soundfont-gm",
)
def test_the_soundfont_plays_what_is_asked_for() -> None:
    audio = melodies._sound([Note(0.0, 1.0, 69, 100)], 73)
    assert len(audio) == round(1.5 * melodies.SAMPLE_RATE)
    middle = audio[melodies.SAMPLE_RATE // 4 :][: melodies.SAMPLE_RATE // 2]
    peak_hz = 2 * np.abs(np.fft.rfft(middle * np.hanning(len(middle)))).argmax()
    assert peak_hz == pytest.approx(440, abs=6)
