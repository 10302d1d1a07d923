"""A store: shards of activations on disk, read without copying them into memory first.

    STORE/manifest.json                    what the store holds and what it was made from
    STORE/train-00000.safetensors          contexts, activations, flags, sums
    STORE/train-00000.documents.jsonl      the documents that occur in the shard
    STORE/held_out-00000.safetensors       ...

`docs/store-format.md` describes every field.  A shard's own header says what it belongs to, so a
harvest that was killed goes on from the shards that are there.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import final

import torch
from pydantic import Field
from safetensors import SafetensorError, safe_open

from unmix import __version__
from unmix.activations.config import SourceConfig
from unmix.activations.reading import SPLITS, n_shards
from unmix.activations.source import About, Moments, Shard, Source, Sums, eligible, moments_of, sums
from unmix.config import Config, validate
from unmix.disk import read_json, read_tensors, write_json, write_tensors, write_text
from unmix.errors import UserError
from unmix.text.document import Split

SCHEMA = 1
MANIFEST = "manifest.json"


class SiteFacts(Config):
    """One site of a store."""

    site: str
    """Module path, side and index."""
    width: int
    """Width of the activations, `d`."""
    median_norm: float
    """Median norm over the first training shard, special tokens apart."""
    massive: dict[str, int]
    """Tokens of massive norm, by split."""
    eligible: dict[str, int]
    """Tokens that may be trained on, by split."""


class Manifest(Config):
    """What a store holds and what it was made from."""

    schema_number: int = SCHEMA
    """Version of the format."""
    version: str = __version__
    """Version of unmix that wrote it."""
    complete: bool
    """Whether every shard is there."""
    fingerprint: str
    """Fingerprint of `identity`; every shard's header repeats it."""
    identity: dict[str, object]
    """All that decides the rows."""
    config: SourceConfig
    """The settings of the harvest."""
    revision: str | None
    """Commit of a model from the Hub, if known."""
    tokens: dict[str, int] = Field(default_factory=dict)
    """Tokens by split."""
    special: dict[str, int] = Field(default_factory=dict)
    """Special tokens by split."""
    sites: dict[str, SiteFacts] = Field(default_factory=dict)
    """The sites; empty until the store is complete."""


class Header(Config):
    """What a shard's own file says of it."""

    store: str
    """Fingerprint of the store it belongs to."""
    contexts: int
    """Contexts in the shard."""
    special: int
    """Special tokens."""
    massive: dict[str, int]
    """Tokens of massive norm at each site."""
    eligible: dict[str, int]
    """Tokens that may be trained on at each site."""
    medians: dict[str, float]
    """Median norm of each site."""


@final
class Store(Source):
    """The activations in a folder.  Use `open_store`."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest

    @property
    def config(self) -> SourceConfig:
        """The settings of the harvest."""
        return self.manifest.config

    @property
    def identity(self) -> Mapping[str, object]:
        """All that decides the rows, as JSON."""
        return self.manifest.identity

    @property
    def sites(self) -> Mapping[str, int]:
        """The name and the width of each site."""
        return {name: facts.width for name, facts in self.manifest.sites.items()}

    @property
    def in_sequence(self) -> bool:
        """Whether shards are to be asked for one after the other: on disk all are equally near."""
        return False

    def n_shards(self, split: Split) -> int:
        """Return the number of shards on one side of the split."""
        return n_shards(self.config, split)

    def shard(self, split: Split, number: int) -> Shard:
        """Return a shard whose tensors lie in the file: only what is touched is read."""
        data = self._tensors(split, number)
        acts = {site: data[f"acts/{site}"] for site in self.sites}
        massive = {site: data[f"massive/{site}"] for site in self.sites}
        return Shard(
            data["tokens"].long(),
            data["documents"].long(),
            data["offsets"].long(),
            data["special"],
            acts,
            massive,
        )

    def moments(self, site: str) -> Moments:
        """Return the moments of a site over all eligible training rows."""
        parts = []
        for number in range(self.n_shards("train")):
            data = self._tensors("train", number)
            count = int(data[f"count/{site}"])
            parts.append(Sums(data[f"sum/{site}"], data[f"squares/{site}"], count))
        return moments_of(parts, self.manifest.sites[site].median_norm)

    def about(self, numbers: Iterable[int]) -> list[About]:
        """Return what is known of documents that occur in the store."""
        return [self._about[number] for number in numbers]

    @cached_property
    def _about(self) -> dict[int, About]:
        """All documents that occur in the store, by number."""
        found: dict[int, About] = {}
        for split in SPLITS:
            for number in range(self.n_shards(split)):
                path = documents_path(self.folder, split, number)
                for line in path.read_text(encoding="utf-8").splitlines():
                    row = json.loads(line)
                    found[row["number"]] = About(row["name"], row["source"], row["metadata"])
        return found

    def _tensors(self, split: Split, number: int) -> dict[str, torch.Tensor]:
        """Map a shard's file, or say how to mend it."""
        path = shard_path(self.folder, split, number)
        try:
            return read_tensors(path)
        except UserError as error:
            raise UserError(
                f"shard `{path}` is missing, damaged or cut short; run `unmix harvest` again with"
                " the same settings and it writes this shard anew"
            ) from error


def open_store(folder: Path) -> Store:
    """Open a store.

    Raises:
        UserError: The folder holds no store, or one that is not complete or of another format.
    """
    if not (folder / MANIFEST).is_file():
        raise UserError(f"`{folder}` holds no store; `unmix harvest` writes one")
    manifest = read_manifest(folder)
    if not manifest.complete:
        raise UserError(
            f"the store `{folder}` is not complete; run `unmix harvest` again with the same"
            " settings and it goes on where it stopped"
        )
    return Store(folder, manifest)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a store, complete or not."""
    data = read_json(folder / MANIFEST)
    schema = data.get("schema_number")
    if schema != SCHEMA:
        raise UserError(
            f"the store `{folder}` has format {schema} and this version of unmix reads {SCHEMA};"
            " harvest it again, or use the version of unmix that wrote it"
        )
    return validate(Manifest, data, where=str(folder / MANIFEST))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a store."""
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))


def write_shard(
    folder: Path, split: Split, number: int, *, shard: Shard, about: list[About], head: Header
) -> None:
    """Write a shard: its documents, then the file that says that both are there."""
    numbers = shard.documents.unique().tolist()
    rows = [{"number": n, **a._asdict()} for n, a in zip(numbers, about, strict=True)]
    lines = [json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows]
    write_text(documents_path(folder, split, number), "".join(lines))
    data = {name: getattr(shard, name).int() for name in ("tokens", "documents", "offsets")}
    data["special"] = shard.special
    for site, acts in shard.acts.items():
        part = sums(shard, site)
        data |= {f"acts/{site}": acts, f"massive/{site}": shard.massive[site]}
        data |= {f"sum/{site}": part.total, f"squares/{site}": part.squares}
        data[f"count/{site}"] = torch.tensor(part.tokens)
    write_tensors(shard_path(folder, split, number), data, about=head.model_dump_json())


def header_of(shard: Shard, *, store: str, medians: Mapping[str, float]) -> Header:
    """Return what is to be said of a shard."""
    return Header(
        store=store,
        contexts=len(shard.tokens),
        special=int(shard.special.sum()),
        massive={site: int(flags.sum()) for site, flags in shard.massive.items()},
        eligible={site: int(eligible(shard, site).sum()) for site in shard.acts},
        medians=dict(medians),
    )


def read_header(folder: Path, split: Split, number: int) -> Header | None:
    """Return the header of a shard that is there and whole, else None.  Reads no activations."""
    path = shard_path(folder, split, number)
    if not path.is_file() or not documents_path(folder, split, number).is_file():
        return None
    try:
        with safe_open(path, "pt") as file:  # refuses a file whose length is not what it says
            return Header.model_validate_json((file.metadata() or {}).get("about", ""))
    except (SafetensorError, ValueError):
        return None


def shard_path(folder: Path, split: Split, number: int) -> Path:
    """Return where a shard lies."""
    return folder / f"{split}-{number:05d}.safetensors"


def documents_path(folder: Path, split: Split, number: int) -> Path:
    """Return where the documents of a shard are described."""
    return folder / f"{split}-{number:05d}.documents.jsonl"
