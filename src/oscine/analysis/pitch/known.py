"""A recording whose pitch somebody has corrected: the file beside it stands in for the tracker."""

from pathlib import Path

from oscine.analysis.pitch.f0_file import F0Curve, read_f0
from oscine.audio import FileReport
from oscine.errors import InputError


def with_known_pitch(report: FileReport, f0_file: Path | None) -> tuple[FileReport, F0Curve | None]:
    """Return the verdict on a recording and its pitch file together, and the pitch.

    A pitch file that is broken, or is that of another recording by its length, rejects the recording: to fall
    back on the tracker would train, without a word, on what somebody took pains to correct.

    Args:
        report: The verdict on the recording alone.
        f0_file: The file beside it, from ``f0_file_beside``; None where there is none.
    """
    if f0_file is None or report.verdict == "rejected":
        return report, None
    try:
        curve = read_f0(f0_file)
        curve.check_length(report.duration_s)
    except InputError as error:
        # The sentence of a broken line begins with the file's name, that of a wrong length does not.
        reason = str(error).removeprefix(f"{f0_file.name}, ").removeprefix(f"{f0_file.name} ")
        reasons = [f"its pitch in {f0_file.name} cannot be used: {reason.rstrip('.')}"]
        return report.model_copy(update={"verdict": "rejected", "reasons": reasons}), None
    reasons = [*report.reasons, f"pitch taken from {f0_file.name}"]
    return report.model_copy(update={"reasons": reasons}), curve
