"""A gated MLP in three products gives what its module gives, and is left where it may not be."""

import copy
import pickle

import pytest
import torch
from torch import nn
from transformers.activations import SiLUActivation
from transformers.models.llama import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaMLP

from unmix.hardware import multiplies_bf16
from unmix.models.gated import Gated, gate
from unmix.models.linear import can_pack, mix, pack
from unmix.models.sites import Site, read, writing

pytestmark = pytest.mark.skipif(not can_pack(), reason="nothing is packed on this processor")
WAYS = [pack, *([mix] if multiplies_bf16() else [])]


class Block(nn.Module):
    """Tokens, an MLP and a linear layer."""

    def __init__(self, **settings: object) -> None:
        super().__init__()
        torch.manual_seed(0)
        config = LlamaConfig(
            hidden_size=24, intermediate_size=56, num_attention_heads=4, **settings
        )
        self.tokens, self.mlp, self.after = (
            nn.Embedding(40, 24),
            LlamaMLP(config),
            nn.Linear(24, 24),
        )
        for p in self.parameters():
            nn.init.normal_(p, std=0.3)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the output of the last layer."""
        return self.after(self.mlp(self.tokens(tokens)))


TOKENS = torch.arange(35).view(5, 7)


class Halved(LlamaMLP):
    """Is made of the same parts, and does something else with them."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return half of it."""
        return super().forward(x) / 2


def exact(block: Block) -> torch.Tensor:
    """Return the output in float64."""
    with torch.no_grad():
        return copy.deepcopy(block).double()(TOKENS)


@pytest.mark.parametrize("way", WAYS)
def test_three_products_give_the_same(way: object) -> None:
    block = Block()
    right = exact(block)
    way(block)
    with torch.no_grad():
        before = block(TOKENS)
        gate(block)
        assert isinstance(block.mlp.forward, Gated)
        after = block(TOKENS)
    tolerance = 1e-6 if way is pack else 0.02
    assert after.dtype == torch.float32
    assert (after - right).norm() < tolerance * right.norm()
    assert (after - before).norm() < tolerance * right.norm()
    with torch.no_grad():
        for other in (copy.deepcopy(block), pickle.loads(pickle.dumps(block))):
            assert torch.equal(other(TOKENS), after)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_inside_can_be_read_written_and_have_a_gradient(way: object) -> None:
    block = Block()
    way(block)
    gate(block)
    for name in ("mlp", "mlp.gate_proj", "mlp.act_fn", "mlp.up_proj", "mlp.down_proj"):
        found = read(block, {"x": Site(name)}, TOKENS)["x"]
        with torch.no_grad(), writing(block, Site(name), lambda y: 0 * y):
            assert torch.equal(block(TOKENS), block.after(torch.zeros(5, 7, 24)))
        assert found.shape[:2] == (5, 7)
    (slope,) = torch.autograd.grad(block(TOKENS).sum(), block.tokens.weight)
    assert slope.abs().sum() > 0


def test_others_are_left_alone() -> None:
    for block in (Block(mlp_bias=True), Block(hidden_act="gelu")):
        pack(block)
        gate(block)
        assert "forward" not in vars(block.mlp)
    plain = Block()
    gate(plain)  # nothing is packed
    assert "forward" not in vars(plain.mlp)
    other = Block()
    other.mlp = Halved(other.mlp.config)
    assert isinstance(other.mlp.act_fn, SiLUActivation | nn.SiLU)
    pack(other)
    gate(other)
    assert "forward" not in vars(other.mlp)
