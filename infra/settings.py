"""The stack's configuration, read and validated here before any resource is declared."""

import json
import re
from dataclasses import dataclass

import pulumi
from pulumi.runtime import config as runtime_config

from handler.scenario import SURFACES
from infra import names

# PutRetentionPolicy accepts these and no others:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip

SCOPES = ("bootstrap", "app")

DEFAULT_ENVIRONMENT = "production"
"""An investigator reads it in CloudTrail, in the subject of CI's sessions."""

MOST_TRAFFIC = 30
"""Requests in a minute: with the pauses between them, the client sends no more in the minute that it has."""

_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(?:role|user)/[A-Za-z0-9+=,.@_/-]+")


class SettingsError(pulumi.RunError):
    """A setting is missing or wrong. Pulumi prints a RunError's message and no traceback."""


@dataclass(frozen=True)
class AppSettings:
    """The settings of an app stack."""

    fail_mode: bool
    surface: str
    traffic_per_minute: int
    log_retention_days: int
    repository: str | None


@dataclass(frozen=True)
class BootstrapSettings:
    """The settings of the bootstrap stack."""

    repository: str
    subject_prefix: str
    environment: str
    oidc_provider_arn: str | None
    protect: bool
    operator_principals: tuple[str, ...] = ()
    agent_space_arns: tuple[str, ...] = ()


def read() -> AppSettings | BootstrapSettings:
    """Read this stack's settings.

    Raises SettingsError for the first that is missing or breaks its rule.
    """
    config = pulumi.Config()
    stack = pulumi.get_stack()
    if pulumi.get_project() != names.PROJECT:
        raise SettingsError(
            f"the project is named {pulumi.get_project()!r}: its name is fixed as {names.PROJECT!r}, which the keys of "
            "the state and the settings have; name the service instead, by serviceName in Pulumi.yaml"
        )
    if not names.STACK_NAME.fullmatch(stack):
        raise SettingsError(
            f"stack name {stack!r}: must have at most 28 letters, digits, hyphens and underscores, because physical "
            "names include it; choose another with `pulumi stack rename`"
        )
    _refuse_unknown(config)
    _service(config)
    scope = config.get("scope") or "app"
    if scope == "app":
        return AppSettings(
            fail_mode=_boolean(config, "failMode", default=False),
            surface=_surface(config),
            traffic_per_minute=_traffic(config),
            log_retention_days=_retention(config),
            repository=_repository(config),
        )
    if scope == "bootstrap":
        if stack != names.BOOTSTRAP_STACK:
            raise SettingsError(
                f"stack {stack!r} has scope bootstrap: only the stack named {names.BOOTSTRAP_STACK!r} may have it, "
                "because CI is denied that stack's state by its name; use `pulumi stack select bootstrap`"
            )
        return _bootstrap(config)
    raise _error(config, "scope", scope, f"must be one of {', '.join(SCOPES)}", "app")


def _refuse_unknown(config: pulumi.Config) -> None:
    """Reject unknown keys. A misspelt failMode would keep its default, and an injection would inject nothing."""
    prefix = config.full_key("")
    for key in sorted(runtime_config.CONFIG.get()):
        name = key.removeprefix(prefix)
        if key.startswith(prefix) and name not in names.SETTINGS:
            raise SettingsError(
                f"{key} is no setting of this project: {names.nearest_setting(name)}; remove it with "
                f"`pulumi config rm {name}`"
            )


def _bootstrap(config: pulumi.Config) -> BootstrapSettings:
    repository = _repository(config)
    if repository is None:
        raise SettingsError(
            f"{config.full_key('githubRepository')} is missing: it names the repository that GitHub Actions may "
            "deploy from; set it with `pulumi config set githubRepository OWNER/NAME`"
        )
    environment = _matching(
        config,
        "githubEnvironment",
        r"[^:*?]{1,255}",
        "must be a GitHub environment's name, without `:` (GitHub escapes it in the subject) or wildcards",
        DEFAULT_ENVIRONMENT,
    )
    subject_prefix = _matching(
        config,
        "githubSubjectPrefix",
        r"repo:[^:*?/]+/[^:*?/]+",
        "must be `repo:OWNER/NAME` or `repo:OWNER@ID/NAME@ID`, without wildcards",
        "repo:octo-org@123/octo-repo@456",
    )
    provider_arn = _matching(
        config,
        "githubOidcProviderArn",
        r"arn:aws[a-z-]*:iam::\d{12}:oidc-provider/token\.actions\.githubusercontent\.com",
        "must be the ARN of the account's OIDC provider for token.actions.githubusercontent.com",
        "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
    )
    return BootstrapSettings(
        repository=repository,
        subject_prefix=subject_prefix or f"repo:{repository}",
        environment=environment or DEFAULT_ENVIRONMENT,
        oidc_provider_arn=provider_arn,
        protect=_boolean(config, "protect", default=True),
        # A session's ARN would be trusted for no longer than a session, and an account's for everybody in it.
        operator_principals=_arns(
            config,
            "operatorPrincipals",
            _PRINCIPAL,
            "must be ARNs of IAM roles or users, separated by commas or as a JSON list, without wildcards",
            "arn:aws:iam::123456789012:role/Administrator",
        ),
        agent_space_arns=_arns(
            config,
            "agentSpaceArns",
            names.AGENT_SPACE,
            "must be ARNs of AWS DevOps Agent's agent spaces, separated by commas or as a JSON list, without wildcards",
            "arn:aws:aidevops:us-east-1:123456789012:agentspace/SPACE-ID",
        ),
    )


def _arns(config: pulumi.Config, key: str, pattern: re.Pattern[str], rule: str, example: str) -> tuple[str, ...]:
    """Read a list of ARNs, separated by commas or as JSON."""
    value = config.get(key)
    if value is None:
        return ()
    try:
        listed = json.loads(value) if value.lstrip().startswith("[") else value.split(",")
    except ValueError:
        listed = [value]
    arns = tuple(str(arn).strip() for arn in listed)
    if not all(pattern.fullmatch(arn) for arn in arns):
        raise _error(config, key, value, rule, example)
    return tuple(dict.fromkeys(arns))


def _repository(config: pulumi.Config) -> str | None:
    return _matching(
        config, "githubRepository", r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", "must be `owner/name`", "octo-org/octo-repo"
    )


def _boolean(config: pulumi.Config, key: str, *, default: bool) -> bool:
    value = config.get(key)
    if value is None:
        return default
    if value not in ("true", "false"):
        raise _error(config, key, value, "must be true or false", "false")
    return value == "true"


def _service(config: pulumi.Config) -> None:
    """Refuse a stack's own service name: bootstrap's policies match an app's names by the one of the project."""
    if not names.SERVICE_NAME.fullmatch(names.SERVICE):
        raise _error(config, "serviceName", names.SERVICE, "must be 2 to 20 of a-z, 0-9 and hyphens", "storefront")
    value = config.get("serviceName")
    if value not in (None, names.SERVICE):
        raise SettingsError(
            f"{config.full_key('serviceName')} is {value!r}: all stacks have the one of Pulumi.yaml, which is "
            f"{names.SERVICE!r}; change it there, and remove it from the stack with `pulumi config rm serviceName`"
        )


def _surface(config: pulumi.Config) -> str:
    value = config.get("surface") or "named"
    if value not in SURFACES:
        raise _error(config, "surface", value, f"must be one of {', '.join(SURFACES)}", "named")
    return value


def _traffic(config: pulumi.Config) -> int:
    value = config.get("trafficPerMinute")
    if value is None:
        return 6
    if not value.isdecimal() or int(value) > MOST_TRAFFIC:
        raise _error(config, "trafficPerMinute", value, f"must be a whole number from 0 to {MOST_TRAFFIC}", "6")
    return int(value)


def _retention(config: pulumi.Config) -> int:
    value = config.get("logRetentionDays")
    if value is None:
        return 14
    allowed = [str(days) for days in RETENTION_DAYS]
    if value not in allowed:
        raise _error(config, "logRetentionDays", value, f"must be one of {', '.join(allowed)}", "14")
    return int(value)


def _matching(config: pulumi.Config, key: str, pattern: str, rule: str, example: str) -> str | None:
    value = config.get(key)
    if value is not None and not re.fullmatch(pattern, value):
        raise _error(config, key, value, rule, example)
    return value


def _error(config: pulumi.Config, key: str, value: str, rule: str, example: str) -> SettingsError:
    return SettingsError(
        f"{config.full_key(key)} is {value!r}: it {rule}; set it, for example, with `pulumi config set {key} {example}`"
    )
