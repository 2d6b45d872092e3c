"""Imitation: the embedding with which an instrument of several identities sounds like a clip."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from oscine.analysis import VOICED, Features, analyze
from oscine.analysis.features import FEATURES
from oscine.audio import Sound, rate_of, sound_blocks
from oscine.data import Batch, Segment, Split, Statistics, measure_statistics
from oscine.data.segment import ArrayPart
from oscine.errors import InputError
from oscine.files import printable
from oscine.losses import MultiScaleSpectralLoss
from oscine.models import Instrument
from oscine.models.conditioning import absent_conditions, statistics_of
from oscine.models.inputs.identity import EMBEDDING
from oscine.models.instrument import Kind
from oscine.transfer.streaming import describe

STEPS = 60
_MOST_STEPS = 10_000
_LONGEST_S, _LEAST_VOICED_S = 20.0, 0.5
_BATCH_SIZE, _CROP_S, _BEFORE_S = 4, 1.0, 0.25
#: As much of the band below half of its rate as a clip is compared in: resampling takes some of the rest.
_USED_BAND = 0.9
_LEARNING_RATE, _FINAL_RATIO = 0.05, 0.1
_KEPT_FACTS = ("licence", "credit", "started_from")
_LONGEST_NAME = 60


class Imitation(BaseModel):
    """The report of an imitation: the fit of an instrument to a clip."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clip: str = Field(description="The clip.")
    seconds: float = Field(description="Length of the clip that was used, at most 20 s.")
    nearest: str = Field(description="The known identity that sounds most like the clip.")
    nearest_loss: float = Field(description="Spectral loss of that identity on the clip.")
    fitted_loss: float = Field(description="Spectral loss of the fitted embedding on the clip.")


class Clip:
    """The beginning of a recording, which an instrument of several identities is compared with.

    The level of the clip is taken for that of an identity: the medians of their loudness are equal. Above
    nine tenths of half of the clip's sample rate nothing is compared.

    Args:
        instrument: The one that plays.
        sound: A path, or samples and their rate; the first 20 s are used.

    Raises:
        InputError: When it can't be read, or has less than half a second of notes.
    """

    def __init__(self, instrument: Instrument, sound: Sound) -> None:
        rate, hop_length = instrument.sample_rate, instrument.hop_length
        samples = _beginning(sound, round(_LONGEST_S * rate), rate)
        self.name = describe(sound)
        if not len(samples):
            raise InputError(f"{self.name} holds no audio; give a recording of one instrument.")
        self.seconds = len(samples) / rate
        # A clip of a lower rate has nothing above; that is the file's and not the instrument's.
        sound_rate = rate_of(sound)
        self.highest_hz = _USED_BAND * sound_rate / 2 if sound_rate < rate else rate / 2
        self.features: Features = analyze((samples, rate), hop_length=hop_length)
        self.voiced = self.features.confidence >= VOICED
        voiced_s = float(self.voiced.sum()) / self.features.frame_rate
        if voiced_s < _LEAST_VOICED_S:
            raise InputError(
                f"{self.name} has {voiced_s:.1f} s of notes in its first {_LONGEST_S:g} s; give at least "
                f"{_LEAST_VOICED_S:g} s of a single instrument."
            )
        n_frames = self.features.n_frames
        columns = {name: getattr(self.features, name).numpy() for name in FEATURES}
        columns["audio"] = np.pad(samples, (0, n_frames * hop_length - len(samples)))
        segment = Segment(self.name, [ArrayPart(columns, n_frames)], rate, hop_length)
        self.split = Split([segment], hop_length)
        self.instrument = instrument
        self.loss = MultiScaleSpectralLoss(rate).to(instrument.device)
        self._n_before = round(_BEFORE_S * self.features.frame_rate)

    def shift_db(self, identity: str) -> float:
        """Return the loudness of an identity above that of the clip, dB."""
        learned = statistics_of(self.instrument, identity)
        median = float(self.features.loudness_db[self.voiced].median())
        return 0.0 if learned is None else learned.loudness_db_quantiles[50] - median

    def whole(self) -> Batch:
        """Return all of it as one crop."""
        return self.split.batch(0, 0, 1, self.features.n_frames, self._n_before)

    def crops(self, step: int) -> Batch:
        """Return some seconds of it, others in each step."""
        n_frames = min(self.features.n_frames, round(_CROP_S * self.features.frame_rate))
        return self.split.batch(0, step, _BATCH_SIZE, n_frames, self._n_before)

    def distance(
        self, player: Instrument, batch: Batch, shift_db: float, number: int = 0, seed: int = 0
    ) -> Float[Tensor, ""]:
        """Return the spectral loss of an identity that plays crops of the clip.

        Args:
            player: Who plays.
            batch: The crops.
            shift_db: What the identity plays louder than the clip is; taken back before the comparison.
            number: Of the identity.
            seed: Of the noise.
        """
        batch = batch.map(lambda tensor: tensor.to(player.device))
        given = absent_conditions(player, batch.f0_hz.shape[1])
        given = {
            name: value.to(player.device).expand(len(batch.audio), *value.shape[1:])
            for name, value in given.items()
        }
        given["identity"] = torch.full((len(batch.audio),), number, device=player.device)
        features = {"f0_hz": batch.f0_hz, "confidence": batch.confidence, "loudness_db": batch.loudness_db}
        with torch.no_grad():
            conditions = player.conditions(batch.audio, features, given)
        for one in player.all_inputs():
            if one.unit == "dB":
                conditions[one.name] = conditions[one.name] + shift_db
        played = player(conditions, seed=seed) * 10 ** (-shift_db / 20)
        compared = slice(self._n_before * player.hop_length, None)
        return self.loss(self._in_band(played)[:, compared], self._in_band(batch.audio)[:, compared])

    def _in_band(self, audio: Float[Tensor, "batch time"]) -> Float[Tensor, "batch time"]:
        """Return what is below the highest frequency that the clip can have."""
        rate = self.instrument.sample_rate
        if self.highest_hz >= rate / 2:
            return audio
        spectrum = torch.fft.rfft(audio)
        n_kept = round(self.highest_hz / (rate / 2) * spectrum.shape[-1])
        kept = torch.arange(spectrum.shape[-1], device=audio.device) < n_kept
        return torch.fft.irfft(spectrum * kept, n=audio.shape[-1])


def imitate(
    instrument: Kind,
    clip: Sound,
    *,
    steps: int = STEPS,
    on_progress: Callable[[float], None] = lambda share: None,
) -> tuple[Kind, Imitation]:
    """Return an instrument of one identity that sounds like a clip, and the report of the fit.

    Each identity plays the pitch and loudness of the clip; the embedding of the one with the lowest spectral
    loss is the start. Adam moves this embedding, and no other weight, by the gradient of the loss on crops of
    the clip. If that does not lower the loss on all of the clip, the start stays.

    The new instrument is played, saved and exported like any other. Its dynamics are those of the nearest
    identity. Its register is that of the clip, and its range of pitch is that of both.

    Args:
        instrument: One of several identities, such as ``orchestra`` in the package.
        clip: A path, or samples and their rate: one instrument alone, of any level. The first 20 s are used.
        steps: Of the optimiser; 0 returns the nearest identity.
        on_progress: Is told the share that is done, 0 to 1.

    Raises:
        InputError: When the instrument has no identities, the clip can't be read or has less than half a
            second of notes, or ``steps`` is out of its range.

    Examples:
        >>> from oscine.transfer import imitate, load
        >>> kazoo, found = imitate(load("orchestra"), "kazoo.wav")          # doctest: +SKIP
        >>> kazoo.save_pretrained("my-kazoo")                               # doctest: +SKIP
    """
    if not 0 <= steps <= _MOST_STEPS:
        raise InputError(f"steps is {steps}; give 0 … {_MOST_STEPS}.")
    names = instrument.config.identities
    if len(names) < 2:
        raise InputError(
            "The instrument has learned no identities, which an imitation is made of; choose one that has, "
            "such as orchestra, or train one with --recipe many."
        )
    heard = Clip(instrument, clip)
    losses = known_losses(instrument, heard)
    nearest = min(names, key=losses.__getitem__)
    new_name = "clip" if isinstance(clip, tuple) else printable(Path(clip).stem)[:_LONGEST_NAME]
    start = instrument.state_dict()[EMBEDDING][:, names.index(nearest)].clone()
    one = with_embedding(instrument, start, new_name)
    loss = _fit(one, heard, heard.shift_db(nearest), steps, on_progress)
    if not loss < losses[nearest]:
        one, loss = with_embedding(instrument, start, new_name), losses[nearest]
    one.statistics = _statistics(statistics_of(instrument, nearest), heard)
    one.card = {name: fact for name, fact in instrument.card.items() if name in _KEPT_FACTS}
    one.card["description"] = (
        f"An embedding fitted to {heard.seconds:.1f} s of {heard.name}, from {nearest}, in a network of "
        f"{len(names)} instruments."
    )
    found = Imitation(
        clip=heard.name,
        seconds=heard.seconds,
        nearest=nearest,
        nearest_loss=losses[nearest],
        fitted_loss=loss,
    )
    return one, found


@torch.no_grad()
def known_losses(instrument: Instrument, clip: Clip) -> Mapping[str, float]:
    """Return the spectral loss on all of a clip of each identity that the instrument has learned."""
    whole = clip.whole()
    return {
        name: float(clip.distance(instrument, whole, clip.shift_db(name), number))
        for number, name in enumerate(instrument.config.identities)
    }


def with_embedding(instrument: Kind, embedding: Float[Tensor, " channel"], name: str) -> Kind:
    """Return an instrument with one identity in place of several.

    Args:
        instrument: Of several identities.
        embedding: Of the one.
        name: Of the one.
    """
    config = instrument.config.fit(instrument.sample_rate, instrument.hop_length, (), (name,))
    one = type(instrument)(config, instrument.statistics)
    one.load_state_dict({**instrument.state_dict(), EMBEDDING: embedding[:, None]})
    return one.to(instrument.device).eval()


def _fit(
    one: Instrument, clip: Clip, shift_db: float, steps: int, on_progress: Callable[[float], None]
) -> float:
    """Move the embedding of an instrument's identity towards a clip, and return the loss on all of it."""
    learned = {name: weight for name, weight in one.named_parameters() if weight.requires_grad}
    embedding = learned[EMBEDDING]
    for weight in learned.values():
        weight.requires_grad_(weight is embedding)
    optimizer = torch.optim.Adam([embedding], lr=_LEARNING_RATE)
    for step in range(steps):
        share = step / steps
        fall = _FINAL_RATIO + (1 - _FINAL_RATIO) * (1 + math.cos(math.pi * share)) / 2
        optimizer.param_groups[0]["lr"] = _LEARNING_RATE * fall
        optimizer.zero_grad()
        with torch.enable_grad():
            clip.distance(one, clip.crops(step), shift_db, seed=step * _BATCH_SIZE).backward()
        optimizer.step()
        on_progress((step + 1) / steps)
    for weight in learned.values():
        weight.requires_grad_(True)
        weight.grad = None
    with torch.no_grad():
        return float(clip.distance(one, clip.whole(), shift_db))


def _statistics(nearest: Statistics | None, clip: Clip) -> Statistics | None:
    """Return the statistics of the nearest identity, with the register of a clip."""
    if nearest is None:
        return None
    heard = clip.features
    f0_hz, confidence, loudness_db = (
        one.numpy() for one in (heard.f0_hz, heard.confidence, heard.loudness_db)
    )
    measured = measure_statistics(f0_hz, confidence, loudness_db, heard.frame_rate, VOICED)
    pitches, known = list(measured.pitch_midi_quantiles), nearest.pitch_midi_quantiles
    # The first two and the last two are the range: what the nearest one has learned is known too.
    for end in (0, 1):
        pitches[end] = min(pitches[end], known[end])
        pitches[-1 - end] = max(pitches[-1 - end], known[-1 - end])
    return nearest.model_copy(update={"pitch_midi_quantiles": pitches})


def _beginning(sound: Sound, n_samples: int, rate: int) -> np.ndarray:
    """Return at most so many samples of a sound, mono."""
    blocks: list[np.ndarray] = [np.zeros(0, np.float32)]
    for block in sound_blocks(sound, rate):
        blocks.append(block)
        if sum(map(len, blocks)) >= n_samples:
            break
    return np.concatenate(blocks)[:n_samples]
