"""Rules that were planted are found, and tried on documents they were not made from."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.index.planted import CONTEXT, World, merged, world
from unmix.index.making.blocks import Block
from unmix.index.making.classes import Classes, classes_of
from unmix.index.making.labels import LONGEST, columns, label, word
from unmix.index.making.positions import Positions
from unmix.index.making.rules import Rules, rules_of

N, WORDS = 601 * CONTEXT, 40
TOKENS, AFTER, PAIR, NOISY, CHANCE, RARE, ONE, SILENT = range(8)


def before(token: np.ndarray) -> np.ndarray:
    """Return the token before each in the same context; -1 where there is none."""
    shifted = np.concatenate([[-1], token[:-1]])
    shifted[::CONTEXT] = -1
    return shifted


@pytest.fixture(scope="module")
def made() -> World:
    """Plant a latent for each kind of rule, and latents that follow none."""
    chance = np.random.default_rng(0)
    token = chance.integers(0, WORDS, N)
    token[chance.random(N) < 0.3] = 3  # a frequent one
    previous = before(token)
    acts = np.zeros((N, 8))
    acts[:, TOKENS] = np.isin(token, [7, 8, 30])
    acts[:, AFTER] = previous == 5
    acts[:, PAIR] = (previous == 3) & (token == 9)
    noise = chance.random((N, 2))
    acts[:, NOISY] = (np.isin(token, [11, 12]) & (noise[:, 0] < 0.8)) | (noise[:, 1] < 0.02)
    acts[:, CHANCE] = chance.random(N) < 0.05
    acts[np.flatnonzero(token == 13)[:6], RARE] = 1
    acts[:, ONE] = (np.arange(N) < 40) & (token == 3)  # in a document or two
    return world(acts, token)


Found = tuple[Positions, Rules, tuple[Classes, ...]]


@pytest.fixture(scope="module")
def found(made: World, tmp_path_factory: pytest.TempPathFactory) -> Found:
    positions, _, (block,) = merged(tmp_path_factory.mktemp("index"), made)
    kinds = classes_of(positions, n_words=WORDS)
    return positions, rules_of(block, positions, kinds), kinds


def parts(found: Found, latent: int) -> list[list[int | None]]:
    """Return a rule as the index writes it."""
    _, rules, kinds = found
    spelt = [str(t).encode() for t in range(WORDS)]
    return json.loads(columns(rules, kinds, spelt)["rule"][latent])


def predicted(made: World, rule: list[list[int | None]]) -> np.ndarray:
    """Mark the positions that a rule predicts, as a reader would."""
    previous = before(made.token)
    ok = np.zeros(N, bool)
    for first, second in rule:
        ok |= ((first is None) | (previous == first)) & ((second is None) | (made.token == second))
    return ok & ~(made.special | made.massive)


def test_a_set_of_tokens(found: Found):
    assert sorted(parts(found, TOKENS)) == [[None, 7], [None, 8], [None, 30]]
    assert found[1].f1[TOKENS] == found[1].precision[TOKENS] == found[1].recall[TOKENS] == 1


def test_the_token_before(found: Found):
    assert parts(found, AFTER) == [[5, None]]
    assert found[1].f1[AFTER] == 1


def test_a_pair(found: Found):
    assert parts(found, PAIR) == [[3, 9]]
    assert found[1].f1[PAIR] == 1


def test_a_rule_with_exceptions(found: Found):
    assert sorted(parts(found, NOISY)) == [[None, 11], [None, 12]]
    assert 0.7 < found[1].precision[NOISY] < 0.9
    assert 0.5 < found[1].recall[NOISY] < 0.8


@pytest.mark.parametrize("latent", [CHANCE, RARE, SILENT])
def test_no_rule_without_reason(found: Found, latent: int):
    _, rules, kinds = found
    assert rules.kind[latent] == -1
    assert (rules.classes[latent] == -1).all()
    assert np.isnan([getattr(rules, name)[latent] for name in Rules._fields[2:]]).all()
    assert {c[latent] for c in columns(rules, kinds, [b""] * WORDS).values()} == {""}


@pytest.mark.parametrize("latent", [TOKENS, AFTER, PAIR, NOISY])
def test_numbers_are_those_of_the_documents_that_were_tried(made: World, found: Found, latent: int):
    positions, rules, _ = found
    tried = positions.tried[positions.document]
    guess = predicted(made, parts(found, latent)) & tried
    truth = (made.acts[:, latent] != 0) & tried
    hits = (guess & truth).sum()
    np.testing.assert_allclose(rules.precision[latent], hits / guess.sum())
    np.testing.assert_allclose(rules.recall[latent], hits / truth.sum())
    f1 = 2 * hits / (guess.sum() + truth.sum())
    np.testing.assert_allclose(rules.f1[latent], f1)
    assert rules.low[latent] < f1 <= rules.high[latent]


def test_the_interval_is_about_that_of_a_bootstrap_by_document(made: World, found: Found):
    positions, rules, _ = found
    tried = positions.tried[positions.document]
    guess = predicted(made, parts(found, NOISY)) & tried
    truth = (made.acts[:, NOISY] != 0) & tried
    n = len(positions.documents)
    sums = np.stack(
        [
            np.bincount(positions.document, weights=column, minlength=n)[positions.tried]
            for column in (guess & truth, guess, truth)
        ]
    )
    chance = np.random.default_rng(0)
    drawn = sums[:, chance.integers(0, sums.shape[1], (2000, sums.shape[1]))].sum(2)
    low, high = np.quantile(2 * drawn[0] / (drawn[1] + drawn[2]), [0.025, 0.975])
    np.testing.assert_allclose(rules.low[NOISY], low, atol=0.01)
    np.testing.assert_allclose(rules.high[NOISY], high, atol=0.01)


def test_documents_are_halved_by_their_name_alone(found: Found):
    positions = found[0]
    assert 0.4 < positions.tried.mean() < 0.6
    again = [document.is_tried for document in positions.documents]
    assert positions.tried.tolist() == again


def test_a_class_counts_only_if_it_is_in_two_documents(made: World, tmp_path: Path):
    """A word of one document says nothing about others."""
    positions, _, (block,) = merged(tmp_path, made)
    made_from = np.flatnonzero(~positions.tried)
    rows = np.flatnonzero((positions.document == made_from[0]) & positions.eligible)
    token = np.where(np.arange(N) == -1, 0, positions.token)
    token[rows] = 39
    token[~np.isin(np.arange(N), rows) & (token == 39)] = 0
    positions.token = token
    lone = Block(0, 1, np.array([0, len(rows)]), rows.astype(np.int32), np.ones(len(rows), "f4"))
    assert len(rows) >= 10
    rules = rules_of(lone, positions, classes_of(positions, n_words=WORDS))
    assert rules.kind.tolist() == [-1]
    assert block.end == 8


def test_the_first_token_of_a_context_has_none_before(made: World, found: Found):
    positions, _, (_, after, _) = found
    expected = before(made.token)
    assert (after.of == np.where(positions.eligible, expected, -1)).all()


def test_words_are_readable_whatever_the_bytes():
    spelt = [b" not", b"not", b"n't", b"\n", b"  ", b"\xe2\x80", "é".encode(), b" York", b"New"]
    assert label("tokens", [[-1, 0], [-1, 1], [-1, 2]], spelt) == "not, n't"
    assert label("after", [[0, -1], [6, -1]], spelt) == "after not, é"
    assert label("pair", [[8, 7]], spelt) == "New → York"
    assert [word(spelt[t]) for t in (3, 4, 5)] == ["↵", "␣␣", r"\xe2\x80"]
    assert word("\u202e\x00".encode()) == r"\u202e␀"


def test_labels_are_short():
    spelt = [b"word%02d" % t for t in range(12)] + [b"x" * 200]
    long = label("tokens", [[-1, t] for t in range(12)], spelt)
    assert long.startswith("word00, word01, ")
    assert long.endswith(", …")
    assert len(long) <= LONGEST
    assert label("tokens", [[-1, 12]], spelt) == "x" * (LONGEST - 1) + "…"
