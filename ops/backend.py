"""A stack's outputs, read from Pulumi's S3 backend without Pulumi."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import boto3
import yaml
from botocore.exceptions import BotoCoreError, ClientError

from ops.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent


def outputs(stack: str) -> dict[str, Any]:
    """The outputs of one of this project's stacks.

    Raises UsageError when the backend is not to be found or read, or has no such stack.
    """
    parts = location()
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))["name"]
    folder = f"{parts.path.strip('/')}/.pulumi/stacks/{project}/".lstrip("/")
    key = f"{folder}{stack}.json"
    try:
        s3 = boto3.client("s3", region_name=query.get("region"), endpoint_url=query.get("endpoint"))
        found = s3.list_objects_v2(Bucket=parts.netloc, Prefix=folder).get("Contents", [])
        keys = [one["Key"] for one in found]
        if key not in keys:
            stacks = ", ".join(sorted(Path(one).stem for one in keys if one.endswith(".json"))) or "none"
            raise UsageError(f"--stack {stack}: there is no such stack in s3://{parts.netloc}; it has: {stacks}")
        checkpoint = json.loads(s3.get_object(Bucket=parts.netloc, Key=key)["Body"].read())
    except (ClientError, BotoCoreError, ValueError) as error:
        raise UsageError(
            f"the state in s3://{parts.netloc} cannot be read: {error}; check the credentials, PULUMI_BACKEND_URL, and "
            "AWS_ENDPOINT_URL where it is set"
        ) from None
    for resource in checkpoint["checkpoint"].get("latest", {}).get("resources") or []:
        if resource["type"] == "pulumi:pulumi:Stack":
            return dict(resource.get("outputs") or {})
    raise UsageError(f"--stack {stack}: has no resources (it was destroyed, or never deployed); deploy it first")


def location() -> SplitResult:
    """Pulumi's backend, which must be a bucket."""
    url = backend_url()
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme != "s3" or not parts.netloc:
        raise UsageError(f"Pulumi's backend is {url!r}: this reads S3 backends (s3://BUCKET?region=REGION); "
                         "set PULUMI_BACKEND_URL to bootstrap's backendUrl")  # fmt: skip
    return parts


def backend_url() -> str:
    """Pulumi's backend, from where Pulumi itself takes it: PULUMI_BACKEND_URL, else what `pulumi login` noted.

    https://www.pulumi.com/docs/iac/concepts/state-and-backends/
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
