"""Stretches of text for other libraries' dashboards, against the acts they were made of."""

import numpy as np
import pytest

from tests.index.written import DEAD, HALF, RULED, Written, write
from unmix.export.config import DashboardConfig
from unmix.export.sequences import INTERVALS, STRONGEST, Sequences
from unmix.index.read import Index, open_index

COUNTS = DashboardConfig(top=6, interval=3, window=8)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Give an index written by hand."""
    return write(tmp_path_factory.mktemp("written") / "run")


@pytest.fixture(scope="module")
def index(written: Written) -> Index:
    """Give it opened."""
    return open_index(written.run)


def test_the_strongest_come_first_and_then_intervals_without_zero(index: Index, written: Written):
    groups = Sequences(index, COUNTS).of(4, index.codes(4))
    acts = written.acts[:, 4]
    assert (groups[0].low, groups[0].share) == (STRONGEST, STRONGEST)
    assert groups[0].high == acts.max() == groups[0].stretches[0].acts[groups[0].stretches[0].peak]
    assert len(groups) == 1 + INTERVALS
    edges = np.linspace(0, acts.max(), INTERVALS + 1)
    for group, low, high in zip(groups[1:], edges[-2::-1], edges[:0:-1], strict=True):
        assert (group.low, group.high) == pytest.approx((low, high))
        inside = (acts > np.float32(low)) & (acts <= np.float32(high))
        assert group.share == pytest.approx(inside.sum() / (acts > 0).sum())
        for stretch in group.stretches:
            assert stretch.acts[stretch.peak] > 0
            assert low < stretch.acts[stretch.peak] <= high * 1.000001
    assert sum(group.share for group in groups[1:]) == pytest.approx(1)


def test_a_stretch_holds_the_acts_of_its_tokens(index: Index, written: Written):
    sequences = Sequences(index, COUNTS)
    for latent in (0, RULED, 7):
        for group in sequences.of(latent, index.codes(latent)):
            for stretch in group.stretches:
                assert len(stretch.tokens) == len(stretch.acts) <= 2 * COUNTS.window + 1
                nonzero = [act for act in stretch.acts if act]
                assert set(nonzero) <= set(written.acts[:, latent].tolist())


def test_tokens_keep_their_layout_and_bytes_are_joined(index: Index, written: Written):
    assert HALF in written.tokens
    sequences = Sequences(index, COUNTS.model_copy(update={"top": 50, "window": 16}))
    texts = {
        token
        for latent in range(len(index))
        for group in sequences.of(latent, index.codes(latent))
        for stretch in group.stretches
        for token in stretch.tokens
    }
    assert {"\n", "€", " May", "<script>alert(1)</script>"} <= texts


def test_a_latent_that_never_fired_has_no_stretches(index: Index):
    assert Sequences(index, COUNTS).of(DEAD, index.codes(DEAD)) == []
