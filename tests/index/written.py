"""A small index written by hand, with awkward tokens, and the acts it holds as a plain matrix.

Nothing here is the package's own arithmetic, so that what is read can be compared with it.

Axes: p positions, m latents.
"""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save_file

from unmix.index import schema
from unmix.index.manifest import FileFacts, Manifest, write_manifest

CONTEXT, WIDTH = 16, 12
MAY, SCRIPT, BIDI, HALF = 2, 6, 7, 8
"""Token ids that tests ask for."""
WORDS = [
    b"<s>",
    b" the",
    b" May",
    b" may",
    b" June",
    b"\n",
    b"<script>alert(1)</script>",
    " ‮evil".encode(),
    "€".encode()[:1],
    "€".encode()[1:],
    b"=1+1",
    *(f" w{i}".encode() for i in range(20)),
]
RULED = 3
"""The latent with a rule: it fires on ` May`, and now and then does not."""
DEAD = 5
"""The latent that never fires."""
METADATA = [{"lang": "en" if i % 3 else "de", "link": f"https://x/{i}"} for i in range(12)]


class Written(NamedTuple):
    """An index on disk and what it holds."""

    run: Path
    acts: np.ndarray
    """[p, m]; zero where nothing fired."""
    tokens: np.ndarray
    documents: np.ndarray
    special: np.ndarray
    massive: np.ndarray
    directions: np.ndarray


def write(folder: Path, *, m: int = 24, seed: int = 0, n_documents: int = 12) -> Written:
    """Write a run with an index in a new folder."""
    chance = np.random.default_rng(seed)
    made = _invent(folder, m, chance, n_documents)
    (folder / "index").mkdir(parents=True)
    (folder / "dictionary").mkdir()
    rewrite(made)
    return made


def rewrite(made: Written, *, rule: str = f"[[null, {MAY}]]") -> None:
    """Write the run and the index of what is given over those that are there."""
    out = made.run / "index"
    _write_text(out, made)
    _write_acts(out, made)
    _write_latents(out, made, rule)
    _write_weights(out, made)
    weights = made.run / "dictionary" / "dictionary.safetensors"
    save_file({"W_dec": made.directions.astype(np.float32) * 2}, weights)
    seal(made.run, made)


def seal(folder: Path, made: Written, **changes: object) -> None:
    """Write the manifest of an index whose files are there."""
    out, n = folder / "index", len(made.tokens)
    weights = folder / "dictionary" / "dictionary.safetensors"
    files = {
        path.name: FileFacts(
            bytes=path.stat().st_size, rows=pq.read_metadata(path).num_rows, sha256=_sha256(path)
        )
        for path in sorted(out.glob("*.parquet"))
    }
    facts: dict[str, object] = {
        "complete": True,
        "created": "2026-01-01T00:00:00+00:00",
        "dictionary": "dictionary",
        "dictionary_fingerprint": _sha256(weights),
        "model": "tiny",
        "site": "resid.1",
        "kind": "topk",
        "k": 4.0,
        "n_latents": made.acts.shape[1],
        "context": CONTEXT,
        "n_tokens": n,
        "n_eligible": int((~(made.special | made.massive)).sum()),
        "n_documents": int(made.documents.max()) + 1,
        "identity": {"model": "abc"},
        "files": files,
    }
    write_manifest(Manifest.model_validate(facts | changes), out)


def _invent(run: Path, m: int, chance: np.random.Generator, n_documents: int) -> Written:
    n = CONTEXT * n_documents * 5
    documents = np.sort(chance.integers(0, n_documents, n)).astype(np.int32)
    documents[:n_documents] = 0
    documents = np.sort(np.r_[documents[n_documents:], np.arange(n_documents)]).astype(np.int32)
    tokens = chance.integers(1, len(WORDS), n).astype(np.int32)
    special = np.arange(n) % CONTEXT == 0
    tokens[special] = 0
    halves = np.flatnonzero(tokens[:-1] == HALF)  # the two halves of a character stay together
    tokens[halves + 1] = HALF + 1
    special[halves + 1] = False
    massive = ~special & (chance.random(n) < 0.02)
    acts = chance.exponential(2.0, (n, m)) * (chance.random((n, m)) < 0.1)
    acts[:, RULED] = (tokens == MAY) * (chance.random(n) < 0.8) * (1 + chance.random(n))
    acts[:, DEAD] = 0
    acts[special | massive] = 0
    directions = chance.normal(size=(m, WIDTH))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return Written(run, acts.astype(np.float32), tokens, documents, special, massive, directions)


def _write_text(out: Path, made: Written) -> None:
    n, n_documents = len(made.tokens), int(made.documents.max()) + 1
    columns = (
        made.tokens,
        made.documents,
        np.arange(n, dtype=np.int32),
        made.special,
        made.massive,
    )
    _table(out / "tokens.parquet", dict(zip(schema.TOKENS, columns, strict=True)))
    numbers = np.arange(n_documents, dtype=np.int32)
    sizes = np.bincount(made.documents, minlength=n_documents).astype(np.int32)
    _table(
        out / "documents.parquet",
        {
            "document": numbers,
            "name": [f"document {i}" for i in numbers],
            "source": ["news" if i % 2 else "code" for i in numbers],
            "split": ["held_out" if i > n_documents * 0.7 else "train" for i in numbers],
            "metadata": [json.dumps(METADATA[i % len(METADATA)]) for i in numbers],
            "first": (np.cumsum(sizes) - sizes).astype(np.int32),
            "tokens": sizes,
        },
    )
    eligible = ~(made.special | made.massive)
    counts = np.bincount(made.tokens[eligible], minlength=len(WORDS))
    ids = np.arange(len(WORDS), dtype=np.int32)
    _table(out / "vocabulary.parquet", {"token": ids, "bytes": WORDS, "count": counts})


def _write_acts(out: Path, made: Written) -> None:
    latent, position = np.nonzero(made.acts.T)
    values = made.acts.T[latent, position]
    columns = (latent.astype(np.int32), position.astype(np.int32), values)
    _table(out / "codes.parquet", dict(zip(schema.CODES, columns, strict=True)), group=97)
    order = np.argsort(-made.acts, axis=1, kind="stable")[:, : schema.STRONGEST]
    strongest = np.take_along_axis(made.acts, order, axis=1)
    lists = {
        "latents": np.where(strongest > 0, order, -1).astype(np.int32).tolist(),
        "values": strongest.tolist(),
    }
    _table(out / "strongest.parquet", lists, group=64)


def _write_latents(out: Path, made: Written, rule: str) -> None:
    m, fired = made.acts.shape[1], made.acts > 0
    eligible = ~(made.special | made.massive)
    n_fired = fired.sum(0)
    columns: dict[str, object] = {}
    for column in schema.LATENTS:
        empty: object = np.full(m, np.nan) if column.type.startswith("float") else np.zeros(m)
        columns[column.name] = [""] * m if column.type == "string" else empty
    top = [np.bincount(made.tokens[fired[:, j]], minlength=2).argmax() for j in range(m)]
    columns |= {
        "latent": np.arange(m),
        "first_row": np.cumsum(n_fired) - n_fired,
        "n_fired": n_fired,
        "density": n_fired / eligible.sum(),
        "largest": np.where(n_fired > 0, made.acts.max(0), np.nan),
        "mean": made.acts.sum(0) / np.where(n_fired > 0, n_fired, np.nan),
        "top_token": np.where(n_fired > 0, top, -1),
        "logit_kurtosis": np.linspace(-1, 30, m),
        "rule_kind": ["tokens" if j == RULED else "" for j in range(m)],
        "rule": [rule if j == RULED else "" for j in range(m)],
        "label": [
            "May" if j == RULED else f"<b>latent {j}</b>, ‮x" if j == 7 else "" for j in range(m)
        ],
        "rule_f1": np.where(np.arange(m) == RULED, 0.8, np.nan),
    }
    types = {c.name: c.type for c in schema.LATENTS}
    arrays = {
        name: values if types[name] == "string" else np.asarray(values).astype(types[name])
        for name, values in columns.items()
    }
    _table(out / "latents.parquet", arrays)


def _write_weights(out: Path, made: Written) -> None:
    m, chance = made.acts.shape[1], np.random.default_rng(0)
    cosine = made.directions @ made.directions.T - 2 * np.eye(m)
    rows = [
        (j, kind, rank, int(other), float(cosine[j, other]), 0.5)
        for j in range(m)
        for kind in ("direction", "firing")
        for rank, other in enumerate(np.argsort(-cosine[j])[:3].tolist())
    ]
    _table(out / "neighbours.parquet", _rows(schema.NEIGHBOUR, rows))
    effects = [
        (j, side, rank, int(chance.integers(len(WORDS))), side * (1.0 - rank / 10))
        for j in range(m)
        for side in (1, -1)
        for rank in range(3)
    ]
    _table(out / "logits.parquet", _rows(schema.LOGITS, effects))
    counts = chance.integers(0, 9, (m, schema.LOGIT_BINS)).tolist()
    low, high = np.full(m, -1, np.float32), np.full(m, 1, np.float32)
    _table(out / "logit_counts.parquet", {"low": low, "high": high, "counts": counts})


def _rows(columns: dict[str, str], rows: list[tuple[object, ...]]) -> dict[str, object]:
    types = {"string": pa.string()}
    return {
        name: pa.array(list(values), types.get(kind) or pa.type_for_alias(kind))
        for (name, kind), values in zip(columns.items(), zip(*rows, strict=True), strict=True)
    }


def _table(path: Path, columns: dict[str, object], *, group: int = 10_000) -> None:
    pq.write_table(pa.table(columns), path, row_group_size=group)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
