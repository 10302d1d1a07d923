"""Every address answers, with what the index holds."""

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from tests.explorer.asking import client, fine, trouble
from tests.index import written
from tests.index.written import DEAD, MAY, RULED, SCRIPT, Written
from unmix import open_index
from unmix.explorer import api
from unmix.explorer.answers.origin import origin
from unmix.explorer.view import View


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Written:
    made = written.write(tmp_path_factory.mktemp("routes") / "run")
    (made.run / "evaluation.json").write_text(json.dumps(EVALUATION))
    (made.run / "explanations.jsonl").write_text('{"latent": 3, "text": "months", "by": "me"}')
    return made


EVALUATION = {
    "measured": [
        {
            "name": "topk-24",
            "role": "dictionary",
            "scores": [
                {
                    "name": "fvu", "value": 0.2, "low": 0.1, "high": 0.3, "unit": "",
                    "definition": "variance left", "n": 5, "better": "lower",
                },
                {
                    "name": "none", "value": None, "low": None, "high": None, "unit": "",
                    "definition": "not defined", "n": 0, "better": "lower",
                },
            ],
        }
    ]
}  # fmt: skip


@pytest.fixture(scope="module")
def view(made: Written, tmp_path_factory: pytest.TempPathFactory) -> View:
    other = written.write(tmp_path_factory.mktemp("routes") / "other", seed=1)
    written.rewrite(other._replace(directions=made.directions))
    index = open_index(made.run)
    return View(index, others={"twin": open_index(other.run)})


@pytest.fixture(scope="module")
def asked(view: View) -> TestClient:
    return client(view)


def test_the_run(asked: TestClient, made: Written):
    run = api.RunInfo.model_validate(fine(asked.get("/api/run")))
    assert (run.name, run.n_latents, run.n_tokens) == ("run", 24, len(made.tokens))
    assert run.n_dead == (~made.acts.any(0)).sum()
    assert [score.name for score in run.scores] == ["fvu"]
    assert run.others == ["twin"]
    assert not run.is_live
    assert not run.has_umap
    assert {key.key: key.values for key in run.slices}["lang"] == ["en", "de"]
    assert run.provenance["model"] == "tiny, fingerprint abc"
    density = next(column for column in run.columns if column.name == "density")
    assert (density.low, density.is_number) == (0.0, True)


def test_origins_are_said_in_words(view: View):
    settings = {"umap": False, "acts": 1234, "seconds": {"reading": 61.2, "merging": 5.0}}
    identity = {"text": "f00", "sites": {"resid.1": "layers.1:output:0"}, "bos": "context"}
    source = {"text": ["news", "code"], "weights": [2.0, 1.0]}
    said = origin(
        view.index.manifest.model_copy(
            update={"settings": settings, "identity": identity, "source": source}
        )
    )
    assert said["text"] == "news (weight 2), code (weight 1), fingerprint f00"
    assert said["sites of the model"] == "resid.1 (layers.1:output:0)"
    assert said["contexts"].endswith("tokens, each begins with the beginning-of-text token")
    assert said["time taken"] == "reading 61 s, merging 5 s"
    assert said["acts"] == "1,234"
    assert not [text for text in said.values() if "{" in text or "[" in text or not text]


def test_a_foreign_evaluation_is_named(tmp_path: Path):
    made = written.write(tmp_path / "run")
    (made.run / "evaluation.json").write_text('{"measured": [{"x": 1}]}')
    sentence = trouble(client(View(open_index(made.run))).get("/api/run"), 400)
    assert sentence.endswith(
        f"no evaluation of this version; run `unmix evaluate {made.run}` again"
    )


def test_a_note_that_is_too_long_is_refused_in_words(asked: TestClient):
    sentence = trouble(asked.put("/api/notes/3", json={"text": "x" * 20_001}), 400)
    assert sentence == "`text`: String should have at most 20000 characters"


def test_a_column_is_raw_floats(asked: TestClient, view: View):
    answer = asked.get("/api/column/density")
    got = np.frombuffer(answer.content, "<f4")
    np.testing.assert_array_equal(got, view.index.column("density").astype("f4"))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "did you mean `density`" in trouble(asked.get("/api/column/densty"), 400)
    assert "`label` is a text" in trouble(asked.get("/api/column/label"), 400)


def test_a_selection_is_raw_integers(asked: TestClient):
    answer = asked.get("/api/select", params={"where": "latent in [2, 5] or label ~ 'may'"})
    assert np.frombuffer(answer.content, "<i4").tolist() == [2, 3, 5]
    assert "query" in trouble(asked.get("/api/select", params={"where": "density <"}), 400)


def test_a_table_is_sorted_and_cut(asked: TestClient, view: View):
    params = {"sort": "largest", "columns": "density,largest", "offset": 2, "limit": 3}
    table = api.Table.model_validate(fine(asked.get("/api/table", params=params)))
    largest = np.nan_to_num(view.index.column("largest"), nan=-1)
    order = np.argsort(-largest, kind="stable")[2:5].tolist()
    assert [row.latent for row in table.rows] == order
    assert [row.values[1] for row in table.rows] == largest[order].tolist()
    assert (table.total, table.columns) == (24, ["density", "largest"])
    last = fine(asked.get("/api/table", params={"sort": "largest", "offset": 23}))["rows"]
    assert [row["latent"] for row in last] == [DEAD]  # what is not there comes last, either way
    last = fine(asked.get("/api/table?sort=largest&descending=false&offset=23"))["rows"]
    assert [row["latent"] for row in last] == [DEAD]
    by_label = fine(asked.get("/api/table?sort=label&limit=1"))["rows"]
    assert by_label[0]["latent"] == RULED
    assert "only numbers" in trouble(asked.get("/api/table?columns=label"), 400)
    assert "no column `sort`" in trouble(asked.get("/api/table?sort=sort"), 400)
    assert "limit" in trouble(asked.get("/api/table?limit=5000"), 400)


def test_csv_holds_texts_that_do_no_harm(asked: TestClient, view: View):
    answer = asked.get("/api/latents.csv", params={"where": "latent in [3, 5, 7]"})
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["label"] for row in rows] == ["May", "", "<b>latent 7</b>, ‮x"]
    assert [row["latent"] for row in rows] == ["3", "5", "7"]
    assert float(rows[0]["density"]) == view.index.column("density")[3]
    assert rows[1]["largest"] == ""
    some = asked.get("/api/latents.csv?columns=density,rule").text.splitlines()
    assert some[0].replace('"', "") == "latent,density,rule"
    assert "no column" in trouble(asked.get("/api/latents.csv?columns=nothing"), 400)


def test_a_latent(asked: TestClient, made: Written):
    latent = api.Latent.model_validate(fine(asked.get(f"/api/latent/{RULED}")))
    assert latent.label == "May"
    assert latent.acts is not None
    assert sum(latent.acts.counts) == (made.acts[:, RULED] > 0).sum()
    assert latent.logits is not None
    assert latent.rule is not None
    assert latent.rule.parts == [[None, " May"]]
    assert [effect.logit for effect in latent.up] == sorted(
        (e.logit for e in latent.up), reverse=True
    )
    assert all(effect.logit < 0 for effect in latent.down)
    assert [one.text for one in latent.tokens] == [" May"]
    assert len(latent.by_direction) == len(latent.by_firing) == 3
    assert [one.text for one in latent.explanations] == ["months"]
    assert {one.key for one in latent.slices} == {"source", "split", "lang"}
    assert 0 <= latent.percentiles["density"] <= 1
    assert latent.note.text == ""


def test_a_latent_that_never_fired_is_an_honest_page(asked: TestClient):
    latent = api.Latent.model_validate(fine(asked.get(f"/api/latent/{DEAD}")))
    assert latent.acts is None
    assert latent.tokens == []
    assert latent.rule is None
    assert latent.statistics["largest"] is None
    assert fine(asked.get(f"/api/latent/{DEAD}/examples"))["examples"] == []
    assert fine(asked.get(f"/api/latent/{DEAD}/misses"))["predicted"] == 0


def test_a_latent_that_is_not_there(asked: TestClient):
    for address in ("/api/latent/24", "/api/latent/-1", "/api/latent/24/examples", "/api/notes/24"):
        ask = asked.put if "notes" in address else asked.get
        more = {"json": {"text": ""}} if "notes" in address else {}
        assert "there is no latent" in trouble(ask(address, **more), 404)
    assert "latent" in trouble(asked.get("/api/latent/x"), 400)
    assert "no latent 99" in trouble(asked.get("/api/search/direction?latent=99"), 400)


@pytest.mark.parametrize("how", ["top", "range", "document"])
def test_examples(asked: TestClient, made: Written, how: str):
    params = {"how": how, "n": 5, "window": 6}
    body = fine(asked.get("/api/latent/0/examples", params=params))
    examples = api.Examples.model_validate(body)
    assert 1 <= len(examples.examples) <= 5
    for one in examples.examples:
        peak = one.pieces[one.peak]
        assert one.act == made.acts[one.position, 0]
        assert peak.act is not None
        assert peak.act >= one.act or math.isclose(peak.act, one.act)
        assert one.document == f"document {made.documents[one.position]}"
        assert one.metadata["link"].startswith("https://")


def test_examples_by_token_and_interval_and_slice(asked: TestClient, made: Written):
    got = fine(asked.get(f"/api/latent/{RULED}/examples?how=token&token={MAY}&n=100"))
    assert {made.tokens[one["position"]] for one in got["examples"]} == {MAY}
    got = fine(
        asked.get("/api/latent/1/examples?how=interval&low=1&high=2&slice_key=lang&slice_value=de")
    )
    assert all(1 <= one["act"] <= 2 and one["metadata"]["lang"] == "de" for one in got["examples"])
    for query in (
        "how=token",
        "how=interval",
        "slice_key=x",
        "how=best",
        "n=0",
        "low=nan",
        "window=0",
    ):
        trouble(asked.get(f"/api/latent/1/examples?{query}"), 400)


def test_markup_in_tokens_is_only_text(asked: TestClient, made: Written):
    got = fine(asked.get(f"/api/latent/0/examples?how=token&token={SCRIPT}&n=3"))
    (one, *_) = got["examples"]
    assert one["pieces"][one["peak"]]["text"] == "<script>alert(1)</script>"


def test_misses(asked: TestClient, made: Written):
    misses = api.Misses.model_validate(fine(asked.get(f"/api/latent/{RULED}/misses?n=50")))
    assert misses.silent >= len(misses.misses) > 0
    for miss in misses.misses:
        assert made.tokens[miss.example.position] == MAY
        assert miss.example.act == 0
        fired = [one.latent for one in miss.instead]
        assert (made.acts[miss.example.position, fired] > 0).all()


def test_search(asked: TestClient, view: View):
    hits = api.Hits.model_validate(fine(asked.get("/api/search?q=may")))
    assert hits.hits[0].latent == RULED
    assert [hit.score for hit in hits.hits] == sorted((h.score for h in hits.hits), reverse=True)
    only = fine(asked.get("/api/search?q=months&kind=explanation"))["hits"]
    assert [(hit["latent"], hit["why"]) for hit in only] == [(3, "an explanation")]
    assert fine(asked.get("/api/search?q=%20"))["total"] == 0
    assert fine(asked.get("/api/search?q=<script>"))["total"] == 0
    near = api.Hits.model_validate(fine(asked.get("/api/search/direction?latent=3&limit=4")))
    assert len(near.hits) == 4
    assert 3 not in [hit.latent for hit in near.hits]
    trouble(asked.get("/api/search?kind=x&q=a"), 400)


def test_differences(asked: TestClient):
    url = "/api/differences?a=source:news&b=source:code&limit=5"
    got = api.Differences.model_validate(fine(asked.get(url)))
    assert len(got.rows) == 5
    assert got.tested >= 5
    assert fine(asked.get(url)) == got.model_dump()  # the same again
    assert "share documents" in trouble(asked.get("/api/differences?a=lang:en&b=lang:en"), 400)
    assert "`b`" in trouble(asked.get("/api/differences?a=lang:en"), 400)


def test_comparison(asked: TestClient):
    got = fine(asked.get("/api/compare?other=twin&limit=5"))
    assert (got["matched"], got["split"], got["unmatched"]) == (24, 0, 0)
    assert got["share_matched"] == 1.0
    assert got["mean_cosine"] == pytest.approx(1, abs=1e-5)
    assert len(got["rows"]) == 5
    assert sum(got["histogram"]["counts"]) == 24
    assert fine(asked.get("/api/compare?other=twin&kind=split"))["rows"] == []
    match = fine(asked.get("/api/compare/3?other=twin"))
    assert match["others"][0]["latent"] == 3
    assert match["others"][0]["together"] is None  # not the same tokens
    assert "there are `twin`" in trouble(asked.get("/api/compare?other=x"), 400)


def test_notes(made: Written, tmp_path):
    own = written.write(tmp_path / "run")
    asked = client(View(open_index(own.run)))
    text = "a <script> ‮ note"
    note = fine(asked.put("/api/notes/3", json={"text": text, "tags": ["time", "<b>"]}))
    assert (note["text"], note["tags"]) == (text, ["time", "<b>"])
    assert fine(asked.get("/api/notes")) == [note]
    assert fine(asked.get("/api/latent/3"))["note"] == note
    assert json.loads(asked.get("/api/notes.jsonl").text)["text"] == text
    row = fine(asked.get("/api/table", params={"where": "tag('time')"}))["rows"]
    assert [(one["latent"], one["tags"]) for one in row] == [(3, ["time", "<b>"])]
    assert fine(asked.get("/api/search?q=note&kind=note"))["hits"][0]["why"] == "your note"
    for bad in (
        {"text": "x" * 20_001},
        {"text": "", "tags": ["y" * 61]},
        {"tags": []},
        {"text": "", "by": 1},
    ):
        trouble(asked.put("/api/notes/3", json=bad), 400)


def test_answers_are_not_made_twice(asked: TestClient, view: View):
    for address in ("/api/run", "/api/latent/3", "/api/column/density", "/api/table"):
        tag = asked.get(address).headers["etag"]
        again = asked.get(address, headers={"if-none-match": f"W/{tag}"})
        assert (again.status_code, again.content) == (304, b"")
    other = client(view)  # may have other indexes beside it, or a model
    tags = {
        address: asked.get(address).headers["etag"] for address in ("/api/run", "/api/column/mean")
    }
    assert other.get("/api/run", headers={"if-none-match": tags["/api/run"]}).status_code == 200
    column = other.get("/api/column/mean", headers={"if-none-match": tags["/api/column/mean"]})
    assert column.status_code == 304
    assert view.index.manifest.fingerprint in asked.get("/api/column/density").headers["etag"]
    assert "etag" not in asked.get("/api/live/state").headers
    assert "etag" not in asked.get("/api/latent/99").headers


def test_a_note_makes_answers_new(tmp_path):
    own = written.write(tmp_path / "run")
    asked = client(View(open_index(own.run)))
    latent, column = (asked.get(a).headers["etag"] for a in ("/api/latent/1", "/api/column/mean"))
    fine(asked.put("/api/notes/1", json={"text": "x"}))
    assert asked.get("/api/latent/1", headers={"if-none-match": latent}).status_code == 200
    assert asked.get("/api/column/mean", headers={"if-none-match": column}).status_code == 304


def test_what_is_long_is_packed(asked: TestClient):
    assert asked.get("/api/latent/3").headers["content-encoding"] == "gzip"
