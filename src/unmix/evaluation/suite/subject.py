"""What metrics read of a run: its dictionaries, where they fire, and the model; each made once.

Axes: n tokens, f firings, m latents.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Float, Int

from unmix.activations.source import Shard, Source, held_out
from unmix.dictionaries.code import Code
from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.files import TENSORS, load
from unmix.disk import file_sha256
from unmix.evaluation.candidates import Candidate
from unmix.evaluation.coded import coded
from unmix.evaluation.controls import FROZEN, RANDOM
from unmix.evaluation.fidelity import L0, Fidelity, FidelityPass
from unmix.evaluation.heldout import measurable
from unmix.evaluation.suite.reader import Reader
from unmix.models.load import LanguageModel
from unmix.text.document import Split
from unmix.text.spelling import Tokenizer
from unmix.training.config import TrainConfig
from unmix.training.finished import check_source, dictionaries, model_of
from unmix.training.reading import open_source
from unmix.training.run import read_config

SLAB = 4096
"""Tokens encoded at a time."""


class Firings(NamedTuple):
    """Where every latent of a dictionary fires on the eligible tokens of a split.

    Rows are eligible tokens in the order in which they were read; latent `j` fires on
    `rows[latents[j] : latents[j + 1]]`, ascending.
    """

    tokens: Int[np.ndarray, " n"]
    """Token ids."""
    documents: Int[np.ndarray, " n"]
    """Number of each token's document."""
    places: Int[np.ndarray, "n 2"]
    """Number of the context in the split, and the place in it."""
    latents: Int[np.ndarray, " m+1"]
    """Where each latent's firings begin."""
    rows: Int[np.ndarray, " f"]
    values: Float[np.ndarray, " f"]


@final
class Subject:
    """The run that is measured.

    Args:
        run: Folder of a finished run.
        seed: Of whatever a metric draws.
        options: What the user asked of single metrics, by their name.
        report: Is told in words what is being done.

    Raises:
        UserError: The run is not finished, or its activations are not those it was trained on.
    """

    def __init__(
        self,
        run: Path,
        *,
        seed: int = 0,
        options: Mapping[str, Mapping[str, object]] | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.run, self.seed, self.report = run, seed, report
        self.options = options or {}
        self.config: TrainConfig = read_config(run)
        self.folders: dict[str, Path] = dictionaries(run)
        self._firings: dict[tuple[str, Split, int], Firings] = {}

    @cached_property
    def dictionaries(self) -> dict[str, Dictionary]:
        """The dictionaries of the run by name, in evaluation mode."""
        return {name: load(folder).eval() for name, folder in self.folders.items()}

    @cached_property
    def frozen(self) -> Dictionary | None:
        """The twin that was trained with frozen directions, if the run has one."""
        folder = self.run / FROZEN
        return load(folder).eval() if folder.exists() else None

    @cached_property
    def random(self) -> "Subject | None":
        """The run of the same kind on a model of random weights, if the run has one."""
        folder = self.run / RANDOM
        return Subject(folder, report=self.report) if (folder / "dictionary").exists() else None

    @cached_property
    def coded(self) -> list[Candidate]:
        """The dictionaries, and the frozen twin after them."""
        return coded(self.run, self.folders)

    @property
    def site(self) -> str:
        """The site that is read."""
        return self.coded[0].site

    @property
    def target(self) -> str:
        """The site that is rebuilt."""
        return self.coded[0].target

    @cached_property
    def source(self) -> Source:
        """The activations of the run."""
        source = open_source(self.config, report=self.report)
        check_source(self.folders, source)
        return source

    @cached_property
    def model(self) -> LanguageModel:
        """The model they came from."""
        self.report("loading the model")
        return model_of(self.source)

    @property
    def tokenizer(self) -> Tokenizer:
        """Its tokenizer."""
        return self.model.tokenizer

    @cached_property
    def reader(self) -> Reader:
        """Reads the site at tokens of other texts, which begin as in training."""
        begins = self.source.identity["bos"] != "none"
        return Reader(
            self.model,
            self.site,
            begins=begins,
            cache=self.run / "suite" / "cache",
            key=self.source.fingerprint,
            report=self.report,
        )

    @cached_property
    def fingerprint(self) -> dict[str, str]:
        """What every number depends on: the files of the dictionaries, and the activations."""
        folders = dict(self.folders)
        if (self.run / FROZEN).exists():
            folders["frozen"] = self.run / FROZEN
        made = {name: file_sha256(folder / TENSORS) for name, folder in folders.items()}
        if self.random is not None:
            made |= {f"random {name}": one for name, one in self.random.fingerprint.items()}
        return made | {"activations": self.source.fingerprint}

    @cached_property
    def fidelity(self) -> dict[str, Fidelity]:
        """How well each dictionary, and the frozen twin, rebuilds the held-out activations."""
        self.report("measuring how well every dictionary rebuilds held-out activations")
        made = FidelityPass(self.coded, mean=self.source.moments(self.target).mean)
        for shard in held_out(self.source):
            made.add(shard)
        return made.found()

    def l0(self, name: str) -> float:
        """Return how many latents of a dictionary fire on a held-out token."""
        return float(L0.formula(self.fidelity[name].sums.total()))

    def firings(self, name: str, split: Split, *, tokens: int | None = None) -> Firings:
        """Return where a dictionary, or the frozen twin, fires on a split; encoded once.

        Args:
            tokens: About how many to read, in whole shards from the first; all by default.
        """
        count = self.source.n_shards(split)
        if tokens is not None:
            count = min(count, max(1, round(tokens / self.source.config.shard)))
        if (name, split, count) not in self._firings:
            candidate = next(one for one in self.coded if one.name == name)
            self._firings[name, split, count] = self._encoded(candidate, split, count)
        return self._firings[name, split, count]

    def _encoded(self, candidate: Candidate, split: Split, count: int) -> Firings:
        """Encode the eligible tokens of some shards, and sort what fired by latent."""
        parts, first = [], 0
        for number in range(count):
            self.report(f"encoding {candidate.name}, {split} shard {number + 1} of {count}")
            shard = self.source.shard(split, number)
            parts.append(_of_shard(candidate, shard, first=first))
            first += len(shard.tokens)
        return _by_latent(parts, candidate.n_latents or 0)


class _Part(NamedTuple):
    tokens: Int[np.ndarray, " n"]
    documents: Int[np.ndarray, " n"]
    places: Int[np.ndarray, "n 2"]
    fired: Int[np.ndarray, " n"]
    """Latents that fire on each token."""
    indices: Int[np.ndarray, " f"]
    values: Float[np.ndarray, " f"]


def _of_shard(candidate: Candidate, shard: Shard, *, first: int) -> _Part:
    """Encode the eligible tokens of one shard."""
    keep = measurable(shard, (candidate.site, candidate.target))
    rows = keep.nonzero()[:, 0].cpu().numpy()
    width = shard.tokens.shape[1]
    codes = []
    for slab in shard.acts[candidate.site][keep].split(SLAB):
        code = candidate.rebuild(slab.float()).code
        assert code is not None, "a dictionary has a code"
        codes.append(_entries(code))
    counts, indices, values = zip(*codes, strict=True) if codes else ((), (), ())
    return _Part(
        shard.tokens.flatten().cpu().numpy()[rows].astype(np.int32),
        shard.documents.flatten().cpu().numpy()[rows].astype(np.int32),
        np.stack([first + rows // width, rows % width], axis=1).astype(np.int32),
        _joined(counts, np.dtype(np.int64)),
        _joined(indices, np.dtype(np.int32)),
        _joined(values, np.dtype(np.float32)),
    )


def _entries(code: Code) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how many latents fire on each token, which, and how strongly."""
    on = code.values != 0
    support = code.support.where(on)
    return (
        support.offsets.diff().cpu().numpy(),
        support.latents.cpu().numpy().astype(np.int32),
        code.values[on].float().cpu().numpy(),
    )


def _by_latent(parts: list[_Part], m: int) -> Firings:
    """Put shards together and sort what fired by latent, then by row."""
    columns = [_joined(part, part[0].dtype) for part in zip(*parts, strict=True)]
    tokens, documents, places, fired, indices, values = columns
    rows = np.repeat(np.arange(len(tokens), dtype=np.int32), fired)
    order = np.argsort(indices, kind="stable")
    counts = np.bincount(indices, minlength=m)
    latents = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Firings(tokens, documents, places, latents, rows[order], values[order])


def _joined(parts: Sequence[np.ndarray], kind: np.dtype) -> np.ndarray:
    return np.concatenate(parts) if len(parts) else np.zeros(0, kind)
