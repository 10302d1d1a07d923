"""Which latent stands for which feature: by hand, and against every assignment there is."""

from itertools import permutations

import pytest
import torch

from unmix.errors import UserError
from unmix.evaluation import matching
from unmix.evaluation.hedging import along_rows, expected_share, hedging_rate
from unmix.worlds.directions import at_random, at_right_angles

DRAW = torch.Generator().manual_seed(0)


def random(m: int, d: int) -> torch.Tensor:
    return torch.randn(m, d, generator=DRAW)


def test_cosines_by_hand():
    W = torch.tensor([[2.0, 0.0], [0.0, 0.0], [-1.0, 1.0]])
    D = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    half = 0.5**0.5
    wanted = torch.tensor([[1.0, 0.0], [0.0, 0.0], [-half, half]])
    torch.testing.assert_close(matching.cosines(W, D), wanted)


def test_the_assignment_is_the_best_of_all():
    for m, f in ((4, 4), (3, 5), (5, 3)):
        cosines = matching.cosines(random(m, 6), random(f, 6))
        pairs = matching.partners(cosines)
        assert len(pairs.latents) == min(m, f)
        assert len(pairs.latents.unique()) == len(pairs.features.unique()) == min(m, f)
        size = cosines.abs() if m <= f else cosines.abs().T
        best = max(
            sum(float(size[i, j]) for i, j in enumerate(order))
            for order in permutations(range(max(m, f)), min(m, f))
        )
        assert float(pairs.cosines.sum()) == pytest.approx(best, rel=1e-6)


def test_a_dictionary_turned_around_is_matched_whatever_its_order_and_sign():
    D = at_right_angles(7, 12, seed=1)
    order = torch.randperm(7, generator=DRAW)
    W = -2.0 * D[order]
    cosines = matching.cosines(W, D)
    pairs = matching.partners(cosines)
    assert torch.equal(pairs.features[pairs.latents.argsort()], order)
    torch.testing.assert_close(pairs.cosines, torch.ones(7))
    assert matching.uniqueness(cosines) == 1.0
    assert matching.mmcs(cosines) == pytest.approx(0, abs=1e-6)  # the sign counts here
    assert matching.recovered(cosines, 0.9) == 0.0
    assert matching.recovered(-cosines, 0.9) == 1.0


def test_mmcs_lets_features_share_a_latent_and_uniqueness_counts_them_once():
    cosines = torch.tensor([[0.9, 0.8, 0.0], [0.95, -0.1, 0.2]])
    assert matching.mmcs(cosines) == pytest.approx((0.95 + 0.8 + 0.2) / 3)
    assert matching.uniqueness(cosines) == 0.5
    assert matching.recovered(cosines, 0.8) == pytest.approx(1 / 3)
    assert matching.likeness(cosines).tolist() == [0, 0]


def test_c_dec_is_the_mean_over_pairs(monkeypatch: pytest.MonkeyPatch):
    W = random(9, 5)
    unit = W / W.norm(dim=1, keepdim=True)
    pairs = [abs(float(unit[i] @ unit[j])) for i in range(9) for j in range(i)]
    wanted = sum(pairs) / len(pairs)
    assert matching.c_dec(W) == pytest.approx(wanted, rel=1e-5)
    monkeypatch.setattr(matching, "SLAB", 20)
    assert matching.c_dec(W) == pytest.approx(wanted, rel=1e-5)
    assert matching.c_dec(W[:1]) == 0.0


def test_leans_by_hand():
    D = torch.eye(3)
    parents = torch.tensor([-1, 0, -1])
    absorbed = torch.tensor([[1.0, 0, 0], [0.6, 0.8, 0], [0, 0, 1]])
    hedged = torch.tensor([[0.8, 0.6, 0], [0, -1.0, 0], [0, 0, 1]])
    for W, wanted in ((absorbed, (0.6, 0.0)), (hedged, (0.0, 0.6)), (D, (0.0, 0.0))):
        cosines = matching.cosines(W, D)
        found = matching.leans(cosines, D, parents, matching.partners(cosines))
        assert found == pytest.approx(wanted, abs=1e-6)


def test_the_share_of_a_vector_along_a_random_subspace():
    x = random(400, 10)
    x /= x.norm(dim=1, keepdim=True)
    for rank in (1, 3, 9):
        found = torch.stack(
            [along_rows(x, random(rank, 10)).norm(dim=1).mean() for _ in range(200)]
        )
        assert float(found.mean()) == pytest.approx(expected_share(rank, 10), abs=0.01)


def test_hedging_is_what_old_directions_give_to_new_ones():
    D = at_right_angles(4, 30, seed=2)
    narrow = torch.nn.functional.normalize(D[:3] + 0.5 * D[3], dim=1)
    clean = torch.cat([D[:3], D[3:]])
    rate = hedging_rate(narrow, clean)
    given = (D[:3] - narrow) @ D[3]
    moved = (D[:3] - narrow).norm(dim=1).mean()
    chance = expected_share(1, 30) * float(moved)
    assert rate == pytest.approx((float(given.abs().mean()) - chance) / (1 - chance), rel=1e-5)
    assert rate > 0.3
    assert hedging_rate(D[:3], clean) == 0.0
    aside = torch.cat([D[:3] + 0.5 * at_random(3, 30, seed=5), D[3:]])
    assert hedging_rate(D[:3], aside) < 0.1


def test_hedging_needs_new_latents():
    W = at_random(3, 8, seed=0)
    with pytest.raises(UserError, match="0 new latents"):
        hedging_rate(W, W)
