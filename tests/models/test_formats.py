"""Folders that earlier versions saved: they load, and they sound as they did."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from oscine import kernels
from oscine.errors import InputError
from oscine.models import Instrument
from oscine.models.formats import FORMAT

_SAVED = Path(__file__).parent / "saved"
_OLD = ("format-1", "format-2")


def _played(folder: Path) -> dict[str, Tensor]:
    """What the version that saved the folder played, and from what."""
    return load_file(folder / "played.safetensors")


def _conditions(instrument: Instrument, played: dict[str, Tensor]) -> dict[str, Tensor]:
    """The conditions, measured in the noise; what is not measured is the breath, and the second identity."""
    features = {name: played[name] for name in ("f0_hz", "confidence", "loudness_db")}
    given = {"breath": played["breath"], "identity": torch.tensor([1])}
    return instrument.conditions(played["noise"], features, given)


@pytest.mark.parametrize("name", _OLD)
def test_an_older_folder_sounds_as_it_did(name: str) -> None:
    instrument, played = Instrument.from_pretrained(_SAVED / name), _played(_SAVED / name)
    assert float(played["audio"].abs().max()) > 0.01
    with torch.no_grad():
        audio = instrument(_conditions(instrument, played))
    # The older code played by the AVX-512 kernels; other forms round elsewhere.
    atol = 1e-6 if kernels.chosen() == "avx512" else 1e-5
    torch.testing.assert_close(audio, played["audio"], rtol=0, atol=atol)


def test_the_older_folders_have_all_that_their_format_could_say() -> None:
    first, second = (Instrument.from_pretrained(_SAVED / name) for name in _OLD)
    assert list(first.inputs) == ["f0_hz", "loudness_db"]
    assert list(second.inputs) == [
        *("f0_hz", "loudness_db", "paper_loudness_db", "z"),
        *("periodicity", "centroid_midi", "breath", "identity"),
    ]
    assert second.config.identities == ("flute", "violin")
    for instrument in (first, second):
        assert list(instrument.synth.parts) == ["harmonic", "noise"]
        assert list(instrument.effects.parts) == ["reverb"]


@pytest.mark.parametrize("name", _OLD)
def test_saved_again_it_is_of_the_new_format_and_the_same(name: str, tmp_path: Path) -> None:
    old = Instrument.from_pretrained(_SAVED / name)
    old.save_pretrained(tmp_path / name)
    assert json.loads((tmp_path / name / "config.json").read_text())["format"] == FORMAT == 3
    new = Instrument.from_pretrained(tmp_path / name)
    assert new.config == old.config
    assert new.statistics == old.statistics
    conditions = _conditions(old, _played(_SAVED / name))
    with torch.no_grad():
        torch.testing.assert_close(new(conditions), old(conditions), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format": 4}, "format"),
        ({"format": 0}, "format"),
        ({"instrument": ["a list"]}, "instrument"),
        ({"n_strings": 4}, "n_strings"),
        ({"sample_rate": "fast"}, "sample_rate"),
        ({"reverb_s": "long"}, "ir_s"),
        ({"loudness": "loud"}, "loudness"),
        ({"curves": 3}, "curve.name"),
        ({"curves": ["breath", "breath"]}, "breath"),
        ({"curves": ["values"]}, "values"),
        ({"curves": [3]}, "curve.name"),
    ],
)
def test_a_damaged_older_config_is_one_sentence(
    changes: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(_SAVED / "format-1", tmp_path / "x"))
    content = json.loads((folder / "config.json").read_text())
    for name, value in changes.items():
        (content if name in content else content["instrument"])[name] = value
    (folder / "config.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=sentence):
        Instrument.from_pretrained(folder)
