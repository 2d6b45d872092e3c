import numpy as np
import pytest
import soundfile
import torch
from transfer_standin import HOP, SAMPLE_RATE, SineInstrument, features, frames, hum, statistics, tone

from oscine.analysis import analyze
from oscine.data.statistics import Statistics
from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig
from oscine.processors import HarmonicConfig, NoiseConfig, ReverbConfig
from oscine.transfer import match, play, streaming
from oscine.transfer.streaming import listen


def _real(learned: Statistics | None = None) -> Instrument:
    """An instrument with untrained weights, loud enough to compare."""
    config = InstrumentConfig(
        sample_rate=SAMPLE_RATE,
        hop_length=HOP,
        synth=(HarmonicConfig(n_harmonics=20), NoiseConfig(n_bands=17)),
        effects=(ReverbConfig(ir_s=0.3),),
    )
    instrument = Instrument(config, learned or statistics())
    with torch.no_grad():
        instrument.get_parameter("effects.parts.reverb.impulse_response").normal_(std=0.02)
    return instrument.eval()


def _performance():
    midi = torch.cat([tone(m, 0.6) for m in (62, 66, 69, 62)])
    loudness = -35 + 10 * torch.sin(torch.arange(len(midi)) / 40)
    confidence = torch.full_like(midi, 0.95)
    confidence[frames(1.2) : frames(1.4)] = 0.1
    return features(midi, loudness, confidence)


@pytest.mark.parametrize("instrument", [SineInstrument(statistics()), _real()], ids=["stand-in", "real"])
@pytest.mark.parametrize("block_frames", [1, 7, 64, 512])
def test_any_block_length_gives_the_sound_of_one_block(instrument, block_frames):
    heard = _performance()
    if block_frames == 1:
        heard = heard.slice(0, frames(0.7))  # one frame at a time is slow
    matched = match(heard, instrument.statistics)
    n_samples = heard.n_frames * HOP - 21
    whole = torch.cat(list(play(instrument, matched, n_samples, block_frames=10**6)))
    streamed = torch.cat(list(play(instrument, matched, n_samples, block_frames=block_frames)))
    assert len(whole) == len(streamed) == n_samples
    assert float(whole.abs().max()) > 1e-3
    torch.testing.assert_close(streamed, whole, atol=1e-5, rtol=0)


def test_inside_what_was_learned_it_is_the_instruments_own_forward():
    instrument = _real(statistics(quiet_db=-50, loud_db=-20))
    midi = tone(70, 1.0)
    heard = features(midi, torch.linspace(-45, -25, len(midi)))
    matched = match(heard, instrument.statistics, loudness=0.0)
    played = torch.cat(list(play(instrument, matched, len(midi) * HOP)))
    with torch.no_grad():
        whole = instrument(matched.f0_hz[None], matched.loudness_db[None])[0]
    torch.testing.assert_close(played, whole, atol=1e-5, rtol=0)


def test_the_sound_is_in_time_whatever_the_latency():
    n = frames(1.0)
    midi, loudness = tone(69, 1.0), torch.full((n,), -20.0)
    heard = features(midi, loudness)
    played = torch.cat(list(play(SineInstrument(pure=True), match(heard, None), n * HOP, dry=True)))
    samples = torch.arange(1, n * HOP + 1) / SAMPLE_RATE
    expected = 0.1 * torch.sin(2 * torch.pi * 440 * samples)
    torch.testing.assert_close(played[HOP : -2 * HOP], expected[HOP : -2 * HOP], atol=1e-4, rtol=0)


def test_no_click_where_blocks_meet():
    n = frames(2.0)
    heard = features(tone(69, 2.0), torch.full((n,), -30.0))
    played = torch.cat(list(play(SineInstrument(pure=True), match(heard, None), n * HOP, block_frames=16)))
    # The second difference of A sin(ωn) with its echo is at most 1.5 A ω²; a click stands far out of that.
    # The start is left out: there the gain, and its echo, rise from nothing.
    turn = 2 * torch.pi * 440 / SAMPLE_RATE
    bend = played.diff().diff().abs()[1000 : -2 * HOP]
    assert float(bend.max()) < 1.51 * 10 ** (-30 / 20) * turn**2


def test_digital_silence_in_is_digital_silence_out():
    n = frames(1.0)
    silent = features(tone(69, 1.0), torch.full((n,), -80.0), torch.zeros(n))
    for instrument in (SineInstrument(statistics()), _real(), SineInstrument(None)):
        played = torch.cat(list(play(instrument, match(silent, instrument.statistics), n * HOP)))
        assert bool((played == 0).all())


def test_a_rest_is_silent_but_the_room_rings_on():
    loudness = torch.cat([torch.full((frames(0.5),), -20.0), torch.full((frames(0.5),), -80.0)])
    heard = features(tone(69, 1.0), loudness, (loudness > -80).float() * 0.95)
    matched = match(heard, statistics())
    n_samples = len(loudness) * HOP
    dry = torch.cat(list(play(SineInstrument(statistics()), matched, n_samples, dry=True)))
    wet = torch.cat(list(play(SineInstrument(statistics()), matched, n_samples)))
    released = int(0.59 * SAMPLE_RATE)
    assert bool((dry[released:] == 0).all())
    echo = slice(released, int(0.54 * SAMPLE_RATE) + 800)
    torch.testing.assert_close(wet[800:], dry[800:] + 0.5 * dry[:-800])
    assert bool((wet[echo.stop + 1200 :] == 0).all())


def test_dry_is_without_the_room():
    heard = _performance()
    instrument = _real()
    matched, n_samples = match(heard, instrument.statistics), heard.n_frames * HOP
    dry = torch.cat(list(play(instrument, matched, n_samples, dry=True)))
    with torch.no_grad():
        wet = instrument.effects(dry[None])[0]
    torch.testing.assert_close(torch.cat(list(play(instrument, matched, n_samples))), wet, atol=1e-5, rtol=0)
    assert float((wet - dry).abs().max()) > 1e-4


def test_the_seed_is_the_noises():
    heard, instrument = _performance(), _real()
    matched, n_samples = match(heard, instrument.statistics), heard.n_frames * HOP
    first, again, other = (
        torch.cat(list(play(instrument, matched, n_samples, seed=seed))) for seed in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_the_output_is_as_long_as_the_input(tmp_path, rate):
    sound = hum([60, 64], note_s=0.3, rate=rate)
    path = tmp_path / "hum.wav"
    soundfile.write(path, sound, rate)
    heard, n_samples = listen(path, SAMPLE_RATE, HOP)
    assert n_samples == pytest.approx(len(sound) * SAMPLE_RATE / rate, abs=1)
    assert heard.n_frames == -(-n_samples // HOP)
    assert abs(listen((sound, rate), SAMPLE_RATE, HOP)[1] - n_samples) <= 1


def test_a_file_without_samples_is_refused_by_name(tmp_path):
    soundfile.write(tmp_path / "nothing.wav", np.zeros(0), 16000)
    with pytest.raises(InputError, match=r"nothing\.wav holds no audio"):
        listen(tmp_path / "nothing.wav", SAMPLE_RATE, HOP)


@pytest.mark.parametrize("capacity", [100, 1 << 20])
def test_features_are_those_of_the_analysis_over_stretches(monkeypatch, capacity):
    monkeypatch.setattr(streaming, "_CAPACITY", capacity)
    sound = np.tile(hum([60, 64]), 16)  # 21 s: more than one stretch of the analysis
    heard, _ = listen((sound, SAMPLE_RATE), SAMPLE_RATE, HOP)
    expected = analyze(sound, SAMPLE_RATE, HOP)
    assert torch.equal(heard.f0_hz, expected.f0_hz)
    assert torch.equal(heard.loudness_db, expected.loudness_db)
    assert torch.equal(heard.confidence, expected.confidence)


@pytest.mark.parametrize(
    ("audio", "rate", "words"),
    [
        (np.zeros((2, 2, 2)), 16000, "shape"),
        (np.zeros((16000, 2)), 16000, "as soundfile gives it: transpose it"),
        (np.zeros(0), 16000, "holds no audio"),
        (np.zeros(5), 0, "sample rate"),
        (np.zeros(5), 1, "sample rate"),
        (np.full(5, np.nan), 16000, "not finite numbers"),
    ],
)
def test_audio_of_no_kind_is_refused(audio, rate, words):
    with pytest.raises(InputError, match=words):
        listen((audio, rate), SAMPLE_RATE, HOP)
