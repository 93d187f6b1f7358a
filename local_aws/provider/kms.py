"""KMS keys and aliases."""

from typing import TYPE_CHECKING

from local_aws.provider.resource import Props, Resource, removed_tag_keys

if TYPE_CHECKING:
    from mypy_boto3_kms.type_defs import TagTypeDef


def _tags(tags: Props | None) -> "list[TagTypeDef]":
    return [{"TagKey": key, "TagValue": value} for key, value in (tags or {}).items()]


class Key(Resource):
    token = "aws:kms/key:Key"
    inputs = frozenset({"description", "enableKeyRotation", "deletionWindowInDays", "policy", "tags"})
    replaces = frozenset[str]()
    documents = frozenset({"policy"})

    def create(self, new: Props) -> tuple[str, Props]:
        kms = self.aws.client("kms")
        key = kms.create_key(Description=new.get("description", ""), Policy=new["policy"], Tags=_tags(new.get("tags")))[
            "KeyMetadata"
        ]
        return key["KeyId"], {"arn": key["Arn"], "keyId": key["KeyId"]}

    def complete(self, id: str, new: Props) -> None:
        if new.get("enableKeyRotation"):
            self.aws.client("kms").enable_key_rotation(KeyId=id)

    def read(self, id: str, old: Props) -> Props | None:
        kms = self.aws.client("kms")
        key = kms.describe_key(KeyId=id)["KeyMetadata"]
        if key["KeyState"] == "PendingDeletion":
            return None
        return {
            "description": key["Description"],
            "enableKeyRotation": kms.get_key_rotation_status(KeyId=id)["KeyRotationEnabled"],
            "policy": kms.get_key_policy(KeyId=id, PolicyName="default")["Policy"],
            "tags": {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=id)["Tags"]},
            "arn": key["Arn"],
            "keyId": key["KeyId"],
        }

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        kms = self.aws.client("kms")
        if "description" in changed:
            kms.update_key_description(KeyId=id, Description=new.get("description", ""))
        if "policy" in changed:
            kms.put_key_policy(KeyId=id, PolicyName="default", Policy=new["policy"])
        if "enableKeyRotation" in changed:
            (kms.enable_key_rotation if new.get("enableKeyRotation") else kms.disable_key_rotation)(KeyId=id)
        if "tags" in changed:
            if removed := removed_tag_keys(old, new):
                kms.untag_resource(KeyId=id, TagKeys=removed)
            kms.tag_resource(KeyId=id, Tags=_tags(new.get("tags")))
        return {}

    def delete(self, id: str, old: Props) -> None:
        days = int(old.get("deletionWindowInDays") or 30)
        self.aws.client("kms").schedule_key_deletion(KeyId=id, PendingWindowInDays=days)


class Alias(Resource):
    token = "aws:kms/alias:Alias"
    inputs = frozenset({"name", "targetKeyId"})
    replaces = frozenset({"name"})

    def create(self, new: Props) -> tuple[str, Props]:
        self.aws.client("kms").create_alias(AliasName=new["name"], TargetKeyId=new["targetKeyId"])
        return new["name"], {}

    def read(self, id: str, old: Props) -> Props | None:
        for page in self.aws.client("kms").get_paginator("list_aliases").paginate():
            for alias in page["Aliases"]:
                if alias["AliasName"] == id:
                    return {"name": id, "targetKeyId": alias["TargetKeyId"]}
        return None

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        self.aws.client("kms").update_alias(AliasName=id, TargetKeyId=new["targetKeyId"])
        return {}

    def delete(self, id: str, old: Props) -> None:
        self.aws.client("kms").delete_alias(AliasName=id)


RESOURCES = (Key, Alias)
