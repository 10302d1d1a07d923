"""Rules: counted against slow references, and tried on latents whose rule is known."""

import numpy as np
import pytest

from tests.evaluation.suite.words import AFTER, EXACT, PAIR, RANDOM, SET, firings, sample, text_of
from unmix.evaluation.suite.detection.corpus import EDGE, SEEN, WINDOW, Corpus
from unmix.evaluation.suite.detection.measure import detect_all, scores
from unmix.evaluation.suite.detection.rates import PRIOR, Rates
from unmix.evaluation.suite.detection.rules import RULES
from unmix.evaluation.suite.detection.sample import nearest, shuffled
from unmix.evaluation.suite.detection.scoring import over_latents
from unmix.evaluation.suite.detection.thresholds import NEVER, auc, for_balance, for_f1

ONE, MANY, PAIRS = range(len(RULES))


def corpus(tokens: list[int], documents: list[int], offsets: list[int]) -> Corpus:
    places = np.stack([np.zeros(len(tokens), np.int32), np.array(offsets, np.int32)], axis=1)
    return Corpus(np.array(tokens, np.int32), np.array(documents, np.int32), places=places)


def test_a_rule_sees_nothing_beyond_a_document_or_a_gap():
    text = corpus([4, 5, 6, 7, 8], [0, 0, 1, 1, 1], [0, 1, 2, 3, 5])
    assert text.seen[:, :2].tolist() == [[4, EDGE], [5, 4], [6, EDGE], [7, 6], [8, EDGE]]
    assert text.seen.shape == (5, SEEN)


def test_windows_hold_one_document_and_at_most_so_many_tokens():
    n = 3 * WINDOW
    text = corpus([0] * n, [0] * 40 + [1] * (n - 40), list(range(n)))
    assert text.starts.tolist() == [0, 32, 40, 64]
    assert text.is_long.tolist() == [True, False, True, True]
    assert text.within(np.array([33, 95])).tolist() == [False, True, False, True]
    assert text.span(3) == slice(64, 96)


def test_rates_equal_a_slow_count_that_leaves_the_document_out():
    train, held_out = firings(640, seed=3), firings(320, seed=4, first=1000)
    text = text_of(train, held_out)
    rows = train.rows[train.latents[SET] : train.latents[SET + 1]]
    _, longer = Rates(*text).of(rows)
    fired = np.zeros(len(text.train), bool)
    fired[rows] = True
    for row in range(0, 640, 37):
        others = text.train.documents != text.train.documents[row]
        expected = slow(text.train.seen[others], fired[others], text.train.seen[row])
        assert longer.train[row] == pytest.approx(expected, rel=1e-5)
    for row in range(0, 320, 29):
        expected = slow(text.train.seen, fired, text.held_out.seen[row])
        assert longer.held_out[row] == pytest.approx(expected, rel=1e-5)


def slow(seen: np.ndarray, fired: np.ndarray, wanted: np.ndarray) -> float:
    """Return the rate of the module's equation; where the token never fired, that of the token."""
    rate = fired.mean()
    for length in (1, 2, 3):
        same = (seen[:, :length] == wanted[:length]).all(1)
        if same.any():
            rate = (fired[same].sum() + PRIOR * rate) / (same.sum() + PRIOR)
        if length == 1 and not fired[same].any():
            break
    return float(rate)


def test_auc_counts_pairs_and_ties_half():
    scores, fires = np.array([3.0, 1.0, 1.0, 0.0]), np.array([True, True, False, False])
    assert auc(scores, fires) == (1 + 1 + 0.5 + 1) / 4
    assert np.isnan(auc(scores, np.ones(4, bool)))


def test_lines_are_the_best_of_all_that_could_be_drawn():
    rng = np.random.default_rng(0)
    scores, fires = rng.integers(0, 9, 200) / 8, rng.random(200) < 0.2
    lines = np.unique(scores)
    balance = [(scores[fires] >= x).mean() - (scores[~fires] >= x).mean() for x in lines.tolist()]
    assert for_balance(scores, fires) == lines[int(np.argmax(balance))]
    f1 = [2 * fires[scores >= x].sum() / (fires.sum() + (scores >= x).sum()) for x in lines]
    assert for_f1(scores, fires, fired=int(fires.sum())) == lines[int(np.argmax(f1))]
    assert for_balance(-fires.astype(float), fires) == NEVER


def test_rules_find_what_was_planted():
    drawn = sample()
    found = detect_all(Rates(*drawn.text), drawn)
    assert found[EXACT].windows == (1, 1, 1)
    assert found[EXACT].f1 == (1, 1, 1)
    assert found[EXACT].auc == (1, 1)
    assert found[SET].windows[MANY] == 1
    assert found[SET].f1[ONE] < 0.6
    assert found[SET].f1[MANY] == 1
    assert found[PAIR].f1[MANY] < 0.6
    assert found[PAIR].f1[PAIRS] > 0.97
    assert found[PAIR].lexical[PAIRS] > found[PAIR].lexical[MANY]
    assert found[AFTER].f1[MANY] < 0.1
    assert found[AFTER].f1[PAIRS] > 0.9


def test_a_random_latent_and_shuffled_firings_are_at_chance():
    drawn = sample()
    rates = Rates(*drawn.text)
    random = detect_all(rates, drawn)[RANDOM]
    assert np.abs(np.array([*random.windows, *random.auc]) - 0.5).max() < 0.06
    moved = detect_all(rates, shuffled(drawn, seed=0))
    worst = np.array([[*one.windows, *one.auc] for one in moved]) - 0.5
    assert np.abs(worst).max() < 0.09
    assert abs(worst.mean()) < 0.02


def test_rare_latents_are_counted_and_in_no_mean():
    drawn = sample()
    rare = drawn._replace(train=[one._replace(rows=one.rows[:5]) for one in drawn.train[:1]] * 5)
    made = {s.name: s for s in scores(detect_all(Rates(*drawn.text), rare), began=0.0)}
    assert made["too rare"].value == 1
    assert made["whether, n-gram"].value is None


def test_a_score_over_latents_is_the_weighted_mean_of_those_that_are_known():
    values, weights = np.array([1.0, np.nan, 0.0]), np.array([3.0, 9.0, 1.0])
    about = {"definition": "", "source": "", "seconds": 0.0}
    score = over_latents("x", values, weights=weights, **about)
    assert score.value == 0.75
    assert score.n == 2
    assert (score.low, score.high) == (0, 1)
    assert over_latents("x", values[1:2], **about).value is None


def test_rivals_are_the_nearest_directions():
    directions = np.array([[1.0, 0], [2, 0.1], [0, 1], [-1, 0]], np.float32)
    assert nearest(directions, np.array([0])).tolist() == [[1, 2, 3]]
