"""What every latent does on a text, how well it is rebuilt, and what that costs the model.

    error_t = ‖y - y'‖ / ‖y - mean‖      explained_t = 1 - error_t²
    explained = 1 - sum_t ‖y - y'‖² / sum_t ‖y - mean‖²     over the measured tokens
    share of a latent = act <W_dec, r> / ‖r‖²,  r = y' less what is rebuilt where nothing fires

The shares of one token sum to one; a latent that pulls against the rest has a negative one.

Axes: n tokens, e entries, m latents, d activation width (i in, o out), v vocabulary.
"""

import time
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unmix.dictionaries.code import Code
from unmix.errors import UserError
from unmix.evaluation.heldout import Contexts
from unmix.evaluation.shortcut import recording
from unmix.evaluation.splicing import in_place, scored
from unmix.explorer.api import Fired, PromptToken, Reading
from unmix.explorer.live.forward import above, following, measured, noting
from unmix.explorer.live.prompt import Prompt, prompt, readable
from unmix.explorer.live.session import Session

FIRED = 64
"""Latents listed at one token."""
STRONGEST = 200
"""Latents listed of a text."""
ENTRIES = 2**14
"""Acts whose directions are looked at at once."""


class Seen(NamedTuple):
    """A text read by model and dictionary, before it is put into words."""

    prompt: Prompt
    keep: Bool[Tensor, " n"]
    """Measured tokens."""
    y: Float[Tensor, "n o"]
    """What the target carries."""
    rebuilt: Float[Tensor, "n o"]
    base: Float[Tensor, "..."]
    """What is rebuilt where nothing fires."""
    code: Code
    """Acts of the measured tokens only; a row a token, as in the text."""
    losses: list[float | None]
    spliced: list[float | None]


def read(session: Session, text: str) -> Reading:
    """Read a text with model and dictionary.

    Raises:
        UserError: It has no tokens, too many, or none that is measured.
    """
    start = time.perf_counter()
    return told(session, see(session, text), start)


def see(session: Session, text: str) -> Seen:
    """Run model and dictionary over a text, as it is and with the reconstruction in place."""
    given = prompt(session, text)
    tokens = given.tokens.to(session.model.device)
    model, every = session.model.model, range(tokens.shape[1])
    with recording(model, session.cut) as recorded, noting(session) as found:
        logs = following(session, tokens, every)
    x, y = found[session.site], found[session.target]
    keep = measured(session, given.special, found)
    if not keep.any():
        raise UserError(
            "no token of the text is measured (special tokens and those of massive norm are not); "
            "write more"
        )
    whole = losses(given, logs)
    del logs  # as large as the text is long and the vocabulary wide
    lower = above(session, recorded, rows=1)
    with lower, in_place(model, session.candidate, session.sites, excluded=~keep):
        spliced = losses(given, following(session, tokens, every))
    rebuilt = session.candidate.rebuild(x[0])
    assert rebuilt.code is not None, "a dictionary has latents"
    code = rebuilt.code.fired()
    here = keep[0][code.tokens]
    code = Code(code.values[here], code.support.where(here))
    base = session.dictionary.base(x[0]).detach()
    return Seen(given, keep[0], y[0], rebuilt.activations, base, code, whole, spliced)


def told(session: Session, seen: Seen, start: float) -> Reading:
    """Put what was seen into the words of the server."""
    ids, keep = seen.prompt.ids, seen.keep
    miss, spread = _squares(session, seen)
    ratio = miss / spread.clamp_min(torch.finfo(torch.float64).tiny)
    fired = _by_token(session, seen)
    rows = zip(
        readable(session.model.tokenizer, ids),
        ids,
        keep.tolist(),
        seen.y.norm(dim=1).tolist(),
        ratio.tolist(),
        seen.losses,
        seen.spliced,
        fired,
        strict=True,
    )
    tokens = [
        PromptToken(
            text=text,
            token=token,
            is_measured=is_measured,
            norm=norm,
            error=left**0.5,
            explained=1 - left,
            loss=loss,
            loss_spliced=spliced,
            fired=here,
        )
        for text, token, is_measured, norm, left, loss, spliced, here in rows
    ]
    return Reading(
        tokens=tokens,
        explained=1 - float(miss[keep].sum() / spread[keep].sum()),
        loss=mean(seen.losses),
        loss_spliced=mean(seen.spliced),
        strongest=_strongest(session, seen),
        seconds=time.perf_counter() - start,
    )


def losses(given: Prompt, logs: Float[Tensor, "1 n v"]) -> list[float | None]:
    """Return -log p of each token given those before; None for the first and special ones."""
    tokens = given.tokens
    contexts = Contexts(tokens, torch.zeros_like(tokens), given.special, given.special)
    cross = -logs[0, :-1].gather(1, tokens[0, 1:, None].to(logs.device)).squeeze(1)
    counted = scored(contexts)[0].tolist()
    return [None, *(c if n else None for c, n in zip(cross.tolist(), counted, strict=True))]


def mean(losses: list[float | None]) -> float | None:
    """Return the mean of the losses there are."""
    known = [loss for loss in losses if loss is not None]
    return sum(known) / len(known) if known else None


def largest(code: Code) -> tuple[Int[Tensor, " m"], Float[Tensor, " m"]]:
    """Return each latent's entry of the largest magnitude (-1 for none), and its act."""
    size = code.values.abs()
    top = size.new_zeros(code.n_latents).scatter_reduce(0, code.latents, size, "amax")
    is_top = (size == top[code.latents]).nonzero().squeeze(1)
    none = len(size)
    entry = code.latents.new_full((code.n_latents,), none)
    entry = entry.scatter_reduce(0, code.latents[is_top], is_top, "amin")
    act = torch.cat([code.values, size.new_zeros(1)])[entry]
    return entry.where(entry < none, -1), act


def _squares(session: Session, seen: Seen) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Return the squared error, and the squared distance from the mean, in float64."""
    y, rebuilt = seen.y.double().cpu(), seen.rebuilt.double().cpu()
    return (y - rebuilt).square().sum(1), (y - session.mean.cpu()).square().sum(1)


def _by_token(session: Session, seen: Seen) -> list[list[Fired]]:
    """Return what fired at each token, strongest first."""
    code = seen.code
    order = code.values.abs().argsort(descending=True, stable=True)
    order = order[code.tokens[order].argsort(stable=True)]
    rank = torch.arange(len(order), device=order.device) - code.offsets[code.tokens[order]]
    order = order[rank < FIRED]
    made: list[list[Fired]] = [[] for _ in seen.prompt.ids]
    tokens = code.tokens[order].tolist()
    for token, one in zip(tokens, _described(session, seen, order), strict=True):
        made[token].append(one)
    return made


def _strongest(session: Session, seen: Seen) -> list[Fired]:
    """Return the latents of the largest acts over the text, each where it peaks."""
    entry, act = largest(seen.code)
    n_fired = int((entry >= 0).sum())
    best = act.abs().topk(min(STRONGEST, n_fired)).indices
    return _described(session, seen, entry[best])


def _described(session: Session, seen: Seen, which: Int[Tensor, " e"]) -> list[Fired]:
    """Return some entries of the code with their numbers."""
    code, labels = seen.code, session.labels
    latents, acts = code.latents[which], code.values[which]
    shares, logits = _shares(session, seen, which), _direct(session, seen, which)
    rows = zip(latents.tolist(), acts.tolist(), shares, logits, strict=True)
    return [
        Fired(latent=j, label=labels[j], act=act, share=share, logit=logit)
        for j, act, share, logit in rows
    ]


def _shares(session: Session, seen: Seen, which: Int[Tensor, " e"]) -> list[float]:
    """Return each entry's share of the squared length of what is rebuilt, less the bias."""
    r = seen.rebuilt - seen.base
    whole = r.square().sum(1).clamp_min(torch.finfo(r.dtype).tiny)
    made: list[float] = []
    for some in which.split(ENTRIES):
        token = seen.code.tokens[some]
        along = (session.dictionary.W_dec[seen.code.latents[some]] * r[token]).sum(1)
        made += (seen.code.values[some] * along / whole[token]).tolist()
    return made


def _direct(session: Session, seen: Seen, which: Int[Tensor, " e"]) -> list[float | None]:
    """Return what each entry adds directly to the logit of the token that follows."""
    head = session.head
    if head is None:
        return [None] * len(which)
    ids = seen.prompt.tokens[0]
    mean, made = session.mean_logit_row, []
    for some in which.split(ENTRIES):
        token = seen.code.tokens[some].cpu()
        last = token + 1 >= len(ids)
        to = head[ids[(token + 1).clamp_max(len(ids) - 1)]].float() - mean
        along = (session.dictionary.W_dec[seen.code.latents[some]].cpu() * to).sum(1)
        acts = (seen.code.values[some].cpu() * along).tolist()
        made += [None if n else act for act, n in zip(acts, last.tolist(), strict=True)]
    return made
