"""Wind, bowed and free-reed instruments of the soundfont FluidR3: twenty to learn, and six to find.

    python -m tools.players FOLDER [--minutes M]

renders all of them by `tools.melodies`: FOLDER/learned and FOLDER/unknown have a folder of tunes for each.
The instrument ``orchestra`` in the package has learned the twenty. The six are for benchmarks/imitate.py.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

from tools.melodies import Player, render

from oscine.errors import InputError

MINUTES = 3.0

#: Programs with one clear pitch a note (see tools/render_nsynth_like.py), in the range that sounds natural.
LEARNED: Mapping[str, Player] = {
    "baritone-saxophone": Player(67, 36, 69),
    "bandoneon": Player(23, 53, 84),
    "bassoon": Player(70, 34, 72),
    "cello": Player(42, 36, 76),
    "clarinet": Player(71, 50, 88),
    "english-horn": Player(69, 52, 81),
    "flute": Player(73, 60, 93),
    "french-horn": Player(60, 41, 77),
    "harmonica": Player(22, 60, 84),
    "muted-trumpet": Player(59, 54, 82),
    "ocarina": Player(79, 60, 84),
    "pan-flute": Player(75, 60, 88),
    "piccolo": Player(72, 74, 96),
    "reed-organ": Player(20, 48, 84),
    "shanai": Player(111, 58, 84),
    "soprano-saxophone": Player(64, 56, 86),
    "tenor-saxophone": Player(66, 44, 75),
    "trumpet": Player(56, 54, 82),
    "tuba": Player(58, 33, 58),
    "violin": Player(40, 55, 93),
}
UNKNOWN: Mapping[str, Player] = {
    "accordion": Player(21, 53, 84),
    "alto-saxophone": Player(65, 49, 80),
    "oboe": Player(68, 58, 88),
    "recorder": Player(74, 60, 90),
    "trombone": Player(57, 40, 72),
    "viola": Player(41, 48, 84),
}


def render_each(players: Mapping[str, Player], folder: Path, minutes: float) -> None:
    """Write tunes of each player into a folder of its name; the program is the seed of its tunes.

    Args:
        players: By name.
        folder: Where their folders go.
        minutes: Of each, at least.

    Raises:
        InputError: When FluidSynth, the soundfont or music21 is missing.
    """
    for name, player in players.items():
        render(player, folder / name, minutes, seed=player.program)


def main() -> None:
    """Render all of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of each (%(default)s)")
    given = parser.parse_args()
    try:
        for part, players in {"learned": LEARNED, "unknown": UNKNOWN}.items():
            render_each(players, given.folder / part, given.minutes)
    except InputError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
