"""HTTP APIs."""

from collections.abc import Mapping
from typing import Any, ClassVar

from local_aws.provider.resource import Props, Resource, removed_tag_keys, restricted_to, to_api


class _Tagged(Resource):
    """A resource with tags; API Gateway's ARNs have no account."""

    def _retag(self, old: Props, new: Props) -> None:
        client = self.aws.client("apigatewayv2")
        if removed := removed_tag_keys(old, new):
            client.untag_resource(ResourceArn=old["arn"], TagKeys=removed)
        if new.get("tags"):
            client.tag_resource(ResourceArn=old["arn"], Tags=new["tags"])

    def _arn(self, path: str) -> str:
        return f"arn:{self.aws.partition}:apigateway:{self.aws.region}::{path}"


class Api(_Tagged):
    token = "aws:apigatewayv2/api:Api"
    inputs = frozenset({"name", "description", "protocolType", "tags"})
    replaces = frozenset({"protocolType"})

    def create(self, new: Props) -> tuple[str, Props]:
        client = self.aws.client("apigatewayv2")
        api = client.create_api(**to_api(client, "CreateApi", new))
        return api["ApiId"], self._computed(api)

    def read(self, id: str, old: Props) -> Props:
        api = self.aws.client("apigatewayv2").get_api(ApiId=id)
        plain = {key: value for key, value in old.items() if key in self.inputs - {"tags"}}
        return {**restricted_to(plain, api), "tags": api.get("Tags", {}), **self._computed(api)}

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        client = self.aws.client("apigatewayv2")
        if plain := {key: new.get(key, "") for key in changed - {"tags"}}:
            client.update_api(ApiId=id, **to_api(client, "UpdateApi", plain))
        if "tags" in changed:
            self._retag(old, new)
        return {}

    def delete(self, id: str, old: Props) -> None:
        self.aws.client("apigatewayv2").delete_api(ApiId=id)

    def _computed(self, api: Mapping[str, Any]) -> Props:
        id = api["ApiId"]
        account = self.aws.account
        return {
            "arn": self._arn(f"/apis/{id}"),
            "apiEndpoint": api["ApiEndpoint"],
            "executionArn": f"arn:{self.aws.partition}:execute-api:{self.aws.region}:{account}:{id}",
        }


class _PartOfApi(Resource):
    """A part of an API that has an id of its own."""

    noun: ClassVar[str]
    replaces = frozenset({"apiId"})

    def create(self, new: Props) -> tuple[str, Props]:
        client = self.aws.client("apigatewayv2")
        create = getattr(client, f"create_{self.noun}")
        return create(**to_api(client, f"Create{self.noun.title()}", new))[f"{self.noun.title()}Id"], {}

    def read(self, id: str, old: Props) -> Props:
        get = getattr(self.aws.client("apigatewayv2"), f"get_{self.noun}")
        part = get(ApiId=old["apiId"], **self._id(id))
        plain = {key: value for key, value in old.items() if key in self.inputs - {"apiId"}}
        return {**dict.fromkeys(plain), **restricted_to(plain, part)}

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        client = self.aws.client("apigatewayv2")
        plain = {key: new.get(key, "") for key in changed}
        update = getattr(client, f"update_{self.noun}")
        update(ApiId=new["apiId"], **self._id(id), **to_api(client, f"Update{self.noun.title()}", plain))
        return {}

    def delete(self, id: str, old: Props) -> None:
        getattr(self.aws.client("apigatewayv2"), f"delete_{self.noun}")(ApiId=old["apiId"], **self._id(id))

    def _id(self, id: str) -> dict[str, str]:
        return {f"{self.noun.title()}Id": id}


class Integration(_PartOfApi):
    token = "aws:apigatewayv2/integration:Integration"
    inputs = frozenset({"apiId", "integrationType", "integrationUri", "payloadFormatVersion"})
    replaces = frozenset({"apiId", "integrationType"})
    noun = "integration"


class Route(_PartOfApi):
    token = "aws:apigatewayv2/route:Route"
    inputs = frozenset({"apiId", "routeKey", "target"})
    noun = "route"


class Stage(_Tagged):
    token = "aws:apigatewayv2/stage:Stage"
    settings = frozenset({"autoDeploy", "accessLogSettings", "defaultRouteSettings"})
    inputs = settings | {"apiId", "name", "tags"}
    replaces = frozenset({"apiId", "name"})

    def create(self, new: Props) -> tuple[str, Props]:
        client = self.aws.client("apigatewayv2")
        plain = {"stageName" if key == "name" else key: value for key, value in new.items()}
        client.create_stage(**to_api(client, "CreateStage", plain))
        return new["name"], self._computed(new["apiId"], new["name"])

    def read(self, id: str, old: Props) -> Props:
        stage = self.aws.client("apigatewayv2").get_stage(ApiId=old["apiId"], StageName=id)
        plain = {key: old[key] for key in sorted(self.settings) if key in old}
        actual = {**dict.fromkeys(plain), **restricted_to(plain, stage)}
        return {**actual, "name": id, "tags": stage.get("Tags", {}), **self._computed(old["apiId"], id)}

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        client = self.aws.client("apigatewayv2")
        if "accessLogSettings" in changed and not new.get("accessLogSettings"):
            client.delete_access_log_settings(ApiId=new["apiId"], StageName=id)
        if plain := {key: new[key] for key in changed & self.settings if key in new}:
            client.update_stage(ApiId=new["apiId"], StageName=id, **to_api(client, "UpdateStage", plain))
        if "tags" in changed:
            self._retag(old, new)
        return {}

    def delete(self, id: str, old: Props) -> None:
        self.aws.client("apigatewayv2").delete_stage(ApiId=old["apiId"], StageName=id)

    def _computed(self, api: str, stage: str) -> Props:
        """Return the ARN and the emulator's URL by path; not every resolver knows the host name of its other form.

        On AWS the URL is https://API.execute-api.REGION.amazonaws.com/, for the stage $default without its name.
        """
        return {
            "arn": self._arn(f"/apis/{api}/stages/{stage}"),
            "invokeUrl": f"{self.aws.endpoint}/_aws/execute-api/{api}/{stage}/",
        }


RESOURCES = (Api, Integration, Route, Stage)
