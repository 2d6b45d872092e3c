"""``oscine transfer``: a performance, played by a trained instrument."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from oscine.cli.cluster import ClusterOption, cluster_of
from oscine.cli.completion import instrument_names
from oscine.cli.progress import Progress, ProgressOption
from oscine.cli.several import OutputOption, Work, run_each

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from oscine.audio.batch import Batch, Job
    from oscine.errors import InputError
    from oscine.transfer import TransferReport


def transfer(
    performances: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT", help="Audio files, such as a hummed melody, or folders of them."),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="INSTRUMENT",
            help="See `oscine instruments`; or a folder, a hub id.",
            autocompletion=instrument_names,
        ),
    ],
    output: OutputOption,
    octave: Annotated[
        str,
        typer.Option(metavar="auto|N", help="Octave shift; auto: into the instrument's register."),
    ] = "auto",
    loudness: Annotated[
        str,
        typer.Option(metavar="auto|DB", help="dB to add; auto: map to the instrument's dynamics."),
    ] = "auto",
    autotune: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="0: pitch as sung; 1: held tones on the scale."),
    ] = 0.0,
    dry: Annotated[bool, typer.Option("--dry", help="Leave out the effects, such as reverb.")] = False,
    identity: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the instrument, for a network of several (`orchestra`)."),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(metavar="CLIP", help="A recording to imitate, for a network of several (`orchestra`)."),
    ] = None,
    tracker: Annotated[
        str, typer.Option(metavar="NAME", help="Pitch tracker: swift-f0, crepe, yin, pyin or live.")
    ] = "swift-f0",
    level_passes: Annotated[
        int, typer.Option(min=0, max=8, help="How often the output's loudness is measured and corrected.")
    ] = 2,
    device: Annotated[str, typer.Option(metavar="cpu|cuda|auto", help="Where to compute.")] = "cpu",
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.png",
            help="Write a plot of pitch and loudness, before and after; a folder for several inputs.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON value.")] = False,
    progress: ProgressOption = None,
    cluster: ClusterOption = None,
) -> None:
    """Play a performance with an instrument: pitch and loudness of the input, timbre of the instrument.

    The output is as long as the input and in time with it, at the instrument's sample rate, as 24-bit PCM. If
    it would clip, its level is reduced as a whole. Hours of input need little more memory than minutes.

    Several inputs, or a folder, are played into a folder, as WAV files of the same names: a.mp3 gives
    OUT/a.wav. Each gets a verdict, and one that cannot be used does not stop the rest.
    """
    from oscine.audio.batch import plan_batch
    from oscine.transfer import Options, TransferReport, load, transfer_file
    from oscine.transfer.rendering import Rendering, render_on_cluster

    octaves, shift_db = _whole_or_auto("octave", octave), _number_or_auto("loudness", loudness)
    options = Options(
        octaves,
        shift_db,
        autotune,
        dry,
        identity=identity,
        tracker=tracker,
        level_passes=level_passes,
        like=like,
    )
    batch = plan_batch(performances, output)
    plots = {} if plot is None else _plots(batch, plot)

    def prepare() -> Work[TransferReport]:
        instrument = load(to, device=device)

        def work(source: Path, path: Path, tell_share: Progress) -> TransferReport:
            return transfer_file(
                instrument,
                source,
                path,
                options,
                plot=plots.get(path),
                on_progress=lambda doing, share: tell_share(share, doing),
            )

        return work

    with cluster_of(cluster) as machines:

        def elsewhere(jobs: "Sequence[Job]") -> "Iterator[tuple[Job, TransferReport | InputError | OSError]]":
            assert machines is not None
            by_output = {job.output.absolute(): job for job in jobs}
            tasks = [Rendering(to, *job, options, device, plots.get(job.output)) for job in jobs]
            for task, result in render_on_cluster(machines, tasks):
                yield by_output[task.output], result

        run_each(
            batch,
            prepare,
            _said,
            doing="listening",
            form=progress,
            as_json=as_json,
            elsewhere=None if machines is None else elsewhere,
        )


def _plots(batch: "Batch", plot: Path) -> dict[Path, Path]:
    """Return the plot of each output."""
    from oscine.audio.batch import plan_batch

    drawn = plan_batch([job.output for job in batch.jobs], plot, endings=(".png",), ending=".png")
    return {job.source: job.output for job in drawn.jobs}


def _said(path: Path, report: "TransferReport") -> tuple[str, list[str]]:
    how = f"octave {report.octave:+d}, {report.loudness_shift_db:+.1f} dB"
    if report.scale is not None:
        how += f", autotune {report.autotune:g} to {report.scale} ({report.tuning_cents:+.0f} cents)"
    remarks = list(report.remarks)
    if (found := report.imitation) is not None:
        remarks.insert(
            0,
            f"like {found.clip} ({found.seconds:.1f} s): the nearest is {found.nearest}, spectral loss "
            f"{found.nearest_loss:.2f} on the clip; {found.fitted_loss:.2f} with the embedding fitted",
        )
    sentence = (
        f"{path}: {report.seconds:.1f} s at {report.sample_rate} Hz, {how}; "
        f"peak {report.peak:.2f}, {report.real_time_factor:.2f} × real time"
    )
    return sentence, remarks


def _whole_or_auto(option: str, text: str) -> Literal["auto"] | int:
    from oscine.errors import InputError

    if text == "auto":
        return "auto"
    try:
        return int(text)
    except ValueError:
        raise InputError(f"--{option} is '{text}'; give 'auto' or a whole number such as -1.") from None


def _number_or_auto(option: str, text: str) -> Literal["auto"] | float:
    from oscine.errors import InputError

    if text == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--{option} is '{text}'; give 'auto' or a number of dB such as -6.") from None
