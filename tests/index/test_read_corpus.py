"""Slices, differences, rules, search and the comparison of dictionaries, against plain counting."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from tests.index import written
from tests.index.written import DEAD, MAY, RULED, Written
from unmix import UserError, open_index
from unmix.index.compare import correspond, jaccard
from unmix.index.read import Index
from unmix.index.rules import predicted, silence
from unmix.index.search import by_direction, by_label, by_token
from unmix.index.slices import differences, shares, slice_of
from unmix.index.statistics import acts_histogram, percentiles, tokens_fired
from unmix.index.strongest import look, strengths

NEWS, CODE = ("source", "news"), ("source", "code")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Give an index that is only read."""
    return written.write(tmp_path_factory.mktemp("corpus") / "run")


@pytest.fixture(scope="module")
def index(made: Written) -> Index:
    return open_index(made.run)


def counts(made: Written) -> tuple[np.ndarray, np.ndarray]:
    """Return eligible tokens by document, and firings by document and latent."""
    eligible = ~(made.special | made.massive)
    n = np.bincount(made.documents[eligible], minlength=12)
    y = np.stack([
        (made.acts[made.documents == document] > 0).sum(0) for document in range(12)
    ])  # fmt: skip
    return n, y


def test_shares_are_counts(made: Written, index: Index):
    n, y = counts(made)
    is_news = np.arange(12) % 2 == 1
    for latent in (0, RULED, DEAD):
        by_slice = {(one.key, one.value): one for one in shares(index, index.codes(latent))}
        assert len(by_slice) == 6
        news = by_slice[NEWS]
        assert news.n_tokens == n[is_news].sum()
        fired = y[is_news, latent].sum()
        assert news.density == pytest.approx(fired / n[is_news].sum())
        assert news.low <= news.density <= news.high
        rest = (y[~is_news, latent].sum() + 0.5) / n[~is_news].sum()
        assert news.ratio == pytest.approx((fired + 0.5) / n[is_news].sum() / rest)
        assert (news.low == 0) == (fired == 0)
        assert news.high > 0  # silence is not proof


def test_an_interval_counts_documents(tmp_path: Path):
    """Forty firings in one document are less sure than forty spread over all."""
    made = written.write(tmp_path / "run")
    acts = np.zeros_like(made.acts)
    free = np.flatnonzero(~(made.special | made.massive))
    crowded = free[made.documents[free] == 3][:40]
    acts[crowded, 0] = 1
    acts[free[:: len(free) // len(crowded)][: len(crowded)], 1] = 1
    written.rewrite(made._replace(acts=acts))
    index = open_index(made.run)
    width = []
    for latent in (0, 1):
        news = next(one for one in shares(index, index.codes(latent)) if one.value == "news")
        width.append(news.high - news.low)
    assert width[0] > 2 * width[1]


@pytest.mark.parametrize("rows", [1, 300, 2**21])
def test_differences_are_those_of_a_plain_count(
    made: Written, index: Index, rows: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("unmix.index.slices.ROWS", rows)
    n, y = counts(made)
    got = differences(index, NEWS, CODE, limit=100)
    is_news = np.arange(12) % 2 == 1
    assert (got.n_a, got.n_b) == (n[is_news].sum(), n[~is_news].sum())
    assert got.tested == ((y > 0).sum(0) >= 5).sum() == len(got.rows)
    for row in got.rows:
        fired = [y[side, row.latent].sum() for side in (is_news, ~is_news)]
        sizes = [n[side].sum() for side in (is_news, ~is_news)]
        assert row.density_a == pytest.approx(fired[0] / sizes[0])
        assert row.density_b == pytest.approx(fired[1] / sizes[1])
        ratio = (fired[0] + 0.5) / sizes[0] / ((fired[1] + 0.5) / sizes[1])
        assert row.log_ratio == pytest.approx(np.log2(ratio))
    assert [row.q for row in got.rows] == sorted(row.q for row in got.rows)


def test_a_planted_difference_is_found_and_nothing_else(tmp_path: Path):
    made = written.write(tmp_path / "run", m=60, n_documents=80)
    is_news = made.documents % 2 == 1
    free = ~(made.special | made.massive)
    chance = np.random.default_rng(5)
    acts = made.acts.copy()
    acts[:, 0] = (chance.random(len(free)) < np.where(is_news, 0.3, 0.05)) & free
    written.rewrite(made._replace(acts=acts))
    rows = differences(open_index(made.run), NEWS, CODE, limit=60).rows
    assert rows[0].latent == 0
    assert rows[0].q < 1e-6
    assert rows[0].log_ratio == pytest.approx(np.log2(6), abs=0.8)
    assert sum(row.q < 0.05 for row in rows) <= 2


def test_one_bursting_document_is_no_difference(tmp_path: Path):
    """A thousand firings in one document are one observation."""
    made = written.write(tmp_path / "run", n_documents=20)
    free = np.flatnonzero(~(made.special | made.massive))
    acts = made.acts.copy()
    acts[:, 0] = 0
    acts[free[made.documents[free] == 1], 0] = 1
    for document in (0, 2, 3, 5, 7):
        acts[free[made.documents[free] == document][0], 0] = 1
    written.rewrite(made._replace(acts=acts))
    rows = {row.latent: row for row in differences(open_index(made.run), NEWS, CODE, limit=60).rows}
    assert rows[0].log_ratio > 3
    assert rows[0].q > 0.2


def test_p_values_are_even_where_nothing_differs(tmp_path: Path):
    made = written.write(tmp_path / "run", m=300, n_documents=60)
    rows = differences(open_index(made.run), NEWS, CODE, limit=300).rows
    assert min(row.q for row in rows) > 0.05
    assert false_discovery_control([0.01, 0.5]).tolist() == [0.02, 0.5]  # what q stands for


def test_slices_that_overlap_or_are_not_there_are_refused(index: Index):
    with pytest.raises(UserError, match="share documents"):
        differences(index, NEWS, ("split", "train"), limit=5)
    with pytest.raises(UserError, match="no slices by `colour`"):
        differences(index, NEWS, ("colour", "red"), limit=5)
    with pytest.raises(UserError, match="`news` is no slice; write `key:value`"):
        slice_of("news")
    assert slice_of("link:https://x/1") == ("link", "https://x/1")


def test_a_rule_predicts_its_tokens(made: Written, index: Index):
    eligible = ~(made.special | made.massive)
    assert predicted(index, RULED).tolist() == ((made.tokens == MAY) & eligible).tolist()
    with pytest.raises(UserError, match="latent 0 has no rule"):
        predicted(index, 0)


def test_a_rule_with_the_token_before_stays_in_its_context(tmp_path: Path):
    made = written.write(tmp_path / "run")
    written.rewrite(made, rule="[[2, 4], [5, null]]")
    before = np.r_[-1, made.tokens[:-1]]
    before[:: written.CONTEXT] = -1
    wanted = ((before == 2) & (made.tokens == 4)) | (before == 5)
    wanted &= ~(made.special | made.massive)
    assert predicted(open_index(made.run), RULED).tolist() == wanted.tolist()
    assert wanted.any()


def test_silence_is_where_the_rule_holds_and_nothing_fires(made: Written, index: Index):
    eligible = ~(made.special | made.massive)
    where = np.flatnonzero((made.tokens == MAY) & eligible & (made.acts[:, RULED] == 0))
    got = silence(index, RULED, n=100)
    assert got.predicted == ((made.tokens == MAY) & eligible).sum()
    assert got.silent == len(where) > 0
    assert set(got.shown.positions.tolist()) <= set(where.tolist())
    cosine = made.directions @ made.directions[RULED]
    for one in got.absorbers:
        assert one.cosine == pytest.approx(cosine[one.latent], abs=1e-5)
        assert one.cosine > 0
        assert one.share > index.column("density")[one.latent]


def test_what_fired_at_a_place_is_what_was_written(made: Written, index: Index):
    positions = np.flatnonzero(made.acts.any(1))[::11]
    seen = look(index, positions)
    assert set(seen.positions.tolist()) <= set(positions.tolist())
    assert len(seen.positions) > len(positions) / 5
    for position, latents, values in zip(*seen, strengths(index, seen.positions), strict=True):
        best = np.sort(made.acts[position])[::-1][: len(values)]
        assert values.tolist() == best.tolist()
        fired = latents[latents >= 0]
        assert made.acts[position, fired].tolist() == values[: len(fired)].tolist()


def test_search_by_token_finds_the_latent_that_fires_on_it(index: Index):
    hits = by_token(index, "May")
    assert hits[0].latent == RULED
    assert "of “May”" in hits[0].why
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert by_token(index, "no such token") == []


def test_search_by_label(index: Index):
    assert [hit.latent for hit in by_label(index, "mAY")] == [RULED]
    assert [hit.latent for hit in by_label(index, "<B>")] == [7]


def test_search_by_direction_is_by_cosine(made: Written, index: Index):
    cosine = made.directions @ made.directions[4]
    wanted = [j for j in np.argsort(-cosine).tolist() if j != 4]
    assert [hit.latent for hit in by_direction(index, 4, limit=10)] == wanted[:10]


def test_a_dictionary_and_its_shuffled_copy_match(tmp_path: Path, made: Written, index: Index):
    order = np.random.default_rng(0).permutation(24)
    twin = written.write(tmp_path / "run")
    written.rewrite(twin._replace(directions=made.directions[order], acts=made.acts[:, order]))
    found = correspond(index, open_index(twin.run))
    assert found.kinds == ["matched"] * 24
    assert order[found.others[:, 0]].tolist() == list(range(24))
    assert jaccard(index, open_index(twin.run), (5, int(found.others[5, 0]))) == 0
    assert jaccard(index, open_index(twin.run), (1, int(found.others[1, 0]))) == 1


def test_what_was_split_and_what_is_new_is_told(tmp_path: Path, made: Written, index: Index):
    directions = np.random.default_rng(9).normal(size=(24, written.WIDTH))
    directions[:3] = made.directions[0] + 0.1 * directions[:3]
    directions[3] = made.directions[1]
    twin = written.write(tmp_path / "run")
    written.rewrite(twin._replace(directions=_unit(directions)))
    found = correspond(index, open_index(twin.run))
    assert found.kinds[0] == "split"
    assert set(found.others[0, :3].tolist()) == {0, 1, 2}
    assert found.kinds[1] == "matched"
    cosine = made.directions @ _unit(directions).T
    np.testing.assert_allclose(found.cosines[:, 0], cosine.max(1), atol=1e-5)


def test_large_dictionaries_are_matched_by_mutual_nearest(
    monkeypatch: pytest.MonkeyPatch, made: Written, index: Index
):
    monkeypatch.setattr("unmix.index.compare.ASSIGNED", 10)
    monkeypatch.setattr("unmix.index.compare.BLOCK", 7)
    found = correspond(index, index)
    np.testing.assert_allclose(found.assigned, 1, atol=1e-5)


def test_histograms_hold_every_act_and_no_zero(made: Written, index: Index):
    bars = acts_histogram(index.codes(0).values)
    assert bars is not None
    assert sum(bars.counts) == (made.acts[:, 0] > 0).sum()
    assert (bars.edges[0], bars.edges[-1]) == (0, made.acts[:, 0].max())
    assert acts_histogram(index.codes(DEAD).values) is None
    both = acts_histogram(np.array([-2.0, 3.0], dtype=np.float32))
    assert both is not None
    assert (both.edges[0], both.edges[-1]) == (-2, 3)


def test_tokens_fired_are_counted(made: Written, index: Index):
    (one,) = tokens_fired(index, index.codes(RULED))
    fired = made.acts[:, RULED] > 0
    eligible = ~(made.special | made.massive)
    assert (one.token, one.fired) == (MAY, fired.sum())
    assert one.share == pytest.approx(fired.sum() / ((made.tokens == MAY) & eligible).sum())
    assert one.mean == pytest.approx(made.acts[fired, RULED].mean())


def test_percentiles_are_shares_of_the_living(index: Index):
    density = index.column("density")
    living = np.delete(density, DEAD)
    assert percentiles(index, 0)["density"] == pytest.approx((living < density[0]).mean())
    assert "largest" not in percentiles(index, DEAD)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
