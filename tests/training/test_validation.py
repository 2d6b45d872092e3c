"""The pieces by which training chooses an instrument."""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from oscine.analysis.features import FEATURES
from oscine.data import Segment, Split
from oscine.data.manifest import Span
from oscine.data.segment import ShardPart
from oscine.training.validation import validation_pieces


def test_the_validation_part_is_looked_at_in_all_its_parts(tmp_path: Path) -> None:
    """Stretches of any length, one longer than a piece."""
    lengths = [1500, 700, 4100, 30]
    segments = []
    for voice, n in enumerate(lengths):
        columns = dict.fromkeys(FEATURES, np.full(n, 440, np.float32)) | {
            "audio": np.zeros(n * 64, np.float32)
        }
        save_file(columns, tmp_path / f"{voice}")
        span = Span(name=f"{voice}", file=f"{voice}", start=0, stop=n)
        segments.append(Segment(f"{voice}", [ShardPart(tmp_path, span, 64)], 16_000, 64, voice))
    pieces = validation_pieces(Split(segments, 64), 16_000)
    assert [(int(piece.identity), piece.f0_hz.shape[1]) for piece in pieces] == [
        *((0, 1500), (1, 700), (2, 1366), (2, 1367), (2, 1367), (3, 30))
    ]
    many = validation_pieces(Split(segments * 10, 64), 16_000)
    assert 40 <= sum(piece.audio.shape[1] for piece in many) / 16_000 <= 60
    assert {int(piece.identity) for piece in many} == {0, 1, 2, 3}
