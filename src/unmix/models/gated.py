"""The MLP of a block with a SiLU gate, in three products and nothing between them.

    down(silu(gate(x)) * up(x))

oneDNN applies the SiLU, and multiplies by it, while the results of a product are in registers.  In
bfloat16 a number is then rounded twice where it was three times.
"""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unmix.models.linear import Mixed, Packed, Product

PARTS = ("gate_proj", "up_proj", "down_proj")
SILU = ("SiLU", "SiLUActivation")
CLOSE = {torch.float32: 1e-4, torch.bfloat16: 0.03}
"""How far the two ways may be apart, relatively."""


@final
class Gated:
    """Computes such an MLP; as before where a gradient is wanted or something inside is watched."""

    def __init__(self, mlp: nn.Module) -> None:
        self.mlp = mlp
        self.plain = mlp.forward

    def __call__(self, x: Float[Tensor, "*n d"]) -> Float[Tensor, "*n d"]:
        """Return the MLP's output."""
        gate, up, down = products(self.mlp)
        short = x.to(gate.dtype)
        if not gate.takes(short) or any(_is_watched(part) for part in self.mlp.children()):
            return self.plain(x)
        return down(up(short, times=gate(short, then="swish"))).to(x.dtype)

    def __reduce__(self) -> tuple[type["Gated"], tuple[nn.Module]]:
        """Copy and pickle as the MLP's."""
        return Gated, (self.mlp,)


def gate(model: nn.Module) -> None:
    """Let all such MLPs of a model whose linear layers are packed take three products."""
    known: dict[type, bool] = {}
    for module in model.modules():
        if _looks_gated(module):
            if type(module) not in known:
                known[type(module)] = _is_gated(module)
            if known[type(module)]:
                module.forward = Gated(module)


def products(mlp: nn.Module) -> list[Product]:
    """Return what multiplies by the weights of the three layers."""
    found = []
    for part in PARTS:
        forward = mlp.get_submodule(part).forward
        assert isinstance(forward, Packed | Mixed)
        found.append(forward.product)
    return found


def _looks_gated(module: nn.Module) -> bool:
    """Say whether a module is made of what such an MLP is made of, packed and without biases."""
    parts = dict(module.named_children())
    if set(parts) != {*PARTS, "act_fn"} or type(parts["act_fn"]).__name__ not in SILU:
        return False
    layers = [parts[name] for name in PARTS]
    return all(
        isinstance(layer, nn.Linear)
        and layer.bias is None
        and isinstance(layer.forward, Packed | Mixed)
        and layer.forward.is_packed
        for layer in layers
    )


@torch.no_grad()
def _is_gated(mlp: nn.Module) -> bool:
    """Say whether a module computes what it looks like, on some numbers."""
    first = mlp.get_submodule(PARTS[0])
    assert isinstance(first, nn.Linear)
    x = torch.randn(8, first.in_features, generator=torch.Generator().manual_seed(0))
    right, found = mlp(x), Gated(mlp)(x)
    apart = (found - right).norm() / right.norm()
    return bool(apart < CLOSE[products(mlp)[0].dtype])


def _is_watched(module: nn.Module) -> bool:
    """Say whether somebody reads or writes what a module takes or gives."""
    return bool(module._forward_hooks or module._forward_pre_hooks)
