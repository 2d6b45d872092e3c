"""Controllers and encoders on the same violin: quality per minute, speed and size, in controllers.md.

    python -m benchmarks.controllers [NAME …] [--minutes M] [--results FOLDER] [--write]

Trains the variants that are called so or have it in their names, all if none, each for as many minutes on one
thread, and prints the tables. FOLDER keeps the dataset, and every instrument with its figures: a variant that
is there is not trained again, one that was cut off goes on. ``--write`` writes the tables of what is kept.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from benchmarks.measure import alone, table
from benchmarks.page import machine, write_section
from oscine import recordings
from oscine.data import Dataset, prepare
from oscine.data.manifest import MANIFEST
from oscine.evaluation import evaluate
from oscine.files import write_atomically
from oscine.models import Instrument
from oscine.models.inputs import Z
from oscine.training import train

SAMPLE_RATE, HELD_OUT_S = 16_000, 45.0
_FRAMES = 250

Settings = dict[str, Any]
_DENSE: Settings = {"mlp_size": 128, "n_mlp_layers": 1}
_NO_DENSE: Settings = {"mlp_size": 0}
#: What differs from the recipe ``default``.
CONTROLLERS: dict[str, Settings] = {
    "GRU 128, dense 128": {"hidden_size": 128, **_DENSE},
    "GRU 256": {"hidden_size": 256, **_NO_DENSE},
    "TCN 64": {"kind": "tcn", "hidden_size": 64, **_NO_DENSE},
    "Conformer 64": {"kind": "conformer", "hidden_size": 64, **_NO_DENSE},
    "GRU 512, dense 3 × 512": {"hidden_size": 512, "mlp_size": 512, "n_mlp_layers": 3},
    "TCN 256": {"kind": "tcn", "hidden_size": 256, **_NO_DENSE},
    "Conformer 256": {"kind": "conformer", "hidden_size": 256, "n_layers": 3, **_NO_DENSE},
}
_ENCODERS: dict[str, Settings] = {
    "MFCC, GRU 128": {"hidden_size": 128},
    "MFCC, TCN 64": {"kind": "tcn", "hidden_size": 64, "n_layers": 5},
    "MFCC, Conformer 64": {"kind": "conformer", "hidden_size": 64, "n_layers": 1, "context_frames": 32},
    "ResNet, tiny": {"kind": "resnet", "resnet": "tiny"},
}
ENCODERS: dict[str, Settings] = {
    name + (", causal" if causal else ""): {**settings, "causal": causal}
    for name, settings in _ENCODERS.items()
    for causal in (False, True)
}


def run(name: str, folder: Path, dataset_folder: Path, minutes: float) -> Settings:
    """Train a variant into a folder and return its figures."""
    torch.set_num_threads(1)
    is_encoder = name in ENCODERS
    overrides: Settings
    if is_encoder:
        z = {"kind": "z", "encoder": ENCODERS[name]}
        overrides = {"instrument.inputs": [{"kind": "f0"}, {"kind": "loudness"}, z]}
    else:
        overrides = {f"instrument.controller.{key}": value for key, value in CONTROLLERS[name].items()}
    overrides["training.n_validations"] = max(1, round(minutes))
    result = train(
        dataset_folder,
        folder / "instrument",
        recipe="default",
        minutes=minutes,
        overrides=overrides,
        resume="auto",
        console=Console(stderr=True),
    )
    if result.interrupted:
        raise KeyboardInterrupt
    instrument, dataset = Instrument.from_pretrained(folder / "instrument"), Dataset.open(dataset_folder)
    figures = evaluate(instrument, dataset, baselines=False)
    encoder = next((one.encoder for one in instrument.all_inputs() if isinstance(one, Z)), None)
    return {
        "name": name,
        "minutes": minutes,
        "steps": result.steps,
        "held_out_losses": _validation_losses(folder / "instrument" / "training" / "tensorboard"),
        **figures.instrument.model_dump(),
        "real_time_factor_streaming": figures.real_time_factor_streaming,
        "n_controller": sum(one.numel() for one in instrument.controller.parameters()),
        "n_encoder": 0 if encoder is None else sum(one.numel() for one in encoder.parameters()),
        "controller_ms": _controller_ms(instrument),
        "encoding_factor": None if encoder is None else _encoding_factor(encoder, dataset),
        "machine": machine(),
    }


def _validation_losses(folder: Path) -> list[float]:
    """Return the validation loss at the end of each minute."""
    events = EventAccumulator(str(folder))
    events.Reload()
    return [event.value for event in events.Scalars("loss/validation")]


@torch.no_grad()
def _controller_ms(instrument: Instrument) -> float:
    """Return the time of the controller alone for one frame, in torch, whichever kind it is."""
    controller = instrument.controller
    frame = [torch.zeros(1, 1, one.width) for one in instrument.all_inputs()]
    _, state = controller.step(*frame, state=controller.init_state(1))
    began = time.perf_counter()
    for _ in range(_FRAMES):
        _, state = controller.step(*frame, state=state)
    return 1e3 * (time.perf_counter() - began) / _FRAMES


@torch.no_grad()
def _encoding_factor(encoder: torch.nn.Module, dataset: Dataset) -> float:
    """Return the time of the encoder for what is held out, over its length."""
    audio = dataset.held_out.segments[0].audio()[None]
    encoder(audio)
    began = time.perf_counter()
    encoder(audio)
    return (time.perf_counter() - began) * dataset.sample_rate / audio.shape[1]


def as_table(lines: list[Settings], is_encoder: bool) -> str:
    """Return the figures in Markdown."""
    n, minutes = max(len(line["held_out_losses"]) for line in lines), lines[0]["minutes"]
    columns = ["encoder" if is_encoder else "controller", "parameters", "steps"]
    columns += [f"at {k * minutes / n:g} min" for k in range(1, n + 1)]
    columns += ["spectral loss", "f0 median, semitones", "f0 outliers, %", "loudness L1, dB"]
    columns += ["× real time, encoding"] if is_encoder else ["ms a frame", "× real time, stream"]
    rows = []
    for line in lines:
        losses = line["held_out_losses"]
        speeds = (
            [f"{1 / line['encoding_factor']:.0f}"]
            if is_encoder
            else [f"{line['controller_ms']:.2f}", f"{1 / line['real_time_factor_streaming']:.1f}"]
        )
        rows.append(
            [
                line["name"],
                f"{line['n_encoder' if is_encoder else 'n_controller']:,}",
                f"{line['steps']}",
                *(f"{loss:.3f}" for loss in losses),
                *[""] * (n - len(losses)),
                f"{line['spectral_loss']:.3f}",
                *(_figure(line["f0_median_semitones"], 4), _figure(line["f0_outliers"], 2, 100)),
                f"{line['loudness_l1_db']:.2f}",
                *speeds,
            ]
        )
    return table(columns, rows)


def _figure(value: float | None, n_digits: int, scale: float = 1.0) -> str:
    return "none sure" if value is None else f"{scale * value:.{n_digits}f}"


def kept(results: Path, names: Sequence[str], minutes: float) -> list[Settings]:
    """Return the figures of those of the variants that were trained for so long."""
    paths = [_folder(results, name, minutes) / "figures.json" for name in names]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def _folder(results: Path, name: str, minutes: float) -> Path:
    slug = name.lower().replace(",", "").replace(" × ", "x").replace(" ", "-")
    return results / f"{slug}-{minutes:g}-minutes"


def section(lines: list[Settings], is_encoder: bool) -> str:
    """Return the section of the page."""
    minutes = lines[0]["minutes"]
    machines = "; ".join(sorted({line["machine"] for line in lines}))
    length = f"{minutes:g} minutes" if minutes != 1 else "one minute"
    head = (
        f"The package's violin at {SAMPLE_RATE} Hz, {HELD_OUT_S:g} s held out; {length} each on one thread."
    )
    command = f"python -m benchmarks.controllers --minutes {minutes:g} --write"
    return f"{head}\n\n{as_table(lines, is_encoder)}\n\n*{machines}; `{command}`.*"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line names, or everything that is not there yet."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.controllers", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a variant's, or part of some; all if none")
    parser.add_argument("--minutes", type=float, default=5.0, help="of training, each (%(default)g)")
    parser.add_argument("--results", type=Path, default=Path("build/controllers"), metavar="FOLDER")
    parser.add_argument("--write", action="store_true", help="write controllers.md")
    options = parser.parse_args(arguments)
    variants = [*CONTROLLERS, *ENCODERS]
    parts = options.names or [""]
    chosen = [
        one for one in variants if any(one == part if part in variants else part in one for part in parts)
    ]
    if not chosen:
        parser.error(f"no variant is called so: choose of {'; '.join(variants)}")
    dataset = options.results / "dataset"
    # Once: the variants kept in a folder have heard the same, whatever has become of the analysis since.
    if not (dataset / MANIFEST).exists():
        prepare(recordings.path("violin"), dataset, sample_rate=SAMPLE_RATE, held_out_s=HELD_OUT_S)
    for name in chosen:
        folder = _folder(options.results, name, options.minutes)
        if (folder / "figures.json").exists():
            continue
        try:
            figures = alone(run, name, folder, dataset, options.minutes)
        except KeyboardInterrupt:
            print(f"{name} was interrupted; the same command goes on with it", flush=True)
            return
        write_atomically(folder / "figures.json", json.dumps(figures, indent=1) + "\n")
        print(f"{as_table([figures], name in ENCODERS)}\n", flush=True)
    for what, names in (("controllers", CONTROLLERS), ("encoders", ENCODERS)):
        lines = kept(options.results, list(names), options.minutes)
        if lines:
            print(f"{section(lines, what == 'encoders')}\n", flush=True)
        if lines and options.write:
            write_section(what, section(lines, what == "encoders"), "controllers")


if __name__ == "__main__":
    main()
