"""Further calls that AWS must deny, by role: what an attacker tries who has one of the roles' credentials.

A rehearsal makes the calls of `local_aws/rehearsal/denied_calls.py`; these are made by tests alone, because they are
many. Each is a row: what it would do, service, operation, parameters.
"""

import json

from infra import names
from infra.policies import execution, trust
from infra.policies.document import document
from local_aws.provider.resource import Props
from local_aws.rehearsal.denied_calls import ADMINISTRATOR, Account, Caller, DeniedCall

Row = tuple[str, str, str, Props]

ANYBODY = document({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
EVERYTHING = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
METRIC: Props = {
    "Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
    "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold",
}  # fmt: skip
OTHER_ACCOUNT = "999988887777"


def calls(account: Account) -> list[DeniedCall]:
    """Return every call; order and titles do not depend on the account's ids."""
    rows: list[tuple[Caller, list[Row]]] = [
        ("deploy role", [
            *_bucket(account), *_key(account), *_roles_of_people(account), *_identities(account), *_functions(account),
            *_apis(account), *_telemetry(account), *_schedules(account), *_elsewhere(account),
        ]),
        ("preview role", _preview(account)),
        ("operator", _operator(account)),
        ("observer", _observer(account)),
        ("function", [*_function(account), *_any_function(account)]),
        ("client", [*_client(account), *_any_function(account)]),
    ]  # fmt: skip
    return [DeniedCall(caller, *row) for caller, of_caller in rows for row in of_caller]


def identity(call: DeniedCall) -> tuple[str, str, str, str]:
    """Return what makes a call different from others."""
    return call.caller, call.service, call.operation, json.dumps(call.parameters, sort_keys=True, default=repr)


def _of(service: str, rows: list[tuple[str, str, Props]]) -> list[Row]:
    return [(title, service, operation, parameters) for title, operation, parameters in rows]


def _bucket(account: Account) -> list[Row]:
    bucket = {"Bucket": account.bucket}
    app = {**bucket, "Key": f".pulumi/stacks/{names.PROJECT}/{account.app.stack}.json"}
    bootstrap = {**bucket, "Key": f".pulumi/stacks/{names.PROJECT}/{names.BOOTSTRAP_STACK}.json"}
    backup = f".pulumi/backups/{names.PROJECT}/{names.BOOTSTRAP_STACK}/{names.BOOTSTRAP_STACK}.1.json"
    queue = account.context.arn("sqs", "queue")
    replication = {"Role": account.deploy_role_arn, "Rules": [{"Status": "Enabled", "Prefix": "",
                   "Destination": {"Bucket": "arn:aws:s3:::elsewhere"}}]}  # fmt: skip
    events = {"QueueConfigurations": [{"QueueArn": queue, "Events": ["s3:ObjectCreated:*"]}]}
    logging = {"LoggingEnabled": {"TargetBucket": "elsewhere", "TargetPrefix": ""}}
    lock = {"ObjectLockEnabled": "Enabled"}
    cors = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
    foreign_key = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": account.context.arn("kms", "key/another")}
    rows: list[tuple[str, str, Props]] = [
        ("read the bucket's policy", "get_bucket_policy", bucket),
        ("read the bucket's ACL", "get_bucket_acl", bucket),
        ("read the bucket's encryption", "get_bucket_encryption", bucket),
        ("list versions of state", "list_object_versions", bucket),
        ("list all buckets", "list_buckets", {}),
        ("create a bucket", "create_bucket",
         {"Bucket": "elsewhere", "CreateBucketConfiguration": {"LocationConstraint": account.context.region}}),
        ("copy the bucket to another", "put_bucket_replication", {**bucket, "ReplicationConfiguration": replication}),
        ("be told of every state", "put_bucket_notification_configuration",
         {**bucket, "NotificationConfiguration": events}),
        ("log the bucket's requests elsewhere", "put_bucket_logging", {**bucket, "BucketLoggingStatus": logging}),
        ("lock the bucket's objects", "put_object_lock_configuration", {**bucket, "ObjectLockConfiguration": lock}),
        ("publish the bucket as a site", "put_bucket_website",
         {**bucket, "WebsiteConfiguration": {"IndexDocument": {"Suffix": "x"}}}),
        ("open the bucket to browsers", "put_bucket_cors", {**bucket, "CORSConfiguration": cors}),
        ("give the bucket an ACL", "put_bucket_acl", {**bucket, "ACL": "public-read"}),
        ("give a state an ACL", "put_object_acl", {**app, "ACL": "public-read"}),
        ("tag a state", "put_object_tagging", {**app, "Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}),
        ("read an earlier version of a state", "get_object", {**app, "VersionId": "null"}),
        ("read bootstrap's backup", "get_object", {**bucket, "Key": backup}),
        ("write bootstrap's backup", "put_object", {**bucket, "Key": backup, "Body": b"{}"}),
        ("upload bootstrap's state in parts", "create_multipart_upload", bootstrap),
        ("learn of bootstrap's state without reading it", "get_object_attributes",
         {**bootstrap, "ObjectAttributes": ["ETag"]}),
        ("write state under another encryption", "put_object",
         {**app, "Body": b"{}", "ServerSideEncryption": "AES256"}),
        ("write state under another key", "put_object", {**app, "Body": b"{}", **foreign_key}),
        ("write state under a key of its own", "put_object",
         {**app, "Body": b"{}", "SSECustomerAlgorithm": "AES256", "SSECustomerKey": "a" * 32}),
        ("write a state of the same start as bootstrap's", "put_object",
         {**bucket, "Key": f"{bootstrap['Key']}.gz", "Body": b"{}"}),
        ("write beside the state folder", "put_object", {**bucket, "Key": ".pulumi/stacks/x.json", "Body": b"{}"}),
        ("write another project's history", "put_object",
         {**bucket, "Key": f".pulumi/history/{names.PROJECT}-2/app/app-1.history.json", "Body": b"{}"}),
    ]  # fmt: skip
    return _of("s3", rows)


def _key(account: Account) -> list[Row]:
    key = {"KeyId": account.key_arn}
    rows: list[tuple[str, str, Props]] = [
        ("create a key", "create_key", {}),
        ("create an alias for the key", "create_alias", {"AliasName": "alias/mine", "TargetKeyId": account.key_arn}),
        ("read the key's policy", "get_key_policy", {**key, "PolicyName": "default"}),
        ("describe the key", "describe_key", key),
        ("list the key's grants", "list_grants", key),
        ("revoke a grant", "revoke_grant", {**key, "GrantId": "1"}),
        ("enable the key", "enable_key", key),
        ("change the key's description", "update_key_description", {**key, "Description": "x"}),
        ("tag the key", "tag_resource", {**key, "Tags": [{"TagKey": "Project", "TagValue": "x"}]}),
        ("untag the key", "untag_resource", {**key, "TagKeys": ["Project"]}),
        ("encrypt anew under the key", "re_encrypt",
         {"CiphertextBlob": b"x", "DestinationKeyId": account.context.arn("kms", "key/another")}),
        ("make a pair of data keys", "generate_data_key_pair", {**key, "KeyPairSpec": "RSA_2048"}),
        ("make a data key without its text", "generate_data_key_without_plaintext", {**key, "KeySpec": "AES_256"}),
        ("list keys", "list_keys", {}),
        ("list aliases", "list_aliases", {}),
    ]  # fmt: skip
    return _of("kms", rows)


def _roles_of_people(account: Account) -> list[Row]:
    rows: list[Row] = []
    for name in (names.OPERATOR_ROLE, names.OBSERVER_ROLE):
        role = {"RoleName": name}
        arn = account.context.iam_arn(f"role{names.PEOPLE_ROLE_PATH}{name}")
        rows += [
            (f"{title} {name}", "iam", operation, {**role, **parameters})
            for title, operation, parameters in (
                ("read", "get_role", {}),
                ("add an inline policy to", "put_role_policy", {"PolicyName": "more", "PolicyDocument": EVERYTHING}),
                ("attach a managed policy to", "attach_role_policy", {"PolicyArn": ADMINISTRATOR}),
                ("change the trust of", "update_assume_role_policy", {"PolicyDocument": ANYBODY}),
                ("lengthen the sessions of", "update_role", {"MaxSessionDuration": 43200}),
                ("put a boundary on", "put_role_permissions_boundary",
                 {"PermissionsBoundary": execution.boundary_arn(account.context)}),
                ("untag", "untag_role", {"TagKeys": ["Project"]}),
                ("delete", "delete_role", {}),
            )
        ]  # fmt: skip
        rows.append((f"assume {name}", "sts", "assume_role", {"RoleArn": arn, "RoleSessionName": "denied-call"}))
    return rows


def _identities(account: Account) -> list[Row]:
    provider = {"OpenIDConnectProviderArn": account.context.iam_arn(f"oidc-provider/{trust.GITHUB_ISSUER}")}
    boundary = {"PolicyArn": execution.boundary_arn(account.context)}
    bounded = {"PermissionsBoundary": boundary["PolicyArn"], "AssumeRolePolicyDocument": trust.by_lambda()}
    new, app_path = names.AppNames("new"), names.APP_ROLE_PATH
    admin_user = {"UserName": "admin"}
    rows: list[tuple[str, str, Props]] = [
        ("create a role of CI's deploy role's name", "create_role",
         {"RoleName": names.DEPLOY_ROLE, "Path": app_path, **bounded}),
        ("create a role with a people's path", "create_role",
         {"RoleName": new.execution_role, "Path": names.PEOPLE_ROLE_PATH, **bounded}),
        ("create a role in a deeper path", "create_role",
         {"RoleName": new.execution_role, "Path": f"{app_path}a/b/", **bounded}),
        ("create a role with a foreign tag", "create_role",
         {"RoleName": new.execution_role, "Path": app_path, **bounded, "Tags": [{"Key": "Team", "Value": "billing"}]}),
        ("create a role with another project's tag", "create_role",
         {"RoleName": new.execution_role, "Path": app_path, **bounded,
          "Tags": [{"Key": "Project", "Value": "billing"}]}),
        ("tag a role with a foreign tag", "tag_role",
         {"RoleName": account.app.execution_role, "Tags": [{"Key": "Team", "Value": "billing"}]}),
        ("tag a role as another project's", "tag_role",
         {"RoleName": account.app.execution_role, "Tags": [{"Key": "Project", "Value": "billing"}]}),
        ("take its tag from a role", "untag_role", {"RoleName": account.app.execution_role, "TagKeys": ["Stack"]}),
        ("list all roles", "list_roles", {}),
        ("list CI's roles", "list_roles", {"PathPrefix": names.CI_ROLE_PATH}),
        ("read the boundary", "get_policy", boundary),
        ("read a version of the boundary", "get_policy_version", {**boundary, "VersionId": "v1"}),
        ("tag the boundary", "tag_policy", {**boundary, "Tags": [{"Key": "Project", "Value": "x"}]}),
        ("remove the audience of the OIDC provider", "remove_client_id_from_open_id_connect_provider",
         {**provider, "ClientID": trust.OIDC_AUDIENCE}),
        ("change the thumbprint of the OIDC provider", "update_open_id_connect_provider_thumbprint",
         {**provider, "ThumbprintList": ["a" * 40]}),
        ("read the OIDC provider", "get_open_id_connect_provider", provider),
        ("add a SAML provider", "create_saml_provider", {"Name": "mine", "SAMLMetadataDocument": "x" * 1000}),
        ("create a group", "create_group", {"GroupName": "new"}),
        ("add a user to a group", "add_user_to_group", {"GroupName": "admins", **admin_user}),
        ("give a user a password", "create_login_profile", {**admin_user, "Password": "correct-horse-1"}),
        ("give a user a policy", "put_user_policy",
         {**admin_user, "PolicyName": "more", "PolicyDocument": EVERYTHING}),
        ("attach a policy to a user", "attach_user_policy", {**admin_user, "PolicyArn": ADMINISTRATOR}),
        ("create an instance profile", "create_instance_profile", {"InstanceProfileName": "new"}),
        ("put its role into an instance profile", "add_role_to_instance_profile",
         {"InstanceProfileName": "new", "RoleName": names.DEPLOY_ROLE}),
        ("create a service's own role", "create_service_linked_role", {"AWSServiceName": "lex.amazonaws.com"}),
        ("list users", "list_users", {}),
        ("list policies", "list_policies", {}),
        ("list OIDC providers", "list_open_id_connect_providers", {}),
        ("read the whole account's IAM", "get_account_authorization_details", {}),
        ("ask what a role may do", "simulate_principal_policy",
         {"PolicySourceArn": account.deploy_role_arn, "ActionNames": ["iam:CreateUser"]}),
    ]  # fmt: skip
    return _of("iam", rows)


def _functions(account: Account) -> list[Row]:
    own, new, context = {"FunctionName": account.app.function}, names.AppNames("new").function, account.context
    function_arn = context.arn("lambda", f"function:{account.app.function}")
    other_arn = context.arn("lambda", "function:billing")
    role = context.iam_arn(f"role{names.APP_ROLE_PATH}{account.app.execution_role}")
    tags = {"Project": names.SERVICE, "Stack": "new"}
    make = {"FunctionName": new, "Runtime": "python3.13", "Handler": "a.b", "Code": {"ZipFile": b"x"}, "Role": role,
            "Tags": tags}  # fmt: skip
    layer = context.arn("lambda", "layer:theirs:1")
    vpc = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    foreign_key = context.arn("kms", "key/another")
    people = context.iam_arn(f"role{names.PEOPLE_ROLE_PATH}{names.OPERATOR_ROLE}")
    nested = context.iam_arn(f"role{names.APP_ROLE_PATH}{names.SERVICE}-x/billing-role")
    open_to = {**own, "StatementId": "s", "Action": "lambda:InvokeFunction"}
    rows: list[tuple[str, str, Props]] = [
        *(
            (f"let {who} invoke the function", "add_permission", {**open_to, "Principal": principal})
            for who, principal in (
                ("anybody", "*"),
                ("its own account", context.account),
                ("another account", OTHER_ACCOUNT),
                ("another account's root", f"arn:aws:iam::{OTHER_ACCOUNT}:root"),
                ("S3", "s3.amazonaws.com"),
                ("SNS", "sns.amazonaws.com"),
                ("a service with such a start", "apigateway.amazonaws.com.evil.example"),
            )
        ),
        ("let anybody call the function's URL", "add_permission",
         {**own, "StatementId": "s", "Action": "lambda:InvokeFunctionUrl", "Principal": "*",
          "FunctionUrlAuthType": "NONE"}),
        ("let another account do all with the function", "add_permission",
         {**own, "StatementId": "s", "Action": "lambda:*", "Principal": OTHER_ACCOUNT}),
        ("give the function a URL", "create_function_url_config", {**own, "AuthType": "NONE"}),
        ("publish a version", "publish_version", own),
        ("create an alias", "create_alias", {**own, "Name": "mine", "FunctionVersion": "1"}),
        ("send failures elsewhere", "put_function_event_invoke_config",
         {**own, "DestinationConfig": {"OnFailure": {"Destination": other_arn}}}),
        ("take the function's concurrency", "put_function_concurrency", {**own, "ReservedConcurrentExecutions": 0}),
        ("publish a layer", "publish_layer_version", {"LayerName": "mine", "Content": {"ZipFile": b"x"}}),
        ("share a layer", "add_layer_version_permission",
         {"LayerName": "mine", "VersionNumber": 1, "StatementId": "s", "Action": "lambda:GetLayerVersion",
          "Principal": "*"}),
        ("feed the function from a queue", "create_event_source_mapping",
         {**own, "EventSourceArn": context.arn("sqs", "queue")}),
        ("change the function's code signing", "put_function_code_signing_config",
         {**own, "CodeSigningConfigArn": context.arn("lambda", "code-signing-config:csc-00000000000000001")}),
        ("invoke the function", "invoke", own),
        ("invoke the client", "invoke", {"FunctionName": account.app.client}),
        ("list all functions with their variables", "list_functions", {}),
        ("read another team's variables", "get_function_configuration", {"FunctionName": "billing"}),
        ("read another team's function by its ARN", "get_function", {"FunctionName": other_arn}),
        ("delete another team's function by its ARN", "delete_function", {"FunctionName": other_arn}),
        ("tag another team's function", "tag_resource", {"Resource": other_arn, "Tags": tags}),
        ("untag another team's function", "untag_resource", {"Resource": other_arn, "TagKeys": ["Team"]}),
        ("tag the function with a foreign tag", "tag_resource",
         {"Resource": function_arn, "Tags": {"Team": "billing"}}),
        ("tag the function as another project's", "tag_resource",
         {"Resource": function_arn, "Tags": {"Project": "billing"}}),
        ("take its tags from the function", "untag_resource",
         {"Resource": function_arn, "TagKeys": ["Project", "Stack"]}),
        ("create a function without tags", "create_function",
         {key: value for key, value in make.items() if key != "Tags"}),
        ("create a function with another project's tag", "create_function",
         {**make, "Tags": {**tags, "Project": "billing"}}),
        ("create a function with a foreign tag", "create_function", {**make, "Tags": {**tags, "Team": "x"}}),
        ("create a function of another name", "create_function", {**make, "FunctionName": "mine"}),
        ("create a function of another service's name", "create_function",
         {**make, "FunctionName": f"x-{names.SERVICE}-app-handler"}),
        *(
            (f"create a function with {whose} role", "create_function", {**make, "Role": arn})
            for whose, arn in (
                ("another team's", context.iam_arn("role/billing")),
                ("the preview", account.preview_role_arn),
                ("the operator", people),
                ("a nested", nested),
                ("another account's", f"arn:aws:iam::{OTHER_ACCOUNT}:role{names.APP_ROLE_PATH}{names.SERVICE}-a-role"),
            )
        ),
        *(
            (f"give the function {whose} role", "update_function_configuration", {**own, "Role": arn})
            for whose, arn in (
                ("another team's", context.iam_arn("role/billing")),
                ("the operator", people),
                ("a nested", nested),
            )
        ),
        ("create a function with a foreign layer", "create_function", {**make, "Layers": [layer]}),
        ("give the function a foreign layer", "update_function_configuration", {**own, "Layers": [layer]}),
        ("put the function into a network", "update_function_configuration", {**own, "VpcConfig": vpc}),
        ("encrypt the function's variables with a foreign key", "update_function_configuration",
         {**own, "KMSKeyArn": foreign_key}),
    ]  # fmt: skip
    return _of("lambda", rows)


def _apis(account: Account) -> list[Row]:
    api, context = {"ApiId": account.other_api}, account.context
    arn = context.apigateway_arn(f"/apis/{account.other_api}")
    rest_arn = context.apigateway_arn("/restapis/1234567890")
    stage = {**api, "StageName": "$default"}
    own_log = context.arn("logs", f"log-group:{account.app.access_log_group}")
    pattern = {"Name": account.app.api, "ProtocolType": "HTTP"}
    theirs: list[tuple[str, str, Props]] = [
        ("delete the CORS rules of another team's API", "delete_cors_configuration", api),
        ("take over another team's stage by its log", "update_stage",
         {**stage, "AccessLogSettings": {"DestinationArn": own_log, "Format": "$context.path"}}),
        ("stop the log of another team's stage", "delete_access_log_settings", stage),
        ("rename another team's API as ours", "update_api", {**api, "Name": account.app.api}),
        ("replace another team's API", "reimport_api", {**api, "Body": "{}"}),
        ("import an API", "import_api", {"Body": json.dumps({"openapi": "3.0.1", "info": {"title": "mine"}})}),
        ("deploy another team's API", "create_deployment", api),
        ("add a model to another team's API", "create_model", {**api, "Name": "m", "Schema": "{}"}),
        ("create a domain name", "create_domain_name", {"DomainName": "example.com"}),
        ("map a domain name to another team's API", "create_api_mapping",
         {**api, "DomainName": "example.com", "Stage": "$default"}),
        ("create a link into a network", "create_vpc_link", {"Name": "mine", "SubnetIds": ["subnet-1"]}),
        ("list domain names", "get_domain_names", {}),
        ("list links into networks", "get_vpc_links", {}),
        ("tag another team's API with a foreign tag", "tag_resource", {"ResourceArn": arn, "Tags": {"Team": "x"}}),
        ("tag another team's API as another project's", "tag_resource",
         {"ResourceArn": arn, "Tags": {"Project": "other"}}),
        ("untag another team's API", "untag_resource", {"ResourceArn": arn, "TagKeys": ["Project"]}),
        ("untag another team's stage", "untag_resource",
         {"ResourceArn": f"{arn}/stages/$default", "TagKeys": ["Project"]}),
        ("tag a REST API as ours", "tag_resource", {"ResourceArn": rest_arn, "Tags": {"Project": names.SERVICE}}),
        ("untag a REST API", "untag_resource", {"ResourceArn": rest_arn, "TagKeys": ["Team"]}),
        ("create an API with a foreign tag", "create_api", {**pattern, "Tags": {"Team": "x"}}),
        ("create an API with another project's tag", "create_api", {**pattern, "Tags": {"Project": "other"}}),
    ]  # fmt: skip
    rest: list[tuple[str, str, Props]] = [
        ("create a REST API", "create_rest_api", {"name": account.app.api}),
        ("list REST APIs", "get_rest_apis", {}),
        ("delete a REST API", "delete_rest_api", {"restApiId": "1234567890"}),
        ("create an API key", "create_api_key", {"name": "mine"}),
        ("list API keys with their values", "get_api_keys", {"includeValues": True}),
        ("change API Gateway's role in the account", "update_account", {}),
    ]
    return [*_of("apigatewayv2", theirs), *_of("apigateway", rest)]


def _telemetry(account: Account) -> list[Row]:
    app, context = account.app, account.context
    own, other, stream = (
        {"logGroupName": app.log_group},
        {"logGroupName": "/aws/lambda/billing"},
        {"logStreamName": "s"},
    )
    group = context.arn("logs", f"log-group:{app.log_group}")
    other_group = context.arn("logs", "log-group:/aws/lambda/billing")
    foreign = [{"Key": "Team", "Value": "x"}]
    own_alarm, other_alarm = (
        context.arn("cloudwatch", f"alarm:{name}") for name in (app.errors_alarm, "billing-errors")
    )
    destination = context.arn("lambda", f"function:{app.function}")
    stop = context.arn("automate", "ec2:stop")
    logs: list[tuple[str, str, Props]] = [
        ("send the function's log elsewhere", "put_subscription_filter",
         {**own, "filterName": "f", "filterPattern": "", "destinationArn": destination}),
        ("send another team's log to the function", "put_subscription_filter",
         {**other, "filterName": "f", "filterPattern": "", "destinationArn": destination}),
        ("make a metric of the log", "put_metric_filter",
         {**own, "filterName": "f", "filterPattern": "", "metricTransformations": [
             {"metricName": "m", "metricNamespace": "n", "metricValue": "1"}]}),
        ("encrypt the log with a key", "associate_kms_key", {**own, "kmsKeyId": account.key_arn}),
        ("export the log", "create_export_task", {**own, "fromTime": 0, "to": 1, "destination": "elsewhere"}),
        ("delete a stream of the log", "delete_log_stream", {**own, **stream}),
        ("write into the log", "put_log_events",
         {**own, **stream, "logEvents": [{"timestamp": 0, "message": "m"}]}),
        ("create a stream of the log", "create_log_stream", {**own, **stream}),
        ("query another team's log", "start_query",
         {**other, "startTime": 0, "endTime": 1, "queryString": "fields @message"}),
        ("create a log outside the names", "create_log_group", {"logGroupName": "/aws/lambda/mine"}),
        ("create a log with a foreign tag", "create_log_group",
         {"logGroupName": names.AppNames("new").log_group, "tags": {"Team": "x"}}),
        ("let another team's log be kept for ever", "delete_retention_policy", other),
        ("tag another team's log", "tag_resource",
         {"resourceArn": other_group, "tags": {"Project": names.SERVICE}}),
        ("untag another team's log", "untag_resource", {"resourceArn": other_group, "tagKeys": ["Team"]}),
        ("tag the log as another project's", "tag_resource", {"resourceArn": group, "tags": {"Project": "x"}}),
        ("take its tags from the log", "untag_resource", {"resourceArn": group, "tagKeys": ["Stack"]}),
        ("delete a policy of the account's logs", "delete_resource_policy", {"policyName": "p"}),
        ("send all logs elsewhere", "put_account_policy",
         {"policyName": "p", "policyDocument": "{}", "policyType": "SUBSCRIPTION_FILTER_POLICY"}),
    ]  # fmt: skip
    alarm = {**METRIC, "AlarmName": app.errors_alarm}
    cloudwatch: list[tuple[str, str, Props]] = [
        ("let an alarm stop machines", "put_metric_alarm", {**alarm, "AlarmActions": [stop]}),
        ("let an alarm stop machines when it is OK", "put_metric_alarm", {**alarm, "OKActions": [stop]}),
        ("let an alarm stop machines when it lacks data", "put_metric_alarm",
         {**alarm, "InsufficientDataActions": [stop]}),
        ("create an alarm outside the names", "put_metric_alarm", {**METRIC, "AlarmName": "mine"}),
        ("create an alarm with a foreign tag", "put_metric_alarm",
         {**METRIC, "AlarmName": names.AppNames("new").errors_alarm, "Tags": foreign}),
        ("set an alarm's state", "set_alarm_state",
         {"AlarmName": app.errors_alarm, "StateValue": "OK", "StateReason": "x"}),
        ("disable alarms", "disable_alarm_actions", {"AlarmNames": [app.errors_alarm]}),
        ("create a composite alarm", "put_composite_alarm",
         {"AlarmName": f"{app.prefix}-x", "AlarmRule": f"ALARM({app.errors_alarm})"}),
        ("invent a metric", "put_metric_data", {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1}]}),
        ("write a dashboard", "put_dashboard", {"DashboardName": "d", "DashboardBody": "{}"}),
        ("tag another team's alarm", "tag_resource",
         {"ResourceARN": other_alarm, "Tags": [{"Key": "Project", "Value": names.SERVICE}]}),
        ("tag the alarm with a foreign tag", "tag_resource", {"ResourceARN": own_alarm, "Tags": foreign}),
        ("take its tags from the alarm", "untag_resource", {"ResourceARN": own_alarm, "TagKeys": ["Stack"]}),
        ("read another team's alarm's history", "describe_alarm_history", {"AlarmName": "billing-errors"}),
        ("list all alarms", "describe_alarms", {}),
    ]  # fmt: skip
    return [*_of("logs", logs), *_of("cloudwatch", cloudwatch)]


def _schedules(account: Account) -> list[Row]:
    rule, other = {"Name": account.app.schedule}, {"Name": "billing-schedule"}
    arn = account.context.arn("events", f"rule/{account.app.schedule}")
    function = account.context.arn("lambda", f"function:{account.app.client}")
    role = account.context.iam_arn(f"role{names.APP_ROLE_PATH}{account.app.client_role}")
    events: list[tuple[str, str, Props]] = [
        ("stop the traffic", "disable_rule", rule),
        ("start the traffic", "enable_rule", rule),
        ("create a rule outside the names", "put_rule", {**other, "ScheduleExpression": "rate(1 minute)"}),
        ("create a rule with a foreign tag", "put_rule",
         {"Name": names.AppNames("new").schedule, "ScheduleExpression": "rate(1 minute)",
          "Tags": [{"Key": "Team", "Value": "x"}]}),
        ("delete another team's rule", "delete_rule", other),
        ("let another team's rule invoke the client", "put_targets",
         {"Rule": other["Name"], "Targets": [{"Id": "x", "Arn": function}]}),
        ("pass a role to EventBridge", "put_targets",
         {"Rule": account.app.schedule, "Targets": [{"Id": "x", "Arn": function, "RoleArn": role}]}),
        ("pass its own role to EventBridge", "put_targets",
         {"Rule": account.app.schedule, "Targets": [{"Id": "x", "Arn": function, "RoleArn": account.deploy_role_arn}]}),
        ("pass a role to a rule", "put_rule",
         {**rule, "ScheduleExpression": "rate(1 minute)", "RoleArn": role}),
        ("take its tags from the rule", "untag_resource", {"ResourceARN": arn, "TagKeys": ["Project"]}),
        ("tag the rule as another project's", "tag_resource",
         {"ResourceARN": arn, "Tags": [{"Key": "Project", "Value": "x"}]}),
        ("send an event", "put_events", {"Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}"}]}),
        ("open the event bus", "put_permission",
         {"Action": "events:PutEvents", "Principal": "*", "StatementId": "s"}),
        ("create an event bus", "create_event_bus", {"Name": "mine"}),
        ("list rules", "list_rules", {}),
    ]  # fmt: skip
    return _of("events", events)


def _elsewhere(account: Account) -> list[Row]:
    """Services that no role here needs."""
    trail, arn = {"Name": "trail"}, account.context.arn("lambda", f"function:{account.app.function}")
    return [
        ("stop a trail", "cloudtrail", "stop_logging", trail),
        ("delete a trail", "cloudtrail", "delete_trail", trail),
        ("create a trail", "cloudtrail", "create_trail", {**trail, "S3BucketName": account.bucket}),
        ("tag the function past Lambda", "resourcegroupstaggingapi", "tag_resources",
         {"ResourceARNList": [arn], "Tags": {"Project": "x"}}),
        ("untag the function past Lambda", "resourcegroupstaggingapi", "untag_resources",
         {"ResourceARNList": [arn], "TagKeys": ["Project"]}),
        ("get a session for anybody", "sts", "get_federation_token", {"Name": "me"}),
        ("assume another team's role", "sts", "assume_role",
         {"RoleArn": account.context.iam_arn("role/billing"), "RoleSessionName": "denied-call"}),
        ("read a secret", "secretsmanager", "get_secret_value", {"SecretId": "billing"}),
        ("read a parameter", "ssm", "get_parameter", {"Name": "billing"}),
        ("create a stack of CloudFormation", "cloudformation", "create_stack",
         {"StackName": "mine", "TemplateBody": "{}", "RoleARN": account.deploy_role_arn}),
        ("list tables", "dynamodb", "list_tables", {}),
        ("ask AWS DevOps Agent", "devops-agent", "create_backlog_task",
         {"agentSpaceId": "space-1", "taskType": "INVESTIGATION", "title": "t", "priority": "LOW"}),
    ]  # fmt: skip


def _state(account: Account) -> dict[str, Props]:
    bucket = {"Bucket": account.bucket}
    return {
        kind: {**bucket, "Key": f"{prefix}/{account.app.stack}{rest}"}
        for (kind, prefix), rest in zip(
            names.state_prefixes(names.PROJECT).items(),
            (".json", f"/{account.app.stack}-1.history.json", f"/{account.app.stack}.1.json", "/1.json"),
            strict=True,
        )
    }


def _preview(account: Account) -> list[Row]:
    app, context, state = account.app, account.context, _state(account)
    own, itself = {"FunctionName": app.function}, {"RoleName": names.PREVIEW_ROLE}
    role = context.iam_arn(f"role{names.APP_ROLE_PATH}{app.execution_role}")
    api, rule = {"ApiId": account.other_api}, {"Name": app.schedule}
    bounded = {"Path": names.APP_ROLE_PATH, "PermissionsBoundary": execution.boundary_arn(context),
               "AssumeRolePolicyDocument": trust.by_lambda()}  # fmt: skip
    own_policy = context.iam_arn(f"policy{names.CI_ROLE_PATH}{names.ci_policy(names.PREVIEW_ROLE, 'read')}")
    tags = {"Project": names.SERVICE, "Stack": "new"}
    return [
        *((f"write to {kind}", "s3", "put_object", {**key, "Body": b"{}"}) for kind, key in state.items()
          if kind not in ("stacks", "locks")),
        *((f"delete from {kind}", "s3", "delete_object", key) for kind, key in state.items()
          if kind not in ("stacks", "locks")),
        ("upload a state in parts", "s3", "create_multipart_upload", state["stacks"]),
        ("write a new stack's state", "s3", "put_object",
         {**state["stacks"], "Key": f".pulumi/stacks/{names.PROJECT}/new.json", "Body": b"{}"}),
        ("read an earlier version of a state", "s3", "get_object", {**state["stacks"], "VersionId": "null"}),
        ("read another project's state", "s3", "get_object",
         {**state["stacks"], "Key": ".pulumi/stacks/other/app.json"}),
        ("make the bucket public", "s3", "delete_public_access_block", {"Bucket": account.bucket}),
        ("read the key's policy", "kms", "get_key_policy", {"KeyId": account.key_arn, "PolicyName": "default"}),
        ("grant itself the key", "kms", "create_grant",
         {"KeyId": account.key_arn, "GranteePrincipal": account.preview_role_arn, "Operations": ["Encrypt"]}),
        ("create a function", "lambda", "create_function",
         {"FunctionName": names.AppNames("new").function, "Runtime": "python3.13", "Handler": "a.b", "Role": role,
          "Code": {"ZipFile": b"x"}, "Tags": tags}),
        ("delete the function", "lambda", "delete_function", own),
        ("open the function", "lambda", "add_permission",
         {**own, "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}),
        ("close the function", "lambda", "remove_permission", {**own, "StatementId": "s"}),
        ("tag the function", "lambda", "tag_resource",
         {"Resource": context.arn("lambda", f"function:{app.function}"), "Tags": tags}),
        ("read another team's code", "lambda", "get_function", {"FunctionName": "billing"}),
        ("list all functions", "lambda", "list_functions", {}),
        ("create an API", "apigatewayv2", "create_api", {"Name": app.api, "ProtocolType": "HTTP"}),
        ("change an API", "apigatewayv2", "update_api", {**api, "Name": "x"}),
        ("add a route to an API", "apigatewayv2", "create_route", {**api, "RouteKey": "GET /x"}),
        ("delete an API", "apigatewayv2", "delete_api", api),
        ("list APIs", "apigatewayv2", "get_apis", {}),
        ("tag an API", "apigatewayv2", "tag_resource",
         {"ResourceArn": context.apigateway_arn(f"/apis/{account.other_api}"), "Tags": tags}),
        ("create a role", "iam", "create_role", {"RoleName": names.AppNames("new").execution_role, **bounded}),
        ("change a role's trust", "iam", "update_assume_role_policy",
         {"RoleName": app.execution_role, "PolicyDocument": ANYBODY}),
        ("change a role's policy", "iam", "put_role_policy",
         {"RoleName": app.execution_role, "PolicyName": "execution", "PolicyDocument": EVERYTHING}),
        ("attach a managed policy to itself", "iam", "attach_role_policy", {**itself, "PolicyArn": ADMINISTRATOR}),
        ("change its own trust", "iam", "update_assume_role_policy", {**itself, "PolicyDocument": ANYBODY}),
        ("widen its own policy", "iam", "create_policy_version",
         {"PolicyArn": own_policy, "PolicyDocument": EVERYTHING, "SetAsDefault": True}),
        ("read its own role", "iam", "get_role", itself),
        ("list app roles", "iam", "list_roles", {"PathPrefix": names.APP_ROLE_PATH}),
        ("change an alarm", "cloudwatch", "put_metric_alarm", {**METRIC, "AlarmName": app.errors_alarm}),
        ("read an alarm's history", "cloudwatch", "describe_alarm_history", {"AlarmName": app.errors_alarm}),
        ("read metrics", "cloudwatch", "get_metric_statistics",
         {"Namespace": "AWS/Lambda", "MetricName": "Errors", "StartTime": 0, "EndTime": 1, "Period": 60,
          "Statistics": ["Sum"]}),
        ("read the access log", "logs", "filter_log_events", {"logGroupName": app.access_log_group}),
        ("delete the log", "logs", "delete_log_group", {"logGroupName": app.log_group}),
        ("change the schedule", "events", "put_rule", {**rule, "ScheduleExpression": "rate(1 day)"}),
        ("delete the schedule's target", "events", "remove_targets", {"Rule": app.schedule, "Ids": ["client"]}),
        ("read API calls", "cloudtrail", "lookup_events", {}),
        ("find resources by tags", "resourcegroupstaggingapi", "get_resources", {}),
        ("assume the operator role", "sts", "assume_role",
         {"RoleArn": context.iam_arn(f"role{names.PEOPLE_ROLE_PATH}{names.OPERATOR_ROLE}"),
          "RoleSessionName": "denied-call"}),
    ]  # fmt: skip


def _operator(account: Account) -> list[Row]:
    """Besides what the deploy role is denied, which a test repeats in the operator role."""
    context, itself = account.context, {"RoleName": names.OPERATOR_ROLE}
    state_policy = context.iam_arn(f"policy{names.CI_ROLE_PATH}{names.ci_policy(names.DEPLOY_ROLE, 'state')}")
    inline = {"PolicyName": "more", "PolicyDocument": EVERYTHING}
    bucket = {"Bucket": account.bucket}
    return [
        ("add an inline policy to itself", "iam", "put_role_policy", {**itself, **inline}),
        ("attach a managed policy to itself", "iam", "attach_role_policy", {**itself, "PolicyArn": ADMINISTRATOR}),
        ("change its own trust", "iam", "update_assume_role_policy", {**itself, "PolicyDocument": ANYBODY}),
        ("lengthen its own sessions", "iam", "update_role", {**itself, "MaxSessionDuration": 43200}),
        ("detach a policy from itself", "iam", "detach_role_policy", {**itself, "PolicyArn": state_policy}),
        ("widen its own policy", "iam", "create_policy_version",
         {"PolicyArn": state_policy, "PolicyDocument": EVERYTHING, "SetAsDefault": True}),
        ("delete itself", "iam", "delete_role", itself),
        ("assume the deploy role", "sts", "assume_role",
         {"RoleArn": account.deploy_role_arn, "RoleSessionName": "denied-call"}),
        ("assume the preview role", "sts", "assume_role",
         {"RoleArn": account.preview_role_arn, "RoleSessionName": "denied-call"}),
        ("create a user", "iam", "create_user", {"UserName": "new"}),
        ("give the person who assumed it a policy", "iam", "put_user_policy", {"UserName": "casey", **inline}),
        ("give the person who assumed it a key", "iam", "create_access_key", {"UserName": "casey"}),
        ("delete a version of a state", "s3", "delete_object",
         {**bucket, "Key": f".pulumi/stacks/{names.PROJECT}/app.json", "VersionId": "null"}),
        ("delete the bucket's policy", "s3", "delete_bucket_policy", bucket),
        ("read bootstrap's state", "s3", "get_object",
         {**bucket, "Key": f".pulumi/stacks/{names.PROJECT}/{names.BOOTSTRAP_STACK}.json"}),
    ]  # fmt: skip


def _observer(account: Account) -> list[Row]:
    app, context = account.app, account.context
    function = {"FunctionName": app.function}
    code = context.arn("lambda", f"function:{app.function}")
    return [
        ("read a backup of the state", "s3", "get_object", _state(account)["backups"]),
        ("read who holds the stack", "s3", "get_object", _state(account)["locks"]),
        ("read the bucket's policy", "s3", "get_bucket_policy", {"Bucket": account.bucket}),
        ("read an earlier version of a state", "s3", "get_object", {**_state(account)["stacks"], "VersionId": "null"}),
        ("ask where the bucket is", "s3", "get_bucket_location", {"Bucket": account.bucket}),
        ("read the function's code by its ARN", "lambda", "get_function", {"FunctionName": code}),
        ("read the client's code", "lambda", "get_function", {"FunctionName": app.client}),
        ("read the function's concurrency", "lambda", "get_function_concurrency", function),
        ("list the function's aliases", "lambda", "list_aliases", function),
        ("list layers", "lambda", "list_layers", {}),
        ("create a function", "lambda", "create_function",
         {**function, "FunctionName": names.AppNames("new").function, "Runtime": "python3.13", "Handler": "a.b",
          "Role": context.iam_arn(f"role{names.APP_ROLE_PATH}{app.execution_role}"), "Code": {"ZipFile": b"x"}}),
        ("read another team's log beside an own one", "logs", "filter_log_events",
         {"logGroupName": app.log_group,
          "logGroupIdentifier": context.arn("logs", "log-group:/aws/lambda/billing")}),
        ("query another team's log beside an own one", "logs", "start_query",
         {"logGroupName": app.log_group, "logGroupNames": ["/aws/lambda/billing"], "startTime": 0, "endTime": 1,
          "queryString": "fields @message"}),
        ("read a role's policy", "iam", "get_role_policy",
         {"RoleName": names.DEPLOY_ROLE, "PolicyName": "execution"}),
        ("list roles", "iam", "list_roles", {}),
        ("read its own role", "iam", "get_role", {"RoleName": names.OBSERVER_ROLE}),
        ("describe the key", "kms", "describe_key", {"KeyId": account.key_arn}),
        ("invent a metric", "cloudwatch", "put_metric_data",
         {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1}]}),
        ("tag the log", "logs", "tag_resource",
         {"resourceArn": context.arn("logs", f"log-group:{app.log_group}"), "tags": {"Project": "x"}}),
        ("send the log elsewhere", "logs", "put_subscription_filter",
         {"logGroupName": app.log_group, "filterName": "f", "filterPattern": "", "destinationArn": code}),
        ("change tags past the services", "resourcegroupstaggingapi", "tag_resources",
         {"ResourceARNList": [code], "Tags": {"Project": "x"}}),
        ("tag an API", "apigatewayv2", "tag_resource",
         {"ResourceArn": context.apigateway_arn(f"/apis/{account.other_api}"), "Tags": {"Project": "x"}}),
        ("assume the preview role", "sts", "assume_role",
         {"RoleArn": account.preview_role_arn, "RoleSessionName": "denied-call"}),
        ("read a secret", "secretsmanager", "get_secret_value", {"SecretId": "billing"}),
        ("stop a trail", "cloudtrail", "stop_logging", {"Name": "trail"}),
    ]  # fmt: skip


def _function(account: Account) -> list[Row]:
    return [
        ("invoke the client", "lambda", "invoke", {"FunctionName": account.app.client}),
        ("write the client's log", "logs", "create_log_stream",
         {"logGroupName": account.app.client_log_group, "logStreamName": "s"}),
        ("read the access log", "logs", "filter_log_events", {"logGroupName": account.app.access_log_group}),
    ]  # fmt: skip


def _client(account: Account) -> list[Row]:
    app, bucket = account.app, {"Bucket": account.bucket}
    stream = {"logStreamName": "s", "logEvents": [{"timestamp": 0, "message": "m"}]}
    return [
        ("invoke the handler past the API", "lambda", "invoke", {"FunctionName": app.function}),
        ("write the handler's log", "logs", "put_log_events", {"logGroupName": app.log_group, **stream}),
        ("write another stack's client's log", "logs", "put_log_events",
         {"logGroupName": names.AppNames("other").client_log_group, **stream}),
        ("read its log", "logs", "filter_log_events", {"logGroupName": app.client_log_group}),
        ("delete its log", "logs", "delete_log_group", {"logGroupName": app.client_log_group}),
        ("read state", "s3", "get_object", {**bucket, "Key": ".pulumi/meta.yaml"}),
        ("list state", "s3", "list_objects_v2", bucket),
        ("encrypt with the key", "kms", "encrypt", {"KeyId": account.key_arn, "Plaintext": b"x"}),
        ("assume the deploy role", "sts", "assume_role",
         {"RoleArn": account.deploy_role_arn, "RoleSessionName": "denied-call"}),
    ]  # fmt: skip


def _any_function(account: Account) -> list[Row]:
    app, context = account.app, account.context
    own = {"FunctionName": app.function}
    return [
        ("read the function's configuration", "lambda", "get_function_configuration", own),
        ("replace the function's code", "lambda", "update_function_code", {**own, "ZipFile": b"x"}),
        ("list functions", "lambda", "list_functions", {}),
        ("change its own role", "iam", "put_role_policy",
         {"RoleName": app.execution_role, "PolicyName": "more", "PolicyDocument": EVERYTHING}),
        ("create a role", "iam", "create_role",
         {"RoleName": names.AppNames("new").execution_role, "AssumeRolePolicyDocument": trust.by_lambda()}),
        ("list roles", "iam", "list_roles", {}),
        ("stop the traffic", "events", "disable_rule", {"Name": app.schedule}),
        ("list APIs", "apigatewayv2", "get_apis", {}),
        ("delete an API", "apigatewayv2", "delete_api", {"ApiId": account.other_api}),
        ("set an alarm's state", "cloudwatch", "set_alarm_state",
         {"AlarmName": app.errors_alarm, "StateValue": "OK", "StateReason": "x"}),
        ("invent a metric", "cloudwatch", "put_metric_data",
         {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1}]}),
        ("write state", "s3", "put_object", {**_state(account)["stacks"], "Body": b"{}"}),
        ("decrypt with the key", "kms", "decrypt", {"KeyId": account.key_arn, "CiphertextBlob": b"x"}),
        ("assume the operator role", "sts", "assume_role",
         {"RoleArn": context.iam_arn(f"role{names.PEOPLE_ROLE_PATH}{names.OPERATOR_ROLE}"),
          "RoleSessionName": "denied-call"}),
        ("read API calls", "cloudtrail", "lookup_events", {}),
        ("read a secret", "secretsmanager", "get_secret_value", {"SecretId": "billing"}),
    ]  # fmt: skip
