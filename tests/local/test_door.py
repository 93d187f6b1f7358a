"""Nobody without the root's key of this start is served by the emulator, and no other user can read the key."""

import base64
import hashlib
import http.client
import io
import json
import os
import shutil
import ssl
import stat
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from infra import names
from local_aws.emulator import archive, iam, process, registry
from local_aws.emulator.process import Child, Emulator
from local_aws.errors import LocalAwsError
from local_aws.provider.resource import Aws
from local_aws.rehearsal import github
from tests.local.conftest import REGION, load, run_sandbox
from tests.support.deploying import app_over_bootstrap

APP = names.AppNames("app")
JOBS = github.Jobs("repo:octo-org/octo-repo", "production")
DEPLOY = f"arn:aws:iam::{process.ACCOUNT}:role{names.CI_ROLE_PATH}{names.DEPLOY_ROLE}"
META = f"/{names.state_bucket(process.ACCOUNT, REGION)}/.pulumi/meta.yaml"
"""A file of the backend, which the deploy role may read."""
REFUSED = {400, 403}
FORM = "application/x-www-form-urlencoded"


class Response(NamedTuple):
    status: int
    body: bytes


@dataclass(frozen=True)
class Call:
    """A request as somebody sends it who knows the emulator's port and the project's source, and no key."""

    method: str = "POST"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def send(self, emulator: Emulator, **more: str) -> Response:
        """Send it. Whoever cannot read the emulator's certificate does not check it."""
        tls = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(urlsplit(emulator.url).netloc, context=tls, timeout=30)
        try:
            connection.request(self.method, self.path, self.body, {**self.headers, **more})
            response = connection.getresponse()
            return Response(response.status, response.read())
        finally:
            connection.close()


class Target(NamedTuple):
    """An emulator with the app deployed, and the environment of the deploy role there."""

    emulator: Child
    url: str
    deploy: dict[str, str]


@pytest.fixture(scope="module")
def target(started: Emulator, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with pytest.MonkeyPatch.context() as patch:
        load(patch, started.environment())
        aws = Aws()
        app = app_over_bootstrap(root, aws, tmp_path_factory.mktemp("state"))[0]
        app.up()
        deploy = github.session(aws, DEPLOY, github.token(JOBS.deployment, started.token_secret))
        assert isinstance(started, Child)
        yield Target(started, str(app.outputs()["apiUrl"]), deploy)
        aws.close()


def signed(
    call: Call, key: str, secret: str, service: str = "lambda", sign: type = SigV4Auth, token: str | None = None
) -> Call:
    """Sign a call with a key, as AWS's clients do."""
    body = call.body if sign is SigV4Auth else b""  # a query's signature would have the body in the query, too
    request = AWSRequest(call.method, f"https://127.0.0.1{call.path}", {**call.headers}, body)
    request.headers["Host"] = "127.0.0.1"
    sign(Credentials(key, secret, token), service, REGION).add_auth(request)
    url = urlsplit(str(request.url))
    return Call(call.method, f"{url.path}?{url.query}" if url.query else url.path, dict(request.headers), call.body)


def create_function() -> Call:
    """What made the emulator run anybody's code."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        package.writestr("main.py", "import os\ndef handler(event, context): return os.getuid()")
    body = {
        "FunctionName": "intruder", "Runtime": "python3.13", "Handler": "main.handler",
        "Role": f"arn:aws:iam::{process.ACCOUNT}:role/any",
        "Code": {"ZipFile": base64.b64encode(file.getvalue()).decode()},
    }  # fmt: skip
    return Call("POST", "/2015-03-31/functions", {"Content-Type": "application/json"}, json.dumps(body).encode())


INVOKE = Call("POST", f"/2015-03-31/functions/{APP.function}/invocations", {}, b"{}")
LIST_BUCKETS = Call("GET", "/")
TABLES = Call("POST", "/", {"Content-Type": "application/x-amz-json-1.0",
                            "X-Amz-Target": "DynamoDB_20120810.ListTables"}, b"{}")  # fmt: skip
ALARMS = Call("POST", "/service/GraniteServiceVersion20100801/operation/DescribeAlarms",
              {"Smithy-Protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}, b"\xa0")  # fmt: skip
ROLES = Call("POST", "/", {"Content-Type": FORM}, b"Action=ListRoles&Version=2010-05-08")
ASSUME = Call("POST", "/", {"Content-Type": FORM}, urlencode({"Action": "AssumeRole", "Version": "2011-06-15",
              "RoleArn": DEPLOY, "RoleSessionName": "intruder"}).encode())  # fmt: skip
SERVICES = {
    "create a function": ("lambda", create_function()), "invoke the function": ("lambda", INVOKE),
    "list buckets": ("s3", LIST_BUCKETS), "JSON": ("dynamodb", TABLES), "CBOR": ("monitoring", ALARMS),
    "query": ("iam", ROLES), "assume a role": ("sts", ASSUME),
}  # fmt: skip
OWN_PATHS = (
    ("GET", "/_ministack/health"), ("GET", "/_localstack/health"), ("GET", "/health"), ("GET", "/_ministack/ready"),
    ("POST", "/_ministack/reset"), ("POST", "/_ministack/config"), ("GET", "/_ministack/ses/messages"),
    ("GET", "/_ministack/sqs/messages"), ("GET", "/_ministack/sns/sms-messages"), ("POST", "/_ministack/rds/iam-auth"),
    ("GET", f"/_ministack/lambda-code/{process.ACCOUNT}/{REGION}/{APP.function}"),
    ("GET", "/_ministack/transfer/sftp-ports"), ("GET", "/_ministack/iot/ca.pem"), ("GET", "/_localstack/other"),
    ("PUT", "/_ministack/cfn-response/x"), ("PUT", "/_ministack/cfn-signal/x"), ("POST", "/_ministack/eks-auth/x"),
    ("GET", "/_aws/lambda-url/x/"), ("GET", "/_alb/x/"), ("GET", "/v2/_catalog"), ("POST", "/oauth2/token"),
    ("GET", "/x/.well-known/jwks.json"), ("GET", "/iceberg/v1/config"), ("OPTIONS", "/"), ("HEAD", "/"),
)  # fmt: skip
HOSTS = (
    "00000000.execute-api.localhost", "x.s3.localhost", "x.s3.amazonaws.com", "x.cloudfront.localhost",
    "x.eu-west-1.aoss.localhost", "x.appsync-api.eu-west-1.localhost", "x.elb.amazonaws.com",
    f"{'0' * 32}.lambda-url.eu-west-1.localhost",
)  # fmt: skip


def forged(claims: Mapping[str, object], algorithm: str = "RS256") -> str:
    """A job's token as anybody can write it."""
    parts = ({"typ": "JWT", "alg": algorithm}, claims)
    content = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{content}." if algorithm == "none" else f"{content}.signature"


def token_request(token: str, **fields: str) -> dict[str, str]:
    return {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": DEPLOY,
            "RoleSessionName": "intruder", "WebIdentityToken": token, **fields}  # fmt: skip


def guessed_credentials() -> tuple[str, str, str]:
    """The session that the emulator itself would give to the function: derived from names alone."""
    function = f"arn:aws:lambda:{REGION}:{process.ACCOUNT}:function:{APP.function}"
    role = f"arn:aws:iam::{process.ACCOUNT}:role{names.APP_ROLE_PATH}{APP.execution_role}"
    digest = hashlib.sha256(f"{function}:{role}".encode()).hexdigest()
    secret, token = (hashlib.sha256(f"{kind}:{digest}".encode()).hexdigest() for kind in ("secret", "token"))
    return f"ASIA{digest[:16].upper()}", secret, token


def ways_in() -> Iterator[tuple[str, Call]]:
    """Every way in that the emulator's source has, each as a call without the root's key."""
    for title, (service, call) in SERVICES.items():
        yield f"{title}: unsigned", call
        for key in ("test", process.ACCOUNT, "000000000000", "AKIAINTRUDER23456789"):
            yield f"{title}: key {key}", signed(call, key, "test", service)
            yield f"{title}: key {key} in the query", signed(call, key, "test", service, SigV4QueryAuth)
        scope = f"test/20260101/{REGION}/{service}/aws4_request"
        for authorization in (
            f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
            f"AWS4-ECDSA-P256-SHA256 Credential=test/20260101/{service}/aws4_request, SignedHeaders=host, Signature=0",
            f"AWS4-HMAC-SHA256 Credential=/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0",
            f"AWS4-HMAC-SHA256 Credential={scope}",
            "AWS test:c2lnbmF0dXJl", "Basic dGVzdDp0ZXN0", "Bearer test", "AWS4-HMAC-SHA256", "",
        ):  # fmt: skip
            headers = {**call.headers, "Authorization": authorization}
            yield f"{title}: {authorization or 'empty'}", Call(call.method, call.path, headers, call.body)
        for query in (f"X-Amz-Credential={quote(scope)}", "AWSAccessKeyId=test&Signature=x&Expires=9999999999"):
            yield f"{title}: {query}", Call(call.method, f"{call.path}?{query}", call.headers, call.body)
        for host in HOSTS:
            unsigned = Call(call.method, call.path, {**call.headers, "Host": host}, call.body)
            if "execute-api" not in host:  # which is the public's, and no such API exists
                yield f"{title}: host {host}", unsigned
    yield "a presigned URL of S3", signed(Call("GET", "/bucket/key"), "test", "test", "s3", S3SigV4QueryAuth)
    for method, path in OWN_PATHS:
        call = Call(method, path)
        yield f"{method} {path}", call
        yield f"{method} {path} with key test", signed(call, "test", "test")
        yield f"{method} {path} with a host of its own", Call(method, path, {"Host": "x.s3.localhost"})
    yield "the owner's way to an API's clients", Call("POST", "/_aws/execute-api/00000000/x/@connections/y")
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode()}  # fmt: skip
    for path in ("/", "/_aws/execute-api/00000000/$default", "/?X-Amz-Credential=test"):
        yield f"a WebSocket to {path}", Call("GET", path, upgrade)
    guessed_key, guessed_secret, guessed_token = guessed_credentials()
    for title, (service, call) in SERVICES.items():
        yield f"{title}: guessed credentials", signed(call, guessed_key, guessed_secret, service, token=guessed_token)
    claims = {"iss": "https://token.actions.githubusercontent.com", "sub": JOBS.deployment, "aud": "sts.amazonaws.com"}
    for token in (forged(claims), forged(claims, "none"), github.token(JOBS.deployment, "test"), "x", ""):
        body = urlencode(token_request(token)).encode()
        yield f"a token {token[-9:]!r}", Call("POST", "/", {"Content-Type": FORM}, body)
    body = urlencode(token_request(forged(claims))).encode()
    for title, path, headers, sent in (
        ("as DynamoDB's", "/", {"X-Amz-Target": "DynamoDB_20120810.ListTables"}, body),
        ("with another action", "/", {}, body + b"&Action=ListRoles"),
        ("with another role", "/", {}, body + b"&RoleArn=x"),
        ("for another path", "/_ministack/config", {}, body),
        ("with an action in the query", "/?Action=ListRoles", {}, body),
        ("that is too long", "/", {}, body + b"x" * 100_000),
    ):
        yield f"a token {title}", Call("POST", path, {"Content-Type": FORM, **headers}, sent)
    json_body = json.dumps({name: value for name, value in token_request(forged(claims)).items() if name != "Action"})
    sts = {"Content-Type": "application/x-amz-json-1.1",
           "X-Amz-Target": "AWSSecurityTokenServiceV20110615.AssumeRoleWithWebIdentity"}  # fmt: skip
    yield "a token in JSON", Call("POST", "/", sts, json_body.encode())


WAYS_IN = list(ways_in())


def decisions(emulator: Emulator) -> int:
    return len((emulator.directory / iam.DECISIONS).read_text().splitlines())


def test_every_way_in_without_the_key_is_refused(
    target: Target, record_property: Callable[[str, object], None]
) -> None:
    before = decisions(target.emulator)

    responses = {title: call.send(target.emulator) for title, call in WAYS_IN}

    served = {title: response for title, response in responses.items() if response.status not in REFUSED}
    record_property("section", ("ways in without a key", [f"tried {len(WAYS_IN)}   served {len(served)}"]))
    assert not served
    assert len(responses) == len(WAYS_IN)
    for title, response in responses.items():
        assert b"essage" in response.body or title.startswith(("HEAD", "a WebSocket")), (title, response)
    assert decisions(target.emulator) == before  # not one has reached the emulator's own checks
    key, secret = target.emulator.root_credentials.values()
    functions = signed(Call("GET", "/2015-03-31/functions"), key, secret)
    assert b"intruder" not in functions.send(target.emulator).body


def test_the_roots_key_is_nothing_without_its_secret_its_time_and_its_body(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = target.emulator.root_credentials.values()
    right = signed(ROLES, key, secret, "iam")
    other_body = Call(right.method, right.path, right.headers, ROLES.body.replace(b"ListRoles", b"ListUsers"))
    put = {"x-amz-content-sha256": hashlib.sha256(b"a").hexdigest()}
    other_hash = signed(Call("PUT", "/bucket/key", put, b"a"), key, secret, "s3")
    hour_ago = datetime.now(timezone.utc) - timedelta(hours=1)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: hour_ago)
    old = signed(ROLES, key, secret, "iam")
    monkeypatch.undo()
    assert right.send(target.emulator).status == 200
    for call in (
        signed(ROLES, key, "test", "iam"), signed(ROLES, key, secret, "iam", token="x"),
        signed(ROLES, key, secret, "iam", SigV4QueryAuth), other_body, old,
        Call("PUT", "/bucket/key", other_hash.headers, b"b"),
        Call(right.method, "/?Action=ListUsers", right.headers, right.body),
    ):  # fmt: skip
        assert call.send(target.emulator).status == 403


def as_deploy_role(target: Target, call: Call, service: str) -> Response:
    key, secret, token = (target.deploy[name] for name in github.CREDENTIALS)
    return signed(call, key, secret, service, token=token).send(target.emulator)


@pytest.mark.parametrize(
    ("method", "path"), [own for own in OWN_PATHS if own[1].startswith("/_") or own[1] == "/health"]
)
def test_the_emulators_own_paths_are_the_roots_alone(method: str, path: str, target: Target) -> None:
    assert as_deploy_role(target, Call(method, path), "lambda").status == 403


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("lambda", Call("DELETE", "/2015-03-31/functions/billing?Action=GetFunction")),
        ("lambda", Call("DELETE", "/2015-03-31/functions/billing", {"X-Amz-Target": "Lambda.GetFunction"})),
        ("lambda", Call("PUT", f"/2020-06-30/functions/{APP.function}/code-signing-config", {}, b"{}")),
        ("lambda", Call("DELETE", f"/2020-06-30/functions/{APP.function}/code-signing-config")),
        ("lambda", Call("PUT", f"/x/functions/{APP.function}/code", {}, b"{}")),
        ("s3", Call("PUT", f"{META}?Action=GetObject", {}, b"x")),
        ("s3", Call("PUT", META, {"X-Amz-Target": "x.GetObject"}, b"x")),
    ],
)
def test_a_role_cannot_give_its_call_another_name(service: str, call: Call, target: Target) -> None:
    assert as_deploy_role(target, call, service).status == 403


def test_the_public_api_answers_everybody(target: Target) -> None:
    path = urlsplit(target.url).path
    api, rest = path.removeprefix("/_aws/execute-api/").split("/", 1)

    by_path = Call("GET", path).send(target.emulator)
    by_host = Call("GET", f"/{rest}", {"Host": f"{api}.execute-api.localhost"}).send(target.emulator)
    unknown = Call("GET", f"{path.rstrip('/')}/nowhere").send(target.emulator)

    assert (by_path.status, by_host.status, unknown.status) == (200, 200, 404)
    assert json.loads(by_path.body).keys() == json.loads(by_host.body).keys()
    for own in ("/_ministack/reset", "/_ministack/health", "/health", "/v2/_catalog"):
        hidden = Call("POST", own, {"Host": f"{api}.execute-api.localhost"}).send(target.emulator)
        assert (hidden.status, hidden.body) == (404, b'{"message":"Not Found"}'), own  # the API's own answer


def test_what_a_functions_configuration_names_is_asked_for(target: Target) -> None:
    layer = f"arn:aws:lambda:{REGION}:{process.ACCOUNT}:layer:theirs:1"
    key = f"arn:aws:kms:{REGION}:{process.ACCOUNT}:key/theirs"
    path = f"/2015-03-31/functions/{APP.function}/configuration"
    state = f"/{names.state_bucket(process.ACCOUNT, REGION)}/.pulumi/stacks/{names.PROJECT}/app.json"
    with_key = {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": key}
    for service, call, action, resource in (
        ("lambda", Call("PUT", path, {}, json.dumps({"Layers": [layer]}).encode()), "lambda:GetLayerVersion", layer),
        ("lambda", Call("PUT", path, {}, json.dumps({"VpcConfig": {"SubnetIds": ["subnet-1"]}}).encode()),
         "ec2:DescribeSecurityGroups", "*"),
        ("lambda", Call("PUT", path, {}, json.dumps({"KMSKeyArn": key}).encode()), "kms:CreateGrant", key),
        ("s3", Call("PUT", state, with_key, b"{}"), "kms:GenerateDataKey", key),
    ):  # fmt: skip
        assert as_deploy_role(target, call, service).status == 403, action
        last = json.loads((target.emulator.directory / iam.DECISIONS).read_text().splitlines()[-1])
        assert (last["action"], last["resource"], last["allowed"]) == (action, resource, False)


def test_the_key_is_in_no_argument_log_or_environment_of_the_emulator(target: Target) -> None:
    key, secret = target.emulator.root_credentials.values()
    processes = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert key not in processes
    assert secret not in processes
    for file in target.emulator.directory.rglob("*"):
        if file.is_file() and file.name != process.ROOT_KEY:
            assert secret.encode() not in file.read_bytes(), file
    group = ["pgrep", "-g", str(target.emulator.process.pid)]  # the emulator and its functions
    for pid in subprocess.run(group, capture_output=True, text=True, check=True).stdout.split():
        environment = Path(f"/proc/{pid}/environ")
        assert not environment.exists() or secret.encode() not in environment.read_bytes()


def modes(folder: Path) -> set[int]:
    return {
        stat.S_IMODE(path.lstat().st_mode) & 0o077 for path in (folder, *folder.glob("*.key"), *folder.glob("*.json*"))
    }


def test_another_user_can_read_nothing_of_the_emulator(target: Target) -> None:
    directory = target.emulator.directory
    assert modes(directory) == {0}
    if os.getuid() != 0:
        pytest.skip("only root can act as another user")

    def nobody(*command: str) -> int:
        return subprocess.run(command, user="nobody", group="nogroup", extra_groups=[], cwd="/",
                              capture_output=True, check=False).returncode  # fmt: skip

    assert nobody("ls", "/") == 0
    for command in (
        ["ls", str(directory)], ["cat", str(directory / process.ROOT_KEY)], ["cat", str(directory / "server.key")],
        ["cat", str(directory / "emulator.log")], ["cat", f"/proc/{target.emulator.process.pid}/environ"],
    ):  # fmt: skip
        assert nobody(*command) != 0, command
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        (folder / ".emulator.tar").write_text("readable by all")
        source = folder / "source"
        source.mkdir()
        archive.save(source, folder)
        assert nobody("ls", str(folder)) == 0
        assert nobody("cat", str(folder / archive.ARCHIVE)) != 0
    finally:
        shutil.rmtree(folder)


def test_a_directory_of_another_user_is_no_running_emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "theirs"
    (directory / process.PERSISTENT).mkdir(parents=True)
    monkeypatch.setattr(registry, "LINK", tmp_path / ".local")
    registry.LINK.symlink_to(directory)
    monkeypatch.setattr("ops.folder_locks.is_held", lambda folder: True)
    record = {"url": "https://127.0.0.1:1", "region": REGION, "pid": 1, "persist": None}
    (directory / process.PERSISTENT / archive.RECORD).write_text(json.dumps(record))

    directory.chmod(0o755)
    assert registry.find() is None
    directory.chmod(0o700)
    assert registry.find() is not None


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


HOSTILE = [
    member("../../escaped"), member("/tmp/escaped"), member("./aws/../../escaped"),
    member("link", tarfile.SYMTYPE, "/"), member("workspace/handler/x", tarfile.SYMTYPE, "/"),
    member("hard", tarfile.LNKTYPE, "/etc/passwd"),
    member("device", tarfile.CHRTYPE), member("block", tarfile.BLKTYPE), member("pipe", tarfile.FIFOTYPE),
    member("workspace/other", tarfile.SYMTYPE, "../../.."),
]  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE, ids=[info.name for info in HOSTILE])
def test_a_hostile_archive_is_refused_before_anything_is_written(hostile: tarfile.TarInfo, tmp_path: Path) -> None:
    folder, target = tmp_path / "saved", tmp_path / "inner" / "target"
    folder.mkdir()
    target.mkdir(parents=True)
    with tarfile.open(folder / archive.ARCHIVE, "w") as packed:
        packed.addfile(member("harmless"))
        packed.addfile(hostile)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(LocalAwsError) as error:
        archive.restore(folder, target, REGION)

    assert repr(hostile.name) in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_local_start_names_the_hostile_member_in_one_line(project_copy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    with tarfile.open(folder / archive.ARCHIVE, "w") as packed:
        packed.addfile(member("../../escaped"))

    result = run_sandbox(project_copy, "local", "start", "--persist", str(folder), TMPDIR=str(tmp_path))

    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert "'../../escaped' leads out of the folder" in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"copy", "saved"}  # ../../escaped would be a third


def test_an_archive_packed_by_hand_is_restored_without_its_links(tmp_path: Path) -> None:
    folder, target = tmp_path / "saved", tmp_path / "target"
    folder.mkdir()
    target.mkdir()
    record = json.dumps({"url": "https://127.0.0.1:4567", "region": REGION}).encode()
    with tarfile.open(folder / archive.ARCHIVE, "w") as packed:
        info = member(f"./{archive.RECORD}")
        info.size = len(record)
        packed.addfile(info, io.BytesIO(record))
        packed.addfile(member("./workspace/handler", tarfile.SYMTYPE, "/"))

    assert archive.restore(folder, target, REGION) == 4567
    assert [path.name for path in target.iterdir()] == [archive.RECORD]


def test_a_variables_name_is_never_evaluated(project_copy: Path, tmp_path: Path) -> None:
    run_sandbox(project_copy, "local", "start", TMPDIR=str(tmp_path))
    try:
        hostile = {f"AWS_X;touch {tmp_path}/evaluated;": "1", "PULUMI_$(touch evaluated)": "1", "AWS_Y\ntouch z": "1"}
        result = run_sandbox(project_copy, "local", "env", **hostile, AWS_PROFILE="work")
    finally:
        run_sandbox(project_copy, "local", "stop")

    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[0] == "unset AWS_PROFILE"
    assert "touch" not in result.stdout
