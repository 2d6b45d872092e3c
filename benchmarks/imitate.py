"""An unknown instrument from seconds of it, with ``orchestra`` or from nothing: docs/imitate.md.

    python -m benchmarks.imitate RECORDINGS … [--base INSTRUMENT] [--learned DATASET] [--curves NAME …]
                                 [--seconds S …] [--steps N …] [--results FOLDER] [--write]

Each RECORDINGS is a folder of one instrument that the base has not learned. Of each, 5 s are given in three
draws: the first table compares ways to an embedding. With ``--learned``, the dataset of the base, one of them
is heard by a regression. For NAME …, the second table has the loss over seconds of recordings and steps of
training. Everything is on one thread. FOLDER keeps datasets and figures: what is there is not made again.
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
from benchmarks.page import PAGE, machine, write_section
from oscine.data import Dataset
from oscine.files import write_atomically
from oscine.models.inputs.identity import EMBEDDING
from oscine.transfer import PlayableInstrument, imitate, load
from oscine.transfer.imitating import Clip, known_losses, with_embedding

GIVEN_S, N_DRAWS = 5.0, 3
MEAN, HEARD, NEAREST, BEST, FITTED = "mean", "heard", "nearest", "best known", "fitted"
EMBEDDING_ALONE, FROM_BASE, FROM_NOTHING = "embedding alone", "from the base", "from nothing"
Line = dict[str, Any]


def five_seconds(
    base: PlayableInstrument, of: Material, draw: int, listener: Callable[[], Ear | None]
) -> Line:
    """Return the losses on the test of ways to an embedding from 5 s."""
    given = clip(of.learned, GIVEN_S, draw)
    heard = Clip(base, sound(given))
    names = base.config.identities
    began = time.process_time()
    losses = known_losses(base, heard)
    took = time.process_time() - began
    nearest = min(names, key=losses.__getitem__)
    tests = {
        name: measured(base, of.test, heard.shift_db(name), number).spectral_loss
        for number, name in enumerate(names)
    }
    shift_db = heard.shift_db(nearest)
    embeddings = base.state_dict()[EMBEDDING]
    found: Line = {
        "nearest_name": nearest,
        "best_name": min(tests, key=tests.__getitem__),
        "new_pitches": new_pitches(given, of.test),
        "clip": {NEAREST: losses[nearest]},
        "cpu_s": {NEAREST: took},
        NEAREST: tests[nearest],
        BEST: min(tests.values()),
        MEAN: measured(with_embedding(base, embeddings.mean(1), MEAN), of.test, shift_db).spectral_loss,
    }
    if (ear := listener()) is not None:
        one = with_embedding(base, ear(given), HEARD)
        found[HEARD] = measured(one, of.test, shift_db).spectral_loss
    began = time.process_time()
    one, imitation = imitate(base, sound(given))
    found["cpu_s"][FITTED] = time.process_time() - began
    found["clip"][FITTED] = imitation.fitted_loss
    found[FITTED] = measured(one, of.test, shift_db).spectral_loss
    return found


def few_shot(base: PlayableInstrument, of: Material, way: str, seconds: float, steps: int) -> Line:
    """Return the loss on the test of an instrument that has learned seconds of recordings in some steps."""
    given = clip(of.learned, seconds, 0)
    if way == EMBEDDING_ALONE:
        began = time.process_time()
        one, imitation = imitate(base, sound(given))
        cpu_s = time.process_time() - began
        figures = measured(one, of.test, Clip(base, sound(given)).shift_db(imitation.nearest))
    else:
        learned = trained(given, steps, base if way == FROM_BASE else None)
        cpu_s, figures = learned.cpu_s, measured(learned.instrument, of.test)
    return {"instrument": of.name, "way": way, "seconds": seconds, "steps": steps, "cpu_s": cpu_s} | (
        figures._asdict()
    )


def kept(path: Path, make: Callable[[], Line]) -> Line:
    """Return what a file holds, which is made where there is none."""
    if not path.exists():
        write_atomically(path, json.dumps(make(), indent=1) + "\n")
    line: Line = json.loads(path.read_text(encoding="utf-8"))
    print(path.stem, {key: value for key, value in line.items() if isinstance(value, float)}, flush=True)
    return line


def embeddings_table(found: dict[str, list[Line]]) -> str:
    """Return the losses of the ways to an embedding in Markdown, the means of the draws."""
    ways = [way for way in (MEAN, HEARD, NEAREST, BEST, FITTED) if way in next(iter(found.values()))[0]]
    rows = []
    for name, lines in found.items():
        known = ", ".join(dict.fromkeys(line["nearest_name"] for line in lines))
        share = 100 * mean(line["new_pitches"] for line in lines)
        losses = [f"{mean(line[way] for line in lines):.2f}" for way in ways]
        rows.append([f"{name} ({known})", f"{share:.0f}", *losses])
    every = [line for lines in found.values() for line in lines]
    wins = {way: sum(line[FITTED] <= line[way] for line in every) for way in ways if way != FITTED}
    said = ", ".join(f"{way} in {count}" for way, count in wins.items())
    times = " and ".join(f"{mean(line['cpu_s'][way] for line in every):.1f} s" for way in (NEAREST, FITTED))
    return (
        f"{table(['instrument (nearest)', 'new pitches, %', *ways], rows)}\n\n"
        f"Of {len(every)} draws, fitted is as good as or better than: {said}. The nearest takes {times} of "
        "CPU time with the fit."
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
            cells = [f"{same[s]['spectral_loss']:.2f}" if s in same else "–" for s in seconds]
            rows.append([f"{name}, {way}", f"{steps}", f"{cpu_s:.1f}", *cells])
    return table(["", "steps", "CPU s", *(f"{s:g} s of it" for s in seconds)], rows)


def plot(lines: Sequence[Line], path: Path) -> None:
    """Draw the loss over the seconds of training, a panel for each instrument."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(line["instrument"] for line in lines))
    every = sorted({line["seconds"] for line in lines})
    figure = Figure(figsize=(3.2 * len(names), 3.6), layout="constrained")
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    styles = {FROM_BASE: "o-", FROM_NOTHING: "s--", EMBEDDING_ALONE: "*"}
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
                times, losses = [line["cpu_s"] for line in own], [line["spectral_loss"] for line in own]
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
    parser.add_argument("--results", type=Path, default=Path("build/imitate"), metavar="FOLDER")
    parser.add_argument("--write", action="store_true", help="write docs/imitate.md and its picture")
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

    found = {
        name: [
            kept(folder / f"{name}-{draw}.json", partial(five_seconds, base, of, draw, listener))
            for draw in range(N_DRAWS)
        ]
        for name, of in every.items()
    }
    lines = [
        kept(
            folder / f"{name}-{way.replace(' ', '-')}-{seconds:g}-{steps}.json",
            partial(few_shot, base, every[name], way, seconds, steps),
        )
        for name in options.curves
        for way in (EMBEDDING_ALONE, FROM_BASE, FROM_NOTHING)
        for steps in ([0] if way == EMBEDDING_ALONE else options.steps)
        for seconds in options.seconds
    ]
    sections = {"embeddings": embeddings_table(found)} | ({"curves": curves_table(lines)} if lines else {})
    for name, content in sections.items():
        print(f"{name}\n\n{content}\n")
        if options.write:
            said = f"{content}\n\n*{machine()}, one thread; `python -m benchmarks.imitate RECORDINGS …`.*"
            write_section(name, said, PAGE.with_name("imitate.md"))
    if lines and options.write:
        plot(lines, PAGE.with_name("imitate.png"))


if __name__ == "__main__":
    main()
