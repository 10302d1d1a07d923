"""A few latents, drawn at random, and the contexts in which each fires most.

The latents are drawn with a fixed seed among those that fired on the held-out tokens, so nobody
picked them.  Per latent: the held-out documents with its largest acts (one context a document),
how its acts are spread, and which next tokens its direction writes for and against.

Axes: n tokens, m latents, q latents drawn, e examples, w tokens in a window, d activation width,
v vocabulary.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unmix.activations.source import Shard
from unmix.evaluation.candidates import Candidate
from unmix.evaluation.fidelity import SLAB
from unmix.evaluation.heldout import measurable
from unmix.evaluation.splicing import unembedding
from unmix.models.load import LanguageModel
from unmix.models.sites import blocks, resolve
from unmix.text.spelling import Tokenizer, pieces, token_bytes, visible

BEFORE, AFTER = 12, 10
"""Tokens shown before and after the peak."""
EXAMPLES = 8
"""Contexts shown for a latent."""
BINS = 30
"""Bars in the histogram of acts."""
EFFECTS = 8
"""Tokens shown that a direction writes for, and as many against."""


class Shown(NamedTuple):
    """A piece of a context, as it is shown."""

    text: str
    act: float | None
    """Largest act on its tokens; None where the tokens are not measured (massive norm)."""
    is_peak: bool


class Example(NamedTuple):
    """One context in which a latent fires."""

    act: float
    """Act at the peak."""
    document: str
    pieces: list[Shown]


class Effect(NamedTuple):
    """A token whose logit a direction raises or lowers."""

    token: str
    logit: float
    """Logit for one unit of act, less the mean over the vocabulary."""


class Portrait(NamedTuple):
    """What is shown of one latent."""

    latent: int
    density: float
    """Share of eligible held-out tokens on which it fired."""
    n_fired: int
    """Number of those tokens."""
    largest: float
    """Largest act."""
    edges: tuple[float, float]
    """Where the histogram of non-zero acts begins and ends."""
    counts: list[int]
    """Tokens in each of its bins, of equal width."""
    examples: list[Example]
    up: list[Effect]
    """Tokens it writes for; empty where its site does not feed the unembedding directly."""
    down: list[Effect]
    """Tokens it writes against."""


class Windows(NamedTuple):
    """The best contexts so far, for each latent drawn; a strength of zero marks an empty place."""

    strength: Float[Tensor, "e q"]
    document: Int[Tensor, "e q"]
    tokens: Int[Tensor, "e q w"]
    acts: Float[Tensor, "e q w"]
    shown: Bool[Tensor, "e q w"]
    """Tokens of the same document in the same context, not special."""
    measured: Bool[Tensor, "e q w"]
    """Tokens that could have been the peak."""


class Gathered(NamedTuple):
    """What one pass over the held-out shards finds for the latents drawn."""

    windows: Windows
    fired: list[Float[Tensor, " _"]]
    """Non-zero acts of each latent drawn, over the eligible tokens."""


def draw(counts: Int[Tensor, " m"], *, count: int = 10, seed: int = 0) -> Int[Tensor, " q"]:
    """Return latents drawn at random among those that fired, ascending."""
    alive = counts.nonzero().squeeze(1)
    order = torch.randperm(len(alive), generator=torch.Generator().manual_seed(seed))
    return alive[order[:count]].sort().values


@final
class ExamplesPass:
    """Finds the strongest contexts of a few latents, one a document, in the shards it is shown.

    Args:
        candidate: The dictionary.
        latents: The latents looked at.
        examples: Contexts kept for each.
    """

    def __init__(
        self, candidate: Candidate, latents: Int[Tensor, " q"], *, examples: int = EXAMPLES
    ) -> None:
        self.candidate = candidate
        self.latents = latents
        self.examples = examples
        self._best: Windows | None = None
        self._fired: list[list[Tensor]] = [[] for _ in latents]

    def add(self, shard: Shard) -> None:
        """Look through one shard."""
        candidate = self.candidate
        keep = measurable(shard, (candidate.site, candidate.target)).cpu()
        acts = _acts(shard.acts[candidate.site], candidate, self.latents)
        new = _windows(shard, acts, keep=keep, examples=self.examples)
        old = self._best
        self._best = new if old is None else _better(old, new, examples=self.examples)
        for values, column in zip(self._fired, acts[keep].unbind(1), strict=True):
            values.append(column[column != 0])

    def found(self) -> Gathered:
        """Return what was found in all shards shown."""
        assert self._best is not None, "at least one shard was shown"
        return Gathered(self._best, [torch.cat(values) for values in self._fired])


def portraits(
    gathered: Gathered,
    tokenizer: Tokenizer,
    *,
    latents: Int[Tensor, " q"],
    n: int,
    document: Callable[[int], str],
    effects: Float[Tensor, "q v"] | None = None,
) -> list[Portrait]:
    """Put what was gathered into words.

    Args:
        n: Eligible held-out tokens.
        document: Name of a document by its number.
        effects: Effect of each latent's direction on the logits, where it has a direct one.
    """
    made = []
    for i, latent in enumerate(latents.tolist()):
        fired = gathered.fired[i]
        edges = (min(0.0, float(fired.min())), max(0.0, float(fired.max())))
        counts = fired.histc(BINS, *edges).long().tolist()
        up, down = ([], []) if effects is None else _effects(effects[i], tokenizer)
        made.append(
            Portrait(
                latent=latent,
                density=len(fired) / n,
                n_fired=len(fired),
                largest=float(fired[fired.abs().argmax()]),
                edges=edges,
                counts=counts,
                examples=_examples(gathered.windows, i, tokenizer, document=document),
                up=up,
                down=down,
            )
        )
    return made


def direct_unembedding(
    model: LanguageModel, target: str, *, width: int
) -> Float[Tensor, "v d"] | None:
    """Return the matrix that a site's activations reach directly, a row a token; None if none.

    That is so for the output of a whole block: the residual stream.
    """
    head = unembedding(model.model)
    site = resolve(model.model, target)
    if head is None or site.side != "output":
        return None
    path, _ = blocks(model.model)
    if site.module.rpartition(".")[0] != path or head.shape[1] != width:
        return None
    return head[: len(model.tokenizer)].cpu()  # some are padded beyond the tokens


def logit_effects(
    directions: Float[Tensor, "q d"], unembedding: Float[Tensor, "v d"]
) -> Float[Tensor, "q v"]:
    """Return how much a unit act raises each logit, less the mean over the vocabulary.

    The direct path only (Bricken et al. 2023, "logit weights"; nostalgebraist 2020): no later
    block, and without the scale of the final norm, which depends on the token.
    """
    logits = directions.float() @ unembedding.float().T
    return logits - logits.mean(1, keepdim=True)


def _acts(
    x: Float[Tensor, "n d"], candidate: Candidate, latents: Int[Tensor, " q"]
) -> Float[Tensor, "n q"]:
    """Return the acts of a few latents on every token."""
    slots = torch.full((candidate.n_latents or 0,), -1)
    slots[latents] = torch.arange(len(latents))
    parts = []
    for slab in x.split(SLAB):
        code = candidate.rebuild(slab.float()).code
        assert code is not None, "only a candidate with latents has examples"
        slot = slots[code.latents.cpu()]
        here = slot >= 0
        part = torch.zeros(len(slab), len(latents))
        part[code.tokens.cpu()[here], slot[here]] = code.values.cpu().float()[here]
        parts.append(part)
    return torch.cat(parts)


def _windows(
    shard: Shard, acts: Float[Tensor, "n q"], *, keep: Bool[Tensor, " n"], examples: int
) -> Windows:
    """Return each latent's strongest token in its strongest documents, with its surroundings."""
    documents = shard.documents.flatten().cpu()
    strength = (acts.abs() * keep[:, None]).contiguous()
    numbers, where = documents.unique(return_inverse=True)
    spread = where[:, None].expand_as(acts)
    top = strength.new_zeros(len(numbers), acts.shape[1])
    top = top.scatter_reduce(0, spread, strength, "amax")
    rows = torch.arange(len(acts))[:, None].expand_as(acts)
    rows = rows.where(strength == top.gather(0, spread), len(acts) - 1)
    first = torch.full_like(top, len(acts) - 1, dtype=torch.int64)
    first = first.scatter_reduce(0, spread, rows, "amin")
    best, chosen = top.topk(min(examples, len(numbers)), dim=0)
    peaks = first.gather(0, chosen)

    width = shard.tokens.shape[1]
    window = peaks[..., None] + torch.arange(-BEFORE, AFTER + 1)
    context = (peaks // width * width)[..., None]
    inside = (window >= context) & (window < context + width)
    window = window.clamp(0, len(acts) - 1)
    same = documents[window] == documents[peaks][..., None]
    shown = inside & same & ~shard.special.flatten().cpu()[window]
    latent = torch.arange(acts.shape[1])[None, :, None].expand_as(window)
    tokens = shard.tokens.flatten().cpu()[window]
    return Windows(best, numbers[chosen], tokens, acts[window, latent], shown, keep[window])


def _better(old: Windows, new: Windows, *, examples: int) -> Windows:
    """Return the strongest of two sets of windows, still one a document."""
    both = Windows(*(torch.cat(parts) for parts in zip(old, new, strict=True)))
    order = both.strength.argsort(dim=0, descending=True, stable=True)
    document = both.document.gather(0, order)
    strength = both.strength.gather(0, order)
    again = (document[:, None] == document[None]) & (strength[None] > 0)
    earlier = torch.ones(len(order), len(order), dtype=torch.bool).tril(-1)
    strength = strength.masked_fill((again & earlier[..., None]).any(1), 0)
    strength, kept = strength.topk(min(examples, len(strength)), dim=0)
    order = order.gather(0, kept)
    latent = torch.arange(order.shape[1]).expand_as(order)
    parts = [part[order, latent] for part in both[1:]]
    return Windows(strength, *parts)


def _examples(
    windows: Windows, i: int, tokenizer: Tokenizer, *, document: Callable[[int], str]
) -> list[Example]:
    """Return the contexts of the i-th latent as text."""
    made = []
    for e in (windows.strength[:, i] > 0).nonzero().squeeze(1).tolist():
        shown = windows.shown[e, i]
        before = int(shown[:BEFORE].sum())
        acts = windows.acts[e, i][shown].tolist()
        measured = windows.measured[e, i][shown].tolist()
        ids = windows.tokens[e, i][shown].tolist()
        name = document(int(windows.document[e, i]))
        made.append(Example(acts[before], name, _shown(tokenizer, ids, acts, measured, before)))
    return made


def _shown(
    tokenizer: Tokenizer,
    ids: list[int],
    acts: Sequence[float],
    measured: Sequence[bool],
    peak: int,
) -> list[Shown]:
    """Join tokens to readable pieces; a piece is as strong as its strongest token."""
    made = []
    for text, first, last in pieces(token_bytes(tokenizer, ids)):
        inside = range(first, last + 1)
        known = [acts[t] for t in inside if measured[t]]
        act = max(known, key=abs) if known else None
        made.append(Shown(visible(text), act, first <= peak <= last))
    return made


def _effects(
    logits: Float[Tensor, " v"], tokenizer: Tokenizer
) -> tuple[list[Effect], list[Effect]]:
    """Return the tokens written for and against, strongest first."""
    made = []
    for sign in (1, -1):
        values, ids = (sign * logits).topk(min(EFFECTS, len(logits)))
        spelt = token_bytes(tokenizer, ids.tolist())
        texts = [visible(data.decode(errors="backslashreplace")) for data in spelt]
        made.append(
            [
                Effect(text.replace(" ", "␣"), sign * value)
                for text, value in zip(texts, values.tolist(), strict=True)
            ]
        )
    return made[0], made[1]
