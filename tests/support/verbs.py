"""Verbs run in this process, on a backend in memory."""

import contextlib
import gc
import io
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from cli import main
from infra import names
from ops import clients

ACCOUNT = "111122223333"
BUCKET = names.state_bucket(ACCOUNT, "eu-west-1")
URL = f"s3://{BUCKET}?region=eu-west-1"


@dataclass(frozen=True)
class Ended:
    """How a verb ended, and what it wrote."""

    code: int
    stdout: str
    stderr: str


def run(verb: str, *arguments: str) -> Ended:
    """Run a verb as the script does."""
    stdout, stderr = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with _unchanged_process(), contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            code = main.run(verb, list(arguments))
        except SystemExit as exit:  # argparse's
            code = int(exit.code or 0)
    texts = []
    for stream in (stdout, stderr):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    return Ended(code, *texts)


@contextlib.contextmanager
def _unchanged_process() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]
    try:
        yield
    finally:
        gc.enable()
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)


@dataclass
class FakeS3:
    """The state bucket's objects; every other service is out of reach."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def client(self, service: str, **_: Any) -> Any:
        if service in ("s3", "sts"):
            return self
        raise EndpointConnectionError(endpoint_url=f"https://{service}")

    def close(self) -> None:
        pass

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root"}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def get_paginator(self, _: str) -> "FakeS3":
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        modified = datetime.now(timezone.utc)
        keys = sorted(key for key in self.objects if key.startswith(Prefix))
        return [{"Contents": [{"Key": key, "LastModified": modified} for key in keys]}]


def fake_s3(patch: pytest.MonkeyPatch) -> FakeS3:
    """Make this the backend that verbs read."""
    fake = FakeS3()
    patch.setattr(clients, "Session", lambda region: fake)
    patch.setenv("PULUMI_BACKEND_URL", URL)
    patch.setattr(main.os, "dup2", lambda *_: 1)  # type: ignore[attr-defined]
    return fake
