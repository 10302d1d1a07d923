"""Write the activations of a model down, shard by shard.

A harvest can be killed at any moment: run it again and it goes on at the first shard that is not
there, and the store ends up the same, byte for byte.  Asking for more tokens extends a store.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from unmix.activations.config import SourceConfig
from unmix.activations.live import LiveSource
from unmix.activations.reading import SPLITS, n_shards, shard_tokens
from unmix.activations.store import (
    MANIFEST,
    Header,
    Manifest,
    SiteFacts,
    Store,
    header_of,
    read_header,
    read_manifest,
    write_manifest,
    write_shard,
)
from unmix.disk import fingerprint
from unmix.errors import UserError
from unmix.models.load import DTYPES, LanguageModel
from unmix.models.memory import spoken
from unmix.text.document import Split

Progress = Callable[[int, int], None]
"""Is told the tokens done and the tokens in all, after every shard."""

NOUNS = {
    "model": "another model",
    "tokenizer": "another tokenizer",
    "text": "another text",
    "sites": "other sites",
}


def harvest(
    config: SourceConfig,
    out: Path,
    *,
    model: LanguageModel | None = None,
    report: Callable[[str], None] | None = None,
    progress: Progress | None = None,
) -> Store:
    """Fill the folder `out` with the activations `config` asks for, and open it.

    Args:
        config: What to read.
        out: A new folder, or one that holds a part of this very store.
        model: The model, if it is loaded already.
        report: Is told the plan, a line at a time.
        progress: Is told how far it is.

    Raises:
        UserError: Something cannot be used, the disk is too small, or `out` holds something else.
    """
    _foreign(out)
    found = read_manifest(out) if (out / MANIFEST).is_file() else None
    first = read_header(out, "train", 0) if found else None
    medians = first.medians if found and first and first.store == found.fingerprint else None
    source = LiveSource(config, model, medians=medians)
    if found:
        _same(found, source, out)
    have = {key: head for key in _keys(config) if (head := _whole(out, source, *key))}
    _plan(source, out, have=have, report=report or (lambda _: None))
    if found and found.complete and len(have) == len(_keys(config)):
        return Store(out, found)
    _begin(out, source)
    done, everything = 0, sum(shard_tokens(config, *key) for key in _keys(config))
    for split, number in _keys(config):
        if (split, number) not in have:
            have[split, number] = _write(source, out, split, number)
        done += shard_tokens(config, split, number)
        if progress:
            progress(done, everything)
    manifest = _finished(source, have)
    write_manifest(out, manifest)
    return Store(out, manifest)


def _foreign(out: Path) -> None:
    """Refuse a folder with something else in it."""
    if out.exists() and not out.is_dir():
        raise UserError(f"`{out}` is a file; choose a folder")
    if out.is_dir() and not (out / MANIFEST).is_file() and any(out.iterdir()):
        raise UserError(f"the folder `{out}` holds something else; choose another for the store")


def _same(found: Manifest, source: LiveSource, out: Path) -> None:
    """Refuse to go on with a store of something else, saying what differs."""
    for key, value in source.identity.items():
        there = found.identity.get(key)
        if there != value:
            noun = NOUNS.get(key, f"another `{key}`")
            old, new = (
                _named(c, key, v) for c, v in ((found.config, there), (source.config, value))
            )
            raise UserError(
                f"the store `{out}` is of {noun} ({old}, not {new}); choose another folder"
            )
    for name in ("tokens", "held_out_tokens"):
        has, asked = getattr(found.config, name), getattr(source.config, name)
        if found.complete and has > asked:
            raise UserError(
                f"the store `{out}` holds more than `{name} = {asked}`; use it as it is"
                f" (`{name} = {has}`), or choose another folder"
            )


def _named(config: SourceConfig, key: str, value: object) -> str:
    """Say the value of an identity as the user gave it, where that tells more than a hash."""
    if key == "text":
        shares = f" with weights {list(config.weights)}" if config.weights else ""
        return ", ".join(f"`{spec}`" for spec in config.text) + shares
    if key == "sites":
        return ", ".join(f"`{name}`" for name in config.sites)
    if key == "model":
        seed = config.random_weights
        return f"`{config.model}`" + ("" if seed is None else f" with random weights {seed}")
    return f"`{value}`"


def _keys(config: SourceConfig) -> list[tuple[Split, int]]:
    """Return all shards in the order they are written."""
    return [(split, number) for split in SPLITS for number in range(n_shards(config, split))]


def _whole(out: Path, source: LiveSource, split: Split, number: int) -> Header | None:
    """Return the header of a shard that is there, whole, and what is asked for."""
    head = read_header(out, split, number)
    if head is None or head.store != source.fingerprint:
        return None
    length = source.config.context
    return head if head.contexts * length == shard_tokens(source.config, split, number) else None


def _plan(
    source: LiveSource,
    out: Path,
    *,
    have: dict[tuple[Split, int], Header],
    report: Callable[[str], None],
) -> None:
    """Tell what will be written, and refuse if the disk cannot take it."""
    config = source.config
    row = sum(source.sites.values()) * DTYPES[config.dtype].itemsize + len(source.sites) + 13
    missing = sum(shard_tokens(config, *key) for key in _keys(config) if key not in have)
    needs = missing * row
    sites = ", ".join(f"{name} (width {width})" for name, width in source.sites.items())
    report(f"{source.model.name} at {sites}, as {config.dtype}")
    report(
        f"{config.tokens:,} training and {config.held_out_tokens:,} held-out tokens;"
        f" {missing:,} to harvest, {spoken(needs)} on disk"
    )
    weights = sum(w.numel() * w.element_size() for w in source.model.model.parameters())
    report(f"memory: {spoken(weights)} for the model, {spoken(config.shard * row)} for a shard")
    where = next(p for p in (out.absolute(), *out.absolute().parents) if p.exists())
    free = shutil.disk_usage(where).free
    if needs > free:
        raise UserError(
            f"the store takes {spoken(needs)} and the disk of `{out}` has {spoken(free)} free;"
            " lower `tokens`, or choose another folder"
        )


def _begin(out: Path, source: LiveSource) -> None:
    """Write down what the folder will hold, and clear what a killed harvest left half-written."""
    out.mkdir(parents=True, exist_ok=True)
    for left in out.glob(".*.tmp"):
        left.unlink(missing_ok=True)
    write_manifest(out, _manifest(source))


def _write(source: LiveSource, out: Path, split: Split, number: int) -> Header:
    """Make a shard and write it."""
    shard = source.shard(split, number)
    about = source.about(shard.documents.unique().tolist())
    head = header_of(shard, store=source.fingerprint, medians=source.medians)
    write_shard(out, split, number, shard=shard, about=about, head=head)
    return head


def _manifest(source: LiveSource) -> Manifest:
    """Return the manifest of a store that is being written."""
    identity = dict(source.identity)
    return Manifest(
        complete=False,
        fingerprint=fingerprint(identity),
        identity=identity,
        config=source.config,
        revision=source.model.revision,
    )


def _finished(source: LiveSource, heads: dict[tuple[Split, int], Header]) -> Manifest:
    """Return the manifest of a store whose shards are all there."""
    config, identity = source.config, source.identity
    sides = {split: [heads[key] for key in _keys(config) if key[0] == split] for split in SPLITS}
    paths = identity["sites"]
    assert isinstance(paths, dict)
    sites = {
        name: SiteFacts(
            site=paths[name],
            width=width,
            median_norm=heads["train", 0].medians[name],
            massive={split: sum(h.massive[name] for h in side) for split, side in sides.items()},
            eligible={split: sum(h.eligible[name] for h in side) for split, side in sides.items()},
        )
        for name, width in source.sites.items()
    }
    counts = {
        "tokens": {k: sum(h.contexts for h in side) * config.context for k, side in sides.items()},
        "special": {k: sum(h.special for h in side) for k, side in sides.items()},
    }
    return _manifest(source).model_copy(update={"complete": True, "sites": sites, **counts})
