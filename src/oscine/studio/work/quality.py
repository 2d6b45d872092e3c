"""How good an instrument is, in one word: from the measures of `oscine.evaluation`."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.analysis import analyze, paper_loudness
from oscine.errors import InputError
from oscine.evaluation.sound import Band
from oscine.evaluation.spectrum import energy_spectrum
from oscine.evaluation.tally import Metrics, Sound, Tally, played

#: The share of frames without the pitch, and how far bands and loudness are off (dB): what is worse than one
#: of the first is noise, what is better than all of the second is good. The instruments in the package
#: have at most 0.003, 4.1 and 4.2, as their cards say; `tiny` after 20 steps has 0.0, 10.4 and 8.9.
_NOISE, _GOOD = (0.4, 9.0, 8.0), (0.05, 5.0, 5.0)
_WORDS = {
    "noise": "Noise: it does not sound like the recording yet.",
    "usable": "Usable: it follows the melody, and its sound is still rough.",
    "good": "Good: it follows the melody, and sounds like the recording.",
}


def quality_of(metrics: Metrics) -> dict[str, Any]:
    """Return a word, a sentence and the figures behind them.

    Args:
        metrics: Of the instrument against the recording.
    """
    lost = metrics.f0_lost
    off_db = metrics.sound.log_mel_l1_db
    found = (
        1.0 if lost is None else lost,
        math.inf if off_db is None else off_db,
        metrics.loudness_l1_db,
    )
    word = "usable"
    if any(value > limit for value, limit in zip(found, _NOISE, strict=True)):
        word = "noise"
    elif all(value <= limit for value, limit in zip(found, _GOOD, strict=True)):
        word = "good"
    figures = {
        "pitch_lost": None if lost is None else round(lost, 4),
        "pitch_semitones": metrics.f0_l1_semitones,
        "loudness_db": round(metrics.loudness_l1_db, 2),
        "bands_db": None if off_db is None else round(off_db, 2),
        "spectral_loss": round(metrics.spectral_loss, 3),
    }
    return {"word": word, "words": _WORDS[word], "figures": figures}


def heard_quality(
    audio: Float[Tensor, " time"], target: Float[Tensor, " time"], sample_rate: int, hop_length: int
) -> dict[str, Any] | None:
    """Return the same of a few seconds; None where they are too short or silent.

    Args:
        audio: What the instrument plays.
        target: What was recorded.
        sample_rate: In Hz.
        hop_length: Samples per frame; both sounds have whole frames.
    """
    audio = torch.nan_to_num(audio, posinf=0.0, neginf=0.0).clamp(-1, 1)
    try:
        band = Band.of(energy_spectrum(target, sample_rate), len(target), sample_rate)
        sounds = [
            Sound(one, analyze(one, sample_rate, hop_length), paper_loudness(one, sample_rate, hop_length))
            for one in (audio, target)
        ]
        tally = Tally(band, sample_rate)
        output, recording = (played(one, sounds[1], band) for one in sounds)
        tally.add(output, recording, sounds[1].features)
        return quality_of(tally.result())
    except InputError:
        return None
