"""S3 buckets, and their settings, each of which Pulumi has as a resource of its own."""

from typing import Any, ClassVar

from botocore.exceptions import ClientError

from local_aws.provider.resource import Props, Resource, absent, from_key_values, key_values, like, to_api


class Bucket(Resource):
    token = "aws:s3/bucket:Bucket"
    inputs = frozenset({"bucket", "tags"})
    replaces = frozenset({"bucket"})

    def create(self, new: Props) -> tuple[str, Props]:
        s3 = self.aws.client("s3")
        # us-east-1 is the one region that must not be named:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
        elsewhere: Props = (
            {}
            if self.aws.region == "us-east-1"
            else {"CreateBucketConfiguration": {"LocationConstraint": self.aws.region}}
        )
        s3.create_bucket(Bucket=new["bucket"], **elsewhere)
        return new["bucket"], self._added(new["bucket"])

    def complete(self, id: str, new: Props) -> None:
        if new.get("tags"):
            self.aws.client("s3").put_bucket_tagging(Bucket=id, Tagging={"TagSet": key_values(new["tags"])})

    def read(self, id: str, old: Props) -> Props:
        s3 = self.aws.client("s3")
        s3.head_bucket(Bucket=id)
        try:
            tags = from_key_values(s3.get_bucket_tagging(Bucket=id)["TagSet"])
        except ClientError as error:
            if not absent(error):
                raise
            tags = {}
        return {"bucket": id, "tags": tags, **self._added(id)}

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        s3 = self.aws.client("s3")
        if new.get("tags"):
            s3.put_bucket_tagging(Bucket=id, Tagging={"TagSet": key_values(new["tags"])})
        else:
            s3.delete_bucket_tagging(Bucket=id)
        return {}

    def delete(self, id: str, old: Props) -> None:
        self.aws.client("s3").delete_bucket(Bucket=id)

    def _added(self, bucket: str) -> Props:
        partition = self.aws.partition
        return {"arn": f"arn:{partition}:s3:::{bucket}", "region": self.aws.region}


class BucketSetting(Resource):
    """One setting of a bucket. The three operations and the parameter that carries the setting say which."""

    replaces = frozenset({"bucket"})
    put: ClassVar[str]
    get: ClassVar[str]
    remove: ClassVar[str]
    parameter: ClassVar[str]

    def create(self, new: Props) -> tuple[str, Props]:
        self._put(new)
        return new["bucket"], {}

    def read(self, id: str, old: Props) -> Props:
        answer = self._call(self.get, Bucket=id)
        found = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
        return {"bucket": id, **self.setting_from(old, found.get(self.parameter, found))}

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        self._put(new)
        return {}

    def delete(self, id: str, old: Props) -> None:
        self._call(self.remove, Bucket=id)

    def setting(self, new: Props) -> Any:
        """The parameter's value, by Pulumi's names."""
        return {key: value for key, value in new.items() if key != "bucket"}

    def setting_from(self, old: Props, found: Any) -> Props:
        """The inputs that the parameter's value stands for."""
        actual = like(self.setting(old), found)
        assert isinstance(actual, dict)
        return actual

    def _put(self, new: Props) -> None:
        s3 = self.aws.client("s3")
        operation = s3.meta.method_to_api_mapping[self.put]
        self._call(self.put, **to_api(s3, operation, {"bucket": new["bucket"], self.parameter: self.setting(new)}))

    def _call(self, method: str, **parameters: Any) -> Props:
        answer = getattr(self.aws.client("s3"), method)(**parameters)
        assert isinstance(answer, dict)
        return answer


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

    def setting_from(self, old: Props, found: Any) -> Props:
        return {"rule": like(old["rule"], found["Rules"][0])}


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

    def setting_from(self, old: Props, found: Any) -> Props:
        return {"versioningConfiguration": like(old["versioningConfiguration"], found)}

    def delete(self, id: str, old: Props) -> None:
        """A bucket that was versioned cannot become unversioned again, only suspended."""
        self._call(self.put, Bucket=id, VersioningConfiguration={"Status": "Suspended"})


class BucketEncryption(BucketSetting):
    token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    inputs = frozenset({"bucket", "rules"})
    put, get, remove = "put_bucket_encryption", "get_bucket_encryption", "delete_bucket_encryption"
    parameter = "ServerSideEncryptionConfiguration"

    def setting(self, new: Props) -> Any:
        """Pulumi has the blocked types as a list, S3 as an object with one list in it."""
        return {"rules": [self._nested(rule) for rule in new["rules"]]}

    def setting_from(self, old: Props, found: Any) -> Props:
        actual = super().setting_from(old, found)
        for rule in actual["rules"]:
            if "blockedEncryptionTypes" in rule:
                rule["blockedEncryptionTypes"] = rule["blockedEncryptionTypes"]["encryptionType"]
        return actual

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

    def setting_from(self, old: Props, found: Any) -> Props:
        return {"policy": found}


RESOURCES = (
    Bucket,
    BucketOwnershipControls,
    BucketPublicAccessBlock,
    BucketVersioning,
    BucketEncryption,
    BucketLifecycle,
    BucketPolicy,
)
