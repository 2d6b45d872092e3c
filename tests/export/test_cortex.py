"""The exported C plays on a Cortex-M7 what Python plays, where the tools to build and run it are here."""

import subprocess
from pathlib import Path

import pytest
import torch
from tests.export.cortex import CHIP, FLAGS, PACKAGES, PAGE, TOLERANCE, measure, missing, table
from tests.performance.scores import LEARNED

from oscine.export import export
from oscine.models import Instrument, InstrumentConfig
from oscine.networks import ControllerConfig
from oscine.processors import HarmonicConfig, NoiseConfig
from oscine.runtime import engines

NEEDS = f"arm-none-eabi-g++ or qemu-system-arm is missing; on Debian, install {PACKAGES}"


@pytest.mark.skipif(bool(missing()), reason=NEEDS)
def test_the_pages_player_compiles(tmp_path: Path) -> None:
    config = InstrumentConfig(sample_rate=16000, hop_length=64, synth=(HarmonicConfig(n_harmonics=2),))
    export(Instrument(config, LEARNED), tmp_path / "c", "c", dry=True)
    page = PAGE.read_text(encoding="utf-8").split("```cpp\n// player.cpp\n")[1].split("```")[0]
    (tmp_path / "c" / "player.cpp").write_text(page)
    strict = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-fsyntax-only"]
    command = ["arm-none-eabi-g++", *CHIP, *FLAGS, *strict, "player.cpp"]
    subprocess.run(command, cwd=tmp_path / "c", check=True)


@pytest.mark.slow
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
    assert 1e5 < measured.loading < 1e7
    assert measured.heap_bytes < 50_000
    assert measured.stack_bytes < 8_000
    assert abs(sum(measured.parts.values()) - 1) < 1e-9
    assert f"| student | {measured.n_parameters:,} |" in table({"student": measured})
