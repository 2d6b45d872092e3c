"""`oscine.play` and `oscine.render`: a sound, a song or curves, played in one line."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, Unpack

import torch
from pydantic import ValidationError

from oscine.arguments import checked
from oscine.data.curves import Curves, read_curves
from oscine.errors import InputError
from oscine.explain import explain
from oscine.files import is_file, printable
from oscine.models import Instrument
from oscine.notes.expression import Expression
from oscine.notes.midi_file import Score, read_midi
from oscine.performance.from_curves import play_curves_with_report
from oscine.performance.plot import plot_curves, plot_score
from oscine.performance.render import RenderOptions, render_with_report
from oscine.transfer.options import Options
from oscine.transfer.playable import OptionNames, load
from oscine.transfer.result import PlayResult, Source
from oscine.transfer.streaming import Performance
from oscine.transfer.transferring import transfer

Player = str | Path | Instrument
"""An instrument or its name: a bundled one, a folder, a hub id."""

_SONGS, _CURVES = (".mid", ".midi"), ".csv"
_OF_SONGS = ("octave", "dry", "seed", "identity")


@checked
def play(
    performance: Performance | Score | Curves, *, to: Player, **options: Unpack[OptionNames]
) -> PlayResult:
    """Return a sound or a song, played by an instrument.

    Args:
        performance: An audio file, audio and its rate, or a MIDI file or `Score`; a .csv file of curves, as
            `render` takes it.
        to: The instrument, or its name: see `oscine.load`.
        options: By the names of `oscine.transfer.Options`; a song takes octave, dry, seed and identity. More
            ways to play a song has `render`.

    Returns:
        The sound with a report: ``.save(path)``, ``.plot()``; ``audio, sample_rate = …`` takes it apart.

    Raises:
        InputError: What is to be played can't be read, there is no such instrument, or an option is out of
            its range or none for a song.

    Examples:
        >>> oscine.play("hum.wav", to="violin").save("out.wav")  # doctest: +SKIP
    """
    if isinstance(performance, tuple):
        return transfer(_player(to), performance, Options(**options))
    if isinstance(performance, str | Path) and _suffix(performance) not in (*_SONGS, _CURVES):
        chosen = Options(**options)  # what is wrong with it is told before an instrument is loaded
        return transfer(_player(to), performance, chosen)
    for name in options:
        if name not in _OF_SONGS:
            raise InputError(
                f"{_words(performance)} has no sound to follow, so {name} does not apply; remove it. A "
                f"song takes {', '.join(_OF_SONGS)}."
            )
    octave = options.get("octave", "auto")
    return render(
        performance,
        to=to,
        octave=0 if octave == "auto" else octave,
        dry=options.get("dry", False),
        seed=options.get("seed", 0),
        identity=options.get("identity"),
    )


@checked
def render(
    song: str | Path | Score | Curves,
    *,
    to: Player | Mapping[int | None, Player],
    voices: Literal["auto"] | int = "auto",
    octave: int = 0,
    dry: bool = False,
    seed: int = 0,
    identity: str | None = None,
    expression: Expression | Mapping[str, Any] | None = None,
) -> PlayResult:
    """Return a MIDI file or a file of curves, played by one instrument or several.

    Args:
        song: A .mid file or a `Score`; or a .csv file of an instrument's inputs frame by frame, or `Curves`.
        to: The instrument, or its name; or of each channel, 1 to 16, None for those that are not named.
        voices: How many notes an instrument can play together; "auto" for as many as the song has at once.
        octave: Octaves to add.
        dry: Leave out the effects.
        seed: Of the noise.
        identity: Which of the instruments in an instrument; the first if left out.
        expression: How notes are played, ``{"vibrato_cents": 20}``.

    Returns:
        The sound with a report, as of `play`.

    Raises:
        InputError: The song can't be read, there is no such instrument, an option is out of its range, or
            one of voices, octave and expression is given for curves.

    Examples:
        >>> oscine.render("song.mid", to={1: "violin", None: "flute"}).save("out.wav")  # doctest: +SKIP
    """
    words = _words(song)
    path = Path(song) if isinstance(song, str | Path) else None
    if path is not None and not is_file(path):
        raise InputError(f"{printable(path)} does not exist or is no file; check the path.")
    if isinstance(song, Curves) or (isinstance(song, str | Path) and _suffix(song) == _CURVES):
        if (voices, octave, expression) != ("auto", 0, None):
            raise InputError(f"{words} holds curves and no notes; remove voices, octave and expression.")
        if isinstance(to, Mapping):
            raise InputError(f"{words} holds the curves of one instrument; give one and no channels.")
        player = _player(to)
        names = [one.name for one in player.all_inputs()]
        curves = song if isinstance(song, Curves) else read_curves(song, allowed=names)
        audio, report = play_curves_with_report(curves, player, dry=dry, seed=seed, identity=identity)
        told = f"{words}, played by {player.called}"
        draw = partial(plot_curves, curves=curves, title=told)
    else:
        options = RenderOptions(_expression(expression), voices, octave, dry, seed, identity)
        score = song if isinstance(song, Score) else read_midi(song)
        named: dict[int | None, Player] = dict(to) if isinstance(to, Mapping) else {None: to}
        for channel in named:
            if channel is not None and not (type(channel) is int and 1 <= channel <= 16):
                raise InputError(f"{channel!r} is no channel; give 1 to 16, or None for all others.")
        loaded = {name: load(name) for name in set(named.values()) if not isinstance(name, Instrument)}
        players = {
            channel: one if isinstance(one, Instrument) else loaded[one] for channel, one in named.items()
        }
        audio, report = render_with_report(score, players, options)
        told = f"{words}, played by {' and '.join(dict.fromkeys(one.called for one in players.values()))}"
        draw = partial(plot_score, score=score, title=told)
    files = () if path is None else (path,)
    return PlayResult(torch.from_numpy(audio), report.sample_rate, report, Source(told, files, draw))


def _player(to: Player) -> Instrument:
    return to if isinstance(to, Instrument) else load(to)


def _suffix(path: str | Path) -> str:
    return Path(path).suffix.lower()


def _words(song: object) -> str:
    if isinstance(song, str | Path):
        return printable(Path(song).name)
    return "The score given" if isinstance(song, Score) else "The curves given"


def _expression(given: Expression | Mapping[str, Any] | None) -> Expression:
    """Return how notes are played.

    Raises:
        InputError: When a setting is unknown or out of its range.
    """
    if isinstance(given, Expression):
        return given
    try:
        return Expression.model_validate(dict(given or {}))
    except ValidationError as error:
        raise InputError(f"expression can't be used: {explain(error, Expression)}.") from None
