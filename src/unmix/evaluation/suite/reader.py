"""Activations of texts that are not the run's own, at the tokens a metric asks for.

The forward pass stops after the site.  Texts are packed side by side with padding on the right,
which no earlier token can see.

Axes: t texts, d width of the site.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.disk import fingerprint, read_tensors, write_tensors
from unmix.models.load import LanguageModel
from unmix.models.sites import read, resolve
from unmix.text.tokens import special_ids

PASS, PASS_GPU = 1024, 16384
"""Tokens in one forward pass: on a CPU, what it makes of them stays in the cache."""
PART = 1000
"""Texts whose ends are kept in one file."""


@final
class Reader:
    """Reads a site of a model; the end of a text is read once.

    Args:
        model: The model.
        site: Name of the site.
        begins: Whether a text begins with the beginning-of-text token, as in training.
        cache: Folder for what has been read, under a key of the texts and of what reads them, so
            that a run that is stopped goes on; nothing is kept without one.
        key: Of what reads them: model, precision.
        report: Is told in words what is being done.
    """

    def __init__(
        self,
        model: LanguageModel,
        site: str,
        *,
        begins: bool,
        cache: Path | None = None,
        key: str = "",
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.model, self.report = model, report
        self._site = {site: resolve(model.model, site)}
        self._name = site
        self.start: list[int] = [model.tokenizer.bos_token_id] if begins else []
        self._cache, self._key = cache, key
        self._known: dict[tuple[int, ...], Tensor] = {}

    def tokens(self, texts: Sequence[str], *, most: int) -> list[tuple[int, ...]]:
        """Return the tokens of each text, its last `most` where it is longer."""
        options = {"add_special_tokens": False, "return_attention_mask": False, "verbose": False}
        every = self.model.tokenizer(list(texts), **options)["input_ids"]
        most = min(most, (self.model.longest or most + 1) - len(self.start))
        return [(*self.start, *ids[-most:]) for ids in every]

    def ends(self, texts: Sequence[str], *, most: int) -> Float[Tensor, "t d"]:
        """Return the activation at the last token of each text that is not a special one."""
        every = self.tokens(texts, most=most)
        special = set(special_ids(self.model.tokenizer).tolist()) - set(self.start)
        trimmed = [_without_tail(ids, special) for ids in every]
        new = {ids for ids in trimmed if ids not in self._known}
        unknown = sorted(new, key=lambda ids: (len(ids), ids))
        for first in range(0, len(unknown), PART):
            part = unknown[first : first + PART]
            self.report(f"reading texts, {first:,} of {len(unknown):,}")
            self._known.update(zip(part, self._ends(part), strict=True))
        return torch.stack([self._known[ids] for ids in trimmed])

    def _ends(self, texts: Sequence[tuple[int, ...]]) -> Float[Tensor, "t d"]:
        """Return the activation at the last token of each list, read or from disk."""
        name = fingerprint([self._key, self._name, texts])
        file = None if self._cache is None else self._cache / f"ends-{name}.safetensors"
        if file is not None and file.exists():
            return read_tensors(file)["ends"]
        found = torch.stack(self.at(texts, [[len(ids) - 1] for ids in texts]))
        if file is not None:
            write_tensors(file, {"ends": found}, about="activations at the end of texts")
        return found

    def at(
        self, contexts: Sequence[Sequence[int]], places: Sequence[Sequence[int]]
    ) -> list[Float[Tensor, "_ d"] | Float[Tensor, " d"]]:
        """Return the activations at some places of each context; at one place, one vector."""
        found: list[Tensor] = [torch.empty(0)] * len(contexts)
        most = PASS if self.model.device.type == "cpu" else PASS_GPU
        for batch in _batches(contexts, most=most):
            longest = max(len(contexts[i]) for i in batch)
            padded = torch.zeros(len(batch), longest, dtype=torch.int64)
            for row, i in enumerate(batch):
                padded[row, : len(contexts[i])] = torch.tensor(contexts[i])
            acts = read(self.model.model, self._site, padded)[self._name].float().cpu()
            for row, i in enumerate(batch):
                at = places[i]
                found[i] = acts[row, at[0]].clone() if len(at) == 1 else acts[row, list(at)]
        return found


def _without_tail(ids: tuple[int, ...], special: set[int]) -> tuple[int, ...]:
    """Drop special tokens a text itself ends with, as long as one token is left."""
    while len(ids) > 1 and ids[-1] in special:
        ids = ids[:-1]
    return ids


def _batches(contexts: Sequence[Sequence[int]], *, most: int) -> list[list[int]]:
    """Group contexts of about one length, so that little is padding."""
    order = sorted(range(len(contexts)), key=lambda i: len(contexts[i]))
    made: list[list[int]] = []
    for i in order:
        if not made or (len(made[-1]) + 1) * len(contexts[i]) > most:
            made.append([])
        made[-1].append(i)
    return made
