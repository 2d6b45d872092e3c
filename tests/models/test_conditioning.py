"""What drives an instrument beside pitch and loudness, taken from the performance."""

import numpy as np
import pytest
import torch
from oscine.transfer.driving import _pieces, hear
from transfer_standin import HOP, SAMPLE_RATE, SineInstrument, hum, statistics

from oscine.analysis import analyze
from oscine.data import Statistics
from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig
from oscine.networks import ControllerConfig, TimbreEncoderConfig
from oscine.transfer import transfer
from oscine.transfer.transferring import Options, prepare


def _instrument() -> Instrument:
    torch.manual_seed(3)
    config = InstrumentConfig(
        sample_rate=SAMPLE_RATE,
        hop_length=HOP,
        n_harmonics=12,
        n_noise_bands=9,
        reverb_s=0.0,
        controller=ControllerConfig(hidden_size=16),
        timbre_encoder=TimbreEncoderConfig(z_size=3, hidden_size=8),
        curves=("periodicity", "centroid", "breath"),
        voices=("flute", "violin"),
        voice_size=4,
    )
    learned = statistics().model_copy(update={"curves": {"breath": (5.0, 2.0)}})
    return Instrument(config, learned).eval()


def test_a_driven_instrument_plays_what_it_hears() -> None:
    instrument, melody = _instrument(), hum([60, 64, 67])
    features = analyze(melody, SAMPLE_RATE)
    heard = hear(instrument, (melody, SAMPLE_RATE), features)
    assert {name: len(curve) for name, curve in heard.items()} == dict.fromkeys(
        ("z", "periodicity", "centroid", "breath", "voice"), features.n_frames
    )
    torch.testing.assert_close(heard["periodicity"], features.confidence)
    assert set(heard["breath"].tolist()) == {5.0}
    assert heard["voice"].unique(dim=0).tolist() == [[1.0, 0.0]]
    sounding = features.confidence > 0.9
    # The hum's partials, 1/k of each, lie between its pitch and three octaves above.
    height = (heard["centroid"] - features.midi)[sounding]
    assert float(height.min()) > 0
    assert float(height.max()) < 36

    audio, _ = transfer(instrument, (melody, SAMPLE_RATE))
    assert len(audio) == len(melody)
    other, _ = transfer(instrument, (melody, SAMPLE_RATE), voice="violin")
    assert float((audio - other).abs().max()) > 1e-3 * float(audio.abs().max())


def test_a_melody_is_brought_to_where_the_voice_is_at_home() -> None:
    instrument, melody = _instrument(), hum([60, 64, 67])
    whole = instrument.statistics
    assert whole is not None

    def shifted(octaves: int) -> Statistics:
        midi = [value + 12 * octaves for value in whole.pitch_midi_quantiles]
        return whole.model_copy(update={"pitch_midi_quantiles": midi})

    voices = {"flute": shifted(1), "violin": shifted(-1)}
    instrument.statistics = whole.model_copy(update={"voices": voices})

    def octave(voice: str | None) -> int:
        return prepare(instrument, (melody, SAMPLE_RATE), Options(voice=voice))[1].octave

    octaves = {voice: octave(voice) for voice in ("flute", "violin", None)}
    assert octaves["flute"] == octaves[None] == octaves["violin"] + 2
    breaths = shifted(2).model_copy(update={"voiced_share": 0.0})
    instrument.statistics = whole.model_copy(update={"voices": voices | {"flute": breaths}})
    assert octave("flute") == octaves["violin"] + 1
    with pytest.raises(InputError, match="no voice oboe"):
        prepare(instrument, (melody, SAMPLE_RATE), Options(voice="oboe"))


def test_a_curve_of_the_training_set_stands_at_the_mean_of_the_voice_that_plays() -> None:
    instrument, melody = _instrument(), hum([60])
    whole = instrument.statistics
    assert whole is not None
    voices = {
        voice: whole.model_copy(update={"curves": {"breath": (mean, 1.0)}})
        for voice, mean in (("flute", 2.0), ("violin", 8.0))
    }
    instrument.statistics = whole.model_copy(update={"voices": voices})
    features = analyze(melody, SAMPLE_RATE)
    for voice, mean in (("flute", 2.0), ("violin", 8.0)):
        heard = hear(instrument, (melody, SAMPLE_RATE), features, voice)
        assert set(heard["breath"].tolist()) == {mean}


def test_long_performances_are_heard_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    instrument, melody = _instrument(), hum([60, 64, 67])
    features = analyze(melody, SAMPLE_RATE)
    whole = hear(instrument, (melody, SAMPLE_RATE), features)
    monkeypatch.setattr("oscine.transfer.driving._PIECE_S", 0.4)
    parts = hear(instrument, (melody, SAMPLE_RATE), features)
    assert all(parts[name].shape == whole[name].shape for name in whole)
    torch.testing.assert_close(parts["periodicity"], whole["periodicity"])
    assert float((parts["z"] - whole["z"]).abs().max()) > 0


def test_windows_reach_over_the_edges_of_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    config = _instrument().config.model_copy(update={"loudness": "both", "timbre_encoder": None})
    instrument, melody = Instrument(config, statistics()), hum([60, 64, 67])
    features = analyze(melody, SAMPLE_RATE)
    whole = hear(instrument, (melody, SAMPLE_RATE), features)
    monkeypatch.setattr("oscine.transfer.driving._PIECE_S", 0.4)
    for around_s in (0.1, 1.0):
        monkeypatch.setattr("oscine.transfer.driving._AROUND_S", around_s)
        parts = hear(instrument, (melody, SAMPLE_RATE), features)
        torch.testing.assert_close(parts["paper_loudness"], whole["paper_loudness"], atol=1e-3, rtol=0)
        torch.testing.assert_close(parts["centroid"], whole["centroid"], atol=1e-3, rtol=0)


def test_pieces_overlap_by_what_is_around_them() -> None:
    samples = np.arange(100, dtype=np.float32)
    for n_around in (5, 16, 40):
        pieces = list(_pieces(iter(np.split(samples, [3, 50, 51])), 16, n_around))
        assert len(pieces) == 7
        for i, piece in enumerate(pieces):
            np.testing.assert_array_equal(piece, samples[max(0, 16 * i - n_around) : 16 * i + 16 + n_around])


def test_pieces_are_the_same_samples() -> None:
    samples = np.arange(100, dtype=np.float32)
    for cuts in ([3, 50, 51], [90], []):
        pieces = list(_pieces(iter(np.split(samples, cuts)), 16))
        assert [len(piece) for piece in pieces] == [16] * 6 + [4]
        np.testing.assert_array_equal(np.concatenate(pieces), samples)


def test_an_unknown_voice_is_refused_with_those_that_there_are() -> None:
    melody = hum([60])
    features = analyze(melody, SAMPLE_RATE)
    with pytest.raises(InputError, match="no voice oboe; there are flute, violin"):
        hear(_instrument(), (melody, SAMPLE_RATE), features, "oboe")
    with pytest.raises(InputError, match="one alone"):
        hear(SineInstrument(), (melody, SAMPLE_RATE), features, "oboe")
    assert hear(SineInstrument(), (melody, SAMPLE_RATE), features) == {}
