"""The command `oscine`: its subcommands, and how errors are reported."""

import io
import os
import sys
from contextlib import suppress
from typing import Annotated, Any

import typer

from oscine.cli.analyze import analyze
from oscine.cli.cluster import with_addresses
from oscine.cli.convert import convert
from oscine.cli.demo import demo
from oscine.cli.distill import distill
from oscine.cli.enhance import enhance
from oscine.cli.evaluate import evaluate
from oscine.cli.export import export
from oscine.cli.fit import fit
from oscine.cli.instruments import instruments
from oscine.cli.listen import listen
from oscine.cli.play import play
from oscine.cli.prepare import prepare
from oscine.cli.progress import asks_for_json, write_json
from oscine.cli.recipes import recipes
from oscine.cli.render import render
from oscine.cli.replay import replay
from oscine.cli.room import room
from oscine.cli.serve import serve
from oscine.cli.share import share
from oscine.cli.signals import orderly_ends
from oscine.cli.studio import studio
from oscine.cli.terminal import own_words, sentence_of, terminal
from oscine.cli.train import train
from oscine.cli.transfer import transfer
from oscine.cli.voice import voice
from oscine.errors import InputError
from oscine.files import printable

app = typer.Typer(
    name="oscine",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
COMMANDS = (
    analyze,
    prepare,
    train,
    distill,
    evaluate,
    transfer,
    voice,
    convert,
    enhance,
    play,
    render,
    fit,
    replay,
    export,
    share,
    room,
    recipes,
    instruments,
    demo,
    studio,
    serve,
)
for command in COMMANDS:
    app.command(help=command.__doc__)(command)
app.add_typer(listen, name="listen")


def _version(asked: bool) -> bool:
    if not asked:
        return False
    import torch

    from oscine import __version__, kernels

    python = ".".join(str(part) for part in sys.version_info[:3])
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    typer.echo(f"oscine {__version__}, Python {python}, torch {torch.__version__}")
    typer.echo(f"kernels on the CPU: {kernels.chosen()}; GPU: {gpu}")
    raise typer.Exit


@app.callback()
def _oscine(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the versions, kernels and GPU."
        ),
    ] = False,
) -> None:
    """Learn an instrument or a voice from recordings, and play it."""


def main(arguments: list[str] | None = None) -> None:
    """Run a command; bad input and a refusing disk are one sentence on standard error and exit code 2.

    SIGTERM ends it with the code 143 and SIGHUP with 129; no temporary file stays.
    """
    with own_words(), orderly_ends():
        _run(arguments)


_SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


def _show_completion(shell: str) -> None:
    """Print what makes a shell complete the command; without a name, typer finds out which shell asks.

    Raises:
        InputError: When there is no such shell.
    """
    from typer.completion import get_completion_script  # pyright: ignore[reportPrivateImportUsage]

    if shell not in _SHELLS:
        raise InputError(f"There is no completion for {shell}; give one of {', '.join(_SHELLS)}.")
    typer.echo(get_completion_script(prog_name="oscine", complete_var="_OSCINE_COMPLETE", shell=shell))


#: Of every error in a command line; typer has it under a private name, and took it from click before.
_UsageError: Any = typer.BadParameter.__base__
#: What typer puts before the reason of a wrong value.
_TYPERS = "Value error, "
#: From this exit code on a signal ended the command.
_OF_SIGNALS = 128


def _run(arguments: list[str] | None) -> None:
    given = sys.argv[1:] if arguments is None else arguments
    code: object = 0
    try:
        if len(given) == 2 and given[0] == "--show-completion":
            _show_completion(given[1])
            return
        if "" in given:  # as a path it would be the current folder
            raise InputError(
                "An argument is empty, such as a variable without a value; give its value, or leave it out."
            )
        code = app(with_addresses(given), standalone_mode=False) or 0
    except BrokenPipeError:
        # The reader of our output went away: nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except _UsageError as error:
        _refuse(error, given)
    except (InputError, OSError) as error:
        _fail(sentence_of(error), given)
    except SystemExit as ended:
        code = ended.code
    except KeyboardInterrupt:
        code = 130
    if isinstance(code, int) and code >= _OF_SIGNALS and asks_for_json(given):
        write_json({"error": "A signal ended the command."})
    sys.exit(code if isinstance(code, int) else 0)


def _refuse(error: Any, arguments: list[str]) -> None:
    """Say what is wrong with a command line, with its usage, and end."""
    sentence = error.format_message().replace(_TYPERS, "")
    if asks_for_json(arguments):
        _fail(sentence if sentence.endswith(".") else f"{sentence}.", arguments)
    said = io.StringIO()
    error.show(said)
    with suppress(OSError):
        terminal(stderr=True).print(said.getvalue().replace(_TYPERS, ""), end="", soft_wrap=True)
    sys.exit(error.exit_code)


def _fail(sentence: str, arguments: list[str]) -> None:
    with suppress(OSError):  # where nothing can be said, the exit code says it
        if asks_for_json(arguments):
            write_json({"error": printable(sentence)})
        else:
            terminal(stderr=True).print(f"oscine: {printable(sentence)}", style="red", soft_wrap=True)
    sys.exit(2)
