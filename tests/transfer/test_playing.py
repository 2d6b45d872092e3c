"""`oscine.play` and `oscine.render`: one line from a sound, a song or curves to a file."""

import copy
import pickle
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
import soundfile
import torch
from tests.performance.scores import note, write_midi
from transfer_standin import HOP, SAMPLE_RATE, SineInstrument, hum, statistics

import oscine
from oscine.audio import player
from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig
from oscine.models.inputs import F0Config, IdentityConfig, LoudnessConfig
from oscine.networks import ControllerConfig
from oscine.performance import RenderReport, read_midi
from oscine.processors import HarmonicConfig
from oscine.transfer import Options, PlayResult, TransferReport, transfer, transfer_file
from oscine.transfer.playable import OptionNames


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with an instrument, a hum, a song and curves."""
    folder = tmp_path_factory.mktemp("playing")
    config = InstrumentConfig(
        sample_rate=SAMPLE_RATE,
        hop_length=HOP,
        inputs=(F0Config(), LoudnessConfig(), IdentityConfig(names=("flute", "violin"), size=2)),
        controller=ControllerConfig(hidden_size=4, mlp_size=0),
        synth=(HarmonicConfig(n_harmonics=4),),
        effects=(),
    )
    Instrument(config, statistics()).save_pretrained(folder / "band")
    soundfile.write(folder / "hum.wav", hum([57, 60], note_s=0.3), SAMPLE_RATE)
    write_midi(folder / "song.mid", note(60, 480), note(64, 480, channel=1))
    (folder / "curves.csv").write_text("time_s,f0_hz,loudness_db\n0,220,-30\n1,330,-20\n")
    return folder


def test_play_is_transfer_and_its_file_is_that_of_transfer_file(place, tmp_path):
    hummed, band = place / "hum.wav", place / "band"
    played = oscine.play(hummed, to=band, octave=1, identity="violin")
    audio, rate = played
    expected, _ = oscine.load(band).transfer(str(hummed), octave=1, identity="violin")
    torch.testing.assert_close(audio, expected)
    assert audio is played.audio
    assert rate == played.sample_rate == SAMPLE_RATE
    saved = played.save(tmp_path / "new" / "out.wav")
    oscine.load(band).transfer_file(hummed, tmp_path / "other.wav", octave=1, identity="violin")
    assert (tmp_path / "new" / "out.wav").read_bytes() == (tmp_path / "other.wav").read_bytes()
    assert isinstance(saved.report, TransferReport)
    assert played.report.output is None
    assert saved.report.output == str(tmp_path / "new" / "out.wav")
    assert saved.audio is audio
    assert (saved.report.octave, saved.report.identity) == (1, "violin")
    for name in ("out.flac", "out.mp3"):
        assert oscine.play((hum([57], note_s=0.3), SAMPLE_RATE), to=band).save(tmp_path / name)
        assert soundfile.info(tmp_path / name).format in name.upper()


def test_the_report_is_the_one_of_the_file(place, tmp_path):
    instrument = SineInstrument(statistics(67, 79), level=30.0)
    options = Options(level_passes=0)
    report = transfer_file(instrument, place / "hum.wav", tmp_path / "a.wav", options)
    saved = transfer(instrument, place / "hum.wav", options).save(tmp_path / "a.wav")
    assert report.scaled_db < 0
    same = {"real_time_factor": 0.0}
    assert saved.report.model_copy(update=same) == report.model_copy(update=same)
    # Saved once more, it says once that its level was reduced.
    assert saved.save(tmp_path / "a.wav").report.remarks == report.remarks


def test_a_result_is_a_sound_for_what_takes_one(place):
    played = oscine.play(place / "hum.wav", to=place / "band")
    assert oscine.analyze(played).n_frames == oscine.analyze(played.audio, SAMPLE_RATE).n_frames
    again = oscine.play(played, to=place / "band", dry=True)
    assert repr(again).startswith("hum.wav, played by band, played by band: 0.9 s at 16000 Hz, peak ")
    for other in (pickle.loads(pickle.dumps(played)), copy.deepcopy(played)):
        assert isinstance(other, PlayResult)
        assert torch.equal(other.audio, played.audio)
        assert repr(other) == repr(played)
        assert other.report == played.report


def test_a_song_and_curves_are_played(place, tmp_path):
    band = oscine.load(place / "band")
    by_name = oscine.play(place / "song.mid", to=str(place / "band"), octave="auto", seed=3)
    in_memory = oscine.render(read_midi(place / "song.mid"), to={None: band}, seed=3)
    assert torch.equal(by_name.audio, in_memory.audio)
    assert isinstance(by_name.report, RenderReport)
    assert sum(part.notes for part in by_name.report.parts) == 2
    assert repr(by_name).startswith("song.mid, played by band: ")
    assert repr(in_memory).startswith("The score given, played by band: ")
    fewer = oscine.render(place / "song.mid", to={1: band}, expression={"vibrato_cents": 20})
    assert isinstance(fewer.report, RenderReport)
    assert sum(part.notes for part in fewer.report.parts) == 1
    assert "; 1 remark in the report" in repr(fewer)
    curves = oscine.play(place / "curves.csv", to=band)
    assert curves.seconds == pytest.approx(1.0, abs=0.01)
    for one in (by_name, curves):
        one.save(tmp_path / "out.flac")
        assert soundfile.info(tmp_path / "out.flac").frames == len(one.audio)


def test_the_picture_is_returned_and_written(place, tmp_path):
    for sound in ("hum.wav", "song.mid", "curves.csv"):
        played = oscine.play(place / sound, to=place / "band")
        picture = played.plot(tmp_path / "out.png")
        assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
        assert picture._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(InputError, match=r"must end in \.png"):
        played.plot(tmp_path / "out.gif")


def test_a_notebook_shows_a_labelled_player_or_a_sentence(place, tmp_path, monkeypatch):
    hostile = tmp_path / '<img src=x onerror="alert(1)">.wav'
    hostile.write_bytes((place / "hum.wav").read_bytes())
    html = oscine.play(hostile, to=place / "band")._repr_html_()
    assert "<img" not in html
    assert re.search(r'<audio controls preload="metadata" aria-label="[^"<>]+" src="data:audio/flac;', html)
    assert "<figcaption>&lt;img src=x" in html
    monkeypatch.setattr(player, "_MOST_SAMPLES", 100)
    sentence = oscine.play(place / "hum.wav", to=place / "band")._repr_html_()
    assert "<audio" not in sentence
    assert "save the sound as a file" in sentence
    assert "no samples" in player.player_html(torch.zeros(0), 16_000, "nothing")


@pytest.mark.parametrize(
    ("what", "options", "words"),
    [
        ("hum.wav", {"autotune": 2.0}, "autotune is 2.0"),
        ("none.wav", {}, "does not exist"),
        ("none.mid", {}, "does not exist or is no file"),
        ("song.mid", {"autotune": 0.5}, "no sound to follow, so autotune does not apply; remove it"),
        ("song.mid", {"like": "hum.wav"}, "so like does not apply"),
        ("song.mid", {"octave": 9}, "octave is 9; give a whole number"),
        ("song.mid", {"identity": "kazoo"}, "kazoo"),
        ("curves.csv", {"octave": 1}, "holds curves and no notes; remove voices, octave"),
    ],
)
def test_what_cannot_be_is_one_sentence(place, what, options, words):
    with pytest.raises(InputError, match=words) as refusal:
        oscine.play(place / what, to=place / "band", **options)
    assert "\n" not in str(refusal.value)


def test_every_option_of_a_transfer_is_an_option_of_play():
    assert set(get_type_hints(OptionNames)) == {field.name for field in fields(Options)}


def test_what_render_refuses(place):
    refused: list[tuple[dict[str, Any], str]] = [
        ({"to": {0: place / "band"}}, "0 is no channel; give 1 to 16"),
        ({"to": {}}, "No instrument plays a channel"),
        ({"to": place / "band", "expression": {"vibrato": 3}}, "expression can't be used: .*vibrato"),
        ({"to": "kazoo"}, "no instrument 'kazoo'"),
    ]
    for options, words in refused:
        with pytest.raises(InputError, match=words):
            oscine.render(place / "song.mid", **options)
    with pytest.raises(InputError, match="curves of one instrument"):
        oscine.render(place / "curves.csv", to={1: place / "band"})


def test_what_was_played_is_never_overwritten(place, tmp_path):
    for name in ("hum.wav", "song.mid"):
        copied = tmp_path / name
        copied.write_bytes((place / name).read_bytes())
        link = tmp_path / "link.wav"
        link.unlink(missing_ok=True)
        link.symlink_to(copied)
        with pytest.raises(InputError, match="the input itself"):
            oscine.play(copied, to=place / "band").save(link)
        assert copied.read_bytes() == (place / name).read_bytes()


def test_a_failed_save_leaves_the_old_file(place, tmp_path):
    old = tmp_path / "out.wav"
    old.write_bytes(b"old")
    played = oscine.play(place / "hum.wav", to=place / "band")
    broken = PlayResult(played.audio * np.nan, SAMPLE_RATE, played.report, played.source)
    with pytest.raises(InputError, match="NaN"):
        broken.save(old)
    assert old.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]
    with pytest.raises(InputError, match="must end in"):
        played.save(Path(tmp_path / "out.txt"))
