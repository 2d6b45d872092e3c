"""``oscine room``: the learned reverb of an instrument, for any convolution reverb."""

from pathlib import Path
from typing import Annotated

import typer

from oscine.cli.terminal import tell


def room(
    instrument: Annotated[
        str, typer.Argument(metavar="INSTRUMENT", help="See `oscine instruments`; or a folder, a hub id.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT.wav", help="The file to write.")],
    rate: Annotated[
        int | None, typer.Option(metavar="HZ", help="Sample rate; by default the instrument's.")
    ] = None,
    wet: Annotated[bool, typer.Option("--wet", help="Leave out the direct sound.")] = False,
) -> None:
    """Write the impulse response of an instrument's learned reverb, as a WAV file of 32-bit floats.

    The direct sound is 1 at sample 0, and the reverberation follows. It sounds the same at any sample rate.
    """
    from oscine.transfer.room import write_response

    written = write_response(instrument, output, sample_rate=rate, wet=wet)
    rings = "" if written.decay_s is None else f"; it falls by 60 dB in {written.decay_s:.2f} s"
    direct = "without the direct sound" if wet else "the direct sound at sample 0"
    tell(f"{output}: {written.seconds:.2f} s at {written.sample_rate} Hz, 32-bit float, {direct}{rings}")
