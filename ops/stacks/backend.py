"""Pulumi's S3 backend, read without Pulumi."""

import functools
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from infra import names
from ops import clients, project
from ops.errors import BackendError, UsageError
from ops.health.workload import stack_outputs
from ops.stacks import checkpoint, layout, trust
from ops.stacks.checkpoint import MalformedError
from ops.stacks.history import Resources, Update
from ops.stacks.layout import COMPRESSED, Lock, StackKeys

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

ZSTD = b"\x28\xb5\x2f\xfd"
"""What a file compressed by zstd begins with."""


class Backend:
    """The backend at a URL; nothing is read yet. Stacks are named as `pulumi --stack` takes them.

    Raises UsageError when it is not a bucket's URL, and so does every reading when the bucket cannot be read, and when
    a state is not to be trusted.
    """

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme != "s3" or not parts.netloc:
            raise BackendError(f"Pulumi's backend is {url!r}: this reads S3 backends (s3://BUCKET?region=REGION); "
                             "set PULUMI_BACKEND_URL to bootstrap's backendUrl")  # fmt: skip
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        self.url = url
        self.bucket = parts.netloc
        self._folder = f"{parts.path.strip('/')}/".lstrip("/")
        self.endpoint = query.get("endpoint")
        self._region = query.get("region")
        profile = query.get("profile")
        if profile and profile != os.environ.get("AWS_PROFILE"):
            raise BackendError(f"Pulumi's backend is {url!r}, and its profile is Pulumi's alone, for the state: "
                             f"set AWS_PROFILE={profile}, which all that reads AWS takes")  # fmt: skip

    @property
    def region(self) -> str:
        """The bucket's region: as Pulumi, from the URL, else from the shell.

        Raises UsageError when neither names one.
        """
        region = self._region or os.environ.get("AWS_REGION") or clients.Session(None).region_name
        if not region:
            raise BackendError(f"Pulumi's backend is {self.url!r}, which names no region, nor does AWS_REGION: set "
                             "PULUMI_BACKEND_URL to bootstrap's output backendUrl")  # fmt: skip
        return region

    def stacks(self) -> list[str]:
        """The names of this project's stacks."""
        prefix = names.state_prefixes(project.name())["stacks"]
        files = [PurePosixPath(object["Key"]).name for object in self._objects(f"{prefix}/")]
        plain = {name.removesuffix(COMPRESSED[0]).removesuffix(COMPRESSED[1]) for name in files}
        return sorted(name.removesuffix(".json") for name in plain if name.endswith(".json"))

    def deployed_apps(self) -> list[str]:
        """The names of this project's app stacks that have resources: anybody who may write state can make an empty one
        of any name."""
        return [stack for stack in self.stacks() if stack != names.BOOTSTRAP_STACK and self.resources(stack)]

    def resources(self, stack: str) -> Resources | None:
        """What the stack's state has, or None when there is no such stack."""
        key = self._state_key(self._keys(stack).state)
        if key is None:
            return None
        return self._resources_of(self._get(key), key)

    def deployed(self, stack: str) -> Resources:
        """What the stack's state has.

        Raises UsageError when there is no such stack, or it has no resources.
        """
        resources = self.resources(stack)
        if resources is None:
            raise self.no_such_stack(stack)
        if not resources:
            raise UsageError(
                f"--stack {stack}: has no resources (it was destroyed, or never deployed); deploy it first"
            )
        return resources

    def no_such_stack(self, stack: str) -> UsageError:
        """What to raise when there is no such stack: it says where it was looked for, and which stacks there are."""
        stacks = ", ".join(self.stacks()) or "none"
        backups = [object["Key"] for object in self._objects(self._keys(stack).state) if object["Key"].endswith(".bak")]
        advice = "name one of them, or set PULUMI_BACKEND_URL to another backend"
        if backups:  # which `pulumi stack rm` leaves, too
            advice += (
                f"; its backup s3://{self.bucket}/{backups[0]} is there: unless the stack was removed, its state is "
                "lost, and an update would make all of it again; bring back the state's last version (the bucket "
                "keeps them)"
            )
        return BackendError(
            f"--stack {stack}: there is no such stack in s3://{self.bucket}; it has: {stacks}; {advice}"
        )

    def last_update(self, stack: str) -> dict[str, str] | None:
        """The `message` of the stack's last update, and its `time`, in UTC; None when there was none."""
        prefix = self._keys(stack).history
        keys = [object["Key"] for object in self._objects(prefix) if object["Key"].endswith(layout.UPDATE_ENDINGS)]
        if not keys:
            return None
        key = max(keys)  # a file's name has the time, in nanoseconds
        last = self._get(key)
        try:
            started = datetime.fromtimestamp(last["startTime"], timezone.utc)
            return {"message": str(last["message"]), "time": f"{started:%Y-%m-%d %H:%M:%S} UTC"}
        except (KeyError, TypeError, ValueError, OverflowError, OSError):
            raise self._malformed(key, "is not an entry of a stack's history") from None

    def updates(self, stack: str) -> Iterator[Update]:
        """The stack's updates, newest first; each is read when it is asked for."""
        prefix = self._keys(stack).history
        keys = [object["Key"] for object in self._objects(prefix)]
        checkpoints = [key for key in keys if key.endswith(layout.CHECKPOINT_ENDINGS)]
        states = {key.partition(".checkpoint.json")[0]: key for key in checkpoints}
        for key in sorted((key for key in keys if key.endswith(layout.UPDATE_ENDINGS)), reverse=True):
            name = key.partition(".history.json")[0]
            if name not in states:
                raise self._malformed(key, "has no state beside it that the update left")
            entry = self._get(key)
            try:
                yield Update(
                    started=datetime.fromtimestamp(entry["startTime"], timezone.utc),
                    recorded=datetime.fromtimestamp(int(name.rpartition("-")[2]) / 1e9, timezone.utc),
                    message=str(entry["message"]),
                    resources=self._resources_of(self._get(states[name]), states[name]),
                )
            except (KeyError, TypeError, ValueError, OverflowError, OSError):
                raise self._malformed(key, "is not an entry of a stack's history") from None

    def locks(self, stack: str) -> list[Lock]:
        """Who holds the stack."""
        keys = [object["Key"] for object in self._objects(self._keys(stack).locks)]
        return [Lock.of(self._content(key), f"s3://{self.bucket}/{key}") for key in keys]

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
                raise UsageError(f"s3://{self.bucket} cannot be used: it is not account {owner}'s, or these "
                                 "credentials may not read it") from None  # fmt: skip
            raise self._unreadable(error) from None
        except BotoCoreError as error:
            raise self._unreadable(error) from None
        return True

    def _keys(self, stack: str) -> StackKeys:
        return StackKeys(project.name(), layout.stack_name(stack, project.name()))

    def _state_key(self, plain: str) -> str | None:
        """The state's key: Pulumi takes the newest where a plain and a compressed one are there.

        https://github.com/pulumi/pulumi/blob/master/pkg/backend/diy/state.go (stackPath)
        """
        variants = {self._folder + plain + ending for ending in ("", *COMPRESSED)}
        states = [object for object in self._objects(plain) if object["Key"] in variants]
        return max(states, key=lambda object: object["LastModified"])["Key"] if states else None

    def _resources_of(self, content: dict[str, Any], key: str) -> Resources:
        try:
            latest = checkpoint.latest(content)
            trust.refuse_untrusted(latest, f"s3://{self.bucket}/{key}")
        except MalformedError as error:
            raise self._malformed(key, str(error)) from None
        except (KeyError, TypeError, AttributeError, ValueError):
            raise self._malformed(key, "is not a stack's state") from None
        return list(latest.get("resources") or [])

    def _objects(self, prefix: str) -> Iterator["ObjectTypeDef"]:
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=f"{self._folder}{prefix}"
            )  # fmt: skip
            yield from [object for page in pages for object in page.get("Contents", [])]
        except (ClientError, BotoCoreError, ValueError) as error:
            raise self._unreadable(error) from None

    def _content(self, key: str) -> bytes:
        try:
            return bytes(self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        except (ClientError, BotoCoreError) as error:
            raise self._unreadable(error) from None

    def _get(self, key: str) -> dict[str, Any]:
        content = self._content(key)
        if content[:4] == ZSTD:
            raise UsageError(f"s3://{self.bucket}/{key} is compressed by zstd, which this does not read: unset "
                             "PULUMI_DIY_BACKEND_ZSTD, and run `pulumi up` once")  # fmt: skip
        try:
            return checkpoint.decoded(content)
        except MalformedError as error:
            raise self._malformed(key, str(error)) from None

    @functools.cached_property
    def _s3(self) -> "S3Client":
        return clients.Session(self.region).client("s3", endpoint_url=self.endpoint)

    def _unreadable(self, error: Exception) -> UsageError:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] == "NoSuchBucket":
            return BackendError(
                f"there is no bucket s3://{self.bucket}, which bootstrap makes: run `./sandbox bootstrap` once, or set "
                "PULUMI_BACKEND_URL to another backend"
            )
        advice = clients.advice(
            error, "check the credentials, PULUMI_BACKEND_URL, and AWS_ENDPOINT_URL where it is set"
        )
        return BackendError(f"the state in s3://{self.bucket} cannot be read: {error}; {advice}")

    def _malformed(self, key: str, what: str) -> UsageError:
        return UsageError(
            f"s3://{self.bucket}/{key} {what}: it is empty, cut off or not Pulumi's; bring back an earlier version of "
            "that object (the bucket keeps them), then run again"
        )


def current() -> Backend:
    """The backend that Pulumi uses, once it is known to be the bucket that bootstrap made in this account.

    Raises UsageError when it is not.
    """
    backend = Backend(current_url())
    trust.refuse_foreign_bucket(backend.bucket, backend.region, backend.endpoint)
    return backend


def current_url() -> str:
    """Pulumi's backend, from where Pulumi itself takes it: PULUMI_BACKEND_URL, else `backend.url` of Pulumi.yaml, else
    what `pulumi login` noted.

    Raises UsageError when there is none of them. https://www.pulumi.com/docs/iac/concepts/state-and-backends/
    """
    if url := os.environ.get("PULUMI_BACKEND_URL"):
        return url
    declared = project.read_yaml(project.folder() / "Pulumi.yaml").get("backend") or {}
    if isinstance(declared, dict) and declared.get("url"):
        return str(declared["url"])
    home = Path(os.environ.get("PULUMI_HOME") or project.home() / ".pulumi")
    try:
        current = checkpoint.decoded((home / "credentials.json").read_bytes()).get("current")
    except FileNotFoundError:
        current = None
    except (OSError, MalformedError) as error:
        raise UsageError(
            f"{home / 'credentials.json'} {_reason(error)}, and `pulumi login` notes Pulumi's backend there: set "
            "PULUMI_BACKEND_URL to bootstrap's output backendUrl, or `pulumi login` again"
        ) from None
    if not current:
        raise BackendError("Pulumi's backend is not known: set PULUMI_BACKEND_URL to bootstrap's output backendUrl, "
                         'or `pulumi login` to it; for the emulator, `eval "$(./sandbox local env)"`')  # fmt: skip
    return str(current)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, MalformedError) else f"cannot be read ({getattr(error, 'strerror', error)})"


def outputs(stack: str) -> dict[str, Any]:
    """The outputs of one of this project's stacks, in the backend that Pulumi uses.

    Raises UsageError when the backend cannot be found or read, or the stack is not deployed.
    """
    return stack_outputs(current().deployed(stack))
