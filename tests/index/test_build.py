"""A whole index of a tiny model against dense acts computed here."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

from tests.index import made
from unmix.activations.store import open_store
from unmix.dictionaries.files import load
from unmix.disk import file_sha256
from unmix.index import schema
from unmix.index.manifest import FILES, Manifest, read_manifest


class Whole(NamedTuple):
    """An index, and what it should say."""

    folder: Path
    tables: dict[str, pd.DataFrame]
    acts: np.ndarray
    """`[p, m]`, at every position, special and massive ones too."""
    token: np.ndarray
    special: np.ndarray
    massive: np.ndarray
    number: np.ndarray
    """The store's number of each token's document."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    run = made.indexed(tmp_path_factory.mktemp("index"))
    folder = run / "index"
    tables = {f: pq.read_table(folder / f"{f}.parquet").to_pandas() for f in FILES}
    store, dictionary = open_store(run / "store"), load(run / "dictionary")
    shards = [store.shard("train", i) for i in range(store.n_shards("train"))]
    shards += [store.shard("held_out", i) for i in range(store.n_shards("held_out"))]
    with torch.no_grad():
        acts = [dictionary.encode(s.acts["resid.1"].float()).dense().numpy() for s in shards]
    columns = [
        np.concatenate([getattr(s, name).flatten().numpy() for s in shards])
        for name in ("tokens", "special", "documents")
    ]
    massive = np.concatenate([s.massive["resid.1"].numpy() for s in shards])
    token, special, number = columns
    return Whole(folder, tables, np.concatenate(acts), token, special, massive, number)


def kept(whole: Whole) -> np.ndarray:
    """Return the acts with nothing on special and massive tokens."""
    return np.where((whole.special | whole.massive)[:, None], 0, whole.acts)


def test_there_is_something_of_everything(whole: Whole):
    assert (~kept(whole).any(0)).any(), "latents that never fire"
    assert (whole.massive & ~whole.special).any()
    assert whole.special.any()
    assert set(whole.tables["documents"].split) == {"train", "held_out"}
    assert (whole.tables["latents"].rule_kind != "").any()


def test_files_have_the_columns_of_the_schema(whole: Whole):
    expected = {
        "codes": schema.CODES,
        "latents": {column.name: column.type for column in schema.LATENTS},
        "logits": schema.LOGITS,
        "logit_counts": schema.LOGIT_COUNTS,
        "neighbours": schema.NEIGHBOUR,
        "strongest": schema.STRONGEST_COLUMNS,
        "tokens": schema.TOKENS,
        "documents": schema.DOCUMENTS,
        "vocabulary": schema.VOCABULARY,
    }
    assert set(expected) == set(FILES)
    short = {"float": "float32", "double": "float64", "list<element: int32>": "list<int32>"}
    short["list<element: float>"] = "list<float32>"
    for name, columns in expected.items():
        found = pq.read_schema(whole.folder / f"{name}.parquet")
        types = {field.name: str(field.type) for field in found}
        assert {n: short.get(t, t) for n, t in types.items()} == columns, name


def test_codes_are_the_acts(whole: Whole):
    codes = whole.tables["codes"]
    dense = np.zeros_like(whole.acts)
    dense[codes.position, codes.latent] = codes.value
    np.testing.assert_allclose(dense, kept(whole), rtol=1e-6)
    assert len(codes) == (kept(whole) != 0).sum()
    order = codes.latent.to_numpy().astype(np.int64) * len(dense) + codes.position
    assert (np.diff(order) > 0).all()


def test_rows_of_codes_are_where_latents_say(whole: Whole):
    latents, codes = whole.tables["latents"], whole.tables["codes"]
    for row in latents[latents.n_fired > 0].itertuples():
        of = codes.latent[row.first_row : row.first_row + row.n_fired]
        assert (of == row.latent).all()
    assert latents.first_row.iloc[-1] + latents.n_fired.iloc[-1] == len(codes)


def test_special_and_massive_tokens_are_counted_apart(whole: Whole):
    latents = whole.tables["latents"]
    fired = whole.acts != 0
    massive = whole.massive & ~whole.special
    assert (latents.n_special == fired[whole.special].sum(0)).all()
    assert (latents.n_massive == fired[massive].sum(0)).all()
    first = np.arange(len(fired)) % 32 == 0
    with np.errstate(invalid="ignore"):
        share = fired[first].sum(0) / fired.sum(0)
    np.testing.assert_allclose(latents.share_first, share, rtol=1e-6)
    assert not (whole.special | whole.massive)[whole.tables["codes"].position].any()


def test_density_is_about_eligible_tokens(whole: Whole):
    every = ~(whole.special | whole.massive)
    density = (kept(whole) != 0).sum(0) / every.sum()
    np.testing.assert_allclose(whole.tables["latents"].density, density)
    manifest = read_manifest(whole.folder)
    assert manifest.n_eligible == every.sum()
    assert manifest.n_tokens == len(every)


def test_energy_is_the_share_of_what_is_rebuilt(whole: Whole):
    latents = whole.tables["latents"]
    energy = np.square(kept(whole), dtype=np.float64).sum(0) * latents.norm.to_numpy() ** 2
    np.testing.assert_allclose(latents.energy, energy / energy.sum(), rtol=1e-5)


def test_strongest_latents_of_every_position(whole: Whole):
    latents = np.stack(whole.tables["strongest"].latents)
    values = np.stack(whole.tables["strongest"]["values"])
    acts = kept(whole)
    order = np.argsort(-acts, axis=1, kind="stable")[:, : schema.STRONGEST]
    expected = np.take_along_axis(acts, order, 1)
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert (latents == np.where(expected != 0, order, -1)).all()


def test_tokens_documents_and_vocabulary(whole: Whole):
    tokens, documents = whole.tables["tokens"], whole.tables["documents"]
    assert (tokens.token == whole.token).all()
    assert (tokens.special == whole.special).all()
    assert (tokens.massive == whole.massive).all()
    assert (tokens.offset[tokens.special] == -1).all()
    assert documents.document.tolist() == list(range(len(documents)))
    for row in documents.itertuples():
        inside = slice(row.first, row.first + row.tokens)
        assert (tokens.document[inside] == row.document).all()
        (number,) = set(whole.number[inside])
        assert row.split == ("held_out" if number % 2 else "train")
    assert documents.tokens.sum() == len(tokens)
    vocabulary = whole.tables["vocabulary"]
    every = whole.token[~(whole.special | whole.massive)]
    assert (vocabulary["count"] == np.bincount(every, minlength=len(vocabulary))).all()
    text = [vocabulary.bytes[t] for t in tokens.token[1:200] if t > 1]
    shown = (whole.folder.parent.parent / "text" / documents.name[0]).read_bytes()
    assert shown.startswith(b"".join(text)[: len(shown)][:300])


def test_neighbours_are_ranked(whole: Whole):
    table = whole.tables["neighbours"]
    latents = whole.tables["latents"]
    for kind, column in (("direction", "nearest_direction"), ("firing", "nearest_firing")):
        rows = table[table.kind == kind]
        first = rows[rows["rank"] == 0].set_index("latent").score
        expected = latents[column].dropna()
        assert (first == expected).all()
        assert (rows.latent != rows.other).all()
        falls = rows.groupby("latent").score.diff().dropna()
        assert (falls <= 0).all()
    assert (np.diff(table.latent) >= 0).all()
    assert len(table[table.kind == "direction"]) == len(latents) * schema.NEIGHBOURS


def test_logits(whole: Whole):
    logits, counts = whole.tables["logits"], whole.tables["logit_counts"]
    words = len(whole.tables["vocabulary"])
    m = len(whole.tables["latents"])
    assert len(logits) == 2 * m * schema.EFFECTS
    assert len(counts) == m
    assert (np.stack(counts.counts).sum(1) == words).all()
    best = logits[logits["rank"] == 0].set_index(["latent", "side"]).logit.unstack()
    assert (best[1].to_numpy() == counts.high).all()
    assert (best[-1].to_numpy() == counts.low).all()
    assert whole.tables["latents"].logit_std.notna().all()


def test_rules_name_their_kind(whole: Whole):
    latents = whole.tables["latents"]
    for row in latents[latents.rule_kind != ""].itertuples():
        parts = json.loads(row.rule)
        assert 1 <= len(parts) <= 12
        form = {"tokens": (True, False), "after": (False, True), "pair": (False, False)}
        shape = {(first is None, second is None) for first, second in parts}
        assert shape == {form[row.rule_kind]}
        assert row.label
        assert row.rule_low <= row.rule_f1 <= row.rule_high
    assert (latents[latents.rule_kind == ""].label == "").all()


def test_the_manifest_knows_every_file(whole: Whole):
    manifest = read_manifest(whole.folder)
    assert set(manifest.files) == {f"{name}.parquet" for name in FILES}
    for name, facts in manifest.files.items():
        assert file_sha256(whole.folder / name) == facts.sha256
    assert {p.name for p in whole.folder.iterdir()} == {*manifest.files, "manifest.json"}
    run = whole.folder.parent
    assert file_sha256(run / manifest.dictionary / "dictionary.safetensors") == (
        manifest.dictionary_fingerprint
    )


def test_pages_have_checksums_and_row_groups_one_size(whole: Whole):
    def groups() -> Iterator[int]:
        for i in range(file.num_row_groups):
            yield file.metadata.row_group(i).num_rows

    file = pq.ParquetFile(whole.folder / "codes.parquet", page_checksum_verification=True)
    assert len(file.read()) == sum(groups())
    column = file.metadata.row_group(0).column
    assert "DELTA_BINARY_PACKED" in column(1).encodings
    assert "BYTE_STREAM_SPLIT" in column(2).encodings


def test_every_column_is_on_the_page_of_the_format():
    page = (Path(__file__).parents[2] / "docs" / "index-format.md").read_text()
    files = (schema.CODES, schema.LOGITS, schema.LOGIT_COUNTS, schema.NEIGHBOUR, schema.TOKENS)
    files += (schema.STRONGEST_COLUMNS, schema.DOCUMENTS, schema.VOCABULARY)
    names = {c.name for c in schema.LATENTS} | {name for columns in files for name in columns}
    assert {name for name in names - {"position", "value"} if f"`{name}`" not in page} == set()
    fields = set(Manifest.model_fields)
    assert {name for name in fields if f"`{name}`" not in page} == set()
