"""Make one of the instruments in the package: prepare, train, evaluate, and store it with its card and sound.

    python -m tools.make_instrument violin RECORDINGS
    python -m tools.make_instrument flute

RECORDINGS is the folder of the recordings that the instrument's credit names; what FluidSynth plays needs
none, see `tools.melodies`. Everything is computed on one thread from a fixed seed: the same machine makes the
same weights. Dataset and training stay in build/instruments/NAME, and a command that was interrupted goes on
there.
"""

import argparse
import json
import shutil
import time
from collections.abc import Callable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import soundfile
import torch
from rich.console import Console
from tools.melodies import SAMPLE_RATE, Player, render
from tools.players import LEARNED, MINUTES, render_each

from oscine import recordings
from oscine.audio import read_audio
from oscine.data import Dataset, prepare
from oscine.errors import InputError
from oscine.evaluation import Evaluation, evaluate
from oscine.evaluation.report import facts, rows, sound_rows
from oscine.files import write_atomically
from oscine.models.saved import SOUND
from oscine.training import train
from oscine.transfer import PlayableInstrument, load

PACKAGE = Path(__file__).parents[1] / "src" / "oscine" / "instruments"
WORK = Path("build/instruments")
STEPS = 5500
MOST_BYTES = 2_500_000
SOUND_S, PEAK = 10.0, 0.98
RENDERED_MINUTES = 9.0

_BACH = (
    "Violin: John Garner plays J. S. Bach, Partita No. 1 in B minor, BWV 1002, movements 6 and 8, from the "
    "Bach Violin Dataset, https://github.com/salu133445/bach-violin-dataset."
)
_FLUID = (
    "Soundfont: FluidR3 GM, © 2000-2002, 2008 Frank Wen, © 2008 Toby Smithe. Tunes: Ryan's Mammoth "
    "Collection (1883), as music21 carries them."
)
_MOVEMENTS = "*bwv1002_mov[68].*"


class Spec(NamedTuple):
    """What is made, and from what."""

    description: str
    licence: str
    credit: str
    sample_rate: int
    held_out_s: float
    files: str = "*"
    """Which of the recordings are used."""
    player: Player | None = None
    """Who plays them, where they are rendered."""
    players: Mapping[str, Player] = MappingProxyType({})
    """Who plays them by name, where there are several."""
    seed: int = 0
    """Of the rendered tunes of one player."""
    recipe: str = "default"

    @property
    def is_rendered(self) -> bool:
        """Whether no recordings are needed."""
        return self.player is not None or bool(self.players)

    def render(self, folder: Path) -> None:
        """Write the tunes of the player into a folder, or of several into a folder each."""
        if self.player is not None:
            render(self.player, folder, RENDERED_MINUTES, self.seed)
        render_each(self.players, folder, MINUTES)


def _rendered(description: str, player: Player, seed: int) -> Spec:
    """Return what is made of the soundfont, which is dry."""
    return Spec(description, "mit", _FLUID, SAMPLE_RATE, 60.0, player=player, seed=seed, recipe="dry")


SPECS = {
    "violin": Spec("A solo violin in a room.", "cc-by-3.0", _BACH, 44_100, 45.0, _MOVEMENTS),
    "violin-16k": Spec(
        "The same violin at 16 kHz with a small network, for small devices.",
        "cc-by-3.0",
        _BACH,
        16_000,
        45.0,
        _MOVEMENTS,
        recipe="student10",
    ),
    "alto-saxophone": Spec(
        "An alto saxophone, learned from isolated notes, dry.",
        "cc0-1.0",
        "Alto saxophone: Weresax by Karoryfer Samples.",
        44_100,
        60.0,
        recipe="dry",
    ),
    "flute": _rendered("A sampled flute, dry.", Player(73, 60, 93), seed=1),
    "orchestra": Spec(
        f"{len(LEARNED)} sampled wind, bowed and free-reed instruments in one network, dry; choose one of "
        "them, or describe one like them.",
        "mit",
        _FLUID,
        44_100,
        15.0 * len(LEARNED),
        players=LEARNED,
        recipe="many",
    ),
    "trumpet": _rendered("A sampled trumpet, dry.", Player(56, 54, 82), seed=2),
    "voice": _rendered("A sampled voice that sings one vowel, ooh, dry.", Player(53, 48, 79), seed=3),
}
_ROUNDED = ("multi-scale spectral loss", "log-mel L1 (dB)", "told apart (%)", "loudness L1 (dB)")


def make(name: str, source: Path | None, steps: int, work: Path, out: Path) -> Path:
    """Make an instrument, and return its folder.

    Args:
        name: One of `SPECS`.
        source: The recordings; None where they are rendered.
        steps: Of the training.
        work: Dataset and training go into the folder of the instrument's name in it.
        out: The instrument's folder goes into it.

    Raises:
        InputError: When there is no such instrument, recordings are missing or superfluous, or the folder
            becomes too large.
    """
    spec = SPECS.get(name)
    if spec is None:
        raise InputError(f"There is no instrument {name} to make; choose one of {', '.join(SPECS)}.")
    if (source is None) != spec.is_rendered:
        how = "from RECORDINGS; give" if source is None else "without RECORDINGS; omit"
        raise InputError(f"{name} is made {how} them.")
    torch.set_num_threads(1)
    work = work / name
    if spec.is_rendered:
        source = work / "rendered"
        _once(source, spec.render)
    assert source is not None
    prepare(
        source,
        work / "dataset",
        sample_rate=spec.sample_rate,
        held_out_s=spec.held_out_s,
        accept=lambda path: fnmatch(path, spec.files),
        n_workers=1,
    )
    began = time.process_time()
    train(
        work / "dataset",
        work / "instrument",
        recipe=spec.recipe,
        steps=steps,
        device="cpu",
        resume="auto",
        console=Console(stderr=True),
    )
    cpu_minutes = _spent(work / "cpu_minutes.json", (time.process_time() - began) / 60)
    trained, dataset = load(work / "instrument"), Dataset.open(work / "dataset")
    command = f"python -m tools.make_instrument {name}{'' if spec.is_rendered else ' RECORDINGS'}"
    card: dict[str, object] = {
        "description": spec.description,
        "licence": spec.licence,
        "credit": spec.credit,
        "recipe": spec.recipe,
        "training": f"{steps:,} steps on one thread, {cpu_minutes:.1f} minutes of CPU time",
        "sound": recordings.CREDITS[1],
        "reproduce": f"{command} --steps {steps}",
    }
    return _store(trained, dataset, card, work / "packed" / name, out / name)


def _once(folder: Path, write: Callable[[Path], None]) -> None:
    """Write a folder whole, unless it is there."""
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(unfinished, ignore_errors=True)
        write(unfinished)
        unfinished.rename(folder)


def _spent(path: Path, minutes: float) -> float:
    """Return the CPU time of all sessions of a training, and keep it."""
    spent = minutes + (json.loads(path.read_text()) if path.exists() else 0.0)
    write_atomically(path, json.dumps(spent))
    return spent


def _store(
    trained: PlayableInstrument, dataset: Dataset, card: Mapping[str, object], packed: Path, folder: Path
) -> Path:
    """Save an instrument in half precision with its card and sound, and compare it with what was trained."""
    trained.card = {}
    trained.save_pretrained(packed, weight_type="float16", **card)
    half = load(packed)
    sounds = [_sung(instrument) for instrument in (half, trained)]
    difference_db = 10 * torch.log10((sounds[0] - sounds[1]).square().sum() / sounds[1].square().sum())
    measured, full = (evaluate(one, dataset, baselines=False) for one in (half, trained))
    write_atomically(packed.parent / "evaluation.json", measured.model_dump_json(indent=1))
    write_atomically(packed.parent / "evaluation-float32.json", full.model_dump_json(indent=1))
    sound = sounds[0] / max(1.0, float(sounds[0].abs().max()) / PEAK)
    soundfile.write(packed / SOUND, sound.numpy(), half.sample_rate, subtype="PCM_16")
    half.save_pretrained(
        packed,
        weight_type="float16",
        weights=_rounding(float(difference_db), measured, full),
        evaluation=_figures(measured),
    )
    n_bytes = sum(file.stat().st_size for file in packed.iterdir())
    if n_bytes > MOST_BYTES:
        raise InputError(f"{packed} has {n_bytes / 1e6:.1f} MB, and {MOST_BYTES / 1e6:.1f} are allowed.")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(packed, folder)
    return folder


def _sung(instrument: PlayableInstrument) -> torch.Tensor:
    """Return the beginning of the package's sung melody, played."""
    audio, sample_rate = read_audio(recordings.path("singing"))
    played, rate = instrument.transfer((audio, sample_rate), octave="auto")
    return played[: round(SOUND_S * rate)]


def _rounding(difference_db: float, half: Evaluation, full: Evaluation) -> str:
    """Return what half precision changes, in words."""
    of_half, of_full = (
        {label: value for label, value, *_ in [*rows(one), *sound_rows(one)]} for one in (half, full)
    )
    pairs = [f"{label} {of_half[label]} and {of_full[label]}" for label in _ROUNDED]
    return (
        f"float16; the sound differs from that of float32 by {difference_db:.0f} dB; in float16 and float32: "
        f"{', '.join(pairs)}"
    )


def _figures(measured: Evaluation) -> dict[str, Any]:
    """Return the figures of the held-out part by their labels, with the recording's own where it has one."""
    figures = {label: value for label, value, *_ in rows(measured)}
    for label, value, *_, recording in sound_rows(measured):
        figures[label] = f"{value} (recording: {recording})" if recording else value
    figures["held out"] = facts(measured)[0]
    return figures


def main() -> None:
    """Make an instrument."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("name", metavar="NAME", help=", ".join(SPECS))
    parser.add_argument("recordings", metavar="RECORDINGS", type=Path, nargs="?")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--out", type=Path, default=PACKAGE)
    given = parser.parse_args()
    try:
        print(make(given.name, given.recordings, given.steps, given.work, given.out))
    except InputError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
