"""A sound as a player in HTML, the sound itself inside: for notebooks and for pages in one file."""

import base64
import html
import io

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.files import printable

_MOST_SAMPLES = 1 << 22  # 95 s at 44.1 kHz; the text that holds them has 11 MB at most


def player_html(audio: Float[Tensor, " time"], sample_rate: int, label: str) -> str:
    """Return a player with its label above it; of a sound of more than 4 194 304 samples a sentence.

    Args:
        audio: The samples; full scale is ±1.
        sample_rate: In Hz.
        label: What is heard, for the eye and for screen readers.
    """
    text = html.escape(printable(label))
    if not len(audio):
        return f"<p>{text}: no samples, so there is nothing to play.</p>"
    if len(audio) > _MOST_SAMPLES:
        return (
            f"<p>{text}: {len(audio) / sample_rate:.0f} s are too long for a player inside this page "
            f"({_MOST_SAMPLES / sample_rate:.0f} s at most); save the sound as a file and open that.</p>"
        )
    source = audio_url(audio, sample_rate)
    return (
        f"<figure><figcaption>{text}</figcaption>"
        f'<audio controls preload="metadata" aria-label="{text}" src="{source}"></audio></figure>'
    )


def audio_url(audio: Float[Tensor, " time"], sample_rate: int) -> str:
    """Return audio as a data URL: 16-bit FLAC, at a lower level if it would clip.

    Args:
        audio: The samples; full scale is ±1.
        sample_rate: In Hz.
    """
    import soundfile

    samples = audio.detach().cpu().float()
    samples = samples / max(1.0, float(torch.nan_to_num(samples).abs().max()) if samples.numel() else 1.0)
    flac = io.BytesIO()
    soundfile.write(flac, samples.numpy(), sample_rate, format="FLAC", subtype="PCM_16")
    return f"data:audio/flac;base64,{base64.b64encode(flac.getvalue()).decode()}"
