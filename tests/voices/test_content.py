"""Conversion by content: frames are matched by what they say; features come from files and from models."""

import json

import numpy as np
import pytest
import soundfile
import torch

from oscine.cli.main import main
from oscine.errors import InputError
from oscine.functional import envelope_grid_hz
from oscine.voices import ContentFeatures, SpeechModel, Voice, analyze_voice, convert_voice, read_content
from oscine.voices.matching import Neighbours, matched_pieces
from oscine.voices.statistics import level_db, shape_of

RATE, HOP, BANDS = 16_000, 80, 80
#: Frames a vowel lasts, and those of the voice in one of the content.
LENGTH, RATIO = 40, 4


def vowels(size: float) -> torch.Tensor:
    """Return the envelopes of five vowels of one head, dB."""
    hz = envelope_grid_hz(BANDS, RATE).float()
    formants = torch.tensor([[300, 2200], [450, 1900], [700, 1200], [450, 900], [320, 750]]) * size
    peaks = 25 * torch.exp(-(((hz - formants[:, :, None]) / 160) ** 2)).sum(1)
    return peaks - 75 - 9 * torch.log2(1 + hz / 500)


def speaker(size: float, f0_hz: float, order: list[int], noise_db: float = -25.0) -> Voice:
    phones = torch.tensor(order).repeat_interleave(LENGTH)
    density = vowels(size)[phones] + 3 * torch.sin(torch.arange(len(phones)) / 30)[:, None]
    f0 = f0_hz * torch.exp2(torch.sin(torch.arange(len(phones)) / 50) / 6)
    return Voice(f0, density, torch.full_like(density, noise_db), RATE, HOP)


def said(order: list[int]) -> ContentFeatures:
    """Return one-hot phones at 50 Hz."""
    phones = torch.tensor(order).repeat_interleave(LENGTH // RATIO)
    return ContentFeatures(torch.nn.functional.one_hot(phones, 5).float(), 50.0)


def pieces_of(voice: Voice, *stops: int):
    yield from (voice.slice(a, b) for a, b in zip((0, *stops), (*stops, len(voice.f0_hz)), strict=True))


def test_every_frame_gets_the_envelope_of_the_targets_vowel():
    order, other = [2, 0, 4, 1, 3, 0], [3, 1, 0, 2, 4, 1]
    source, target = speaker(1.0, 120.0, order), speaker(1.25, 200.0, other)
    neighbours = Neighbours()
    neighbours.add(said(other), pieces_of(target, 101))
    found = torch.cat(
        [piece.density_db for piece in matched_pieces(pieces_of(source, 90), said(order), neighbours)]
    )
    phones = torch.tensor(order).repeat_interleave(LENGTH)
    right = shape_of(vowels(1.25))[phones]
    # Between two vowels the shape moves from one to the other within one frame of the content.
    inside = (torch.arange(len(phones)) % LENGTH >= RATIO) & (
        torch.arange(len(phones)) % LENGTH < LENGTH - RATIO
    )
    torch.testing.assert_close(shape_of(found)[inside], right[inside], atol=1e-3, rtol=0)
    wrong = shape_of(vowels(1.0))[phones]
    assert float((wrong - right)[inside].abs().mean()) > 1.0
    torch.testing.assert_close(level_db(found, RATE), level_db(source.density_db, RATE), atol=1e-3, rtol=0)


def test_a_recording_is_converted_by_its_content():
    order, other = [2, 0, 4, 1, 3, 0] * 3, [3, 1, 0, 2, 4, 1] * 3
    source, target = speaker(1.0, 120.0, order), speaker(1.25, 200.0, other)
    sound, like = source.play(), target.play(seed=1)
    audio, rate = convert_voice((sound, RATE), (like, RATE), content=[said(order), said(other)])
    assert (rate, len(audio)) == (RATE, len(sound))
    heard = analyze_voice((audio, RATE))
    phones = torch.tensor(order).repeat_interleave(LENGTH)
    inside = (torch.arange(len(phones)) % LENGTH >= 8) & (torch.arange(len(phones)) % LENGTH < LENGTH - 8)
    low = envelope_grid_hz(BANDS, RATE) < 4_000
    shape = (heard.density_db[:, low] - heard.density_db[:, low].mean(1, keepdim=True))[inside]
    errors = []
    for size in (1.25, 1.0):
        right = vowels(size)[:, low]
        errors.append(float((shape - (right - right.mean(1, keepdim=True))[phones][inside]).abs().mean()))
    # The analysis of the target itself is 1.6 dB off, and that of the output comes on top.
    assert errors[0] < 2.6
    assert errors[1] > 4.0
    assert abs(12 * float(torch.log2(heard.f0_hz.median() / 200.0))) < 0.7


def test_no_strength_changes_nothing():
    order = [2, 0, 4, 1, 3, 0]
    source, neighbours = speaker(1.0, 120.0, order), Neighbours()
    neighbours.add(said(order), pieces_of(speaker(1.25, 200.0, order)))
    (found,) = matched_pieces(pieces_of(source), said(order), neighbours, 0.0)
    torch.testing.assert_close(found.density_db, source.density_db, atol=1e-3, rtol=0)


def test_the_rate_of_a_matrix_is_found(tmp_path):
    path = tmp_path / "features.npy"
    np.save(path, np.ones((149, 3), np.float64))
    assert read_content(path, 3.0).frames_per_s == 50.0
    assert read_content(path, 3.1).frames_per_s == 48.0
    np.save(path, np.ones((1050, 3), np.float64))
    assert read_content(path, 25.3).frames_per_s == pytest.approx(1050 / 25.3)
    assert read_content(path, 3.0, 49.5).frames_per_s == 49.5


def test_what_is_no_matrix_is_refused(tmp_path):
    path = tmp_path / "features.npy"
    for content, words in (
        (np.ones(5), "frames × features"),
        (np.ones((5, 2), complex), "no real numbers"),
        (np.full((5, 2), np.nan), "not finite"),
        (np.ones((0, 2)), "frames × features"),
    ):
        np.save(path, content)
        with pytest.raises(InputError, match=words):
            read_content(path, 1.0)
    np.save(path, np.array([{}], object), allow_pickle=True)
    with pytest.raises(InputError, match="NumPy file"):
        read_content(path, 1.0)
    np.save(path, np.full((5, 2), 1e300))
    with pytest.raises(InputError, match="not finite in float32"):
        read_content(path, 1.0)
    about = "{'descr': '<f4', 'fortran_order': False, 'shape': "
    for header in (about + "(10" + "0" * 20 + ", 2)}", about + "(True, 2)}", "{'descr': ", "(" * 9000):
        content = header.ljust(9999).encode() + b"\n"
        path.write_bytes(b"\x93NUMPY\x01\x00" + len(content).to_bytes(2, "little") + content)
        with pytest.raises(InputError, match="NumPy file"):
            read_content(path, 1.0)
    path.write_bytes(b"no array")
    with pytest.raises(InputError, match="NumPy file"):
        read_content(path, 1.0)
    np.save(path, np.ones((50, 2)))
    with pytest.raises(InputError, match="rate"):
        read_content(path, 1.0, -50.0)


def test_content_must_fit_the_recordings():
    order = [2, 0, 4, 1, 3, 0] * 2
    sound, like = speaker(1.0, 120.0, order).play(), speaker(1.25, 200.0, order).play()
    with pytest.raises(InputError, match="is of 1 recording, and 2 are given"):
        convert_voice((sound, RATE), (like, RATE), content=[said(order)])
    with pytest.raises(InputError, match="right rate"):
        convert_voice((sound, RATE), (like, RATE), content=[said(order), said(order[:6])])
    few = ContentFeatures(said(order).values[:, :4].contiguous(), 50.0)
    with pytest.raises(InputError, match="features a frame"):
        convert_voice((sound, RATE), (like, RATE), content=[few, said(order)])


def test_the_command_takes_matrices(tmp_path, capsys):
    order = [2, 0, 4, 1, 3, 0] * 2
    for name, size in (("in", 1.0), ("like", 1.25)):
        soundfile.write(tmp_path / f"{name}.wav", speaker(size, 120.0 * size, order).play().numpy(), RATE)
        np.save(tmp_path / f"{name}.npy", said(order).values.numpy())
    command = ["convert", str(tmp_path / "in.wav"), "--like", str(tmp_path / "like.wav")]
    command += ["-o", str(tmp_path / "out.wav"), "--json", "--content", str(tmp_path / "in.npy")]
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    assert "1 .npy file of content cannot serve 2 recordings" in " ".join(capsys.readouterr().err.split())
    for option in ("--layer", "--content-rate"):
        with pytest.raises(SystemExit) as ended:
            main([*command[:-2], option, "3"])
        assert ended.value.code == 2
        assert f"give --content, or remove {option}" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out.wav").exists()
    with pytest.raises(SystemExit) as ended:
        main([*command, "--content", str(tmp_path / "like.npy")])
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["content_frames"] == len(said(order).values)


TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "conv_dim": [8] * 7,
}


def saved(kind: str, folder):
    """Write a small random model and return its folder and itself."""
    transformers = pytest.importorskip("transformers", reason="install the package transformers")
    make = {
        "hubert": (transformers.HubertConfig, transformers.HubertModel),
        "wavlm": (transformers.WavLMConfig, transformers.WavLMModel),
    }[kind]
    torch.manual_seed(1)
    model = make[1](make[0](**TINY)).eval()
    model.save_pretrained(folder, safe_serialization=True)
    return folder, model


@pytest.mark.parametrize("kind", ["hubert", "wavlm"])
def test_a_model_gives_the_features_of_its_layer(kind, tmp_path):
    folder, model = saved(kind, tmp_path / kind)
    sound = torch.randn(RATE * 2) * 0.1
    for layer in (0, 1, None):
        found = SpeechModel(folder, layer)((sound, RATE))
        assert found.frames_per_s == 50.0
        assert found.values.shape == (100, 16)
        padded = torch.nn.functional.pad(sound, (40, 40))[None]
        with torch.no_grad():
            states = model(padded, output_hidden_states=True).hidden_states
        torch.testing.assert_close(
            found.values, states[2 if layer is None else layer][0], atol=1e-4, rtol=1e-4
        )


def test_a_long_recording_is_taken_in_pieces(tmp_path, monkeypatch):
    folder, _ = saved("hubert", tmp_path / "model")
    sound = torch.randn(RATE * 4) * 0.1
    model = SpeechModel(folder, 0)
    whole = model((sound, RATE)).values
    monkeypatch.setattr("oscine.voices.content._PIECE", 60)
    monkeypatch.setattr("oscine.voices.content._AROUND", 20)
    pieces = model((sound, RATE)).values
    assert pieces.shape == whole.shape
    # The normalisation over time in the first layer of this kind sees the piece alone.
    similar = torch.nn.functional.cosine_similarity(pieces, whole, dim=1)
    assert float(similar.min()) > 0.9


def test_a_model_that_cannot_be_used_is_refused(tmp_path):
    folder, _ = saved("hubert", tmp_path / "model")
    with pytest.raises(InputError, match="no layer 3"):
        SpeechModel(folder, 3)
    with pytest.raises(InputError, match="not a folder"):
        SpeechModel(tmp_path / "absent")
    settings = json.loads((folder / "config.json").read_text())
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(InputError, match="may run code"):
        SpeechModel(folder)
    (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(InputError):
        SpeechModel(folder)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_text(json.dumps({**settings, "num_hidden_layers": 3}))
    with pytest.raises(InputError, match="whole model"):
        SpeechModel(folder)
    for kind in ("bert", ["hubert"]):
        (folder / "config.json").write_text(json.dumps({**settings, "model_type": kind}))
        with pytest.raises(InputError, match="is a model of type"):
            SpeechModel(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(InputError):
        SpeechModel(folder)


def test_without_transformers_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    import safetensors.torch

    (tmp_path / "config.json").write_text('{"model_type": "hubert"}')
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "model.safetensors")
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(InputError, match=r"pip install 'oscine\[content\]'"):
        SpeechModel(tmp_path)
