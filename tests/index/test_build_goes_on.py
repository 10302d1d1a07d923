"""An index that is stopped, shared out, asked for again, or made of something else."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from tests.index import made
from unmix.activations.store import open_store
from unmix.cli.main import main
from unmix.dictionaries.files import load
from unmix.disk import read_json, write_json
from unmix.errors import UserError
from unmix.index import build as building
from unmix.index import read
from unmix.index.build import build
from unmix.index.making import parts, plan, tables
from unmix.index.making.alone import writing_index
from unmix.index.manifest import read_manifest
from unmix.training.config import DictionaryConfig, SweepConfig
from unmix.training.run import read_config


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a run with its index.  Copy it to change it."""
    return made.indexed(tmp_path_factory.mktemp("index"))


@pytest.fixture
def bare(run: Path, tmp_path: Path) -> Path:
    """Give a run of its own, without an index."""
    shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("index"))
    return tmp_path / "run"


def contents(run: Path) -> dict[str, bytes]:
    """Return the bytes of every file of an index but the manifest, which holds times."""
    files = sorted((run / "index").rglob("*.*"))
    return {f.name: f.read_bytes() for f in files if f.name != "manifest.json"}


def positions(run: Path) -> int:
    return pq.read_metadata(run / "index" / "tokens.parquet").num_rows


class Stopped(Exception):
    """A kill."""


def stop_after(shards: int):
    """Return a progress that stops after some shards."""
    told = []

    def progress(done: int, everything: int) -> None:
        told.append(done)
        if len(told) > shards:
            raise Stopped

    return progress


def test_a_stopped_index_goes_on_and_ends_up_the_same(run: Path, bare: Path):
    with pytest.raises(Stopped):
        build(bare, progress=stop_after(2))
    with pytest.raises(UserError, match="not complete"):
        read_manifest(bare / "index")
    left = sorted((bare / "index" / parts.FOLDER).iterdir())
    assert len(left) == 2
    left[1].write_bytes(left[1].read_bytes()[:-7])  # cut short
    seen = []
    build(bare, progress=lambda done, _: seen.append(done))
    assert seen[0] == 1024, "only the whole part was kept"
    assert contents(bare) == contents(run)
    assert not (bare / "index" / parts.FOLDER).exists()


def test_a_stop_while_merging_loses_no_part(run: Path, bare: Path, monkeypatch: pytest.MonkeyPatch):
    def stopped(*_: object, **__: object) -> None:
        (bare / "index" / ".codes.parquet.1.tmp").write_bytes(b"half")
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(building, "merge", stopped)
        with pytest.raises(Stopped):
            build(bare)
    seen = []
    build(bare, progress=lambda done, _: seen.append(done))
    assert len(seen) == 1
    assert contents(bare) == contents(run)


def test_parts_made_apart_are_put_together(run: Path, bare: Path):
    told = []
    for i in (3, 1, 2):
        build(bare, part=(i, 3), report=told.append)
        assert not (bare / "index" / "codes.parquet").exists()
    assert told[-1].endswith("without `--part` the parts are put together")
    seen = []
    build(bare, progress=lambda done, _: seen.append(done))
    assert len(seen) == 1, "nothing was left to read"
    assert contents(bare) == contents(run)


def test_the_model_on_the_fly_gives_the_same_index(run: Path, bare: Path):
    shutil.rmtree(bare / "store")
    build(bare)
    assert contents(bare).keys() == contents(run).keys()
    for name in ("tokens.parquet", "documents.parquet", "vocabulary.parquet"):
        assert contents(bare)[name] == contents(run)[name]
    old, new = (pq.read_table(r / "index" / "codes.parquet").to_pandas() for r in (run, bare))
    assert (old == new).all().all()
    assert not (bare / "store").exists()


def test_a_complete_index_is_left_alone(run: Path):
    told = []
    before = contents(run)
    build(run, report=told.append)
    assert told[-1] == f"`{run / 'index'}` is complete; nothing to do"
    assert contents(run) == before


@pytest.mark.parametrize("name", ["codes.parquet", "latents.parquet"])
def test_a_damaged_index_is_made_anew(run: Path, bare: Path, name: str):
    shutil.copytree(run / "index", bare / "index")
    file = bare / "index" / name
    file.write_bytes(file.read_bytes()[:-1])
    build(bare)
    assert contents(bare) == contents(run)


def test_a_page_that_changed_is_not_read(run: Path, bare: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(read, "HASHED", 0)  # as if the file were a large one
    shutil.copytree(run / "index", bare / "index")
    file = bare / "index" / "codes.parquet"
    column = pq.read_metadata(file).row_group(0).column(2)
    data = bytearray(file.read_bytes())
    data[column.data_page_offset + column.total_compressed_size // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(UserError, match=r"codes\.parquet` is damaged .*; write it anew"):
        read.open_index(bare).codes(0)


def test_an_index_of_an_older_format_is_made_anew(run: Path, bare: Path):
    shutil.copytree(run / "index", bare / "index")
    manifest = read_json(bare / "index" / "manifest.json")
    write_json(bare / "index" / "manifest.json", manifest | {"schema_number": 0})
    build(bare)
    assert contents(bare) == contents(run)


def test_an_index_of_a_newer_format_is_kept(run: Path, bare: Path):
    shutil.copytree(run / "index", bare / "index")
    manifest = read_json(bare / "index" / "manifest.json")
    write_json(bare / "index" / "manifest.json", manifest | {"schema_number": 99})
    with pytest.raises(UserError, match=r"written by a newer unmix; .* `unmix index RUN --anew`"):
        build(bare)
    assert contents(bare) == contents(run)
    build(bare, anew=True)
    assert read_manifest(bare / "index").complete


def test_stored_acts_are_what_encoding_a_row_again_gives(run: Path):
    codes = pq.read_table(run / "index" / "codes.parquet").to_pandas()
    store, dictionary = open_store(run / "store"), load(run / "dictionary")
    for row in codes.sample(20, random_state=0).itertuples():
        if row.position >= store.manifest.tokens["train"]:
            continue
        shard = store.shard("train", row.position // 1024)
        x = shard.acts["resid.1"][row.position % 1024].float()
        with torch.no_grad():
            acts = dictionary.encode(x[None]).dense()[0]
        assert acts[row.latent].item() == pytest.approx(row.value, rel=1e-5)


def test_fewer_tokens_are_whole_shards_of_both_sides(bare: Path):
    build(bare, tokens=2000)
    manifest = read_manifest(bare / "index")
    assert 2000 <= manifest.n_tokens == positions(bare) < 3500
    documents = pq.read_table(bare / "index" / "documents.parquet").to_pandas()
    assert set(documents.split) == {"train", "held_out"}


def test_another_text(run: Path, bare: Path, tmp_path: Path):
    text = tmp_path / "other"
    text.mkdir()
    words = (run.parent / "text" / "00.txt").read_text()
    (text / "one.txt").write_text(words * 3)
    build(bare, text=[str(text)])
    manifest = read_manifest(bare / "index")
    config = read_config(bare).source
    assert config is not None
    assert manifest.source["text"] == [str(text)]
    assert 32 <= manifest.n_tokens < config.tokens
    assert manifest.n_tokens % 32 == 0
    tokens = pq.read_table(bare / "index" / "tokens.parquet").to_pandas()
    documents = pq.read_table(bare / "index" / "documents.parquet").to_pandas()
    assert documents.name.tolist() == ["one.txt"]
    assert tokens.massive.any(), "measured against the norms of the run's own text"
    with pytest.raises(UserError, match=r"index of other activations.*`--anew`"):
        build(bare)
    build(bare, anew=True)
    assert contents(bare) == contents(run)


def test_another_text_is_read_up_to_the_tokens_asked_for(bare: Path):
    text = [str(bare.parent / "text")]
    made.tiny.write_text(Path(text[0]), files=10)
    build(bare, text=text, tokens=640)
    documents = pq.read_table(bare / "index" / "documents.parquet").to_pandas()
    assert positions(bare) == 640
    share = documents.tokens[documents.split == "held_out"].sum() / 640
    assert share == pytest.approx(0.3, abs=0.05)


def test_a_text_without_a_context_is_refused(bare: Path, tmp_path: Path):
    (tmp_path / "short.txt").write_text("the of")
    with pytest.raises(UserError, match="does not fill one context of 32 tokens"):
        build(bare, text=[str(tmp_path / "short.txt")])


def test_one_of_several_dictionaries(tmp_path: Path):
    run = made.run(tmp_path, sweep=SweepConfig(k=(3, 6)).model_dump())
    with pytest.raises(UserError, match="several dictionaries; say which with `--dictionary`"):
        build(run)
    with pytest.raises(UserError, match="no dictionary `k9`; there are `k3`, `k6`"):
        build(run, dictionary="k9")
    assert build(run, dictionary="k6") == run / "index" / "k6"
    assert read_manifest(run / "index" / "k6").dictionary == "dictionary/k6"


@pytest.mark.parametrize("kind", ["relu", "topk", "abs-topk", "jumprelu", "gated"])
def test_every_kind(kind: str, tmp_path: Path):
    settings = DictionaryConfig.model_validate({"latents": 50, "k": 4, "kind": kind})
    run = made.run(tmp_path, dictionary=settings.model_dump(), passes=1)
    build(run)
    codes = pq.read_table(run / "index" / "codes.parquet").to_pandas()
    latents = pq.read_table(run / "index" / "latents.parquet").to_pandas()
    shard = open_store(run / "store").shard("train", 0)
    with torch.no_grad():
        acts = load(run / "dictionary").encode(shard.acts["resid.1"].float()).dense().numpy()
    acts[(shard.special.flatten() | shard.massive["resid.1"]).numpy()] = 0
    first = codes[codes.position < len(acts)]
    dense = np.zeros_like(acts)
    dense[first.position, first.latent] = first.value
    np.testing.assert_allclose(dense, acts, rtol=1e-5, atol=1e-6)
    assert (codes.value < 0).any() == (kind == "abs-topk")
    fired = latents[latents.n_fired > 0]
    assert (fired.largest.abs() >= fired["mean"].abs() - 1e-6).all()


def test_a_transcoder_and_a_site_without_logits(tmp_path: Path):
    run = made.run(tmp_path, site="mlp.1", target="resid.1", store=None)
    build(run)
    latents = pq.read_table(run / "index" / "latents.parquet").to_pandas()
    assert latents.encoder_cosine.isna().all()
    assert read_manifest(run / "index").has_logits
    run = made.run(tmp_path, out=tmp_path / "mlp", site="mlp.1")
    build(run)
    latents = pq.read_table(run / "index" / "latents.parquet").to_pandas()
    assert latents.logit_std.isna().all()
    assert latents.encoder_cosine.notna().all()
    assert not read_manifest(run / "index").has_logits
    assert pq.read_metadata(run / "index" / "logits.parquet").num_rows == 0


def test_what_does_not_fit_is_refused_before_it_starts(bare: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(plan, "free_memory", lambda _: 1000)
        with pytest.raises(UserError, match=r"the index needs .* of memory and 1000 bytes are fr"):
            build(bare)
    assert not (bare / "index").exists()
    told = []
    build(bare, report=told.append)
    assert sum(line.startswith("memory: ") for line in told) == 1
    assert " acts of 101 latents on 5,024 tokens: " in told[-1]


def test_activations_of_another_run_are_refused(run: Path, bare: Path, tmp_path: Path):
    card = read_json(bare / "dictionary" / "config.json")
    write_json(bare / "dictionary" / "config.json", card | {"source": "0" * 16})
    with pytest.raises(UserError, match="was trained on other activations"):
        build(bare)
    with pytest.raises(UserError, match="is not a run"):
        build(tmp_path / "nothing")


@pytest.mark.parametrize("part", [(0, 2), (3, 2), (1, 0)], ids=str)
def test_a_part_that_is_none_is_refused(bare: Path, part: tuple[int, int]):
    with pytest.raises(UserError, match=f"{part[0]}/{part[1]} is none"):
        build(bare, part=part)
    assert not (bare / "index").exists()


def test_what_is_refused_loses_no_index(run: Path, bare: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copytree(run / "index", bare / "index")
    monkeypatch.setitem(sys.modules, "umap", None)
    for wrong, sentence in (
        ({"device": "gpu9"}, "no device `gpu9`"),
        ({"part": (1, 2), "device": "gpu9"}, "no device `gpu9`"),
        ({"umap": True}, "the extra `map`"),
    ):
        with pytest.raises(UserError, match=sentence):
            build(bare, anew=True, **wrong)
    assert read_manifest(bare / "index").complete
    assert contents(bare) == contents(run)


def test_only_parts_are_written_by_several_at_once(bare: Path):
    with writing_index(bare / "index", shared=True):
        build(bare, part=(1, 2))
        with pytest.raises(UserError, match=r"another process is writing `.*index`; wait"):
            build(bare)
    with (
        writing_index(bare / "index", shared=False),
        pytest.raises(UserError, match="another process is writing"),
    ):
        build(bare, part=(2, 2))
    build(bare)
    assert not list(bare.glob(".*.lock"))


def test_rows_are_written_in_groups_of_one_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tables, "GROUP", 100)
    kinds = {"position": "int32", "value": "float32", "name": "string", "values": "list<int32>"}
    chance = np.random.default_rng(0)
    columns = {
        "position": chance.integers(0, 2**31, 730),
        "value": chance.normal(size=730).astype(np.float32),
        "name": [str(i) for i in range(730)],
        "values": tables.lists(chance.integers(0, 9, (730, 3)).astype(np.int32)),
    }
    with tables.writing(tmp_path / "x.parquet", kinds) as writer:
        for begin, end in ((0, 1), (1, 1), (1, 420), (420, 730)):
            writer.write({name: column[begin:end] for name, column in columns.items()})
    file = pq.ParquetFile(tmp_path / "x.parquet")
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    assert sizes == [100] * 7 + [30]
    found = file.read().to_pydict()
    assert found["position"] == columns["position"].tolist()
    assert found["value"] == columns["value"].tolist()
    assert found["values"] == columns["values"].to_pylist()


def test_the_verb(bare: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["index", str(bare), "--part", "1/2"]) == 0
    assert main(["index", str(bare)]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{bare / 'index'}\n" * 2
    assert "memory: " in captured.err
    assert main(["index"]) == 2
    assert "takes the folder of a run first" in capsys.readouterr().err
    assert main(["index", str(bare), "--part", "two"]) == 2
    error = capsys.readouterr().err
    assert error == "error: `--part` is two numbers, as in `2/4`, not `two`\n"
