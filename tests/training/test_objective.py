"""The objective: which loss trains the pitch, when, and what each part leaves unchanged."""

import math
from itertools import pairwise

import pytest
import torch

from oscine.data import Batch, Statistics
from oscine.data.synthetic import synthetic_tones
from oscine.errors import InputError
from oscine.losses import LogMelLoss, TextureLoss
from oscine.models import Instrument, InstrumentConfig, TrainingConfig
from oscine.models.inputs import F0, CurveConfig, F0Config, Identity, IdentityConfig, LoudnessConfig
from oscine.networks import ControllerConfig, EncodedPitch, PitchEncoder, PitchEncoderConfig
from oscine.processors import AnyPart, HarmonicConfig, NoiseConfig
from oscine.training.objective import Objective, batch_conditions, pitch_encoder

RATE, HOP, FRAMES = 16_000, 64, 64


class Guess(PitchEncoder):
    """In place of a pitch encoder: one pitch for all frames, the only thing that learns."""

    def __init__(self, f0_hz: float) -> None:
        super().__init__(RATE, HOP, PitchEncoderConfig(n_mels=16, n_bins=8))
        self.midi = torch.nn.Parameter(torch.tensor(69 + 12 * math.log2(f0_hz / 440)))

    def forward(self, audio: torch.Tensor) -> EncodedPitch:
        f0_hz = 440 * 2 ** ((self.midi.expand(len(audio), audio.shape[1] // HOP) - 69) / 12)
        probabilities = torch.full((len(audio), FRAMES // 8, 4), 0.25)
        return EncodedPitch(f0_hz, probabilities, torch.zeros(len(audio), FRAMES // 8))


def _instrument(guess_hz: float) -> Instrument:
    torch.manual_seed(0)
    config = InstrumentConfig(
        sample_rate=RATE,
        hop_length=HOP,
        inputs=(F0Config(encoder=PitchEncoderConfig(n_mels=16, n_bins=8)), LoudnessConfig()),
        controller=ControllerConfig(hidden_size=8),
        synth=(HarmonicConfig(n_harmonics=20), NoiseConfig(n_bands=9)),
        effects=(),
    )
    instrument = Instrument(config)
    f0, _ = instrument.all_inputs()
    assert isinstance(f0, F0)
    f0.encoder = Guess(guess_hz)
    return instrument


def _guess(instrument: Instrument) -> Guess:
    encoder = pitch_encoder(instrument)
    assert isinstance(encoder, Guess)
    return encoder


def _batch(f0_hz: float) -> Batch:
    time = torch.arange(FRAMES * HOP) / RATE
    # As an untrained instrument has them, so that the pitch alone is wrong.
    partials = [torch.sin(2 * torch.pi * k * f0_hz * time) / k**2 for k in range(1, 20)]
    tone = torch.stack(partials).mean(0)[None]
    frames = torch.ones(1, FRAMES)
    return Batch(tone, f0_hz * frames, -20 * frames, frames, {}, torch.zeros(1, dtype=torch.long))


def _pitch_slope(objective: Objective, instrument: Instrument, batch: Batch, progress: float) -> float:
    instrument.zero_grad()
    objective.joint(instrument, batch, progress=progress).backward()
    slope = _guess(instrument).midi.grad
    return 0.0 if slope is None else float(slope)


@pytest.mark.parametrize("semitones", [-12.0, -5.0, -1.0, 1.0, 5.0, 12.0])
def test_transport_moves_the_pitch_from_afar_and_nothing_else(semitones: float) -> None:
    instrument = _instrument(300.0 * 2 ** (semitones / 12))
    config = TrainingConfig(transport_weight=1.0, handover_share=1.0)
    objective, batch = Objective(instrument, config), _batch(300.0)
    assert _pitch_slope(objective, instrument, batch, progress=0.0) * semitones > 0
    # The controller's gradient comes from the spectral loss alone, at every weight of transport.
    gradients = {}
    for weight in (0.0, 1.0):
        instrument.zero_grad()
        config = TrainingConfig(transport_weight=weight, handover_share=1.0)
        Objective(instrument, config).joint(instrument, batch, progress=0.0).backward()
        gradients[weight] = instrument.controller.head.weight.grad
    torch.testing.assert_close(gradients[0.0], gradients[1.0])


def test_the_pitch_is_handed_over() -> None:
    instrument = _instrument(400.0)
    config = TrainingConfig(pretraining_share=0.2, transport_weight=1.0, handover_share=0.5)
    objective = Objective(instrument, config)
    assert [objective.is_synthetic(7, p) for p in (0.0, 0.19, 0.2, 1.0)] == [True, True, False, False]
    shares = [objective.handed_over(p) for p in (0.2, 0.4, 0.6, 1.0)]
    assert shares == pytest.approx([0.0, 0.5, 1.0, 1.0])
    alone = Objective(instrument, TrainingConfig())
    assert alone.handed_over(0.0) == 1.0
    batch = _batch(300.0)
    after = _pitch_slope(objective, instrument, batch, progress=1.0)
    assert after == _pitch_slope(alone, instrument, batch, progress=0.0) != 0.0


def test_the_loudness_is_compared_in_db() -> None:
    instrument = _instrument(300.0)
    batch = _batch(300.0)
    plain, louder = (Objective(instrument, TrainingConfig(loudness_weight=w)) for w in (0.0, 0.5))
    audio = (0.5 * batch.audio).requires_grad_()
    difference = louder.sound_loss(audio, batch.audio) - plain.sound_loss(audio, batch.audio)
    assert float(difference.detach()) == pytest.approx(0.5 * 20 * math.log10(2), rel=1e-3)
    (slope,) = torch.autograd.grad(difference, audio)
    assert float((slope * audio.detach()).sum()) < 0  # louder is better


def test_further_losses_count_by_their_weights() -> None:
    instrument, audio = _instrument(300.0), 0.5 * _batch(300.0).audio
    target = _batch(330.0).audio
    plain = Objective(instrument, TrainingConfig()).sound_loss(audio, target)
    for name, loss in (("log_mel_weight", LogMelLoss(RATE)), ("texture_weight", TextureLoss(RATE))):
        with_it = Objective(instrument, TrainingConfig.model_validate({name: 0.3})).sound_loss(audio, target)
        assert float(with_it - plain) == pytest.approx(0.3 * float(loss(audio, target)), rel=1e-4)


def test_synthetic_tones_keep_their_share_of_the_steps() -> None:
    objective = Objective(_instrument(300.0), TrainingConfig(synthetic_share=0.3))
    turns = [objective.is_synthetic(step, 0.5) for step in range(100)]
    assert sum(turns) == 30
    assert not any(a and b for a, b in pairwise(turns))


def test_pretraining_teaches_pitch_and_controls() -> None:
    instrument = _instrument(200.0)
    objective = Objective(instrument, TrainingConfig(pretraining_share=0.5))
    tones = synthetic_tones(0, 0, 2, FRAMES, sample_rate=RATE, hop_length=HOP, n_harmonics=20, n_bands=9)
    losses = []
    optimizer = torch.optim.Adam(instrument.parameters(), 3e-2)
    for _ in range(30):
        optimizer.zero_grad()
        loss = objective.pretraining(instrument, tones.audio, tones.controls)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]
    assert _guess(instrument).midi.grad is not None
    assert instrument.controller.head.weight.grad is not None


def test_synthetic_tones_have_every_curve_at_its_mean_and_all_identities_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inputs = (
        *(F0Config(), LoudnessConfig(), CurveConfig(name="breath")),
        IdentityConfig(size=3, names=("flute", "violin")),
    )
    statistics = Statistics(
        minutes=1.0,
        voiced_share=0.9,
        pitch_midi_quantiles=[50 + i / 4 for i in range(101)],
        loudness_db_quantiles=[-60 + i / 2 for i in range(101)],
        loudness_db_silence=-75.0,
        curves={"breath": (5.0, 2.0)},
    )
    instrument = Instrument(_instrument(200.0).config.model_copy(update={"inputs": inputs}), statistics)
    given: list[dict[str, torch.Tensor]] = []
    control = instrument.control
    monkeypatch.setattr(
        instrument,
        "control",
        lambda conditions, seed: given.append(conditions) or control(conditions, seed=seed),
    )
    tones = synthetic_tones(0, 0, 1, FRAMES, sample_rate=RATE, hop_length=HOP, n_harmonics=20, n_bands=9)
    Objective(instrument, TrainingConfig()).pretraining(instrument, tones.audio, tones.controls).backward()
    (conditions,) = given
    assert conditions["breath"].unique().tolist() == [5.0]
    assert conditions["identity"].unique().tolist() == [0.5]
    identity = instrument.all_inputs()[-1]
    assert isinstance(identity, Identity)
    slope = identity.embedding.weight.grad
    assert slope is not None
    assert float(slope.abs().max()) > 0
    torch.testing.assert_close(slope[:, 0], slope[:, 1])


@pytest.mark.parametrize("synth", [(HarmonicConfig(),), (NoiseConfig(),)])
def test_pretraining_needs_harmonics_and_noise(synth: tuple[AnyPart, ...]) -> None:
    config = _instrument(200.0).config.model_copy(update={"inputs": (F0Config(),), "synth": synth})
    tones = synthetic_tones(0, 0, 1, FRAMES, sample_rate=RATE, hop_length=HOP, n_harmonics=20, n_bands=9)
    instrument = Instrument(config)
    with pytest.raises(
        InputError, match=r"The synth has no (FilteredNoise|HarmonicOscillator), which pre-train"
    ):
        Objective(instrument, TrainingConfig()).pretraining(instrument, tones.audio, tones.controls)


def test_the_conditions_of_a_batch_are_its_own() -> None:
    inputs = (*(F0Config(), LoudnessConfig(), CurveConfig(name="breath")), IdentityConfig(names=("a", "b")))
    instrument = Instrument(_instrument(200.0).config.model_copy(update={"inputs": inputs}))
    batch = _batch(300.0)
    breath = torch.linspace(0.0, 1.0, FRAMES)[None]
    conditions = batch_conditions(
        instrument, batch._replace(curves={"breath": breath}, identity=torch.tensor([1]))
    )
    assert torch.equal(conditions["f0_hz"], batch.f0_hz)
    assert torch.equal(conditions["loudness_db"], batch.loudness_db)
    assert torch.equal(conditions["breath"], breath)
    assert conditions["identity"].unique(dim=1).tolist() == [[[0.0, 1.0]]]


def test_a_transport_without_time_is_refused() -> None:
    with pytest.raises(ValueError, match="handover_share"):
        TrainingConfig(transport_weight=0.3)


def test_the_perceptual_loss_is_added_by_its_weight() -> None:
    instrument, batch = _instrument(280.0), _batch(300.0)
    values = [
        float(
            Objective(instrument, TrainingConfig(perceptual_weight=weight)).joint(instrument, batch).detach()
        )
        for weight in (0.0, 1.0, 2.0)
    ]
    assert values[1] > values[0]
    assert values[2] - values[1] == pytest.approx(values[1] - values[0], rel=1e-4)
