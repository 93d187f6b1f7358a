"""Every physical name and IAM path, in one place.

Names of an app stack's resources include project and stack, so stacks of one account never collide; bootstrap's
include the project only, because an account has one bootstrap stack. IAM role names are unique in an account
whatever their path (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html), hence the
suffix `-execution`: no stack name can make an app's role collide with a CI role.
"""

import re
from dataclasses import dataclass

PROJECT = "incident-sandbox"

APP_ROLE_PATH = f"/{PROJECT}/app/"
CI_ROLE_PATH = f"/{PROJECT}/ci/"

BOUNDARY = f"{PROJECT}-app-boundary"
DEPLOY_ROLE = f"{PROJECT}-ci-deploy"
PREVIEW_ROLE = f"{PROJECT}-ci-preview"
STATE_KEY_ALIAS = f"alias/{PROJECT}-state"

BOOTSTRAP_STACK = "bootstrap"

STATE_FOLDER = ".pulumi"


def state_prefixes(project: str) -> dict[str, str]:
    """Return the key prefixes of a project's stacks, history, backups and locks in Pulumi's backend.

    https://github.com/pulumi/pulumi/blob/master/pkg/backend/diy/store.go
    """
    folders = {"stacks": "stacks", "history": "history", "backups": "backups", "locks": "locks/organization"}
    return {kind: f"{STATE_FOLDER}/{folder}/{project}" for kind, folder in folders.items()}


# An IAM role name has at most 64 characters; PROJECT- and -execution take 27 of them. Lambda allows no full stop.
STACK_NAME = re.compile(r"[A-Za-z0-9_-]{1,37}")


@dataclass(frozen=True)
class AppNames:
    """The names of one app stack; with stack `*`, the patterns that match every app stack's."""

    stack: str

    @property
    def prefix(self) -> str:
        return f"{PROJECT}-{self.stack}"

    @property
    def function(self) -> str:
        return self.prefix

    @property
    def api(self) -> str:
        return self.prefix

    @property
    def execution_role(self) -> str:
        return f"{self.prefix}-execution"

    @property
    def log_group(self) -> str:
        return f"/aws/lambda/{self.function}"

    @property
    def access_log_group(self) -> str:
        """Return the access log's group. API Gateway lists the groups that it delivers to in one resource policy of
        limited size, except groups under this prefix (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html)."""
        return f"/aws/vendedlogs/apigateway/{self.api}"

    @property
    def errors_alarm(self) -> str:
        return f"{self.prefix}-function-errors"

    @property
    def server_errors_alarm(self) -> str:
        return f"{self.prefix}-api-5xx"


def ci_policy(role: str, concern: str) -> str:
    """Return the name of the managed policy of a CI role for one concern."""
    return f"{role}-{concern}"


def state_bucket(account: str, region: str) -> str:
    """Return the state bucket's name. It includes account and region, because it must be unique in the partition."""
    return f"{PROJECT}-state-{account}-{region}"
