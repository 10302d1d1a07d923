"""What a static page shows of one latent, as bytes.

    {"latent": Latent, "misses": Misses, "examples": [Example, ...],
     "sets": {"top": {"total": 231, "at": [0, 1, ...]}, "range": ..., "token:17": ..., ...}}

An example that is in several sets is written once; `at` are its places in `examples`.  `range` is
as many as `top`, which a page asks for first; `range+` is all that were drawn over the range.  The
pieces of an example, nearly all of its bytes, are written as columns: texts, tokens, steps from one
position to the next (from zero to the first), and the acts that are not zero with their places.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple, final

from unmix.explorer import api
from unmix.explorer.answers.examples import examples
from unmix.explorer.answers.latent import latent as answer_latent
from unmix.explorer.answers.misses import misses
from unmix.explorer.view import View
from unmix.export.config import SiteConfig
from unmix.index.examples import INTERVALS, Wish
from unmix.index.read import open_index


class Drawn(NamedTuple):
    """One set of examples."""

    name: str
    wish: Wish


@final
class Leaves:
    """Makes what is written of a latent."""

    def __init__(self, folder: Path, kept: SiteConfig) -> None:
        self.view = View(open_index(folder))
        self.kept = kept

    def __call__(self, number: int) -> bytes:
        """Return all that a page shows of a latent, as JSON."""
        shown = answer_latent(self.view, number)
        silent = misses(self.view, number, n=self.kept.misses)
        drawn = {one.name: self._draw(number, one.wish) for one in self._wanted(shown)}
        listed: dict[str, int] = {}
        texts: list[str] = []
        sets: dict[str, Any] = {}
        for name, found in drawn.items():
            at = []
            for example in found.examples:
                text = _json(columns(example))
                if text not in listed:
                    listed[text] = len(texts)
                    texts.append(text)
                at.append(listed[text])
            sets[name] = {"total": found.total, "at": at}
        told = silent.model_dump()
        for miss, one in zip(told["misses"], silent.misses, strict=True):
            miss["example"] = columns(one.example)
        return (
            f'{{"latent":{shown.model_dump_json()},"misses":{_json(told)},'
            f'"examples":[{",".join(texts)}],"sets":{_json(sets)}}}'
        ).encode()

    def _wanted(self, shown: api.Latent) -> list[Drawn]:
        kept = self.kept
        across = kept.interval * INTERVALS
        wanted = [
            Drawn("top", Wish("top", n=kept.top)),
            Drawn("document", Wish("document", n=kept.top)),
            Drawn("range", Wish("range", n=kept.top, seed=kept.seed)),
            Drawn("range+", Wish("range", n=across, seed=kept.seed)),
        ]
        for one in shown.tokens[: kept.tokens]:
            wish = Wish("token", n=kept.token, token=one.token)
            wanted.append(Drawn(f"token:{one.token}", wish))
        return [one for one in wanted if one.wish.n > 0]

    def _draw(self, number: int, wish: Wish) -> api.Examples:
        return examples(self.view, number, wish, around=self.kept.window)


def columns(example: api.Example) -> dict[str, Any]:
    """Return an example with its pieces as columns."""
    pieces = example.pieces
    places = [piece.position for piece in pieces]
    acts = [(i, piece.act) for i, piece in enumerate(pieces) if piece.act != 0]
    return dict(example) | {
        "pieces": {
            "text": [piece.text for piece in pieces],
            "token": [piece.token for piece in pieces],
            "step": [b - a for a, b in zip([0, *places], places, strict=False)],
            "act": acts,
        }
    }


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
