"""What CI's roles must be refused: each attempt is one call to AWS, and each must be answered with AccessDenied.

A rehearsal makes them all; the tests make them one by one, and see besides that nothing changed. SECURITY.md says what
they stand for.
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

By = Literal["a token", "deploy role", "preview role", "function", "role of CI's making"]

REFUSALS = {"AccessDenied", "AccessDeniedException"}
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


@dataclass(frozen=True)
class Account:
    """What there is to attack; `other_api` is the id of another team's HTTP API."""

    context: AwsContext
    bucket: str
    key_arn: str
    deploy_role_arn: str
    preview_role_arn: str
    jobs: github.Jobs
    app: names.AppNames
    other_api: str


@dataclass(frozen=True)
class Attempt:
    """One call to AWS."""

    by: By
    what: str
    service: str
    operation: str
    parameters: Props

    def answer(self, aws: Aws) -> str:
        """What AWS answers: an error's code, or `allowed`."""
        try:
            getattr(aws.client(self.service), self.operation)(**self.parameters)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "allowed"


def of_ci(account: Account) -> list[Attempt]:
    """By tokens that are not trusted, and by the sessions of the two roles."""
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


def of_function(account: Account) -> list[Attempt]:
    """By whoever runs code in the function."""
    function, group = account.app.function, account.app.log_group
    attempt = functools.partial(Attempt, "function")
    events = {"logStreamName": "s", "logEvents": [{"timestamp": 0, "message": "m"}]}
    other, billing = names.AppNames("other").log_group, "/aws/lambda/billing"
    return [
        attempt("write another stack's log", "logs", "put_log_events", {"logGroupName": other, **events}),
        attempt("write another team's log", "logs", "put_log_events", {"logGroupName": billing, **events}),
        attempt("make a log group", "logs", "create_log_group", {"logGroupName": "/aws/lambda/new"}),
        attempt("delete its log group", "logs", "delete_log_group", {"logGroupName": group}),
        attempt("read its log", "logs", "filter_log_events", {"logGroupName": group}),
        attempt("read state", "s3", "get_object", {"Bucket": account.bucket, "Key": ".pulumi/meta.yaml"}),
        attempt("list state", "s3", "list_objects_v2", {"Bucket": account.bucket}),
        attempt("use the key", "kms", "encrypt", {"KeyId": account.key_arn, "Plaintext": b"x"}),
        attempt("heal itself", "lambda", "update_function_configuration", _fail_mode(function, "false")),
        attempt("read its role", "iam", "get_role", {"RoleName": account.app.execution_role}),
        attempt("silence the alarms", "cloudwatch", "delete_alarms", {"AlarmNames": [account.app.errors_alarm]}),
        attempt("become the deploy role", "sts", "assume_role",
                {"RoleArn": account.deploy_role_arn, "RoleSessionName": "attempt"}),
    ]  # fmt: skip


def _tokens(account: Account) -> Iterator[Attempt]:
    jobs = account.jobs
    owner, _, name = jobs.prefix.removeprefix("repo:").partition("/")
    other_form = (
        f"repo:{owner.split('@')[0]}/{name.split('@')[0]}" if "@" in jobs.prefix else f"repo:{owner}@1/{name}@2"
    )
    deploy = {
        "another repository": github.Jobs("repo:octo-org/other", jobs.environment).deployment,
        "another owner's repository of that name": github.Jobs(f"repo:other/{name}", jobs.environment).deployment,
        "another environment": github.Jobs(jobs.prefix, "production").deployment,
        "an environment whose name begins alike": f"{jobs.deployment}-2",
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
        tokens = {whose: github.token(subject) for whose, subject in subjects.items()}
        tokens["another audience"] = github.token(trusted, "https://github.com/octo-org")
        tokens["no audience"] = github.token(trusted, "")
        for whose, token in tokens.items():
            yield Attempt("a token", f"of {whose}, for the {role} role", "sts", "assume_role_with_web_identity",
                          {"RoleArn": arn, "RoleSessionName": "attempt", "WebIdentityToken": token})  # fmt: skip


def _on_bucket(account: Account) -> Iterator[Attempt]:
    bucket = {"Bucket": account.bucket}
    everyone = document({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"})
    rule = {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    unencrypted = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    shared = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    open_to_all = {"BlockPublicAcls": False}
    for what, operation, parameters in (
        ("open the bucket's policy", "put_bucket_policy", {"Policy": everyone}),
        ("take the bucket's policy away", "delete_bucket_policy", {}),
        ("suspend versioning", "put_bucket_versioning", {"VersioningConfiguration": {"Status": "Suspended"}}),
        ("let state expire", "put_bucket_lifecycle_configuration", {"LifecycleConfiguration": {"Rules": [rule]}}),
        ("take the lifecycle away", "delete_bucket_lifecycle", {}),
        ("change encryption", "put_bucket_encryption", {"ServerSideEncryptionConfiguration": unencrypted}),
        ("take encryption away", "delete_bucket_encryption", {}),
        ("unblock public access", "put_public_access_block", {"PublicAccessBlockConfiguration": open_to_all}),
        ("take the block away", "delete_public_access_block", {}),
        ("let writers own objects", "put_bucket_ownership_controls", {"OwnershipControls": shared}),
        ("tag the bucket", "put_bucket_tagging", {"Tagging": {"TagSet": [{"Key": "Project", "Value": "x"}]}}),
        ("delete the bucket", "delete_bucket", {}),
    ):
        yield Attempt("deploy role", what, "s3", operation, {**bucket, **parameters})


def _on_state(account: Account) -> Iterator[Attempt]:
    bucket = {"Bucket": account.bucket}
    meta, app = ".pulumi/meta.yaml", f".pulumi/stacks/{names.PROJECT}/{account.app.stack}.json"
    state = f".pulumi/stacks/{names.PROJECT}/{names.BOOTSTRAP_STACK}.json"
    history = f".pulumi/history/{names.PROJECT}/{names.BOOTSTRAP_STACK}/{names.BOOTSTRAP_STACK}-1.history.json"
    lock = f".pulumi/locks/organization/{names.PROJECT}/{names.BOOTSTRAP_STACK}/1.json"
    source = {"CopySource": {**bucket, "Key": state}}
    objects = {"Objects": [{"Key": meta}, {"Key": state}]}
    for what, operation, parameters in (
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
        yield Attempt("deploy role", what, "s3", operation, {**bucket, **parameters})


def _on_key(account: Account) -> Iterator[Attempt]:
    key = {"KeyId": account.key_arn}
    grant = {"GranteePrincipal": account.preview_role_arn, "Operations": ["Encrypt"]}
    alias = {"AliasName": names.STATE_KEY_ALIAS}
    other = {"KeyId": account.context.arn("kms", "key/another")}
    for what, operation, parameters in (
        ("encrypt with another key", "encrypt", {**other, "Plaintext": b"x"}),
        ("decrypt with another key", "decrypt", {**other, "CiphertextBlob": b"x"}),
        ("change the key's policy", "put_key_policy", {**key, "PolicyName": "default", "Policy": _anything()}),
        ("disable the key", "disable_key", key),
        ("delete the key", "schedule_key_deletion", {**key, "PendingWindowInDays": 7}),
        ("end the key's rotation", "disable_key_rotation", key),
        ("grant the key to others", "create_grant", {**key, **grant}),
        ("take the key's alias away", "delete_alias", alias),
        ("give the alias to another key", "update_alias", {**alias, "TargetKeyId": account.key_arn}),
    ):
        yield Attempt("deploy role", what, "kms", operation, parameters)


def _on_identity(account: Account) -> Iterator[Attempt]:
    """The OIDC trust, the roles themselves, and the boundary."""
    attempt = functools.partial(Attempt, "deploy role")
    provider = {"OpenIDConnectProviderArn": account.context.iam_arn(f"oidc-provider/{trust.GITHUB_ISSUER}")}
    yield attempt("delete the OIDC provider", "iam", "delete_open_id_connect_provider", provider)
    yield attempt("add an audience to the OIDC provider", "iam", "add_client_id_to_open_id_connect_provider",
                  {**provider, "ClientID": "other"})  # fmt: skip
    yield attempt("add an OIDC provider", "iam", "create_open_id_connect_provider", {"Url": "https://example.com"})

    anybody = document({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    for whose, name in (("its own", names.DEPLOY_ROLE), ("preview's", names.PREVIEW_ROLE)):
        role = {"RoleName": name}
        managed = {"PolicyArn": account.context.iam_arn(f"policy{names.CI_ROLE_PATH}{names.ci_policy(name, 'state')}")}
        for what, operation, parameters in (
            ("rights by a policy of its own", "put_role_policy", {"PolicyName": "more", "PolicyDocument": _anything()}),
            ("rights by a managed policy", "attach_role_policy", {"PolicyArn": ADMINISTRATOR}),
            ("policy away", "detach_role_policy", managed),
            ("trust", "update_assume_role_policy", {"PolicyDocument": anybody}),
            ("sessions' length", "update_role", {"MaxSessionDuration": 43200}),
            ("tags", "tag_role", {"Tags": [{"Key": "Project", "Value": "x"}]}),
            ("role away", "delete_role", {}),
        ):
            yield attempt(f"change {whose} {what}", "iam", operation, {**role, **parameters})
        wider = {"PolicyDocument": _anything(), "SetAsDefault": True}
        yield attempt(f"change {whose} managed policy", "iam", "create_policy_version", {**managed, **wider})
        yield attempt(
            f"turn {whose} managed policy back", "iam", "set_default_policy_version", {**managed, "VersionId": "v1"}
        )
        yield attempt(f"delete {whose} managed policy", "iam", "delete_policy", managed)

    boundary = execution.boundary_arn(account.context)
    yield attempt("widen the boundary", "iam", "create_policy_version",
                  {"PolicyArn": boundary, "PolicyDocument": _anything(), "SetAsDefault": True})  # fmt: skip
    yield attempt("go back to an older boundary", "iam", "set_default_policy_version",
                  {"PolicyArn": boundary, "VersionId": "v1"})  # fmt: skip
    yield attempt("delete the boundary", "iam", "delete_policy", {"PolicyArn": boundary})


def _for_more_rights(account: Account) -> Iterator[Attempt]:
    """By roles of its making, and by passing roles."""
    attempt = functools.partial(Attempt, "deploy role")
    boundary = {"PermissionsBoundary": execution.boundary_arn(account.context)}
    unbound = {"PermissionsBoundary": ADMINISTRATOR}
    trusting = {"AssumeRolePolicyDocument": trust.by_lambda()}
    name, own = {"RoleName": names.AppNames("new").execution_role}, {"RoleName": account.app.execution_role}
    in_path = {**name, "Path": names.APP_ROLE_PATH}
    for what, operation, parameters in (
        ("make a role without the boundary", "create_role", {**in_path, **trusting}),
        ("make a role with another boundary", "create_role", {**in_path, **trusting, **unbound}),
        ("make a role in no path", "create_role", {**name, **trusting, **boundary}),
        ("make a role of another name", "create_role", {**in_path, "RoleName": "new", **trusting, **boundary}),
        ("make a role in CI's path", "create_role",
         {**name, "Path": names.CI_ROLE_PATH, **trusting, **boundary}),
        ("take the boundary off a role", "delete_role_permissions_boundary", own),
        ("give a role another boundary", "put_role_permissions_boundary", {**own, **unbound}),
        ("attach a managed policy to a role", "attach_role_policy", {**own, "PolicyArn": ADMINISTRATOR}),
        ("make a policy", "create_policy", {"PolicyName": "new", "PolicyDocument": _anything()}),
        ("make a user", "create_user", {"UserName": "new"}),
        ("make an access key", "create_access_key", {"UserName": "new"}),
    ):  # fmt: skip
        yield attempt(what, "iam", operation, parameters)

    function = {"Runtime": "python3.13", "Handler": "a.b", "Code": {"ZipFile": b"x"}}
    yield attempt(
        "run a function as itself",
        "lambda",
        "create_function",
        {"FunctionName": names.AppNames("new").function, "Role": account.deploy_role_arn, **function},
    )
    yield attempt(
        "run the function as itself",
        "lambda",
        "update_function_configuration",
        {"FunctionName": account.app.function, "Role": account.deploy_role_arn},
    )
    yield attempt(
        "pass a role to API Gateway",
        "apigatewayv2",
        "create_integration",
        {
            "ApiId": account.other_api,
            "IntegrationType": "AWS_PROXY",
            "CredentialsArn": account.context.iam_arn(f"role{names.APP_ROLE_PATH}{account.app.execution_role}"),
        },
    )
    yield attempt("become the preview role", "sts", "assume_role",
                  {"RoleArn": account.preview_role_arn, "RoleSessionName": "attempt"})  # fmt: skip


def _on_others(account: Account) -> Iterator[Attempt]:
    """What other teams have in the account. Other app stacks' resources are CI's own, and not here."""
    function, api = {"FunctionName": "billing"}, {"ApiId": account.other_api}
    stage, group, alarm = {**api, "StageName": "$default"}, {"logGroupName": "/aws/lambda/billing"}, "billing-errors"
    log = {"DestinationArn": account.context.arn("logs", "log-group:/aws/lambda/billing"), "Format": "$context.path"}
    vended = {"logGroupName": "/aws/vendedlogs/billing"}
    metric = {"AlarmName": alarm, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}
    leave = {**function, "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"}
    role = {"RoleName": "billing"}
    for what, service, operation, parameters in (
        ("read another team's function", "lambda", "get_function", function),
        ("change another team's function", "lambda", "update_function_configuration", _fail_mode("billing", "true")),
        ("replace another team's code", "lambda", "update_function_code", {**function, "ZipFile": b"x"}),
        ("open another team's function", "lambda", "add_permission", leave),
        ("delete another team's function", "lambda", "delete_function", function),
        ("change another team's API", "apigatewayv2", "update_api", {**api, "Name": "x"}),
        ("make an API of another team's name", "apigatewayv2", "create_api",
         {"Name": "billing", "ProtocolType": "HTTP"}),
        ("add a stage to another team's API", "apigatewayv2", "create_stage", {**api, "StageName": "new"}),
        ("write another team's log by a stage", "apigatewayv2", "create_stage",
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
        yield Attempt("deploy role", what, service, operation, parameters)


def _by_preview(account: Account) -> Iterator[Attempt]:
    """What a pull request might try with its role."""
    app = {"Bucket": account.bucket, "Key": f".pulumi/stacks/{names.PROJECT}/{account.app.stack}.json"}
    bootstrap = {**app, "Key": f".pulumi/stacks/{names.PROJECT}/{names.BOOTSTRAP_STACK}.json"}
    lock = {**app, "Key": f".pulumi/locks/organization/{names.PROJECT}/{account.app.stack}/1.json"}
    function = {"FunctionName": account.app.function}
    for what, service, operation, parameters in (
        ("read bootstrap's state", "s3", "get_object", bootstrap),
        ("overwrite an app's state", "s3", "put_object", {**app, "Body": b"{}"}),
        ("delete an app's state", "s3", "delete_object", app),
        ("lock an app", "s3", "put_object", {**lock, "Body": b"{}"}),
        ("release an app's lock", "s3", "delete_object", lock),
        ("encrypt with the key", "kms", "encrypt", {"KeyId": account.key_arn, "Plaintext": b"x"}),
        ("make a data key", "kms", "generate_data_key", {"KeyId": account.key_arn, "KeySpec": "AES_256"}),
        ("inject a failure", "lambda", "update_function_configuration", _fail_mode(account.app.function, "true")),
        ("replace the function's code", "lambda", "update_function_code", {**function, "ZipFile": b"x"}),
        ("invoke the function", "lambda", "invoke", function),
        ("read the function's log", "logs", "filter_log_events", {"logGroupName": account.app.log_group}),
        ("silence the alarms", "cloudwatch", "delete_alarms", {"AlarmNames": [account.app.errors_alarm]}),
        ("give itself rights", "iam", "put_role_policy",
         {"RoleName": names.PREVIEW_ROLE, "PolicyName": "preview", "PolicyDocument": _anything()}),
        ("become the deploy role", "sts", "assume_role",
         {"RoleArn": account.deploy_role_arn, "RoleSessionName": "attempt"}),
    ):  # fmt: skip
        yield Attempt("preview role", what, service, operation, parameters)


def _fail_mode(function: str, value: str) -> Props:
    return {"FunctionName": function, "Environment": {"Variables": {"FAIL_MODE": value}}}


def _anything() -> str:
    return document({"Effect": "Allow", "Action": "*", "Resource": "*"})
