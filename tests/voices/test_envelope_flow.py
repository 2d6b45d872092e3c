"""Refined envelopes of coded voices: pieces, seeds, what stays, the file."""

import dataclasses

import pytest
import torch

from oscine.errors import InputError
from oscine.voices import (
    CodedVoice,
    EnvelopeFlow,
    EnvelopeFlowConfig,
    Voice,
    encode,
    envelope_flow,
    refined_pieces,
    voice_bands,
    voice_hop,
)
from oscine.voices.envelope_flow import Coarseness


def voice(seconds: float = 3.0, sample_rate: int = 16_000) -> Voice:
    generator = torch.Generator().manual_seed(4)
    n, n_bands = round(200 * seconds), voice_bands(sample_rate)
    density = -70 + 15 * torch.randn(n, n_bands, generator=generator)
    ratio = 10 * torch.randn(n, n_bands, generator=generator)
    return Voice(torch.full((n,), 150.0), density, ratio, sample_rate, voice_hop(sample_rate))


def small(**sizes: float) -> EnvelopeFlow:
    torch.manual_seed(1)
    sizes = {"predictor_width": 8, "width": 8, "n_layers": 2, "look_ahead": 2, **sizes}
    flow = EnvelopeFlow(EnvelopeFlowConfig.model_validate(sizes)).eval().requires_grad_(False)
    for head in (flow.predictor.head, flow.flow.ahead.head):
        head.weight.normal_(0, 0.1)
    return flow


def whole(coded: CodedVoice, flow: EnvelopeFlow, **options: int) -> Voice:
    parts = list(refined_pieces(coded, flow, **options))
    names = ("f0_hz", "density_db", "noise_ratio_db")
    joined = {name: torch.cat([getattr(part, name) for part in parts]) for name in names}
    return dataclasses.replace(parts[0], **joined)


@pytest.mark.parametrize("seconds", [0.005, 0.01, 0.015, 2.995, 3.0])
@pytest.mark.parametrize("n_steps", [0, 4])
def test_the_result_does_not_depend_on_the_pieces(seconds, n_steps, monkeypatch):
    coded, flow = CodedVoice.of(voice(seconds), 7, 40), small()
    once = whole(coded, flow, n_steps=n_steps)
    assert once.density_db.shape == (coded.n_frames, 80)
    monkeypatch.setattr(envelope_flow, "PIECE_FRAMES", 100)
    pieces = whole(coded, flow, n_steps=n_steps)
    torch.testing.assert_close(pieces.density_db, once.density_db, atol=1e-3, rtol=0)


def test_pitch_and_noise_ratio_stay_and_the_seed_decides_the_density():
    coded, flow = CodedVoice.of(voice(), 7, 40), small()
    (decoded,), made = coded.pieces(), whole(coded, flow)
    torch.testing.assert_close(made.f0_hz, decoded.f0_hz, atol=0, rtol=0)
    torch.testing.assert_close(made.noise_ratio_db, decoded.noise_ratio_db, atol=0, rtol=0)
    assert torch.equal(made.density_db, whole(coded, flow, seed=0).density_db)
    assert not torch.allclose(made.density_db, whole(coded, flow, seed=1).density_db, atol=0.1)
    assert torch.equal(
        whole(coded, flow, n_steps=0).density_db, whole(coded, flow, n_steps=0, seed=1).density_db
    )


def test_a_new_flow_ends_where_it_starts_and_a_new_predictor_gives_what_was_decoded():
    coded = CodedVoice.of(voice(), 7, 40)
    flow = EnvelopeFlow(EnvelopeFlowConfig(predictor_width=8, width=8, n_layers=2)).requires_grad_(False)
    (decoded,) = coded.pieces()
    torch.testing.assert_close(
        whole(coded, flow, n_steps=0).density_db, decoded.density_db, atol=1e-4, rtol=0
    )
    conditions = flow.conditions(decoded, Coarseness.of(coded))[None]
    noise = torch.randn(1, conditions.shape[1], 80)
    start = 0.7 * (decoded.density_db[1::2] + 80) / 20 + 0.3 * noise
    torch.testing.assert_close(flow.refined(conditions, noise), start, atol=1e-5, rtol=0)


def test_bands_above_8_khz_stay():
    coded, flow = CodedVoice.of(voice(1.0, 44_100), 7, 40), small()
    (decoded,), made = coded.pieces(), whole(coded, flow)
    assert torch.equal(made.density_db[:, 80:], decoded.density_db[:, 80:])
    assert not torch.allclose(made.density_db[:, :80], decoded.density_db[:, :80], atol=0.5)


def test_low_sample_rates_are_refused():
    with pytest.raises(InputError, match="8000 Hz"):
        next(refined_pieces(CodedVoice.of(voice(1.0, 8000), 7, 40), small()))


def test_coarseness_counts_the_cosines_that_are_used():
    coded = CodedVoice.read(encode(voice(), 2.0))
    assert Coarseness.of(coded) == (20, coded.knot_frames, coded.step)
    residuals = coded.residuals.copy()
    residuals[:, 6:20] = 0
    assert Coarseness.of(dataclasses.replace(coded, residuals=residuals)).n_cosines == 6


def test_a_saved_flow_is_the_same_to_eleven_bits(tmp_path):
    coded, flow = CodedVoice.of(voice(), 7, 40), small(t_start=0.5)
    flow.save(tmp_path / "f.safetensors")
    loaded = EnvelopeFlow.load(tmp_path / "f.safetensors")
    assert loaded.config == flow.config
    torch.testing.assert_close(
        whole(coded, loaded).density_db, whole(coded, flow).density_db, atol=0.3, rtol=5e-3
    )


def test_a_file_of_something_else_is_refused(tmp_path):
    import safetensors.torch

    from oscine import weights

    with pytest.raises(InputError, match="not an envelope flow"):
        EnvelopeFlow.load(weights.path("enhancer"))
    config = EnvelopeFlowConfig(predictor_width=16, width=8, n_layers=2, look_ahead=2)
    tensors = {name: tensor.half() for name, tensor in small().state_dict().items()}
    path = tmp_path / "other.safetensors"
    safetensors.torch.save_file(tensors, path, {"oscine.envelope_flow": config.model_dump_json()})
    with pytest.raises(InputError, match="do not fit"):
        EnvelopeFlow.load(path)


def test_knots_and_steps_out_of_range_are_refused():
    for knot_frames, step in ((0, 40), (7, 0), (256, 40), (7, 256)):
        with pytest.raises(ValueError, match="1 to 255"):
            CodedVoice.of(voice(0.5), knot_frames, step)


def test_the_package_network_brings_decoded_envelopes_closer_to_a_voice_it_never_heard():
    """Singing, measured and coded; the mean absolute error of what can be heard has to fall."""
    from oscine import recordings, weights
    from oscine.audio import read_audio
    from oscine.voices import analyze_voice

    sung = torch.from_numpy(read_audio(recordings.path("singing"), 16_000)[0])[: 6 * 16_000]
    heard = analyze_voice((sung, 16_000))
    loud = heard.density_db > -110
    flow = EnvelopeFlow.load(weights.path("envelope_flow"))
    for bitrate in (0.6, 1.2):
        coded = CodedVoice.read(encode(heard, bitrate))
        (decoded,), restored = coded.pieces(), whole(coded, flow, n_steps=0)
        before, after = (
            float((one.density_db - heard.density_db)[loud].abs().mean()) for one in (decoded, restored)
        )
        assert after < before


def test_the_command_restores_a_coded_voice_and_nothing_else(tmp_path, capsys):
    import soundfile

    from oscine.cli.main import main

    sound = 0.1 * torch.sign(torch.sin(torch.arange(16_000) * 2 * torch.pi * 150 / 16_000))
    soundfile.write(tmp_path / "in.wav", sound.numpy(), 16_000)
    coded, plain, restored = (str(tmp_path / name) for name in ("in.ovc", "plain.wav", "restored.wav"))
    for arguments in ([str(tmp_path / "in.wav"), "-o", coded], [coded, "-o", plain]):
        with pytest.raises(SystemExit, match="0"):
            main(["voice", *arguments])
    with pytest.raises(SystemExit, match="0"):
        main(["voice", coded, "--restore", "-o", restored])
    one, other = (soundfile.read(name)[0] for name in (plain, restored))
    assert len(one) == len(other)
    assert abs(one - other).max() > 1e-3
    with pytest.raises(SystemExit) as ended:
        main(["voice", str(tmp_path / "in.wav"), "--restore", "-o", str(tmp_path / "no.wav")])
    assert ended.value.code == 2
    assert "can be restored" in capsys.readouterr().err
    assert not (tmp_path / "no.wav").exists()
