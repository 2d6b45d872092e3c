"""``oscine play``: an instrument, played live by MIDI or by a voice."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oscine.cli.terminal import terminal

if TYPE_CHECKING:
    import numpy as np

    from oscine.realtime import FileDevice, Session, SoundCard
    from oscine.runtime import Performer

_AUDIO = (".wav", ".flac", ".mp3")
_MIDI = (".mid", ".midi")


def play(
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="INSTRUMENT",
            help="See `oscine instruments`; or a folder, a hub id, a .oscine file.",
        ),
    ] = None,
    voice: Annotated[
        bool, typer.Option("--voice", help="Follow a microphone or a file, instead of playing MIDI.")
    ] = False,
    heard: Annotated[
        str,
        typer.Option(
            "--input", metavar="DEVICE|FILE", help="The input with --voice: a sound card or a file."
        ),
    ] = "",
    midi: Annotated[
        str, typer.Option(metavar="PORT|FILE", help="Part of a MIDI port's name, or a MIDI file.")
    ] = "",
    output: Annotated[
        str,
        typer.Option(
            "-o", "--output", metavar="DEVICE|FILE", help="A sound card; or a .wav, .flac or .mp3 file."
        ),
    ] = "",
    rate: Annotated[
        int | None, typer.Option(metavar="HZ", help="By default 48000, or the input file's.")
    ] = None,
    block: Annotated[int, typer.Option(metavar="N", help="Samples per block.")] = 128,
    voices: Annotated[
        int, typer.Option(metavar="N", help="Most notes at a time, 1 to 16; 1 ties notes (legato).")
    ] = 1,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting, such as octave=1 or autotune=0.5."),
    ] = None,
    controllers: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="CC=NAME", help="A MIDI controller for a setting, such as 20=mix."),
    ] = None,
    seconds: Annotated[float | None, typer.Option(metavar="S", help="End after this time.")] = None,
    paced: Annotated[
        bool, typer.Option("--paced", help="Play files in real time, not as fast as possible.")
    ] = False,
    dry: Annotated[bool, typer.Option("--dry", help="Leave out the effects, such as reverb.")] = False,
    show: Annotated[bool, typer.Option("--list", help="Show sound cards, MIDI ports and settings.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON value.")] = False,
) -> None:
    """Play an instrument live, by MIDI, or with --voice from a microphone.

    While it plays, the terminal shows level, pitch, latency, load and overruns; keys change the settings.
    With files in place of a sound card, the output is the same as on a sound card.
    """
    from oscine.cli.playing import follow
    from oscine.errors import InputError
    from oscine.realtime import Session
    from oscine.realtime.midi_input import MidiInput
    from oscine.realtime.priority import real_time, without_pauses

    if show:
        if as_json:
            raise InputError("--list has no JSON; remove --json.")
        _list(to)
        return
    if to is None:
        raise InputError("--to is missing; give an instrument to play.")
    if seconds is not None and not 0 < seconds <= 86400:
        raise InputError(f"--seconds is {seconds:g}; give more than 0, and at most 86400.")
    is_dry_file = dry and to.endswith(".oscine")
    _refuse_what_does_nothing(voice, heard, midi, output, paced, controllers or [], voices, is_dry_file)
    if rate is not None and not 4000 <= rate <= 768000:
        raise InputError(f"--rate is {rate}; give 4000 to 768000 Hz.")
    sound = _read_sound(heard, rate)
    sample_rate = rate or (sound[1] if sound else 48000)
    performer = _performer(to, sample_rate, voices, dry)
    performer.set(source=int(voice))
    _set(performer, settings or [])
    session = Session(performer, block, _controllers(controllers or []))
    device: FileDevice | SoundCard = _device(session, voice, heard, sound, midi, output, paced, seconds)
    port = None
    if not voice and not _is_file(midi, _MIDI) and not _is_file(output, _AUDIO):
        port = MidiInput(midi, session.post, session.silence)
    is_live = paced or not _is_file(output, _AUDIO)
    with without_pauses(), real_time() if is_live else nullcontext():
        try:
            device.start(session)
            follow(session, device, port, None if _is_file(output, _AUDIO) else seconds)
        except KeyboardInterrupt:
            pass  # the usual end of playing
        finally:
            if port is not None:
                port.close()
            device.stop()
    report = session.report()
    if as_json:
        typer.echo(report.model_dump_json())
        return
    from oscine.plural import counted

    latency_ms = report.voice_latency_ms if voice else report.note_latency_ms
    console = terminal()
    console.print(
        f"{report.seconds:.1f} s at {report.sample_rate} Hz in blocks of {report.block}: "
        f"{counted(report.overruns, 'overrun')}, load {report.load_median:.1%} (99.9 %: "
        f"{report.load_p999:.1%}), latency {latency_ms:.1f} ms, peak {report.peak:.2f}",
        soft_wrap=True,
    )
    if device.remark:
        console.print(device.remark, soft_wrap=True)
    for what, said in (("Licence", report.licence), ("Credit", report.credit)):
        console.print(f"{what}: {said or 'not stated'}", soft_wrap=True)


def _is_file(name: str, extensions: tuple[str, ...]) -> bool:
    return name.lower().endswith(extensions)


def _device(
    session: "Session",
    voice: bool,
    heard: str,
    sound: "tuple[np.ndarray, int] | None",
    midi: str,
    output: str,
    paced: bool,
    seconds: float | None,
) -> "FileDevice | SoundCard":
    """Return files where the output is one, else the sound card."""
    from oscine.audio.output import check_output
    from oscine.performance import read_midi
    from oscine.realtime import FileDevice, SoundCard

    if _is_file(output, _AUDIO):
        for name in (heard, midi):
            if name:
                check_output(Path(output), Path(name), _AUDIO)
        score = read_midi(midi) if midi and not voice else None
        samples = sound[0] if sound and voice else None
        return FileDevice(Path(output), heard=samples, score=score, is_paced=paced, seconds=seconds)
    return SoundCard(session.sample_rate, session.block, heard=heard if voice else None, output=output)


def _refuse_what_does_nothing(
    voice: bool,
    heard: str,
    midi: str,
    output: str,
    paced: bool,
    controllers: list[str],
    voices: int,
    is_dry_file: bool,
) -> None:
    """Refuse options that have no effect together.

    Raises:
        InputError: For each of them.
    """
    from oscine.audio import AUDIO_SUFFIXES
    from oscine.errors import InputError

    sound, is_written = _is_file(heard, tuple(AUDIO_SUFFIXES)), _is_file(output, _AUDIO)
    refused = {
        "--input is for --voice; add --voice, or remove --input.": heard and not voice,
        "--midi is for playing notes; remove it, or --voice.": midi and voice,
        "--map is for playing notes; remove it, or --voice.": controllers and voice,
        "--voices is for playing notes; remove it, or --voice.": voices != 1 and voice,
        "--paced is for files; give -o OUT.wav, or remove it.": paced and not is_written,
        "A file that is played needs a file to write; give -o OUT.wav.": (
            (sound or _is_file(midi, _MIDI)) and not is_written
        ),
        "--voice with a file to write needs a sound file; give --input FILE.": (
            voice and is_written and not sound
        ),
        "A MIDI port can't be played into a file; give --midi SONG.mid.": (
            midi and is_written and not _is_file(midi, _MIDI)
        ),
        "--dry has no effect on a .oscine file; export it with --dry instead.": is_dry_file,
        f"{output} is no .wav, .flac or .mp3 file; give such a name.": (
            not is_written and Path(output).suffix.lower() in {*AUDIO_SUFFIXES, ".ogg", ".aiff"}
        ),
    }
    for sentence, is_so in refused.items():
        if is_so:
            raise InputError(sentence)


def _read_sound(name: str, rate: int | None) -> "tuple[np.ndarray, int] | None":
    """Return the samples of a file in mono at the rate that is asked for, and that rate."""
    from oscine.audio import AUDIO_SUFFIXES, read_audio

    return read_audio(name, rate) if _is_file(name, tuple(AUDIO_SUFFIXES)) else None


def _performer(name: str, sample_rate: int, voices: int, dry: bool) -> "Performer":
    """Return what plays.

    Raises:
        InputError: When there is no compiled runtime, the instrument can't be played by it, or the rate or
            the number of voices is out of its range.
    """
    from oscine.errors import InputError
    from oscine.files import read_bytes
    from oscine.runtime import Performer, engines
    from oscine.streaming import NotCompilable
    from oscine.transfer import load

    if not engines():
        raise InputError(
            "Playing live needs the compiled runtime: install a C++ compiler, and Oscine once more."
        )
    if not 1 <= voices <= 16:
        raise InputError(f"--voices is {voices}; give 1 to 16.")
    try:
        if name.endswith(".oscine"):
            program = read_bytes(Path(name), 1 << 28)
        else:
            program = load(name).program(dry=dry).to_bytes("float16")
        return Performer(program, sample_rate, voices)
    except InputError:
        raise
    except NotCompilable as error:
        raise InputError(f"{name} can't be played live: {error}") from None
    except ValueError as error:
        raise InputError(f"{name} can't be played: {error}") from None


def _set(performer: "Performer", settings: list[str]) -> None:
    from oscine.errors import InputError
    from oscine.realtime.session import require_setting

    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--set {text}: write NAME=VALUE, such as octave=1.")
        require_setting(performer, name)
        if name == "source":
            raise InputError("--set source has no effect; use --voice.")
        try:
            number = float(value)
        except ValueError:
            raise InputError(f"--set {text}: {value!r} is not a number.") from None
        setting = performer.settings[name]
        if not setting.minimum <= number <= setting.maximum:
            raise InputError(f"--set {text}: give {setting.minimum:g} to {setting.maximum:g}.")
        performer.set(**{name: number})


def _controllers(texts: list[str]) -> dict[int, str]:
    from oscine.errors import InputError

    mapped = {}
    for text in texts:
        number, equals, name = text.partition("=")
        if not equals or not number.isdecimal() or len(number) > 3:
            raise InputError(f"--map {text}: write CC=NAME, such as 20=mix.")
        if int(number) in mapped:
            raise InputError(f"--map gives controller {int(number)} twice; give it once.")
        if name == "source":
            raise InputError("--map can't change source; use --voice.")
        mapped[int(number)] = name
    return mapped


def _list(to: str | None) -> None:
    """Print what there is: sound cards, MIDI ports, and the settings of an instrument."""
    from oscine.realtime.midi_input import port_names
    from oscine.realtime.sound_card import device_names

    console = terminal()
    for title, names in (
        ("Sound cards with an input", device_names("input")),
        ("Sound cards that play", device_names("output")),
        ("MIDI ports", port_names()),
    ):
        console.print(f"{title}: {', '.join(names) or 'none'}", soft_wrap=True)
    if to is not None:
        for name, setting in _performer(to, 48000, 1, False).settings.items():
            console.print(
                f"  {name}: {setting.minimum:g} to {setting.maximum:g} {setting.unit}, "
                f"by default {setting.default:g}",
                soft_wrap=True,
            )
