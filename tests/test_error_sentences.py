"""Every `InputError` with a text is a sentence: it begins like one, and ends with a full stop."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "oscine"
#: What stands for a value in an f-string.
VALUE = "…"
#: Beginnings of a sentence whose capital letter is missing; the name of an argument may begin one as it is.
SMALL = re.compile(r"(a|an|the|there|no|it|this|that|give|only|two)\b")
#: Clauses that the caller puts into its own sentence.
CLAUSES = ("the pitch goes from",)


def _text(node: ast.expr) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(str(one.value) if isinstance(one, ast.Constant) else VALUE for one in values)
        case _:
            return None


def _sentences(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Raise(exc=ast.Call(func=ast.Name(id="InputError"), args=[text, *_])):
                if (sentence := _text(text)) is not None:
                    yield node.lineno, sentence


def _is_wrong(sentence: str) -> bool:
    is_clause = sentence.startswith(CLAUSES)
    return not is_clause and (bool(SMALL.match(sentence)) or not sentence.endswith((".", VALUE)))


def test_every_error_is_a_sentence() -> None:
    found, wrong = 0, []
    for path in sorted(SOURCE.rglob("*.py")):
        for line, sentence in _sentences(path.read_text(encoding="utf-8")):
            found += 1
            if _is_wrong(sentence):
                wrong.append(f"{path.relative_to(SOURCE)}:{line}: {sentence}")
    assert found > 300
    assert not wrong, "\n".join(wrong)


def test_what_is_no_sentence_is_found() -> None:
    source = 'raise InputError(f"there is no size {size}: choose one")\nraise InputError("n is 0; give 1.")'
    assert [_is_wrong(sentence) for _, sentence in _sentences(source)] == [True, False]
