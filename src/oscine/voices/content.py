"""The content of speech as a matrix of features, from a file or from a speech model of the user.

A model is a local folder in the form of Hugging Face, HuBERT (which ContentVec is too) or WavLM. Only its
``config.json`` and ``model.safetensors`` are read, so nothing in it can run.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from oscine.audio import Sound, rate_of, sound_blocks
from oscine.audio.samples import spans_of
from oscine.errors import InputError
from oscine.files import file_size, parse_json, printable, read_bytes
from oscine.plural import counted
from oscine.tensor_file import read_header

_MODEL_RATE = 16_000
_MOST_CONFIG_BYTES = 1 << 20
#: Frames that a matrix may have more or less than its recording, at a whole number of frames a second.
_OFF = 2
#: A model gets so many frames at once, and so many more around them.
_PIECE, _AROUND = 1_000, 100
_CLASSES = {"hubert": "HubertModel", "wavlm": "WavLMModel"}
_ADVICE = "Features of a model need the package transformers: pip install 'oscine[content]'."


@dataclass(frozen=True)
class ContentFeatures:
    """Features of a recording; frame i describes the instant ``(i + ½) / frames_per_s``.

    Attributes:
        values: Of each frame.
        frames_per_s: Hz.
    """

    values: Float[Tensor, "frame feature"]
    frames_per_s: float


def read_content(path: str | Path, seconds: float, frames_per_s: float | None = None) -> ContentFeatures:
    """Return the features in a NumPy file.

    Args:
        path: A ``.npy`` file, frames × features, of any type of real number; no pickles.
        seconds: Length of the recording.
        frames_per_s: Rate of the frames, Hz. If left out, it is the nearest whole number to the frames over
            the seconds, or the exact quotient if the matrix then has over two frames too many or too few.

    Raises:
        InputError: When it holds no such matrix, a number is not finite, or the rate is not positive.
        OSError: When it can't be read.
    """
    name = printable(path)
    file_size(path)
    try:
        with open(path, "rb") as file:
            found = np.load(file, allow_pickle=False)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - of a hostile file numpy raises errors of many kinds, its zip reader's too
        raise InputError(
            f"{name} is not a NumPy file of numbers; write the features by numpy.save."
        ) from None
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiub":
        raise InputError(f"{name} holds no real numbers; give a matrix of frames × features.")
    if found.ndim != 2 or 0 in found.shape:
        raise InputError(f"{name} is an array of the shape {found.shape}; give frames × features.")
    with np.errstate(over="ignore"):
        found = found.astype(np.float32)
    if not np.isfinite(found).all():
        raise InputError(f"{name} has a number that is not finite in float32; compute the features again.")
    if frames_per_s is None:
        whole = round(len(found) / seconds)
        fits = whole > 0 and abs(whole * seconds - len(found)) <= _OFF
        frames_per_s = whole if fits else len(found) / seconds
    if not 0 < frames_per_s <= _MODEL_RATE:
        raise InputError(
            f"The content's rate is {frames_per_s:g} Hz; give the frames a second, 50 for HuBERT and WavLM."
        )
    return ContentFeatures(torch.from_numpy(found), float(frames_per_s))


class SpeechModel:
    """A self-supervised speech model that gives features of any recording: HuBERT, ContentVec or WavLM.

    Args:
        folder: Has ``config.json`` and ``model.safetensors``.
        layer: Whose output the features are: 0 is the first layer's input; the last one if left out.

    Raises:
        InputError: When transformers is not installed, the folder holds no such model, the file lacks weights
            of it, or the layer does not exist.

    Reference: Hsu et al., HuBERT, 2021; Chen et al., WavLM, 2022; Qian et al., ContentVec, 2022.
    """

    def __init__(self, folder: str | Path, layer: int | None = None) -> None:
        folder = Path(folder)
        settings = _settings(folder)
        kind = settings.get("model_type")
        if not isinstance(kind, str) or kind not in _CLASSES:
            raise InputError(
                f"{printable(folder)} is a model of type {kind!r}; give one of type {' or '.join(_CLASSES)}."
            )
        self._model = _loaded(folder, kind)
        n_layers = int(self._model.config.num_hidden_layers)
        self.layer = n_layers if layer is None else layer
        if not 0 <= self.layer <= n_layers:
            raise InputError(f"The model has no layer {layer}; choose one from 0 to {n_layers}.")
        self._normalised = _is_normalised(folder, self._model.config)
        strides, kernels = self._model.config.conv_stride, self._model.config.conv_kernel
        self._stride, self._window = 1, 1
        for stride, kernel in zip(strides, kernels, strict=True):
            self._window += (kernel - 1) * self._stride
            self._stride *= stride

    def __call__(self, sound: Sound) -> ContentFeatures:
        """Return the features of a recording; the memory for sound does not grow with its length.

        Raises:
            InputError: When the sound can't be read, or is shorter than a frame.
        """
        mean, deviation, n_samples = _moments(sound)
        n_frames = n_samples // self._stride
        if n_frames == 0:
            raise InputError(f"The recording is too short for the model, which needs {self._stride} samples.")
        values = torch.cat(list(self._pieces(sound, n_frames, mean, deviation)))
        return ContentFeatures(values, _MODEL_RATE / self._stride)

    def _pieces(self, sound: Sound, n_frames: int, mean: float, deviation: float) -> Iterator[Tensor]:
        # With so many zeros before the sound, frame i is about sample (i + ½) · stride.
        lead = (self._window - self._stride) // 2
        firsts = [max(0, start - _AROUND) for start in range(0, n_frames, _PIECE)]
        lasts = [min(n_frames, start + _PIECE + _AROUND) for start in range(0, n_frames, _PIECE)]
        spans = [
            (first * self._stride, last * self._stride + self._window - self._stride)
            for first, last in zip(firsts, lasts, strict=True)
        ]
        blocks = _led(sound_blocks(sound, _MODEL_RATE), lead, mean if self._normalised else 0.0)
        for i, audio in enumerate(spans_of(blocks, spans)):
            heard = torch.from_numpy(np.ascontiguousarray(audio))[None]
            if self._normalised:
                heard = (heard - mean) / (deviation + 1e-7)
            with torch.no_grad():
                found = self._model(heard, output_hidden_states=True).hidden_states[self.layer][0]
            start = i * _PIECE - firsts[i]
            yield found[start : min(start + _PIECE, lasts[i] - firsts[i])].float()


def content_of(
    paths: Sequence[Path],
    recordings: Sequence[Path],
    layer: int | None = None,
    frames_per_s: float | None = None,
) -> SpeechModel | list[ContentFeatures]:
    """Return a model, or the features of some recordings.

    Args:
        paths: The folder of a model, or a ``.npy`` file for each recording, in their order.
        recordings: The input and the target's recordings.
        layer: Of a model; see `SpeechModel`.
        frames_per_s: Of the files; see `read_content`.

    Raises:
        InputError: See `SpeechModel` and `read_content`; or when the numbers of files and recordings differ.
        OSError: When a file can't be read.
    """
    if all(path.suffix == ".npy" for path in paths):
        if layer is not None:
            raise InputError("A layer is one of a model's, and the content is in .npy files; leave it out.")
        if len(paths) != len(recordings):
            raise InputError(
                f"{counted(len(paths), '.npy file')} of content cannot serve "
                f"{counted(len(recordings), 'recording')}; give one for the input and one for each of the "
                "target."
            )
        lengths = [sound_length(recording) for recording in recordings]
        return [read_content(path, n, frames_per_s) for path, n in zip(paths, lengths, strict=True)]
    if len(paths) > 1:
        raise InputError("The content is several folders; give one model, or only .npy files.")
    if frames_per_s is not None:
        raise InputError("A model has its own rate of frames; leave the content's rate out.")
    return SpeechModel(paths[0], layer)


def sound_length(sound: Sound) -> float:
    """Return the length of a recording in seconds; all of it is read.

    Raises:
        InputError: When it can't be read.
    """
    rate = rate_of(sound)
    return sum(len(block) for block in sound_blocks(sound)) / rate


def _led(blocks: Iterator[np.ndarray], n_zeros: int, value: float) -> Iterator[np.ndarray]:
    yield np.full(n_zeros, value, np.float32)
    yield from blocks


def _moments(sound: Sound) -> tuple[float, float, int]:
    total = squares = 0.0
    n_samples = 0
    for block in sound_blocks(sound, _MODEL_RATE):
        total += float(block.sum(dtype=np.float64))
        squares += float(np.square(block, dtype=np.float64).sum())
        n_samples += len(block)
    mean = total / max(n_samples, 1)
    return mean, max(squares / max(n_samples, 1) - mean * mean, 0.0) ** 0.5, n_samples


def _json(path: Path) -> Any:
    text = read_bytes(path, _MOST_CONFIG_BYTES).decode("utf-8", "replace")
    return parse_json(text, printable(path))


def _settings(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise InputError(
            f"{printable(folder)} is not a folder; give one with config.json and model.safetensors."
        )
    path = folder / "config.json"
    if not path.is_file():
        raise InputError(
            f"{printable(folder)} has no config.json; give the folder of a HuBERT or WavLM model."
        )
    settings = _json(path)
    return settings if isinstance(settings, dict) else {}


def _loaded(folder: Path, kind: str) -> Any:
    path = folder / "model.safetensors"
    if not path.is_file():
        raise InputError(
            f"{printable(folder)} has no model.safetensors. A file of another kind may run code when it is "
            "read; write the weights as safetensors (save_pretrained of transformers does)."
        )
    read_header(path)
    # The folder is all there is: nothing is asked for on the network.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import transformers  # type: ignore[import-not-found]
    except ImportError:
        raise InputError(_ADVICE) from None
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        model, found = getattr(transformers, _CLASSES[kind]).from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except Exception as error:  # noqa: BLE001 - of a hostile config transformers raises errors of any kind
        said = str(error).strip().splitlines()
        raise InputError(
            f"The model in {printable(folder)} can't be loaded ({said[0] if said else 'no reason given'})."
        ) from None
    missing = sorted(name for name in found["missing_keys"] if "masked_spec_embed" not in name)
    if missing or found["mismatched_keys"]:
        which = missing[0] if missing else "a weight of another shape"
        raise InputError(f"{printable(path)} does not hold the whole model ({which}); get it again.")
    return model.float().eval().requires_grad_(False)


def _is_normalised(folder: Path, config: Any) -> bool:
    """Return whether the model was trained on sound of mean 0 and deviation 1."""
    path = folder / "preprocessor_config.json"
    if path.is_file():
        settings = _json(path)
        if isinstance(settings, dict) and isinstance(settings.get("do_normalize"), bool):
            return settings["do_normalize"]
    return config.feat_extract_norm == "layer"
