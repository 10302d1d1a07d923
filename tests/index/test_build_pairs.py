"""Neighbours, the map and the logits, against the plain way."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from tests.index.planted import CONTEXT, merged, world
from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.sparsity import TopK
from unmix.errors import UserError
from unmix.evaluation.examples import logit_effects
from unmix.index.making import cofiring, directions, logits
from unmix.index.making.cofiring import Cofiring
from unmix.index.schema import EFFECTS, LOGIT_BINS, NEIGHBOURS


@pytest.mark.parametrize("every", [1, 3])
def test_firing_together_is_counted_on_whole_contexts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int
):
    chance = np.random.default_rng(0)
    n, m = 100 * CONTEXT, 30
    acts = (chance.random((n, m)) < np.linspace(0, 0.4, m)).astype(np.float32)
    acts[:, 9] = acts[:, 25] * (chance.random(n) < 0.9)
    made = world(acts, chance.integers(0, 5, n))
    monkeypatch.setattr(cofiring, "TOKENS", n // every)
    _, _, blocks = merged(tmp_path, made, acts=500)
    pairs = Cofiring(n, l0=1.0, context=CONTEXT, n_latents=m)
    assert pairs.every == every
    for block in blocks:
        pairs.add(block)
    others = chance.integers(0, m, (m, 4)).astype(np.int32)
    others[:, 3] = -1
    near, together = pairs.near(others)

    fired = made.acts[np.arange(n) // CONTEXT % every == 0] != 0
    both = fired.T.astype(int) @ fired.astype(int)
    counts = np.diag(both)
    with np.errstate(invalid="ignore"):
        jaccard = both / (counts[:, None] + counts - both)
        share = both / counts[:, None]
    np.fill_diagonal(jaccard, 0)
    for j in range(m):
        best = np.argsort(-jaccard[j], kind="stable")[:NEIGHBOURS]
        best = best[jaccard[j, best] > 0]
        found = near.other[j] >= 0
        assert near.other[j, found].tolist() == best.tolist()
        np.testing.assert_allclose(near.score[j, found], jaccard[j, best])
        np.testing.assert_allclose(near.together[j, found], share[j, best])
        assert np.isnan(near.score[j, ~found]).all()
        np.testing.assert_allclose(together[j, :3], share[j, others[j, :3]])
    assert np.isnan(together[:, 3]).all()
    assert near.other[9, 0] == 25


def test_the_sample_shrinks_where_many_fire():
    few = Cofiring(2**24, l0=32, context=256, n_latents=10)
    many = Cofiring(2**24, l0=1000, context=256, n_latents=10)
    assert few.tokens == 2**19
    assert many.tokens * 1000**2 == pytest.approx(2**32, rel=0.1)


def test_nearest_directions(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(directions, "ROWS", 64)
    drawn = torch.Generator().manual_seed(0)
    unit = directions.unit(torch.randn(150, 24, generator=drawn))
    unit[70] = 0
    others, cosines = directions.nearest(unit)
    dense = (unit @ unit.T).fill_diagonal_(-torch.inf)
    score, best = dense.topk(NEIGHBOURS)
    np.testing.assert_allclose(cosines, score, atol=1e-6)
    keep = np.arange(150) != 70
    assert (others[keep] == best.numpy()[keep]).all()
    assert (others != np.arange(150)[:, None]).all()


@pytest.mark.parametrize("m", [1, 5])
def test_few_directions_have_few_neighbours(m: int):
    others, cosines = directions.nearest(directions.unit(torch.randn(m, 8)))
    assert (others[:, : m - 1] >= 0).all()
    assert (others[:, m - 1 :] == -1).all()
    assert np.isnan(cosines[:, m - 1 :]).all()


def test_the_map_is_that_of_a_singular_value_decomposition():
    drawn = torch.Generator().manual_seed(0)
    unit = directions.unit(torch.randn(200, 12, generator=drawn) * torch.arange(12, 0, -1))
    place = directions.principal_map(unit)
    centred = (unit - unit.mean(0)).double()
    left = torch.linalg.svd(centred, full_matrices=False).U[:, :2] * len(unit) ** 0.5
    torch.testing.assert_close(place.abs(), left.abs().float(), rtol=1e-4, atol=1e-4)
    peaks = place.gather(0, place.abs().argmax(0, keepdim=True))
    assert (peaks > 0).all()


def test_umap_that_is_not_installed_is_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(UserError, match=r"needs the extra `map`"):
        directions.umap_map(torch.eye(8))


def test_a_transcoder_does_not_write_where_it_reads():
    same = Dictionary(6, 9, TopK(2))
    torch.nn.init.normal_(same.W_enc)
    same.W_dec.data.copy_(same.W_enc * 3)
    torch.testing.assert_close(directions.encoder_cosine(same), torch.ones(9))
    torch.testing.assert_close(directions.lengths(same), same.W_dec.norm(dim=1))
    assert directions.encoder_cosine(Dictionary(6, 9, TopK(2), d_out=6)).isnan().all()


@pytest.mark.parametrize("words", [500, EFFECTS + 1, 7])
def test_effects_on_the_logits(monkeypatch: pytest.MonkeyPatch, words: int):
    monkeypatch.setattr(logits, "BYTES", 4 * words * 5)  # five latents at a time
    drawn = torch.Generator().manual_seed(0)
    W_dec, head = torch.randn(13, 8, generator=drawn), torch.randn(words, 8, generator=drawn)
    blocks = list(logits.effects(W_dec, head))
    assert [len(block.up) for block in blocks] == [5, 5, 3]
    found = logits.Effects(*(np.concatenate(column) for column in zip(*blocks, strict=True)))
    dense = logit_effects(W_dec, head).numpy()
    side = min(EFFECTS, words)
    order = np.argsort(-dense, axis=1, kind="stable")
    assert (found.up == order[:, :side]).all()
    assert (found.down == order[:, ::-1][:, :side]).all()
    np.testing.assert_allclose(found.raised, -np.sort(-dense, axis=1)[:, :side], atol=1e-5)
    np.testing.assert_allclose(found.lowered, np.sort(dense, axis=1)[:, :side], atol=1e-5)
    np.testing.assert_allclose(found.moments[:, 0], dense.std(1), rtol=1e-4)
    np.testing.assert_allclose(found.moments[:, 1], stats.skew(dense, axis=1), atol=1e-4)
    np.testing.assert_allclose(found.moments[:, 2], stats.kurtosis(dense, axis=1), atol=1e-4)
    assert found.counts.shape == (13, LOGIT_BINS)
    for counts, row in zip(found.counts, dense, strict=True):
        expected = np.histogram(row, LOGIT_BINS)[0]
        assert counts.sum() == words
        assert np.abs(counts - expected).sum() <= 2  # one at the edge of a bin
