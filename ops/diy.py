"""Parts of Pulumi's own backends, for those who need not read one.

https://github.com/pulumi/pulumi/tree/master/pkg/backend/diy
"""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Lock:
    """Who holds a stack, since when."""

    pid: int
    username: str
    hostname: str
    timestamp: str

    @staticmethod
    def of(content: dict[str, Any]) -> "Lock":
        """The lock that a file of Pulumi's tells of."""
        return Lock(*(content[field.name] for field in fields(Lock)))

    def __str__(self) -> str:
        return f"{self.username}@{self.hostname} (pid {self.pid}) since {self.timestamp}"


def url(bucket: str, region: str, endpoint: str | None) -> str:
    """A bucket's URL as Pulumi's backend, at AWS or at another endpoint: Pulumi takes that from here, and from no
    AWS_ENDPOINT_URL."""
    return f"s3://{bucket}?region={region}" + (f"&endpoint={endpoint}&s3ForcePathStyle=true" if endpoint else "")
