"""HTTP APIs."""

from typing import ClassVar

from local_aws.provider.resource import Props, Resource, like, removed, to_api


class _Tagged(Resource):
    """API Gateway names what it tags by ARNs that have no account in them."""

    def _retag(self, old: Props, new: Props) -> None:
        client = self.aws.client("apigatewayv2")
        if gone := removed(old, new):
            client.untag_resource(ResourceArn=old["arn"], TagKeys=gone)
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
        made = client.create_api(**to_api(client, "CreateApi", new))
        return made["ApiId"], self._added(made)

    def read(self, id: str, old: Props) -> Props:
        found = self.aws.client("apigatewayv2").get_api(ApiId=id)
        plain = {key: value for key, value in old.items() if key in self.inputs - {"tags"}}
        added = self._added(found)
        return {**like(plain, found), "tags": found.get("Tags", {}), **added}

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        client = self.aws.client("apigatewayv2")
        if plain := {key: new.get(key, "") for key in changed - {"tags"}}:
            client.update_api(ApiId=id, **to_api(client, "UpdateApi", plain))
        if "tags" in changed:
            self._retag(old, new)
        return {}

    def delete(self, id: str, old: Props) -> None:
        self.aws.client("apigatewayv2").delete_api(ApiId=id)

    def _added(self, found: Props) -> Props:
        id = found["ApiId"]
        account = self.aws.account
        return {
            "arn": self._arn(f"/apis/{id}"),
            "apiEndpoint": found["ApiEndpoint"],
            "executionArn": f"arn:{self.aws.partition}:execute-api:{self.aws.region}:{account}:{id}",
        }


class _PartOfApi(Resource):
    """What lives under an API and has an id of its own."""

    noun: ClassVar[str]
    replaces = frozenset({"apiId"})

    def create(self, new: Props) -> tuple[str, Props]:
        client = self.aws.client("apigatewayv2")
        make = getattr(client, f"create_{self.noun}")
        return make(**to_api(client, f"Create{self.noun.title()}", new))[f"{self.noun.title()}Id"], {}

    def read(self, id: str, old: Props) -> Props:
        get = getattr(self.aws.client("apigatewayv2"), f"get_{self.noun}")
        found = get(ApiId=old["apiId"], **self._id(id))
        plain = {key: value for key, value in old.items() if key in self.inputs - {"apiId"}}
        return {**dict.fromkeys(plain), **like(plain, found)}

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        client = self.aws.client("apigatewayv2")
        plain = {key: new.get(key, "") for key in changed}
        change = getattr(client, f"update_{self.noun}")
        change(ApiId=new["apiId"], **self._id(id), **to_api(client, f"Update{self.noun.title()}", plain))
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
    inputs = frozenset({"apiId", "name", "autoDeploy", "accessLogSettings", "tags"})
    replaces = frozenset({"apiId", "name"})

    def create(self, new: Props) -> tuple[str, Props]:
        client = self.aws.client("apigatewayv2")
        plain = {"stageName" if key == "name" else key: value for key, value in new.items()}
        client.create_stage(**to_api(client, "CreateStage", plain))
        return new["name"], self._added(new["apiId"], new["name"])

    def read(self, id: str, old: Props) -> Props:
        found = self.aws.client("apigatewayv2").get_stage(ApiId=old["apiId"], StageName=id)
        plain = {key: old[key] for key in ("autoDeploy", "accessLogSettings") if key in old}
        added = self._added(old["apiId"], id)
        return {**dict.fromkeys(plain), **like(plain, found), "name": id, "tags": found.get("Tags", {}), **added}

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        client = self.aws.client("apigatewayv2")
        if "accessLogSettings" in changed and not new.get("accessLogSettings"):
            client.delete_access_log_settings(ApiId=new["apiId"], StageName=id)
        if plain := {key: new[key] for key in changed & {"autoDeploy", "accessLogSettings"} if key in new}:
            client.update_stage(ApiId=new["apiId"], StageName=id, **to_api(client, "UpdateStage", plain))
        if "tags" in changed:
            self._retag(old, new)
        return {}

    def delete(self, id: str, old: Props) -> None:
        self.aws.client("apigatewayv2").delete_stage(ApiId=old["apiId"], StageName=id)

    def _added(self, api: str, stage: str) -> Props:
        """The URL is the emulator's path form: its host form is a name that not every resolver knows. On AWS it is
        https://API.execute-api.REGION.amazonaws.com/, for the stage $default without the stage's name."""
        return {
            "arn": self._arn(f"/apis/{api}/stages/{stage}"),
            "invokeUrl": f"{self.aws.endpoint}/_aws/execute-api/{api}/{stage}/",
        }


RESOURCES = (Api, Integration, Route, Stage)
