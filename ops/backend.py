"""Pulumi's S3 backend, read without Pulumi. Its layout: https://github.com/pulumi/pulumi/tree/master/pkg/backend/diy"""

import functools
import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ops.diy import Lock
from ops.errors import UsageError
from ops.project import ROOT, read_yaml


class Backend:
    """The backend at a URL; nothing is read yet.

    Raises UsageError when it is not a bucket's URL.
    """

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme != "s3" or not parts.netloc:
            raise UsageError(f"Pulumi's backend is {url!r}: this reads S3 backends (s3://BUCKET?region=REGION); "
                             "set PULUMI_BACKEND_URL to bootstrap's backendUrl")  # fmt: skip
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        self.bucket = parts.netloc
        self._folder = f"{parts.path.strip('/')}/.pulumi".lstrip("/")
        self._project = read_yaml(ROOT / "Pulumi.yaml")["name"]
        self._region, self._endpoint = query.get("region"), query.get("endpoint")

    def stacks(self) -> list[str]:
        """The names of this project's stacks.

        Raises UsageError, as every reading does, when the bucket cannot be read.
        """
        keys = self._keys(f"stacks/{self._project}/")
        return sorted(Path(key).stem for key in keys if key.endswith(".json"))

    def resources(self, stack: str) -> list[dict[str, Any]] | None:
        """What the stack's state has, or None when there is no such stack."""
        key = f"{self._folder}/stacks/{self._project}/{stack}.json"
        if key not in self._keys(f"stacks/{self._project}/{stack}.json"):
            return None
        return list((self._get(key)["checkpoint"].get("latest") or {}).get("resources") or [])

    def has_not(self, stack: str) -> UsageError:
        """What to raise when there is no such stack."""
        stacks = ", ".join(self.stacks()) or "none"
        return UsageError(f"--stack {stack}: there is no such stack in s3://{self.bucket}; it has: {stacks}")

    def last_update(self, stack: str) -> dict[str, str] | None:
        """The `message` of the stack's last update, and its `time`, in UTC; None when there was none."""
        keys = [key for key in self._keys(f"history/{self._project}/{stack}/") if key.endswith(".history.json")]
        if not keys:
            return None
        last = self._get(max(keys))  # a file's name has the time, in nanoseconds
        started = datetime.fromtimestamp(last["startTime"], timezone.utc)
        return {"message": last["message"], "time": f"{started:%Y-%m-%d %H:%M:%S} UTC"}

    def locks(self, stack: str) -> list[Lock]:
        """Who holds the stack."""
        return [Lock.of(self._get(key)) for key in self._keys(f"locks/organization/{self._project}/{stack}/")]

    def exists(self, owner: str) -> bool:
        """Whether there is such a bucket.

        Raises UsageError when it is not this account's: whoever guesses its name can make it before we do.
        """
        try:
            self._s3.head_bucket(Bucket=self.bucket, ExpectedBucketOwner=owner)
        except ClientError as error:
            if error.response["Error"]["Code"] == "404":
                return False
            if error.response["Error"]["Code"] == "403":
                raise UsageError(f"s3://{self.bucket} is not to be had: it is not account {owner}'s, or these "
                                 "credentials may not read it") from None  # fmt: skip
            raise self._unreadable(error) from None
        except BotoCoreError as error:
            raise self._unreadable(error) from None
        return True

    def _keys(self, prefix: str) -> list[str]:
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=f"{self._folder}/{prefix}"
            )  # fmt: skip
            return [found["Key"] for page in pages for found in page.get("Contents", [])]
        except (ClientError, BotoCoreError, ValueError) as error:
            raise self._unreadable(error) from None

    def _get(self, key: str) -> dict[str, Any]:
        try:
            return dict(json.loads(self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()))
        except (ClientError, BotoCoreError, ValueError) as error:
            raise self._unreadable(error) from None

    @functools.cached_property
    def _s3(self) -> Any:
        return boto3.client("s3", region_name=self._region, endpoint_url=self._endpoint)

    def _unreadable(self, error: Exception) -> UsageError:
        return UsageError(
            f"the state in s3://{self.bucket} cannot be read: {error}; check the credentials, PULUMI_BACKEND_URL, and "
            "AWS_ENDPOINT_URL where it is set"
        )


def outputs(stack: str) -> dict[str, Any]:
    """The outputs of one of this project's stacks, in the backend that Pulumi uses.

    Raises UsageError when the backend is not to be found or read, or has no such stack.
    """
    backend = current()
    resources = backend.resources(stack)
    if resources is None:
        raise backend.has_not(stack)
    if not resources:
        raise UsageError(f"--stack {stack}: has no resources (it was destroyed, or never deployed); deploy it first")
    return outputs_of(resources)


def outputs_of(resources: list[dict[str, Any]] | None) -> dict[str, Any]:
    """The outputs of the stack that has these resources."""
    for resource in resources or []:
        if resource["type"] == "pulumi:pulumi:Stack":
            return dict(resource.get("outputs") or {})
    return {}


def current() -> Backend:
    """The backend that Pulumi uses. Raises UsageError when it is not to be found, or is no bucket."""
    return Backend(current_url())


def current_url() -> str:
    """Pulumi's backend, from where Pulumi itself takes it: PULUMI_BACKEND_URL, else what `pulumi login` noted.

    Raises UsageError when neither is there. https://www.pulumi.com/docs/iac/concepts/state-and-backends/
    """
    if url := os.environ.get("PULUMI_BACKEND_URL"):
        return url
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    try:
        current = json.loads((home / "credentials.json").read_text(encoding="utf-8")).get("current")
    except (OSError, ValueError):
        current = None
    if not current:
        raise UsageError("Pulumi's backend is not known: set PULUMI_BACKEND_URL to bootstrap's output backendUrl, "
                         "or `pulumi login` to it")  # fmt: skip
    return str(current)
