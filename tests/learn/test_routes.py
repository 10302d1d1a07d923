"""The learning page's addresses, asked without a network."""

import json
import sys
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.explorer.asking import HERE, fine, trouble
from unmix.cli.main import main
from unmix.explorer.app import make_app
from unmix.learn.files import FILES, RECORDED
from unmix.learn.routes import Learning, adding
from unmix.learn.schema import Grid
from unmix.learn.told import Own, Running, Served
from unmix.learn.witnesses import Witnesses

WITNESS = "claim:tradeoff.0"
SAYS = """import json, sys
print(json.dumps({"kind": "equation", "object": "x", "runs": sys.argv[-1], "state": "passed",
                  "said": "so", "seconds": 0}))"""


def asked(
    tmp_path: Path, *, run: Path | None = None, code: str = SAYS, longest: float = 20
) -> TestClient:
    (tmp_path / "learn.html").write_text("<!doctype html><title>learn</title>")
    (tmp_path / "assets").mkdir(exist_ok=True)
    (tmp_path / "assets" / "a.js").write_text("1")
    witnesses = Witnesses(command=[sys.executable, "-c", code], longest=longest)
    app = make_app(None, port=8000, add=adding(Learning(witnesses, run), static=tmp_path))
    return TestClient(app, base_url=HERE, raise_server_exceptions=False)


def done(client: TestClient) -> Running:
    for _ in range(400):
        running = Served.model_validate(fine(client.get("/api/learn/status"))).running
        if running.state == "done":
            return running
        time.sleep(0.05)
    raise AssertionError("the witness never came to an end")


def test_the_page_its_parts_and_its_data(tmp_path: Path):
    client = asked(tmp_path)
    assert "<title>learn" in client.get("/learn/").text
    assert "<title>learn" in client.get("/").text, "alone, it is the first page"
    assert client.get("/learn/assets/a.js").status_code == 200
    for name, kind in FILES.items():
        assert kind.model_validate(fine(client.get(f"/learn/data/{name}.json")))
    raw = client.get("/learn/data/heldout/flat.bin").content
    assert raw == (RECORDED / "heldout/flat.bin").read_bytes()
    assert client.get("/learn/data/../schema.py").status_code == 404
    trouble(client.get("/learn/data/nothing.json"), 404)
    assert "default-src 'self'" in client.get("/learn/").headers["content-security-policy"]


def test_without_a_built_page_it_says_how(tmp_path: Path):
    client = asked(tmp_path)
    (tmp_path / "learn.html").unlink()
    answer = client.get("/learn/")
    assert (answer.status_code, "make web" in answer.text) == (503, True)


def test_a_recorded_run_has_an_address(tmp_path: Path):
    client = asked(tmp_path)
    grid = Grid.model_validate_json((RECORDED / "grid.json").read_bytes())
    for run in (grid.runs[0], grid.from_truth[-1]):
        assert fine(client.get(f"/api/learn/run/{run.id}"))["nmse"] == run.nmse
    assert "no recorded run" in trouble(client.get("/api/learn/run/x"), 404)


def test_a_witness_is_run_and_asked_for_until_it_is_done(tmp_path: Path):
    client = asked(tmp_path)
    assert fine(client.get("/api/learn/status"))["running"]["state"] == "idle"
    began = fine(client.post(f"/api/learn/witness/{WITNESS}/run", json={}))
    assert (began["state"], began["id"]) == ("running", WITNESS)
    witness = done(client).witness
    assert witness is not None
    assert (witness.state, witness.runs) == ("passed", WITNESS)


@pytest.mark.parametrize("witness", ["claim:none.0", "claim:tradeoff.99", "claim:tradeoff", "x.-1"])
def test_only_witnesses_of_claims_are_run(tmp_path: Path, witness: str):
    client = asked(tmp_path)
    answer = client.post(f"/api/learn/witness/{witness}/run", json={})
    assert "no claim has a witness" in trouble(answer, 404)
    other = client.post(
        f"/api/learn/witness/{WITNESS}/run", json={}, headers={"origin": "http://x"}
    )
    trouble(other, 403)


def test_one_witness_at_a_time_and_none_for_ever(tmp_path: Path):
    client = asked(tmp_path, code="import time; time.sleep(60)", longest=1)
    fine(client.post(f"/api/learn/witness/{WITNESS}/run", json={}))
    answer = client.post(f"/api/learn/witness/{WITNESS}/run", json={})
    assert "is running" in trouble(answer, 503)
    witness = done(client).witness
    assert witness is not None
    assert witness.state == "not_run"
    assert "not done after 1 s" in witness.said


def test_a_witness_that_breaks_down_is_told_of(tmp_path: Path):
    client = asked(tmp_path, code="raise SystemExit('no')")
    fine(client.post(f"/api/learn/witness/{WITNESS}/run", json={}))
    witness = done(client).witness
    assert witness is not None
    assert "broke down" in witness.said


def test_ones_own_run(tmp_path: Path):
    run = tmp_path / "mine"
    run.mkdir()
    client = asked(tmp_path, run=run)
    assert "unmix evaluate" in trouble(client.get("/api/learn/own"), 400)
    score = {"value": 0.1, "low": 0.0, "high": 0.2, "unit": "", "definition": "so"}
    row = {"name": "topk", "role": "dictionary", "about": "it", "density": None}
    row["scores"] = [{"name": "FVU", **score}, {"name": "odd", **score}]
    found = {"model": "m", "site": "s", "original": None, "counted": {"eligible": 3}}
    (run / "evaluation.json").write_text(json.dumps({**found, "measured": [row]}))
    mine = Own.model_validate(fine(client.get("/api/learn/own")))
    assert [one.name for one in mine.measured[0].scores] == ["FVU"]
    assert (mine.run, mine.links) == ("mine", [])
    (run / "evaluation.json").write_text(json.dumps({**found, "measured": [{}]}))
    assert "of this version" in trouble(client.get("/api/learn/own"), 400)
    assert "no run was given" in trouble(asked(tmp_path).get("/api/learn/own"), 404)


def test_what_cannot_be_typed(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert main(["learn", str(tmp_path / "nothing")]) == 2
    assert "no folder of a run" in capsys.readouterr().err
