import math

import numpy as np
import pytest
import torch

from unmix.errors import UserError
from unmix.evaluation.score import DocumentSums, Metric, Score, score

RATIO = Metric(
    name="ratio",
    unit="",
    better="lower",
    definition="top over bottom",
    source="by hand",
    formula=lambda s: s["top"] / s["bottom"],
)


def summed(top: torch.Tensor, bottom: torch.Tensor, documents: torch.Tensor) -> DocumentSums:
    sums = DocumentSums(["top", "bottom"])
    for part in range(0, len(top), 7):
        rows = slice(part, part + 7)
        sums.add(documents[rows], {"top": top[rows], "bottom": bottom[rows]})
    return sums


def one(sums: DocumentSums, *, resamples: int = 1000, seed: int = 0) -> Score:
    n = len(sums.documents)
    return score([RATIO], sums, n=n, seconds=0.0, resamples=resamples, seed=seed)[0]


def test_sums_are_kept_apart_by_document_whatever_the_order():
    documents = torch.tensor([5, 2, 5, 9, 2, 2, 9, 5, 5, 2])
    top = torch.arange(10.0)
    sums = summed(top, torch.ones(10), documents)
    assert sums.documents.tolist() == [2, 5, 9]
    assert sums.sums.tolist() == [[1 + 4 + 5 + 9, 4], [0 + 2 + 7 + 8, 4], [3 + 6, 2]]
    assert sums.sums.dtype == torch.float64


def test_the_value_is_the_ratio_of_sums_not_the_mean_of_ratios():
    sums = summed(torch.tensor([1.0, 9.0]), torch.tensor([1.0, 3.0]), torch.tensor([0, 1]))
    assert one(sums).value == 2.5


def test_the_interval_equals_a_plain_loop_over_resampled_documents():
    generator = torch.Generator().manual_seed(0)
    top = torch.rand(40, generator=generator)
    bottom = 1 + torch.rand(40, generator=generator)
    sums = summed(top, bottom, torch.arange(40) // 4)
    found = one(sums, resamples=200, seed=3)

    rng = np.random.default_rng(3)
    values = []
    for _ in range(200):
        weights = rng.multinomial(10, np.full(10, 0.1))
        counted = [(w * s).tolist() for w, s in zip(weights, sums.sums.numpy(), strict=True)]
        total = np.sum(counted, axis=0)
        values.append(total[0] / total[1])
    assert found.low == pytest.approx(np.quantile(values, 0.025))
    assert found.high == pytest.approx(np.quantile(values, 0.975))


def test_blocks_do_not_change_the_interval(monkeypatch: pytest.MonkeyPatch):
    sums = summed(torch.rand(60), 1 + torch.rand(60), torch.arange(60) // 3)
    whole = one(sums)
    monkeypatch.setattr("unmix.evaluation.score.BLOCK", 64)
    assert one(sums) == whole


def test_one_seed_gives_one_interval_and_another_seed_another():
    sums = summed(torch.rand(30), 1 + torch.rand(30), torch.arange(30))
    assert one(sums) == one(sums)
    assert one(sums).low != one(sums, seed=1).low


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Tokens of a document share a level, so only resampling documents covers."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        level = rng.normal(2, 1, size=40).repeat(5)
        top = torch.from_numpy(level + 0.1 * rng.normal(size=200))
        sums = summed(top, torch.ones(200), torch.arange(200) // 5)
        found = one(sums, resamples=300)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 2 <= found.high
    assert 0.87 <= covered / 200 <= 0.99


def test_one_document_has_no_interval():
    found = one(summed(torch.ones(3), torch.ones(3), torch.zeros(3, dtype=torch.int64)))
    assert (found.value, found.low, found.high) == (1.0, None, None)


def test_nothing_below_the_line_is_not_a_number_but_none():
    found = one(summed(torch.ones(4), torch.zeros(4), torch.arange(4)))
    assert (found.value, found.low, found.high) == (None, None, None)


def test_a_score_survives_json():
    found = one(summed(torch.rand(9), 1 + torch.rand(9), torch.arange(9)))
    assert Score.from_json(found.to_json()) == found


def test_a_score_with_an_unknown_key_is_refused():
    data = one(summed(torch.rand(9), 1 + torch.rand(9), torch.arange(9))).to_json()
    with pytest.raises(UserError, match=r"wrong keys \(colour\)"):
        Score.from_json(data | {"colour": "red"})


def test_columns_may_be_called_otherwise():
    sums = DocumentSums(["a", "b"])
    sums.add(torch.arange(3), {"a": torch.ones(3), "b": 2 * torch.ones(3)})
    names = {"top": "b", "bottom": "a"}
    (found,) = score([RATIO], sums, n=3, seconds=0.0, columns=names)
    assert found.value == 2
    assert math.isclose(found.low or 0, 2)
