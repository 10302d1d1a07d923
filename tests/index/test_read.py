import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.index import written
from tests.index.written import CONTEXT, DEAD, RULED, Written
from unmix import UserError, open_index
from unmix.index.read import Index, find


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Give an index that is only read."""
    return written.write(tmp_path_factory.mktemp("read") / "run")


@pytest.fixture(scope="module")
def index(made: Written) -> Index:
    return open_index(made.run)


def test_codes_of_every_latent_are_those_that_were_written(made: Written, index: Index):
    for latent in range(len(index)):
        codes = index.codes(latent)
        positions = np.flatnonzero(made.acts[:, latent])
        assert codes.positions.tolist() == positions.tolist()
        assert codes.values.tolist() == made.acts[positions, latent].tolist()


def test_a_latent_that_is_not_there_is_refused(index: Index):
    for latent in (-1, len(index)):
        with pytest.raises(UserError, match=f"no latent {latent}; they run from 0 to 23"):
            index.codes(latent)


def test_columns_are_arrow_and_numpy(made: Written, index: Index):
    assert index.latents.num_rows == len(index)
    assert index.latents.to_pandas()["density"][RULED] == index.column("density")[RULED]
    np.testing.assert_allclose(
        index.column("largest"), np.where(made.acts.any(0), made.acts.max(0), np.nan)
    )
    with pytest.raises(UserError, match="no column `densty`; did you mean `density`"):
        index.column("densty")


def test_rows_that_lie_in_several_groups_are_cut_out(made: Written, index: Index):
    latent, position = np.nonzero(made.acts.T)
    rows = index.code_rows
    assert rows.n_groups > 3
    for first, n in ((0, 0), (0, 1), (96, 2), (97, 97), (50, 200), (len(latent) - 1, 1)):
        part = rows.stretch(first, n, columns=["position"])
        assert part["position"].to_pylist() == position[first : first + n].tolist()


def test_documents_make_slices_of_what_they_share(index: Index):
    slices = index.documents.slices
    assert set(slices) == {"source", "split", "lang"}  # a link tells documents apart
    assert slices["lang"].values == ["en", "de"]
    assert index.documents.metadata(1) == {"lang": "en", "link": "https://x/1"}


def test_tokens_are_shown_whatever_they_hold(index: Index):
    text = index.vocabulary.text
    assert text(written.SCRIPT) == "<script>alert(1)</script>"
    assert text(written.BIDI) == " \\u202eevil"
    assert text(written.HALF) == "\\xe2"
    assert text(5) == "↵"
    assert text(-1) == text(10**6) == ""
    assert index.vocabulary.find("may ").tolist() == [2, 3]


def test_directions_are_unit_and_of_the_dictionary(made: Written, index: Index):
    np.testing.assert_allclose(index.directions, made.directions, atol=1e-6)


def test_a_dictionary_that_changed_is_refused(tmp_path: Path):
    made = written.write(tmp_path / "run")
    (made.run / "dictionary" / "dictionary.safetensors").write_bytes(b"other")
    with pytest.raises(UserError, match="changed since it was indexed"):
        _ = open_index(made.run).directions


def test_one_of_several_indexes_is_named(tmp_path: Path):
    made = written.write(tmp_path / "run")
    (made.run / "index").rename(made.run / "one")
    (made.run / "index").mkdir()
    (made.run / "one").rename(made.run / "index" / "wide")
    index = open_index(made.run)
    assert (index.name, index.run) == ("wide", made.run)
    assert open_index(made.run, dictionary="wide").folder == index.folder
    with pytest.raises(UserError, match="no index of `narrow`; there are `wide`"):
        find(made.run, dictionary="narrow")
    _copy(made.run / "index" / "wide", made.run / "index" / "other")
    with pytest.raises(UserError, match="several indexes; name a dictionary: `other`, `wide`"):
        find(made.run)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"complete": False}, "not complete"),
        ({"schema_number": 99}, "schema 99, this version reads 1"),
        ({"n_latents": 7}, "has 24 rows, the manifest says 7"),
    ],
)
def test_a_foreign_or_unfinished_index_is_refused(
    tmp_path: Path, change: dict[str, object], sentence: str
):
    made = written.write(tmp_path / "run")
    written.seal(made.run, made, **change)
    with pytest.raises(UserError, match=sentence):
        open_index(made.run)


def test_a_folder_without_an_index_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="holds no index; write one with `unmix index RUN`"):
        open_index(tmp_path)


def test_a_manifest_with_a_field_of_another_version_is_refused(tmp_path: Path):
    made = written.write(tmp_path / "run")
    path = made.run / "index" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"colour": 1}))
    with pytest.raises(UserError, match=r"a field `colour` that .* `unmix index RUN`"):
        open_index(made.run)


def test_a_file_that_was_replaced_is_not_read_by_the_old_footer(tmp_path: Path):
    made = written.write(tmp_path / "run")
    index = open_index(made.run)
    path = made.run / "index" / "codes.parquet"
    assert len(index.codes(3).values)
    path.write_bytes(path.read_bytes())
    with pytest.raises(UserError, match=r"codes\.parquet` was written anew since it was opened"):
        index.codes(4)
    path.unlink()
    with pytest.raises(UserError, match="open it again"):
        index.codes(5)


def test_a_damaged_file_is_refused(tmp_path: Path):
    made = written.write(tmp_path / "run")
    path = made.run / "index" / "codes.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(UserError, match=r"codes\.parquet` has \d+ bytes, the manifest says"):
        open_index(made.run)
    path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    with pytest.raises(UserError, match="is not the file that was written"):
        open_index(made.run)
    path.unlink()
    with pytest.raises(UserError, match=r"codes\.parquet` is missing"):
        open_index(made.run)


def test_a_file_without_its_columns_is_refused(tmp_path: Path):
    made = written.write(tmp_path / "run")
    path = made.run / "index" / "latents.parquet"
    pq.write_table(pq.read_table(path).drop(["density"]), path)
    written.seal(made.run, made)
    with pytest.raises(UserError, match=r"latents\.parquet` has no column `density`"):
        open_index(made.run)


def test_what_is_no_parquet_is_refused(tmp_path: Path):
    made = written.write(tmp_path / "run")
    path = made.run / "index" / "latents.parquet"
    size = path.stat().st_size
    pq.write_table(pa.table({"a": [1]}), path)
    path.write_bytes(b"x" * size)
    with pytest.raises(UserError, match="is not the file that was written"):
        open_index(made.run)


def test_verify_finds_a_byte_that_changed_since_the_index_was_opened(tmp_path: Path):
    made = written.write(tmp_path / "run")
    index = open_index(made.run)
    index.verify()
    path = made.run / "index" / "codes.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    with pytest.raises(UserError, match=r"codes\.parquet"):
        index.verify()


def test_a_latent_draws_itself_without_script(index: Index):
    html = index.latent(7)._repr_html_()
    assert "&lt;b&gt;latent 7&lt;/b&gt;" in html
    assert "<script" not in html
    assert "<svg" in html
    assert "It never fired." in index.latent(DEAD)._repr_html_()
    assert repr(index.latent(RULED)).startswith("latent 3: May; density ")


def test_contexts_are_where_the_manifest_says(index: Index):
    assert index.manifest.context == CONTEXT
    assert index.tokens.special[::CONTEXT].mean() > 0.9


def test_reading_needs_no_torch(made: Written):
    code = (
        "import sys, unmix\n"
        f"index = unmix.open_index({str(made.run)!r})\n"
        "index.latent(3)._repr_html_(); index.directions\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _copy(source: Path, target: Path) -> None:
    target.mkdir()
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
