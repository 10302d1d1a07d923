"""What the model writes after a text, with interventions and without.

Both continuations are written side by side.  The next token is the one of the largest
`logit / temperature + g`, where `g` is Gumbel noise (Gumbel 1954; it samples the softmax exactly).
Both use the same noise at each step, so they part only where the intervention makes them.

Axes: s rows, c tokens of a pass, d activation width (i in, o out), v vocabulary.
"""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.errors import UserError
from unmix.evaluation.splicing import rewriting
from unmix.explorer.api import Generated, Intervention
from unmix.explorer.live.forward import BROKEN, ends, has_cache, logits_at, measured
from unmix.explorer.live.prompt import of_ids, prompt, readable
from unmix.explorer.live.session import Session
from unmix.explorer.live.steering import Move, change_of, moves_of


def generate(
    session: Session,
    text: str,
    interventions: Sequence[Intervention],
    *,
    tokens: int = 40,
    temperature: float = 0.8,
    seed: int = 0,
) -> Generated:
    """Go on with a text, with interventions at every measured token and without.

    Args:
        session: The run.
        text: The text.
        interventions: What is done, at the tokens of the text and at those written.
        tokens: Tokens to write; fewer if the model ends the text.
        temperature: Zero takes the likeliest token.
        seed: Of the noise.

    Raises:
        UserError: The text cannot be read or is too long, there is no such latent, or the model
            breaks down.
    """
    start = time.perf_counter()
    given, moves = prompt(session, text), moves_of(session, interventions)
    longest = session.model.longest
    if longest is not None and len(given.ids) + tokens > longest:
        raise UserError(
            f"`{session.model.name}` reads {longest:,} tokens at most, and the text with those to "
            f"write has {len(given.ids) + tokens:,}; shorten it, or ask for fewer"
        )
    noise = torch.Generator().manual_seed(seed)
    rows = [given.ids, given.ids]
    writer = Writer(session, moves)
    for _ in range(tokens):
        logits = writer.logits(rows)
        chosen = _chosen(logits, temperature, noise)
        rows = [[*row, token] for row, token in zip(rows, chosen, strict=True)]
        if all(_ended(session, row[len(given.ids) :]) for row in rows):
            break
    plain, changed = (_shown(session, row[len(given.ids) :]) for row in rows)
    return Generated(plain=plain, changed=changed, seed=seed, seconds=time.perf_counter() - start)


@final
class Writer:
    """Gives the logits of the next token of two rows, of which the second is intervened upon.

    Keys and values of what was read before are kept where the model can keep them.

    Args:
        session: The run.
        moves: What is done in the second row.
        keep: Whether to keep keys and values, if the model can.
    """

    def __init__(self, session: Session, moves: Sequence[Move], *, keep: bool = True) -> None:
        self.session, self.moves = session, moves
        self._cache = _new_cache(session) if keep and has_cache(session) else None
        self._read = 0

    def logits(self, rows: Sequence[Sequence[int]]) -> Float[Tensor, "s v"]:
        """Return the logits after the last token of each row; the rows go on from the last call."""
        session = self.session
        fresh = [list(row[self._read :]) for row in rows]
        options = {"use_cache": False}
        if self._cache is not None:
            options = {"past_key_values": self._cache, "use_cache": True}
            self._read = len(rows[0])
        tokens = torch.tensor(fresh, device=session.model.device)
        with self._intervening(fresh):
            found = logits_at(session, tokens, [tokens.shape[1] - 1], **options)[:, 0].float()
        if found.isnan().any():
            raise UserError(BROKEN)
        return found[:, : len(session.model.tokenizer)]

    def _intervening(self, fresh: list[list[int]]) -> AbstractContextManager[None]:
        """Intervene upon the second row of a pass that reads `fresh`."""
        session = self.session
        special = of_ids(session, fresh[1]).special

        def change(x: Float[Tensor, "s c i"], y: Float[Tensor, "s c o"]) -> Tensor:
            x1, y1 = x[1:].float(), y[1:].float()
            carried = {session.site: x1, session.target: y1}
            keep = measured(session, special, carried)[0]
            delta = change_of(session, self.moves, x=x1[0], y=y1[0], keep=keep).delta
            return torch.cat([y[:1], (y1 + delta).to(y)])

        return rewriting(session.model.model, *ends(session), change)


def _new_cache(session: Session) -> object:
    from transformers import DynamicCache

    return DynamicCache(config=getattr(session.model.model, "config", None))


def _chosen(logits: Float[Tensor, "s v"], temperature: float, noise: torch.Generator) -> list[int]:
    """Draw a token for each row, all with the same noise."""
    if temperature == 0:
        return logits.argmax(1).tolist()
    uniform = torch.rand(logits.shape[1], generator=noise, dtype=torch.float64)
    gumbel = -(-uniform.clamp_min(torch.finfo(torch.float64).tiny).log()).log()
    return (logits.double().cpu() / temperature + gumbel).argmax(1).tolist()


def _ended(session: Session, written: Sequence[int]) -> bool:
    return session.model.tokenizer.eos_token_id in written


def _shown(session: Session, written: list[int]) -> list[str]:
    """Return what was written up to the end of the text, readable."""
    end = session.model.tokenizer.eos_token_id
    if end in written:
        written = written[: written.index(end)]
    return readable(session.model.tokenizer, written)
