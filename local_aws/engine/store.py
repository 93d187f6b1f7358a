"""The stores of state: objects under keys, each replaced as a whole or not at all."""

import os
import tempfile
from pathlib import Path
from typing import Protocol

from botocore.exceptions import ClientError

from local_aws.provider.resource import Aws, is_not_found


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
    """A bucket as a store. S3 replaces objects atomically, and the bucket keeps the previous versions."""

    def __init__(self, aws: Aws, name: str) -> None:
        self._s3 = aws.client("s3")
        self._name = name

    def get(self, key: str) -> bytes | None:
        try:
            content: bytes = self._s3.get_object(Bucket=self._name, Key=key)["Body"].read()
        except ClientError as error:
            if is_not_found(error):
                return None
            raise
        return content

    def put(self, key: str, content: bytes) -> None:
        self._s3.put_object(Bucket=self._name, Key=key, Body=content)

    def delete(self, key: str) -> None:
        self._s3.delete_object(Bucket=self._name, Key=key)

    def keys(self, prefix: str) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]


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
