"""Every outlet in its real host, one after the other: ``python -m tests.export.outlets OUT [INSTRUMENT]``.

Each check is a command of its own, which says in one sentence what is missing on this machine. Without an
instrument a small untrained one is played. The exit code is 1 if a check failed.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import torch
from tests.performance.scores import LEARNED

from oscine.models import Instrument, InstrumentConfig
from oscine.processors import HarmonicConfig, NoiseConfig, ReverbConfig

_NODE_PACKAGE = "onnxruntime-node@1.30.0"


def small_instrument(folder: Path) -> Path:
    """Write a small instrument with a room, untrained, and return its folder."""
    torch.manual_seed(0)
    config = InstrumentConfig(
        sample_rate=16_000,
        hop_length=64,
        synth=(HarmonicConfig(n_harmonics=30), NoiseConfig(n_bands=17)),
        effects=(ReverbConfig(ir_s=0.2),),
    )
    card = {"licence": "cc-by-3.0", "credit": "Somebody"}
    Instrument(config, LEARNED, card).eval().save_pretrained(folder)
    return folder


def main() -> None:
    """Run all checks and say how each went."""
    out = Path(sys.argv[1]).resolve()
    out.mkdir(parents=True, exist_ok=True)
    instrument = sys.argv[2] if len(sys.argv) > 2 else str(small_instrument(out / "instrument"))
    if shutil.which("npm") and not Path(".cache/node/node_modules/onnxruntime-node").exists():
        npm = ["npm", "install", "--silent", "--ignore-scripts", "--prefix", ".cache/node", _NODE_PACKAGE]
        subprocess.run(npm, check=False)
    checks = {
        "other machines": ["tests.runtime.builds", str(out / "runtimes")],
        "web": ["tests.export.browser", str(out / "web"), instrument],
        "plug-ins": ["tests.export.plugin_hosts", str(out / "plugins")],
        "Pure Data": ["tests.export.pd_check", str(out / "pd"), instrument],
        "ONNX": ["tests.export.onnx_check", instrument],
        "Cortex-M7": ["tests.export.cortex", str(out / "cortex"), f"instrument={instrument}"],
    }
    failed = []
    for name, (module, *arguments) in checks.items():
        sys.stdout.write(f"== {name}\n")
        sys.stdout.flush()
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-m", module, *arguments], check=False)
        sys.stdout.write(
            f"== {name}: {'failed' if done.returncode else 'done'}, {time.monotonic() - began:.0f} s\n"
        )
        failed += [name] if done.returncode else []
    sys.stdout.write(f"Failed: {', '.join(failed)}.\n" if failed else "All that could be run was right.\n")
    raise SystemExit(int(bool(failed)))


if __name__ == "__main__":
    main()
