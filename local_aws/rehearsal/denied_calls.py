"""The calls that AWS must deny to CI's roles, to the observer and to the function: each must fail with AccessDenied.

A rehearsal makes them all; the tests make them one by one, and check besides that nothing changed. SECURITY.md says
which threat each of them is for.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from botocore.exceptions import ClientError

from infra import names
from infra.aws_context import AwsContext
from infra.policies import execution, trust
from infra.policies.document import document
from local_aws.provider.resource import Aws, Props
from local_aws.rehearsal import github

Caller = Literal[
    "a token", "deploy role", "preview role", "operator", "observer", "function", "client", "role created by CI"
]  # fmt: skip

REFUSALS = {"AccessDenied", "AccessDeniedException"}
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


@dataclass(frozen=True)
class Account:
    """The account that the calls are made in.

    `other_api` is the id of another team's HTTP API; `token_secret` signs the tokens of jobs.
    """

    context: AwsContext
    bucket: str
    key_arn: str
    deploy_role_arn: str
    preview_role_arn: str
    jobs: github.Jobs
    app: names.AppNames
    other_api: str
    token_secret: str


@dataclass(frozen=True)
class DeniedCall:
    """One call that AWS must deny to its caller; `title` says what it would do."""

    caller: Caller
    title: str
    service: str
    operation: str
    parameters: Props

    def result(self, aws: Aws) -> str:
        """Make the call; return the code of AWS's error, or `allowed`."""
        try:
            getattr(aws.client(self.service), self.operation)(**self.parameters)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "allowed"


def of_ci(account: Account) -> list[DeniedCall]:
    """Return the calls with tokens that are not trusted, and in sessions of the two roles."""
    return [
        *_tokens(account),
        *_on_bucket(account),
        *_on_state(account),
        *_on_key(account),
        *_on_identity(account),
        *_for_more_rights(account),
        *_on_others(account),
        *_by_preview(account),
    ]


def of_function(account: Account) -> list[DeniedCall]:
    """Return the calls by code that runs in the function."""
    function, group = account.app.function, account.app.log_group
    call = functools.partial(DeniedCall, "function")
    events = {"logStreamName": "s", "logEvents": [{"timestamp": 0, "message": "m"}]}
    other, billing = names.AppNames("other").log_group, "/aws/lambda/billing"
    return [
        call("write another stack's log", "logs", "put_log_events", {"logGroupName": other, **events}),
        call("write another team's log", "logs", "put_log_events", {"logGroupName": billing, **events}),
        call("create a log group", "logs", "create_log_group", {"logGroupName": "/aws/lambda/new"}),
        call("delete its log group", "logs", "delete_log_group", {"logGroupName": group}),
        call("read its log", "logs", "filter_log_events", {"logGroupName": group}),
        call("read state", "s3", "get_object", {"Bucket": account.bucket, "Key": ".pulumi/meta.yaml"}),
        call("list state", "s3", "list_objects_v2", {"Bucket": account.bucket}),
        call("encrypt with the key", "kms", "encrypt", {"KeyId": account.key_arn, "Plaintext": b"x"}),
        call("end the incident", "lambda", "update_function_configuration", _fail_mode(function, "false")),
        call("read its role", "iam", "get_role", {"RoleName": account.app.execution_role}),
        call("delete the alarms", "cloudwatch", "delete_alarms", {"AlarmNames": [account.app.errors_alarm]}),
        call("assume the deploy role", "sts", "assume_role",
                {"RoleArn": account.deploy_role_arn, "RoleSessionName": "denied-call"}),
    ]  # fmt: skip


def of_observer(account: Account) -> list[DeniedCall]:
    """Return the calls by an investigator that change something, or read what holds the answer."""
    app, function, log = account.app, {"FunctionName": account.app.function}, {"logGroupName": account.app.log_group}
    history = f".pulumi/history/{names.PROJECT}/{app.stack}/{app.stack}-1.history.json"
    bucket, key, api = {"Bucket": account.bucket}, {"KeyId": account.key_arn}, {"ApiId": account.other_api}
    stream = {"logStreamName": "s", "logEvents": [{"timestamp": 0, "message": "m"}]}
    rule, itself = {"Name": app.schedule}, {"RoleName": names.OBSERVER_ROLE}
    own_policy = account.context.iam_arn(
        f"policy{names.PEOPLE_ROLE_PATH}{names.ci_policy(names.OBSERVER_ROLE, 'read')}"
    )
    metric = {"AlarmName": app.errors_alarm, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}
    operator = account.context.iam_arn(f"role{names.PEOPLE_ROLE_PATH}{names.OPERATOR_ROLE}")
    function_arn = account.context.arn("lambda", f"function:{app.function}")
    calls: list[tuple[str, str, str, Props]] = [
        ("read state", "s3", "get_object", {**bucket, "Key": f".pulumi/stacks/{names.PROJECT}/{app.stack}.json"}),
        ("read the stack's history", "s3", "get_object", {**bucket, "Key": history}),
        ("read the backend's own file", "s3", "get_object", {**bucket, "Key": ".pulumi/meta.yaml"}),
        ("list state", "s3", "list_objects_v2", bucket),
        ("list versions of state", "s3", "list_object_versions", bucket),
        ("list buckets", "s3", "list_buckets", {}),
        ("write state", "s3", "put_object", {**bucket, "Key": history, "Body": b"{}"}),
        ("delete state", "s3", "delete_object", {**bucket, "Key": history}),
        ("decrypt with the key", "kms", "decrypt", {**key, "CiphertextBlob": b"x"}),
        ("encrypt with the key", "kms", "encrypt", {**key, "Plaintext": b"x"}),
        ("read the key's policy", "kms", "get_key_policy", {**key, "PolicyName": "default"}),
        ("read the function's code", "lambda", "get_function", function),
        ("list versions of the function", "lambda", "list_versions_by_function", function),
        ("list functions with their variables", "lambda", "list_functions", {}),
        ("read another team's variables", "lambda", "get_function_configuration", {"FunctionName": "billing"}),
        ("invoke the function", "lambda", "invoke", function),
        ("end the incident", "lambda", "update_function_configuration", _fail_mode(app.function, "false")),
        ("make an incident", "lambda", "update_function_configuration", _fail_mode(app.function, "true")),
        ("replace the function's code", "lambda", "update_function_code", {**function, "ZipFile": b"x"}),
        ("let anyone invoke the function", "lambda", "add_permission",
         {**function, "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"}),
        ("take away a right to invoke the function", "lambda", "remove_permission", {**function, "StatementId": "s"}),
        ("tag the function", "lambda", "tag_resource", {"Resource": function_arn, "Tags": {"Project": "x"}}),
        ("delete the function", "lambda", "delete_function", function),
        ("create an API", "apigatewayv2", "create_api", {"Name": app.api, "ProtocolType": "HTTP"}),
        ("change an API", "apigatewayv2", "update_api", {**api, "Name": "x"}),
        ("change a stage", "apigatewayv2", "update_stage", {**api, "StageName": "$default", "AutoDeploy": False}),
        ("delete an API", "apigatewayv2", "delete_api", api),
        ("change an alarm", "cloudwatch", "put_metric_alarm", metric),
        ("set an alarm's state", "cloudwatch", "set_alarm_state",
         {"AlarmName": app.errors_alarm, "StateValue": "OK", "StateReason": "x"}),
        ("disable the alarms", "cloudwatch", "disable_alarm_actions", {"AlarmNames": [app.errors_alarm]}),
        ("delete the alarms", "cloudwatch", "delete_alarms", {"AlarmNames": [app.errors_alarm]}),
        ("read another team's log", "logs", "filter_log_events", {"logGroupName": "/aws/lambda/billing"}),
        ("write the function's log", "logs", "put_log_events", {**log, **stream}),
        ("change the log's retention", "logs", "put_retention_policy", {**log, "retentionInDays": 1}),
        ("delete the log", "logs", "delete_log_group", log),
        ("stop the traffic", "events", "disable_rule", rule),
        ("change the schedule", "events", "put_rule", {**rule, "ScheduleExpression": "rate(1 day)"}),
        ("delete the schedule's target", "events", "remove_targets", {"Rule": app.schedule, "Ids": ["client"]}),
        ("read a role", "iam", "get_role", {"RoleName": app.execution_role}),
        ("add an inline policy to itself", "iam", "put_role_policy",
         {**itself, "PolicyName": "more", "PolicyDocument": _allow_everything()}),
        ("attach a managed policy to itself", "iam", "attach_role_policy", {**itself, "PolicyArn": ADMINISTRATOR}),
        ("widen its own policy", "iam", "create_policy_version",
         {"PolicyArn": own_policy, "PolicyDocument": _allow_everything(), "SetAsDefault": True}),
        ("assume the operator role", "sts", "assume_role", {"RoleArn": operator, "RoleSessionName": "denied-call"}),
        ("assume the deploy role", "sts", "assume_role",
         {"RoleArn": account.deploy_role_arn, "RoleSessionName": "denied-call"}),
        ("ask AWS DevOps Agent", "devops-agent", "create_backlog_task",
         {"agentSpaceId": "space-1", "taskType": "INVESTIGATION", "title": "t", "priority": "LOW"}),
        ("read what AWS DevOps Agent says", "devops-agent", "list_journal_records",
         {"agentSpaceId": "space-1", "executionId": "exe-1"}),
    ]  # fmt: skip
    return [DeniedCall("observer", *call) for call in calls]


def _tokens(account: Account) -> Iterator[DeniedCall]:
    jobs = account.jobs
    owner, _, name = jobs.prefix.removeprefix("repo:").partition("/")
    other_form = (
        f"repo:{owner.split('@')[0]}/{name.split('@')[0]}" if "@" in jobs.prefix else f"repo:{owner}@1/{name}@2"
    )
    deploy = {
        "another repository": github.Jobs("repo:octo-org/other", jobs.environment).deployment,
        "another owner's repository of that name": github.Jobs(f"repo:other/{name}", jobs.environment).deployment,
        "another environment": github.Jobs(jobs.prefix, "staging").deployment,
        "an environment whose name has the same start": f"{jobs.deployment}-2",
        "an environment in other capitals": github.Jobs(jobs.prefix, jobs.environment.upper()).deployment,
        "a branch": f"{jobs.prefix}:ref:refs/heads/main",
        "a tag": f"{jobs.prefix}:ref:refs/tags/v1",
        "a pull request": jobs.pull_request,
        "the other form of subject": github.Jobs(other_form, jobs.environment).deployment,
    }
    preview = {
        "another repository's pull request": github.Jobs("repo:octo-org/other", "").pull_request,
        "a branch": f"{jobs.prefix}:ref:refs/heads/main",
        "a deployment": jobs.deployment,
        "the other form of subject": github.Jobs(other_form, "").pull_request,
    }
    for role, arn, subjects, trusted in (
        ("deploy", account.deploy_role_arn, deploy, jobs.deployment),
        ("preview", account.preview_role_arn, preview, jobs.pull_request),
    ):
        tokens = {origin: github.token(subject, account.token_secret) for origin, subject in subjects.items()}
        tokens["another audience"] = github.token(trusted, account.token_secret, "https://github.com/octo-org")
        tokens["no audience"] = github.token(trusted, account.token_secret, "")
        for origin, token in tokens.items():
            yield DeniedCall("a token", f"of {origin}, for the {role} role", "sts", "assume_role_with_web_identity",
                          {"RoleArn": arn, "RoleSessionName": "denied-call", "WebIdentityToken": token})  # fmt: skip


def _on_bucket(account: Account) -> Iterator[DeniedCall]:
    bucket = {"Bucket": account.bucket}
    everyone = document({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"})
    rule = {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    unencrypted = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    shared = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    open_to_all = {"BlockPublicAcls": False}
    for title, operation, parameters in (
        ("make the bucket public by its policy", "put_bucket_policy", {"Policy": everyone}),
        ("delete the bucket's policy", "delete_bucket_policy", {}),
        ("suspend versioning", "put_bucket_versioning", {"VersioningConfiguration": {"Status": "Suspended"}}),
        ("let the state expire", "put_bucket_lifecycle_configuration", {"LifecycleConfiguration": {"Rules": [rule]}}),
        ("delete the lifecycle", "delete_bucket_lifecycle", {}),
        ("change encryption", "put_bucket_encryption", {"ServerSideEncryptionConfiguration": unencrypted}),
        ("delete encryption", "delete_bucket_encryption", {}),
        ("unblock public access", "put_public_access_block", {"PublicAccessBlockConfiguration": open_to_all}),
        ("delete the block of public access", "delete_public_access_block", {}),
        ("let writers own objects", "put_bucket_ownership_controls", {"OwnershipControls": shared}),
        ("tag the bucket", "put_bucket_tagging", {"Tagging": {"TagSet": [{"Key": "Project", "Value": "x"}]}}),
        ("delete the bucket", "delete_bucket", {}),
    ):
        yield DeniedCall("deploy role", title, "s3", operation, {**bucket, **parameters})


def _on_state(account: Account) -> Iterator[DeniedCall]:
    bucket = {"Bucket": account.bucket}
    meta, app = ".pulumi/meta.yaml", f".pulumi/stacks/{names.PROJECT}/{account.app.stack}.json"
    state = f".pulumi/stacks/{names.PROJECT}/{names.BOOTSTRAP_STACK}.json"
    history = f".pulumi/history/{names.PROJECT}/{names.BOOTSTRAP_STACK}/{names.BOOTSTRAP_STACK}-1.history.json"
    lock = f".pulumi/locks/organization/{names.PROJECT}/{names.BOOTSTRAP_STACK}/1.json"
    source = {"CopySource": {**bucket, "Key": state}}
    objects = {"Objects": [{"Key": meta}, {"Key": state}]}
    for title, operation, parameters in (
        ("read bootstrap's state", "get_object", {"Key": state}),
        ("copy bootstrap's state", "copy_object", {"Key": app, **source}),
        ("overwrite bootstrap's state", "put_object", {"Key": state, "Body": b"{}"}),
        ("delete bootstrap's state", "delete_object", {"Key": state}),
        ("read bootstrap's history", "get_object", {"Key": history}),
        ("write bootstrap's history", "put_object", {"Key": history, "Body": b"{}"}),
        ("delete bootstrap's history", "delete_object", {"Key": history}),
        ("lock bootstrap", "put_object", {"Key": lock, "Body": b"{}"}),
        ("release bootstrap's lock", "delete_object", {"Key": lock}),
        ("write the backend's own file", "put_object", {"Key": meta, "Body": b"{}"}),
        ("delete the backend's own file", "delete_object", {"Key": meta}),
        ("empty the bucket", "delete_objects", {"Delete": objects}),
        ("delete a version of an app's state", "delete_object", {"Key": app, "VersionId": "null"}),
        ("read elsewhere in the bucket", "get_object", {"Key": "other"}),
        ("read another project's state", "get_object", {"Key": ".pulumi/stacks/other/app.json"}),
        ("write elsewhere in the bucket", "put_object", {"Key": "other", "Body": b""}),
        ("write another project's state", "put_object", {"Key": ".pulumi/stacks/other/app.json", "Body": b"{}"}),
    ):
        yield DeniedCall("deploy role", title, "s3", operation, {**bucket, **parameters})


def _on_key(account: Account) -> Iterator[DeniedCall]:
    key = {"KeyId": account.key_arn}
    grant = {"GranteePrincipal": account.preview_role_arn, "Operations": ["Encrypt"]}
    alias = {"AliasName": names.STATE_KEY_ALIAS}
    other = {"KeyId": account.context.arn("kms", "key/another")}
    for title, operation, parameters in (
        ("encrypt with another key", "encrypt", {**other, "Plaintext": b"x"}),
        ("decrypt with another key", "decrypt", {**other, "CiphertextBlob": b"x"}),
        ("change the key's policy", "put_key_policy", {**key, "PolicyName": "default", "Policy": _allow_everything()}),
        ("disable the key", "disable_key", key),
        ("delete the key", "schedule_key_deletion", {**key, "PendingWindowInDays": 7}),
        ("disable the key's rotation", "disable_key_rotation", key),
        ("grant the key to others", "create_grant", {**key, **grant}),
        ("delete the key's alias", "delete_alias", alias),
        ("move the alias to another key", "update_alias", {**alias, "TargetKeyId": account.key_arn}),
    ):
        yield DeniedCall("deploy role", title, "kms", operation, parameters)


def _on_identity(account: Account) -> Iterator[DeniedCall]:
    """Change the OIDC trust, the roles themselves, or the boundary."""
    call = functools.partial(DeniedCall, "deploy role")
    provider = {"OpenIDConnectProviderArn": account.context.iam_arn(f"oidc-provider/{trust.GITHUB_ISSUER}")}
    yield call("delete the OIDC provider", "iam", "delete_open_id_connect_provider", provider)
    yield call("add an audience to the OIDC provider", "iam", "add_client_id_to_open_id_connect_provider",
                  {**provider, "ClientID": "other"})  # fmt: skip
    yield call("add an OIDC provider", "iam", "create_open_id_connect_provider", {"Url": "https://example.com"})

    anybody = document({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    inline = {"PolicyName": "more", "PolicyDocument": _allow_everything()}
    for role_title, name in (("its own role", names.DEPLOY_ROLE), ("the preview role", names.PREVIEW_ROLE)):
        role = {"RoleName": name}
        managed = {"PolicyArn": account.context.iam_arn(f"policy{names.CI_ROLE_PATH}{names.ci_policy(name, 'state')}")}
        wider = {"PolicyDocument": _allow_everything(), "SetAsDefault": True}
        for title, operation, parameters in (
            ("add an inline policy to", "put_role_policy", {**role, **inline}),
            ("attach a managed policy to", "attach_role_policy", {**role, "PolicyArn": ADMINISTRATOR}),
            ("detach a managed policy from", "detach_role_policy", {**role, **managed}),
            ("change the trust of", "update_assume_role_policy", {**role, "PolicyDocument": anybody}),
            ("lengthen the sessions of", "update_role", {**role, "MaxSessionDuration": 43200}),
            ("tag", "tag_role", {**role, "Tags": [{"Key": "Project", "Value": "x"}]}),
            ("delete", "delete_role", role),
            ("change a managed policy of", "create_policy_version", {**managed, **wider}),
            ("roll back a managed policy of", "set_default_policy_version", {**managed, "VersionId": "v1"}),
            ("delete a managed policy of", "delete_policy", managed),
        ):
            yield call(f"{title} {role_title}", "iam", operation, parameters)

    boundary = execution.boundary_arn(account.context)
    yield call("widen the boundary", "iam", "create_policy_version",
                  {"PolicyArn": boundary, "PolicyDocument": _allow_everything(), "SetAsDefault": True})  # fmt: skip
    yield call("roll back the boundary", "iam", "set_default_policy_version",
                  {"PolicyArn": boundary, "VersionId": "v1"})  # fmt: skip
    yield call("delete the boundary", "iam", "delete_policy", {"PolicyArn": boundary})


def _for_more_rights(account: Account) -> Iterator[DeniedCall]:
    """Get more rights, by a new or changed role, or by passing a role."""
    call = functools.partial(DeniedCall, "deploy role")
    boundary = {"PermissionsBoundary": execution.boundary_arn(account.context)}
    unbound = {"PermissionsBoundary": ADMINISTRATOR}
    trusting = {"AssumeRolePolicyDocument": trust.by_lambda()}
    name, own = {"RoleName": names.AppNames("new").execution_role}, {"RoleName": account.app.execution_role}
    in_path = {**name, "Path": names.APP_ROLE_PATH}
    for title, operation, parameters in (
        ("create a role without the boundary", "create_role", {**in_path, **trusting}),
        ("create a role with another boundary", "create_role", {**in_path, **trusting, **unbound}),
        ("create a role without the path", "create_role", {**name, **trusting, **boundary}),
        ("create a role with another name", "create_role", {**in_path, "RoleName": "new", **trusting, **boundary}),
        ("create a role in CI's path", "create_role",
         {**name, "Path": names.CI_ROLE_PATH, **trusting, **boundary}),
        ("create a role of any name in a nested path", "create_role",
         {"RoleName": "billing-role", "Path": f"{names.APP_ROLE_PATH}{names.SERVICE}-x/", **trusting, **boundary}),
        ("delete the boundary of a role", "delete_role_permissions_boundary", own),
        ("give a role another boundary", "put_role_permissions_boundary", {**own, **unbound}),
        ("attach a managed policy to a role", "attach_role_policy", {**own, "PolicyArn": ADMINISTRATOR}),
        ("create a policy", "create_policy", {"PolicyName": "new", "PolicyDocument": _allow_everything()}),
        ("create a user", "create_user", {"UserName": "new"}),
        ("create an access key", "create_access_key", {"UserName": "new"}),
    ):  # fmt: skip
        yield call(title, "iam", operation, parameters)

    function = {"Runtime": "python3.13", "Handler": "a.b", "Code": {"ZipFile": b"x"}}
    yield call(
        "pass its own role to a new function",
        "lambda",
        "create_function",
        {"FunctionName": names.AppNames("new").function, "Role": account.deploy_role_arn, **function},
    )
    yield call(
        "pass its own role to the function",
        "lambda",
        "update_function_configuration",
        {"FunctionName": account.app.function, "Role": account.deploy_role_arn},
    )
    version = {"FunctionName": account.app.function, "Qualifier": "1", "StatementId": "s"}
    yield call(
        "open a published version of the function",
        "lambda",
        "add_permission",
        {**version, "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"},
    )
    yield call(
        "pass a role to API Gateway",
        "apigatewayv2",
        "create_integration",
        {
            "ApiId": account.other_api,
            "IntegrationType": "AWS_PROXY",
            "CredentialsArn": account.context.iam_arn(f"role{names.APP_ROLE_PATH}{account.app.execution_role}"),
        },
    )
    yield call("assume the preview role", "sts", "assume_role",
                  {"RoleArn": account.preview_role_arn, "RoleSessionName": "denied-call"})  # fmt: skip


def _on_others(account: Account) -> Iterator[DeniedCall]:
    """Read or change other teams' resources. Those of other app stacks are CI's own, and not among them."""
    function, api = {"FunctionName": "billing"}, {"ApiId": account.other_api}
    stage, group, alarm = {**api, "StageName": "$default"}, {"logGroupName": "/aws/lambda/billing"}, "billing-errors"
    log = {"DestinationArn": account.context.arn("logs", "log-group:/aws/lambda/billing"), "Format": "$context.path"}
    vended = {"logGroupName": "/aws/vendedlogs/billing"}
    metric = {"AlarmName": alarm, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}
    permission = {**function, "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"}
    role = {"RoleName": "billing"}
    for title, service, operation, parameters in (
        ("read another team's function", "lambda", "get_function", function),
        ("change another team's function", "lambda", "update_function_configuration", _fail_mode("billing", "true")),
        ("replace another team's code", "lambda", "update_function_code", {**function, "ZipFile": b"x"}),
        ("let anyone invoke another team's function", "lambda", "add_permission", permission),
        ("delete another team's function", "lambda", "delete_function", function),
        ("change another team's API", "apigatewayv2", "update_api", {**api, "Name": "x"}),
        ("create an API with another team's name", "apigatewayv2", "create_api",
         {"Name": "billing", "ProtocolType": "HTTP"}),
        ("add a stage to another team's API", "apigatewayv2", "create_stage", {**api, "StageName": "new"}),
        ("write another team's log as a stage's access log", "apigatewayv2", "create_stage",
         {**api, "StageName": "new", "AccessLogSettings": log}),
        ("add an authorizer to another team's API", "apigatewayv2", "create_authorizer",
         {**api, "Name": "x", "AuthorizerType": "REQUEST", "IdentitySource": ["$request.header.x"]}),
        ("delete another team's API", "apigatewayv2", "delete_api", api),
        ("change another team's stage", "apigatewayv2", "update_stage", {**stage, "AutoDeploy": False}),
        ("delete another team's stage", "apigatewayv2", "delete_stage", stage),
        ("read another team's log", "logs", "filter_log_events", group),
        ("change another team's log", "logs", "put_retention_policy", {**group, "retentionInDays": 1}),
        ("delete another team's log", "logs", "delete_log_group", group),
        ("delete another team's access log", "logs", "delete_log_group", vended),
        ("change another team's alarm", "cloudwatch", "put_metric_alarm", metric),
        ("delete another team's alarm", "cloudwatch", "delete_alarms",
         {"AlarmNames": [account.app.errors_alarm, alarm]}),
        ("read another team's role", "iam", "get_role", role),
        ("change another team's role", "iam", "update_role", role),
        ("delete another team's role", "iam", "delete_role", role),
    ):  # fmt: skip
        yield DeniedCall("deploy role", title, service, operation, parameters)


def _by_preview(account: Account) -> Iterator[DeniedCall]:
    """Do more than read, with the preview role, which a pull request's own code runs with."""
    app = {"Bucket": account.bucket, "Key": f".pulumi/stacks/{names.PROJECT}/{account.app.stack}.json"}
    bootstrap = {**app, "Key": f".pulumi/stacks/{names.PROJECT}/{names.BOOTSTRAP_STACK}.json"}
    lock = {**app, "Key": f".pulumi/locks/organization/{names.PROJECT}/{account.app.stack}/1.json"}
    function = {"FunctionName": account.app.function}
    for title, service, operation, parameters in (
        ("read bootstrap's state", "s3", "get_object", bootstrap),
        ("overwrite an app's state", "s3", "put_object", {**app, "Body": b"{}"}),
        ("delete an app's state", "s3", "delete_object", app),
        ("lock an app", "s3", "put_object", {**lock, "Body": b"{}"}),
        ("release an app's lock", "s3", "delete_object", lock),
        ("encrypt with the key", "kms", "encrypt", {"KeyId": account.key_arn, "Plaintext": b"x"}),
        ("create a data key", "kms", "generate_data_key", {"KeyId": account.key_arn, "KeySpec": "AES_256"}),
        ("inject a failure", "lambda", "update_function_configuration", _fail_mode(account.app.function, "true")),
        ("replace the function's code", "lambda", "update_function_code", {**function, "ZipFile": b"x"}),
        ("invoke the function", "lambda", "invoke", function),
        ("read the function's log", "logs", "filter_log_events", {"logGroupName": account.app.log_group}),
        ("delete the alarms", "cloudwatch", "delete_alarms", {"AlarmNames": [account.app.errors_alarm]}),
        ("add an inline policy to itself", "iam", "put_role_policy",
         {"RoleName": names.PREVIEW_ROLE, "PolicyName": "preview", "PolicyDocument": _allow_everything()}),
        ("assume the deploy role", "sts", "assume_role",
         {"RoleArn": account.deploy_role_arn, "RoleSessionName": "denied-call"}),
    ):  # fmt: skip
        yield DeniedCall("preview role", title, service, operation, parameters)


def _fail_mode(function: str, value: str) -> Props:
    return {"FunctionName": function, "Environment": {"Variables": {"FAIL_MODE": value}}}


def _allow_everything() -> str:
    return document({"Effect": "Allow", "Action": "*", "Resource": "*"})
