"""Activations made by running the model when they are asked for.

The forward pass stops after the last site, takes full contexts without a mask, and keeps no keys,
values or logits.

Axes: s contexts in a shard, c tokens in a context, n = s * c rows, d width of the site.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from threading import Lock
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unmix.activations.config import SourceConfig
from unmix.activations.reading import SIDE, Reading, n_shards
from unmix.activations.source import About, Moments, Shard, Source, moments_of, norms, sums
from unmix.errors import UserError
from unmix.models.load import DTYPES, LanguageModel, load_model, pick_device, pick_dtype
from unmix.models.sites import read, resolve, widths
from unmix.text.document import Split
from unmix.text.sources import open_corpus

PASS = 1024
"""Tokens in one forward pass on a CPU: what it makes of them stays in the cache."""


@final
class LiveSource(Source):
    """Runs a model over a text.

    Shards are cheapest one after the other, and are made one at a time, whatever the thread.
    `moments` are those of the first training shard.

    Args:
        config: What to read.
        model: The model, if it is loaded already; else the one that `config` names.
        medians: The median norm of each site, where known from an earlier run.

    Raises:
        UserError: A model, site or text that cannot be used, or too little text.
    """

    def __init__(
        self,
        config: SourceConfig,
        model: LanguageModel | None = None,
        *,
        medians: Mapping[str, float] | None = None,
    ) -> None:
        corpora = [open_corpus(spec) for spec in config.text]  # before a model is loaded in vain
        config = self._config = decided(config)
        self.model = model or _load(config)
        longest = self.model.longest
        if longest is not None and config.context > longest:
            raise UserError(
                f"`context = {config.context}` is more than the {longest} tokens that"
                f" `{self.model.name}` can read; set `context = {longest}`"
            )
        self._sites = {name: resolve(self.model.model, name) for name in config.sites}
        self._widths = widths(self.model.model, self._sites)
        self._reading = Reading(config, self.model.tokenizer, corpora)
        self._known_medians = medians
        self._one_at_a_time = Lock()

    @property
    def config(self) -> SourceConfig:
        """The settings the activations are read with."""
        return self._config

    @cached_property
    def identity(self) -> Mapping[str, object]:
        """All that decides the rows, as JSON."""
        kept = ("held_out_share", "context", "massive", "dtype", "model_dtype", "shard")
        return {
            "model": self.model.fingerprint,
            "tokenizer": self.model.tokenizer_fingerprint,
            "text": self._reading.fingerprint,
            "sites": {name: str(site) for name, site in self._sites.items()},
            "bos": self._reading.bos,
            **{name: getattr(self._config, name) for name in kept},
        }

    @property
    def sites(self) -> Mapping[str, int]:
        """The name and the width of each site."""
        return self._widths

    @property
    def in_sequence(self) -> bool:
        """Whether shards are to be asked for one after the other: a model cannot skip."""
        return True

    def n_shards(self, split: Split) -> int:
        """Return the number of shards on one side of the split."""
        return n_shards(self._config, split)

    def shard(self, split: Split, number: int) -> Shard:
        """Run the model over the contexts of a shard."""
        first = split == "train" and number == 0 and self._known_medians is None
        with self._one_at_a_time:
            bare = self._first if first else self._run(split, number)
            medians = self.medians
        bound = {site: self._config.massive * median for site, median in medians.items()}
        massive = {site: norms(x) > bound[site] for site, x in bare.acts.items()}
        return bare._replace(massive=massive)

    def moments(self, site: str) -> Moments:
        """Return the moments of a site over the eligible rows of the first training shard."""
        return moments_of([sums(self.shard("train", 0), site)], self.medians[site])

    def about(self, numbers: Iterable[int]) -> list[About]:
        """Return what is known of documents that occurred in a shard that was read."""
        return self._reading.about(numbers)

    @cached_property
    def medians(self) -> Mapping[str, float]:
        """The median norm of the tokens that are not special, in the first training shard."""
        if self._known_medians is not None:
            return self._known_medians
        plain = ~self._first.special.flatten()
        return {site: float(norms(x)[plain].median()) for site, x in self._first.acts.items()}

    @cached_property
    def _first(self) -> Shard:
        """The first training shard, kept because medians, moments and streams begin with it."""
        return self._run("train", 0)

    def _run(self, split: Split, number: int) -> Shard:
        """Return a shard without the flags of massive tokens."""
        columns = zip(*self._reading.contexts(split, number), strict=True)
        tokens, documents, offsets, special = (torch.from_numpy(np.stack(c)) for c in columns)
        dtype = DTYPES[self._config.dtype]
        acts = {k: torch.empty(tokens.numel(), d, dtype=dtype) for k, d in self._widths.items()}
        shard = Shard(tokens, documents, offsets, special, acts, {})
        for begin in range(0, len(tokens), self._contexts_at_once):
            batch = tokens[begin : begin + self._contexts_at_once]
            first = begin * tokens.shape[1]
            for site, x in read(self.model.model, self._sites, batch).items():
                exact = x.flatten(0, 1)
                kept = acts[site][first : first + len(exact)]
                kept.copy_(exact)
                if not kept.isfinite().all():
                    where = f"`{site}`, {SIDE[split]} shard {number}"
                    raise self._unusable(exact.cpu(), kept, shard, first=first, where=where)
        return shard

    @property
    def _contexts_at_once(self) -> int:
        """Contexts in one forward pass."""
        most = self._config.batch
        if self.model.device.type != "cpu":
            return most
        return max(1, min(most, PASS // self._config.context))

    def _unusable(
        self,
        exact: Float[Tensor, "n d"],
        kept: Float[Tensor, "n d"],
        shard: Shard,
        *,
        first: int,
        where: str,
    ) -> UserError:
        """Say which token cannot be kept, and why."""
        broken = ~exact.isfinite().all(1)
        row = int((broken if broken.any() else ~kept.isfinite().all(1)).nonzero()[0])
        place = first + row
        document = self.documents([int(shard.documents.flatten()[place])])[0]
        offset = int(shard.offsets.flatten()[place])
        token = f"token {offset}" if offset >= 0 else "the beginning-of-text token put in there"
        where += f", document `{document}`, {token}"
        if broken.any():
            return UserError(
                f"the activation at {where} holds NaN or infinity; run the model with"
                " `model_dtype = fp32`, read an earlier site, or leave that document out"
            )
        return UserError(
            f"the activation at {where} is too large for `dtype = {self._config.dtype}`;"
            " set `dtype = bf16` or `dtype = fp32`"
        )


def decided(config: SourceConfig) -> SourceConfig:
    """Return the settings with `model_dtype = auto` replaced by what it comes to here."""
    if config.model_dtype != "auto":
        return config
    dtype = pick_dtype(config.model_dtype, pick_device(config.device))
    return config.model_copy(update={"model_dtype": dtype})


def _load(config: SourceConfig) -> LanguageModel:
    """Load the model that a config names."""
    return load_model(
        config.model,
        revision=config.revision,
        device=config.device,
        dtype=config.model_dtype,
        random_seed=config.random_weights,
    )
