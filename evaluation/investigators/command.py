"""Any program as an investigator: the question on its standard input, the answer on its standard output.

It runs in an empty folder, not in the checkout, with the observer's credentials and nothing else of ours in its
environment. It is a process of the same user, all the same: what that user can read in files, it can read.
"""

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from evaluation.campaign.files import Answer
from evaluation.investigators.investigator import Cost, Investigator, Progress, Question, Report, decoded
from ops.errors import UsageError

POLL_SECONDS = 0.05
MAX_ANSWER_BYTES = 5_000_000
STDERR_TAIL = 2000
INHERITED = ("PATH", "HOME", "LANG")


class Command(Investigator):
    """`variables` are the credentials, and where AWS is; `deadline` is in seconds."""

    name = "command"

    def __init__(self, arguments: Sequence[str], variables: Mapping[str, str], region: str, deadline: float) -> None:
        self._arguments = list(arguments)
        self._deadline = deadline
        self._environment = {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            # A profile of the person's must not add a region, an endpoint or other credentials.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            **variables,
        }

    def cost(self) -> Cost:
        return Cost(f"whatever `{self._arguments[0]}` costs, which only you know", None)

    def ask(self, question: Question, folder: Path, report: Report) -> Answer:
        with tempfile.TemporaryDirectory(prefix="investigation-") as scratch:
            answered, complained = Path(scratch, "answer"), Path(scratch, "errors")
            asked, workplace = Path(scratch, "question"), Path(scratch, "workplace")
            asked.write_text(question.text, encoding="utf-8")
            workplace.mkdir()
            started = time.monotonic()
            with asked.open("rb") as stdin, answered.open("wb") as stdout, complained.open("wb") as stderr:
                try:
                    process = subprocess.Popen(
                        self._arguments, stdin=stdin, stdout=stdout, stderr=stderr, cwd=workplace,
                        env=self._environment, start_new_session=True,
                    )  # fmt: skip
                except OSError as error:
                    raise UsageError(f"--command {self._arguments[0]}: cannot be run ({error.strerror}); name a "
                                     "program by its path, or one on PATH") from None  # fmt: skip
            try:
                ended = self._wait(process, answered, started, report)
            finally:
                _end_group(process)
            seconds = round(time.monotonic() - started, 3)
            text = decoded(answered.read_bytes()[:MAX_ANSWER_BYTES])
            errors = complained.read_bytes()[-STDERR_TAIL:].decode("utf-8", "replace")
        status, reason = "completed", ended
        if ended is not None:
            status = "timed_out" if ended.startswith("no answer") else "void"
        elif process.returncode:
            last = (errors.strip().splitlines() or ["it wrote no error"])[-1]
            status, reason = "void", f"{self._arguments[0]} ended with exit code {process.returncode}: {last}"
        raw = {"exit_code": process.returncode, "stderr": errors}
        return Answer(question.started, self.name, status, text, seconds, reason=reason, raw=raw)

    def _wait(self, process: "subprocess.Popen[bytes]", output: Path, started: float, report: Report) -> str | None:
        """Wait until the program ends; return why it has to be ended before, if it has to."""
        while process.poll() is None:
            seconds = time.monotonic() - started
            report(Progress("running", seconds))
            if seconds >= self._deadline:
                return f"no answer within {self._deadline:g} s"
            if output.stat().st_size > MAX_ANSWER_BYTES:
                return f"the answer is longer than {MAX_ANSWER_BYTES:,} bytes"
            time.sleep(POLL_SECONDS)
        return None


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill whatever is left of the program's process group, also of one that has ended itself."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
