"""The analysis of listening tests whose truth is known, and results that others made."""

import copy
import json

import numpy as np
import pytest
from tests.evaluation.listening_results import answered, key_of, written

from oscine.cli.main import main
from oscine.errors import InputError
from oscine.evaluation.listening import Result, analyze, analyze_results
from oscine.evaluation.listening.report import sentences, tables

MUSHRA = key_of("mushra", ["good", "bad"], 8, [3500])
MOS = key_of("mos", ["good", "bad"], 6)
ABX = key_of("abx", ["far", "near"], 3, repeats=4)


def results_of(key, n_listeners, points, spread, seed=0):
    """Return results with a known mean for each condition, and each listener's own offset."""
    rng = np.random.default_rng(seed)
    least, most = (1, 5) if key.method == "mos" else (0, 100)
    results = []
    for i in range(n_listeners):
        offset = rng.normal(0, spread)

        def rate(condition, offset=offset):
            rating = points[condition] + (0 if condition == "reference" else offset + rng.normal(0, spread))
            return int(np.clip(round(rating), least, most))

        results.append(answered(key, f"l{i}", rate))
    return [Result.model_validate(one) for one in results]


def test_mushra_finds_the_truth():
    truth = {"reference": 100, "good": 71, "bad": 48, "anchor 3500 Hz": 20}
    report = analyze(MUSHRA, results_of(MUSHRA, 12, truth, 6.0))
    assert [one.condition for one in report.rated] == ["reference", "good", "bad", "anchor 3500 Hz"]
    for one in report.rated:
        assert one.t_interval is not None
        assert one.bootstrap_interval is not None
        assert one.t_interval[0] - 0.5 <= truth[one.condition] <= one.t_interval[1] + 0.5
        assert one.bootstrap_interval[0] <= one.mean <= one.bootstrap_interval[1]
        assert abs(one.median - one.mean) < 3
    assert {one.conditions for one in report.differences} == {
        ("reference", "good"),
        ("reference", "bad"),
        ("good", "bad"),
    }
    (between,) = (one for one in report.differences if one.conditions == ("good", "bad"))
    assert between.mean == pytest.approx(23, abs=3)
    assert between.p == 2 / 2**12
    assert between.p_holm == pytest.approx(3 * between.p)
    assert "good is rated higher than bad (p 0.001)." in list(sentences(report))


def test_listeners_who_do_not_find_the_reference_are_left_out():
    """The limit is 15 % of the items: of eight, one is allowed and two are not."""
    results = [
        Result.model_validate(answered(MUSHRA, "right", lambda name: 100 if name == "reference" else 50))
    ]
    for n_wrong in (1, 2):
        wrong = iter([89] * n_wrong + [90] * 8)
        rate = lambda name, wrong=wrong: next(wrong) if name == "reference" else 10  # noqa: E731
        results.append(Result.model_validate(answered(MUSHRA, f"wrong {n_wrong}", rate)))
    report = analyze(MUSHRA, results)
    assert [one.listener for one in report.excluded] == ["wrong 2"]
    assert report.excluded[0].reason == "rated the hidden reference below 90 in 25 % of the items"
    assert report.n_listeners == 2
    assert {one.condition: one.mean for one in report.rated}["good"] == 30
    with pytest.raises(InputError, match="No listener is left"):
        analyze(MUSHRA, results[2:])


def test_listeners_who_rate_the_middle_anchor_as_the_reference_are_left_out():
    key = key_of("mushra", ["good"], 4, [3500, 7000])
    results = [
        answered(
            key, f"l{top}", lambda name, top=top: {"reference": 100, "anchor 7000 Hz": top}.get(name, 40)
        )
        for top in (90, 91)
    ]
    report = analyze(key, [Result.model_validate(one) for one in results])
    assert [one.listener for one in report.excluded] == ["l91"]


def test_a_single_listener_is_analysed_over_items_and_it_is_said():
    report = analyze(
        MUSHRA, results_of(MUSHRA, 1, {"reference": 100, "good": 70, "bad": 40, "anchor 3500 Hz": 10}, 5)
    )
    assert report.unit == "items"
    assert any("one listener" in one for one in sentences(report))
    few = analyze(
        MUSHRA, results_of(MUSHRA, 5, {"reference": 100, "good": 70, "bad": 40, "anchor 3500 Hz": 10}, 5)
    )
    assert any("fewer than 6 listeners" in one for one in sentences(few))
    assert min(one.p for one in few.differences) >= 2 / 2**5


def test_mos_means_and_no_post_screening():
    report = analyze(MOS, results_of(MOS, 9, {"reference": 5, "good": 4, "bad": 2}, 0.4))
    assert report.excluded == []
    means = {one.condition: one.mean for one in report.rated}
    assert means["reference"] == 5
    assert means["good"] == pytest.approx(4, abs=0.4)
    assert means["bad"] == pytest.approx(2, abs=0.4)
    assert report.n_answers == 9 * 6 * 3


def test_abx_counts_right_answers():
    results = [
        Result.model_validate(answered(ABX, f"l{i}", {"far": 1.0, "near": 0.5}.__getitem__)) for i in range(3)
    ]
    report = analyze(ABX, results)
    pooled = {one.system: one for one in report.told if one.listener is None}
    assert (pooled["far"].n_right, pooled["far"].n) == (36, 36)
    assert pooled["far"].p == 2.0**-36
    assert pooled["near"].share == 0.5
    assert pooled["near"].interval[0] < 0.5 < pooled["near"].interval[1]
    assert pooled["near"].p > 0.5
    assert sum(one.listener is not None for one in report.told) == 6
    ((_, header, rows),) = tables(report)
    far = dict(zip(header, rows[0], strict=True))
    assert (far["right"], far["share"], far["95 %"]) == ("36 of 36", "100 %", "90 to 100 %")
    said = list(sentences(report))
    assert "far is distinguished from the reference (p < 0.001)." in said
    assert any(one.startswith("near is not shown to be distinguished") for one in said)


RIGHT = answered(MUSHRA, "somebody", lambda name: 100 if name == "reference" else 50)


def _changed(change):
    value = copy.deepcopy(RIGHT)
    change(value)
    return json.dumps(value)


def _first(value):
    return value["trials"][0]


def _rating(value, rating):
    _first(value)["ratings"][next(iter(_first(value)["ratings"]))] = rating


HOSTILE = {
    "no JSON": "{",
    "nested": "[" * 100_000,
    "null": "null",
    "a list": "[1]",
    "nothing": "{}",
    "binary": "\udc80",
    "another version": _changed(lambda v: v.update(version=2)),
    "no version": _changed(lambda v: v.pop("version")),
    "another test": _changed(lambda v: v.update(test="0" * 16)),
    "a number for a test": _changed(lambda v: v.update(test=1)),
    "another method": _changed(lambda v: v.update(method="mos")),
    "a key too many": _changed(lambda v: v.update(more=1)),
    "a huge rating": _changed(lambda v: _rating(v, 101)),
    "a negative rating": _changed(lambda v: _rating(v, -1)),
    "a broken rating": _changed(lambda v: _rating(v, 50.5)),
    "a text for a rating": _changed(lambda v: _rating(v, "100")),
    "true for a rating": _changed(lambda v: _rating(v, True)),
    "NaN for a rating": _changed(lambda v: _rating(v, float("nan"))),
    "no ratings": _changed(lambda v: _first(v).pop("ratings")),
    "a rating less": _changed(lambda v: _first(v)["ratings"].popitem()),
    "a sound less": _changed(lambda v: _first(v)["order"].pop()),
    "a sound twice": _changed(lambda v: _first(v)["order"].append(_first(v)["order"][0])),
    "a sound that is none": _changed(lambda v: _first(v)["order"].__setitem__(0, "0" * 16)),
    "an item that is none": _changed(lambda v: _first(v).update(item="0" * 16)),
    "a trial less": _changed(lambda v: v["trials"].pop()),
    "a trial twice": _changed(lambda v: v["trials"].append(_first(v))),
    "an answer of ABX": _changed(lambda v: _first(v).update(answer=_first(v)["order"][0])),
    "endless seconds": _changed(lambda v: _first(v).update(seconds=1e300)),
    "a listener who is markup": _changed(lambda v: v.update(listener="\x1b[2J<b>")),
    "a long listener": _changed(lambda v: v.update(listener="x" * 41)),
    "a seed without end": _changed(lambda v: v.update(seed=10**39)),
    "trials that are none": _changed(lambda v: v.update(trials={"0": 1})),
    "very many sounds": _changed(lambda v: _first(v).update(plays={f"{i}": 1 for i in range(10_000)})),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_result_that_cannot_be_used_is_one_sentence_and_exit_code_2(tmp_path, capsys, name):
    key = written(tmp_path, MUSHRA)
    bad = tmp_path / "bad.json"
    bad.write_bytes(HOSTILE[name].encode(errors="surrogateescape"))
    with pytest.raises(SystemExit) as ended:
        main(["listen", "results", str(key), str(bad)])
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert out == ""
    assert err.startswith("oscine: ")
    assert err.rstrip().endswith(".")
    assert "Traceback" not in err
    assert "\x1b[2J" not in err


@pytest.mark.parametrize("name", ["no JSON", "nothing", "a list", "binary", "another version"])
def test_a_key_that_cannot_be_used_is_one_sentence(tmp_path, name):
    path = tmp_path / "key.json"
    path.write_bytes(HOSTILE[name].encode(errors="surrogateescape"))
    with pytest.raises(InputError):
        analyze_results(path, [path])


def test_a_key_that_contradicts_itself(tmp_path):
    good = json.loads(MUSHRA.model_dump_json())
    for change in (
        lambda key: key.update(tested=["0" * 16]),
        lambda key: key.update(training="0" * 16),
        lambda key: next(iter(key["items"].values()))["sounds"].popitem(),
        lambda key: key.update(systems=["other"]),
        lambda key: key["items"].clear(),
    ):
        bad = copy.deepcopy(good)
        change(bad)
        (tmp_path / "key.json").write_text(json.dumps(bad))
        with pytest.raises(InputError, match=r"contradicts itself|can't be used"):
            analyze_results(tmp_path / "key.json", [tmp_path])


def test_the_command_reads_a_folder_and_shows_tables(tmp_path, capsys):
    key = written(tmp_path, MUSHRA)
    folder = tmp_path / "results"
    folder.mkdir()
    for i in range(7):
        value = answered(
            MUSHRA, f"l{i}", lambda name, i=i: {"reference": 100, "good": 70 + i}.get(name, 30 + i)
        )
        (folder / f"{i}.json").write_text(json.dumps(value))
    (folder / "8.json").write_text(json.dumps(answered(MUSHRA, "deaf", lambda name: 50)))

    def run(*options):
        with pytest.raises(SystemExit) as ended:
            main(["listen", "results", str(key), str(folder), *options])
        assert ended.value.code == 0
        return capsys.readouterr().out

    said = run()
    for text in ("Ratings, 0 to 100", "good minus bad", "73.0", "Left out: deaf", "7 listeners, 8 items"):
        assert text in said
    report = json.loads(run("--json"))
    assert {one["condition"]: one["mean"] for one in report["rated"]}["good"] == 73
    (folder / "again.json").write_text((folder / "0.json").read_text())
    with pytest.raises(InputError, match="second result of the listener l0"):
        analyze_results(key, [folder])


def test_the_command_that_makes_a_test(tmp_path, capsys):
    from tests.evaluation.listening_page import write_sounds

    places = write_sounds(tmp_path / "in", n_items=1, seconds=0.6)

    def run(*options):
        with pytest.raises(SystemExit) as ended:
            main(
                [
                    "listen",
                    "make",
                    "--reference",
                    str(places["reference"]),
                    "-o",
                    str(tmp_path / "out"),
                    *options,
                ]
            )
        return ended.value.code, *capsys.readouterr()

    for options, sentence in (
        (("--system", "quagga"), "write NAME=PATH"),
        (("--system", f"a={places['okapi']}", "--method", "best"), "--method is 'best'"),
        (("--system", f"a={places['okapi']}", "--system", f"a={places['okapi']}"), "gives a twice"),
    ):
        code, _, err = run(*options)
        assert code == 2
        assert sentence in err
    code, out, _ = run("--system", f"a={places['okapi']}", "--method", "abx")
    assert code == 0
    assert "a: +4" in out
    assert "out.key.json" in out
    assert (tmp_path / "out" / "index.html").exists()
