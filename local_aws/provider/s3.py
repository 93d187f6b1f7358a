"""S3 buckets and their settings, each of which is a resource in Pulumi."""

from typing import Any, ClassVar

from botocore.exceptions import ClientError

from local_aws.provider.resource import (
    Props,
    Resource,
    from_key_values,
    is_not_found,
    key_values,
    restricted_to,
    to_api,
)


class Bucket(Resource):
    token = "aws:s3/bucket:Bucket"
    inputs = frozenset({"bucket", "tags"})
    replaces = frozenset({"bucket"})

    def create(self, new: Props) -> tuple[str, Props]:
        s3 = self.aws.client("s3")
        # us-east-1 is the only region that must not be named:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
        location: Props = (
            {}
            if self.aws.region == "us-east-1"
            else {"CreateBucketConfiguration": {"LocationConstraint": self.aws.region}}
        )
        s3.create_bucket(Bucket=new["bucket"], **location)
        return new["bucket"], self._computed(new["bucket"])

    def complete(self, id: str, new: Props) -> None:
        if new.get("tags"):
            self.aws.client("s3").put_bucket_tagging(Bucket=id, Tagging={"TagSet": key_values(new["tags"])})

    def read(self, id: str, old: Props) -> Props:
        s3 = self.aws.client("s3")
        s3.head_bucket(Bucket=id)
        try:
            tags = from_key_values(s3.get_bucket_tagging(Bucket=id)["TagSet"])
        except ClientError as error:
            if not is_not_found(error):
                raise
            tags = {}
        return {"bucket": id, "tags": tags, **self._computed(id)}

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        s3 = self.aws.client("s3")
        if new.get("tags"):
            s3.put_bucket_tagging(Bucket=id, Tagging={"TagSet": key_values(new["tags"])})
        else:
            s3.delete_bucket_tagging(Bucket=id)
        return {}

    def delete(self, id: str, old: Props) -> None:
        self.aws.client("s3").delete_bucket(Bucket=id)

    def _computed(self, bucket: str) -> Props:
        partition = self.aws.partition
        return {"arn": f"arn:{partition}:s3:::{bucket}", "region": self.aws.region}


class BucketSetting(Resource):
    """One setting of a bucket, defined by three operations and the parameter that has the setting's value."""

    replaces = frozenset({"bucket"})
    put: ClassVar[str]
    get: ClassVar[str]
    remove: ClassVar[str]
    parameter: ClassVar[str]

    def create(self, new: Props) -> tuple[str, Props]:
        self._put(new)
        return new["bucket"], {}

    def read(self, id: str, old: Props) -> Props:
        response = self._call(self.get, Bucket=id)
        actual = {key: value for key, value in response.items() if key != "ResponseMetadata"}
        return {"bucket": id, **self.inputs_from(old, actual.get(self.parameter, actual))}

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        self._put(new)
        return {}

    def delete(self, id: str, old: Props) -> None:
        self._call(self.remove, Bucket=id)

    def setting(self, new: Props) -> Any:
        """Return the parameter's value, with Pulumi's names."""
        return {key: value for key, value in new.items() if key != "bucket"}

    def inputs_from(self, old: Props, actual: Any) -> Props:
        """Return the inputs for an actual value of the parameter."""
        inputs = restricted_to(self.setting(old), actual)
        assert isinstance(inputs, dict)
        return inputs

    def _put(self, new: Props) -> None:
        s3 = self.aws.client("s3")
        operation = s3.meta.method_to_api_mapping[self.put]
        self._call(self.put, **to_api(s3, operation, {"bucket": new["bucket"], self.parameter: self.setting(new)}))

    def _call(self, method: str, **parameters: Any) -> Props:
        response = getattr(self.aws.client("s3"), method)(**parameters)
        assert isinstance(response, dict)
        return response


class BucketOwnershipControls(BucketSetting):
    token = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
    inputs = frozenset({"bucket", "rule"})
    put, get, remove = (
        "put_bucket_ownership_controls",
        "get_bucket_ownership_controls",
        "delete_bucket_ownership_controls",
    )
    parameter = "OwnershipControls"

    def setting(self, new: Props) -> Any:
        return {"rules": [new["rule"]]}

    def inputs_from(self, old: Props, actual: Any) -> Props:
        return {"rule": restricted_to(old["rule"], actual["Rules"][0])}


class BucketPublicAccessBlock(BucketSetting):
    token = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    inputs = frozenset({"bucket", "blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"})
    put, get, remove = "put_public_access_block", "get_public_access_block", "delete_public_access_block"
    parameter = "PublicAccessBlockConfiguration"


class BucketVersioning(BucketSetting):
    token = "aws:s3/bucketVersioning:BucketVersioning"
    inputs = frozenset({"bucket", "versioningConfiguration"})
    put, get = "put_bucket_versioning", "get_bucket_versioning"
    parameter = "VersioningConfiguration"

    def setting(self, new: Props) -> Any:
        return new["versioningConfiguration"]

    def inputs_from(self, old: Props, actual: Any) -> Props:
        return {"versioningConfiguration": restricted_to(old["versioningConfiguration"], actual)}

    def delete(self, id: str, old: Props) -> None:
        """Suspend versioning: a bucket that was versioned cannot become unversioned again."""
        self._call(self.put, Bucket=id, VersioningConfiguration={"Status": "Suspended"})


class BucketEncryption(BucketSetting):
    token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    inputs = frozenset({"bucket", "rules"})
    put, get, remove = "put_bucket_encryption", "get_bucket_encryption", "delete_bucket_encryption"
    parameter = "ServerSideEncryptionConfiguration"

    def setting(self, new: Props) -> Any:
        """Nest the blocked types: in Pulumi they are a list, in S3 an object with one list."""
        return {"rules": [self._nested(rule) for rule in new["rules"]]}

    def inputs_from(self, old: Props, actual: Any) -> Props:
        inputs = super().inputs_from(old, actual)
        for rule in inputs["rules"]:
            if "blockedEncryptionTypes" in rule:
                rule["blockedEncryptionTypes"] = rule["blockedEncryptionTypes"]["encryptionType"]
        return inputs

    def _nested(self, rule: Props) -> Props:
        if "blockedEncryptionTypes" not in rule:
            return rule
        return {**rule, "blockedEncryptionTypes": {"encryptionType": rule["blockedEncryptionTypes"]}}


class BucketLifecycle(BucketSetting):
    token = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    inputs = frozenset({"bucket", "rules"})
    put, get, remove = (
        "put_bucket_lifecycle_configuration",
        "get_bucket_lifecycle_configuration",
        "delete_bucket_lifecycle",
    )
    parameter = "LifecycleConfiguration"


class BucketPolicy(BucketSetting):
    token = "aws:s3/bucketPolicy:BucketPolicy"
    inputs = frozenset({"bucket", "policy"})
    documents = frozenset({"policy"})
    put, get, remove = "put_bucket_policy", "get_bucket_policy", "delete_bucket_policy"
    parameter = "Policy"

    def setting(self, new: Props) -> Any:
        return new["policy"]

    def inputs_from(self, old: Props, actual: Any) -> Props:
        return {"policy": actual}


RESOURCES = (
    Bucket,
    BucketOwnershipControls,
    BucketPublicAccessBlock,
    BucketVersioning,
    BucketEncryption,
    BucketLifecycle,
    BucketPolicy,
)
