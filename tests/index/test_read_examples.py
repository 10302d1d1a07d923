import numpy as np
import pytest

from tests.index import written
from tests.index.written import CONTEXT, DEAD, HALF, MAY, RULED, Written
from unmix import UserError, open_index
from unmix.index.examples import INTERVALS, Wish, sample, signatures
from unmix.index.read import Index
from unmix.index.windows import acts_at, show, window

LATENTS = (0, 1, 9, RULED)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Give an index that is only read."""
    return written.write(tmp_path_factory.mktemp("examples") / "run")


@pytest.fixture(scope="module")
def index(made: Written) -> Index:
    return open_index(made.run)


@pytest.mark.parametrize("latent", LATENTS)
def test_top_is_the_strongest_of_every_document(made: Written, index: Index, latent: int):
    got = sample(index, latent, Wish("top", 100, fold=False))
    best = {}
    for position in np.flatnonzero(made.acts[:, latent]):
        document, act = made.documents[position], made.acts[position, latent]
        best[document] = max(best.get(document, 0), act)
    assert [one.act for one in got.found] == sorted(best.values(), reverse=True)
    assert got.total == (made.acts[:, latent] > 0).sum()
    assert len({made.documents[one.position] for one in got.found}) == len(best)


@pytest.mark.parametrize("latent", LATENTS)
def test_document_is_the_strongest_anywhere(made: Written, index: Index, latent: int):
    got = sample(index, latent, Wish("document", 7, fold=False))
    assert [one.act for one in got.found] == np.sort(made.acts[:, latent])[::-1][:7].tolist()
    assert got.total == (made.acts[:, latent] > 0).sum()


@pytest.mark.parametrize("latent", LATENTS)
def test_range_is_spread_over_intervals_without_zero(made: Written, index: Index, latent: int):
    got = sample(index, latent, Wish("range", INTERVALS, fold=False))
    acts = made.acts[:, latent]
    width = acts.max() / INTERVALS
    there = set(np.minimum(acts[acts > 0] / width, INTERVALS - 1).astype(int))
    seen = [min(int(one.act / width), INTERVALS - 1) for one in got.found]
    assert set(seen) == there  # as many examples as intervals: each has one at least
    assert all(one.act > 0 for one in got.found)


def test_chance_is_in_the_seed(index: Index):
    draws = [sample(index, 0, Wish("range", 10, seed=seed)) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_conditions_hold_together(made: Written, index: Index):
    wish = Wish("interval", 100, low=0.5, high=2.0, slice_key="source", slice_value="news")
    got = sample(index, 1, wish)
    acts = made.acts[:, 1]
    news = np.array(index.documents.source)[made.documents] == "news"
    assert got.total == ((acts >= 0.5) & (acts <= 2.0) & news).sum()
    assert all(0.5 <= one.act <= 2.0 and news[one.position] for one in got.found)
    by_token = sample(index, RULED, Wish("token", 100, token=MAY))
    assert {made.tokens[one.position] for one in by_token.found} == {MAY}


def test_special_and_massive_tokens_are_never_peaks(made: Written, index: Index):
    out = made.special | made.massive
    for latent in range(len(index)):
        for one in sample(index, latent, Wish("document", 100)).found:
            assert not out[one.position]


def test_near_duplicates_are_folded_and_counted(tmp_path):
    made = written.write(tmp_path / "run")
    tokens = made.tokens.copy()
    spans = [np.arange(i * CONTEXT, (i + 1) * CONTEXT) for i in (2, 5, 8)]
    for span in spans[1:]:
        tokens[span] = tokens[spans[0]]
    documents = np.arange(len(tokens)).astype(np.int32) // CONTEXT
    special = np.arange(len(tokens)) % CONTEXT == 0
    acts = np.zeros_like(made.acts)
    peaks = [int(span[7]) for span in spans]
    acts[peaks, 0] = (5.0, 4.0, 3.0)
    acts[2, 0] = 1.0
    changed = made._replace(tokens=tokens, acts=acts, documents=documents, special=special)
    written.rewrite(changed)
    index = open_index(made.run)
    folded = sample(index, 0, Wish("top", 10))
    assert [(one.position, one.similar) for one in folded.found] == [(peaks[0], 2), (2, 0)]
    assert len(sample(index, 0, Wish("top", 10, fold=False)).found) == 4


def test_a_latent_that_never_fired_has_no_examples(index: Index):
    for how in ("top", "range", "document"):
        assert sample(index, DEAD, Wish(how)) == (0, [])


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        (Wish("token"), "need the number of a token"),
        (Wish("interval"), "need `low` or `high`"),
        (Wish(slice_key="colour"), "no slices by `colour`; there are source, split, lang"),
        (Wish(slice_key="lang", slice_value="fr"), "called `fr`; there are `en`, `de`"),
    ],
)
def test_what_is_missing_is_said(index: Index, wish: Wish, sentence: str):
    with pytest.raises(UserError, match=sentence):
        sample(index, 0, wish)


def test_windows_stay_in_context_and_document(made: Written, index: Index):
    for position in np.flatnonzero(~made.special)[::7].tolist():
        around = window(index, position, before=5, after=9)
        assert position in around
        assert (around // CONTEXT == position // CONTEXT).all()
        assert (made.documents[around] == made.documents[position]).all()
        assert not made.special[around].any()
        assert around.min() >= position - 5
        assert around.max() <= position + 9


def test_signatures_end_where_windows_do(made: Written, index: Index):
    positions = np.flatnonzero(~made.special)[:50]
    for position, row in zip(positions, signatures(index, positions), strict=True):
        around = window(index, int(position), before=8, after=8)
        assert row[row >= 0].tolist() == made.tokens[around].tolist()


def test_halves_of_a_character_are_one_piece(made: Written, index: Index):
    inside = [
        p for p in np.flatnonzero(made.tokens == HALF).tolist()
        if made.documents[p] == made.documents[p + 1] and (p + 1) % CONTEXT and not made.special[p]
    ]  # fmt: skip
    codes = index.codes(0)
    shown = show(index, [inside[0], inside[0] + 1], codes=codes, peak=inside[0] + 1)
    assert [(one.text, one.is_peak, one.position) for one in shown] == [("€", True, inside[0])]


def test_acts_on_a_window_are_those_of_the_matrix(made: Written, index: Index):
    positions = np.arange(40, 90)
    for latent in (*LATENTS, DEAD):
        assert acts_at(index.codes(latent), positions).tolist() == made.acts[40:90, latent].tolist()
    shown = show(index, positions.tolist(), codes=index.codes(0), peak=50)
    unmeasured = {one.position for one in shown if one.act is None}
    assert unmeasured == set(np.flatnonzero(made.massive[40:90]) + 40)
