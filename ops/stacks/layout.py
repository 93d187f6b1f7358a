"""Where Pulumi's own backends keep a stack: the keys of its state, history and locks, and the form of a lock.

https://github.com/pulumi/pulumi/blob/master/pkg/backend/diy/store.go
"""

import re
from dataclasses import dataclass, fields

from infra import names
from ops.errors import UsageError
from ops.stacks import checkpoint
from ops.stacks.checkpoint import MalformedError

META_KEY = f"{names.STATE_FOLDER}/meta.yaml"
COMPRESSED = (".gz", ".zst")
"""What a state's key ends in when it was written with PULUMI_DIY_BACKEND_GZIP or a compression since."""

UPDATE_ENDINGS = tuple(f".history.json{ending}" for ending in ("", *COMPRESSED))
CHECKPOINT_ENDINGS = tuple(f".checkpoint.json{ending}" for ending in ("", *COMPRESSED))
"""What the keys of an update end in. A state that was in a folder before has another file beside each, `.attrs`, which
is the folder's own: https://pkg.go.dev/gocloud.dev/blob/fileblob"""


@dataclass(frozen=True)
class StackKeys:
    """The keys of one stack's objects."""

    project: str
    stack: str

    @property
    def state(self) -> str:
        return f"{names.state_prefixes(self.project)['stacks']}/{self.stack}.json"

    @property
    def history(self) -> str:
        """What the keys of the history's entries and checkpoints start with."""
        return f"{names.state_prefixes(self.project)['history']}/{self.stack}/"

    @property
    def locks(self) -> str:
        """What the keys of the locks start with."""
        return f"{names.state_prefixes(self.project)['locks']}/{self.stack}/"


def stack_name(reference: str, project: str) -> str:
    """The plain name of a stack that is referred to as `pulumi` accepts it: NAME, organization/NAME or
    organization/PROJECT/NAME.

    Raises UsageError when the reference is of another form, or to another project.
    """
    organization, _, rest = reference.rpartition("/")[0].partition("/")
    name = reference.rpartition("/")[2]
    if organization not in ("", "organization") or rest not in ("", project):
        raise UsageError(
            f"--stack {reference}: must be a stack of the project {project}, as NAME or organization/{project}/NAME"
        )
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", name):
        raise UsageError(
            f"--stack {reference}: a stack's name has 1 to 100 letters, digits, hyphens, underscores and full stops"
        )
    return name


@dataclass(frozen=True)
class Lock:
    """Who holds a stack, and since when."""

    pid: int
    username: str
    hostname: str
    timestamp: str

    @staticmethod
    def of(content: bytes, key: str) -> "Lock":
        """The lock that a file of Pulumi's describes.

        Raises UsageError when it is not one.
        """
        try:
            value = checkpoint.decoded(content)
            texts = [value[field.name] for field in fields(Lock)[1:]]
            if not isinstance(value["pid"], int) or not all(isinstance(text, str) for text in texts):
                raise MalformedError
            return Lock(value["pid"], *texts)
        except (KeyError, MalformedError):
            raise UsageError(
                f"{key} is not a lock that Pulumi wrote: it is empty or cut off; delete it with `pulumi cancel` once "
                "nobody updates the stack"
            ) from None

    def __str__(self) -> str:
        return f"{self.username}@{self.hostname} (pid {self.pid}) since {self.timestamp}"


def bucket_url(bucket: str, region: str, endpoint: str | None) -> str:
    """A bucket's URL as Pulumi's backend, at AWS or at another endpoint: Pulumi takes that from here, and from no
    AWS_ENDPOINT_URL."""
    return f"s3://{bucket}?region={region}" + (f"&endpoint={endpoint}&s3ForcePathStyle=true" if endpoint else "")
