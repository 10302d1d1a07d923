"""Every number of the fidelity pass: by hand, against plain torch, and on planted data."""

import pytest
import torch
from torch import Tensor

from tests.evaluation.made import Made, dictionary
from unmix.dictionaries.dictionary import Dictionary
from unmix.errors import UserError
from unmix.evaluation import candidates
from unmix.evaluation.candidates import Candidate, Rebuilt, from_dictionary
from unmix.evaluation.fidelity import CODED, FVU, FVU_ALL, Fidelity, FidelityPass
from unmix.evaluation.heldout import HeldOut
from unmix.evaluation.score import score


def measured(source: Made, candidate: Candidate, mean: Tensor | None = None) -> Fidelity:
    mean = source.moments(candidate.target).mean if mean is None else mean
    found = FidelityPass([candidate], mean=mean)
    for i in range(source.parts):
        found.add(source.shard("held_out", i))
    return found.found()[candidate.name]


def values(found: Fidelity) -> dict[str, float]:
    scores = score(CODED, found.sums, n=found.n, seconds=0.0, resamples=20)
    return {one.name: one.value for one in scores if one.value is not None}


def scaled(by: float, *, site: str = "x", target: str = "x") -> Candidate:
    """Return a candidate that shrinks everything towards zero."""
    return Candidate(
        name="scaled",
        role="linear",
        about="",
        site=site,
        target=target,
        rebuild=lambda x: Rebuilt(by * x, None),
        n_active=3,
    )


def made(*, rows: int = 48, width: int = 6, shards: int = 3, seed: int = 0) -> Made:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, width, generator=generator) + torch.arange(width)
    documents = (torch.arange(rows) // 5).view(-1, 8)
    special = torch.zeros(rows // 8, 8, dtype=torch.bool)
    special[:, 0] = True
    massive = torch.zeros(rows, dtype=torch.bool)
    massive[[3, 17]] = True
    x[massive] *= 100
    return Made({"x": x}, documents, special=special, massive=massive, shards=shards)


def trained(source: Made, kind: str = "topk") -> tuple[Dictionary, Candidate]:
    found = dictionary(source.sites["x"], 20, kind=kind)
    return found, from_dictionary("d", found, site="x", target="x")


def test_by_hand():
    x = torch.tensor([[3.0, 0.0], [1.0, 2.0]])
    source = Made({"x": x}, torch.tensor([[0, 1]]))
    found = values(measured(source, scaled(0.5), mean=torch.tensor([1.0, 0.0])))
    # errors 9/4 and 5/4; around the mean 4 and 4; x' - mean is (.5, 0) and (-.5, 1)
    assert found["FVU"] == pytest.approx((9 / 4 + 5 / 4) / 8)
    assert found["explained variance"] == pytest.approx(1 - 3.5 / 8)
    assert found["MSE"] == pytest.approx(3.5 / 2)
    assert found["relative bias"] == pytest.approx((0.25 + 1.25) / (0.5 * 2 + 1 * 2))
    assert found["cosine"] == pytest.approx(1)
    assert found["L2 ratio"] == pytest.approx(0.5)
    assert found["L0"] == 3


@pytest.mark.parametrize("kind", ["topk", "relu", "batch-topk", "abs-topk"])
def test_equals_plain_torch_on_the_eligible_rows(kind: str):
    source = made()
    found, candidate = trained(source, kind)
    result = measured(source, candidate)
    keep = ~(source.special.flatten() | source.massive)
    x = source.acts["x"].double()
    with torch.no_grad():
        acts = found.encode(source.acts["x"]).dense()
        guess = found(source.acts["x"]).double()
    mean = x[keep].mean(0)
    exact, centred = x[keep] - mean, guess[keep] - mean
    error = (x - guess).square().sum(1)
    plain = {
        "FVU": error[keep].sum() / exact.square().sum(),
        "explained variance": 1 - error[keep].sum() / exact.square().sum(),
        "L0": (acts[keep] != 0).double().sum(1).mean(),
        "relative bias": centred.square().sum() / (centred * exact).sum(),
        "cosine": torch.cosine_similarity(x[keep], guess[keep]).mean(),
        "MSE": error[keep].mean(),
        "L2 ratio": (guess[keep].norm(dim=1) / x[keep].norm(dim=1)).mean(),
        "FVU on all tokens": error.sum() / (x - mean).square().sum(),
    }
    assert values(result) == {k: pytest.approx(float(v), rel=1e-6) for k, v in plain.items()}
    assert result.n == int(keep.sum())
    assert result.counts is not None
    assert result.counts.tolist() == (acts[keep] != 0).sum(0).tolist()


def test_shards_and_slabs_do_not_change_the_numbers(monkeypatch: pytest.MonkeyPatch):
    whole = values(measured(made(shards=1), trained(made())[1]))
    monkeypatch.setattr("unmix.evaluation.fidelity.SLAB", 3)
    parts = values(measured(made(shards=3), trained(made())[1]))
    assert parts == pytest.approx(whole)


def test_the_mean_control_leaves_all_unexplained_and_a_copy_nothing():
    source = made()
    mean = source.moments("x").mean
    found = measured(source, candidates.mean("x", "x", mean=mean))
    assert values(found)["FVU"] == pytest.approx(1, abs=1e-6)
    assert values(measured(source, scaled(1.0)))["FVU"] == 0


def test_variance_is_not_taken_around_zero():
    """A far-off mean must not make a poor reconstruction look good."""
    x = 1000 + torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    source = Made({"x": x}, torch.arange(64).view(8, 8))
    mean = source.moments("x").mean
    assert values(measured(source, candidates.mean("x", "x", mean=mean)))["FVU"] > 0.99


@pytest.mark.parametrize("shrink", [0.6, 0.9, 1.0])
def test_the_bias_finds_planted_shrinkage(shrink: float):
    """Orthogonal directions and acts all shrunk by one factor: gamma is that factor."""
    generator = torch.Generator().manual_seed(0)
    x = torch.zeros(4000, 16).scatter_(1, torch.randint(16, (4000, 1), generator=generator), 1.0)
    x = x * (1 + torch.rand(4000, 1, generator=generator))
    source = Made({"x": x}, (torch.arange(4000) // 20).view(-1, 20))
    mean = source.moments("x").mean.float()

    def rebuild(rows: Tensor) -> Rebuilt:
        return Rebuilt(mean + shrink * (rows - mean), None)

    candidate = Candidate(name="s", role="linear", about="", site="x", target="x", rebuild=rebuild)
    assert values(measured(source, candidate))["relative bias"] == pytest.approx(shrink, abs=1e-5)


def test_huge_tokens_are_left_out_but_not_hidden():
    found = measured(made(), candidates.zero("x", "x", width=6))
    scores = score((FVU, FVU_ALL), found.sums, n=found.n, seconds=0.0, resamples=20)
    assert scores[0].value != pytest.approx(scores[1].value)


def test_a_transcoder_is_measured_at_its_target():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 5, generator=generator)
    source = Made({"x": x, "y": 3 * x}, torch.arange(40).view(5, 8))
    found = values(measured(source, scaled(3.0, target="y")))
    assert found["FVU"] == pytest.approx(0, abs=1e-12)


def test_nothing_to_measure_is_said():
    source = Made(
        {"x": torch.ones(8, 2)},
        torch.zeros(1, 8, dtype=torch.int64),
        special=torch.ones(1, 8, dtype=torch.bool),
    )
    with pytest.raises(UserError, match="every held-out token"):
        measured(source, scaled(1.0), mean=torch.zeros(2))


def test_what_was_left_out_is_counted():
    source = made()
    heldout = HeldOut(["x"], n_shards=3, tokens=24)
    for i in range(3):
        heldout.add(source.shard("held_out", i))
    counted = heldout.counted()
    assert (counted.tokens, counted.special) == (48, 6)
    assert counted.massive == 2
    assert counted.eligible == 40
    assert counted.documents == 10


@pytest.mark.parametrize("tokens", [8, 24, 40, 48, 1000])
def test_contexts_are_whole_and_spread_over_the_shards(tokens: int):
    source = made()
    heldout = HeldOut(["x"], n_shards=3, tokens=tokens)
    for i in range(3):
        heldout.add(source.shard("held_out", i))
    kept = heldout.contexts()
    assert kept.tokens.shape == (min(tokens // 8, 6), 8)
    assert len({tuple(row) for row in kept.documents.tolist()}) == len(kept.tokens)
    assert kept.excluded[:, 0].all()
