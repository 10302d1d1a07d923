"""A finished run opened to be asked: its model, one dictionary, and what is measured.

Axes: d activation width (i in, o out), v vocabulary.
"""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.activations.live import LiveSource
from unmix.activations.source import Source
from unmix.activations.store import open_store
from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.files import TENSORS, load, read_card
from unmix.disk import file_sha256
from unmix.errors import UserError
from unmix.evaluation.candidates import from_dictionary
from unmix.evaluation.examples import direct_unembedding
from unmix.evaluation.shortcut import Cut, find_cut, recording, skipping
from unmix.evaluation.splicing import unembedding
from unmix.explorer.live.questions import TOKENS
from unmix.index.manifest import MANIFEST
from unmix.index.read import Index, open_index
from unmix.models.load import LanguageModel
from unmix.models.sites import resolve
from unmix.text.tokens import bos_policy
from unmix.training.config import TrainConfig
from unmix.training.finished import check_source, dictionaries, model_of
from unmix.training.run import read_config

LOGITS = 2**28
"""Logits of one text held at once (1 GiB in float32): with a large vocabulary, fewer tokens."""
TRIED = 16
"""Tokens on which it is checked that the model may be cut at the site."""


@final
class Session:
    """What every question needs.  Use `open_session`."""

    def __init__(
        self,
        run: Path,
        name: str,
        dictionary: Dictionary,
        *,
        source: Source,
        model: LanguageModel,
        site: str,
        target: str,
        several: bool,
    ) -> None:
        self.run, self.name, self._several = run, name, several
        self.dictionary, self.model, self.config = dictionary, model, source.config
        self.site, self.target = site, target
        self.sites = {name: resolve(model.model, name) for name in (site, target)}
        self.candidate = from_dictionary(name, dictionary, site=site, target=target)
        moments = {name: source.moments(name) for name in (site, target)}
        self.mean: Float[Tensor, " o"] = moments[target].mean
        """Mean activation of the target over the training tokens, float64."""
        self.medians = {name: found.median_norm for name, found in moments.items()}
        """Median norm at each site."""
        self.bos = bos_policy(self.config.bos, model.tokenizer)
        self.pulse: Callable[[], None] = lambda: None
        """Called before every pass of the model; what it raises ends the question."""
        self.head = direct_unembedding(model, target, width=dictionary.d_out)
        """The unembedding, where the target feeds it directly."""
        self.cut = self._cut()
        """Where the model may be cut; None where it must be run whole."""
        # Kernels are compiled when they are first used on a machine: now, and not in a question.
        self.candidate.rebuild(torch.zeros(2, dictionary.d_in))

    @property
    def most_tokens(self) -> int:
        """Most tokens of one text."""
        by_model = self.model.longest or TOKENS
        return min(TOKENS, by_model, LOGITS // self._vocabulary)

    @property
    def bounds(self) -> dict[str, float]:
        """Norm at each site above which a token is massive."""
        return {name: self.config.massive * median for name, median in self.medians.items()}

    @cached_property
    def index(self) -> Index:
        """The index of the dictionary.

        Raises:
            UserError: There is none, or it is of another dictionary.
        """
        index = open_index(self._index_folder)
        weights = index.run / index.manifest.dictionary / TENSORS
        if file_sha256(weights) != index.manifest.dictionary_fingerprint:
            raise UserError(
                f"the index in `{index.folder}` is of another dictionary; write it anew with "
                f"`unmix index {self.run}`"
            )
        return index

    @cached_property
    def labels(self) -> list[str]:
        """What the index calls each latent; empty texts where there is no index."""
        if not (self._index_folder / MANIFEST).is_file():
            return [""] * self.dictionary.n_latents
        return [str(label) for label in self.index.column("label").tolist()]

    @cached_property
    def mean_logit_row(self) -> Float[Tensor, " o"]:
        """The mean row of the unembedding, which direct effects on logits are taken from."""
        assert self.head is not None, "only a site that feeds the unembedding has direct effects"
        return self.head.float().mean(0)

    def latent(self, number: int) -> int:
        """Return a latent's number, or say that there is no such latent."""
        if not 0 <= number < self.dictionary.n_latents:
            raise UserError(
                f"there is no latent {number}; the last is {self.dictionary.n_latents - 1}"
            )
        return number

    @property
    def _index_folder(self) -> Path:
        return self.run / "index" / self.name if self._several else self.run / "index"

    @property
    def _vocabulary(self) -> int:
        head = unembedding(self.model.model)
        if head is None:
            raise UserError(
                f"`{self.model.name}` has no logits, so it cannot be asked what follows"
            )
        return len(head)

    def _cut(self) -> Cut | None:
        """Return where the model may be cut, having seen that it gives the very same logits."""
        model = self.model.model
        cut = find_cut(model, [(s.module, s.side == "output") for s in self.sites.values()])
        tokens = torch.arange(min(TRIED, self._vocabulary), device=self.model.device)[None]
        with torch.no_grad():
            with recording(model, cut) as recorded:
                whole = model(input_ids=tokens, use_cache=False).logits
            with skipping(model, cut, recorded):
                above = model(input_ids=tokens, use_cache=False).logits
        return cut if torch.equal(whole, above) else None


def open_session(run: Path, *, name: str | None = None) -> Session:
    """Open a run to ask its model about texts.

    Args:
        run: The run folder.
        name: Which dictionary, where the run has several.

    Raises:
        UserError: The run is not finished, or its activations or its model are not those the
            dictionary was trained on.
    """
    folders = dictionaries(run)
    chosen = _chosen(folders, name, run)
    folder = folders[chosen]
    source = _source(read_config(run))
    check_source({chosen: folder}, source)
    model = model_of(source)
    card = read_card(folder)
    return Session(
        run,
        chosen,
        load(folder).to(model.device),
        source=source,
        model=model,
        site=card.site,
        target=card.target or card.site,
        several=len(folders) > 1,
    )


def _chosen(folders: dict[str, Path], name: str | None, run: Path) -> str:
    """Return the name of the dictionary that is meant."""
    if name in folders:
        return name
    known = ", ".join(f"`{known}`" for known in folders)
    if name is not None:
        raise UserError(f"`{run}` has no dictionary `{name}`; there are {known}")
    if len(folders) > 1:
        raise UserError(f"`{run}` has several dictionaries; name one of {known}")
    return next(iter(folders))


def _source(config: TrainConfig) -> Source:
    """Open the activations as they are: nothing is harvested to answer a question."""
    folder = config.folder()
    if folder is not None:
        return open_store(folder)
    assert config.source is not None  # the config's validator saw to it
    return LiveSource(config.source)
