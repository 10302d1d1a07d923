"""Token patterns: by hand, against a slow search, and for latents whose rule is known."""

from collections.abc import Sequence

import numpy as np
import pytest

from tests.evaluation.suite.words import (
    AFTER,
    EXACT,
    PAIR,
    RANDOM,
    SET,
    Words,
    firings,
    sample,
    text_of,
)
from unmix.evaluation.suite.detection.corpus import Corpus
from unmix.evaluation.suite.detection.sample import Fired, shuffled
from unmix.evaluation.suite.n2g.by_model import Context, patterns_by_model
from unmix.evaluation.suite.n2g.measure import spelt
from unmix.evaluation.suite.n2g.patterns import covers, fits, pattern, patterns, strongest
from unmix.evaluation.suite.n2g.scores import scores
from unmix.evaluation.suite.n2g.trying import Found, find_all, run_model


@pytest.fixture(scope="module")
def found() -> list[Found]:
    return find_all(sample(), seed=0)


def test_patterns_are_what_was_planted(found: list[Found]):
    assert found[EXACT].strongest.patterns == [(7,)]
    assert found[PAIR].strongest.patterns == [(9, 5)]
    assert sorted(found[SET].drawn.patterns) == [(11,), (12,), (13,)]
    assert (None, 20) in found[AFTER].drawn.patterns


@pytest.mark.parametrize("latent", [EXACT, PAIR, SET])
def test_an_exact_rule_has_precision_and_recall_one(found: list[Found], latent: int):
    made = {score.name: score.value for score in scores([found[latent]], began=0.0)}
    assert made["precision, drawn"] == made["recall, drawn"] == made["F1, drawn"] == 1
    assert made["too rare"] == 0


def test_a_random_latent_is_at_chance(found: list[Found]):
    for tried in (found[RANDOM].strongest, found[RANDOM].drawn):
        assert tried.met.mean() < 0.05
        assert tried.met.sum() <= 0.2 * tried.predicted


def test_shuffled_firings_are_not_foretold():
    moved = find_all(shuffled(sample(), seed=0), seed=0)
    assert all(one.drawn.met.mean() < 0.1 for one in moved)


def test_a_pattern_by_hand():
    """`2` fires after `1` alone, and what stands before `1` does not matter."""
    tokens = [
        *(1, 2, 3, 2, 2, 1, 3, 1, 3),
        *(1, 2, 3, 2, 5, 1, 3, 1, 3),
        *(4, 2, 2, 1, 2, 1, 3, 1, 3),
    ]
    documents = [0] * 9 + [1] * 9 + [2] * 9
    places = np.stack([np.array(documents), np.arange(27) % 9], axis=1).astype(np.int32)
    text = Corpus(np.array(tokens, np.int32), np.array(documents, np.int32), places=places)
    acts = np.zeros(27, np.float32)
    acts[[1, 10, 22]] = 1.0
    assert pattern(text, acts, row=22) == (2, 1)
    assert pattern(text, acts, row=1) == (2, 1)
    acts[[3, 12, 19]] = 0.5  # now half of the act is kept without `1`
    assert pattern(text, acts, row=22) == (2,)
    acts[:] = 0
    acts[18] = 1.0  # `4` stands nowhere else
    assert pattern(text, acts, row=18) == ()


@pytest.mark.parametrize("wanted", [(7,), (9, 5), (None, 20), (3, None, 4), (None, 5, None, 6)])
def test_fits_equals_a_slow_search(wanted: tuple[int | None, ...]):
    text = text_of(*[firings(6400, seed=2)] * 2)[0]
    slow = [
        row
        for row, seen in enumerate(text.seen.tolist())
        if all(token in (None, seen[back]) for back, token in enumerate(wanted))
    ]
    assert sorted(fits(text, wanted).tolist()) == slow
    assert slow


def test_a_general_pattern_covers_a_special_one():
    assert covers((7,), (7, 5))
    assert covers((None, 5), (7, 5))
    assert not covers((7, 5), (7,))
    assert not covers((7, 5), (7, None, 5))


def test_contexts_are_of_different_documents():
    text = text_of(*[firings(640, seed=2)] * 2)[0]
    fired = Fired(np.arange(640, dtype=np.int32), np.arange(640, dtype=np.float32))
    rows = strongest(text, fired)
    assert rows.tolist() == list(range(639, 0, -64))
    assert patterns(text, fired, rows=rows[:0]) == []


def test_a_pattern_is_spelt_as_it_is_read():
    assert spelt(Words(), (9, None, 5)) == " w5∗ w9"


def rule(prompts: Sequence[tuple[int, ...]], latents: np.ndarray) -> np.ndarray:
    """Return acts of latents that fire by the planted rules, on prompts of any length."""
    acts = []
    for prompt, latent in zip(prompts, latents.tolist(), strict=True):
        last, before = prompt[-1], prompt[-2] if len(prompt) > 1 else -1
        fires = {
            EXACT: last == 7,
            PAIR: (last, before) == (9, 5),
            SET: last in (11, 12, 13),
            AFTER: before == 20,
        }
        acts.append(1.5 * fires.get(latent, False))
    return np.array(acts, np.float32)


def test_the_model_shortens_contexts_to_what_was_planted():
    drawn = sample()
    contexts = [
        Context(latent, int(drawn.train[latent].rows[5]), 1.5)
        for latent in (EXACT, PAIR, AFTER, RANDOM)
    ]
    made = patterns_by_model(drawn.text.train, contexts, ask=rule, seed=0)
    assert made == [(7,), (9, 5), (None, 20), ()]


def test_patterns_by_the_model_are_tried_like_the_others(found: list[Found]):
    drawn = sample()
    made = run_model(found, drawn, ask=rule, count=5, seed=0)
    numbers = {s.name: s.value for s in scores([made[i] for i in (EXACT, PAIR, SET)], began=0.0)}
    assert numbers["precision, by model"] == numbers["recall, by model"] == 1
    several, after = made[SET].by_model, made[AFTER].by_model
    assert several is not None
    assert sorted(several.patterns) == [(11,), (12,), (13,)]
    assert after is not None
    assert after.met.all()
