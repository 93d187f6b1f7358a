"""Every physical name and IAM path, in one place.

An investigator can see physical names, so they are those of an ordinary service: SERVICE, and nothing of this project.
Names of an app stack's resources include service and stack, so stacks of one account never collide; bootstrap's
include the service only, because an account has one bootstrap stack. IAM role names are unique in an account
whatever their path (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html), hence the
suffix `-role`, which CI's roles lack: no stack name can make an app's role collide with one of theirs.
"""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from infra import project_file
from infra.errors import ProjectFileError

PROJECT = "incident-sandbox"
"""Pulumi's project, which is the namespace of the settings and a part of the state's keys. It is fixed."""

SETTINGS = {
    "scope",
    "serviceName",
    "failMode",
    "surface",
    "trafficPerMinute",
    "logRetentionDays",
    "githubRepository",
    "githubSubjectPrefix",
    "githubEnvironment",
    "githubOidcProviderArn",
    "operatorPrincipals",
    "agentSpaceArns",
    "protect",
}
"""Of the stacks, in the project's namespace."""

AGENT_SPACE = re.compile(r"arn:aws[a-z-]*:aidevops:[a-z0-9-]+:\d{12}:agentspace/[A-Za-z0-9_.-]+")
"""The ARN of an agent space of AWS DevOps Agent."""

SERVICE_SETTING = f"{PROJECT}:serviceName"


def nearest_setting(key: str) -> str:
    """Say which setting a wrong key may have meant, or which ones there are."""
    lower = {name.lower(): name for name in SETTINGS}
    nearest = difflib.get_close_matches(key.lower(), lower, n=1)
    return f"the nearest is {lower[nearest[0]]}" if nearest else f"it must be one of {', '.join(sorted(SETTINGS))}"


def _service(path: Path) -> str:
    try:
        return str(project_file.read(path)["config"][SERVICE_SETTING]["default"])
    except (KeyError, TypeError):
        raise ProjectFileError(
            f"{path} has no default of {SERVICE_SETTING}, with which all names begin: bring its lines back"
        ) from None


SERVICE = _service(Path(__file__).resolve().parent.parent / "Pulumi.yaml")
"""The service's name, of all stacks of the project: bootstrap's policies match an app's names by it."""

APP_ROLE_PATH = f"/{SERVICE}/app/"
CI_ROLE_PATH = f"/{SERVICE}/ci/"
PEOPLE_ROLE_PATH = f"/{SERVICE}/people/"

BOUNDARY = f"{SERVICE}-app-boundary"
DEPLOY_ROLE = f"{SERVICE}-ci-deploy"
PREVIEW_ROLE = f"{SERVICE}-ci-preview"
OPERATOR_ROLE = f"{SERVICE}-operator"
OBSERVER_ROLE = f"{SERVICE}-observer"
STATE_KEY_ALIAS = f"alias/{SERVICE}-state"

BOOTSTRAP_STACK = "bootstrap"

STATE_FOLDER = ".pulumi"


def state_prefixes(project: str) -> dict[str, str]:
    """Return the key prefixes of a project's stacks, history, backups and locks in Pulumi's backend.

    https://github.com/pulumi/pulumi/blob/master/pkg/backend/diy/store.go
    """
    folders = {"stacks": "stacks", "history": "history", "backups": "backups", "locks": "locks/organization"}
    return {kind: f"{STATE_FOLDER}/{folder}/{project}" for kind, folder in folders.items()}


# An IAM role name has at most 64 characters; SERVICE may have 20, and the rest of it 16. Lambda allows no full stop.
STACK_NAME = re.compile(r"[A-Za-z0-9_-]{1,28}")
SERVICE_NAME = re.compile(r"[a-z][a-z0-9-]{1,19}")


@dataclass(frozen=True)
class AppNames:
    """The names of one app stack; with stack `*`, the patterns that match every app stack's."""

    stack: str

    @property
    def prefix(self) -> str:
        return f"{SERVICE}-{self.stack}"

    @property
    def function(self) -> str:
        """The function that handles requests."""
        return f"{self.prefix}-handler"

    @property
    def client(self) -> str:
        """The function that sends requests."""
        return f"{self.prefix}-client"

    @property
    def api(self) -> str:
        return f"{self.prefix}-api"

    @property
    def schedule(self) -> str:
        return f"{self.client}-schedule"

    @property
    def execution_role(self) -> str:
        return f"{self.function}-role"

    @property
    def client_role(self) -> str:
        return f"{self.client}-role"

    @property
    def log_group(self) -> str:
        return f"/aws/lambda/{self.function}"

    @property
    def client_log_group(self) -> str:
        return f"/aws/lambda/{self.client}"

    @property
    def access_log_group(self) -> str:
        """Return the access log's group. API Gateway lists the groups that it delivers to in one resource policy of
        limited size, except groups under this prefix (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html)."""
        return f"/aws/vendedlogs/apigateway/{self.api}"

    @property
    def errors_alarm(self) -> str:
        return f"{self.function}-errors"

    @property
    def server_errors_alarm(self) -> str:
        return f"{self.api}-5xx"


def ci_policy(role: str, concern: str) -> str:
    """Return the name of the managed policy of a CI role, or of a person's role, for one concern."""
    return f"{role}-{concern}"


def state_bucket(account: str, region: str) -> str:
    """Return the state bucket's name. It includes account and region, because it must be unique in the partition."""
    return f"{SERVICE}-state-{account}-{region}"
