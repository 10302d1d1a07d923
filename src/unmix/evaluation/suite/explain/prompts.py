"""What a language model is asked, and how its answers are read.

Three questions: what do the marked tokens have in common (an explanation); in which excerpts would
a unit that follows the explanation fire (detection); are these the tokens it fires on (fuzzing).
The last two are Paulo et al. 2024's.
"""

import re
from collections.abc import Sequence

from unmix.evaluation.suite.explain.client import Messages

OPEN, CLOSE = "«", "»"
"""Stand round a token that fires."""
LONGEST = 400
"""Characters of an explanation."""
_SYSTEM = (
    "You study a unit inside a language model. The unit fires on some tokens of a text and is"
    " silent on all others."
)
_THOUGHT = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)
_EXPLAINED = re.compile(r"explanation\W{0,3}:[\s*]*(\S.*)", re.IGNORECASE)
_LIST = re.compile(r"\[([^\[\]]*)\]")
_YES, _NO = ("1", "true", "yes"), ("0", "false", "no")


def for_explanation(excerpts: Sequence[str], strengths: Sequence[int]) -> Messages:
    """Ask what makes the unit fire, given excerpts with its tokens marked."""
    told = [f"({n}) {text}" for text, n in zip(excerpts, strengths, strict=True)]
    return _messages(
        f"In each excerpt the unit fires on the tokens between {OPEN} and {CLOSE}. The number in"
        " brackets says how strongly at most, from 1 to 10.",
        _numbered(told),
        "What do the marked tokens, or the words before them, have in common? Say it in one"
        " sentence: a rule that tells where the unit fires, as precise as the excerpts allow. End"
        " with a line that begins with `Explanation:`.",
    )


def for_detection(explanation: str, excerpts: Sequence[str]) -> Messages:
    """Ask in which excerpts the unit fires."""
    return _messages(
        f"An explanation of where the unit fires: {explanation}",
        _numbered(excerpts),
        "In which of these excerpts does the unit fire on at least one token, going by the"
        f" explanation? {_form(len(excerpts))}",
    )


def for_fuzzing(explanation: str, excerpts: Sequence[str]) -> Messages:
    """Ask in which excerpts the marks stand where the unit fires."""
    return _messages(
        f"An explanation of where the unit fires: {explanation}",
        f"In these excerpts some tokens are marked by {OPEN} and {CLOSE}.",
        _numbered(excerpts),
        "In which of them are the marked tokens those that the unit fires on, going by the"
        f" explanation? {_form(len(excerpts))}",
    )


def read_explanation(answer: str) -> str:
    """Return the explanation of an answer, on one line; empty if there is none."""
    text = _THOUGHT.sub("", answer).strip()
    found = _EXPLAINED.findall(text)
    lines = found or [line for line in text.splitlines() if line.strip()]
    return " ".join(lines[-1].strip(" *").split())[:LONGEST] if lines else ""


def read_verdicts(answer: str, *, count: int) -> list[bool] | None:
    """Return yes or no for each excerpt, or None where the answer does not say."""
    text = _THOUGHT.sub("", answer).strip()
    for found in [text, *reversed(_LIST.findall(text))]:  # some leave the brackets out
        words = [word.strip(" \n\"'").lower() for word in found.split(",")]
        if len(words) == count and all(word in _YES + _NO for word in words):
            return [word in _YES for word in words]
    return None


def _messages(*parts: str) -> Messages:
    text = "\n\n".join(parts)
    return [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": text}]


def _numbered(excerpts: Sequence[str]) -> str:
    return "\n".join(f"{i}. {text}" for i, text in enumerate(excerpts, 1))


def _form(count: int) -> str:
    return (
        f"Answer with a JSON list of {count} numbers, one for each excerpt in order, 1 for yes and"
        " 0 for no, and nothing else."
    )
