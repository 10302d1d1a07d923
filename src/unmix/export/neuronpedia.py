"""An index as the files Neuronpedia imports.

    OUT/{model}/{source}/
      release.jsonl  model.jsonl  sourceset.jsonl  source.jsonl     a line each
      features/batch-N.jsonl.gz       a latent a line
      activations/batch-N.jsonl.gz    a stretch of text a line
      explanations/batch-N.jsonl.gz   where there are any

Its importer lists at most a thousand files of a folder, so there are never more than `MOST`.  What
the rows hold is in `rows.py`, how a latent's numbers are got in `dashboard.py`.
"""

import gzip
import hashlib
import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np

from unmix import __version__
from unmix.disk import replacing
from unmix.explorer.view import View
from unmix.export import rows
from unmix.export.config import DashboardConfig, NamesConfig
from unmix.export.dashboard import Dashboard, Dashboards
from unmix.export.folder import claim
from unmix.export.names import hook, layer
from unmix.export.work import Counter, blocks
from unmix.index.manifest import Manifest
from unmix.index.read import open_index

BATCH = 512
"""Latents of a file."""
MOST = 900
"""Files of a folder."""
NOT_IN_A_NAME = re.compile(r"[^a-z0-9_-]+")


class Naming(NamedTuple):
    """What things are called there."""

    model: str
    set: str
    release: str

    @classmethod
    def of(cls, manifest: Manifest, names: NamesConfig) -> "Naming":
        """Return the names asked for, and others made of what is known."""
        model = names.model or plain(Path(manifest.model).name)
        kind = manifest.site.partition(".")[0]
        name = names.set or plain(f"unmix-{kind}-{manifest.n_latents}")
        return cls(model, name, names.release or f"{model}-unmix")


def plain(name: str) -> str:
    """Return a name in the letters that an id may have."""
    return NOT_IN_A_NAME.sub("-", name.lower()).strip("-") or "unmix"


@final
class Writer:
    """Turns latents into rows.

    Args:
        folder: The index.
        names: What things are called.
        counts: How much is written of each latent.
    """

    def __init__(self, folder: Path, names: NamesConfig, *, counts: DashboardConfig) -> None:
        self.view = View(open_index(folder))
        self.dashboards = Dashboards(self.view.index, counts)
        self.counts = counts
        self.names = names
        self.manifest = self.view.index.manifest
        self.naming = Naming.of(self.manifest, names)
        self.source = f"{layer(self.manifest.site)}-{self.naming.set}"

    def settings(self) -> dict[str, Any]:
        """Return all that decides what is written."""
        return {
            "export": "neuronpedia",
            "version": __version__,
            "index": self.view.version,
            "names": self.names.model_dump(),
            "counts": self.counts.model_dump(),
        }

    def write_heads(self, folder: Path) -> None:
        """Write the four files of one line."""
        made = {"model": self._model(), "release": self._release()}
        made |= {"sourceset": self._source_set(), "source": self._source()}
        for name, row in made.items():
            with replacing(folder / f"{name}.jsonl") as beside:
                beside.write_bytes(row.line())

    def write_batch(self, folder: Path, first: int, last: int, number: int) -> None:
        """Write the files of latents `first` to `last - 1`; the features last of all."""
        shown = [self.dashboards.of(latent) for latent in range(first, last)]
        explained = [row for one in shown for row in self._explanations(one.latent)]
        if explained:
            _write(folder / "explanations", number, explained)
        _write(folder / "activations", number, (r for one in shown for r in self._stretches(one)))
        _write(folder / "features", number, map(self._feature, shown))

    # ------------------------------------------------------------ rows of one line

    def _common(self) -> dict[str, str]:
        return {"creatorId": self.names.creator_id, "createdAt": self.manifest.created}

    def _release(self) -> rows.Release:
        about = f"Dictionary of {self.manifest.site} of {self.manifest.model}, made with unmix"
        return rows.Release(
            **self._common(),
            name=self.naming.release,
            description=about,
            descriptionShort=about,
            creatorName=self.names.creator,
            creatorNameShort=self.names.creator,
            urls=[self.names.url] if self.names.url else [],
            defaultSourceSetName=self.naming.set,
            defaultSourceId=self.source,
            defaultUmapSourceIds=[self.source] if self._has_umap() else [],
        )

    def _model(self) -> rows.Model:
        name = Path(self.manifest.model).name
        return rows.Model(
            **self._common(),
            id=self.naming.model,
            instruct=bool(re.search(r"instruct|chat|-it\b", name, re.IGNORECASE)),
            displayNameShort=name,
            displayName=name,
            updatedAt=self.manifest.created,
        )

    def _source_set(self) -> rows.SourceSet:
        m = self.manifest
        k = "" if m.k is None else f", k {m.k:g}"
        return rows.SourceSet(
            **self._common(),
            modelId=self.naming.model,
            name=self.naming.set,
            description=f"{m.site}, {m.kind}, {m.n_latents} latents{k}",
            type=m.kind,
            creatorName=self.names.creator,
            urls=[self.names.url] if self.names.url else [],
            releaseName=self.naming.release,
            showUmap=self._has_umap(),
        )

    def _source(self) -> rows.Source:
        m = self.manifest
        text = m.source.get("text", ())
        return rows.Source(
            **self._common(),
            id=self.source,
            modelId=self.naming.model,
            setName=self.naming.set,
            hasUmap=self._has_umap(),
            hasUmapLogSparsity=self._has_umap(),
            num_prompts=-(-m.n_tokens // m.context),
            num_tokens_in_prompt=m.context,
            dataset=text if isinstance(text, str) else ", ".join(text),
            notes=f"index {m.fingerprint}, unmix {m.version}",
        )

    def _has_umap(self) -> bool:
        return bool(np.isfinite(self.view.index.column("umap_x")).any())

    # ------------------------------------------------------------ rows of a latent

    def _where(self, latent: int) -> dict[str, str]:
        return {
            **self._common(),
            "modelId": self.naming.model,
            "layer": self.source,
            "index": str(latent),
        }

    def _feature(self, one: Dashboard) -> rows.Feature:
        return rows.Feature(
            **self._where(one.latent),
            sourceSetName=self.naming.set,
            maxActApprox=one.largest,
            hasVector=self.counts.vectors,
            vector=one.row if self.counts.vectors else [],
            vectorDefaultSteerStrength=one.largest if self.counts.vectors else None,
            hookName=hook(self.manifest.target or self.manifest.site),
            topkCosSimIndices=one.near.which,
            topkCosSimValues=one.near.scores,
            neuron_alignment_indices=one.aligned.which,
            neuron_alignment_values=one.aligned.scores,
            neuron_alignment_l1=one.aligned_share,
            neg_str=one.down[0],
            neg_values=one.down[1],
            pos_str=one.up[0],
            pos_values=one.up[1],
            frac_nonzero=one.density,
            freq_hist_data_bar_heights=one.acts.heights,
            freq_hist_data_bar_values=one.acts.centres,
            logits_hist_data_bar_heights=one.logits.heights,
            logits_hist_data_bar_values=one.logits.centres,
            umap_x=None if one.place is None else one.place[0],
            umap_y=None if one.place is None else one.place[1],
            umap_log_feature_sparsity=float(np.log10(one.density)) if one.density > 0 else None,
        )

    def _stretches(self, one: Dashboard) -> Iterable[rows.Activation]:
        number = 0
        for group in one.groups:
            for stretch in group.stretches:
                number += 1
                strongest = int(np.argmax(stretch.acts))
                yield rows.Activation(
                    **self._where(one.latent),
                    id=self._id("activation", one.latent, number),
                    tokens=stretch.tokens,
                    values=stretch.acts,
                    maxValue=stretch.acts[strongest],
                    maxValueTokenIndex=strongest,
                    minValue=min(stretch.acts),
                    binMin=group.low,
                    binMax=group.high,
                    binContains=group.share,
                    qualifyingTokenIndex=stretch.peak,
                )

    def _explanations(self, latent: int) -> Iterable[rows.Explanation]:
        said = [(one.text, one.by) for one in self.view.explanations.get(latent, [])]
        label = self.view.label(latent)
        if self.counts.labels and label:
            said.append((label, "rule found by counting"))
        for number, (text, by) in enumerate(said):
            yield rows.Explanation(
                **self._where(latent),
                id=self._id("explanation", latent, number),
                description=text,
                authorId=self.names.creator_id,
                notes=by or None,
            )

    def _id(self, kind: str, latent: int, number: int) -> str:
        """Return an id that no other row has, and that this row always has."""
        what = f"{self.manifest.fingerprint} {self.source} {kind} {latent} {number}"
        return "c" + hashlib.sha256(what.encode()).hexdigest()[:24]


def write_neuronpedia(
    out: Path, writer: Callable[[], Writer], *, processes: int, counter: Counter
) -> Path:
    """Write all files, going on where an earlier call was stopped; return their folder."""
    here = writer()
    claim(out, here.settings())
    folder = out / here.naming.model / here.source
    here.write_heads(folder)
    latents = len(here.view.index)
    size = max(BATCH, -(-latents // MOST))
    batches = range(-(-latents // size))
    left = [n for n in batches if not (folder / "features" / f"batch-{n}.jsonl.gz").is_file()]
    batch = partial(_batch, folder, size, latents)
    working = blocks(batch, left, opened=writer, processes=processes)
    for done, _ in enumerate(working, start=len(batches) - len(left) + 1):
        counter(min(done * size, latents), latents)
    return folder


def _batch(folder: Path, size: int, latents: int, writer: Writer, number: int) -> None:
    writer.write_batch(folder, number * size, min((number + 1) * size, latents), number)


def _write(folder: Path, number: int, lines: Iterable[rows.Table]) -> None:
    with replacing(folder / f"batch-{number}.jsonl.gz") as beside:
        beside.write_bytes(gzip.compress(b"".join(one.line() for one in lines), 6, mtime=0))
