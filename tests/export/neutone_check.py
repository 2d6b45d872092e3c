"""The format neutone by its own SDK: ``python -m tests.export.neutone_check OUT INSTRUMENT``.

The SDK's checks of a submission run in an environment of their own, which sees this one's torch. torchaudio
does not import beside torch for CPUs, so the two names that the SDK takes from it are stood in for there; the
resampler is soxr's.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

_PACKAGES = (
    "neutone_sdk==1.5.2",
    *("jsonschema==4.26.0", "jsonschema-specifications", "referencing", "rpds-py", "attrs"),
    *("requests", "urllib3", "charset-normalizer", "idna", "certifi"),
)
_TORCHAUDIO = """
import numpy as np, soxr, torch
class Resample(torch.nn.Module):
    def __init__(self, orig_freq, new_freq):
        super().__init__()
        self.rates = orig_freq, new_freq
    def forward(self, x):
        return torch.from_numpy(np.ascontiguousarray(soxr.resample(x.numpy().T, *self.rates).T)).float()
class MelSpectrogram:
    pass
"""
# The file that the SDK made plays what the model in it plays, and is as late as it says.
_PLAY = """
import sys, torch
folder, made = sys.argv[1:]
plain, whole = torch.jit.load(folder + "/instrument.ts"), torch.jit.load(made + "/model.nm")
(rate,) = whole.get_native_sample_rates()
tone = 0.1 * torch.sin(2 * torch.pi * 220 / rate * torch.arange(rate // 512 * 512))[None]
whole.set_daw_sample_rate_and_buffer_size(rate, 512)
with torch.inference_mode():
    ours = torch.cat([plain(x, 0.0, 0.0, 0.0, True) for x in tone.split(512, -1)], -1)
    theirs = torch.cat([whole(x).clone() for x in tone.split(512, -1)], -1)
    whole.set_daw_sample_rate_and_buffer_size(48000, 512)
    delay = whole.calc_buffering_delay_samples() + whole.calc_model_delay_samples()
assert ours.abs().max() > 1e-3
difference = float((ours - theirs).abs().max())
assert difference < 1e-6, difference
print(f"model.nm: difference {difference:.1e}; {delay} samples late at 48 kHz in blocks of 512, as it says.")
"""


def environment(folder: Path) -> Path:
    """Return the Python of an environment with the SDK, made once."""
    python = folder / "bin" / "python"
    if not (folder / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        site = next((folder / "lib").glob("python*/site-packages"))
        (site / "ours.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
        subprocess.run([*pip, *_PACKAGES], check=True)
        (site / "torchaudio").mkdir(exist_ok=True)
        (site / "torchaudio" / "__init__.py").write_text("from torchaudio import transforms\n")
        (site / "torchaudio" / "transforms.py").write_text(_TORCHAUDIO)
        (folder / "done").touch()
    return python


def main() -> None:
    """Export the instrument, make Neutone's file of it with all checks, and play that."""
    out, instrument = Path(sys.argv[1]), sys.argv[2]
    export = [
        sys.executable,
        "-m",
        "oscine",
        "export",
        instrument,
        "--format",
        "neutone",
        "-o",
        out / "folder",
    ]
    made = out / "neutone"
    for folder in (out / "folder", made):  # of a run before
        shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(export, check=True)
    python = environment(Path(".cache/neutone").resolve())
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    alone |= {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    script = [python, out / "folder" / "make_neutone.py", made]
    run = subprocess.run(script, env=alone, capture_output=True, text=True, check=False)
    if run.returncode or "exported successfully" not in run.stderr:
        raise SystemExit(f"Neutone's SDK refused the model:\n{run.stderr[-3000:]}")
    lines = [line.removeprefix("INFO:neutone_sdk.benchmark:") for line in run.stderr.splitlines()]
    sys.stdout.writelines(f"{line}\n" for line in lines if line.startswith("Sample rate:"))
    sys.stdout.flush()
    subprocess.run([python, "-c", _PLAY, out / "folder", made], env=alone, check=True)


if __name__ == "__main__":
    main()
