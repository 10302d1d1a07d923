"""The model run on the tokens of a question: whole, from the site on, or as far as the site.

Below its site an intervention changes nothing, so the lower blocks run once and every variant runs
the upper ones only (`above`); where that would not be bit-equal, `Session.cut` is None and the
model runs whole.  Attention looks back only, so texts of different lengths need no mask: they are
filled up on the right, and what is asked about lies before.

Axes: s contexts, c tokens, p tokens before, n rows, q positions or latents asked about, d width
(i in, o out), v vocabulary.
"""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unmix.errors import UserError
from unmix.evaluation.logits import as_log_probabilities
from unmix.evaluation.shortcut import Recording, skipping
from unmix.evaluation.splicing import rewriting
from unmix.explorer.live.session import Session
from unmix.models.sites import Site, read, writing

PASS = 1024
"""Tokens of one forward pass, about: what it makes of them stays in the cache."""

BROKEN = "the model's logits are no numbers any more; choose a smaller strength"
NOTHING = torch.zeros(0, dtype=torch.int64)
"""No tokens."""


class _Reached(Exception):
    """The site has been read; nothing after this needs to run."""


def following(
    session: Session, tokens: Int[Tensor, "s c"], at: Sequence[int]
) -> Float[Tensor, "s q v"]:
    """Run the model and return the log-probabilities of the next token after the places `at`.

    Raises:
        UserError: They are no numbers, as after an intervention that is far too strong.
    """
    logits = logits_at(session, tokens, at, use_cache=False)
    found = as_log_probabilities(logits.flatten(0, 1)).view(logits.shape)
    if found.isnan().any():
        raise UserError(BROKEN)
    return found


def logits_at(
    session: Session, tokens: Int[Tensor, "s c"], at: Sequence[int], **options: Any
) -> Float[Tensor, "s q v"]:
    """Run the model and return its logits at the places `at`; others are not even made."""
    session.pulse()
    model, places = session.model.model, torch.tensor(at, device=session.model.device)
    tokens = tokens.to(places.device)
    with torch.no_grad():
        if "logits_to_keep" in inspect.signature(model.forward).parameters:
            return model(input_ids=tokens, logits_to_keep=places, **options).logits
        return model(input_ids=tokens, **options).logits[:, places]


@contextmanager
def noting(session: Session) -> Iterator[dict[str, Tensor]]:
    """Note what site and target carry, in float32, in the pass that is made within the block."""
    found: dict[str, Tensor] = {}

    def look(x: Float[Tensor, "s c i"], y: Float[Tensor, "s c o"]) -> Float[Tensor, "s c o"]:
        found.update({session.site: x.float(), session.target: y.float()})
        return y

    with rewriting(session.model.model, *ends(session), look):
        yield found


@contextmanager
def adding(session: Session, delta: Float[Tensor, "s c o"]) -> Iterator[None]:
    """Add `delta` to what the target carries, in the passes that are made within the block."""

    def add(_: Float[Tensor, "s c i"], y: Float[Tensor, "s c o"]) -> Float[Tensor, "s c o"]:
        return (y.float() + delta).to(y)

    with rewriting(session.model.model, *ends(session), add):
        yield


@contextmanager
def above(session: Session, recorded: Recording, *, rows: int) -> Iterator[None]:
    """Run only the upper blocks within the block, each of `rows` contexts as it was recorded.

    What was recorded is of the same contexts, or of a single one of which all rows are variants.
    """
    with skipping(session.model.model, session.cut, _repeated(recorded, rows)):
        yield


def as_far_as_site(
    session: Session, rows: Int[Tensor, "s c"], *, prefix: Int[Tensor, " p"]
) -> Float[Tensor, "s c i"]:
    """Return what the site carries on each of the rows, each of which goes on from `prefix`."""
    model, sites = session.model.model, {session.site: session.sites[session.site]}
    session.pulse()
    if not len(prefix):
        return read(model, sites, rows)[session.site].float()
    if not has_cache(session):
        whole = torch.cat([prefix.expand(len(rows), -1), rows], dim=1)
        return read(model, sites, whole)[session.site][:, len(prefix) :].float()
    from transformers import DynamicCache

    cache = DynamicCache(config=getattr(model, "config", None))
    _reach(session, prefix[None], cache)
    cache.batch_repeat_interleave(len(rows))
    return _reach(session, rows, cache).float()


def has_cache(session: Session) -> bool:
    """Say whether the model can go on from keys and values it has made before."""
    return "past_key_values" in inspect.signature(session.model.model.forward).parameters


def measured(
    session: Session, special: Bool[Tensor, "s c"], carried: Mapping[str, Float[Tensor, "s c _"]]
) -> Bool[Tensor, "s c"]:
    """Mark the tokens that are neither special nor of massive norm at any of the sites given."""
    keep = ~special
    for name, value in carried.items():
        keep = keep.to(value.device) & (value.norm(dim=-1) <= session.bounds[name])
    return keep


def encoded(
    session: Session, x: Float[Tensor, "n i"], latents: Sequence[int]
) -> Float[Tensor, "n q"]:
    """Return the acts of a few latents on activations of the site."""
    code = session.candidate.rebuild(x).code
    assert code is not None, "a dictionary has latents"
    out = code.values.new_zeros(len(code), len(latents))
    for column, latent in enumerate(latents):
        here = code.latents == latent
        out[code.tokens[here], column] = code.values[here]
    return out


def ends(session: Session) -> tuple[Site, Site]:
    """Return the sites that are read and written."""
    return session.sites[session.site], session.sites[session.target]


def filled(rows: Sequence[Sequence[int]]) -> Int[Tensor, "s c"]:
    """Put token ids of different lengths under each other, filled up on the right."""
    longest = max(len(row) for row in rows)
    return torch.tensor([[*row, *[row[-1]] * (longest - len(row))] for row in rows])


def batches(lengths: Sequence[int], *, tokens: int = PASS) -> list[list[int]]:
    """Group rows of about one length to passes of about `tokens`, padding included."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    made: list[list[int]] = []
    for i in order:
        if made and (len(made[-1]) + 1) * lengths[i] <= tokens:
            made[-1].append(i)
        else:
            made.append([i])
    return made


def _reach(session: Session, tokens: Int[Tensor, "s c"], cache: object) -> Float[Tensor, "s c i"]:
    """Run the model on from a cache as far as the site, and return what it carries."""
    found: list[Tensor] = []

    def stop(x: Float[Tensor, "s c i"]) -> Float[Tensor, "s c i"]:
        found.append(x)
        raise _Reached

    model, site = session.model.model, session.sites[session.site]
    with writing(model, site, stop), torch.no_grad(), suppress(_Reached):
        model(tokens.to(session.model.device), past_key_values=cache, use_cache=True)
    return found[0]


def _repeated(recorded: Recording, rows: int) -> Recording:
    """Return what was recorded of one context as if it were of several rows of it."""
    out, made = recorded.output, Recording()
    first = out if isinstance(out, Tensor) or out is None else out[0]
    if first is None or len(first) == rows:
        return recorded
    wide = first.expand(rows, *first.shape[1:])
    made.output = wide if isinstance(out, Tensor) else type(out)([wide, *out[1:]])
    return made
