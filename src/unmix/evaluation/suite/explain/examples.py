"""What a language model is shown of a latent, and what it is asked about.

*Taught*: windows of training documents, half of them those of the largest acts, half spread evenly
over all others by the size of the act.  *Tested*: windows of held-out documents, so that no
document is in both.  Firing windows are spread evenly by the size of the act, which weights each
size as often as it occurs; of the silent ones half are drawn at random and half are hard: a latent
of nearly the same direction fires there, or one of the latent's own commonest tokens stands there.

Axes: w windows, t windows tested, f firings.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from unmix.evaluation.suite.detection.corpus import Corpus
from unmix.evaluation.suite.detection.sample import Fired
from unmix.evaluation.suite.explain.prompts import CLOSE, OPEN
from unmix.text.spelling import Tokenizer, pieces, token_bytes, visible

FIRING, SILENT, HARD = 0, 1, 2
QUOTES = str.maketrans(
    {OPEN: "\N{LEFT DOUBLE QUOTATION MARK}", CLOSE: "\N{RIGHT DOUBLE QUOTATION MARK}"}
)
"""Marks that stand in the text itself would be misread."""


class Tested(NamedTuple):
    """Held-out windows that are asked about, in an order drawn at random."""

    windows: Int[np.ndarray, " t"]
    kinds: Int[np.ndarray, " t"]
    """`FIRING`, `SILENT` or `HARD`."""


def taught(text: Corpus, fired: Fired, *, count: int) -> Int[np.ndarray, " _"]:
    """Return the windows an explanation is made from, the largest act first."""
    windows = _one_a_document(text, _by_act(text, fired))
    top = windows[: count // 2]
    return np.concatenate([top, _spread(windows[count // 2 :], count - len(top))])


def tested(
    text: Corpus, fired: Fired, *, hard: Bool[np.ndarray, " w"], count: int, seed: int
) -> Tested:
    """Return the windows asked about: `count` that fire, and as many that do not."""
    rng = np.random.default_rng(seed)
    windows = _by_act(text, fired)
    alone = _one_a_document(text, windows)
    firing = _spread(alone if len(alone) >= count else windows, count)
    silent = text.is_long & ~text.within(fired.rows)
    difficult = rng.permutation(np.flatnonzero(silent & hard))[: count // 2]
    others = np.flatnonzero(silent)
    easy = rng.permutation(others[~np.isin(others, difficult)])[: count - len(difficult)]
    chosen = np.concatenate([firing, easy, difficult])
    kinds = np.repeat([FIRING, SILENT, HARD], [len(firing), len(easy), len(difficult)])
    order = rng.permutation(len(chosen))
    return Tested(chosen[order], kinds[order])


def largest(text: Corpus, fired: Fired) -> Float[np.ndarray, " w"]:
    """Return the largest act in each window, zero in those that are too short to ask about."""
    acts = np.zeros(text.n_windows, np.float32)
    np.maximum.at(acts, text.window[fired.rows], fired.acts)
    return np.where(text.is_long, acts, 0)


def marks(text: Corpus, fired: Fired, *, window: int) -> Bool[np.ndarray, " _"]:
    """Mark the tokens of a window that fire."""
    span = text.span(window)
    made = np.zeros(span.stop - span.start, np.bool_)
    first, last = np.searchsorted(fired.rows, [span.start, span.stop])
    made[fired.rows[first:last] - span.start] = True
    return made


def wrong_marks(true: Bool[np.ndarray, " _"], *, seed: list[int]) -> Bool[np.ndarray, " _"]:
    """Mark as many tokens, drawn at random among those that do not fire."""
    silent = np.flatnonzero(~true)
    made = np.zeros(len(true), np.bool_)
    made[np.random.default_rng(seed).permutation(silent)[: int(true.sum())]] = True
    return made


def excerpt(
    text: Corpus, window: int, *, marks: Bool[np.ndarray, " _"] | None, tokenizer: Tokenizer
) -> str:
    """Return the text of a window, with marks round some of its tokens."""
    ids = text.tokens[text.span(window)].tolist()
    shown = []
    for piece in pieces(token_bytes(tokenizer, ids)):
        written = visible(piece.text).translate(QUOTES)
        is_marked = marks is not None and marks[piece.first : piece.last + 1].any()
        shown.append(_marked(written) if is_marked else written)
    return "".join(shown).strip()


def _marked(written: str) -> str:
    """Put marks round a token, spaces left outside where there is more than spaces."""
    bare = written.lstrip(" ") or written
    return f"{written[: len(written) - len(bare)]}{OPEN}{bare}{CLOSE}"


def _by_act(text: Corpus, fired: Fired) -> Int[np.ndarray, " _"]:
    """Return the windows that fire, the largest act first."""
    acts = largest(text, fired)
    order = np.argsort(-acts, kind="stable")
    return order[: int((acts > 0).sum())]


def _one_a_document(text: Corpus, windows: Int[np.ndarray, " _"]) -> Int[np.ndarray, " _"]:
    _, first = np.unique(text.documents[text.starts[windows]], return_index=True)
    return windows[np.sort(first)]


def _spread(ranked: Int[np.ndarray, " _"], count: int) -> Int[np.ndarray, " _"]:
    """Return at most `count` of some windows, spread evenly over their order."""
    if len(ranked) <= count:
        return ranked
    return ranked[np.linspace(0, len(ranked) - 1, count).round().astype(np.int64)]
