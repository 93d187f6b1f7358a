"""The embedded engine, with small programs of real resource types on emulated AWS."""

import base64
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.client
import pulumi
import pytest

from local_aws.engine.deployment import DeploymentError
from local_aws.engine.embedded import EmbeddedEngine
from local_aws.engine.stack import LockedError, Stack
from local_aws.engine.store import Bucket, Folder, Store
from local_aws.errors import LocalAwsError
from local_aws.provider.core import Provider, ProviderError
from local_aws.provider.resource import Aws
from tests.support.deploying import app_over_bootstrap

TWO_GROUPS = """
first = aws.cloudwatch.LogGroup("first", name="/first", retention_in_days=DAYS)
second = aws.cloudwatch.LogGroup("second", name=first.name.apply(lambda name: f"{name}/second"))
pulumi.export("first", first.arn)
"""

Project = Callable[..., EmbeddedEngine]


@pytest.fixture
def store(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "state")


@pytest.fixture
def project(tmp_path: Path, aws: Aws, store: Folder) -> Project:
    """Writes a program and returns an engine for it, with the state always in the same store."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: demo\nconfig:\n  demo:days: {type: integer, default: 14}\n")

    def write(program: str, on_step: Callable[[Any], None] = lambda _: None, store: Store = store) -> EmbeddedEngine:
        header = "import pulumi\nimport pulumi_aws as aws\nDAYS = pulumi.Config().require_int('days')\n"
        (folder / "__main__.py").write_text(header + textwrap.dedent(program))
        return EmbeddedEngine(folder, "dev", aws, store, on_step=on_step)

    return write


def groups(aws: Aws) -> list[str]:
    return sorted(group["logGroupName"] for group in aws.client("logs").describe_log_groups()["logGroups"])


def names(engine: EmbeddedEngine) -> list[str]:
    """Return the names of the custom resources in the state, in its order."""
    return [
        resource["urn"].split("::")[-1]
        for resource in engine.resources()
        if resource["custom"] and resource["type"] != "pulumi:providers:aws"
    ]


def steps(update: Any) -> list[tuple[str, str]]:
    return [(step.operation, step.name) for step in update.changed if step.type.startswith("aws:")]


def contents(store: Folder) -> dict[str, bytes | None]:
    return {key: store.get(key) for key in store.keys("")}


def test_resources_are_created_after_their_dependencies_and_deleted_before_them(project: Project, aws: Aws) -> None:
    order: list[tuple[str, str]] = []
    engine = project(TWO_GROUPS, lambda step: order.append((step.operation, step.name)))

    update = engine.up()

    assert [name for _, name in order if name in ("first", "second")] == ["first", "second"]
    assert update.outputs == {"first": "arn:aws:logs:eu-west-1:111122223333:log-group:/first"}
    assert groups(aws) == ["/first", "/first/second"]
    assert names(engine) == ["first", "second"]

    order.clear()
    engine.destroy()

    assert [name for _, name in order if name in ("first", "second")] == ["second", "first"]
    assert groups(aws) == []
    assert names(engine) == []


def test_depends_on_orders_resources_like_a_value_does(project: Project) -> None:
    engine = project("""
        later = aws.cloudwatch.LogGroup("later", name="/a")
        aws.cloudwatch.LogGroup("last", name="/b", opts=pulumi.ResourceOptions(depends_on=[later]))
    """)
    engine.up()

    last = next(resource for resource in engine.resources() if resource["urn"].endswith("::last"))

    assert [urn.split("::")[-1] for urn in last["dependencies"]] == ["later"]
    assert names(engine) == ["later", "last"]


def test_an_up_without_changes_changes_nothing(project: Project, aws: Aws) -> None:
    project(TWO_GROUPS).up()

    update = project(TWO_GROUPS).up()

    assert update.changed == ()
    assert update.changes == {"same": 3}


def test_an_update_makes_only_the_call_that_it_needs(
    project: Project, monkeypatch: pytest.MonkeyPatch, store: Folder
) -> None:
    project(TWO_GROUPS).up()
    engine = project(TWO_GROUPS)
    engine.set_config("days", "3")
    calls = recorded_calls(monkeypatch)

    update = engine.up()

    assert steps(update) == [("update", "first")]
    assert update.changed[0].changed == ("retentionInDays",)
    assert calls == ["PutRetentionPolicy"]


def test_the_flip_makes_one_write_and_few_reads(
    root: Path, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _, _ = app_over_bootstrap(root, aws, tmp_path / "state")
    app.up()
    app.set_config("failMode", "true")
    calls = recorded_calls(monkeypatch)

    update = app.up()

    assert [(step.type, step.changed) for step in update.changed] == [
        ("aws:lambda/function:Function", ("environment",))
    ]
    # The objects are Pulumi's state.
    calls_without_state = [call for call in calls if not call.endswith(("Object", "ObjectsV2"))]
    assert calls_without_state.count("UpdateFunctionConfiguration") == 1
    # GetCallerIdentity is called once per process, GetFunction until the update is complete.
    assert set(calls_without_state) <= {"UpdateFunctionConfiguration", "GetCallerIdentity", "GetFunction"}


def test_a_preview_reports_steps_and_outputs_and_changes_nothing(project: Project, aws: Aws, store: Folder) -> None:
    engine = project(TWO_GROUPS)

    first = engine.preview()

    assert first.changes == {"create": 3}
    assert first.outputs["first"] == "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # not known yet
    assert contents(store) == {}
    assert groups(aws) == []

    engine.up()
    before = contents(store)
    engine.set_config("days", "3")
    again = engine.preview()

    assert steps(again) == [("update", "first")]
    assert again.outputs["first"].endswith(":/first")  # an update does not change it
    assert contents(store) == before


def test_a_resource_that_is_no_longer_declared_is_deleted(project: Project, aws: Aws) -> None:
    project(TWO_GROUPS).up()

    update = project('aws.cloudwatch.LogGroup("first", name="/first", retention_in_days=DAYS)').up()

    assert steps(update) == [("delete", "second")]
    assert groups(aws) == ["/first"]


def test_a_change_that_aws_cannot_make_in_place_replaces_the_resource(project: Project, aws: Aws) -> None:
    project(TWO_GROUPS).up()

    engine = project(TWO_GROUPS.replace('"/first"', '"/other"'))
    preview = engine.preview()
    assert groups(aws) == ["/first", "/first/second"]
    update = engine.up()

    # The name of the second contains the name of the first, so it is replaced with it.
    assert steps(preview) == [("replace", "first"), ("replace", "second")]
    assert steps(update) == [("replace", "first"), ("replace", "second")]
    assert groups(aws) == ["/other", "/other/second"]
    assert project(TWO_GROUPS.replace('"/first"', '"/other"')).up().changed == ()


def test_a_destroy_that_fails_halfway_can_be_run_again(project: Project, aws: Aws) -> None:
    trust = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": "*"}]}'
    engine = project(f"""
        role = aws.iam.Role("role", name="r", assume_role_policy='{trust}')
        aws.cloudwatch.LogGroup("group", name=role.name.apply(lambda name: f"/{{name}}"))
    """)
    engine.up()
    allow = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}'
    aws.client("iam").put_role_policy(RoleName="r", PolicyName="by-hand", PolicyDocument=allow)

    with pytest.raises(LocalAwsError, match="DeleteConflict"):
        engine.destroy()

    assert groups(aws) == []
    assert names(engine) == ["role"]
    aws.client("iam").delete_role_policy(RoleName="r", PolicyName="by-hand")
    assert ("delete", "role") in steps(engine.destroy())
    assert names(engine) == []


def test_replacements_at_the_same_time_may_share_a_dependent(project: Project, aws: Aws) -> None:
    program = """
        many = [aws.cloudwatch.LogGroup(f"group-{{n}}", name=f"/{prefix}-{{n}}") for n in range(12)]
        joined = pulumi.Output.all(*[group.name for group in many]).apply(lambda names: "/joined" + "".join(names))
        aws.cloudwatch.LogGroup("joined", name=joined)
    """
    project(program.format(prefix="old")).up()

    update = project(program.format(prefix="new")).up()

    assert update.changes == {"same": 1, "replace": 13}
    assert len(groups(aws)) == 13
    assert [name for name in groups(aws) if "old" in name] == []


def test_a_replacement_that_fails_leaves_a_state_without_dangling_references(project: Project, aws: Aws) -> None:
    program = """
        a = aws.cloudwatch.LogGroup("a", name="{name}")
        aws.cloudwatch.LogGroup("b", name="/b", opts=pulumi.ResourceOptions(depends_on=[a]))
    """
    project(program.format(name="/a")).up()
    aws.client("logs").create_log_group(logGroupName="/taken")

    with pytest.raises(DeploymentError, match="ResourceAlreadyExists"):
        project(program.format(name="/taken")).up()

    engine = project(program.format(name="/a"))
    urns = {resource["urn"] for resource in engine.resources()}
    references = {urn for resource in engine.resources() for urn in resource.get("dependencies", [])}
    assert references <= urns
    assert steps(engine.up()) == [("create", "a")]


def test_a_retained_resource_outlives_its_replacement(project: Project, aws: Aws) -> None:
    program = 'aws.cloudwatch.LogGroup("retained", name="{}", opts=pulumi.ResourceOptions(retain_on_delete=True))'
    project(program.format("/k")).up()

    project(program.format("/k2")).up()

    assert groups(aws) == ["/k", "/k2"]


def test_a_dependent_deleted_with_a_replacement_and_no_longer_declared_is_reported(project: Project, aws: Aws) -> None:
    project(TWO_GROUPS).up()
    only_first = 'aws.cloudwatch.LogGroup("first", name="/other", retention_in_days=DAYS)'

    preview, update = project(only_first).preview(), project(only_first).up()

    assert steps(preview) == steps(update) == [("replace", "first"), ("delete", "second")]
    assert groups(aws) == ["/other"]


def test_a_created_resource_is_saved_before_the_next_is_created(project: Project, aws: Aws, store: Folder) -> None:
    """So a run that is killed between two steps loses no resource."""
    saves: list[tuple[list[str], list[str]]] = []

    class Recorded(Folder):
        def put(self, key: str, content: bytes) -> None:
            super().put(key, content)
            if key.endswith("stacks/demo/dev.json"):
                saves.append((names(engine), groups(aws)))

    engine = project(TWO_GROUPS, store=Recorded(store._path))
    engine.up()

    assert (["first"], ["/first"]) in saves
    assert saves.index((["first"], ["/first"])) < saves.index((["first", "second"], ["/first", "/first/second"]))


def test_two_runs_that_lock_at_the_same_time_both_stop(project: Project, store: Folder) -> None:
    """Each reads the locks, writes its own and reads the locks again: then it must stop if there is another."""

    class Contended(Folder):
        def put(self, key: str, content: bytes) -> None:
            super().put(key, content)
            if ".pulumi/locks/" in key:
                super().put(key.replace(".json", "-other.json"), content)

    with pytest.raises(LockedError):
        project(TWO_GROUPS, store=Contended(store._path)).up()


def test_the_lock_of_an_ended_run_can_be_cancelled(project: Project, store: Folder) -> None:
    store.put(
        ".pulumi/locks/organization/demo/dev/gone.json",
        b'{"pid": 1, "username": "u", "hostname": "h", "timestamp": "2026-01-01T00:00:00Z"}',
    )
    engine = project(TWO_GROUPS)
    with pytest.raises(LockedError, match=r"local cancel --stack dev"):
        engine.up()

    assert engine.cancel() == 1

    assert engine.up().changes == {"create": 3}


PROTECTED = """
aws.cloudwatch.LogGroup("protected", name="/protected", opts=pulumi.ResourceOptions(protect=True))
aws.cloudwatch.LogGroup("other", name="/other")
"""


@pytest.mark.parametrize(
    "operation",
    [
        lambda project: project(PROTECTED).destroy(),
        lambda project: project('pulumi.export("nothing", 1)').up(),
        lambda project: project(PROTECTED.replace('"/protected"', '"/renamed"')).up(),
    ],
    ids=["destroy", "no longer declared", "replaced"],
)
def test_nothing_is_deleted_when_a_protected_resource_would_be(
    operation: Callable[[Project], None], project: Project, aws: Aws
) -> None:
    project(PROTECTED).up()

    with pytest.raises(DeploymentError, match=r"protected \(aws:cloudwatch/logGroup:LogGroup\): protected"):
        operation(project)

    assert groups(aws) == ["/other", "/protected"]
    assert sorted(names(project(PROTECTED))) == ["other", "protected"]


def test_children_inherit_protection_and_retention(project: Project) -> None:
    engine = project("""
        class Part(pulumi.ComponentResource):
            def __init__(self):
                super().__init__("demo:index:Part", "part", None, pulumi.ResourceOptions(protect=True,
                    retain_on_delete=True))
                aws.cloudwatch.LogGroup("child", name="/child", opts=pulumi.ResourceOptions(parent=self))
        Part()
    """)
    engine.up()

    child = next(resource for resource in engine.resources() if resource["urn"].endswith("::child"))

    assert (child["protect"], child["retainOnDelete"]) == (True, True)
    assert child["urn"] == "urn:pulumi:dev::demo::demo:index:Part$aws:cloudwatch/logGroup:LogGroup::child"


def test_a_retained_resource_outlives_its_stack(project: Project, aws: Aws) -> None:
    engine = project("""
        aws.cloudwatch.LogGroup("retained", name="/retained", opts=pulumi.ResourceOptions(retain_on_delete=True))
    """)
    engine.up()

    engine.destroy()

    assert groups(aws) == ["/retained"]
    assert names(engine) == []


def pending(store: Folder) -> list[tuple[str, str]]:
    """Return the pending operations of the saved state."""
    state = Stack(store, "demo", "dev").load()
    operations = state.pending_operations if state else []
    return sorted((operation["type"], operation["resource"]["urn"].split("::")[-1]) for operation in operations)


def test_concurrent_operations_are_pending_until_they_end(
    project: Project, store: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(2, timeout=30)
    states = []
    create = Provider.create

    def create_together(provider: Provider, token: str, inputs: Any) -> Any:
        together.wait()
        states.append(pending(store))
        together.wait()
        return create(provider, token, inputs)

    monkeypatch.setattr(Provider, "create", create_together)

    project('for name in "ab": aws.cloudwatch.LogGroup(name, name=f"/{name}")').up()

    assert states == [[("creating", "a"), ("creating", "b")]] * 2
    assert pending(store) == []


@pytest.mark.parametrize("operation", ["create", "update", "delete"])
def test_a_failed_operation_is_not_pending(
    operation: str, project: Project, store: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    if operation != "create":
        project(TWO_GROUPS).up()
    states = []

    def fail(*_: Any) -> None:
        states.append(pending(store))
        raise ProviderError("refused")

    monkeypatch.setattr(Provider, operation, fail)
    engine = project(TWO_GROUPS)
    engine.set_config("days", "3")

    run = engine.destroy if operation == "delete" else engine.up

    with pytest.raises(LocalAwsError, match="refused"):
        run()

    assert states == [[(f"{operation[:-1]}ing", "second" if operation == "delete" else "first")]]
    assert pending(store) == []


def test_an_interrupted_delete_stays_pending_and_the_next_up_reads_aws(
    project: Project, store: Folder, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C interrupts a call of a destroy, so it is unknown whether AWS has deleted the resource."""
    project(TWO_GROUPS).up()
    delete = Provider.delete

    def delete_and_interrupt(*arguments: Any) -> None:
        delete(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Provider, "delete", delete_and_interrupt)
        with pytest.raises(KeyboardInterrupt):
            project(TWO_GROUPS).destroy()

    assert pending(store) == [("deleting", "second")]
    assert steps(project(TWO_GROUPS).up()) == [("create", "second")]
    assert groups(aws) == ["/first", "/first/second"]


BROKEN = (
    TWO_GROUPS
    + """
policy = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}'
TRUST = policy.replace('"Resource": "*"', '"Principal": "*"').replace("s3:*", "sts:AssumeRole")
broken = aws.iam.RolePolicy("broken", name="p", role="nobody", policy=second.name.apply(lambda _: policy))
aws.cloudwatch.LogGroup("after", name=broken.id.apply(lambda _: "/after"))
"""
)


def test_a_failed_up_saves_what_was_created_and_the_next_up_continues(project: Project, aws: Aws) -> None:
    engine = project(BROKEN)

    with pytest.raises(DeploymentError, match=r"broken \(aws:iam/rolePolicy:RolePolicy\): create .*NoSuchEntity"):
        engine.up("first try")

    assert names(engine) == ["first", "second"]
    assert groups(aws) == ["/first", "/first/second"]
    assert engine.history()[0]["result"] == "failed"

    corrected = BROKEN.replace('role="nobody"', 'role=aws.iam.Role("r", name="r", assume_role_policy=TRUST).name')
    update = project(corrected).up("second try")

    assert sorted(steps(update)) == [("create", "after"), ("create", "broken"), ("create", "r")]
    assert groups(aws) == ["/after", "/first", "/first/second"]


def test_a_failing_program_leaves_the_stack_unchanged(project: Project, aws: Aws) -> None:
    project(TWO_GROUPS).up()

    with pytest.raises(pulumi.RunError, match="a person's mistake"):
        project('raise pulumi.RunError("a person\'s mistake")').up()

    engine = project(TWO_GROUPS)
    assert engine.outputs() == {"first": "arn:aws:logs:eu-west-1:111122223333:log-group:/first"}
    assert engine.up().changed == ()


def test_the_lock_of_another_run_is_respected_and_named(project: Project, store: Folder, aws: Aws) -> None:
    engine = project(TWO_GROUPS)

    with Stack(store, "demo", "dev").lock():
        for operation in (engine.up, engine.destroy, engine.refresh):
            with pytest.raises(LockedError, match=r"'dev' is locked by .+@.+ \(pid \d+\) since"):
                operation()
        engine.preview()  # needs no lock
        assert groups(aws) == []

    engine.up()
    assert store.keys(".pulumi/locks/") == []


def test_a_failed_run_releases_the_lock(project: Project, store: Folder) -> None:
    with pytest.raises(DeploymentError):
        project(BROKEN).up()

    assert store.keys(".pulumi/locks/") == []


def test_history_has_each_operation_with_its_configuration(project: Project) -> None:
    engine = project(TWO_GROUPS)
    engine.up("made")
    engine.set_config("days", "3")
    engine.up("changed")
    engine.destroy("gone")

    newest_first = engine.history()

    assert [(entry["kind"], entry["message"]) for entry in newest_first] == [
        ("destroy", "gone"),
        ("update", "changed"),
        ("update", "made"),
    ]
    assert [entry["config"]["demo:days"] for entry in newest_first] == ["3", "3", "14"]
    assert newest_first[1]["resourceChanges"] == {"same": 2, "update": 1}
    assert {entry["result"] for entry in newest_first} == {"succeeded"}


def test_refresh_updates_the_state_from_aws(project: Project, aws: Aws) -> None:
    engine = project(TWO_GROUPS)
    engine.up()
    aws.client("logs").put_retention_policy(logGroupName="/first", retentionInDays=3)
    aws.client("logs").delete_log_group(logGroupName="/first/second")

    refreshed = engine.refresh()

    assert steps(refreshed) == [("update", "first"), ("delete", "second")]
    urns = {resource["urn"] for resource in engine.resources()}
    assert {urn for resource in engine.resources() for urn in resource.get("dependencies", [])} <= urns
    assert steps(engine.up()) == [("update", "first"), ("create", "second")]
    assert groups(aws) == ["/first", "/first/second"]
    assert engine.refresh().changed == ()


def test_state_and_history_can_be_moved_into_a_bucket(project: Project, aws: Aws, store: Folder) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="the-state", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    key = aws.client("kms").create_key()["KeyMetadata"]["KeyId"]
    aws.client("kms").create_alias(AliasName="alias/the-key", TargetKeyId=key)
    engine = project(TWO_GROUPS)
    engine.up("made")

    engine.move(Bucket(aws, "the-state"), "awskms://alias/the-key?region=eu-west-1")

    moved = project(TWO_GROUPS, store=Bucket(aws, "the-state"))
    assert [entry["message"] for entry in moved.history()] == ["made"]
    assert moved.up().changed == ()
    assert names(project(TWO_GROUPS)) == ["first", "second"]  # the old store still has its copy
    state = Stack(Bucket(aws, "the-state"), "demo", "dev").load()
    assert state is not None
    assert state.secrets_provider is not None
    assert state.secrets_provider["state"]["url"] == "awskms://alias/the-key?region=eu-west-1"
    encrypted = base64.b64decode(state.secrets_provider["state"]["encryptedkey"])
    assert len(aws.client("kms").decrypt(CiphertextBlob=encrypted)["Plaintext"]) == 32  # as the CLI expects
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="the-state")["Contents"]]
    assert ".pulumi/meta.yaml" in keys
    assert ".pulumi/stacks/demo/dev.json" in keys


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ('aws.cloudwatch.LogGroup("x", name=pulumi.Output.secret("/x"))', "one of its values is a secret"),
        ('pulumi.export("x", pulumi.Output.secret("x"))', "one of its values is a secret"),
        (
            'aws.cloudwatch.LogGroup("x", name="/x", opts=pulumi.ResourceOptions(ignore_changes=["name"]))',
            "does not know the resource option ignoreChanges",
        ),
        (
            'aws.cloudwatch.LogGroup("x", name="/x", opts=pulumi.ResourceOptions(additional_secret_outputs=["arn"]))',
            "does not know the resource option additionalSecretOutputs",
        ),
        (
            'aws.cloudwatch.LogGroup("x", name="/x", opts=pulumi.ResourceOptions('
            'custom_timeouts=pulumi.CustomTimeouts(create="1m")))',
            "does not know the resource option customTimeouts",
        ),
        ('aws.sns.Topic("x")', "aws:sns/topic:Topic: the local provider has no such resource type"),
        ('aws.cloudwatch.LogGroup("x", name="/x", skip_destroy=True)', "does not know the property 'skipDestroy'"),
        ('aws.Provider("x", region="eu-west-1")', "pulumi:providers:aws"),
        ('aws.cloudwatch.LogGroup.get("x", "/x")', "calls ReadResource of Pulumi's engine"),
        (
            'aws.cloudwatch.LogGroup("x", name="/x"); aws.cloudwatch.LogGroup("x", name="/y")',
            "declared twice",
        ),
    ],
)
def test_unsupported_features_are_refused_by_name(
    program: str, message: str, project: Project, store: Folder, aws: Aws
) -> None:
    with pytest.raises(LocalAwsError) as error:
        project(program).up()

    assert message in str(error.value)
    assert groups(aws) in ([], ["/x"])


def test_an_alias_is_refused_instead_of_creating_a_second_resource(project: Project, aws: Aws) -> None:
    project('aws.cloudwatch.LogGroup("old", name="/x")').up()

    with pytest.raises(DeploymentError, match="was urn:pulumi:dev::demo::aws:cloudwatch/logGroup:LogGroup::old"):
        project(
            'aws.cloudwatch.LogGroup("new", name="/x", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")]))'
        ).up()

    assert groups(aws) == ["/x"]


def test_a_state_of_another_version_is_refused_and_unchanged(project: Project, store: Folder) -> None:
    store.put(".pulumi/stacks/demo/dev.json", b'{"version": 4, "checkpoint": {}}')

    with pytest.raises(LocalAwsError, match="version 4"):
        project(TWO_GROUPS).up()

    assert store.get(".pulumi/stacks/demo/dev.json") == b'{"version": 4, "checkpoint": {}}'


def test_a_region_other_than_the_emulators_is_refused(project: Project) -> None:
    engine = project(TWO_GROUPS)
    engine.set_config("aws:region", "us-east-1")

    with pytest.raises(LocalAwsError, match="aws:region is 'us-east-1', and the emulator is in eu-west-1"):
        engine.up()


def test_the_outputs_of_a_missing_stack_are_an_error(project: Project) -> None:
    with pytest.raises(LocalAwsError, match="there is no stack 'dev'"):
        project(TWO_GROUPS).outputs()


def recorded_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which every later AWS operation is appended."""
    calls: list[str] = []
    base: Any = botocore.client.BaseClient  # its stubs omit what is private
    call = base._make_api_call

    def record(client: Any, operation: str, parameters: Any) -> Any:
        calls.append(operation)
        return call(client, operation, parameters)

    monkeypatch.setattr(base, "_make_api_call", record)
    return calls
