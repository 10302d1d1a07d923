"""Statistics of planted acts against slow ones, latent by latent."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.index.planted import CONTEXT, World, merged, world
from unmix.index.making.interval import clustered, wilson
from unmix.index.making.statistics import NEAR, Columns, Statistics

N, M, WORDS = 131 * CONTEXT, 23, 11


@pytest.fixture(scope="module")
def made() -> World:
    """Plant acts of every kind: rare and dense, signed, in bursts, one that never fires."""
    chance = np.random.default_rng(0)
    acts = chance.lognormal(size=(N, M)) * (chance.random((N, M)) < np.linspace(0, 0.5, M))
    acts[:, 5] *= chance.choice([-1, 1], N)
    acts[:, 6] *= np.arange(N) % 200 < 30
    acts[:, 7] = 2.5 * (np.arange(N) == 77)
    return world(acts, chance.integers(0, WORDS, N))


@pytest.fixture(scope="module", params=[2**22, 100])
def found(
    made: World, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Columns:
    """Give the statistics, from one block or from many."""
    positions, _, blocks = merged(tmp_path_factory.mktemp("index"), made, acts=request.param)
    assert len(blocks) == 1 if request.param > 100 else len(blocks) > 10
    statistics = Statistics(positions, n_words=WORDS)
    parts = [statistics.of(block) for block in blocks]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def fired(made: World, latent: int) -> np.ndarray:
    return np.flatnonzero(made.acts[:, latent])


def eligible(made: World) -> np.ndarray:
    return ~(made.special | made.massive)


def test_blocks_hold_every_act_once_and_in_order(made: World, tmp_path: Path):
    _, merge, blocks = merged(tmp_path, made, acts=300)
    assert [b.begin for b in blocks] == [0, *(b.end for b in blocks[:-1])]
    assert blocks[-1].end == M
    dense = np.zeros((N, M), np.float32)
    for block in blocks:
        ends = block.first - block.first[0]
        assert len(block.latent) == ends[-1]
        keys = block.latent.astype(np.int64) * N + block.position
        assert (np.diff(keys) > 0).all()
        dense[block.position, block.latent] = block.value
    assert (dense == made.acts).all()
    assert (merge.totals.n_fired == (made.acts != 0).sum(0)).all()


def test_moments_and_quantiles(made: World, found: Columns):
    for j in range(1, M):
        acts = made.acts[fired(made, j), j].astype(np.float64)
        assert found["largest"][j] == acts[np.abs(acts).argmax()]
        np.testing.assert_allclose(found["mean"][j], acts.mean())
        np.testing.assert_allclose(found["std"][j], acts.std(), atol=1e-12)
        np.testing.assert_allclose(found["energy"][j], (acts**2).sum())
        quantiles = [found[name][j] for name in ("q10", "q50", "q90", "q99")]
        np.testing.assert_allclose(quantiles, np.quantile(acts, [0.1, 0.5, 0.9, 0.99]))
        if len(acts) > 1:
            np.testing.assert_allclose(found["skew"][j], stats.skew(acts), rtol=1e-6)
            np.testing.assert_allclose(found["kurtosis"][j], stats.kurtosis(acts), rtol=1e-6)


def test_a_single_firing_has_no_skew(found: Columns):
    assert found["n_fired"][7] == 1
    assert found["std"][7] == 0
    assert np.isnan([found["skew"][7], found["kurtosis"][7]]).all()


def test_tokens(made: World, found: Columns):
    for j in range(1, M):
        counts = np.bincount(made.token[fired(made, j)], minlength=WORDS)
        np.testing.assert_allclose(found["token_entropy"][j], stats.entropy(counts, base=2))
        assert found["top_token"][j] == counts.argmax()
        np.testing.assert_allclose(found["top_token_share"][j], counts.max() / counts.sum())


def test_density_and_its_interval_by_document(made: World, found: Columns):
    every = eligible(made)
    sizes = np.bincount(made.document[every], minlength=made.document[-1] + 1)
    for j in range(M):
        counts = np.bincount(made.document[fired(made, j)], minlength=len(sizes))
        p, n, d = counts.sum() / every.sum(), every.sum(), len(sizes)
        assert found["n_documents"][j] == (counts > 0).sum()
        np.testing.assert_allclose(found["density"][j], p)
        variance = d / (d - 1) * ((counts - p * sizes) ** 2).sum() / n**2
        ends = clustered(np.array([p]), np.array([variance]), n=np.array([float(n)]))
        np.testing.assert_allclose(found["density_low"][j], ends[0][0], rtol=1e-6, atol=1e-15)
        np.testing.assert_allclose(found["density_high"][j], ends[1][0], rtol=1e-6)
        assert found["density_low"][j] <= p <= found["density_high"][j]


def test_places_in_the_context(made: World, found: Columns):
    place = np.arange(N) % CONTEXT
    for j in range(1, M):
        expected = place[fired(made, j)].mean() / place[eligible(made)].mean() - 1
        np.testing.assert_allclose(found["position_bias"][j], expected, atol=1e-12)


def test_burstiness(made: World, found: Columns):
    sizes = np.bincount(made.document[eligible(made)])
    begins = np.searchsorted(made.document, np.arange(len(sizes)))
    for j in range(1, M):
        at = fired(made, j)
        counts = np.bincount(made.document[at], minlength=len(sizes))
        total = 0.0
        for p in at:
            d = made.document[p]
            before = min(NEAR, p - begins[d])
            near = made.acts[p - before : p, j].any()
            others = (counts[d] - 1) / (sizes[d] - 1) if sizes[d] > 1 else 0
            total += near - (1 - (1 - others) ** before)
        np.testing.assert_allclose(found["burstiness"][j], total / len(at), atol=1e-12)
    assert found["burstiness"][6] < 0.2  # dense inside its stretch, not in bursts within it


def test_a_latent_that_never_fired_has_no_statistics(found: Columns):
    zero = {"n_fired", "n_documents", "density", "density_low", "energy"}
    assert all(found[name][0] == 0 for name in zero)
    assert found["top_token"][0] == -1
    assert 0 < found["density_high"][0] < 4 / N * 2
    rest = found.keys() - zero - {"top_token", "density_high"}
    assert all(np.isnan(found[name][0]) for name in rest)


def test_wilson_by_hand():
    low, high = wilson(np.array([0.0, 0.5, 1.0]), np.array([10.0, 10.0, 10.0]))
    np.testing.assert_allclose(low, [0, 0.2366, 0.7225], atol=1e-4)
    np.testing.assert_allclose(high, [0.2775, 0.7634, 1], atol=1e-4)


def test_firings_of_one_document_count_once():
    """40 firings in one of 100 documents of 50 tokens say as little as one firing in 125."""
    counts, sizes = np.zeros(100), np.full(100, 50.0)
    counts[3] = 40
    p = counts.sum() / sizes.sum()
    variance = 100 / 99 * ((counts - p * sizes) ** 2).sum() / sizes.sum() ** 2
    given = (np.array([p]), np.array([variance]))
    low, high = clustered(*given, n=np.array([sizes.sum()]))
    lone = wilson(np.array([p]), np.array([1 / p]))
    np.testing.assert_allclose([low, high], lone, rtol=0.02)


def test_the_interval_holds_its_promise():
    """Over many drawn corpora of clustered firings, the truth lies inside about 95 times in 100."""
    chance = np.random.default_rng(1)
    inside, trials, documents, truth = 0, 400, 80, 0.02
    for _ in range(trials):
        sizes = chance.integers(20, 200, documents)
        share = chance.beta(truth * 5, (1 - truth) * 5, documents)
        counts = chance.binomial(sizes, share)
        p = counts.sum() / sizes.sum()
        square = documents / (documents - 1) * ((counts - p * sizes) ** 2).sum()
        variance = square / sizes.sum() ** 2
        given = (np.array([p]), np.array([variance]))
        low, high = clustered(*given, n=np.array([float(sizes.sum())]))
        inside += bool(low[0] <= truth <= high[0])
    assert 0.9 < inside / trials < 0.99
