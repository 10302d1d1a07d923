"""What simple rules know of one latent: whether it fires in a window, and on which tokens.

Three rules are made on training text: *one token*, a *token set* (every token whose firing rate is
above a line) and *n-gram* (the same with rates that know the two tokens before, `rates.py`).
Each is tried on held-out documents, twice:

* whether it fires in a window: balanced accuracy, against all silent windows; against those where a
  latent of nearly the same direction fires; and against those that hold one of its own commonest
  tokens.  Silent windows of the last two kinds are the hard ones;
* where it fires: F1 over all tokens, at the true firing rate, and AUC of the rates.

Axes: w windows, f firings, h held-out tokens.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from unmix.evaluation.suite.detection.corpus import Corpus
from unmix.evaluation.suite.detection.rates import Rated, Rates
from unmix.evaluation.suite.detection.sample import ENOUGH, Fired
from unmix.evaluation.suite.detection.thresholds import auc, for_balance, for_f1

COMMON = 5
"""Tokens of a latent that make a silent window a hard one."""
FEW = 4
"""Windows, firing or silent, below which nothing is said."""
RULES = ("one token", "token set", "n-gram")
UNKNOWN = float("nan")


class Detected(NamedTuple):
    """What each rule, in the order of `RULES`, knows of a latent; NaN where too little is seen."""

    windows: tuple[float, ...]
    """Balanced accuracy against all silent windows."""
    rivals: tuple[float, ...]
    """Against silent windows where a latent of nearly the same direction fires."""
    lexical: tuple[float, ...]
    """Against silent windows that hold one of its commonest tokens."""
    f1: tuple[float, ...]
    """Over tokens."""
    auc: tuple[float, ...]
    """Over tokens: of the rates by token, and by n-gram."""
    firings: int
    """On held-out tokens."""


def detect(
    rates: Rates, train: Fired, *, held_out: Fired, rivals: Int[np.ndarray, " _"]
) -> Detected:
    """Make rules for a latent on training text, and try them on held-out documents."""
    text = rates.held_out
    true = text.within(held_out.rows) & text.is_long
    silent = ~true & text.is_long
    if len(train.rows) < ENOUGH or true.sum() < FEW:
        nothing = (UNKNOWN,) * len(RULES)
        return Detected(nothing, nothing, nothing, nothing, nothing[:2], len(held_out.rows))
    rated = rates.of(train.rows)
    said = whether(rates, train, rated=rated)
    lexical = text.within(rows_of_common(rates, train.rows))
    among = (silent, text.within(rivals) & silent, lexical & silent)
    fires = np.zeros(len(text), np.bool_)
    fires[held_out.rows] = True
    return Detected(
        *(tuple(balance(one, true, silent=which) for one in said) for which in among),
        f1=tuple(_f1(one, fires) for one in where(rates, train, rated=rated)),
        auc=tuple(auc(one.held_out, fires) for one in rated),
        firings=len(held_out.rows),
    )


def whether(
    rates: Rates, train: Fired, *, rated: tuple[Rated, Rated]
) -> tuple[Bool[np.ndarray, " w"], ...]:
    """Say of each held-out window whether the latent fires in it, by each rule."""
    made, text = rates.train, rates.held_out
    fires = made.within(train.rows)
    said = [text.within(text.rows_of(_balanced_token(made, train.rows)))]
    for one in rated:
        line = for_balance(made.highest(one.train)[made.is_long], fires[made.is_long])
        said.append(text.highest(one.held_out) >= line)
    return tuple(said)


def where(
    rates: Rates, train: Fired, *, rated: tuple[Rated, Rated]
) -> tuple[Bool[np.ndarray, " h"], ...]:
    """Say of each held-out token whether the latent fires on it, by each rule."""
    tokens, hits, occurred = _hits(rates.train, train.rows)
    single = int(tokens[np.argmax(2 * hits / (len(train.rows) + occurred))])
    alive = np.flatnonzero(np.isin(rates.train.tokens, tokens))
    fires = np.zeros(len(rates.train), np.bool_)
    fires[train.rows] = True
    said = [rates.held_out.tokens == single]
    for one in rated:
        line = for_f1(one.train[alive], fires[alive], fired=len(train.rows))
        said.append(one.held_out >= line)
    return tuple(said)


def balance(
    said: Bool[np.ndarray, " w"], true: Bool[np.ndarray, " w"], *, silent: Bool[np.ndarray, " w"]
) -> float:
    """Return the balanced accuracy over the windows that fire and some silent ones."""
    if true.sum() < FEW or silent.sum() < FEW:
        return UNKNOWN
    return float((said[true].mean() + (~said[silent]).mean()) / 2)


def _f1(said: Bool[np.ndarray, " h"], fires: Bool[np.ndarray, " h"]) -> float:
    both = int(said.sum()) + int(fires.sum())
    return 2 * int((said & fires).sum()) / both if both else UNKNOWN


def _hits(text: Corpus, rows: Int[np.ndarray, " f"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the tokens a latent fired on, how often it did, and how often they occurred."""
    tokens, hits = np.unique(text.tokens[rows], return_counts=True)
    return tokens, hits, text.occurrences(tokens)


def _balanced_token(text: Corpus, rows: Int[np.ndarray, " f"]) -> int:
    """Return the token that alone gives the best balanced accuracy over tokens."""
    tokens, hits, occurred = _hits(text, rows)
    silent = max(len(text) - len(rows), 1)
    return int(tokens[np.argmax(hits / len(rows) - (occurred - hits) / silent)])


def rows_of_common(rates: Rates, rows: Int[np.ndarray, " f"]) -> Int[np.ndarray, " _"]:
    """Return the held-out rows of the tokens that a latent fires on most often."""
    tokens, hits, _ = _hits(rates.train, rows)
    common = tokens[np.argsort(-hits, kind="stable")[:COMMON]]
    return np.flatnonzero(np.isin(rates.held_out.tokens, common))
