"""A query line: an expression over the columns of all latents.

    density < 1e-4 and logit_kurtosis > 20
    0.2 < rule_f1 <= 0.8 and label ~ 'month' and not tag('seen')

    expression = and-part { "or" and-part }
    and-part   = not-part { "and" not-part }
    not-part   = "not" not-part | comparison
    comparison = sum { ( "<" | "<=" | ">" | ">=" | "==" | "=" | "!=" | "~" | "!~" ) sum
                     | [ "not" ] "in" "[" literal { "," literal } "]" }
    sum        = product { ( "+" | "-" ) product }
    product    = factor { ( "*" | "/" ) factor }
    factor     = ( "-" | "+" ) factor | number | text | column | "tag" "(" text ")"
                     | "(" expression ")"

That is all of it: nothing can be called, written or reached.  `a < b < c` means `a < b and b < c`;
`~` is "contains", whatever the case; a comparison with a value that is not there (NaN) is false,
`!=` too.  Work stops after two seconds.

Axes: m latents.
"""

import re
import time
from collections.abc import Callable, Collection
from typing import NoReturn, TypeAlias, final

import numpy as np
from jaxtyping import Bool

from unmix.errors import UserError
from unmix.index.read import Index
from unmix.index.values import (
    COMPARISONS,
    WITHIN,
    Literal,
    Number,
    Text,
    Truth,
    Unfit,
    Value,
    compare,
    number,
    truth,
)

SECONDS = 2.0
"""Time a query may take."""
LONGEST = 2000
"""Characters a query may have."""
DEEPEST = 20
"""Brackets, signs and negations that may be nested."""

WORD = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<sign><=|>=|==|!=|!~|[<>=~+\-*/(),\[\]])"
    r"|(?P<end>$))"
)
Tags: TypeAlias = Callable[[str], Collection[int]]


def no_tags(_: str) -> Collection[int]:
    """Say that no latent has a tag."""
    return ()


def select(
    index: Index, where: str, *, tags: Tags = no_tags, seconds: float = SECONDS
) -> Bool[np.ndarray, " m"]:
    """Say of every latent whether it satisfies a query; an empty query is satisfied by all.

    Args:
        index: Whose latents.
        where: The query.
        tags: The latents that have a tag.
        seconds: Time it may take.

    Raises:
        UserError: The query cannot be read.
        TimeoutError: It takes too long.
    """
    if len(where) > LONGEST:
        raise UserError(f"the query has {len(where)} characters; at most {LONGEST} are read")
    if not where.strip():
        return np.ones(len(index), dtype=bool)
    query = _Query(index, where, tags=tags, until=time.monotonic() + seconds)
    with np.errstate(all="ignore"):  # a number that is not there is one more value
        return query.answer()


@final
class _Query:
    """Reads a query from left to right and answers as it goes."""

    def __init__(self, index: Index, where: str, *, tags: Tags, until: float) -> None:
        self._index, self._where, self._tags, self._until = index, where, tags, until
        self._at, self._depth = 0, 0
        self._kind, self._word, self._start = "", "", 0
        self._next()

    def answer(self) -> np.ndarray:
        """Say of every latent whether it satisfies the query."""
        try:
            mask = truth(self._either())
        except Unfit as error:
            self._refuse(str(error))
        if self._kind != "end":
            self._refuse(f"`{self._word}` cannot stand here")
        return np.broadcast_to(mask, (len(self._index),)).copy()

    # ------------------------------------------------------------ words

    def _next(self) -> None:
        """Go to the next word."""
        if time.monotonic() > self._until:
            raise TimeoutError("the query took longer than two seconds; ask for less at once")
        found = WORD.match(self._where, self._at)
        if found is None:
            rest = self._where[self._at :].lstrip()
            sign = rest[0] if rest else " "
            place = len(self._where) - len(rest)
            if sign in "'\"":
                self._refuse("a text has no end; close it with the same quote", at=place)
            self._refuse(f"{sign!r} means nothing here", at=place)
        self._kind = found.lastgroup or "end"
        self._word = found[self._kind]
        self._start, self._at = found.start(self._kind), found.end()

    def _accept(self, *words: str) -> str | None:
        """Pass one of some words, if it is the next."""
        if self._word in words and self._kind in ("name", "sign"):
            word = self._word
            self._next()
            return word
        return None

    def _expect(self, word: str) -> None:
        if self._accept(word) is None:
            found = f"`{self._word}`" if self._word else "the end"
            self._refuse(f"`{word}` should stand here, not {found}")

    def _refuse(self, why: str, *, at: int | None = None) -> NoReturn:
        place = self._start if at is None else at
        raise UserError(f"the query cannot be read at character {place + 1}: {why}")

    # ------------------------------------------------------------ grammar

    def _either(self) -> Value:
        self._depth += 1
        if self._depth > DEEPEST:
            self._refuse(f"it is nested more than {DEEPEST} deep")
        left = self._both()
        while self._accept("or"):
            right = self._both()
            left = Truth(truth(left) | truth(right))
        self._depth -= 1
        return left

    def _both(self) -> Value:
        left = self._negation()
        while self._accept("and"):
            right = self._negation()
            left = Truth(truth(left) & truth(right))
        return left

    def _negation(self) -> Value:
        times = 0
        while self._accept("not"):
            times += 1
        value = self._comparison()
        if times == 0:
            return value
        mask = truth(value)
        return Truth(~mask if times % 2 else mask)

    def _comparison(self) -> Value:
        left, made = self._sum(), None
        while True:
            if self._accept("not"):
                self._expect("in")
                found = Truth(~self._among(left).values)
            elif self._accept("in"):
                found = self._among(left)
            elif sign := self._accept(*COMPARISONS, *WITHIN):
                right = self._sum()
                found = compare(left, sign, right)
                left = right
            else:
                return left if made is None else made
            made = found if made is None else Truth(made.values & found.values)

    def _sum(self) -> Value:
        left = self._product()
        while sign := self._accept("+", "-"):
            a, b = number(left), number(self._product())
            left = Number(a + b if sign == "+" else a - b)
        return left

    def _product(self) -> Value:
        left = self._factor()
        while sign := self._accept("*", "/"):
            a, b = number(left), number(self._factor())
            left = Number(a * b if sign == "*" else a / b)
        return left

    def _factor(self) -> Value:
        negative = False
        while sign := self._accept("-", "+"):
            negative ^= sign == "-"
        value = self._atom()
        return Number(-number(value)) if negative else value

    def _atom(self) -> Value:
        kind, word = self._kind, self._word
        if self._accept("("):
            inside = self._either()
            self._expect(")")
            return inside
        if kind == "number":
            self._next()
            return Number(np.array([float(word)]))
        if kind == "text":
            self._next()
            return Literal(word[1:-1])
        if kind == "name" and word not in ("and", "or", "not", "in"):
            self._next()
            return self._tagged() if word == "tag" else self._column(word)
        self._refuse("something to compare is missing" if not word else f"`{word}` cannot be here")

    def _tagged(self) -> Truth:
        self._expect("(")
        if self._kind != "text":
            self._refuse("`tag` takes a text, as in `tag('seen')`")
        latents = list(self._tags(self._word[1:-1]))
        self._next()
        self._expect(")")
        mask = np.zeros(len(self._index), dtype=bool)
        mask[latents] = True
        return Truth(mask)

    def _column(self, name: str) -> Value:
        values = self._index.column(name)
        if values.dtype == object:
            return Text(self._index.latents[name])
        return Number(values.astype(np.float64, copy=False))

    def _among(self, left: Value) -> Truth:
        """Say where a value is one of those listed."""
        close = ")" if self._accept("(") else "]"
        if close == "]":
            self._expect("[")
        found: Truth | None = None
        while not self._accept(close):
            one = compare(left, "=", self._sum())
            found = one if found is None else Truth(found.values | one.values)
            if self._accept(","):
                continue
            self._expect(close)
            break
        return found or Truth(np.zeros(len(self._index), dtype=bool))
