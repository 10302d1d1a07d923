import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D

from unmix.models import linear, load
from unmix.models.allocator import keep_freed_memory
from unmix.models.linear import Mixed, Packed, can_pack, linear_layers, mix, pack
from unmix.models.load import load_model, pick_dtype
from unmix.models.sites import read, resolve, writing

TOKENS = torch.arange(2, 26).view(2, 12)
SITES = ("resid.0", "resid.1", "mlp.1", "mlp_in.0", "attn.0", "heads.1")


def layers() -> list[nn.Module]:
    """Return a layer of each kind, with and without a bias, its weights not small."""
    torch.manual_seed(0)
    made: list[nn.Module] = [nn.Linear(24, 40), nn.Linear(24, 7, bias=False), Conv1D(40, 24)]
    for layer in made:
        nn.init.normal_(layer.weight)
    return made


def exact(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Return the output in float64, by the definition."""
    matrix = layer.weight.double()
    out = x.double() @ (matrix.T if isinstance(layer, nn.Linear) else matrix)
    return out if layer.bias is None else out + layer.bias.double()


@pytest.mark.skipif(not can_pack(), reason="this processor or torch has no packed products")
@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("shape", [(1, 24), (5, 24), (2, 3, 24), (0, 24)])
def test_a_packed_layer_gives_the_product(number: int, shape: tuple[int, ...]) -> None:
    layer = layers()[number]
    x = torch.randn(shape)
    packed = Packed(layer)
    with torch.no_grad():
        torch.testing.assert_close(packed(x).double(), exact(layer, x), rtol=1e-5, atol=1e-5)
        layer.weight[0] += 1
        torch.testing.assert_close(packed(x).double(), exact(layer, x), rtol=1e-5, atol=1e-5)
        layer.weight = nn.Parameter(-layer.weight)
        torch.testing.assert_close(packed(x).double(), exact(layer, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", [pack, mix])
def test_a_model_can_be_copied_and_pickled(kind: Callable[[nn.Module], None]) -> None:
    model = nn.Sequential(*layers()[:1])
    kind(model)
    x = torch.randn(5, 24)
    with torch.no_grad():
        right = model(x)
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert torch.equal(other(x), right)
            other[0].weight.mul_(2)
            assert not torch.equal(other(x), right)
            assert torch.equal(model(x), right)


@pytest.mark.parametrize("number", range(3))
def test_a_gradient_goes_through_a_layer(number: int) -> None:
    for kind, tolerance in ((Packed, 1e-5), (Mixed, 0.05)):
        layer = layers()[number]
        x = torch.randn(5, 24, requires_grad=True)
        right = torch.autograd.grad(exact(layer, x).sum(), x)[0]
        if kind is Mixed:
            layer.weight.data = layer.weight.to(torch.bfloat16)
        found = torch.autograd.grad(kind(layer)(x).sum(), x)[0]
        assert (found - right).norm() < tolerance * right.norm()


@pytest.mark.parametrize("number", range(3))
def test_a_mixed_layer_rounds_weights_inputs_and_results(number: int) -> None:
    layer = layers()[number]
    holder = nn.Sequential(layer)
    x = torch.randn(5, 24)
    right = exact(layer, x)
    mix(holder)
    assert layer.weight.dtype == torch.bfloat16
    rounded = exact(layer, x.to(torch.bfloat16))
    for with_gradient in (True, False):  # as the weights lie; packed, where that is faster
        with torch.set_grad_enabled(with_gradient):
            found = holder(x)
        assert found.dtype == torch.float32
        assert (found - rounded).norm() < 2**-8 * rounded.norm()
        assert 0 < (found - right).norm() < 2**-7 * right.norm()


@pytest.mark.parametrize("name", ["tiny_llama", "tiny_gpt2", "tiny_neox"])
def test_a_loaded_model_reads_what_an_unchanged_one_reads(
    name: str, request: pytest.FixtureRequest
) -> None:
    folder = str(request.getfixturevalue(name))
    plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    for dtype, tolerance in (("fp32", 1e-5), ("mixed", 0.03)):
        model = load_model(folder, device="cpu", dtype=dtype).model
        head = model.get_output_embeddings()
        assert head.weight.dtype == torch.float32
        assert all("forward" in vars(layer) for layer in linear_layers(model)) or not can_pack()
        assert "forward" not in vars(head)
        for site in SITES:
            places = {"x": resolve(plain, site)}
            right, found = (read(m, places, TOKENS)["x"] for m in (plain, model))
            assert found.dtype == torch.float32
            assert (found - right).norm() < tolerance * right.norm(), site
            with torch.no_grad(), writing(model, places["x"], lambda x: x.clone()):
                spliced = model(TOKENS).logits
            with torch.no_grad():
                assert torch.equal(spliced, model(TOKENS).logits), site


def test_nothing_is_packed_where_it_cannot_be_or_memory_is_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("can_pack", False), ("all_memory", 1000)):
        with monkeypatch.context() as patch:
            patch.setattr(linear, name, lambda value=value: value)
            model = nn.Sequential(*layers())
            pack(model)
            assert not any("forward" in vars(layer) for layer in model)


def test_auto_is_mixed_where_the_hardware_multiplies_bf16(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu = torch.device("cpu")
    for has, dtype in ((True, "mixed"), (False, "fp32")):
        monkeypatch.setattr(load, "multiplies_bf16", lambda _device, has=has: has)
        assert pick_dtype("auto", cpu) == dtype
        assert pick_dtype("bf16", cpu) == "bf16"
        auto, named = (load_model(str(tiny_llama), device="cpu", dtype=d) for d in ("auto", dtype))
        assert auto.fingerprint == named.fingerprint
    assert load_model(str(tiny_llama), device="cpu", dtype="mixed").fingerprint != auto.fingerprint


def test_the_allocator_is_left_alone_where_the_user_set_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    assert not keep_freed_memory()
