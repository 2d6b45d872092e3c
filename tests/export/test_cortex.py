"""The exported C plays on a Cortex-M7 what Python plays, where the tools to build and run it are here."""

from pathlib import Path

import pytest
import torch
from tests.export.cortex import PACKAGES, TOLERANCE, measure, missing, table
from tests.performance.scores import LEARNED

from oscine.models import Instrument, InstrumentConfig
from oscine.networks import ControllerConfig
from oscine.processors import HarmonicConfig, NoiseConfig
from oscine.runtime import engines


@pytest.mark.skipif(
    not engines(), reason="no compiled runtime: there was no C++ compiler when the package was installed"
)
def test_a_student_plays_on_a_cortex_m7(tmp_path: Path) -> None:
    if gone := missing():
        pytest.skip(f"{', '.join(gone)} missing; on Debian, install {PACKAGES}")
    torch.manual_seed(0)
    config = InstrumentConfig(
        sample_rate=16000,
        hop_length=64,
        controller=ControllerConfig(hidden_size=32, mlp_size=0),
        synth=(HarmonicConfig(n_harmonics=60), NoiseConfig(n_bands=33)),
        effects=(),
    )
    measured = measure(Instrument(config, LEARNED).eval(), tmp_path / "c", dry=False, n_frames=40)
    assert measured.difference < TOLERANCE
    assert measured.n_parameters < 7000
    # Instructions are counted, not timed, so they are the same on every machine: 22 million.
    assert 10e6 < measured.instructions_per_s < 25e6
    assert measured.heap_bytes < 50_000
    assert measured.stack_bytes < 8_000
    assert abs(sum(measured.parts.values()) - 1) < 1e-9
    assert f"| student | {measured.n_parameters:,} |" in table({"student": measured})
