"""Any program as an investigator: its environment, its deadline, and the end of its whole process group."""

import json
import os
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from evaluation.campaign.files import Answer
from evaluation.investigators.command import Command
from evaluation.investigators.investigator import Progress, Question
from ops.errors import UsageError

QUESTION = Question(datetime.now(timezone.utc), "storefront-app", "eu-west-1", datetime.now(timezone.utc))
OBSERVER = {"AWS_ACCESS_KEY_ID": "ASIAOBSERVER", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}


def ask(tmp_path: Path, code: str, deadline: float = 20.0) -> Answer:
    command = Command([sys.executable, "-c", code], OBSERVER, "eu-west-1", deadline)
    return command.ask(QUESTION, tmp_path, lambda progress: None)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_the_question_comes_on_standard_input_and_the_answer_from_standard_output(tmp_path: Path) -> None:
    answer = ask(tmp_path, "import sys; print('Asked:', sys.stdin.read().splitlines()[0])")

    assert (answer.status, answer.reason) == ("completed", None)
    assert answer.text.startswith("Asked: Is the service storefront-app in AWS region eu-west-1 healthy since")


def test_only_the_observers_credentials_and_four_other_things_are_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "PULUMI_BACKEND_URL", "GITHUB_TOKEN", "PYTHONPATH"):
        monkeypatch.setenv(name, "ours")
    monkeypatch.setenv("LANG", "C.UTF-8")

    answer = ask(tmp_path, "import json, os; print(json.dumps([dict(os.environ), os.listdir(), os.getcwd()]))")

    environment, files, folder = json.loads(answer.text)
    assert {name: environment[name] for name in OBSERVER} == OBSERVER
    assert "ours" not in environment.values()
    assert set(environment) - {"LC_CTYPE"} == {
        *OBSERVER, "PATH", "HOME", "LANG", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
    }  # fmt: skip
    assert files == []
    assert not Path(folder).exists()


def test_at_the_deadline_the_whole_process_group_is_ended_and_a_draft_is_kept(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('draft', child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    begin = time.monotonic()

    answer = ask(tmp_path, code, deadline=1.5)

    assert time.monotonic() - begin < 20
    assert (answer.status, answer.reason) == ("timed_out", "no answer within 1.5 s")
    draft, child = answer.text.split()
    assert draft == "draft"
    deadline = time.monotonic() + 10
    while is_alive(int(child)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(int(child))


def test_what_a_program_leaves_running_is_ended_with_it(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
    )

    answer = ask(tmp_path, code)

    assert answer.status == "completed"
    deadline = time.monotonic() + 10
    while is_alive(int(answer.text)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(int(answer.text))


def test_a_program_that_fails_gives_a_void_answer_with_the_end_of_its_errors(tmp_path: Path) -> None:
    answer = ask(tmp_path, "import sys; print('half'); sys.exit('no model')")

    assert answer.status == "void"
    assert answer.reason is not None
    assert answer.reason.endswith("ended with exit code 1: no model")
    assert answer.raw == {"exit_code": 1, "stderr": "no model\n"}


def test_an_endless_answer_is_void(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluation.investigators.command.MAX_ANSWER_BYTES", 1000)

    answer = ask(tmp_path, "import time\nwhile True: print('x' * 500, flush=True); time.sleep(0.01)")

    assert (answer.status, len(answer.text)) == ("void", 1000)
    assert answer.reason == "the answer is longer than 1,000 bytes"


def test_a_program_that_does_not_exist_is_an_error_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be run"):
        Command(["/nowhere/agent"], OBSERVER, "eu-west-1", 1).ask(QUESTION, tmp_path, lambda progress: None)


def test_an_interruption_ends_the_program(tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if (tmp_path / "pid").exists():
            raise KeyboardInterrupt

    code = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(KeyboardInterrupt):
        Command([sys.executable, "-c", code], OBSERVER, "eu-west-1", 30).ask(QUESTION, tmp_path, interrupt)

    text = (tmp_path / "pid").read_text()
    assert not text or not is_alive(int(text))
