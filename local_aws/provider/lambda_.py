"""Lambda functions and who may invoke them."""

import base64
import hashlib
import io
import json
import zipfile
from typing import Any

from local_aws.provider.resource import Props, Resource, like, removed, to_api
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


_POLLING = {"Delay": 0.02, "MaxAttempts": 500}  # in seconds; botocore's own waits are measured for AWS


class Function(Resource):
    token = "aws:lambda/function:Function"
    inputs = _CONFIGURATION | {"name", "code", "sourceCodeHash", "architectures", "tags"}
    replaces = frozenset({"name"})
    undiffed = frozenset({"code"})

    def check(self, new: Props) -> Props:
        """Adds the package's hash, which is what a change of code is told by."""
        return {**new, "sourceCodeHash": _sha256(package(new["code"]))}

    def create(self, new: Props) -> tuple[str, Props]:
        client = self.aws.client("lambda")
        plain = {key: new[key] for key in new if key in _CONFIGURATION | {"architectures", "tags"}}
        made = client.create_function(
            FunctionName=new["name"],
            Code={"ZipFile": package(new["code"])},
            **to_api(client, "CreateFunction", plain),
        )
        return new["name"], self._added(made)

    def complete(self, id: str, new: Props) -> None:
        self.aws.client("lambda").get_waiter("function_active_v2").wait(FunctionName=id, WaiterConfig=_POLLING)

    def read(self, id: str, old: Props) -> Props | None:
        found = self.aws.client("lambda").get_function(FunctionName=id)
        actual = found["Configuration"]
        return {
            **like({key: old[key] for key in old if key in _CONFIGURATION | {"architectures"}}, actual),
            "environment": {"variables": actual.get("Environment", {}).get("Variables", {})},
            "name": id,
            "sourceCodeHash": actual["CodeSha256"],
            "tags": found.get("Tags", {}),
            **self._added(actual),
        }

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        client = self.aws.client("lambda")
        if changed & {"sourceCodeHash", "architectures"}:
            plain = {"architectures": new["architectures"]} if "architectures" in new else {}
            self._settled(
                id,
                client.update_function_code(
                    FunctionName=id, ZipFile=package(new["code"]), **to_api(client, "UpdateFunctionCode", plain)
                ),
            )
        if configuration := changed & _CONFIGURATION:
            plain = {key: new.get(key, _CLEARED.get(key)) for key in configuration}
            self._settled(
                id,
                client.update_function_configuration(
                    FunctionName=id, **to_api(client, "UpdateFunctionConfiguration", plain)
                ),
            )
        if "tags" in changed:
            if gone := removed(old, new):
                client.untag_resource(Resource=old["arn"], TagKeys=gone)
            if new.get("tags"):
                client.tag_resource(Resource=old["arn"], Tags=new["tags"])
        return {"codeSha256": new["sourceCodeHash"]} if "sourceCodeHash" in changed else {}

    def delete(self, id: str, old: Props) -> None:
        self.aws.client("lambda").delete_function(FunctionName=id)

    def _settled(self, id: str, answer: Props) -> None:
        """AWS applies an update a little after it answers; the answer says whether it already has."""
        if answer.get("LastUpdateStatus") != "Successful":
            waiter = self.aws.client("lambda").get_waiter("function_updated_v2")
            waiter.wait(FunctionName=id, WaiterConfig=_POLLING)

    def _added(self, found: Props) -> Props:
        arn = found["FunctionArn"]
        partition, region = arn.split(":")[1], arn.split(":")[3]
        return {
            "arn": arn,
            "codeSha256": found["CodeSha256"],
            "invokeArn": f"arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations",
        }


# What a configuration is set to when an input is taken away: Lambda keeps what an update does not mention.
_CLEARED: Props = {
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
        answer = self.aws.client("lambda").get_policy(FunctionName=old["function"])
        for statement in json.loads(answer["Policy"])["Statement"]:
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
    """The zip of an archive of text assets: same texts, same bytes, whenever and wherever it is made."""
    if not isinstance(code, dict) or code.get(SIGNATURE) != ARCHIVE or "assets" not in code:
        raise ValueError("code must be an AssetArchive")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, asset in sorted(code["assets"].items()):
            if "text" not in asset:
                raise ValueError(f"code: {name} must be a StringAsset")
            entry = zipfile.ZipInfo(name, date_time=(1990, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16  # readable to Lambda's user
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, asset["text"])
    return buffer.getvalue()


def _sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


RESOURCES = (Function, Permission)
