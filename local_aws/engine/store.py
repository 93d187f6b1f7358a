"""The stores of state: objects under keys, each replaced as a whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from botocore.exceptions import ClientError

from local_aws.errors import LocalAwsError
from local_aws.provider.resource import Aws, is_not_found

_NO_BUCKET = "NoSuchBucket"


class Store(Protocol):
    """Objects under keys."""

    def get(self, key: str) -> bytes | None:
        """Return an object's content, or None when there is no such object."""
        ...

    def put(self, key: str, content: bytes) -> None: ...

    def delete(self, key: str) -> None: ...

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that start with `prefix`, sorted."""
        ...


class Bucket:
    """A bucket as a store. S3 replaces objects atomically, and the bucket keeps the previous versions.

    Every method raises LocalAwsError when there is no such bucket.
    """

    def __init__(self, aws: Aws, name: str) -> None:
        self._s3 = aws.client("s3")
        self._name = name

    def get(self, key: str) -> bytes | None:
        with self._existing():
            try:
                return self._s3.get_object(Bucket=self._name, Key=key)["Body"].read()
            except ClientError as error:
                if is_not_found(error) and error.response["Error"]["Code"] != _NO_BUCKET:
                    return None
                raise

    def put(self, key: str, content: bytes) -> None:
        with self._existing():
            self._s3.put_object(Bucket=self._name, Key=key, Body=content)

    def delete(self, key: str) -> None:
        with self._existing():
            self._s3.delete_object(Bucket=self._name, Key=key)

    def keys(self, prefix: str) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
        with self._existing():
            return [item["Key"] for page in pages for item in page.get("Contents", [])]

    @contextlib.contextmanager
    def _existing(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            if error.response["Error"]["Code"] != _NO_BUCKET:
                raise
            raise LocalAwsError(
                f"the emulator has no state bucket ({self._name}), which bootstrap makes: with the Pulumi CLI run "
                '`eval "$(./sandbox local env)"`, then `./sandbox bootstrap --config githubRepository=OWNER/NAME`; '
                "without it run `./sandbox local stop`, then `./sandbox rehearse --keep`"
            ) from None


class Folder:
    """A folder as a store, for the stack that creates the bucket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: str) -> bytes | None:
        try:
            return (self._path / key).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, key: str, content: bytes) -> None:
        path = self._path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, staged = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(staged, path)

    def delete(self, key: str) -> None:
        (self._path / key).unlink(missing_ok=True)

    def keys(self, prefix: str) -> list[str]:
        keys = (str(path.relative_to(self._path)) for path in self._path.rglob("*") if path.is_file())
        return sorted(key for key in keys if key.startswith(prefix))
