"""The linear layers of a model at the rate the hardware multiplies.

    packed   on a CPU: the weights once more, in the order oneDNN multiplies in; the same products
             in float32, about 1.2 times as fast as with the weights as they lie
    mixed    weights and inputs of the products in bfloat16; sums in float32, results rounded to
             bfloat16; all that is no linear layer stays in float32

What a layer computes is replaced and not the layer: modules, names and hooks are as they were, so
every site can be read and written.  The output head is left alone: most models share its weights
with the embedding.
"""

import platform
from collections.abc import Callable
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unmix.models.memory import all_memory

PACKED_SHARE = 0.25
"""Weights are packed where they take no more than this share of the machine's memory."""


@final
class Packed:
    """Computes a linear layer from packed weights; as before where a gradient is wanted.

    The weights are packed when they are first used, so that blocks above the last site cost
    nothing, and anew when they have been changed.
    """

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer
        self.plain: Callable[[Tensor], Tensor] = layer.forward
        self.weight: Tensor | None = None
        self.state = (0, -1)

    def __call__(self, x: Float[Tensor, "*n i"]) -> Float[Tensor, "*n o"]:
        """Return the layer's output."""
        is_float32 = x.dtype == torch.float32 and x.device.type == "cpu"
        if torch.is_grad_enabled() or not is_float32 or not x.numel():
            return self.plain(x)
        weight = _weight(self.layer)
        state = weight.data_ptr(), weight._version
        if self.weight is None or self.state != state:
            rows = _matrix(self.layer).detach().contiguous()
            self.weight, self.state = torch.ops.mkldnn._reorder_linear_weight(rows), state
        bias = _bias(self.layer)
        return torch.ops.mkldnn._linear_pointwise(x, self.weight, bias, "none", [], "")

    def __reduce__(self) -> tuple[type["Packed"], tuple[nn.Module]]:
        """Copy and pickle without the packed weights, which torch can do neither with."""
        return Packed, (self.layer,)


@final
class Mixed:
    """Computes a linear layer whose weights are bfloat16 for inputs that are not."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer

    def __call__(self, x: Float[Tensor, "*n i"]) -> Float[Tensor, "*n o"]:
        """Return the layer's output, in the precision of `x`."""
        product = nn.functional.linear(x.to(torch.bfloat16), _matrix(self.layer)).to(x.dtype)
        bias = _bias(self.layer)
        return product if bias is None else product + bias


def pack(model: nn.Module) -> None:
    """Let the linear layers of a float32 model on a CPU use packed weights, where that can be."""
    layers = linear_layers(model)
    size = sum(_weight(layer).nbytes for layer in layers)
    if can_pack() and size <= PACKED_SHARE * all_memory():
        for layer in layers:
            layer.forward = Packed(layer)


def mix(model: nn.Module) -> None:
    """Turn the weights of the linear layers into bfloat16, in place, and multiply in it."""
    for layer in linear_layers(model):
        halved = _weight(layer).detach().to(torch.bfloat16)
        layer.weight = nn.Parameter(halved, requires_grad=False)
        layer.forward = Mixed(layer)


def linear_layers(model: nn.Module) -> list[nn.Module]:
    """Return the linear layers of a model but for its output head."""
    from transformers.pytorch_utils import Conv1D

    head = getattr(model, "get_output_embeddings", lambda: None)()
    return [m for m in model.modules() if type(m) in (nn.Linear, Conv1D) and m is not head]


def can_pack() -> bool:
    """Say whether this torch has the products that it keeps for its own compiler."""
    products = torch.ops.mkldnn
    return (
        platform.machine() in ("x86_64", "AMD64")
        and torch.backends.mkldnn.is_available()
        and hasattr(products, "_reorder_linear_weight")
        and hasattr(products, "_linear_pointwise")
    )


def _weight(layer: nn.Module) -> Tensor:
    """Return the weights as they lie."""
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return weight


def _bias(layer: nn.Module) -> Float[Tensor, " o"] | None:
    """Return what is added to every output, if anything is."""
    bias = layer.bias
    assert bias is None or isinstance(bias, Tensor)
    return bias


def _matrix(layer: nn.Module) -> Float[Tensor, "o i"]:
    """Return the weights with a row an output; GPT-2's layers keep them the other way round."""
    weight = _weight(layer)
    return weight if isinstance(layer, nn.Linear) else weight.T
