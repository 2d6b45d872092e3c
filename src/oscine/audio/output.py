"""Writing audio: not over the input, without clipping, complete or not at all."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from torch import Tensor

from oscine.errors import InputError
from oscine.files import for_libsndfile, write_atomically

if TYPE_CHECKING:
    from soundfile import SoundFile

AUDIO_OUTPUTS = (".wav", ".flac", ".mp3")
"""Endings of the files that are written: 24-bit PCM, or MP3 at its highest quality."""

_HIGHEST_PEAK = 0.999
_BLOCK_SAMPLES = 1 << 18
_LARGEST_WAV_BYTES = (1 << 32) - 4096  # a WAV's length field has 32 bits
RATES_OF_MP3 = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Sample rates that an MP3 can have, Hz."""


def check_output(
    output_path: Path, input_path: Path | None, extensions: tuple[str, ...] = AUDIO_OUTPUTS
) -> None:
    """Refuse an output with another extension, a folder, or the input itself, where there is one.

    Raises:
        InputError: In each of these cases.
    """
    if output_path.suffix.lower() not in extensions:
        raise InputError(f"{output_path} cannot be written; its name must end in {_listed(extensions)}.")
    if output_path.is_dir():
        raise InputError(f"{output_path} is a folder; give the name of a file to write.")
    # samefile, not a comparison of names: links and ".." lead to the same file as well.
    if (
        input_path is not None
        and output_path.exists()
        and input_path.exists()
        and output_path.samefile(input_path)
    ):
        raise InputError(f"{output_path} is the input itself; give another name for the output.")
    if not output_path.absolute().parent.is_dir() and any(
        parent.exists() and not parent.is_dir() for parent in output_path.absolute().parents
    ):
        raise InputError(
            f"{output_path} cannot be written: part of its path is not a folder; give another path."
        )


def _listed(endings: tuple[str, ...]) -> str:
    return " or ".join(filter(None, (", ".join(endings[:-1]), endings[-1])))


def write_audio(
    path: str | Path,
    blocks: Iterable[Float[Tensor, " time"]],
    sample_rate: int,
    n_samples: int,
    on_progress: Callable[[float], None] | None = None,
) -> tuple[float, float]:
    """Write blocks to a 24-bit WAV or FLAC, or an MP3; if their peak would clip, all of it is made quieter.

    The file appears complete or not at all.

    A WAV of 4 GB or more is written as RF64, its standard successor without that limit. An MP3 says how many
    samples its encoder put in front, so that a decoder gives back as many as were written, in time.

    Args:
        path: Where to; what is there is overwritten.
        blocks: Full scale is 1.
        sample_rate: In Hz.
        n_samples: Of all blocks together.
        on_progress: Called with the finished share.

    Returns:
        The peak of the blocks, and the factor that was put on them.

    Raises:
        InputError: A sample is not finite, or an MP3 can't have the sample rate.
        OSError: The disk refuses.
    """

    def counted() -> Iterator[Tensor]:
        done = 0
        for block in blocks:
            yield block
            done += len(block)
            if on_progress is not None:
                on_progress(done / n_samples)

    peak = gain = 1.0

    def write(temporary: Path) -> None:
        nonlocal peak, gain
        peak, gain = _write(temporary, counted(), sample_rate, n_samples)

    write_atomically(path, write)
    return peak, gain


def _write(path: Path, blocks: Iterable[Tensor], sample_rate: int, n_samples: int) -> tuple[float, float]:
    peak = 0.0
    # The samples as they are, in case that the peak turns out too high; the file has no name, and so is gone
    # in any end.
    with TemporaryFile(dir=path.parent) as kept:
        with _open(path, sample_rate, n_samples) as output:
            for block in blocks:
                samples = block.numpy().astype("<f4", copy=False)
                if not np.isfinite(samples).all():
                    raise InputError(
                        "The instrument played NaN or infinite samples; its weights are damaged."
                    )
                peak = max(peak, float(np.abs(samples).max()))
                kept.write(samples.tobytes())
                output.write(samples)
        if peak <= _HIGHEST_PEAK:
            return peak, 1.0
        gain = _HIGHEST_PEAK / peak
        kept.seek(0)
        with _open(path, sample_rate, n_samples) as output:
            while content := kept.read(4 * _BLOCK_SAMPLES):
                output.write(np.frombuffer(content, "<f4") * np.float32(gain))
    return peak, gain


def reduced(peak: float, gain: float) -> str:
    """Return the remark on a sound that would have clipped."""
    return (
        f"The peak was {peak:.2f} of full scale, so the level was reduced by {-20 * np.log10(gain):.1f} dB."
    )


def _open(path: Path, sample_rate: int, n_samples: int) -> "SoundFile":
    import soundfile

    container = path.suffix[1:].upper()
    if container == "MP3" and sample_rate not in RATES_OF_MP3:
        rates = ", ".join(f"{rate:,}".replace(",", " ") for rate in RATES_OF_MP3)
        raise InputError(f"An MP3 can't have {sample_rate} Hz, only {rates}; write .wav or .flac.")
    if container == "WAV" and 3 * n_samples > _LARGEST_WAV_BYTES:
        container = "RF64"
    is_mp3 = container == "MP3"
    return soundfile.SoundFile(
        for_libsndfile(path),
        "w",
        samplerate=sample_rate,
        channels=1,
        format=container,
        subtype="MPEG_LAYER_III" if is_mp3 else "PCM_24",
        compression_level=0.0 if is_mp3 else None,
    )
