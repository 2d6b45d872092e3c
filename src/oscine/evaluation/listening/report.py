"""The analysis of a listening test, as tables and sentences."""

from collections.abc import Iterator

from oscine.evaluation.listening.analysis import Report
from oscine.evaluation.listening.statistics import Interval
from oscine.plural import counted

Table = tuple[str, list[str], list[list[str]]]
"""Title, names of the columns, cells."""

_SURE = 0.05


def tables(report: Report) -> Iterator[Table]:
    """Yield the tables of a report."""
    digits = 2 if report.method == "mos" else 1
    if report.rated:
        scale = "1 to 5" if report.method == "mos" else "0 to 100"
        header = ["condition", "mean", "95 % (t)", "95 % (bootstrap)", "median", "95 % (bootstrap)"]
        yield (
            f"Ratings, {scale}",
            header,
            [
                [
                    one.condition,
                    f"{one.mean:.{digits}f}",
                    _interval(one.t_interval, digits),
                    _interval(one.bootstrap_interval, digits),
                    f"{one.median:.{digits}f}",
                    _interval(one.median_interval, digits),
                ]
                for one in report.rated
            ],
        )
    if report.differences:
        yield (
            "Differences",
            ["first minus second", "mean", "95 % (t)", "95 % (bootstrap)", "p", "p (Holm)"],
            [
                [
                    " minus ".join(one.conditions),
                    f"{one.mean:+.{digits}f}",
                    _interval(one.interval, digits),
                    _interval(one.bootstrap_interval, digits),
                    _p(one.p),
                    _p(one.p_holm),
                ]
                for one in report.differences
            ],
        )
    if report.told:
        yield (
            "Distinguished from the reference",
            ["system", "listener", "right", "share", "95 %", "p", "p (Holm)"],
            [
                [
                    one.system,
                    "all" if one.listener is None else one.listener,
                    f"{one.n_right} of {one.n}",
                    f"{100 * one.share:.0f} %",
                    f"{100 * one.interval[0]:.0f} to {100 * one.interval[1]:.0f} %",
                    _p(one.p),
                    "–" if one.p_holm is None else _p(one.p_holm),
                ]
                for one in report.told
            ],
        )


def sentences(report: Report) -> Iterator[str]:
    """Yield what a report says, in words."""
    yield (
        f"{counted(report.n_listeners, 'listener')}, {counted(report.n_items, 'item')}, "
        f"{counted(report.n_answers, 'answer')}."
    )
    for one in report.excluded:
        yield f"Left out: {one.listener}, who {one.reason}."
    for one in report.differences:
        first, second = one.conditions
        if one.p_holm < _SURE:
            how = "higher" if one.mean > 0 else "lower"
            yield f"{first} is rated {how} than {second} (p {_p(one.p_holm)})."
        else:
            yield f"No difference between {first} and {second} is shown (p {_p(one.p_holm)})."
    for one in report.told:
        if one.listener is None and one.p_holm is not None:
            shown = "is distinguished" if one.p_holm < _SURE else "is not shown to be distinguished"
            yield f"{one.system} {shown} from the reference (p {_p(one.p_holm)})."
    if report.unit == "items":
        yield "There is one listener: intervals and tests are over the items, and hold for this listener."
    elif report.unit == "listeners" and report.n_listeners < 6:
        yield (
            f"With fewer than 6 listeners no p is below {_SURE}, so no difference can be shown; ask more "
            "listeners."
        )


def _interval(interval: Interval | None, digits: int) -> str:
    return "–" if interval is None else f"{interval[0]:.{digits}f} to {interval[1]:.{digits}f}"


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
