"""Absorbed first letters: by hand, and in a dictionary that absorbs known words."""

import numpy as np
import pytest
import torch
from scipy.sparse import csc_matrix

from tests.evaluation.made import byte_tokenizer, llama
from tests.evaluation.suite.planted import noise, reading
from unmix.dictionaries.dictionary import Dictionary
from unmix.errors import UserError
from unmix.evaluation.suite.absorption.judging import judge
from unmix.evaluation.suite.absorption.letters import EXAMPLES, LETTERS, LINES, Words, lists, words
from unmix.evaluation.suite.absorption.measure import controls, of_words
from unmix.evaluation.suite.absorption.measure import row as judged_row
from unmix.evaluation.suite.absorption.probes import best_bound, probe
from unmix.evaluation.suite.absorption.reading import Read, divided, probed
from unmix.evaluation.suite.absorption.scores import by_letter, of_latents, of_probe
from unmix.evaluation.suite.probing.logistic import fit
from unmix.evaluation.suite.reader import Reader
from unmix.models.load import wrap

MANY, FEW, CHILDREN, WIDTH = 120, 20, 24, 64
"""Words in A, in every other letter, words of A with a latent of their own, times two."""


def planted() -> tuple[Read, np.ndarray]:
    """Return words whose activation is their letter's axis, some of A with an axis of their own.

    Each such axis has one training and one test word: too few to count as a latent of the letter.
    """
    letters = np.concatenate([np.zeros(MANY, np.int64), np.repeat(np.arange(1, 26), FEW)])
    x = torch.zeros(len(letters), WIDTH)
    x[torch.arange(len(letters)), torch.from_numpy(letters)] = 3.0
    has_child = np.zeros(len(letters), bool)
    for child in range(CHILDREN):
        rows = [child, MANY // 2 + child]
        has_child[rows] = True
        x[rows, 26 + child] = 3.0
    x += noise(*x.shape, seed=2) * 0.05
    spelt = [f"{LETTERS[letter]}word{i}" for i, letter in enumerate(letters.tolist())]
    drawn = Words(np.arange(len(letters)), letters, spelt)
    return divided(drawn, x, share=0.5), has_child


def dictionary(*, absorbs: bool) -> Dictionary:
    """Return a latent a letter and a child, whose latents take over the letter A if asked to."""
    n = 26 + CHILDREN
    encoder, decoder = torch.eye(n, WIDTH), torch.eye(n, WIDTH)
    if absorbs:
        encoder[0, 26:n] = -2.0
        decoder[26:, 0] = 1.0
    return reading(encoder, decoder, torch.full((n,), -0.5))


def test_the_words_that_were_absorbed_are_found_and_no_others():
    read, has_child = planted()
    told = probed(read)
    assert told.letters == list(range(26))
    made = judged_row(
        read, told, of_words(read, dictionary(absorbs=True)), name="it", role="dictionary", about=""
    )
    first = made.found[0]
    assert first.few.latents[0] == 0
    expected = has_child[read.test[first.rows]]
    assert first.verdict.is_absorbed.tolist() == expected.tolist()
    assert sorted(first.verdict.absorber[expected].tolist()) == list(range(26, 26 + CHILDREN))
    assert first.few.n_main == 1
    assert not any(one.verdict.is_absorbed.any() for one in made.found[1:])
    scores = of_latents(made, read.words.letters[read.test]).scores
    assert scores["full absorption"].value == pytest.approx(expected.mean() / 26)
    assert scores["absorption fraction"].value == pytest.approx(expected.mean() / 26)
    assert scores["own latents silent"].value == pytest.approx(expected.mean() / 26)
    low, high = scores["full absorption"].low, scores["full absorption"].high
    assert low is not None
    assert high is not None
    assert 0 < low < expected.mean() / 26 < high
    curve = by_letter([made]).curves[0]
    assert curve.points[0].y == pytest.approx(expected.mean())


def test_a_dictionary_that_absorbs_nothing_has_none():
    read, _ = planted()
    told = probed(read)
    made = judged_row(
        read, told, of_words(read, dictionary(absorbs=False)), name="it", role="frozen", about=""
    )
    scores = of_latents(made, read.words.letters[read.test]).scores
    assert scores["full absorption"].value == 0
    assert scores["F1 of the letter"].value == 1
    assert scores["latents a letter"].value == 1
    beside = of_probe(told.named, read.words.letters[read.test], told.letters, seconds=0)
    assert beside.value("F1 of the letter") == 1


def test_controls_miss_letters_the_dictionary_has():
    read, _ = planted()
    told = probed(read)
    own = of_words(read, dictionary(absorbs=False))
    first = judged_row(read, told, own, name="it", role="dictionary", about="")
    drawn, dealt = controls(read, told, own, first, seed=0)
    letters = read.words.letters[read.test]
    assert (of_latents(drawn, letters).value("own latents silent") or 0) > 0.8
    assert of_latents(dealt, letters).value("own latents silent") == 0


def test_verdicts_by_hand():
    """Three words worth 1: own latent, another latent, and half of each."""
    acts = csc_matrix(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.1], [0.5, 0.5, 0.0], [0, 0, 0]]))
    verdict = judge(
        acts,
        np.array([1.0, 1.0, 1.0, 1.0]),
        pushes=np.array([1.0, 0.8, 2.0]),
        cosines=np.array([1.0, 0.8, 0.02]),
        main=np.array([0]),
    )
    assert verdict.is_silent.tolist() == [False, True, False, True]
    assert verdict.is_absorbed.tolist() == [False, True, False, False]
    assert verdict.absorber.tolist() == [-1, 1, 1, -1]
    assert verdict.share.tolist() == [0, 0.8, 0.4, 0]
    assert verdict.fraction.tolist() == [0, 1, pytest.approx(0.4 / 0.9), 0]


def test_a_part_is_carried_by_at_most_three():
    acts = csc_matrix(np.array([[0.1, 0.2, 0.3, 0.25, 0.05]]))
    rest = {"pushes": np.ones(5), "cosines": np.ones(5)}
    verdict = judge(acts, np.ones(1), main=np.array([0]), **rest)
    assert verdict.fraction[0] == pytest.approx(0.75 / 0.85)
    assert not verdict.is_absorbed[0]


def test_the_best_bound_is_the_best_of_all():
    rng = np.random.default_rng(0)
    scores, y = rng.integers(0, 9, 60) / 8, rng.random(60) < 0.3
    f1, bound = best_bound(scores, y)
    said = scores > bound
    assert f1 == pytest.approx(2 * (said & y).sum() / (said.sum() + y.sum()))
    every = [scores >= x for x in np.unique(scores)]
    assert f1 == pytest.approx(max(2 * (s & y).sum() / (s.sum() + y.sum()) for s in every))


def test_a_probe_equals_regressions_of_their_own():
    x, letters = noise(80, 5, seed=3), np.arange(80) % 3
    x[:, 0] += torch.from_numpy(letters).float()
    found = probe(x, letters, count=3)
    assert found.score(x).shape == (80, 3)
    z = x.double() - x.double().mean(0)
    z = z / z.square().mean().sqrt()
    many = z.expand(4, -1, -1)
    y = torch.from_numpy(letters == 0).expand(4, -1)
    line = fit(many, y, penalty=torch.tensor([1.0, 10.0, 100.0, 1000.0], dtype=torch.float64))
    differences = (line.score(many) - found.score(x)[:, 0]).abs().max(1).values
    assert differences.min() < 1e-3


def test_letters_no_probe_knows_are_not_measured():
    read, _ = planted()
    with pytest.raises(UserError, match="does not find first letters"):
        probed(read._replace(x=noise(*read.x.shape, seed=9)))


def test_every_word_is_read_once_where_it_stands():
    tokenizer = byte_tokenizer()
    drawn = words(tokenizer, per_letter=9, seed=0)
    assert len(set(drawn.spelt)) == len(drawn.spelt) > 0
    assert [tokenizer.decode([token]) for token in drawn.tokens] == [f" {w}" for w in drawn.spelt]
    model = wrap(llama(vocabulary=len(tokenizer)), tokenizer, name="tiny")
    many = Words(np.tile(drawn.tokens, LINES), np.tile(drawn.letters, LINES), drawn.spelt * LINES)
    made = lists(Reader(model, "resid.1", begins=True), many)
    assert sorted(made.words.tolist()) == list(range(len(many.tokens)))
    at = [c[p] for c, ps in zip(made.contexts, made.places, strict=True) for p in ps]
    assert at == many.tokens[made.words].tolist()
    text = tokenizer.decode(made.contexts[0][: made.places[0][0]])
    assert text.count("has the first letter:") == EXAMPLES
    last = many.spelt[-1]
    assert text.startswith(f"<s> {last} has the first letter: {last[0].upper()}")
