"""Scores to sound: pitches and instants are those of the score, and voices and parts add up."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.performance.scores import LEARNED, note, toy, write_midi

from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig
from oscine.models.config import NotesConfig
from oscine.models.inputs import (
    CentroidConfig,
    F0Config,
    IdentityConfig,
    LoudnessConfig,
    OnsetConfig,
    PaperLoudnessConfig,
    PeriodicityConfig,
)
from oscine.performance import (
    Event,
    Expression,
    RenderOptions,
    Score,
    read_midi,
    render,
    render_file,
    voice_curves,
)
from oscine.performance.curves import conditions_of
from oscine.processors import FilterConfig, HarmonicConfig, NoiseConfig, Reverb, ReverbConfig

SHARP = RenderOptions(Expression(attack_s=0.004, release_s=0.02))


def _score(tmp_path: Path, *tracks: list) -> Score:
    return read_midi(write_midi(tmp_path / "song.mid", *tracks))


def _pitch(audio: np.ndarray, rate: int, start_s: float, stop_s: float) -> float:
    """Return the strongest partial's frequency, Hz."""
    piece = audio[round(start_s * rate) : round(stop_s * rate)]
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 1 << 18))
    return float(np.argmax(spectrum) * rate / (1 << 18))


@pytest.mark.parametrize(("rate", "hop"), [(16000, 64), (44100, 196)])
def test_notes_have_their_pitch_and_instant(tmp_path: Path, rate: int, hop: int) -> None:
    keys = (60, 64, 67, 55)
    track = [message for key in keys for message in note(key, 360, before=120)]
    audio, found_rate = render(_score(tmp_path, track), toy(rate, hop), SHARP)
    assert found_rate == rate
    envelope = np.abs(audio)
    for i, key in enumerate(keys):
        start_s = 0.5 * i + 0.125
        f0_hz = 440 * 2 ** ((key - 69) / 12)
        partial = _pitch(audio, rate, start_s + 0.05, start_s + 0.35) / f0_hz
        assert abs(partial - round(partial)) < 0.003 * round(partial)
        assert round(partial) >= 1
        before = envelope[round((start_s - 0.05) * rate) : round(start_s * rate)]
        top = envelope[round(start_s * rate) : round((start_s + 0.3) * rate)].max()
        assert before.max() == 0
        onset = round(start_s * rate) + int(np.argmax(envelope[round(start_s * rate) :] > 0.3 * top))
        assert 0 < onset / rate - start_s < 0.012


def test_a_chord_is_the_sum_of_its_notes(tmp_path: Path) -> None:
    instrument = toy()
    singles = [render(_score(tmp_path, note(key, 480)), instrument, SHARP)[0] for key in (60, 65)]
    chord = [note(60, 480)[0], note(65, 480)[0], note(60, 480)[1], note(65, 0)[1]]
    together, _ = render(_score(tmp_path, chord), instrument, SHARP)
    np.testing.assert_allclose(together, singles[0] + singles[1], atol=1e-5 * np.abs(together).max())
    at_once = SHARP.expression.model_copy(update={"glide_s": 0.0})
    tied, _ = render(_score(tmp_path, chord), instrument, RenderOptions(at_once, voices=1))
    np.testing.assert_allclose(tied, singles[1], atol=1e-5 * np.abs(tied).max())


def test_effects_are_played_once_behind_all_voices_and_ring_on(tmp_path: Path) -> None:
    instrument = toy(effects=(ReverbConfig(ir_s=0.25),))
    ((_, reverb),) = instrument.effects
    assert isinstance(reverb, Reverb)
    torch.nn.init.normal_(reverb.impulse_response)
    chord = [note(60, 480)[0], note(65, 480)[0], note(60, 480)[1], note(65, 0)[1]]
    score = _score(tmp_path, chord)
    dry, _ = render(score, instrument, RenderOptions(SHARP.expression, dry=True))
    wet, _ = render(score, instrument, SHARP)
    assert len(wet) == len(dry) + 4000
    with torch.no_grad():
        padded = torch.from_numpy(np.pad(dry, (0, 4000)))[None]
        expected = instrument.effects(padded)[0].numpy()
    np.testing.assert_allclose(wet, expected, atol=1e-4 * np.abs(expected).max())


def test_the_latency_of_a_source_is_taken_out(tmp_path: Path) -> None:
    late = toy(16000, 64)
    config = late.config.model_copy(update={"effects": (FilterConfig(n_bands=65, fixed=True),)})
    filtered = Instrument(config, LEARNED)
    filtered.load_state_dict(late.state_dict(), strict=False)
    assert filtered.latency == 64
    track = [*note(60, 240, before=240), *note(67, 240, before=240)]
    plain, _ = render(_score(tmp_path, track), late, SHARP)
    same, _ = render(_score(tmp_path, track), filtered.eval(), SHARP)
    np.testing.assert_allclose(same, plain, atol=1e-3 * np.abs(plain).max())


def test_channels_go_to_their_instruments_and_rates_are_mixed(tmp_path: Path) -> None:
    low, high = toy(16000, 64), toy(48000, 192)
    score = _score(tmp_path, note(60, 480), note(72, 480, before=480, channel=1))
    audio, rate = render(score, {1: low, 2: high}, SHARP)
    assert rate == 48000
    alone, _ = render(score, {2: high}, SHARP)
    n_low = round(0.45 * rate)
    assert np.abs(alone[:n_low]).max() == 0
    late = slice(round(0.55 * rate), len(alone))
    np.testing.assert_allclose(audio[late], alone[late], atol=1e-3 * np.abs(alone).max())
    first, _ = render(score, {1: low}, SHARP)
    partial = _pitch(audio, rate, 0.05, 0.45)
    assert partial == pytest.approx(_pitch(first, 16000, 0.05, 0.45), rel=1e-3)
    with pytest.raises(InputError, match="No instrument plays a channel that has notes; those are 1, 2"):
        render(score, {5: low})


def test_every_input_is_told_what_a_note_knows(tmp_path: Path) -> None:
    inputs = (
        F0Config(),
        LoudnessConfig(),
        PaperLoudnessConfig(),
        OnsetConfig(),
        PeriodicityConfig(),
        CentroidConfig(),
        IdentityConfig(size=3, names=("flute", "violin")),
    )
    config = InstrumentConfig(
        sample_rate=16000, hop_length=64, inputs=inputs, synth=(HarmonicConfig(n_harmonics=10),)
    )
    instrument = Instrument(config, LEARNED).eval()
    score = _score(tmp_path, note(60, 480))
    flute, _ = render(score, instrument, SHARP)
    violin, _ = render(score, instrument, RenderOptions(SHARP.expression, identity="violin"))
    assert np.isfinite(flute).all()
    assert not np.allclose(flute, violin)
    with pytest.raises(InputError, match="no identity drum"):
        render(score, instrument, RenderOptions(identity="drum"))


def test_brightness_moves_a_centroid_that_conditions_the_network() -> None:
    inputs = (F0Config(), LoudnessConfig(), CentroidConfig())
    config = InstrumentConfig(
        sample_rate=16000, hop_length=64, inputs=inputs, synth=(HarmonicConfig(n_harmonics=4),)
    )
    instrument = Instrument(config, LEARNED)
    moved = []
    for value in (0, 64, 127):
        events = [Event(0.0, 1, "control", 74, value), Event(0.0, 1, "note_on", 60, 90)]
        (curves,) = voice_curves(events, 0.1, instrument, Expression(), n_voices=1)
        moved.append(float(conditions_of(instrument, curves, slice(10, 11))["centroid_midi"]))
    assert moved[2] - moved[1] == pytest.approx(12.0)
    assert moved[0] - moved[1] == pytest.approx(-12.0)


def test_octaves_move_notes_and_what_leaves_the_keyboard_is_silent(tmp_path: Path) -> None:
    score = _score(tmp_path, [*note(60, 480), *note(120, 480)])
    instrument = toy()
    audio, rate = render(score, instrument, RenderOptions(SHARP.expression, octave=1))
    at_octave = _pitch(audio, rate, 0.1, 0.4) / (2 * 261.626)
    assert abs(at_octave - round(at_octave)) < 0.01
    assert np.abs(audio[round(0.6 * rate) :]).max() < 1e-4 * np.abs(audio).max()


def test_what_the_score_leaves_sounding_ends_with_it(tmp_path: Path) -> None:
    held = [note(60, 480)[0], *note(64, 480)]
    audio, rate = render(_score(tmp_path, held), toy(), SHARP)
    assert len(audio) / rate == pytest.approx(0.5 + 0.02, abs=0.01)


def test_a_file_is_written_and_reported(tmp_path: Path) -> None:
    path = write_midi(tmp_path / "song.mid", [*note(60, 480), *note(20, 480)])
    shares: list[float] = []
    report = render_file(path, toy(), tmp_path / "out.flac", on_progress=shares.append)
    assert shares[-1] == 1.0
    (part,) = report.parts
    assert (part.channels, part.notes, part.voices, part.range_share) == ([1], 2, 1, 0.5)
    assert any("50 % of the notes of channel 1 are outside" in remark for remark in report.remarks)
    assert report.seconds == pytest.approx(1.1, abs=0.05)
    assert (tmp_path / "out.flac").exists()
    with pytest.raises(InputError, match="must end in"):
        render_file(path, toy(), tmp_path / "out.ogg")


def test_a_score_without_length_is_played(tmp_path: Path) -> None:
    audio, rate = render(_score(tmp_path, note(60, 0)), toy(), SHARP)
    assert np.abs(audio).max() > 1e-3
    assert 0.03 < len(audio) / rate < 0.1


def test_drums_are_left_out_unless_somebody_plays_them(tmp_path: Path) -> None:
    instrument = toy()
    path = write_midi(
        tmp_path / "song.mid", note(60, 480), note(40, 480, channel=9), note(50, 480, channel=2)
    )
    report = render_file(path, {None: instrument, 3: toy()}, tmp_path / "out.wav")
    assert [part.channels for part in report.parts] == [[1], [3]]
    assert any("Channel 10 has the drums" in remark for remark in report.remarks)
    report = render_file(path, {1: instrument, 10: instrument}, tmp_path / "out.wav")
    assert [part.channels for part in report.parts] == [[1, 10]]
    assert any("Channel 3 has no instrument and is not played" in remark for remark in report.remarks)
    alone = write_midi(tmp_path / "alone.mid", note(60, 480, channel=9))
    assert render_file(alone, instrument, tmp_path / "out.wav").parts[0].channels == [10]


def test_parts_with_the_same_instrument_differ_in_their_noise(tmp_path: Path) -> None:
    one, other = (toy(16000, 64, NoiseConfig(n_bands=9)) for _ in range(2))
    other.load_state_dict(one.state_dict())
    score = _score(tmp_path, note(60, 480), note(60, 480, channel=1))
    both, _ = render(score, {1: one, 2: other}, SHARP)
    single, _ = render(score, {1: one}, SHARP)
    assert np.abs(both - 2 * single).max() > 1e-6


def test_an_octave_that_leaves_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="octave is 8, and no note stays on the keyboard"):
        render(_score(tmp_path, note(60, 480)), toy(), RenderOptions(octave=8))


def test_wrong_options_are_refused() -> None:
    for wrong, sentence in (
        (lambda: RenderOptions(voices=0), "voices is 0; give 1 to 32"),
        (lambda: RenderOptions(octave=9), "octave is 9"),
        (lambda: RenderOptions(seed=-1), "seed is -1"),
    ):
        with pytest.raises(InputError, match=sentence):
            wrong()


def test_an_instrument_of_notes_is_played_with_its_release(tmp_path: Path) -> None:
    score = _score(tmp_path, note(60, 240))
    plain = toy()
    learned = Instrument(
        plain.config.model_copy(update={"notes": NotesConfig(release_s=0.5)}), LEARNED
    ).eval()
    learned.load_state_dict(plain.state_dict())
    asked, _ = render(score, plain, RenderOptions(Expression(release_s=0.5)))
    own, _ = render(score, learned, RenderOptions())
    np.testing.assert_array_equal(own, asked)
    short, _ = render(score, learned, RenderOptions(Expression(release_s=0.05)))
    assert len(short) < len(own)
