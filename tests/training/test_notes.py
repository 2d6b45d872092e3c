"""Learning from notes: strings are measured over the keyboard, and a tiny training lowers the loss."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tests.performance.scores import note, write_midi

from oscine.data import Dataset, prepare
from oscine.data.score import take_voices
from oscine.errors import InputError
from oscine.functional import string_tables, strings, usual_inharmonicity
from oscine.models import Instrument, load_recipe
from oscine.notes import read_midi
from oscine.performance import RenderOptions, render
from oscine.processors import Strings
from oscine.training import Callback, TrainingLoop, Validation, train
from oscine.training.strings import measure_keys

RATE, HOP = 32_000, 128
KEYS = range(24, 90, 3)


@pytest.fixture(scope="module")
def truth() -> torch.Tensor:
    """B of each key: the usual one, times something between 0.6 and 1.7."""
    random = torch.rand(88, generator=torch.Generator().manual_seed(0))
    return usual_inharmonicity() * 0.6 * 2.8**random


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory, truth: torch.Tensor) -> Path:
    """Single struck strings of every third key, and chords of them."""
    folder = tmp_path_factory.mktemp("strings")
    notes = [(key, 0.1 + 0.8 * i) for i, key in enumerate(KEYS)]
    last_s = 0.1 + 0.8 * len(KEYS)
    notes += [
        (key, last_s + 0.8 * (i // 3)) for i, key in enumerate((48, 52, 55, 50, 57, 60, 45, 52, 61) * 3)
    ]
    n_frames = round((last_s + 7.5) * RATE / HOP)
    tables = string_tables(truth, torch.full((88,), 3.0), torch.full((88,), 0.5), 2)
    sound, messages = np.zeros(n_frames * HOP, np.float32), []
    for key, start_s in notes:
        n_note = round(0.6 * RATE / HOP)
        time_s = torch.arange(n_note) * HOP / RATE
        weights = (1 / torch.arange(1.0, 41.0) ** 1.2).expand(1, n_note, -1)
        amplitude = (0.2 * torch.exp(-2 * time_s))[None]
        f0_hz = torch.full((1, n_note), 440 * 2 ** ((key - 69) / 12))
        struck = strings(f0_hz, amplitude, weights, tables, sample_rate=RATE, hop_length=HOP)[0].numpy()
        at = round(start_s * RATE / HOP) * HOP
        sound[at : at + len(struck)] += struck
        messages += [(round(start_s * 960), 1, key), (round((start_s + 0.6) * 960), 0, key)]
    track, now = [], 0
    for tick, on, key in sorted(messages):
        one = note(key, tick - now, before=tick - now, velocity=80)[0 if on else 1]
        track.append(one)
        now = tick
    write_midi(folder / "piece.mid", track)
    soundfile.write(folder / "piece.wav", sound, RATE)
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, recordings: Path) -> Path:
    """The recordings, prepared."""
    out = tmp_path_factory.mktemp("datasets") / "strings"
    prepare(recordings, out, sample_rate=RATE, hop_length=HOP, held_out_s=2.0, n_workers=1)
    return out


def test_b_is_measured_within_10_percent_over_the_keyboard(dataset: Path, truth: torch.Tensor) -> None:
    opened = Dataset.open(dataset)
    take_voices(opened.train.segments, 0.12)
    found = measure_keys(opened.train.segments)
    assert set(found.measured) >= set(KEYS)
    for key in KEYS:
        place = key - 21
        assert float(found.inharmonicity[place]) == pytest.approx(float(truth[place]), rel=0.1), key
        assert float(found.tuning_cents[place]) == pytest.approx(3.0, abs=0.7), key
    # Between two keys ln B is their mean, and beyond the last one the usual goes on.
    between = found.inharmonicity[[24 - 21, 25 - 21, 26 - 21, 27 - 21]].log().diff()
    torch.testing.assert_close(between[0], between[2], atol=1e-4, rtol=0)
    beyond = (found.inharmonicity / usual_inharmonicity())[KEYS[-1] - 21 :]
    torch.testing.assert_close(beyond, beyond[:1].expand(len(beyond)))


SMALL = {
    "instrument.controller.hidden_size": 16,
    "instrument.controller.mlp_size": 16,
    "instrument.synth.strings.n_harmonics": 16,
    "instrument.effects.reverb.ir_s": 0.1,
    "instrument.notes.release_s": 0.12,
    "training.batch_size": 2,
    "training.crop_s": 0.3,
    "training.preroll_s": 0.1,
    "training.n_validations": 2,
    "training.warmup_steps": 2,
    "training.learning_rate": 0.01,
}


@pytest.mark.slow
def test_a_tiny_training_lowers_the_loss_and_the_keys_are_saved(
    dataset: Path, tmp_path: Path, truth: torch.Tensor, recordings: Path
) -> None:
    losses: list[float] = []

    class Watch(Callback):
        def on_start(self, loop: TrainingLoop) -> None:
            losses.append(loop.validate().loss)

        def on_validation(self, loop: TrainingLoop, validation: Validation) -> None:
            losses.append(validation.loss)

    result = train(
        dataset, tmp_path / "piano", recipe="piano", steps=24, overrides=SMALL, callbacks=[Watch()]
    )
    assert losses[-1] < 0.9 * losses[0]
    assert result.validation_loss == min(losses[1:])
    piano = Instrument.from_pretrained(tmp_path / "piano")
    part = next(one for one in piano.synth.modules() if isinstance(one, Strings))
    for key in KEYS:
        found = float(part.log_inharmonicity.exp()[key - 21])
        assert found == pytest.approx(float(truth[key - 21]), rel=0.1)
    assert not list(part.parameters())
    audio, rate = render(read_midi(recordings / "piece.mid"), piano, RenderOptions(voices=16))
    assert rate == RATE
    assert np.isfinite(audio).all()
    assert np.abs(audio).max() > 1e-3


def test_a_recipe_of_notes_asks_for_them(tmp_path: Path) -> None:
    rate = 16_000
    time = np.arange(12 * rate) / rate
    soundfile.write(tmp_path / "tone.wav", 0.2 * np.sin(2 * np.pi * 220 * time), rate)
    prepare(tmp_path, tmp_path / "data", sample_rate=rate, held_out_s=2.0, unpitched=True, n_workers=1)
    with pytest.raises(InputError, match=r"tone.wav has no MIDI file beside it, and this recipe learns"):
        train(tmp_path / "data", tmp_path / "piano", recipe="piano", steps=1)
    assert not (tmp_path / "piano").exists()
    with pytest.raises(InputError, match="transpose_semitones"):
        load_recipe("piano", {"training.transpose_semitones": 2.0})


def test_other_recipes_pay_no_attention_to_the_notes(tmp_path: Path, dataset: Path) -> None:
    sizes = {
        name: value for name, value in SMALL.items() if name.startswith(("training", "instrument.contr"))
    }
    result = train(dataset, tmp_path / "tiny", recipe="inharmonic", steps=1, overrides=sizes)
    assert np.isfinite(result.validation_loss)
