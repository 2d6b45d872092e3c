"""An unknown instrument from seconds of it, with ``orchestra`` or from nothing: imitate.md.

    python -m benchmarks.imitate RECORDINGS … [--base INSTRUMENT] [--learned DATASET] [--curves NAME …]
                                 [--ways WAY …] [--seconds S …] [--steps N …] [--results FOLDER] [--write]

Each RECORDINGS is a folder of one instrument that the base has not learned. Of each, 5 s are given in three
draws: the first table compares ways to an embedding. With ``--learned``, the dataset of the base, one of them
is heard by a regression. For NAME …, the second table has the loss over seconds of recordings and steps of
training. Everything is on one thread. FOLDER keeps datasets and figures: what is there is not made again, and
the second table is of all that is there.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from statistics import mean
from typing import Any

import torch

from benchmarks.few_seconds import Material, clip, material, measured, new_pitches, sound, trained
from benchmarks.heard import Ear, trained_ear
from benchmarks.measure import table
from benchmarks.page import machine, page_of, write_section
from oscine.data import Dataset
from oscine.files import write_atomically
from oscine.models.inputs.identity import EMBEDDING
from oscine.transfer import PlayableInstrument, imitate, load
from oscine.transfer.imitating import Clip, known_losses, with_embedding

GIVEN_S, N_DRAWS = 5.0, 3
MEAN, HEARD, NEAREST, BEST, FITTED = "mean", "heard", "nearest", "best known", "fitted"
EMBEDDING_ALONE, FROM_BASE, FROM_NOTHING = "embedding alone", "from the base", "from nothing"
FROM_IMITATION = "from the imitation"
WAYS = (EMBEDDING_ALONE, FROM_BASE, FROM_IMITATION, FROM_NOTHING)
Line = dict[str, Any]


def best_known(base: PlayableInstrument, of: Material) -> Line:
    """Return the losses on the test of each identity that the base has learned."""
    heard = Clip(base, sound(clip(of.learned, GIVEN_S, 0)))
    names = base.config.identities
    return {name: measured(base, of.test, heard.shift_db(name), i) for i, name in enumerate(names)}


def five_seconds(
    base: PlayableInstrument, of: Material, draw: int, listener: Callable[[], Ear | None]
) -> Line:
    """Return the losses on the test of ways to an embedding from 5 s."""
    given = clip(of.learned, GIVEN_S, draw)
    heard = Clip(base, sound(given))
    began = time.process_time()
    losses = known_losses(base, heard)
    found: Line = {"cpu_s": time.process_time() - began}
    nearest = min(losses, key=losses.__getitem__)
    shift_db = heard.shift_db(nearest)
    embeddings = base.state_dict()[EMBEDDING].T
    ways = {NEAREST: embeddings[list(losses).index(nearest)], MEAN: embeddings.mean(0)}
    if (ear := listener()) is not None:
        ways[HEARD] = ear(given)
    began = time.process_time()
    one, imitation = imitate(base, sound(given))
    found["fitted_cpu_s"] = time.process_time() - began
    ways[FITTED] = one.state_dict()[EMBEDDING][:, 0]
    tests = {way: measured(with_embedding(base, one, way), of.test, shift_db) for way, one in ways.items()}
    clips = {"nearest_clip": imitation.nearest_loss, "fitted_clip": imitation.fitted_loss}
    return found | tests | clips | {"known": nearest, "new_pitches": new_pitches(given, of.test)}


def few_shot(base: PlayableInstrument, of: Material, way: str, seconds: float, steps: int) -> Line:
    """Return the loss on the test of an instrument that has learned seconds of recordings in some steps."""
    given = clip(of.learned, seconds, 0)
    line: Line = {"instrument": of.name, "way": way, "seconds": seconds, "steps": steps}
    start, shift_db, began = base, 0.0, time.process_time()
    if way in (EMBEDDING_ALONE, FROM_IMITATION):
        start, imitation = imitate(base, sound(given))
        shift_db = Clip(base, sound(given)).shift_db(imitation.nearest)
    line["cpu_s"] = time.process_time() - began
    if way == EMBEDDING_ALONE:
        line["loss"] = measured(start, of.test, shift_db)
    else:
        learned = trained(given, steps, None if way == FROM_NOTHING else start)
        line["cpu_s"] += learned.cpu_s
        line["loss"] = measured(learned.instrument, of.test)
    return line


def kept(path: Path, make: Callable[[], Line]) -> Line:
    """Return what a file holds, which is made where there is none."""
    if not path.exists():
        write_atomically(path, json.dumps(make(), indent=1) + "\n")
    line: Line = json.loads(path.read_text(encoding="utf-8"))
    print(path.stem, {key: value for key, value in line.items() if isinstance(value, float)}, flush=True)
    return line


def embeddings_table(found: dict[str, list[Line]], known: dict[str, Line]) -> str:
    """Return the losses of the ways to an embedding in Markdown, the means of the draws."""
    ways = [way for way in (MEAN, HEARD, NEAREST, FITTED) if way in next(iter(found.values()))[0]]
    wins = dict.fromkeys((BEST, *ways[:-1]), 0)
    rows = []
    for name, lines in found.items():
        nearest = ", ".join(dict.fromkeys(line["known"] for line in lines))
        best = min(known[name], key=known[name].__getitem__)
        losses = {way: mean(line[way] for line in lines) for way in ways}
        losses[BEST] = known[name][best]
        for way in wins:
            wins[way] += losses[FITTED] <= losses[way]
        share = 100 * mean(line["new_pitches"] for line in lines)
        cells = [f"{losses[way]:.2f}" for way in ways]
        cells.insert(-1, f"{losses[BEST]:.2f} ({best})")
        cells[ways.index(NEAREST)] += f" ({nearest})"
        clips = [mean(line[f"{way}_clip"] for line in lines) for way in (NEAREST, FITTED)]
        rows.append([name, f"{share:.0f}", *cells, " → ".join(f"{one:.2f}" for one in clips)])
    columns = ["instrument", "new pitches, %", *ways[:-1], BEST, FITTED, "on the clip, nearest → fitted"]
    every = [line for lines in found.values() for line in lines]
    said = ", ".join(f"{way}: {count}" for way, count in wins.items())
    return (
        f"{table(columns, rows)}\n\nFitted is as good or better in, of {len(found)} instruments, {said}. The "
        f"nearest takes {mean(line['cpu_s'] for line in every):.1f} s of CPU time, the imitation "
        f"{mean(line['fitted_cpu_s'] for line in every):.1f} s."
    )


def curves_table(lines: Sequence[Line]) -> str:
    """Return the losses over seconds of recordings and of training in Markdown."""
    seconds = sorted({line["seconds"] for line in lines})
    rows = []
    for name in dict.fromkeys(line["instrument"] for line in lines):
        own = [line for line in lines if line["instrument"] == name]
        for way, steps in dict.fromkeys((line["way"], line["steps"]) for line in own):
            same = {line["seconds"]: line for line in own if (line["way"], line["steps"]) == (way, steps)}
            cpu_s = mean(line["cpu_s"] for line in same.values())
            cells = [f"{same[s]['loss']:.2f}" if s in same else "–" for s in seconds]
            rows.append([f"{name}, {way}", f"{steps}", f"{cpu_s:.1f}", *cells])
    return table(["", "steps", "CPU s", *(f"{s:g} s of it" for s in seconds)], rows)


def plot(lines: Sequence[Line], path: Path) -> None:
    """Draw the loss over the seconds of training, a panel for each instrument."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(line["instrument"] for line in lines))
    every = sorted({line["seconds"] for line in lines})
    figure = Figure(figsize=(3.2 * len(names), 3.6), layout="constrained")
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    styles = {EMBEDDING_ALONE: "*", FROM_BASE: "o-", FROM_IMITATION: "^-.", FROM_NOTHING: "s--"}
    colours = ["#9ecae1", "#4c7a9c", "#b5532a", "#1b2733"]
    for panel, name in zip(panels, names, strict=True):
        for seconds, colour in zip(every, colours, strict=False):
            for way, style in styles.items():
                own = [
                    line
                    for line in lines
                    if (line["instrument"], line["seconds"], line["way"]) == (name, seconds, way)
                ]
                own.sort(key=lambda line: line["steps"])
                times, losses = [line["cpu_s"] for line in own], [line["loss"] for line in own]
                size = 11 if way == EMBEDDING_ALONE else 4
                panel.plot(times, losses, style, color=colour, ms=size, label=f"{seconds:g} s, {way}")
        panel.set(xscale="log", title=name, xlabel="seconds of training")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("spectral loss on other pitches")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(every), fontsize=7)
    write_atomically(path, lambda place: figure.savefig(place, format="png", dpi=110))


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.imitate", description=__doc__)
    parser.add_argument("recordings", type=Path, nargs="+", metavar="RECORDINGS")
    parser.add_argument("--base", default="orchestra", metavar="INSTRUMENT", help="(%(default)s)")
    parser.add_argument("--learned", type=Path, metavar="DATASET", help="what the base has learned")
    parser.add_argument("--curves", nargs="*", default=[], metavar="NAME", help="of RECORDINGS")
    parser.add_argument("--seconds", type=float, nargs="+", default=[3, 10, 20, 60], help="(%(default)s)")
    parser.add_argument("--steps", type=int, nargs="+", default=[10, 30, 100], help="(%(default)s)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="of learning (all)")
    parser.add_argument("--results", type=Path, default=Path("build/imitate"), metavar="FOLDER")
    parser.add_argument("--write", action="store_true", help="write imitate.md and its picture")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    folder, base = options.results, load(options.base)
    every = {
        place.name: material(place, folder / "datasets" / place.name, base.sample_rate)
        for place in options.recordings
    }

    @cache
    def listener() -> Ear | None:
        return None if options.learned is None else trained_ear(base, Dataset.open(options.learned).train)

    found, known = {}, {}
    for name, of in every.items():
        known[name] = kept(folder / f"{name}-known.json", partial(best_known, base, of))
        found[name] = [
            kept(folder / f"{name}-{draw}.json", partial(five_seconds, base, of, draw, listener))
            for draw in range(N_DRAWS)
        ]
    for name in options.curves:
        for way in options.ways:
            for seconds in options.seconds:
                for steps in [0] if way == EMBEDDING_ALONE else options.steps:
                    cell = f"{name}-{way.replace(' ', '-')}-{seconds:g}-{steps}.json"
                    kept(folder / "curves" / cell, partial(few_shot, base, every[name], way, seconds, steps))
    paths = sorted((folder / "curves").glob("*.json"))
    lines: list[Line] = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    lines.sort(key=lambda line: (line["instrument"], WAYS.index(line["way"]), line["steps"]))
    sections = {"embeddings": embeddings_table(found, known)} | (
        {"curves": curves_table(lines)} if lines else {}
    )
    for name, content in sections.items():
        print(f"{name}\n\n{content}\n")
        if options.write:
            said = f"{content}\n\n*{machine()}, one thread; `python -m benchmarks.imitate RECORDINGS …`.*"
            write_section(name, said, "imitate")
    if lines and options.write:
        plot(lines, page_of("curves", "imitate").with_suffix(".png"))


if __name__ == "__main__":
    main()
