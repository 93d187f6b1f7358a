"""Whatever files and environment are, a verb ends with 0, 1 or 2 and one line, which is a known one."""

import contextlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_aws.engine import embedded
from local_aws.engine.stack import Stack
from local_aws.engine.store import Folder
from ops.errors import UsageError
from tests.support import verbs
from tests.support.verbs import URL, Ended
from tests.unit.evaluation.cases import truth_record
from tests.unit.evaluation.test_records import FINDINGS as READ_FINDINGS
from tests.unit.evaluation.test_records import STARTED
from tests.unit.ops.test_backend import HISTORY, LOCK, STATE, state

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
RECORD = {
    "kind": "check",
    "version": 1,
    "verdict": "stack app is healthy",
    "observations": [{"passed": True, "name": "n", "expected": "e", "actual": "a"}],
}
FINDINGS = READ_FINDINGS.record(STARTED)
VARIABLES = (
    "AWS_ENDPOINT_URL_STS", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_CA_BUNDLE", "AWS_CONFIG_FILE",
    "AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS", "AWS_DEFAULTS_MODE", "AWS_SESSION_TOKEN", "AWS_SECRET_ACCESS_KEY",
    "AWS_USE_FIPS_ENDPOINT", "AWS_STS_REGIONAL_ENDPOINTS", "AWS_ACCOUNT_ID_ENDPOINT_MODE", "AWS_DATA_PATH",
    "AWS_METADATA_SERVICE_TIMEOUT", "PULUMI_BACKEND_URL", "PULUMI_HOME", "PULUMI_OPTION_CWD", "GITHUB_OUTPUT",
    "HTTPS_PROXY", "NO_PROXY", "SSLKEYLOGFILE", "HOME", "TMPDIR", "COLUMNS", "TZ",
)  # fmt: skip
STACK_FILE = "config:\n  aws:region: eu-west-1\n  incident-sandbox:scope: app\n  failMode: false # ä\n"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=5,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in a JSON value."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, item in items for deeper in paths(item, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


@st.composite
def damaged(draw: st.DrawFn, valid: Mapping[str, Any]) -> bytes:
    """A JSON file in which one value is another, or which is cut off, or is anything at all."""
    whole = json.dumps(valid).encode()
    kind = draw(st.sampled_from(["value", "value", "cut", "bytes"]))
    if kind == "value":
        return json.dumps(replaced(valid, draw(st.sampled_from(paths(valid))), draw(json_values))).encode()
    return draw(st.binary(max_size=40)) if kind == "bytes" else whole[: draw(st.integers(0, len(whole)))]


def check(ended: Ended) -> None:
    assert ended.code in (0, 1, 2), ended
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "does not expect" not in ended.stderr, ended.stderr
    if ended.code == 2:
        assert ended.stderr.startswith(("sandbox: ", "usage: "))


@FUZZ
@given(state=damaged(state()), history=damaged({"message": "m", "startTime": 1}), left=damaged(state("false")))
def test_states_and_histories(state: bytes, history: bytes, left: bytes) -> None:
    checkpoint = HISTORY.replace(".history.", ".checkpoint.")
    with pytest.MonkeyPatch.context() as patch:
        verbs.fake_s3(patch).objects |= {STATE: state, HISTORY: history, checkpoint: left}

        for arguments in (
            ("status", "--stack", "app"),
            ("truth", "--stack", "app"),
            ("timeline", "--stack", "app"),
            ("summary", "--stack", "app", "--title", "t"),
            ("check", "--stack", "app", "--expect", "healthy", "--timeout", "0", "--requests", "1"),
            ("check", "--stack", "app", "--expect", "gone"),
        ):
            check(verbs.run(*arguments))


@FUZZ
@given(
    state=damaged(state()),
    lock=damaged({"pid": 1, "username": "u", "hostname": "h", "timestamp": "t"}),
    history=damaged({"message": "m"}),
)
def test_states_and_locks_in_the_embedded_engine(
    state: bytes, lock: bytes, history: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = Folder(tmp_path_factory.mktemp("store"))
    stack = Stack(store, "incident-sandbox", "app")
    for key, content in ((STATE, state), (LOCK, lock), (HISTORY, history)):
        store.put(key, content)

    for operation in (stack.load, stack.history, stack.lock().__enter__):
        with contextlib.suppress(UsageError):
            operation()


@FUZZ
@given(record=damaged(RECORD))
def test_records(record: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("records") / "check.json"
    file.write_bytes(record)
    with pytest.MonkeyPatch.context() as patch:
        verbs.fake_s3(patch).objects[STATE] = json.dumps(state()).encode()

        check(verbs.run("summary", "--stack", "app", "--title", "t", str(file)))


@FUZZ
@given(truth=damaged(truth_record()), findings=damaged(FINDINGS))
def test_truths_and_findings(truth: bytes, findings: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("answer")
    (folder / "truth.json").write_bytes(truth)
    (folder / "findings.json").write_bytes(findings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO("1\n0001-01-01T00:00:00+01:00\n"))

        for verb in ("score", "judge"):
            check(verbs.run("evaluate", verb, str(folder)))


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:00-05:00", "0001-01-01T00:00:00Z"])
def test_a_time_at_the_end_of_all_times(time: str, tmp_path: Path) -> None:
    """https://github.com/notatallshaw/nab/pull/947"""
    change = {**truth_record()["change"], "earliest": "0001-01-01T00:00:00Z", "latest": "9999-12-31T23:59:59Z"}
    findings = {**FINDINGS, "onset": time, "text": f"The service fails since {time}."}
    (tmp_path / "truth.json").write_text(json.dumps(truth_record(change=change)))
    (tmp_path / "findings.json").write_text(json.dumps(findings))

    check(verbs.run("evaluate", "score", str(tmp_path)))


@FUZZ
@given(
    cut=st.integers(0, len(STACK_FILE)),
    inserted=st.text(max_size=6) | st.sampled_from(["\n", ": ", "- ", "*x", "&x", "{", "]", "!!set", "\t", "? ", "|"]),
    encoding=st.sampled_from(["utf-8", "latin-1", "utf-16", "utf-8-sig", "utf-7"]),
)
def test_stack_files(cut: int, inserted: str, encoding: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("project")
    (folder / "Pulumi.yaml").write_text("name: incident-sandbox\n")
    text = STACK_FILE[:cut] + inserted + STACK_FILE[cut:]
    (folder / "Pulumi.app.yaml").write_bytes(text.encode(encoding, errors="replace"))

    with contextlib.suppress(UsageError):
        values = embedded._configuration(folder, "app")
        assert all(isinstance(value, str) and ":" in key for key, value in values.items())


@settings(FUZZ, max_examples=60)
@given(
    variables=st.dictionaries(
        st.sampled_from(VARIABLES),
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
        | st.sampled_from(["", "0", "-1", "true", "/dev/null", "/nowhere/x", "[::1", "localhost:1", "s3://", "://"]),
        max_size=3,
    )
)
def test_environments(variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder: Path = tmp_path_factory.mktemp("cwd")  # some of them name files that are written
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("cli.main.os.dup2", lambda *_: 1)
        basis = {
            "PULUMI_BACKEND_URL": URL,
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        for name, value in {**basis, **variables}.items():
            patch.setenv(name, value)

        check(verbs.run("status", "--stack", "app"))
