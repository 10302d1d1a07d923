"""Explanations through a real server: scores of judges we know, and everything that goes wrong."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.evaluation.suite import judge as judges
from tests.evaluation.suite.words import EXACT, RANDOM, SET, Words, sample
from unmix.errors import UserError
from unmix.evaluation.suite.detection.rates import Rates
from unmix.evaluation.suite.detection.sample import Sample
from unmix.evaluation.suite.explain import examples
from unmix.evaluation.suite.explain import measure as metric
from unmix.evaluation.suite.explain.address import Address, address
from unmix.evaluation.suite.explain.answers import Answers, Question
from unmix.evaluation.suite.explain.client import TRIES, Client
from unmix.evaluation.suite.explain.examples import (
    FIRING,
    HARD,
    SILENT,
    excerpt,
    marks,
    taught,
    wrong_marks,
)
from unmix.evaluation.suite.explain.prompts import read_explanation, read_verdicts
from unmix.evaluation.suite.explain.rows import Row, rows_of
from unmix.evaluation.suite.explain.scores import scores
from unmix.evaluation.suite.explain.written import Written, merge
from unmix.evaluation.suite.finding import Finding
from unmix.evaluation.suite.subject import Subject

SETTINGS = {"shown": 12, "asked": 20, "train": 0, "held_out": 0, "seed": 0}
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def planted() -> tuple[Sample, Rates]:
    """Give the latents with a rule that words tell, and one that fires at random."""
    whole = sample()
    keep = [EXACT, SET, RANDOM]
    drawn = whole._replace(
        latents=whole.latents[keep],
        train=[whole.train[i] for i in keep],
        held_out=[whole.held_out[i] for i in keep],
        rivals=[whole.rivals[i] for i in keep],
    )
    return drawn, Rates(*drawn.text)


def rows(planted: tuple[Sample, Rates], judge: judges.Judge, folder: Path) -> dict[str, Row]:
    answers = Answers(folder / "answers.jsonl", client(judge), report=lambda _: None)
    given = {"answers": answers, "tokenizer": Words(), "settings": SETTINGS}
    return {row.name: row for row in rows_of(*planted, **given)}


def client(judge: judges.Judge, *, waits: list[float] | None = None, key: str = "") -> Client:
    wait = (lambda _: None) if waits is None else waits.append
    return Client(Address(judge.url, "small"), key=key, wait=wait)


def values(row: Row) -> dict[str, float]:
    return {score.name: score.value for score in scores(row, seed=0) if score.value is not None}


def test_an_honest_judge_scores_one_and_anothers_explanation_at_chance(
    planted: tuple[Sample, Rates], tmp_path: Path
):
    with judges.serving(judges.honest) as judge:
        found = rows(planted, judge, tmp_path)
    own = found["planted"]
    assert own.explanations[:2] == ["fires on w7", "fires on w11 w12 w13"]
    exact = own._replace(cases=own.cases[:2], judged=own.judged[:2])
    assert values(exact)["detection"] == values(exact)["fuzzing"] == 1
    assert values(exact)["precision"] == 1
    assert values(exact)["unread"] == 0
    other = found["another's"]
    swapped = other._replace(cases=other.cases[:2], judged=other.judged[:2])
    assert values(swapped)["detection"] == pytest.approx(0.5, abs=0.15)
    assert values(swapped)["fuzzing"] == pytest.approx(0.5, abs=0.15)
    rule = found["token set rule"]
    ruled = rule._replace(cases=rule.cases[:2], judged=rule.judged[:2])
    assert values(ruled)["detection"] == 1
    assert "fuzzing" not in values(ruled)


def test_a_random_judge_scores_a_half(planted: tuple[Sample, Rates], tmp_path: Path):
    with judges.serving(judges.random) as judge:
        found = rows(planted, judge, tmp_path)
    for name in ("detection", "detection, random", "detection, hard", "fuzzing"):
        both = [values(found[row])[name] for row in ("planted", "another's")]
        assert np.mean(both) == pytest.approx(0.5, abs=0.12)


def test_nothing_is_asked_twice_and_a_stop_loses_nothing(
    planted: tuple[Sample, Rates], tmp_path: Path
):
    path = tmp_path / "answers.jsonl"
    with judges.serving(judges.honest) as judge:
        whole = rows(planted, judge, tmp_path)["planted"]
        n = len(judge.asked)
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        assert len(lines) == n
        path.write_text("".join(lines[:-5]) + lines[-5][:40], encoding="utf-8")  # killed in a line
        again = rows(planted, judge, tmp_path)["planted"]
        assert len(judge.asked) == n + 5
        assert [a.tolist() for one in again.judged for a in one] == [
            a.tolist() for one in whole.judged for a in one
        ]
        rows(planted, judge, tmp_path)
        assert len(judge.asked) == n + 5
    line = json.loads(lines[0])
    assert {"key", "purpose", "dictionary", "latent", "messages", "answer", "model"} <= set(line)


def test_what_was_answered_before_a_refusal_is_kept(tmp_path: Path):
    answered = iter(["yes", "yes"])
    with judges.serving(lambda _: next(answered, (401, {}))) as judge:
        answers = Answers(tmp_path / "a.jsonl", client(judge), report=lambda _: None)
        texts = [[{"role": "user", "content": str(i)}] for i in range(9)]
        with pytest.raises(UserError, match="refuses the key"):
            answers.ask([Question("detection", "x", i, t) for i, t in enumerate(texts)], about="")
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 2


def test_a_busy_server_is_asked_again_after_as_long_as_it_says():
    replies = iter([(429, {}), (503, "busy")])
    waits: list[float] = []
    with judges.serving(lambda _: next(replies, "here")) as judge:
        assert client(judge, waits=waits).ask(HELLO).text == "here"
    assert waits == [7, 2]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((401, {"error": {"message": "no"}}), "refuses the key .401.; set `OPENAI_API_KEY`"),
        ((404, {"error": {"message": "no such model"}}), "no model `small` .404: no such model."),
        ((302, ""), "sends on to another address .302."),
        ((400, {"error": {"message": "too long"}}), "refuses the question .400: too long."),
        ((200, "<html>"), "no chat completion"),
        ((200, {"choices": []}), "no chat completion"),
        ((503, ""), f"no answer after {TRIES} tries .it answers 503."),
    ],
)
def test_a_refusal_is_a_sentence(reply: tuple[int, object], said: str):
    with (
        judges.serving(lambda _: reply) as judge,
        pytest.raises(UserError, match=said),
    ):
        client(judge).ask(HELLO)


def test_a_server_that_is_not_there_is_a_sentence():
    with judges.serving(judges.honest) as judge:
        gone = client(judge)
    with pytest.raises(UserError, match=r"no answer after .* refused"):
        gone.ask(HELLO)


def test_a_model_that_takes_no_options_is_asked_without():
    def picky(_: str) -> judges.Reply:
        refused = "max_tokens" in judge.asked[-1].body
        return (400, {"error": {"message": "`max_tokens` is not supported"}}) if refused else "here"

    with judges.serving(picky) as judge:
        one = client(judge)
        assert one.ask(HELLO).text == "here"
        assert one.ask(HELLO).tokens == 11
    assert len(judge.asked) == 3


def test_the_key_is_sent_and_written_nowhere(tmp_path: Path):
    with judges.serving(judges.honest) as judge:
        answers = Answers(tmp_path / "a.jsonl", client(judge, key="s3cret"), report=lambda _: None)
        answers.ask([Question("detection", "x", 0, HELLO)], about="")
    assert judge.asked[0].headers["Authorization"] == "Bearer s3cret"
    assert judge.asked[0].path == "/v1/chat/completions"
    assert "s3cret" not in (tmp_path / "a.jsonl").read_text()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "give `--explainer`"),
        ("localhost:8000", "no address"),
        ("file:///etc/passwd", "no address"),
        ("http://me:secret@host/v1", "no password"),
        ("http://host:port/v1", "no address"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str, said: str):
    with pytest.raises(UserError, match=said):
        address({"url": url, "model": "m"})


def test_an_address_may_be_given_with_its_route():
    assert Address("http://a/v1/", "m").route == "http://a/v1/chat/completions"
    assert Address("http://a/v1/chat/completions", "m").route == "http://a/v1/chat/completions"
    assert Address("http://a/x?v=1", "m").route == "http://a/x/chat/completions?v=1"


def test_answers_are_read_as_they_are_meant():
    assert read_verdicts("So: [1, 0]\nno, [0, 1]", count=2) == [False, True]
    assert read_verdicts("<think>[1, 1]</think>[true, no]", count=2) == [True, False]
    assert read_verdicts("1, 0\n", count=2) == [True, False]
    assert read_verdicts("[1, 0, 1]", count=2) is None
    assert read_verdicts("[2, 0]", count=2) is None
    assert read_explanation("<think>Explanation: a</think>\n**Explanation:** months ") == "months"
    assert read_explanation('explanation: "a" or `b`') == '"a" or `b`'
    assert read_explanation("Names of months.") == "Names of months."
    assert read_explanation("<think>and so on") == ""


def test_excerpts_tell_firing_windows_from_silent_ones(planted: tuple[Sample, Rates]):
    drawn = planted[0]
    text, fired = drawn.text.held_out, drawn.held_out[0]
    hard = text.within(text.rows_of(3))
    trial = examples.tested(text, fired, hard=hard, count=20, seed=0)
    fires = text.within(fired.rows)
    assert np.bincount(trial.kinds).tolist() == [20, 10, 10]
    assert fires[trial.windows].tolist() == (trial.kinds == FIRING).tolist()
    assert hard[trial.windows[trial.kinds == HARD]].all()
    assert len(set(trial.windows.tolist())) == 40
    assert text.is_long[trial.windows[trial.kinds == SILENT]].all()
    seen = taught(drawn.text.train, drawn.train[0], count=12)
    assert len(set(drawn.text.train.documents[drawn.text.train.starts[seen]].tolist())) == 12


def test_marks_stand_round_the_tokens_that_fire(planted: tuple[Sample, Rates]):
    drawn = planted[0]
    text, fired = drawn.text.held_out, drawn.held_out[0]
    window = int(text.window[fired.rows[0]])
    true = marks(text, fired, window=window)
    shown = excerpt(text, window, marks=true, tokenizer=Words())
    assert judges.marked(shown) == {"w7"}
    assert shown.count("«") == true.sum()
    wrong = wrong_marks(true, seed=[0])
    assert wrong.sum() == true.sum()
    assert not (wrong & true).any()
    assert "«" not in excerpt(text, window, marks=None, tokenizer=Words())


def test_explanations_of_others_stay(tmp_path: Path):
    path = tmp_path / "explanations.jsonl"
    old = ['{"latent": 3, "text": "mine"}', '{"latent": 3, "text": "old", "by": "m"}', "not JSON"]
    path.write_text("\n".join(old), encoding="utf-8")
    merge(path, [Written("", 3, "new", "m", {"detection": 0.75, "fuzzing": float("nan")})])
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[:2] == [old[0], old[2]]
    assert json.loads(lines[2]) == {
        "latent": 3,
        "text": "new",
        "by": "m",
        "scores": {"detection": 0.75},
    }


def test_the_metric_writes_what_the_explorer_shows(
    planted: tuple[Sample, Rates], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(metric, "samples", lambda *_, **__: iter([planted[0]]))
    with judges.serving(judges.honest) as judge:
        found = measured(tmp_path, judge.url)
        assert measured(tmp_path, judge.url).measured[0].scores["detection"].value is not None
    assert [one.role for one in found.measured] == ["dictionary", *["baseline"] * 3]
    assert len(found.figures[0].curves) == 2
    first = json.loads((tmp_path / "explanations.jsonl").read_text().splitlines()[0])
    assert first["text"] == "fires on w7"
    assert first["by"] == "small"
    assert first["scores"] == {"detection": 1.0, "fuzzing": 1.0}
    assert len((tmp_path / "explanations.jsonl").read_text().splitlines()) == 3
    assert all((tmp_path / name).is_file() for name in found.kept)


def test_a_judge_that_does_not_keep_to_the_form_is_told(
    planted: tuple[Sample, Rates], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(metric, "samples", lambda *_, **__: iter([planted[0]]))
    with judges.serving(lambda _: "I think that this is hard to say.") as judge:
        found = measured(tmp_path, judge.url)
    assert found.measured[0].value("detection") is None
    assert found.measured[0].value("unread") == 1
    assert "100% of the verdicts could not be read" in found.notes[-1]


def measured(run: Path, url: str) -> Finding:
    subject = Subject.__new__(Subject)  # without a run: only these parts are read
    subject.run, subject.options, subject.report = run, {"explain": {"url": url}}, lambda _: None
    subject.__dict__["model"] = SimpleNamespace(tokenizer=Words())
    subject.__dict__["dictionaries"] = {"planted": None}
    assert metric.applies(subject) == ""
    settings = {**SETTINGS, "latents": 3, "url": url, "model": "small"}
    return metric.measure(subject, settings)


def test_it_is_off_without_an_address():
    subject = Subject.__new__(Subject)
    subject.options = {}
    assert "--explainer" in metric.applies(subject)
