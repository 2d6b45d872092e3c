"""A sound as a player in HTML, the sound itself inside: for notebooks and for pages in one file."""

import base64
import html
import io

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.audio.output import RATES_OF_MP3
from oscine.files import printable

#: From 0, the best quality, to 1, the smallest file; here some 60 kb/s at 44.1 kHz.
_MP3_LEVEL = 0.4
_MOST_SAMPLES = 1 << 22  # 95 s at 44.1 kHz; the text that holds them has 11 MB at most


def player_html(audio: Float[Tensor, " time"], sample_rate: int, label: str) -> str:
    """Return a player with its label above it; if the sound has more than 4 194 304 samples, a sentence.

    Args:
        audio: The samples; full scale is ±1.
        sample_rate: In Hz.
        label: The name of the sound, as text and for screen readers.
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


def audio_url(audio: Float[Tensor, " time"], sample_rate: int, *, small: bool = False) -> str:
    """Return audio as a data URL, at a lower level if it would clip.

    Args:
        audio: The samples; full scale is ±1.
        sample_rate: In Hz.
        small: As MP3, which has a tenth of the bytes, where it can have the rate; else as 16-bit FLAC.
    """
    import soundfile

    samples = audio.detach().cpu().float()
    samples = samples / max(1.0, float(torch.nan_to_num(samples).abs().max()) if samples.numel() else 1.0)
    is_mp3 = small and sample_rate in RATES_OF_MP3 and "MP3" in soundfile.available_formats()
    form, kind, subtype = ("MP3", "mpeg", "MPEG_LAYER_III") if is_mp3 else ("FLAC", "flac", "PCM_16")
    content = io.BytesIO()
    with soundfile.SoundFile(
        content,
        "w",
        sample_rate,
        channels=1,
        format=form,
        subtype=subtype,
        compression_level=_MP3_LEVEL if is_mp3 else None,
    ) as file:
        file.write(samples.numpy())
    return f"data:audio/{kind};base64,{base64.b64encode(content.getvalue()).decode()}"
