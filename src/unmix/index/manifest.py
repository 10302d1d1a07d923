"""`manifest.json` of an index: what was indexed, by what, and how large every file is.

It is written last, so an index without one, or with one that is not complete, is one that is being
written or whose writing was stopped.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import Field

from unmix import __version__
from unmix.config import Config, validate
from unmix.disk import fingerprint, read_json, write_json
from unmix.errors import UserError
from unmix.index.schema import SCHEMA

MANIFEST = "manifest.json"
FILES = (
    "codes", "latents", "logits", "logit_counts", "neighbours", "strongest", "tokens", "documents",
    "vocabulary",
)  # fmt: skip
"""The Parquet files of a complete index, less their ending."""


class FileFacts(Config):
    """One file of an index."""

    bytes: int
    """Its length."""
    rows: int
    """Its rows."""
    sha256: str
    """Of its bytes, in hex."""


class Manifest(Config):
    """What was indexed, by what, and the fingerprint of every file."""

    schema_number: int = SCHEMA
    """Version of the format."""
    version: str = __version__
    """Version of unmix that wrote it."""
    created: str = ""
    """When it was complete: ISO time, UTC."""
    complete: bool
    """Whether every file is there."""
    dictionary: str
    """Folder of the dictionary, as seen from the run's folder."""
    dictionary_fingerprint: str
    """SHA-256 of its `dictionary.safetensors`, in hex."""
    model: str
    """The model, as it was named."""
    revision: str | None = None
    """Commit of a model from the Hub, if known."""
    site: str
    """Where the activations it reads are."""
    target: str = ""
    """Where the activations it rebuilds are; empty for the same site."""
    kind: str
    """Which latents may fire."""
    k: float | None = None
    """Latents a token it was trained to keep, where the kind has such a number."""
    n_latents: int
    """Number of directions."""
    context: int
    """Tokens of a context; position `p` is token `p % context` of context `p // context`."""
    n_tokens: int
    """Positions."""
    n_eligible: int
    """Positions that are neither special nor massive."""
    n_documents: int
    """Rows of `documents`."""
    source: dict[str, Any] = Field(default_factory=dict)
    """The settings the activations were read with: a `SourceConfig`."""
    identity: dict[str, Any] = Field(default_factory=dict)
    """All that decides the activations: fingerprints of model, tokenizer and text, and settings."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Whatever else decided the columns: seeds, whether UMAP was there."""
    has_logits: bool = True
    """Whether the site feeds the unembedding; if not, `logits` and `logit_counts` are empty."""
    files: dict[str, FileFacts] = Field(default_factory=dict)
    """By name, ending included."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever a file of the index does."""
        return fingerprint([self.schema_number, {n: f.sha256 for n, f in self.files.items()}])


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write `manifest.json` into the folder of an index."""
    write_json(folder / MANIFEST, json.loads(manifest.model_dump_json()))


def is_complete(folder: Path) -> bool:
    """Say whether a folder holds an index of this format that is complete."""
    if not (folder / MANIFEST).is_file():
        return False
    data = read_json(folder / MANIFEST)
    return data.get("schema_number") == SCHEMA and data.get("complete") is True


def is_newer(folder: Path) -> bool:
    """Say whether a folder holds an index of a later format than this version writes."""
    try:
        number = read_json(folder / MANIFEST).get("schema_number")
    except UserError:  # there is none, or it is damaged
        return False
    return isinstance(number, int) and number > SCHEMA


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of an index.

    Raises:
        UserError: There is none, it is of another schema, or the index is not complete.
    """
    if not (folder / MANIFEST).is_file():
        raise UserError(f"`{folder}` holds no index; write one with `unmix index RUN`")
    data = read_json(folder / MANIFEST)
    number = data.get("schema_number")
    if number != SCHEMA:
        raise UserError(
            f"`{folder / MANIFEST}` has schema {number}, this version reads {SCHEMA}; "
            "write the index anew with `unmix index RUN`"
        )
    if unknown := sorted(data.keys() - Manifest.model_fields.keys()):
        raise UserError(
            f"`{folder / MANIFEST}` has a field `{unknown[0]}` that this version does not know; "
            "write the index anew with `unmix index RUN`"
        )
    try:
        manifest = validate(Manifest, data, where=f"`{folder / MANIFEST}`")
    except UserError as error:
        raise UserError(f"{error}; write the index anew with `unmix index RUN`") from error
    if not manifest.complete:
        raise UserError(f"the index in `{folder}` is not complete; `unmix index RUN` goes on")
    return manifest
