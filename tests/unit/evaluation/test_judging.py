"""A person's decisions on undecided axes: what is asked, what the reply decides, and what the score says of it."""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import evaluate
from cli.evaluate import agents
from evaluation import judging
from evaluation.campaign.files import Answer
from evaluation.findings import Findings, Verdict
from evaluation.investigators.investigator import Question, Report, completed
from evaluation.investigators.person import Person
from evaluation.scoring import Axis, AxisScore, Outcome, Score
from evaluation.times import parse_time
from ops import folder_locks
from ops.errors import UsageError
from tests.unit.evaluation.cases import HANDLER, TRUTHS, truth_record

UNDECIDED = Score({axis: AxisScore(Outcome.UNDECIDED, None, "") for axis in Axis})
RIGHT = {
    Axis.DETECTED: "yes",
    Axis.COMPONENT: HANDLER.rpartition(":")[2],
    Axis.MECHANISM: "FAIL_MODE",
    Axis.CHANGE: "an update of a configuration or its variables",
    Axis.TIME: "2026-03-03T14:03:00Z",
    Axis.NO_RIVAL_ROOT: "one",
    Axis.FALSE_ALARM: "no",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = "Either FAIL_MODE=true of storefront-app-handler, or a throttled API, might have caused it."
    findings = Findings(Verdict.FAULT, "free text", text=text)
    (tmp_path / "findings.json").write_text(json.dumps(findings.record(parse_time("2026-03-03T14:10:00Z"))))
    (tmp_path / "truth.json").write_text(json.dumps(truth_record()))
    return tmp_path


def score(folder: Path) -> tuple[int, dict[str, dict[str, str]]]:
    status = evaluate.main(["score", str(folder)])
    axes: dict[str, dict[str, str]] = json.loads((folder / "score.json").read_text())["axes"]
    return status, axes


@pytest.mark.parametrize("axis", list(Axis))
def test_the_right_reply_is_a_hit_and_every_other_a_miss(axis: Axis) -> None:
    (inquiry,) = [one for one in judging.inquiries(TRUTHS["named"], UNDECIDED) if one.axis is axis]

    assert inquiry.decide(RIGHT[axis]) is Outcome.HIT
    for option in inquiry.options or ("", "2026-03-03T15:03:00Z"):
        assert (inquiry.decide(option) is Outcome.HIT) == (option == RIGHT[axis])


def test_what_is_asked_says_neither_what_is_true_nor_in_which_arm() -> None:
    asked = judging.inquiries(TRUTHS["named"], UNDECIDED)
    by_axis = {inquiry.axis: inquiry for inquiry in asked}

    assert by_axis[Axis.DETECTED].text == by_axis[Axis.FALSE_ALARM].text
    assert by_axis[Axis.DETECTED].options == by_axis[Axis.FALSE_ALARM].options
    for axis in (Axis.COMPONENT, Axis.MECHANISM):
        options = by_axis[axis].options[:-2]
        assert list(options) == sorted(options)
        assert len(options) >= 2


def test_a_person_decides_what_the_scorer_could_not_and_the_score_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, axes = score(folder)
    undecided = [name for name, axis in axes.items() if axis["outcome"] == "undecided"]
    assert undecided
    assert before in (1, 2)
    asked = judging.inquiries(TRUTHS["named"], Score({Axis(name): AxisScore(Outcome(axis["outcome"]), None, "")
                                                     for name, axis in axes.items()}))  # fmt: skip
    replies = [str(one.options.index(RIGHT[one.axis]) + 1) if one.options else RIGHT[one.axis] for one in asked]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(["nonsense", *replies]) + "\n"))
    capsys.readouterr()

    assert evaluate.main(["judge", str(folder), "--by", "casey"]) == 0

    shown = capsys.readouterr().out
    assert "'nonsense' is no reply to that; try again:" in shown
    assert "2026-03-03T14:02" not in shown
    judgements = json.loads((folder / "judgements.json").read_text())
    assert {name: axis["by"] for name, axis in judgements["axes"].items()} == dict.fromkeys(undecided, "casey")
    after, axes = score(folder)
    assert [name for name, axis in axes.items() if axis["decided_by"] == "person"] == undecided
    assert "a person decided" in capsys.readouterr().out
    assert after in (0, 1)
    assert evaluate.main(["judge", str(folder)]) == 0
    assert "nothing is undecided" in capsys.readouterr().out


def test_each_decision_keeps_its_judge_and_an_input_that_ends_early_loses_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def judge(by: str, replies: str) -> tuple[int, dict[str, str]]:
        monkeypatch.setattr("sys.stdin", io.StringIO(replies))
        status = evaluate.main(["judge", str(folder), "--by", by])
        path = folder / "judgements.json"
        axes = json.loads(path.read_text())["axes"] if path.exists() else {}
        return status, {name: axis["by"] for name, axis in axes.items()}

    assert judge("casey", "") == (1, {})
    assert "nothing is undecided" not in capsys.readouterr().out
    status, first = judge("casey", "1\n")
    assert (status, list(first.values())) == (1, ["casey"])
    assert "run this again to go on" in capsys.readouterr().out

    status, both = judge("robin", "1\n" * 9)

    assert status == 0
    assert both.items() > first.items()
    assert set(both.values()) == {"casey", "robin"}


STEERING = "\x1b]0;t\x07\x1b[2K\rPASS \ud83d"
"""What an evaluated agent may write: https://github.com/UKGovernmentBEIS/inspect_ai/pull/4854"""


def test_an_answer_that_is_shown_to_a_person_steers_no_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"Either FAIL_MODE=true of storefront-app-handler, or a throttled API,\n\tmight have caused it. {STEERING}"
    findings = Findings(Verdict.FAULT, "free text", text=text)
    (folder / "findings.json").write_text(json.dumps(findings.record(parse_time("2026-03-03T14:10:00Z"))))
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    evaluate.main(["judge", str(folder), "--by", "casey"])

    shown = capsys.readouterr().out
    assert "throttled API,\n\tmight have caused it. \\x1b]0;t\\x07\\x1b[2K\\rPASS \\ud83d" in shown
    assert "\x1b" not in shown


def test_a_cause_that_is_shown_once_it_was_asked_steers_no_terminal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = json.dumps({"verdict": "fault", "causes": [{"role": "root", "statement": f"A fault. {STEERING}"}]})

    class Agent(Person):
        def ask(self, question: Question, folder: Path, report: Report) -> Answer:
            return completed("person", question, said, 1.0)

    monkeypatch.setattr(agents, "investigator", lambda *_, **__: (Agent(1.0), "themselves"))

    assert evaluate.main(["ask", "--stack", "app", "--agent", "person", "--region", "eu-west-1", "--yes",
                          "--out", str(tmp_path)]) == 0  # fmt: skip
    shown = capsys.readouterr().out
    assert "root: A fault. \\x1b]0;t\\x07\\x1b[2K PASS \\ud83d" in shown
    assert "\x1b" not in shown


def test_a_program_is_found_from_where_the_person_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "agent.sh"
    program.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)

    assert agents.command_words("./agent.sh 'a b'") == [str(program), "a b"]


def test_two_at_once_do_not_ask_in_one_folder(tmp_path: Path) -> None:
    lock = folder_locks.hold(tmp_path)
    try:
        with pytest.raises(UsageError, match="another run is under way in it"):
            evaluate.main(["ask", "--stack", "app", "--agent", "person", "--region", "eu-west-1",
                           "--out", str(tmp_path), "--deadline", "0.1"])  # fmt: skip
    finally:
        os.close(lock)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_question_says_that_it_stays_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("evaluation.investigators.person.time.sleep", interrupt)

    status = evaluate.main(["ask", "--stack", "app", "--agent", "person", "--region", "eu-west-1",
                            "--out", str(tmp_path)])  # fmt: skip

    assert status == 130
    assert "nobody waits for answer.md now; run the same again to wait on" in capsys.readouterr().err


def test_findings_and_truth_from_elsewhere_are_scored_without_a_folder(folder: Path) -> None:
    arguments = ["--findings", str(folder / "findings.json"), "--truth", str(folder / "truth.json")]

    assert evaluate.main(["score", *arguments]) in (0, 1, 2)
    assert not (folder / "score.json").exists()


@pytest.mark.parametrize(
    ("since", "fields", "message"),
    [
        ("2026-03-03T14:00:00Z", {}, None),
        ("2026-03-03T14:10:00Z", {}, None),
        ("2026-03-03T14:21:00Z", {}, "ended at 2026-03-03T14:20:00Z, before the time that was asked about"),
        (
            "2026-03-03T13:30:00Z",
            {"started": "2026-03-03T14:02:00Z"},
            "began at 2026-03-03T14:02:10Z, after the answer",
        ),
        ("2026-03-03T14:00:00Z", {"stack": "plain"}, "is of stack app, and plain was asked about"),
    ],
)
def test_the_truth_of_another_time_than_the_questions_scores_nothing(
    since: str, fields: dict[str, str], message: str | None, folder: Path
) -> None:
    question = {"kind": "question", "version": 1, "started": "2026-03-03T14:30:00Z", "stack": "app",
                "agent": "person", "service": "storefront", "region": "eu-west-1", "since": since}  # fmt: skip
    (folder / "question.json").write_text(json.dumps({**question, **fields}))

    with contextlib.nullcontext() if message is None else pytest.raises(UsageError, match=message):
        score(folder)


def test_a_score_loads_no_statistics(root: Path) -> None:
    loaded = "import sys, cli.evaluate.score; print('scipy' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", loaded], cwd=root, capture_output=True, text=True, check=True)

    assert ended.stdout == "False\n"


def test_the_truth_of_a_run_that_is_not_valid_scores_nothing(folder: Path) -> None:
    valid = {"valid": False, "healthy_before": False, "failing_throughout": True, "healthy_after": True,
             "why": ["it failed before the change"]}  # fmt: skip
    (folder / "truth.json").write_text(json.dumps(truth_record(valid=valid)))

    with pytest.raises(UsageError, match="is not valid: it failed before the change"):
        score(folder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score"], "nothing to score"),
        (["score", "/nowhere"], "/nowhere: has no answer; ask with"),
        (["ask", "--agent", "echo", "--deadline", "0"], "--deadline 0: must be a number above 0"),
        (["ask", "--agent", "echo", "--space", "x"], "--space: is for --agent devops-agent"),
        (["ask", "--agent", "echo", "--since", "noon"], "--since noon: must be ISO 8601"),
        (["ask", "--agent", "echo", "--since", "0001-01-01T00:00:00+01:00"], "must be ISO 8601"),
        # https://github.com/z411/trackma/pull/412
        (["ask", "--agent", "command", "--command", "ask it's"], "--command ask it's: cannot be split into words"),
        (["ask", "--agent", "devops-agent", "--region", "eu-west-1"], "--space None: must be the ARN of an agent"),
        (["ask", "--agent", "command", "--region", "eu-west-1"], "--agent command needs --command"),
        (["ask", "--agent", "command", "--command", "./nowhere"], "--command ./nowhere: is no program"),
        (["ask", "--agent", "echo", "--since", "2999-01-01T00:00:00Z"], "is in the future"),
        (["ask", "--agent", "echo", "--stack", "no stack!"], "--stack no stack!: is no stack's name"),
        (["ask", "--agent", "echo"], "the region is not known"),
    ],
)
def test_an_error_is_one_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    more = ["--stack", "app", "--out", str(tmp_path)] if arguments[0] == "ask" else []

    with pytest.raises(UsageError, match=message) as error:
        evaluate.main([arguments[0], *more, *arguments[1:]])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("agent", ["echo", "devops-agent"])
@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("AWS_PROFILE", "none", "none"),  # https://github.com/aws/aws-cli/issues/3834
        ("AWS_ENDPOINT_URL", "localhost:4566", "Invalid endpoint: localhost:4566"),
    ],
)
def test_a_wrong_setting_of_aws_is_one_line_before_anything_is_asked(
    agent: str, variable: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    space = ["--space", "arn:aws:aidevops:eu-west-1:111122223333:agentspace/a"] if agent == "devops-agent" else []
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv(variable, value)

    with pytest.raises(UsageError, match=message):
        evaluate.main(["ask", "--stack", "app", "--agent", agent, "--region", "eu-west-1", *space, "--yes",
                       "--out", str(tmp_path / "out")])  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_asking_without_credentials_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null",
                        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    space = "arn:aws:aidevops:eu-west-1:111122223333:agentspace/x"
    with pytest.raises(UsageError, match="Unable to locate credentials"):
        evaluate.main(["ask", "--stack", "app", "--agent", "devops-agent", "--space", space, "--region", "eu-west-1",
                       "--out", str(tmp_path / "out"), "--yes"])  # fmt: skip
