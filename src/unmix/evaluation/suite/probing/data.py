"""Data sets to probe on: texts with one of two labels.

The 113 of Kantamneni et al. 2025 lie in the wheel of `sae-probes` (MIT), which is fetched as
data and never imported.  A folder of CSV or Parquet files with the columns `text` and `label` does
as well.

Which texts are used is decided by the texts: those of the smallest hash in each class.  So data
sets made of the same texts share them, and a text is read by the model once.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from jaxtyping import Bool

from unmix.disk import file_sha256
from unmix.errors import UserError
from unmix.fetch import Wheel, unpacked
from unmix.text.document import key_of

SAE_PROBES = Wheel(
    "sae-probes",
    "0.4.2",
    "245700c8df310760e3d5b23d657ae5196489813f3012b55975057d8239d8be03",
)
"""Holds the 113 binary data sets of Kantamneni et al. 2025 (arXiv 2502.16681), 45 MB."""
INSIDE = Path("sae_probes", "data")
LIST = "probing_datasets_MASTER.csv.zst"
TEXT, LABEL = ("text", "prompt"), ("label", "target")
"""Names a column may have."""


class DataSet(NamedTuple):
    """Texts, as many of each label."""

    name: str
    texts: list[str]
    labels: Bool[np.ndarray, " n"]


def asked(folder: Path) -> dict[str, object]:
    """Return the settings that name a folder of data sets, and what lies in it.

    Raises:
        UserError: There are none.
    """
    files = sorted(f for f in folder.glob("*") if f.suffix in (".csv", ".parquet"))
    if not files:
        raise UserError(f"`{folder}` holds no `.csv` or `.parquet` file; name another folder")
    data_sets = {file.name: file_sha256(file)[:16] for file in files}
    return {"data": str(folder.resolve()), "data_sets": data_sets}


def load(settings: Mapping[str, Any]) -> list[DataSet]:
    """Read the data sets that settings name.

    Raises:
        UserError: They cannot be fetched, or one of them cannot be used.
    """
    names, examples = settings["data_sets"], int(settings["examples"])
    if settings["data"] != SAE_PROBES.name:
        files = {Path(name).stem: Path(settings["data"]) / name for name in names}
    else:
        files = _of_wheel()
        files = {name: files[name] for name in (names or files)}
    return [_balanced(name, _table(file), file, examples=examples) for name, file in files.items()]


def _of_wheel() -> dict[str, Path]:
    """Return the file of each binary data set of `sae-probes`."""
    folder = unpacked(SAE_PROBES) / INSIDE
    rows = _table(folder / LIST).select(["Dataset save name", "Data type"]).to_pylist()
    saved = [r["Dataset save name"] for r in rows if r["Data type"] == "Binary Classification"]
    return {Path(name).stem: folder / f"{name}.zst" for name in saved}


def _table(file: Path) -> pa.Table:
    """Read a file of columns."""
    try:
        if file.suffix == ".parquet":
            return pyarrow.parquet.read_table(file)
        options = pyarrow.csv.ParseOptions(newlines_in_values=True)
        with pa.input_stream(str(file), compression="detect") as stream:
            return pyarrow.csv.read_csv(stream, parse_options=options)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"`{file}` cannot be read ({error}); mend it or take it away") from error


def _balanced(name: str, table: pa.Table, file: Path, *, examples: int) -> DataSet:
    """Return as many texts of either label: the larger label in order is the positive one."""
    texts = [str(text or "") for text in table[_column(table, TEXT, file)].to_pylist()]
    labels = [str(label) for label in table[_column(table, LABEL, file)].to_pylist()]
    kinds = sorted(set(labels))
    if len(kinds) != 2:
        raise UserError(f"`{file}` has {len(kinds)} labels and not two; mend it or take it away")
    by_label = {kind: _drawn(texts, labels, kind) for kind in kinds}
    half = min(examples // 2, *map(len, by_label.values()))
    kept = [text for kind in kinds for text in by_label[kind][:half]]
    return DataSet(name, kept, np.repeat([False, True], half))


def _column(table: pa.Table, names: Sequence[str], file: Path) -> str:
    for name in names:
        if name in table.column_names:
            return name
    raise UserError(f"`{file}` has no column `{names[0]}`; it has {', '.join(table.column_names)}")


def _drawn(texts: list[str], labels: list[str], kind: str) -> list[str]:
    """Return the distinct texts of a label in the order of their hashes."""
    pairs = zip(texts, labels, strict=True)
    distinct = {text for text, label in pairs if label == kind and text.strip()}
    return sorted(distinct, key=key_of)
