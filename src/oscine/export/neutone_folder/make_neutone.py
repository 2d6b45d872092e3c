"""Make model.nm, which Neutone FX loads, from the files beside this script.

    pip install neutone_sdk
    python make_neutone.py [FOLDER]

The SDK's checks for a submission are run on it. FOLDER is `neutone` if left out.
"""
# pyright: reportMissingImports=false

import json
import sys
from pathlib import Path
from typing import Dict, List

import torch
from neutone_sdk import ContinuousNeutoneParameter, NeutoneParameter, WaveformToWaveformBase
from neutone_sdk.utils import save_neutone_model
from torch import Tensor

HERE = Path(__file__).resolve().parent
FACTS = json.loads((HERE / "neutone.json").read_text(encoding="utf-8"))


# TorchScript reads these annotations; it knows only those of `typing`.
class Instrument(WaveformToWaveformBase):
    def __init__(self, model: torch.nn.Module) -> None:
        self.model_name: str = FACTS["name"]
        self.authors: List[str] = FACTS["authors"]
        self.short: str = FACTS["short_description"]
        self.long: str = FACTS["long_description"]
        self.technical: str = FACTS["technical_description"]
        self.own_rate: int = FACTS["sample_rate"]
        self.latency: int = FACTS["latency"]
        super().__init__(model)

    def get_model_name(self) -> str:
        return self.model_name

    def get_model_authors(self) -> List[str]:
        return self.authors

    def get_model_short_description(self) -> str:
        return self.short

    def get_model_long_description(self) -> str:
        return self.long

    def get_technical_description(self) -> str:
        return self.technical

    def get_tags(self) -> List[str]:
        return ["timbre transfer", "DDSP"]

    def get_model_version(self) -> str:
        return "1.0.0"

    def is_experimental(self) -> bool:
        return False

    def get_neutone_parameters(self) -> List[NeutoneParameter]:
        return [
            ContinuousNeutoneParameter("octave", "shifts the pitch by -2 to 2 octaves", 0.5),
            ContinuousNeutoneParameter("loudness", "adds -24 to 24 dB to the input's loudness", 0.5),
            ContinuousNeutoneParameter("autotune", "moves the pitch to the nearest note", 0.0),
            ContinuousNeutoneParameter("match", "from 0.5 on: the instrument's own loudness", 1.0),
        ]

    @torch.jit.export
    def is_input_mono(self) -> bool:
        return True

    @torch.jit.export
    def is_output_mono(self) -> bool:
        return True

    @torch.jit.export
    def get_native_sample_rates(self) -> List[int]:
        return [self.own_rate]

    @torch.jit.export
    def get_native_buffer_sizes(self) -> List[int]:
        return []

    @torch.jit.export
    def calc_model_delay_samples(self) -> int:
        return self.latency

    def reset_model(self) -> bool:
        self.model.reset()
        return True

    def do_forward_pass(self, x: Tensor, params: Dict[str, Tensor]) -> Tensor:
        octave = float(torch.round(4.0 * params["octave"] - 2.0))
        loudness_db = 48.0 * float(params["loudness"]) - 24.0
        is_matched = float(params["match"]) >= 0.5
        return self.model(x, octave, loudness_db, float(params["autotune"]), is_matched)


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "neutone"
    instrument = Instrument(torch.jit.load(str(HERE / "instrument.ts")))
    save_neutone_model(instrument, folder, dump_samples=True, submission=True)
