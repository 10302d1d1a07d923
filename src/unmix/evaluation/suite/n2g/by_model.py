"""Token patterns as published: the model runs on every shortened context (Foote et al. 2023).

    1. the shortest run of last tokens on which the model still gives half of the act is kept;
    2. each token of it is replaced, and becomes a wildcard where half of the act is left.

What stands in a token's place is drawn from the training text, `REPLACED` times, and the mean act
counts: a padding token is nothing a model has read.  A shortened context begins as every context
does in training, with the beginning-of-text token.

Axes: p prompts.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Int

from unmix.dictionaries.dictionary import Dictionary
from unmix.evaluation.suite.detection.corpus import EDGE, Corpus
from unmix.evaluation.suite.n2g.patterns import KEPT, Pattern
from unmix.evaluation.suite.reader import Reader

Prompt: TypeAlias = tuple[int, ...]
Ask: TypeAlias = Callable[[Sequence[Prompt], np.ndarray], np.ndarray]
"""From prompts and one latent each to the latent's act at the last token of its prompt."""

REPLACED = 3
"""Tokens tried in the place of one."""
SLAB = 1024
"""Activations encoded at a time."""


class Context(NamedTuple):
    """A firing, and the latent that fires."""

    latent: int
    row: int
    act: float


def patterns_by_model(
    text: Corpus, contexts: Sequence[Context], *, ask: Ask, seed: int
) -> list[Pattern]:
    """Return the pattern of each context, or nothing where eight tokens do not give half of it."""
    ends = _shortest(text, contexts, ask)
    rng = np.random.default_rng(seed)
    asked: list[Prompt] = []
    for end, _ in ends:
        for at in range(len(end)):
            others = rng.choice(text.tokens, REPLACED).tolist()
            asked += [(*end[:at], other, *end[at + 1 :]) for other in others]
    times = [REPLACED * len(end) for end, _ in ends]
    latents = np.repeat([context.latent for context in contexts], times)
    left = iter(ask(asked, latents).reshape(-1, REPLACED).mean(1).tolist())
    return [_pattern(end, act, [next(left) for _ in end]) for end, act in ends]


def asker(reader: Reader, dictionary: Dictionary) -> Ask:
    """Return what runs the model on prompts and reads one latent of each."""

    def ask(prompts: Sequence[Prompt], latents: Int[np.ndarray, " p"]) -> Float[np.ndarray, " p"]:
        contexts = [(*reader.start, *prompt) for prompt in prompts]
        read = reader.at(contexts, [[len(one) - 1] for one in contexts])
        found = np.zeros(len(prompts), np.float32)
        for first in range(0, len(read), SLAB):
            x = torch.stack(read[first : first + SLAB]).to(dictionary.W_enc.device)
            with torch.no_grad():
                code = dictionary.encode(x)
            wanted = torch.from_numpy(latents).to(x.device)[first + code.tokens] == code.latents
            rows = first + code.tokens[wanted].cpu().numpy()
            found[rows] = code.values[wanted].float().cpu().numpy()
        return found

    return ask


def _shortest(text: Corpus, contexts: Sequence[Context], ask: Ask) -> list[tuple[Prompt, float]]:
    """Return the fewest last tokens of each context that give half of its act, and the act."""
    runs = [_runs(text.seen[context.row].tolist()) for context in contexts]
    latents = np.repeat([context.latent for context in contexts], [len(run) for run in runs])
    acts = iter(ask([prompt for run in runs for prompt in run], latents).tolist())
    found = []
    for context, run in zip(contexts, runs, strict=True):
        tried = [(prompt, next(acts)) for prompt in run]
        enough = [one for one in tried if one[1] >= KEPT * context.act]
        found.append(enough[0] if enough else ((), 0.0))
    return found


def _runs(seen: list[int]) -> list[Prompt]:
    """Return the last token, the last two, and so on to the edge, each in the order of the text."""
    known = seen[: seen.index(EDGE)] if EDGE in seen else seen
    return [tuple(reversed(known[:length])) for length in range(1, len(known) + 1)]


def _pattern(end: Prompt, act: float, left: Sequence[float]) -> Pattern:
    """Return the last tokens, the firing one first, with wildcards for those that may go."""
    made: list[int | None] = [
        token if kept < KEPT * act else None for token, kept in zip(end, left, strict=True)
    ]
    named = [at for at, token in enumerate(made) if token is not None]
    return tuple(reversed(made[named[0] :] if named else end))
