"""Patches: played at another pitch, level and length; saved and loaded; a stranger's file is refused."""

import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save
from tests.fitting.conftest import HOP, RATE, known_patch

from oscine.analysis import analyze
from oscine.errors import InputError
from oscine.fitting import Patch
from oscine.tensor_file import read_header


@pytest.fixture
def saved(patch, tmp_path):
    patch.save(tmp_path / "a.safetensors")
    return tmp_path / "a.safetensors"


def rewritten(path, change=None, **tensors):
    """Write a patch's file again, with another description or other tensors, its sha256 left as it was."""
    description = json.loads(read_header(path).metadata["oscine_patch"])
    if change is not None:
        change(description)
    path.write_bytes(save({**load_file(path), **tensors}, {"oscine_patch": json.dumps(description)}))
    return path


def test_a_loaded_patch_sounds_the_same(patch, saved):
    audio, sample_rate = Patch.load(saved).play()
    assert sample_rate == RATE
    assert torch.equal(audio, patch.play()[0])
    description = json.loads(read_header(saved).metadata["oscine_patch"])
    assert description["units"] == {
        "f0_hz": "Hz",
        "harmonic.amplitude": "linear",
        "harmonic.harmonic_distribution": "weight",
        "noise.magnitudes": "linear",
    }


def test_it_is_played_at_another_pitch_level_and_length(patch):
    plain, _ = patch.play(dry=True)
    for octave in (-1, 1 / 12):
        f0_hz = analyze(patch.play(octave=octave, dry=True)[0], RATE, HOP).f0_hz
        assert float(f0_hz[20:-20].median()) == pytest.approx(330 * 2**octave, rel=2e-3)
    torch.testing.assert_close(patch.play(gain_db=-6.0206, dry=True)[0], 0.5 * plain, atol=1e-5, rtol=0)
    longer = patch.play(stretch=2.5, dry=True)[0]
    assert len(longer) == 2.5 * len(plain)
    f0_hz = analyze(longer, RATE, HOP).f0_hz
    assert float(f0_hz[20:-20].median()) == pytest.approx(330, rel=2e-3)
    # The swell is as far along: its first maximum, at 1/12 s, comes 2.5 times later.
    level = longer.unfold(0, 400, 400).square().mean(-1)[:20]
    assert int(level.argmax()) * 400 / RATE == pytest.approx(2.5 / 12, abs=0.05)
    assert not torch.equal(patch.play(seed=4)[0], patch.play()[0])


def test_long_patches_are_played_in_pieces_without_a_seam(patch, monkeypatch):
    whole, _ = patch.play()
    monkeypatch.setattr("oscine.fitting.patch._PIECE_S", 0.05)
    torch.testing.assert_close(patch.play()[0], whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "options", [{"octave": 7}, {"octave": float("nan")}, {"gain_db": 90}, {"stretch": 0}, {"stretch": 100}]
)
def test_what_can_not_be_played_is_refused(patch, options):
    with pytest.raises(InputError, match=f"{next(iter(options))} is .*; give"):
        patch.play(**options)


def test_a_name_that_says_something_else_is_refused(patch, tmp_path):
    with pytest.raises(InputError, match=r"must end in \.safetensors"):
        patch.save(tmp_path / "a.pt")
    assert not list(tmp_path.iterdir())


def test_a_flipped_byte_is_found(saved):
    content = bytearray(saved.read_bytes())
    content[-3] ^= 1
    saved.write_bytes(content)
    with pytest.raises(InputError, match="sha256 differs"):
        Patch.load(saved)


def test_values_that_would_hurt_are_refused_even_with_their_own_hash(tmp_path):
    for name, value, reason in (
        ("harmonic.amplitude", float("nan"), "is not all finite numbers"),
        ("harmonic.amplitude", 1e6, "harmonic.amplitude leaves 0 … 2"),
        ("f0_hz", 0.0, "f0_hz leaves 1 … 8000"),
    ):
        made = known_patch()
        made.controls[name][7] = value
        made.save(tmp_path / "a.safetensors")
        with pytest.raises(InputError, match=reason):
            Patch.load(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 2}, "format"),
        ({"n_samples": 10**12}, "at most 600 s"),
        ({"n_samples": 640}, "controls.f0_hz is 100"),
        ({"synth": [{"kind": "harmonic", "n_harmonics": 9}, {"kind": "noise", "n_bands": 5}]}, "× 8"),
        ({"synth": [{"kind": "harmonic", "n_harmonics": 8}]}, "units"),
        ({"synth": [{"kind": "shell", "command": "ls"}]}, "kind"),
        ({"effects": [{"kind": "reverb", "ir_s": 19.0}]}, "impulse_response is 799"),
        ({"effects": [{"kind": "pulse"}]}, "takes no audio"),
        ({"units": {}}, "units"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(saved, change, reason):
    with pytest.raises(InputError, match=reason) as refused:
        Patch.load(rewritten(saved, lambda description: description.update(change)))
    assert "\n" not in str(refused.value)


def test_other_files_are_no_patches(saved, tmp_path):
    with pytest.raises(InputError, match="do not fit its config"):
        Patch.load(rewritten(saved, more=torch.zeros(2)))
    plain = tmp_path / "plain.safetensors"
    plain.write_bytes(save({"f0_hz": torch.zeros(3)}))
    with pytest.raises(InputError, match="is not a patch"):
        Patch.load(plain)
    plain.write_bytes(save({"f0_hz": torch.zeros(3)}, {"oscine_patch": "[" * 100_000}))
    with pytest.raises(InputError, match="nested too deeply"):
        Patch.load(plain)
    plain.write_bytes(pickle.dumps({"f0_hz": 1}))
    with pytest.raises(InputError, match="not a safetensors file"):
        Patch.load(plain)
    plain.write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(InputError, match="longer or shorter"):
        Patch.load(plain)
