"""States, locks and histories as they are found in public reports: what cannot be told is exit 2, and never health."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.errors import UsageError
from ops.stacks import backend, checkpoint
from ops.stacks.backend import Backend
from ops.stacks.checkpoint import MalformedError
from ops.stacks.layout import Lock
from tests.support import verbs
from tests.support.verbs import BUCKET, URL, FakeS3

STATE = ".pulumi/stacks/incident-sandbox/app.json"
HISTORY = ".pulumi/history/incident-sandbox/app/app-1.history.json"
LOCK = ".pulumi/locks/organization/incident-sandbox/app/1.json"
STACK_URN = "urn:pulumi:app::incident-sandbox::pulumi:pulumi:Stack::incident-sandbox-app"
FUNCTION_URN = "urn:pulumi:app::incident-sandbox::aws:lambda/function:Function::f"
PROVIDER = "urn:pulumi:app::incident-sandbox::pulumi:providers:aws::default_7_51_1::1"
OUTPUTS = {
    "apiUrl": "https://127.0.0.1:9/",
    "apiId": "a",
    "functionName": "f",
    "functionArn": "arn:aws:lambda:eu-west-1:111122223333:function:f",
    "logGroupName": "l",
    "accessLogGroupName": "k",
    "alarmNames": ["e"],
}


def state(fail_mode: str = "true") -> dict[str, Any]:
    function = {
        "urn": FUNCTION_URN,
        "type": "aws:lambda/function:Function",
        "custom": True,
        "id": "f",
        "provider": PROVIDER,
        "inputs": {"environment": {"variables": {"FAIL_MODE": fail_mode}}},
        "outputs": {"codeSha256": "c"},
    }
    stack = {"urn": STACK_URN, "type": "pulumi:pulumi:Stack", "custom": False, "outputs": OUTPUTS}
    return {"version": 3, "checkpoint": {"latest": {"resources": [stack, function]}}}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    return verbs.fake_s3(monkeypatch)


def test_a_compressed_state_is_read(s3: FakeS3) -> None:
    """pulumi#5469"""
    s3.objects[f"{STATE}.gz"] = gzip.compress(json.dumps(state()).encode())

    ended = verbs.run("status", "--stack", "app")

    assert (ended.code, ended.stdout) == (1, "stack app: an incident is active\n")


def test_a_state_compressed_by_zstd_is_named(s3: FakeS3) -> None:
    s3.objects[f"{STATE}.zst"] = backend.ZSTD + b"..."

    ended = verbs.run("status", "--stack", "app")

    assert ended.code == 2
    assert "app.json.zst is compressed by zstd" in ended.stderr


@pytest.mark.parametrize("stack", ["app", "organization/app", "organization/incident-sandbox/app"])
def test_a_stack_may_have_its_qualified_name(stack: str, s3: FakeS3) -> None:
    """pulumi#2522"""
    s3.objects[STATE] = json.dumps(state()).encode()

    assert verbs.run("status", "--stack", stack).code == 1


@pytest.mark.parametrize("stack", ["other/incident-sandbox/app", "organization/other/app", "a/b/c/d", "a b", ""])
def test_another_projects_stack_is_an_error(stack: str, s3: FakeS3) -> None:
    assert verbs.run("status", "--stack", stack).code == 2


def test_the_backend_of_pulumi_yaml_comes_before_the_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """pulumi#9865"""
    (tmp_path / "Pulumi.yaml").write_text("name: incident-sandbox\nbackend: {url: 's3://declared'}\n")
    (tmp_path / "credentials.json").write_text('{"current": "s3://login"}')
    monkeypatch.setenv("PULUMI_OPTION_CWD", str(tmp_path))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))

    assert backend.current_url() == "s3://declared"
    (tmp_path / "Pulumi.yaml").write_text("name: incident-sandbox\n")
    assert backend.current_url() == "s3://login"


@pytest.mark.parametrize("content", ["", "{", "[]", "\xff"])
def test_a_login_that_cannot_be_read_is_named(content: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text(content, encoding="latin-1")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))

    with pytest.raises(UsageError, match=r"credentials\.json is not .*set PULUMI_BACKEND_URL"):
        backend.current_url()


def test_a_url_without_a_region_has_the_shells(monkeypatch: pytest.MonkeyPatch) -> None:
    """pulumi-aws#1170"""
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(UsageError, match="names no region, nor does AWS_REGION"):
        _ = Backend("s3://bucket").region

    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert Backend("s3://bucket").region == "eu-west-1"


def test_a_profile_in_the_url_is_not_passed_over(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    """pulumi#9555"""
    s3.objects[STATE] = json.dumps(state("false")).encode()
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"{URL}&awssdk=v2&profile=dev")

    ended = verbs.run("status", "--stack", "app")
    monkeypatch.setenv("AWS_PROFILE", "dev")

    assert (ended.code, "set AWS_PROFILE=dev" in ended.stderr) == (2, True)
    assert verbs.run("status", "--stack", "app").code == 0


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
        ("SignatureDoesNotMatch", "Signature expired: 20191029T154623Z is now earlier than 20191029T163344Z"),
    ],
)
def test_a_wrong_clock_is_not_blamed_on_credentials(
    code: str, message: str, s3: FakeS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """https://github.com/EngineerBetter/control-tower/issues/51, https://github.com/aws/aws-cdk/issues/22759"""

    def refuses(**_: str) -> None:
        raise ClientError({"Error": {"Code": code, "Message": message}}, "X")

    for name in ("get_object", "get_caller_identity"):
        s3.objects[STATE] = b""
        with monkeypatch.context() as patch:
            patch.setattr(s3, name, refuses)

            ended = verbs.run("status", "--stack", "app")

        assert ended.code == 2
        assert "set the clock" in ended.stderr
        assert "credentials;" not in ended.stderr
        assert "check the credentials" not in ended.stderr


def test_files_that_a_folder_left_beside_the_history_are_no_updates(s3: FakeS3) -> None:
    """A state that was copied from a folder: https://pkg.go.dev/gocloud.dev/blob/fileblob"""
    s3.objects |= {
        STATE: json.dumps(state()).encode(),
        HISTORY: b'{"message": "m", "startTime": 1}',
        f"{HISTORY}.attrs": b'{"user.content_type": "application/json"}',
        HISTORY.replace(".history.", ".checkpoint."): json.dumps(state()).encode(),
        HISTORY.replace(".history.json", ".checkpoint.json.attrs"): b"{}",
    }

    ended = verbs.run("status", "--stack", "app")

    assert (ended.code, "since 1970-01-01 00:00:01 UTC: m" in ended.stdout) == (1, True), ended
    assert [update.message for update in Backend(URL).updates("app")] == ["m"]


def test_an_endpoint_may_end_in_a_slash(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.objects[STATE] = json.dumps(state("false")).encode()
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"{URL}&endpoint=https://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:1/")

    assert verbs.run("status", "--stack", "app").code == 0


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b"\x1f\x8b", b"\xff", b"[" * 9999, b'{"version": 3}'])
def test_a_state_that_is_not_whole_is_named_and_no_health(content: bytes, s3: FakeS3) -> None:
    s3.objects[STATE] = content

    ended = verbs.run("status", "--stack", "app")

    assert (ended.code, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert f"{STATE} is not" in ended.stderr


@pytest.mark.parametrize("environment", ["secret", [1], {"variables": "x"}])
def test_an_environment_that_cannot_be_told_is_no_health(environment: object, s3: FakeS3) -> None:
    content = state()
    content["checkpoint"]["latest"]["resources"][1]["inputs"]["environment"] = environment
    s3.objects[STATE] = json.dumps(content).encode()

    ended = verbs.run("status", "--stack", "app")

    assert ended.code == 2
    assert "it cannot be said whether an incident is active" in ended.stderr


@pytest.mark.parametrize(
    "latest",
    [
        {"resources": {"a": 1}},
        {"resources": [1]},
        {"resources": [{}]},
        {"resources": [{"urn": "x", "type": "pulumi:pulumi:Stack"}]},
        {"resources": [{"urn": FUNCTION_URN, "type": "aws:lambda/function:Function"}]},
        {"resources": [{"urn": STACK_URN, "type": "pulumi:pulumi:Stack", "outputs": []}]},
        {"resources": [{"urn": STACK_URN, "type": "pulumi:pulumi:Stack", "dependencies": [1]}]},
        {"resources": [{"urn": STACK_URN, "type": "pulumi:pulumi:Stack", "parent": 1}]},
        {"pending_operations": [{}]},
        {"pending_operations": [{"type": "dreaming", "resource": {}}]},
        {"secrets_providers": {"state": 1}},
        [],
    ],
)
def test_a_checkpoint_of_another_form_is_refused(latest: object) -> None:
    with pytest.raises(MalformedError):
        checkpoint.latest({"version": 3, "checkpoint": {"latest": latest}})


def test_a_resource_that_is_there_twice_or_refers_to_none_is_refused() -> None:
    """pulumi#17616, pulumi#20251"""
    stack, function = {"urn": STACK_URN}, {"urn": FUNCTION_URN, "parent": STACK_URN}

    checkpoint.refuse_broken([stack, function, {**function, "delete": True}])
    for broken in ([stack, stack], [function, stack], [{**stack, "dependencies": ["x"]}]):
        with pytest.raises(MalformedError):
            checkpoint.refuse_broken(broken)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b'{"pid": 1}', b'{"pid": "1", "username": "u", "hostname": "h", "timestamp": "t"}'],
)
def test_a_lock_that_is_not_whole_is_named(content: bytes, s3: FakeS3) -> None:
    s3.objects[LOCK] = content

    with pytest.raises(UsageError, match=r"1\.json is not a lock that Pulumi wrote.*pulumi cancel"):
        Backend(URL).locks("app")


def test_a_renamed_stack_has_its_new_name_alone(s3: FakeS3) -> None:
    renamed = json.dumps(state()).replace("urn:pulumi:app::", "urn:pulumi:blue::")
    s3.objects[STATE.replace("app.json", "blue.json")] = renamed.encode()
    s3.objects[HISTORY.replace("app", "blue")] = b'{"message": "m", "startTime": 1}'

    assert "since 1970-01-01 00:00:01 UTC: m" in verbs.run("status", "--stack", "blue").stdout
    ended = verbs.run("status", "--stack", "app")
    assert (ended.code, "it has: blue" in ended.stderr) == (2, True)


def test_a_state_that_is_lost_is_told_from_a_stack_that_never_was(s3: FakeS3) -> None:
    """https://github.com/pulumi/pulumi/issues/4679"""
    s3.objects[f"{STATE}.bak"] = json.dumps(state()).encode()

    lost, never = (verbs.run("status", "--stack", stack) for stack in ("app", "blue"))

    assert (lost.code, never.code) == (2, 2)
    assert f"its backup s3://{BUCKET}/{STATE}.bak is there" in lost.stderr
    assert "backup" not in never.stderr


def test_a_foreign_lock_is_read(s3: FakeS3) -> None:
    s3.objects[LOCK] = b'{"pid": 1, "username": "u", "hostname": "h", "timestamp": "t", "new": true}'

    assert Backend(URL).locks("app") == [Lock(1, "u", "h", "t")]
