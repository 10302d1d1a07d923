"""Two texts side by side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.explorer.live.made import by_hand, dense_acts, keep_of
from unmix.explorer.live.comparing import align, compare
from unmix.explorer.live.session import Session

tokens = st.lists(st.integers(0, 5), max_size=12)


def test_a_substituted_token_is_paired_with_the_one_it_takes_the_place_of():
    assert align([1, 2, 3, 4], [1, 9, 3, 4]) == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert align([1, 2, 3], [1, 3]) == [(0, 0), (1, None), (2, 1)]
    assert align([1, 3], [1, 8, 9, 3]) == [(0, 0), (None, 1), (None, 2), (1, 3)]
    assert align([1, 2, 5], [1, 7, 8, 9, 5])[1:4] == [(1, 1), (None, 2), (None, 3)]


@given(a=tokens, b=tokens)
def test_every_token_is_in_one_pair_in_order(a: list[int], b: list[int]):
    pairs = align(a, b)
    assert [i for i, _ in pairs if i is not None] == list(range(len(a)))
    assert [j for _, j in pairs if j is not None] == list(range(len(b)))


def test_the_rows_are_the_differences_of_the_peaks(llama: Session):
    a, b = "the cat does not take a view of the cat", "the cat does not take its café"
    both = compare(llama, a, b)
    peaks = []
    for reading in (both.a, both.b):
        ids = [token.token for token in reading.tokens]
        plain = by_hand(llama, ids)
        peaks.append((dense_acts(llama, plain.x) * keep_of(llama, ids, plain)[:, None]).amax(0))
    apart = peaks[1] - peaks[0]
    found = {row.latent: row for row in both.rows}
    for j in range(llama.dictionary.n_latents):
        if j not in found:
            assert abs(float(apart[j])) < 1e-4
            continue
        assert found[j].a == pytest.approx(float(peaks[0][j]), rel=1e-3, abs=1e-4)
        assert found[j].b == pytest.approx(float(peaks[1][j]), rel=1e-3, abs=1e-4)
        assert found[j].difference == pytest.approx(found[j].b - found[j].a, abs=1e-5)
    sizes = [abs(row.difference) for row in both.rows]
    assert sizes == sorted(sizes, reverse=True)


def test_a_text_does_not_differ_from_itself(llama: Session):
    both = compare(llama, "the cat", "the cat")
    assert both.rows == []
    assert both.pairs == [(i, i) for i in range(len(both.a.tokens))]
