"""Places inside a model: name one, read it, stop after it, write into it.

A site is what one module of the model takes in or gives out.  Short names lead to the same places
in every decoder of the usual build (Llama, Mistral, Qwen, Gemma, OLMo, GPT-2, GPT-NeoX, ...):

    resid.L   the residual stream after block L        mlp.L     what its MLP adds
    attn.L    what its attention adds                  mlp_in.L  what its MLP reads
    heads.L   the heads side by side, before the projection that mixes them

Any other module goes by its path: `model.layers.3.mlp.act_fn`, or `model.layers.3.mlp:input`, or
`model.layers.3.self_attn:output:1` for the second thing of several.

Axes: s contexts, c tokens in a context, d width of the site.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from unmix.errors import UserError

KINDS = ("resid", "mlp", "mlp_in", "attn", "heads")
MLP = ("mlp", "feed_forward", "ffn", "block_sparse_moe")
ATTENTION = ("self_attn", "attn", "attention", "self_attention")
PROJECTION = ("o_proj", "c_proj", "dense", "out_proj", "wo")


@final
@dataclass(frozen=True)
class Site:
    """What one module takes in or gives out."""

    module: str
    """Path of the module, as in `model.get_submodule`."""
    side: Literal["input", "output"] = "output"
    """Whether it is taken in or given out."""
    index: int = 0
    """Which one, where the module takes or gives several things."""

    def __str__(self) -> str:
        """Return the form that `resolve` reads back."""
        return f"{self.module}:{self.side}:{self.index}"


class _ReadAll(Exception):
    """All sites have been read; nothing after this needs to run."""


def resolve(model: nn.Module, name: str) -> Site:
    """Return the site a short name or a module path stands for.

    Raises:
        UserError: There is no such place; the sentence lists the near ones.
    """
    kind, _, layer = name.partition(".")
    if kind in KINDS and layer.isdecimal():
        return _short(model, kind, int(layer))
    path, _, rest = name.partition(":")
    side, _, index = rest.partition(":")
    known = dict(model.named_modules())
    if path in known and path and side in ("", "input", "output") and index in ("", *"0123456789"):
        return Site(path, "input" if side == "input" else "output", int(index or 0))
    raise UserError(f"there is no site `{name}`; {_near(model, path, list(known))}")


def blocks(model: nn.Module) -> tuple[str, nn.ModuleList]:
    """Return the path and the list of the model's blocks: its longest list that is in no other."""
    outer = _block_lists(model)
    if not outer:
        raise UserError(
            f"`{type(model).__name__}` has no list of blocks, so short names mean nothing in it;"
            " name a site by its module path"
        )
    path = max(outer, key=lambda name: len(outer[name]))
    return path, outer[path]


def read(
    model: nn.Module, sites: Mapping[str, Site], tokens: Int[Tensor, "s c"]
) -> dict[str, Float[Tensor, "s c d"]]:
    """Run the model as far as the last of `sites` and return what they carry.

    Raises:
        UserError: The model never came to one of the sites, or it carries no vectors.
    """
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[Tensor], None]:
        def look(value: Tensor) -> None:
            found.setdefault(name, value)
            if len(found) == len(sites):
                raise _ReadAll

        return look

    # Not inference mode: what is read here may enter a trained dictionary's graph.
    with ExitStack() as stack, torch.no_grad():
        for name, site in sites.items():
            handle = _hook(model, site, keep(name))
            stack.callback(handle.remove)
        with suppress(_ReadAll):
            model(tokens.to(_device(model)), **_without_cache(model))
    for name in sites:
        if name not in found:
            raise UserError(f"the model never came to site `{name}`; choose another")
        if found[name].shape[:2] != tokens.shape or found[name].ndim != 3:
            shape = tuple(found[name].shape)
            raise UserError(
                f"site `{name}` carries {shape}, not one vector a token; choose another"
            )
    return {name: found[name] for name in sites}


@contextmanager
def writing(
    model: nn.Module,
    site: Site,
    function: Callable[[Float[Tensor, "s c d"]], Float[Tensor, "s c d"]],
) -> Iterator[None]:
    """Within the block, replace what `site` carries by `function` of it."""
    handle = _hook(model, site, function)
    try:
        yield
    finally:
        handle.remove()


def widths(model: nn.Module, sites: Mapping[str, Site]) -> dict[str, int]:
    """Return the width `d` of each site, by running two tokens as far as the last."""
    tokens = torch.zeros(1, 2, dtype=torch.int64)
    return {name: x.shape[-1] for name, x in read(model, sites, tokens).items()}


def _hook(
    model: nn.Module, site: Site, function: Callable[[Tensor], Tensor | None]
) -> RemovableHandle:
    """Call `function` on what the site carries; what it returns, if anything, takes its place."""
    module = model.get_submodule(site.module)
    if site.side == "output":
        return module.register_forward_hook(lambda _m, _a, out: _output(site, out, function))
    return module.register_forward_pre_hook(
        lambda _m, args, kwargs: _input(site, args, kwargs, function), with_kwargs=True
    )


def _output(site: Site, output: Any, function: Callable[[Tensor], Tensor | None]) -> Any:
    """Pass the site's part of a module's output through `function`."""
    if isinstance(output, Tensor) and site.index == 0:
        return function(output)
    if not isinstance(output, tuple | list) or site.index >= len(output):
        raise UserError(f"site `{site}`: the module gives no such output; choose another index")
    new = function(output[site.index])
    if new is None:
        return None
    return type(output)([*output[: site.index], new, *output[site.index + 1 :]])


def _input(
    site: Site,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    function: Callable[[Tensor], Tensor | None],
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Pass the site's part of a module's arguments through `function`; named ones come last."""
    values = [*args, *kwargs.values()]
    if site.index >= len(values) or not isinstance(values[site.index], Tensor):
        raise UserError(f"site `{site}`: the module takes no such input; choose another index")
    new = function(values[site.index])
    if new is None:
        return None
    values[site.index] = new
    return tuple(values[: len(args)]), dict(zip(kwargs, values[len(args) :], strict=True))


def _short(model: nn.Module, kind: str, layer: int) -> Site:
    """Find a short name's place from how the block is built."""
    path, found = blocks(model)
    if layer >= len(found):
        last = f"{kind}.{len(found) - 1}"
        raise UserError(f"there is no site `{kind}.{layer}`; the last block's is `{last}`")
    block = f"{path}.{layer}"
    if kind == "resid":
        return Site(block)
    if kind in ("mlp", "mlp_in"):
        return Site(_child(model, block, MLP, kind), "input" if kind == "mlp_in" else "output")
    attention = _child(model, block, ATTENTION, kind)
    if kind == "attn":
        return Site(attention)
    return Site(_child(model, attention, PROJECTION, kind), "input")


def _child(model: nn.Module, path: str, names: tuple[str, ...], kind: str) -> str:
    """Return the path of the first of `names` that a module has."""
    there = [name for name, _ in model.get_submodule(path).named_children()]
    for name in names:
        if name in there:
            return f"{path}.{name}"
    raise UserError(
        f"`{kind}` has no meaning in `{path}`, which is made of {', '.join(there) or 'nothing'};"
        " name a site by its module path"
    )


def _near(model: nn.Module, path: str, known: list[str]) -> str:
    """Say which sites sound like `path`."""
    outer = _block_lists(model)
    most = max(map(len, outer.values()), default=0)
    short = [f"{kind}.{layer}" for kind in KINDS for layer in range(most)]
    near = get_close_matches(path, short, n=3) + get_close_matches(path, known, n=3)
    if near:
        return "near ones are " + ", ".join(f"`{name}`" for name in near)
    if not outer:
        return "give the path of a module"
    return f"short names are {', '.join(f'`{kind}.0`' for kind in KINDS)}, or give a module path"


def _block_lists(model: nn.Module) -> dict[str, nn.ModuleList]:
    """Return the lists of modules that are in no other such list."""
    lists = {k: v for k, v in model.named_modules() if isinstance(v, nn.ModuleList) and len(v)}
    return {k: v for k, v in lists.items() if not any(k.startswith(f"{other}.") for other in lists)}


def _device(model: nn.Module) -> torch.device:
    """Return where the model's weights are."""
    weights = next(model.parameters(), None)
    return torch.device("cpu") if weights is None else weights.device


def _without_cache(model: nn.Module) -> dict[str, bool]:
    """Ask a `transformers` model to keep no keys and values: nothing is generated."""
    return {"use_cache": False} if hasattr(getattr(model, "config", None), "use_cache") else {}
