"""Tiny finished runs with an index, and the slow plain way to every number."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from tests.evaluation.made import model_folder, text_folder
from unmix.explorer.live.session import Session
from unmix.training.config import DictionaryConfig, TrainConfig
from unmix.training.run import train

TEXT = "the cat does not take a naïve view of its café → the cat does not take a view"


def make_run(folder: Path, *, model: Path | None = None, **changed: object) -> Path:
    """Train a small dictionary on a tiny model."""
    if model is None:
        model = folder / "model"
        model_folder(model)
    if not (folder / "text").exists():
        text_folder(folder / "text", documents=40)
    config = TrainConfig.model_validate(
        {
            "out": folder / "run",
            "store": "{out}/store",
            "source": {
                "model": str(model),
                "sites": ("resid.0",),
                "text": (str(folder / "text"),),
                "tokens": 2000,
                "held_out_tokens": 600,
                "held_out_share": 0.3,
                "context": 32,
                "shard": 512,
                "batch": 8,
                "massive": 1.5,
            },
            "dictionary": DictionaryConfig(latents=48, k=4),
            "frozen_control": False,
            "passes": 3,
            "batch": 256,
        }
        | changed
    )
    return train(config)


class Plain(NamedTuple):
    """A text run through a model by hand, in float64."""

    x: Tensor
    y: Tensor
    logs: Tensor
    """Log-probabilities after every token."""


def by_hand(
    session: Session, ids: list[int], delta: Tensor | None = None, put: Tensor | None = None
):
    """Run a model on one text with plain hooks, adding `delta` or putting `put` at the target."""
    model = session.model.model
    seen: dict[str, Tensor] = {}
    places = {name: model.get_submodule(site.module) for name, site in session.sites.items()}

    def change(out: Tensor) -> Tensor:
        seen[session.target] = out.detach().clone()
        if put is not None:
            return put[None].to(out)
        return out if delta is None else (out.double() + delta[None]).to(out)

    def at_target(_module, _arguments, out):
        return (change(out[0]), *out[1:]) if isinstance(out, tuple) else change(out)

    def at_site(_module, arguments, out):
        side = session.sites[session.site].side
        seen[session.site] = (arguments[0] if side == "input" else out).detach().clone()

    hooks = []
    if session.site != session.target:
        hooks.append(places[session.site].register_forward_hook(at_site))
    hooks.append(places[session.target].register_forward_hook(at_target))
    try:
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0]
    finally:
        for hook in hooks:
            hook.remove()
    x, y = seen[session.site][0].double(), seen[session.target][0].double()
    return Plain(x, y, logits.double().log_softmax(-1))


def dense_acts(session: Session, x: Tensor) -> Tensor:
    """Return all acts of a BatchTopK dictionary in use, as a full matrix in float64."""
    d = session.dictionary.double()
    pre = (x - d.b_pre) @ d.W_enc.T + d.b_enc
    acts = pre * (pre >= d.sparsity.threshold) * (pre > 0)
    session.dictionary.float()
    return acts


def keep_of(session: Session, ids: list[int], plain: Plain) -> Tensor:
    """Return which tokens are measured."""
    special = torch.tensor([i in session.model.tokenizer.all_special_ids for i in ids])
    bound = session.config.massive
    massive = plain.x.norm(dim=1) > bound * session.medians[session.site]
    massive |= plain.y.norm(dim=1) > bound * session.medians[session.target]
    return ~special & ~massive
