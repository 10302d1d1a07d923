"""The linear layers of a model at the rate the hardware multiplies.

    packed   on a CPU: the weights once more, in the order oneDNN multiplies in; the same products,
             1.2 times as fast in float32 as with the weights as they lie, 1.1 times in bfloat16
    mixed    weights and inputs of the products in bfloat16; sums in float32, results rounded to
             bfloat16; all that is no linear layer stays in float32

What a layer computes is replaced and not the layer: modules, names and hooks are as they were, so
every site can be read and written.  The output head is left alone: most models share its weights
with the embedding.
"""

import platform
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unmix.hardware import multiplies_bf16
from unmix.models.memory import all_memory

PACKED_SHARE = 0.25
"""Weights are packed where they take no more than this share of the machine's memory."""
PACKABLE = (torch.float32, torch.bfloat16)
"""Precisions there is an order of oneDNN's for."""


@final
class Product:
    """Multiplies by the packed weights of a layer.

    They are packed when they are first used, so that blocks above the last site cost nothing, and
    anew when they have been changed.
    """

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer
        self.weight: Tensor | None = None
        self.state = (0, -1)

    @property
    def dtype(self) -> torch.dtype:
        """The precision it multiplies in."""
        return _weight(self.layer).dtype

    def takes(self, x: Float[Tensor, "*n i"]) -> bool:
        """Say whether the packed weights will do for an input."""
        is_here = x.device == _weight(self.layer).device == torch.device("cpu")
        is_alike = x.dtype == self.dtype in PACKABLE
        return is_here and is_alike and x.numel() > 0 and not torch.is_grad_enabled()

    def __call__(
        self,
        x: Float[Tensor, "*n i"],
        bias: Float[Tensor, " o"] | None = None,
        *,
        then: Literal["none", "swish"] = "none",
        times: Float[Tensor, "*n o"] | None = None,
    ) -> Float[Tensor, "*n o"]:
        """Return the product with an input that it takes.

        Args:
            x: The input.
            bias: Is added.
            then: A function that is applied.
            times: What the result is multiplied by.
        """
        weight = _weight(self.layer)
        state = weight.data_ptr(), weight._version
        if self.weight is None or self.state != state:
            rows = _matrix(self.layer).detach().contiguous()
            self.weight, self.state = torch.ops.mkldnn._reorder_linear_weight(rows), state
        product = torch.ops.mkldnn._linear_pointwise
        if times is not None:
            return product.binary(x, times, self.weight, bias, "mul")
        return product(x, self.weight, bias, then, [], "")


@final
class Packed:
    """Computes a linear layer from packed weights; as before where a gradient is wanted."""

    is_packed = True

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer
        self.plain: Callable[[Tensor], Tensor] = layer.forward
        self.product = Product(layer)

    def __call__(self, x: Float[Tensor, "*n i"]) -> Float[Tensor, "*n o"]:
        """Return the layer's output."""
        return self.product(x, _bias(self.layer)) if self.product.takes(x) else self.plain(x)

    def __reduce__(self) -> tuple[type["Packed"], tuple[nn.Module]]:
        """Copy and pickle without the packed weights, which torch can do neither with."""
        return Packed, (self.layer,)


@final
class Mixed:
    """Computes a linear layer whose weights are bfloat16 for inputs that are not."""

    def __init__(self, layer: nn.Module, *, is_packed: bool = False) -> None:
        self.layer = layer
        self.is_packed = is_packed
        self.product = Product(layer)

    def __call__(self, x: Float[Tensor, "*n i"]) -> Float[Tensor, "*n o"]:
        """Return the layer's output, in the precision of `x`."""
        short = x.to(torch.bfloat16)
        if self.is_packed and self.product.takes(short):
            product = self.product(short)
        else:
            product = nn.functional.linear(short, _matrix(self.layer))
        product, bias = product.to(x.dtype), _bias(self.layer)
        return product if bias is None else product + bias

    def __reduce__(self) -> tuple[Callable[..., "Mixed"], tuple[nn.Module]]:
        """Copy and pickle without the packed weights, which torch can do neither with."""
        return partial(Mixed, is_packed=self.is_packed), (self.layer,)


def pack(model: nn.Module) -> None:
    """Let the linear layers of a float32 model on a CPU use packed weights, where that can be."""
    layers = linear_layers(model)
    if _is_worth_packing(layers):
        for layer in layers:
            layer.forward = Packed(layer)


def packed(layer: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return a layer's function computed from packed weights, where that can be, else the layer."""
    return Packed(layer) if type(layer) is nn.Linear and _is_worth_packing([layer]) else layer


def mix(model: nn.Module) -> None:
    """Turn the weights of the linear layers into bfloat16, in place, and multiply in it."""
    layers = linear_layers(model)
    for layer in layers:
        halved = _weight(layer).detach().to(torch.bfloat16)
        layer.weight = nn.Parameter(halved, requires_grad=False)
    on_cpu = all(_weight(layer).device.type == "cpu" for layer in layers)
    is_packed = on_cpu and multiplies_bf16() and _is_worth_packing(layers)
    for layer in layers:
        layer.forward = Mixed(layer, is_packed=is_packed)


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


def _is_worth_packing(layers: Sequence[nn.Module]) -> bool:
    """Say whether there is room for the weights of some layers once more."""
    size = sum(_weight(layer).nbytes for layer in layers)
    return can_pack() and size <= PACKED_SHARE * all_memory()


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
