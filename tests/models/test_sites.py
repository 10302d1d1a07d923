from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from unmix.errors import UserError
from unmix.models.load import load_model
from unmix.models.sites import Site, blocks, read, resolve, widths, writing

TOKENS = torch.arange(2, 26).view(2, 12)

HANDS = {
    "tiny_llama": {
        "resid.0": ("model.layers.0", "output"),
        "resid.1": ("model.layers.1", "output"),
        "mlp.1": ("model.layers.1.mlp", "output"),
        "mlp_in.0": ("model.layers.0.mlp", "input"),
        "attn.0": ("model.layers.0.self_attn", "output"),
        "heads.1": ("model.layers.1.self_attn.o_proj", "input"),
    },
    "tiny_gpt2": {
        "resid.0": ("transformer.h.0", "output"),
        "mlp.1": ("transformer.h.1.mlp", "output"),
        "mlp_in.0": ("transformer.h.0.mlp", "input"),
        "attn.0": ("transformer.h.0.attn", "output"),
        "heads.1": ("transformer.h.1.attn.c_proj", "input"),
    },
    "tiny_neox": {
        "resid.1": ("gpt_neox.layers.1", "output"),
        "mlp.0": ("gpt_neox.layers.0.mlp", "output"),
        "attn.1": ("gpt_neox.layers.1.attention", "output"),
        "heads.0": ("gpt_neox.layers.0.attention.dense", "input"),
    },
}


def by_hand(model: nn.Module, path: str, side: str) -> Tensor:
    """Read a module's input or output with a hook of our own, running the whole model."""
    seen: list[Tensor] = []

    def keep(_module: nn.Module, args: tuple, kwargs: dict, output: object) -> None:
        taken = args[0] if args else next(iter(kwargs.values()))
        given = output[0] if isinstance(output, tuple) else output
        seen.append(taken if side == "input" else given)

    handle = model.get_submodule(path).register_forward_hook(keep, with_kwargs=True)
    with torch.no_grad():
        model(TOKENS)
    handle.remove()
    return seen[0]


@pytest.fixture(params=["tiny_llama", "tiny_gpt2", "tiny_neox"])
def family(request: pytest.FixtureRequest) -> tuple[str, nn.Module]:
    folder = request.getfixturevalue(request.param)
    return request.param, load_model(str(folder), device="cpu").model


def test_short_names_read_what_a_hook_placed_by_hand_reads(family: tuple[str, nn.Module]) -> None:
    name, model = family
    sites = {short: resolve(model, short) for short in HANDS[name]}
    found = read(model, sites, TOKENS)
    for short, (path, side) in HANDS[name].items():
        assert sites[short] == Site(path, side), short
        assert torch.equal(found[short], by_hand(model, path, side)), short


def test_the_residual_stream_is_what_transformers_calls_hidden_states(
    family: tuple[str, nn.Module],
) -> None:
    _, model = family
    with torch.no_grad():
        hidden = model(TOKENS, output_hidden_states=True).hidden_states
    found = read(model, {"x": resolve(model, "resid.0")}, TOKENS)["x"]
    assert torch.equal(found, hidden[1])


def test_any_module_path_is_a_site(tiny_llama) -> None:
    model = load_model(str(tiny_llama), device="cpu").model
    for name, side in (("model.layers.1.mlp.act_fn", "output"), ("model.norm:input", "input")):
        site = resolve(model, name)
        assert site.side == side
        assert torch.equal(
            read(model, {"x": site}, TOKENS)["x"], by_hand(model, site.module, site.side)
        )
        assert resolve(model, str(site)) == site
    assert widths(model, {"a": resolve(model, "model.layers.0.mlp.gate_proj")}) == {"a": 64}


def test_reading_stops_after_the_last_site(family: tuple[str, nn.Module]) -> None:
    _, model = family
    path, layers = blocks(model)
    ran: list[str] = []
    for name in (f"{path}.0", f"{path}.1", "lm_head", "embed_out"):
        if name in dict(model.named_modules()):
            model.get_submodule(name).register_forward_pre_hook(
                lambda _m, _a, name=name: ran.append(name)
            )
    read(model, {"a": resolve(model, "mlp_in.0"), "b": resolve(model, "resid.0")}, TOKENS)
    assert ran == [f"{path}.0"]
    ran.clear()
    read(model, {"last": resolve(model, f"resid.{len(layers) - 1}")}, TOKENS)
    assert ran == [f"{path}.0", f"{path}.1"]


@pytest.mark.parametrize("kind", ["resid.0", "mlp.1", "mlp_in.0", "attn.1", "heads.0"])
def test_writing_back_what_was_read_changes_nothing(
    family: tuple[str, nn.Module], kind: str
) -> None:
    _, model = family
    with torch.no_grad():
        before = model(TOKENS).logits
        with writing(model, resolve(model, kind), lambda x: x.clone()):
            same = model(TOKENS).logits
        with writing(model, resolve(model, kind), torch.zeros_like):
            other = model(TOKENS).logits
        after = model(TOKENS).logits
    assert torch.equal(before, same)
    assert torch.equal(before, after)
    assert not torch.equal(before, other)


def test_writing_sets_what_later_sites_read(tiny_gpt2) -> None:
    model = load_model(str(tiny_gpt2), device="cpu").model
    with writing(model, resolve(model, "resid.0"), lambda x: torch.full_like(x, 3.0)):
        found = read(model, {"next": resolve(model, "transformer.h.1:input")}, TOKENS)["next"]
    assert torch.equal(found, torch.full_like(found, 3.0))


def test_what_was_read_may_enter_a_graph(tiny_llama) -> None:
    model = load_model(str(tiny_llama), device="cpu").model
    x = read(model, {"x": resolve(model, "resid.0")}, TOKENS)["x"]
    weight = torch.ones(x.shape[-1], requires_grad=True)
    (x @ weight).sum().backward()
    assert weight.grad is not None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resid.7", "the last block's is `resid.1`"),
        ("resd.1", "near ones are `resid.1`"),
        ("model.layers.1.mpl", "near ones are `model.layers.1.mlp`"),
        ("model.norm:sideways", "there is no site `model.norm:sideways`"),
        ("zzz", "short names are `resid.0`"),
        ("", "there is no site ``"),
    ],
)
def test_an_unknown_site_is_refused_with_the_near_ones(tiny_llama, name: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve(load_model(str(tiny_llama), device="cpu").model, name)
    assert said in str(caught.value)


class Pair(nn.Module):
    """Gives two things, and takes one by name."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(64, 4)
        self.two = Two()
        self.unused = nn.Linear(4, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        first, second = self.two(scale=2.0, x=self.embed(tokens))
        return first + second


class Two(nn.Module):
    def forward(self, scale: float, x: Tensor) -> tuple[Tensor, Tensor]:
        return x * scale, x + scale


def test_a_module_of_ones_own_with_several_inputs_and_outputs() -> None:
    model = Pair()
    sites: dict[str, Callable[[Tensor], Tensor]] = {
        "two:output:0": lambda x: x * 2,
        "two:output:1": lambda x: x + 2,
        "two:input:1": lambda x: x,
    }
    x = model.embed(TOKENS).detach()
    for name, right in sites.items():
        found = read(model, {"x": resolve(model, name)}, TOKENS)["x"]
        assert torch.equal(found, right(x)), name
    with writing(model, resolve(model, "two:output:1"), torch.zeros_like):
        assert torch.equal(model(TOKENS), x * 2)
    with writing(model, resolve(model, "two:input:1"), torch.zeros_like):
        assert torch.equal(model(TOKENS), torch.full_like(x, 2.0))
    with pytest.raises(UserError, match="never came to site `u`"):
        read(model, {"u": resolve(model, "unused")}, TOKENS)
    with pytest.raises(UserError, match="no such input"):
        read(model, {"x": resolve(model, "two:input:0")}, TOKENS)
    with pytest.raises(UserError, match="no such output"):
        read(model, {"x": resolve(model, "two:output:5")}, TOKENS)
    with pytest.raises(UserError, match="no list of blocks"):
        resolve(model, "resid.0")
    with pytest.raises(UserError, match=r"near ones are `two`"):
        resolve(model, "too")
    with pytest.raises(UserError, match="give the path of a module"):
        resolve(model, "zzzzz")
