"""Lambda functions, and the permissions to invoke them."""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from local_aws.provider.resource import Props, Resource, removed_tag_keys, restricted_to, to_api
from local_aws.provider.wire import ARCHIVE, SIGNATURE

_CONFIGURATION = frozenset(
    {
        "description",
        "role",
        "runtime",
        "handler",
        "memorySize",
        "timeout",
        "environment",
        "loggingConfig",
        "tracingConfig",
    }
)

# In seconds; botocore's own delays are for AWS. `Any`, because boto3-stubs know whole seconds only.
_POLLING: Any = {"Delay": 0.02, "MaxAttempts": 500}


class Function(Resource):
    token = "aws:lambda/function:Function"
    inputs = _CONFIGURATION | {"name", "code", "sourceCodeHash", "architectures", "tags"}
    replaces = frozenset({"name"})
    undiffed = frozenset({"code"})

    def check(self, new: Props) -> Props:
        """Add the package's hash, by which a change of the code is detected."""
        return {**new, "sourceCodeHash": _sha256(package(new["code"]))}

    def create(self, new: Props) -> tuple[str, Props]:
        client = self.aws.client("lambda")
        plain = {key: new[key] for key in new if key in _CONFIGURATION | {"architectures", "tags"}}
        function = client.create_function(
            FunctionName=new["name"],
            Code={"ZipFile": package(new["code"])},
            **to_api(client, "CreateFunction", plain),
        )
        return new["name"], self._computed(function)

    def complete(self, id: str, new: Props) -> None:
        self.aws.client("lambda").get_waiter("function_active_v2").wait(FunctionName=id, WaiterConfig=_POLLING)

    def read(self, id: str, old: Props) -> Props | None:
        function = self.aws.client("lambda").get_function(FunctionName=id)
        actual = function["Configuration"]
        return {
            **restricted_to({key: old[key] for key in old if key in _CONFIGURATION | {"architectures"}}, actual),
            "environment": {"variables": actual.get("Environment", {}).get("Variables", {})},
            "name": id,
            "sourceCodeHash": actual["CodeSha256"],
            "tags": function.get("Tags", {}),
            **self._computed(actual),
        }

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        client = self.aws.client("lambda")
        if changed & {"sourceCodeHash", "architectures"}:
            plain = {"architectures": new["architectures"]} if "architectures" in new else {}
            self._wait_for_update(
                id,
                client.update_function_code(
                    FunctionName=id, ZipFile=package(new["code"]), **to_api(client, "UpdateFunctionCode", plain)
                ),
            )
        if configuration := changed & _CONFIGURATION:
            plain = {key: new.get(key, _DEFAULTS.get(key)) for key in configuration}
            self._wait_for_update(
                id,
                client.update_function_configuration(
                    FunctionName=id, **to_api(client, "UpdateFunctionConfiguration", plain)
                ),
            )
        if "tags" in changed:
            if removed := removed_tag_keys(old, new):
                client.untag_resource(Resource=old["arn"], TagKeys=removed)
            if new.get("tags"):
                client.tag_resource(Resource=old["arn"], Tags=new["tags"])
        return {"codeSha256": new["sourceCodeHash"]} if "sourceCodeHash" in changed else {}

    def delete(self, id: str, old: Props) -> None:
        self.aws.client("lambda").delete_function(FunctionName=id)

    def _wait_for_update(self, id: str, response: Mapping[str, Any]) -> None:
        """Wait until AWS has applied an update, unless its response says that it already has."""
        if response.get("LastUpdateStatus") != "Successful":
            waiter = self.aws.client("lambda").get_waiter("function_updated_v2")
            waiter.wait(FunctionName=id, WaiterConfig=_POLLING)

    def _computed(self, configuration: Mapping[str, Any]) -> Props:
        arn = configuration["FunctionArn"]
        partition, region = arn.split(":")[1], arn.split(":")[3]
        return {
            "arn": arn,
            "codeSha256": configuration["CodeSha256"],
            "invokeArn": f"arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations",
        }


# The values for inputs that were removed: Lambda does not change what an update does not mention.
_DEFAULTS: Props = {
    "description": "",
    "environment": {"variables": {}},
    "memorySize": 128,
    "timeout": 3,
    "loggingConfig": {"logFormat": "Text"},
    "tracingConfig": {"mode": "PassThrough"},
}


class Permission(Resource):
    token = "aws:lambda/permission:Permission"
    inputs = frozenset({"statementId", "action", "function", "principal", "sourceArn"})
    replaces = inputs

    def create(self, new: Props) -> tuple[str, Props]:
        client = self.aws.client("lambda")
        plain = {"functionName" if key == "function" else key: value for key, value in new.items()}
        client.add_permission(**to_api(client, "AddPermission", plain))
        return new["statementId"], {}

    def read(self, id: str, old: Props) -> Props | None:
        response = self.aws.client("lambda").get_policy(FunctionName=old["function"])
        for statement in json.loads(response["Policy"])["Statement"]:
            if statement["Sid"] == id:
                return {
                    "statementId": id,
                    "action": statement["Action"],
                    "principal": statement["Principal"]["Service"],
                    "sourceArn": statement["Condition"]["ArnLike"]["AWS:SourceArn"],
                }
        return None

    def delete(self, id: str, old: Props) -> None:
        self.aws.client("lambda").remove_permission(FunctionName=old["function"], StatementId=id)


def package(code: Any) -> bytes:
    """Return the zip of an archive of text assets. The same texts always give the same bytes."""
    if not isinstance(code, dict) or code.get(SIGNATURE) != ARCHIVE or "assets" not in code:
        raise ValueError("code: must be an AssetArchive")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, asset in sorted(code["assets"].items()):
            if "text" not in asset:
                raise ValueError(f"code: {name} must be a StringAsset")
            entry = zipfile.ZipInfo(name, date_time=(1990, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16  # readable by Lambda's user
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, asset["text"])
    return buffer.getvalue()


def _sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


RESOURCES = (Function, Permission)
