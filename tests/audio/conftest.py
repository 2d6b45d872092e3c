"""Synthesised recordings, good and bad: no file outside the repository is needed."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.data.tunes import tune


def _with_bytes(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + new + content[at + len(new) :]


@pytest.fixture
def make_bad(tmp_path: Path) -> Callable[[str], Path]:
    """Write one of the bad files, by its name."""

    def make(kind: str) -> Path:
        path = tmp_path / kind
        suffix = path.suffix[1:]
        good = tmp_path / f".good.{suffix}"
        soundfile.write(good, tune(3, 44_100), 44_100)
        content = good.read_bytes()
        data, fmt = content.find(b"data"), content.find(b"fmt ")
        contents: dict[str, Callable[[], bytes]] = {
            "truncated": lambda: content[: len(content) * 6 // 10 + 1],
            "empty": lambda: b"",
            "text": lambda: b"these are words and no sound\n" * 100,
            "beheaded": lambda: content[1000:],
            "promises_more": lambda: _with_bytes(content, data + 4, struct.pack("<I", len(content) * 10)),
            "promises_less": lambda: _with_bytes(content, data + 4, struct.pack("<I", 100_000)),
            "unclosed": lambda: _with_bytes(content, data + 4, struct.pack("<I", 0)),
            "open_length": lambda: _with_bytes(content, data + 4, struct.pack("<I", 0xFFFFFFFF)),
            "wrong_rate": lambda: _with_bytes(content, fmt + 12, struct.pack("<I", 16_000)),
            "wrong_channels": lambda: _with_bytes(content, fmt + 10, struct.pack("<H", 2)),
            "no_channels": lambda: _with_bytes(content, fmt + 10, struct.pack("<H", 0)),
            "flac_long": lambda: _with_flac_length(content, 44_100 * 3_000),
            "flac_short": lambda: _with_flac_length(content, 44_100),
            "flac_unsaid": lambda: _with_flac_length(content, 0),
            "damaged": lambda: _with_bytes(content, len(content) // 2, bytes(range(256)) * 4),
        }
        sounds: dict[str, Callable[[], np.ndarray]] = {
            "no_frames": lambda: np.zeros(0, np.float32),
            "silence": lambda: np.zeros(44_100, np.float32),
            "constant": lambda: np.full(44_100, 0.3, np.float32),
            "short": lambda: tune(0.05, 44_100),
            "not_finite": lambda: _spoiled(tune(3, 44_100)),
            "all_nan": lambda: np.full(44_100, np.nan, np.float32),
            "integers": lambda: tune(3, 44_100) * 32_768,
            "offset": lambda: tune(3, 44_100) * 0.5 + 0.2,
            "cancelling": lambda: np.stack([tune(3, 44_100), -tune(3, 44_100)], axis=1),
            "fine": lambda: tune(3, 44_100),
        }
        if path.stem in contents:
            path.write_bytes(contents[path.stem]())
        else:
            subtype = "FLOAT" if suffix == "wav" else None
            soundfile.write(path, sounds[path.stem](), 44_100, subtype=subtype)
        good.unlink()
        return path

    return make


def _with_flac_length(content: bytes, n_frames: int) -> bytes:
    packed = int.from_bytes(content[18:26], "big") >> 36 << 36 | n_frames
    return _with_bytes(content, 18, packed.to_bytes(8, "big"))


def _spoiled(audio: np.ndarray) -> np.ndarray:
    audio[1000:1010], audio[5000], audio[6000] = np.nan, np.inf, -np.inf
    return audio
