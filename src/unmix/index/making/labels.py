"""Rules in words: short, readable whatever the bytes.

Axes: m latents, c classes of a rule.
"""

import json
from collections.abc import Sequence

from unmix.index.making.classes import Classes
from unmix.index.making.rules import Rules
from unmix.text.spelling import visible

LONGEST = 60
"""Characters of a label."""


def columns(rules: Rules, kinds: Sequence[Classes], spelt: Sequence[bytes]) -> dict[str, list[str]]:
    """Return the kind, the token ids and the label of each latent's rule; empty for none."""
    made: dict[str, list[str]] = {"rule_kind": [], "rule": [], "label": []}
    for kind, chosen in zip(rules.kind.tolist(), rules.classes, strict=True):
        if kind < 0:
            row = ("", "", "")
        else:
            classes = kinds[kind]
            parts = classes.parts[chosen[chosen >= 0]].tolist()
            ids = [[None if t < 0 else t for t in part] for part in parts]
            row = (classes.kind, json.dumps(ids), label(classes.kind, parts, spelt))
        for column, value in zip(made.values(), row, strict=True):
            column.append(value)
    return made


def label(kind: str, parts: Sequence[Sequence[int]], spelt: Sequence[bytes]) -> str:
    """Return a rule in words: `not, n't`, `after of, in` or `New → York`."""
    words = [" → ".join(word(spelt[t]) for t in part if t >= 0) for part in parts]
    text = "after " if kind == "after" else ""
    for i, found in enumerate(dict.fromkeys(words)):
        joined = found if i == 0 else f", {found}"
        if len(text) + len(joined) > LONGEST - 3:
            return f"{text}, …" if i else f"{text}{joined}"[: LONGEST - 1] + "…"
        text += joined
    return text


def word(data: bytes) -> str:
    """Return a token as it is read within a sentence: without the space it begins with."""
    text = visible(data.decode(errors="backslashreplace"))
    return text.strip() or text.replace(" ", "␣")
