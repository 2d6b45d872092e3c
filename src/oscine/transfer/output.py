"""Writing audio: not over the input, without clipping, complete or not at all."""

from pathlib import Path

import numpy as np

from oscine.errors import InputError

_BLOCK_SAMPLES = 1 << 18
_LARGEST_WAV_BYTES = (1 << 32) - 4096  # a WAV's length field has 32 bits


def check_output(output_path: Path, input_path: Path, extensions: tuple[str, ...]) -> None:
    """Refuse an output with another extension, a folder, or the input itself.

    Raises:
        InputError: In each of these cases.
    """
    if output_path.suffix.lower() not in extensions:
        raise InputError(f"{output_path} cannot be written; its name must end in {' or '.join(extensions)}.")
    if output_path.is_dir():
        raise InputError(f"{output_path} is a folder; give the name of a file to write.")
    # samefile, not a comparison of names: links and ".." lead to the same file as well.
    if output_path.exists() and input_path.exists() and output_path.samefile(input_path):
        raise InputError(f"{output_path} is the input itself; give another name for the output.")
    if not output_path.absolute().parent.is_dir() and any(
        parent.exists() and not parent.is_dir() for parent in output_path.absolute().parents
    ):
        raise InputError(
            f"{output_path} cannot be written: part of its path is not a folder; give another path."
        )


def copy_scaled(raw_path: Path, output_path: Path, sample_rate: int, gain: float) -> None:
    """Copy headerless float32 samples into a 24-bit WAV or FLAC, each sample times ``gain``.

    A WAV of 4 GB or more is written as RF64, its standard successor without that limit.
    """
    import soundfile

    n_samples = raw_path.stat().st_size // 4
    container = output_path.suffix[1:].upper()
    if container == "WAV" and 3 * n_samples > _LARGEST_WAV_BYTES:
        container = "RF64"
    with (
        open(raw_path, "rb") as raw,
        soundfile.SoundFile(
            output_path, "w", samplerate=sample_rate, channels=1, format=container, subtype="PCM_24"
        ) as output,
    ):
        while len(samples := np.fromfile(raw, dtype="<f4", count=_BLOCK_SAMPLES)):
            output.write(samples * np.float32(gain))
