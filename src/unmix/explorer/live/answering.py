"""Each question put to the function that answers it."""

from collections.abc import Callable
from typing import Any

from unmix.explorer.api import Answer
from unmix.explorer.live import questions
from unmix.explorer.live.ablation import ablate
from unmix.explorer.live.checking import check
from unmix.explorer.live.comparing import compare
from unmix.explorer.live.effect import effect
from unmix.explorer.live.generation import generate
from unmix.explorer.live.reading import read
from unmix.explorer.live.session import Session
from unmix.explorer.live.shortening import shorten, shorten_at


def answer(session: Session, question: str, payload: object) -> Answer | list[Answer]:
    """Answer a question.

    Raises:
        UserError: There is no such question, or it cannot be answered as it is asked.
    """
    asked = questions.checked(question, payload)
    return _ANSWERS[question](session, asked)


def _shorten(session: Session, asked: questions.Shorten) -> Answer:
    if asked.position is not None:
        return shorten_at(session, asked.position, asked.latent, keep=asked.keep)
    assert asked.text is not None, "a question has one of the two"
    where = asked.token_index
    return shorten(session, asked.text, asked.latent, token_index=where, keep=asked.keep)


def _generate(session: Session, asked: questions.Generate) -> Answer:
    return generate(
        session,
        asked.text,
        asked.interventions,
        tokens=asked.tokens,
        temperature=asked.temperature,
        seed=asked.seed,
    )


_ANSWERS: dict[str, Callable[[Session, Any], Any]] = {
    "read": lambda session, asked: read(session, asked.text),
    "compare": lambda session, asked: compare(session, asked.a, asked.b),
    "shorten": _shorten,
    "effect": lambda session, asked: effect(
        session, asked.text, asked.interventions, strengths=asked.strengths
    ),
    "generate": _generate,
    "ablate": lambda session, asked: ablate(session, asked.latent, asked.positions),
    "check": lambda session, asked: check(session, asked.latent, asked.positions),
}
