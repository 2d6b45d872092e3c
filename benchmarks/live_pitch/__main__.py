"""The live tracker: its training data, its weights, and the table on pitch.md.

    python -m benchmarks.live_pitch gather DATA FOLDER … [--without NAME …]
    python -m benchmarks.live_pitch train DATA [--seed N] [--steps N] [--out WEIGHTS.safetensors]
    python -m benchmarks.live_pitch header
    python -m benchmarks.live_pitch table SHARED [--write] [--weights WEIGHTS.safetensors …]

`gather` computes what the network is given, labelled by the offline tracker, and takes about 4 minutes on one
core for an hour; `train` writes weights; `header` writes those in the package as the runtime's source.
`table` compares the trackers on the test sounds in the folder of shared recordings. Given the weights of
several seeds, it adds a line with their lowest and highest figures for each sound.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import safetensors.torch
import torch

from benchmarks.live_pitch.gather import gather
from benchmarks.live_pitch.header import stored, write_header
from benchmarks.live_pitch.table import whole_table
from benchmarks.live_pitch.train import train
from benchmarks.page import machine, write_section
from oscine import weights
from oscine.files import write_atomically

PAGE = "pitch"
COMMAND = "python -m benchmarks.live_pitch table SHARED --write"
CREDIT = {
    "source": "trained by `python -m benchmarks.live_pitch`",
    "licence": "CC BY 4.0; trained on recordings of LibriSpeech (CC BY 4.0) and John Garner (CC BY 3.0)",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.live_pitch",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("gather")
    one.add_argument("data", type=Path)
    one.add_argument("folders", type=Path, nargs="+")
    one.add_argument("--without", nargs="*", default=[])
    one = commands.add_parser("train")
    one.add_argument("data", type=Path)
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--steps", type=int, default=2400)
    one.add_argument("--channels", type=int, default=12)
    one.add_argument("--out", type=Path, default=weights.path("live_pitch"))
    commands.add_parser("header")
    one = commands.add_parser("table")
    one.add_argument("shared", type=Path)
    one.add_argument("--write", action="store_true")
    one.add_argument("--weights", type=Path, nargs="*", default=[])
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if options.command == "gather":
        gather(options.folders, options.without, options.data)
    elif options.command == "train":
        network = train(options.data, options.steps, options.seed, options.channels)
        tensors = stored(network.state_dict())
        write_atomically(options.out, safetensors.torch.save(tensors, CREDIT))
    elif options.command == "header":
        write_header()
    else:
        command = f"{COMMAND} --weights SEED …" if options.weights else COMMAND
        content = f"{whole_table(options.shared, options.weights)}\n\n*{machine()}; `{command}`.*"
        print(content)
        if options.write:
            write_section("live", content, PAGE)


if __name__ == "__main__":
    main()
