"""Firing, sizes and fidelity against the truth: by hand, with dense matrices, and planted."""

import math

import pytest
import torch
from torch import Tensor

from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.sparsity import ReLU, TopK
from unmix.evaluation import refine
from unmix.evaluation.cofiring import Cofiring
from unmix.evaluation.fidelity import BIAS, EV
from unmix.evaluation.planted import Energies, against_truth
from unmix.evaluation.refine import ratio, refined
from unmix.evaluation.truths import TRUTHS
from unmix.worlds.named import world
from unmix.worlds.small import absorption, shrinkage
from unmix.worlds.world import World, coded


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def perfect(there: World) -> Dictionary:
    """A dictionary that knows features at right angles."""
    made = Dictionary(there.width, there.n_features, ReLU())
    with torch.no_grad():
        made.W_dec.copy_(there.directions)
        made.W_enc.copy_(there.directions)
        made.b_enc.fill_(-1e-4)
    return made.eval()


def test_counts_by_hand():
    acts = torch.tensor([[1.0, 0, 2], [0, 0, 1], [3, 0, 0], [0, 0, 0]])
    truth = torch.tensor([[1.0, 0], [0, 1], [2, 1], [1, 0]])
    counts = Cofiring(3, 2, partner=torch.tensor([0, -1, 1]))
    counts.add(coded(acts[:2]), coded(truth[:2]))
    counts.add(coded(acts[2:]), coded(truth[2:]))
    assert counts.n == 4
    assert counts.together.tolist() == [[2, 1], [0, 0], [1, 1]]
    assert counts.fired.tolist() == [2, 0, 2]
    assert counts.on.tolist() == [3, 2]
    told, accuracy = counts.by_latent(torch.tensor([0, 0, 1]))
    assert told.precision.tolist() == [1.0, 0.0, 0.5]
    assert told.recall.tolist() == pytest.approx([2 / 3, 0, 0.5])
    assert told.f1.tolist() == pytest.approx([0.8, 0.0, 0.5])
    assert accuracy.tolist() == pytest.approx([0.75, 0.25, 0.5])
    assert counts.by_feature().tolist() == pytest.approx([0.8, 0.5])
    sums = counts.named()
    assert sums["both"].tolist() == [2, 0, 1]
    assert sums["act_size"].tolist() == [7, 0, 1]  # 1 * 1 + 3 * 2, and 1 * 1
    assert sums["size_size"].tolist() == [5, 0, 1]


def test_counts_are_those_of_dense_matrices():
    acts, truth = random(500, 300).relu(), (random(500, 7, seed=1) - 1).relu()
    acts *= random(500, 300, seed=2) > 1
    counts = Cofiring(300, 7, partner=torch.zeros(300, dtype=torch.int64))
    counts.add(coded(acts), coded(truth))
    fired, on = (acts > 0).double(), (truth > 0).double()
    both = fired.T @ on
    assert torch.equal(counts.together.double(), both)
    f1 = 2 * both / (fired.sum(0)[:, None] + on.sum(0))
    torch.testing.assert_close(counts.by_feature(), f1.amax(0))
    wanted = (acts.double() * truth[:, :1].double()).sum(0)
    torch.testing.assert_close(counts.named()["act_size"], wanted)


def test_energies_are_those_of_whole_matrices():
    x = random(300, 6) + 3
    y = 0.7 * x + 0.1 * random(300, 6, seed=1)
    x[5] = 0  # a token that has no length has no ratio
    energies = Energies(6)
    code = coded(torch.ones(100, 2))
    for i in range(0, 300, 100):
        energies.add(x[i : i + 100], y[i : i + 100], code, code)
    found = energies.found()
    mean = x.double().mean(0)
    sums = {
        "error": (x - y).double().square().sum(),
        "total": (x - mean).square().sum(),
        "out": (y - mean).square().sum(),
        "cross": ((y - mean) * (x - mean)).sum(),
    }
    assert found["explained variance"] == pytest.approx(float(EV.formula(sums)), rel=1e-6)
    assert found["relative bias"] == pytest.approx(float(BIAS.formula(sums)), rel=1e-6)
    ratios = (y.norm(dim=1) / x.norm(dim=1))[torch.arange(300) != 5]
    assert found["L2 ratio"] == pytest.approx(float(ratios.mean()), rel=1e-6)
    assert found["L0"] == found["true L0"] == 2.0


def nonnegative(W: Tensor, x: Tensor) -> Tensor:
    """Return the best non-negative combination of rows, trying every set of them."""
    best, lowest = torch.zeros(len(W)), float(x.square().sum())
    for bits in range(1, 2 ** len(W)):
        chosen = [i for i in range(len(W)) if bits >> i & 1]
        z = torch.linalg.lstsq(W[chosen].T, x[:, None]).solution[:, 0]
        error = float((x - z @ W[chosen]).square().sum())
        if bool((z >= 0).all()) and error < lowest:
            best, lowest = torch.zeros(len(W)), error
            best[chosen] = z
    return best


def test_refined_acts_are_the_best_of_all_with_the_same_latents_on(
    monkeypatch: pytest.MonkeyPatch,
):
    dictionary = Dictionary(5, 4, TopK(3)).eval()
    with torch.no_grad():
        dictionary.W_dec.copy_(torch.nn.functional.normalize(random(4, 5), dim=1))
        dictionary.W_enc.copy_(dictionary.W_dec)
        dictionary.b_pre.copy_(0.1 * random(5, seed=3))
    x = random(30, 5, seed=4)
    code = dictionary.encode(x).fired()
    acts, best = refined(dictionary, x, code)
    for t in range(30):
        row = code.latents[code.offsets[t] : code.offsets[t + 1]]
        wanted = nonnegative(dictionary.W_dec[row].detach(), x[t] - dictionary.b_pre.detach())
        torch.testing.assert_close(best[t, : len(row)], wanted, atol=1e-4, rtol=1e-3)
        assert float(best[t, len(row) :].abs().sum()) == 0
    assert float(acts.sum()) == pytest.approx(float(code.values.detach().sum()), rel=1e-5)
    wanted = float(best.sum() / acts.sum())
    assert ratio(dictionary, x, code) == pytest.approx(wanted, rel=1e-5)
    monkeypatch.setattr(refine, "SLAB", 60)  # three tokens at a time
    assert ratio(dictionary, x, code) == pytest.approx(wanted, rel=1e-4)
    monkeypatch.setattr(refine, "MOST", 2)
    assert math.isnan(ratio(dictionary, x, code))


def test_the_truth_scores_full_marks():
    there = shrinkage()
    found = against_truth(there, perfect(there), n=8192)
    for name in ("MCC", "MMCS", "recovered > 0.9", "uniqueness", "F1", "F1 by feature", "recall"):
        assert found[name].value == pytest.approx(1, abs=1e-5), name
    for name in ("relative bias", "refine ratio", "slope", "L2 ratio"):
        assert found[name].value == pytest.approx(1, abs=1e-3), name
    assert found["FVU"].value == pytest.approx(0, abs=1e-5)
    assert found["offset"].value == pytest.approx(-1e-4, abs=1e-5)
    assert found["L0"].value == found["true L0"].value
    assert found["dead latents"].value == 0.0
    assert "absorption" not in found


def test_every_score_says_what_it_is():
    there = absorption()
    found = against_truth(there, perfect(there), n=4096)
    assert list(found) == list(TRUTHS)  # all of them, where there is a forest
    for name, score in found.items():
        assert score.name == name
        assert score.definition
        assert score.source
        assert score.n == 4096
        assert score.value is not None


def test_absorption_is_seen_where_it_is_planted():
    there = absorption()
    absorbed = perfect(there)
    with torch.no_grad():
        absorbed.W_dec[1] = (there.directions[0] + there.directions[1]) / math.sqrt(2)
        absorbed.W_enc[0] = there.directions[0] - there.directions[1]
        absorbed.W_enc[1] = math.sqrt(2) * there.directions[1]
    found = against_truth(there, absorbed, n=16_384)
    assert found["FVU"].value == pytest.approx(0, abs=1e-5)  # nothing of it is seen here
    assert found["absorption"].value == 1.0
    assert found["missed alone"].value == 0.0
    assert found["child's lean"].value == pytest.approx(0.5**0.5, abs=1e-5)
    assert found["parent's lean"].value == pytest.approx(0, abs=1e-5)
    clean = against_truth(there, perfect(there), n=16_384)
    assert clean["absorption"].value == 0.0
    l0 = [found["L0"].value, clean["L0"].value]
    assert l0[0] is not None
    assert l0[1] is not None
    assert l0[1] - l0[0] == pytest.approx(0.05, abs=0.01)
    recall = found["recall"].value
    assert recall is not None
    assert recall < 1


def test_shrinkage_is_an_offset():
    there = shrinkage(n_features=8, width=8, chance=0.2)
    shrunk = perfect(there)
    with torch.no_grad():
        shrunk.b_enc.fill_(-0.3)
    found = against_truth(there, shrunk, n=8192)
    assert found["offset"].value == pytest.approx(-0.3, abs=1e-4)
    assert found["slope"].value == pytest.approx(0.7, abs=1e-3)
    assert found["refine ratio"].value == pytest.approx(1 / 0.7, rel=1e-3)
    bias = found["relative bias"].value
    assert bias is not None
    assert bias < 1


def test_toy_can_be_measured():
    there = world("toy")
    found = against_truth(there, perfect(there), n=512, batch=256)
    assert found["MCC"].value == pytest.approx(1)
    assert found["true L0"].value == 3.0
