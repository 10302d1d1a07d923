import contextlib
import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.index import written
from unmix import UserError, open_index
from unmix.index.query import DEEPEST, LONGEST, select
from unmix.index.read import Index

COLUMNS = ("density", "largest", "logit_kurtosis", "n_fired", "rule_f1")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return open_index(written.write(tmp_path_factory.mktemp("query") / "run").run)


def chosen(index: Index, where: str) -> list[int]:
    return np.flatnonzero(
        select(index, where, tags=lambda tag: [2, 4] if tag == "seen" else [])
    ).tolist()


def test_an_empty_query_is_satisfied_by_all(index: Index):
    assert select(index, "  ").all()


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("latent < 3", [0, 1, 2]),
        ("3 > latent", [0, 1, 2]),
        ("1 <= latent < 4", [1, 2, 3]),
        ("latent in [1, 5, 99]", [1, 5]),
        ("latent in (1, 5)", [1, 5]),
        ("latent in []", []),
        ("latent <= 2 and not latent = 1", [0, 2]),
        ("latent = 0 or latent = 1 and latent = 2", [0]),
        ("(latent = 0 or latent = 1) and latent != 0", [1]),
        ("not not latent < 1", [0]),
        ("latent * 2 + 1 == 7", [3]),
        ("-latent > -1.5e0", [0, 1]),
        ("latent / 0 > 1 and latent < 3", [1, 2]),
        ("n_fired = 0", [written.DEAD]),
        ("label ~ 'MAY'", [3]),
        ("label ~ \"<b>\"", [7]),
        ("label = 'May'", [3]),
        ("'May' == label", [3]),
        ("label in ['May', 'x']", [3]),
        ("label != '' and label !~ 'b>'", [3]),
        ("rule_f1 > 0", [3]),
        ("rule_f1 != 0.5", [3]),  # a value that is not there is not unequal either
        ("tag('seen') and latent > 2", [4]),
        ("tag('other')", []),
    ],
)  # fmt: skip
def test_a_query_chooses(index: Index, where: str, wanted: list[int]):
    assert chosen(index, where) == wanted


def test_not_in(index: Index):
    assert chosen(index, "latent not in [0, 1] and latent < 4") == [2, 3]


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("densty < 1", "no column `densty`; did you mean `density`"),
        ("density", "a condition should stand here"),
        ("density < ", "something to compare is missing"),
        ("density < 1 1", "character 13: `1` cannot stand here"),
        ("label < 'a'", "a text cannot be compared by `<`"),
        ("density ~ 'a'", "looks for a text in a column of texts"),
        ("label + 1 > 2", "a number should stand here, not a column of texts"),
        ("(latent < 3) > 1", "a number should stand here, not a condition"),
        ("not density", "a condition should stand here"),
        ("label ~ 'a", "a text has no end"),
        ("density < 1; drop", "';' means nothing here"),
        ("__import__('os')", "no column `__import__`"),
        ("density.real > 1", "'.' means nothing here"),
        ("tag(density)", "`tag` takes a text"),
        ("tag('a'", r"`\)` should stand here, not the end"),
        ("latent in [1, 2", "`]` should stand here"),
        ("latent in 3", r"`\[` should stand here, not `3`"),
        ("and latent < 3", "`and` cannot be here"),
        ("density < 1e999999 and", "something to compare is missing"),
        ("x < 1" + " or x < 1" * 300, f"at most {LONGEST} are read"),
        ("(" * 200 + "x < 1" + ")" * 200, f"more than {DEEPEST} deep"),
        ("density ** 9 ** 9 > 1", r"`\*` cannot be here"),
        ("\0density < 1", "means nothing here"),
        ("SELECT * FROM latents", "no column `SELECT`"),
    ],
)
def test_what_cannot_be_read_is_said(index: Index, where: str, sentence: str):
    with pytest.raises(UserError, match=sentence):
        chosen(index, where)


def test_work_stops(index: Index):
    with pytest.raises(TimeoutError, match="longer than two seconds"):
        select(index, "density < 1", seconds=-1)


def test_long_chains_are_no_bomb(index: Index):
    start = time.monotonic()
    for where in (
        "-" * 1990 + "x > 0",
        "not " * 495 + "x > 0",
        "x" + "<x" * 990,
        "x > 9" + "*9" * 990,
    ):
        assert len(select(index, where)) == len(index)
    assert time.monotonic() - start < 2


number = st.floats(-100, 100, allow_nan=False).map(lambda x: round(x, 3))


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> tuple[str, object]:
    """Return a query and a Python function of a latent's numbers that says the same."""
    if depth == 0 or draw(st.booleans()):
        a, b = draw(sums(depth=2)), draw(sums(depth=2))
        sign = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
        return f"{a[0]} {sign} {b[0]}", lambda row: _compare(a[1](row), sign, b[1](row))
    kind = draw(st.sampled_from(["and", "or", "not"]))
    a = draw(expressions(depth=depth - 1))
    if kind == "not":
        return f"not ({a[0]})", lambda row: not a[1](row)
    b = draw(expressions(depth=depth - 1))
    both = {"and": lambda row: a[1](row) and b[1](row), "or": lambda row: a[1](row) or b[1](row)}
    return f"({a[0]}) {kind} ({b[0]})", both[kind]


@st.composite
def sums(draw: st.DrawFn, depth: int) -> tuple[str, object]:
    """Return an arithmetic expression and what it means."""
    kind = draw(st.sampled_from(["number", "column", "sum"] if depth else ["number", "column"]))
    if kind == "number":
        value = draw(number)
        return repr(value), lambda _: value
    if kind == "column":
        name = draw(st.sampled_from(COLUMNS))
        return name, lambda row: row[name]
    a, b = draw(sums(depth=depth - 1)), draw(sums(depth=depth - 1))
    sign = draw(st.sampled_from(["+", "-", "*"]))
    meaning = {
        "+": lambda row: a[1](row) + b[1](row),
        "-": lambda row: a[1](row) - b[1](row),
        "*": lambda row: a[1](row) * b[1](row),
    }
    return f"({a[0]} {sign} {b[0]})", meaning[sign]


def _compare(a: float, sign: str, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return False
    return {
        "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b,
    }[sign]  # fmt: skip


@given(expressions())
def test_queries_mean_what_python_means(index: Index, pair: tuple[str, object]):
    where, meaning = pair
    rows = [
        {name: float(index.column(name)[latent]) for name in COLUMNS}
        for latent in range(len(index))
    ]
    assert select(index, where).tolist() == [bool(meaning(row)) for row in rows]


@given(st.text(max_size=60))
def test_any_text_is_answered_or_refused(index: Index, where: str):
    with contextlib.suppress(UserError):
        assert len(select(index, where)) == len(index)


@given(
    st.lists(
        st.sampled_from(
            [
                *COLUMNS,
                "label",
                "(",
                ")",
                "[",
                "]",
                "in",
                "not",
                "and",
                "or",
                "<",
                "~",
                "-",
                "*",
                "1",
                "'a'",
                ",",
                "tag",
            ]
        ),
        max_size=15,
    ).map(" ".join)
)
def test_any_words_are_answered_or_refused(index: Index, where: str):
    with contextlib.suppress(UserError):
        assert select(index, where).dtype == bool
