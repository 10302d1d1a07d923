"""What is indexed: a dictionary of a run, activations, and the model they come from.

The activations are those the run was trained on, from its store or by running the model again, or
those of another text.  Of another text, documents are told apart by the same hash as always, so
that those on the held-out side were never trained on, and massive norms are measured against the
median of the training text, as the dictionary's training was.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from unmix.activations.config import SourceConfig
from unmix.activations.live import LiveSource
from unmix.activations.reading import SPLITS, Reading, shard_tokens
from unmix.activations.source import Source
from unmix.activations.store import MANIFEST, Store, open_store
from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.files import TENSORS, Card, load, read_card
from unmix.disk import file_sha256, fingerprint
from unmix.errors import UserError
from unmix.index.making.parts import Key
from unmix.index.schema import SCHEMA
from unmix.models.load import LanguageModel, pick_device
from unmix.text.sources import open_corpus
from unmix.training.config import TrainConfig
from unmix.training.finished import check_source, dictionaries, model_of
from unmix.training.run import read_config

Report = Callable[[str], None]


class Subject(NamedTuple):
    """One dictionary and the activations it is looked at on."""

    run: Path
    """The run folder."""
    folder: Path
    """Folder of the dictionary."""
    out: Path
    """Folder of the index."""
    card: Card
    sha256: str
    """Of the dictionary's weights."""
    source: Source
    sizes: dict[Key, int]
    """Tokens of each shard that is indexed, in the order of positions."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the acts of a shard do."""
        return fingerprint([SCHEMA, self.sha256, self.source.fingerprint, self.card.site])

    @property
    def n_tokens(self) -> int:
        """Positions of the index."""
        return sum(self.sizes.values())

    @property
    def revision(self) -> str | None:
        """Commit of a model from the Hub, if known."""
        if isinstance(self.source, Store):
            return self.source.manifest.revision
        return model_of(self.source).revision

    def dictionary(self, device: str) -> Dictionary:
        """Load the dictionary onto a device."""
        return load(self.folder).to(pick_device(device))


def open_subject(
    run: Path,
    *,
    dictionary: str | None = None,
    text: Sequence[str] = (),
    tokens: int | None = None,
    report: Report = lambda _: None,
) -> Subject:
    """Open a finished run on the activations it was trained on, or on those of another text.

    Args:
        dictionary: Which, where a run has several.
        text: Sources of another text.
        tokens: Most tokens, about; by default all the run read, or as many of another text.

    Raises:
        UserError: The run is not finished, or its activations or its model are not those it was
            trained on.
    """
    config = read_config(run)
    folders = dictionaries(run)
    name, folder = _chosen(run, folders, dictionary)
    report("opening the activations")
    source = _trained_on(config)
    check_source({name: folder}, source)
    card = read_card(folder)
    if text:
        report("loading the model")
        source = _other_text(source, model_of(source), card.site, text=text, tokens=tokens)
        tokens = None
    return Subject(
        run,
        folder,
        run / "index" / name if len(folders) > 1 else run / "index",
        card,
        file_sha256(folder / TENSORS),
        source,
        _sizes(source, tokens),
    )


def _chosen(run: Path, folders: dict[str, Path], wanted: str | None) -> tuple[str, Path]:
    """Return the dictionary asked for, or the only one."""
    names = ", ".join(f"`{name}`" for name in folders)
    if wanted is None and len(folders) > 1:
        raise UserError(f"`{run}` has several dictionaries; say which with `--dictionary`: {names}")
    name = wanted or next(iter(folders))
    if name not in folders:
        raise UserError(f"`{run}` has no dictionary `{name}`; there are {names}")
    return name, folders[name]


def _trained_on(config: TrainConfig) -> Source:
    """Return the activations of a run: its store, or where that is gone the model itself."""
    folder = config.folder()
    if folder is not None and (folder / MANIFEST).is_file():
        return open_store(folder)
    if config.source is None:
        raise UserError(f"the store `{folder}` is gone; put it back, or harvest it again")
    return LiveSource(config.source)


def _other_text(
    trained_on: Source,
    model: LanguageModel,
    site: str,
    *,
    text: Sequence[str],
    tokens: int | None,
) -> LiveSource:
    """Return the activations of another text, as many contexts as there are up to `tokens`."""
    old = trained_on.config
    wanted = (tokens or old.tokens + old.held_out_tokens) // old.context
    corpora = [open_corpus(spec) for spec in text]
    # Not validated: an index, unlike a training, does without one side of the split.
    new = {"text": tuple(text), "weights": None, "sites": (site,), "tokens": 0}
    empty = old.model_copy(update={**new, "held_out_tokens": 0})
    reading = Reading(empty, model.tokenizer, corpora)
    train, held_out = (reading.available(side, most=wanted) for side in SPLITS)
    if train + held_out == 0:
        raise UserError(
            f"the text does not fill one context of {old.context} tokens; add text to `text`"
        )
    held = min(held_out, max(round(wanted * old.held_out_share), wanted - train))
    counts = {"tokens": min(train, wanted - held), "held_out_tokens": held}
    config: SourceConfig = empty.model_copy(
        update={name: count * old.context for name, count in counts.items()}
    )
    if isinstance(trained_on, Store):
        medians = {site: trained_on.manifest.sites[site].median_norm}
    else:
        assert isinstance(trained_on, LiveSource)
        medians = {site: trained_on.medians[site]}
    return LiveSource(config, model, medians=medians)


def _sizes(source: Source, tokens: int | None) -> dict[Key, int]:
    """Return the shards to index: all, or the same share of both sides."""
    keys = [Key(side, i) for side in SPLITS for i in range(source.n_shards(side))]
    sizes = {key: shard_tokens(source.config, *key) for key in keys}
    share = 1.0 if tokens is None else min(1.0, tokens / sum(sizes.values()))
    kept = {side: -(-share * source.n_shards(side) // 1) for side in SPLITS}
    return {key: size for key, size in sizes.items() if key.number < kept[key.split]}
