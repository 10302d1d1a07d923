"""Each sparsity on cases done by hand."""

import pytest
import torch

from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.pre import given
from unmix.dictionaries.sparsity import (
    AbsTopK,
    BatchTopK,
    Gated,
    JumpReLU,
    ReLU,
    Sparsity,
    TopK,
)
from unmix.errors import UserError

PRE = torch.tensor([[3.0, -4.0, 1.0, 0.0], [-1.0, -2.0, -3.0, 0.5]])


def acts(sparsity: Sparsity, pre: torch.Tensor = PRE) -> list[list[float]]:
    """Return the dense acts of some pre-activations."""
    from unmix.dictionaries.code import Code

    chosen = sparsity.select(given(pre))
    return Code(sparsity.acts(chosen.pre, chosen.support.latents), chosen.support).dense().tolist()


def test_relu():
    assert acts(ReLU()) == [[3, 0, 1, 0], [0, 0, 0, 0.5]]


def test_topk_zeroes_negative_winners():
    assert acts(TopK(2)) == [[3, 0, 1, 0], [0, 0, 0, 0.5]]
    assert acts(TopK(4)) == [[3, 0, 1, 0], [0, 0, 0, 0.5]]


def test_topk_keeps_exactly_k_among_ties():
    ties = torch.ones(3, 6)
    chosen = TopK(2).select(given(ties))
    assert chosen.support.offsets.tolist() == [0, 2, 4, 6]


def test_abs_topk_is_signed():
    assert acts(AbsTopK(1)) == [[0, -4, 0, 0], [0, 0, -3, 0]]


def test_batch_topk_shares_the_budget():
    sparsity = BatchTopK(1.5)
    assert acts(sparsity) == [[3, 0, 1, 0], [0, 0, 0, 0.5]]
    assert sparsity.threshold == 0.5
    assert acts(BatchTopK(1)) == [[3, 0, 1, 0], [0, 0, 0, 0]]


def test_batch_topk_in_use_applies_the_threshold():
    sparsity = BatchTopK(1)
    sparsity.select(given(PRE))
    sparsity.eval()
    assert sparsity.threshold == 1
    assert acts(sparsity, torch.tensor([[0.9, 1.0, 2.0]])) == [[0, 1, 2]]


def test_batch_topk_threshold_moves_slowly():
    sparsity = BatchTopK(1, momentum=0.9)
    sparsity.select(given(torch.full((2, 1), 2.0)))
    sparsity.select(given(torch.full((2, 1), 3.0)))
    assert float(sparsity.threshold) == pytest.approx(2.1)


@pytest.mark.parametrize("count", [0, 1, 7, 200, 640, 10_000])
def test_largest_of_batch_is_exact(count: int):
    pre = torch.randn(64, 20, generator=torch.Generator().manual_seed(count))
    pre[0] += 3  # the rows the guess is made from are unlike the rest
    got = given(pre).largest_of_batch(count)
    positive = pre[pre > 0].sort(descending=True).values
    assert torch.equal(got.pre.sort(descending=True).values, positive[:count])


def test_jumprelu_threshold_gradient_by_hand():
    sparsity = JumpReLU(2, bandwidth=0.5, initial=1.0)
    pre, latents = torch.tensor([1.2, 0.9, 2.0]), torch.tensor([0, 1, 1])
    values = sparsity.acts(pre, latents)
    assert values.tolist() == pytest.approx([1.2, 0.0, 2.0])
    values.sum().backward()
    # -theta / bandwidth for each entry within half a bandwidth; d theta / d log theta = theta.
    assert sparsity.log_threshold.grad.tolist() == pytest.approx([-2.0, -2.0])
    sparsity.log_threshold.grad = None
    fires = sparsity.fires(pre, latents)
    assert fires.tolist() == [1, 0, 1]
    fires.sum().backward()
    assert sparsity.log_threshold.grad.tolist() == pytest.approx([-2.0, -2.0])


def test_jumprelu_has_entries_near_the_threshold_only_in_training():
    sparsity = JumpReLU(4, bandwidth=1.0, initial=1.0)
    assert sparsity.select(given(PRE)).pre.tolist() == [3, 1]
    sparsity.eval()
    assert sparsity.select(given(PRE)).pre.tolist() == [3]


def test_gated_equals_its_paper_form():
    sparsity = Gated(4)
    with torch.no_grad():
        sparsity.r_mag.copy_(torch.tensor([0.0, 0.1, 0.2, 0.3]))
        sparsity.b_mag.copy_(torch.tensor([-3.5, 1.0, 0.5, 0.0]))
    expected = (PRE > 0) * (sparsity.r_mag.exp() * PRE + sparsity.b_mag).relu()
    assert acts(sparsity) == expected.tolist()
    assert acts(sparsity)[0][0] == 0  # the gate is open and the magnitude is negative


def test_selected_zeros_take_no_gradient():
    d = Dictionary(2, 3, TopK(3))
    with torch.no_grad():
        d.W_enc.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]]))
        d.W_dec.fill_(1.0)
    d(torch.tensor([[1.0, 0.0]])).sum().backward()
    assert d.b_enc.grad.tolist() == [2.0, 0.0, 0.0]


def test_k_above_m_is_refused():
    with pytest.raises(UserError, match="lower `k`"):
        Dictionary(4, 8, TopK(9))


def test_skip_without_target_is_refused():
    with pytest.raises(UserError, match="target"):
        Dictionary(4, 8, TopK(2), skip=True)
