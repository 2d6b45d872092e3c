"""The benchmark of imitation: what is drawn and tested, its tables, and the embedding that is heard."""

import re
from functools import partial

import numpy as np
import pytest
import torch
from benchmarks import few_seconds, heard, imitate
from benchmarks.page import page_of

from oscine import transfer
from oscine.analysis import analyze
from oscine.analysis.features import FEATURES
from oscine.data import Dataset, Segment, Split
from oscine.data.segment import ArrayPart
from oscine.models import Instrument, load_recipe
from oscine.models.inputs.identity import EMBEDDING
from oscine.transfer import PlayableInstrument

RATE = 16_000


@pytest.fixture(autouse=True)
def _denormals_as_before():
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    time_s = torch.arange(14 * RATE, dtype=torch.float64) / RATE
    phase = 2 * torch.pi * (330 * time_s + 3 * torch.sin(2 * time_s))
    tone = (0.3 + 0.1 * torch.sin(time_s)) * (torch.sin(phase) + 0.3 * torch.sin(2 * phase))
    return Dataset.from_arrays(tone.float(), RATE, held_out_s=2.0)


def _figures(content: str) -> list[list[str]]:
    rows = re.findall(r"^\| (.*) \|$", content, flags=re.MULTILINE)
    return [row.split(" | ")[1:] for row in rows if "---" not in row]


def test_seconds_are_drawn_from_the_recordings_and_tested_on_other_pitches(dataset: Dataset) -> None:
    learned = dataset.train.segments
    given = few_seconds.clip(learned, 2.0, 0)
    assert sum(one.n_frames for one in given) == 500
    samples, rate = few_seconds.sound(given)
    assert (len(samples), rate) == (2 * RATE, RATE)
    # It is short enough to be a note, so it is cut behind its beginning.
    assert np.array_equal(samples, learned[0].slice("audio", 0, 500))
    assert few_seconds.new_pitches(given, Split(given, learned[0].hop_length)) == 0
    with pytest.raises(ValueError, match="less than 99 s"):
        few_seconds.clip(learned, 99.0, 0)


def test_an_imitation_is_compared_with_training(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(few_seconds._SHORT, "training.batch_size", 1)
    monkeypatch.setitem(few_seconds._SHORT, "training.crop_s", 0.1)
    monkeypatch.setattr(imitate, "imitate", partial(transfer.imitate, steps=2))
    names = ("flute", "violin")
    for number, one in enumerate(dataset.train.segments):
        one.identity = number % 2
    changes = {"instrument.inputs.identity.names": list(names), "instrument.synth.harmonic.n_harmonics": 8}
    config = load_recipe("many", changes).instrument.fit(RATE, dataset.hop_length, (), names)
    own = dict.fromkeys(names, dataset.statistics)
    base = PlayableInstrument(config, dataset.statistics.model_copy(update={"identities": own}))
    given = few_seconds.clip(dataset.train.segments, 2.0, 0)
    before = few_seconds.measured(base, dataset.held_out)
    trained = few_seconds.trained(given, 3, base)
    assert trained.instrument.config.identities == ("",)
    assert trained.cpu_s > 0
    assert few_seconds.measured(trained.instrument, dataset.held_out) != before
    assert not few_seconds.trained(given, 1, None).instrument.config.identities
    of = few_seconds.Material("tone", dataset.train.segments, dataset.held_out)
    known = imitate.best_known(base, of)
    assert list(known) == list(names)
    line = imitate.five_seconds(base, of, 0, lambda: None)
    assert line[imitate.NEAREST] == pytest.approx(known[line["known"]], rel=0.05)
    content = imitate.embeddings_table({"tone": [line]}, {"tone": known})
    (row,) = _figures(content)[1:]
    assert row[0] == f"{100 * line['new_pitches']:.0f}"
    assert f"{line[imitate.FITTED]:.2f}" in row
    lines = [imitate.few_shot(base, of, way, 2.0, 1) for way in imitate.WAYS]
    table = _figures(imitate.curves_table(lines))
    assert [row[-1] for row in table[1:]] == [f"{one['loss']:.2f}" for one in lines]


def test_an_embedding_is_heard_from_the_spectrum(dataset: Dataset) -> None:
    def tone(numbers: range, identity: int) -> Segment:
        time_s = np.arange(8 * RATE) / RATE
        audio = sum(np.sin(2 * np.pi * 220 * k * time_s) / k for k in numbers) + 1e-3 * np.cos(time_s)
        features = analyze((0.2 * audio, RATE), hop_length=64)
        columns = {name: getattr(features, name).numpy() for name in FEATURES}
        part = ArrayPart({**columns, "audio": (0.2 * audio).astype(np.float32)}, features.n_frames)
        return Segment("tone", [part], RATE, 64, identity)

    torch.manual_seed(0)
    names = ("bright", "dull")
    base = Instrument(load_recipe("many").instrument.fit(RATE, 64, (), names))
    segments = [tone(range(1, 15), 0), tone(range(1, 3), 1)]
    ear = heard.trained_ear(base, Split(segments, 64))
    embeddings = base.state_dict()[EMBEDDING].T
    for number, one in enumerate(segments):
        distances = (embeddings - ear(few_seconds.clip([one], 4.0, 7))).norm(dim=1)
        assert int(distances.argmin()) == number


def test_the_sections_are_on_the_page() -> None:
    for name in ("embeddings", "curves"):
        assert page_of(name, "imitate")
