"""IAM roles, policies and the OIDC provider."""

import json

from local_aws.provider.resource import Props, Resource, from_key_values, key_values, removed_tag_keys


class Role(Resource):
    token = "aws:iam/role:Role"
    inputs = frozenset(
        {"name", "path", "description", "assumeRolePolicy", "permissionsBoundary", "maxSessionDuration", "tags"}
    )
    replaces = frozenset({"name", "path"})
    documents = frozenset({"assumeRolePolicy"})

    def create(self, new: Props) -> tuple[str, Props]:
        boundary = {"PermissionsBoundary": new["permissionsBoundary"]} if new.get("permissionsBoundary") else {}
        role = self.aws.client("iam").create_role(
            RoleName=new["name"],
            Path=new.get("path", "/"),
            Description=new.get("description", ""),
            AssumeRolePolicyDocument=new["assumeRolePolicy"],
            MaxSessionDuration=int(new.get("maxSessionDuration", 3600)),
            Tags=key_values(new.get("tags")),
            **boundary,
        )["Role"]
        return new["name"], {"arn": role["Arn"], "uniqueId": role["RoleId"]}

    def read(self, id: str, old: Props) -> Props | None:
        role = self.aws.client("iam").get_role(RoleName=id)["Role"]
        actual = {
            "path": role["Path"],
            "description": role.get("Description", ""),
            "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            "maxSessionDuration": role["MaxSessionDuration"],
        }
        return {
            "name": id,
            "assumeRolePolicy": _text(role["AssumeRolePolicyDocument"]),
            "tags": from_key_values(role.get("Tags", [])),
            "arn": role["Arn"],
            "uniqueId": role["RoleId"],
            **{key: value for key, value in actual.items() if key in old},
        }

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        iam = self.aws.client("iam")
        if "assumeRolePolicy" in changed:
            iam.update_assume_role_policy(RoleName=id, PolicyDocument=new["assumeRolePolicy"])
        if changed & {"description", "maxSessionDuration"}:
            iam.update_role(
                RoleName=id,
                Description=new.get("description", ""),
                MaxSessionDuration=int(new.get("maxSessionDuration", 3600)),
            )
        if "permissionsBoundary" in changed:
            if new.get("permissionsBoundary"):
                iam.put_role_permissions_boundary(RoleName=id, PermissionsBoundary=new["permissionsBoundary"])
            else:
                iam.delete_role_permissions_boundary(RoleName=id)
        if "tags" in changed:
            if removed := removed_tag_keys(old, new):
                iam.untag_role(RoleName=id, TagKeys=removed)
            iam.tag_role(RoleName=id, Tags=key_values(new.get("tags")))
        return {}

    def delete(self, id: str, old: Props) -> None:
        self.aws.client("iam").delete_role(RoleName=id)


class RolePolicy(Resource):
    token = "aws:iam/rolePolicy:RolePolicy"
    inputs = frozenset({"name", "role", "policy"})
    replaces = frozenset({"name", "role"})
    documents = frozenset({"policy"})

    def create(self, new: Props) -> tuple[str, Props]:
        self._put(new)
        return f"{new['role']}:{new['name']}", {}

    def read(self, id: str, old: Props) -> Props | None:
        role, name = id.split(":")
        policy = self.aws.client("iam").get_role_policy(RoleName=role, PolicyName=name)
        return {"role": role, "name": name, "policy": _text(policy["PolicyDocument"])}

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        self._put(new)
        return {}

    def delete(self, id: str, old: Props) -> None:
        role, name = id.split(":")
        self.aws.client("iam").delete_role_policy(RoleName=role, PolicyName=name)

    def _put(self, new: Props) -> None:
        self.aws.client("iam").put_role_policy(
            RoleName=new["role"], PolicyName=new["name"], PolicyDocument=new["policy"]
        )


class RolePolicyAttachment(Resource):
    token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    inputs = frozenset({"role", "policyArn"})
    replaces = inputs

    def create(self, new: Props) -> tuple[str, Props]:
        self.aws.client("iam").attach_role_policy(RoleName=new["role"], PolicyArn=new["policyArn"])
        return f"{new['role']}/{new['policyArn']}", {}

    def read(self, id: str, old: Props) -> Props | None:
        pages = self.aws.client("iam").get_paginator("list_attached_role_policies").paginate(RoleName=old["role"])
        attached = {policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"]}
        return {} if old["policyArn"] in attached else None

    def delete(self, id: str, old: Props) -> None:
        self.aws.client("iam").detach_role_policy(RoleName=old["role"], PolicyArn=old["policyArn"])


class Policy(Resource):
    token = "aws:iam/policy:Policy"
    inputs = frozenset({"name", "path", "description", "policy", "tags"})
    replaces = frozenset({"name", "path", "description"})
    documents = frozenset({"policy"})

    def create(self, new: Props) -> tuple[str, Props]:
        policy = self.aws.client("iam").create_policy(
            PolicyName=new["name"],
            Path=new.get("path", "/"),
            Description=new.get("description", ""),
            PolicyDocument=new["policy"],
            Tags=key_values(new.get("tags")),
        )["Policy"]
        return policy["Arn"], {"arn": policy["Arn"], "policyId": policy["PolicyId"]}

    def read(self, id: str, old: Props) -> Props | None:
        iam = self.aws.client("iam")
        policy = iam.get_policy(PolicyArn=id)["Policy"]
        version = iam.get_policy_version(PolicyArn=id, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
        actual = {"path": policy["Path"], "description": policy.get("Description", "")}
        return {
            "name": policy["PolicyName"],
            "policy": _text(version["Document"]),
            "tags": from_key_values(policy.get("Tags", [])),
            "arn": id,
            "policyId": policy["PolicyId"],
            **{key: value for key, value in actual.items() if key in old},
        }

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        iam = self.aws.client("iam")
        if "policy" in changed:
            # IAM has at most five versions of a policy: delete the old ones to make room.
            self._delete_old_versions(id)
            iam.create_policy_version(PolicyArn=id, PolicyDocument=new["policy"], SetAsDefault=True)
        if "tags" in changed:
            if removed := removed_tag_keys(old, new):
                iam.untag_policy(PolicyArn=id, TagKeys=removed)
            iam.tag_policy(PolicyArn=id, Tags=key_values(new.get("tags")))
        return {}

    def delete(self, id: str, old: Props) -> None:
        self._delete_old_versions(id)
        self.aws.client("iam").delete_policy(PolicyArn=id)

    def _delete_old_versions(self, arn: str) -> None:
        iam = self.aws.client("iam")
        for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])


class OpenIdConnectProvider(Resource):
    token = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
    inputs = frozenset({"url", "clientIdLists", "tags"})
    replaces = inputs  # AWS can change the clients and tags of an existing provider, the emulator cannot

    def create(self, new: Props) -> tuple[str, Props]:
        arn = self.aws.client("iam").create_open_id_connect_provider(
            Url=new["url"], ClientIDList=new["clientIdLists"], Tags=key_values(new.get("tags"))
        )["OpenIDConnectProviderArn"]
        return arn, {"arn": arn}

    def read(self, id: str, old: Props) -> Props | None:
        provider = self.aws.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=id)
        return {
            "url": f"https://{provider['Url'].removeprefix('https://')}",
            "clientIdLists": provider["ClientIDList"],
            "tags": from_key_values(provider.get("Tags", [])),
            "arn": id,
        }

    def delete(self, id: str, old: Props) -> None:
        self.aws.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=id)


def _text(document: object) -> str:
    return json.dumps(document)


RESOURCES = (Role, RolePolicy, RolePolicyAttachment, Policy, OpenIdConnectProvider)
