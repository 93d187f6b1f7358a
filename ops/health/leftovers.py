"""What AWS still has of an app stack, by names and by tags: a state that says nothing is left cannot know what it lost,
nor what somebody put beside the stack.

Functions and rules are found by their tags and under the stack's own names, because listing functions would return all
teams' variables; log groups, APIs and roles by every name that begins as the stack's do; roles besides by their path,
which is the project's own.
"""

import contextlib
import fnmatch
import re
from collections.abc import Callable, Collection, Iterator

from botocore.exceptions import BotoCoreError, ClientError

from infra import names, tags
from infra.names import AppNames
from ops import clients
from ops.errors import UsageError
from ops.stacks.history import Resources

SERVICES = ["cloudwatch", "events", "lambda", "logs"]
"""The services of what is found by tags. Not API Gateway, whose APIs are listed with theirs. Bootstrap has nothing in
these, so its name as a tag hides nothing."""


API = re.compile(fnmatch.translate(AppNames("*").api))


def find(stack: str, others: Collection[str], region: str | None) -> list[str]:
    """Return what is left of a stack, each as the last part of its ARN; `others` are the project's app stacks that
    are deployed: what is theirs is not this one's.

    Raises UsageError when AWS cannot be asked.
    """
    try:
        with contextlib.closing(clients.Session(region)) as session:
            return sorted(set(_Search(stack, others, session).found()))
    except (ClientError, BotoCoreError) as error:
        raise UsageError(f"AWS cannot be asked what is left of the stack: {error}; check the credentials") from None


def beside(stack: str, others: Collection[str], region: str, resources: Resources) -> list[str]:
    """Return what AWS has of a deployed stack besides the resources of its state, as `find` does."""
    own = {str(resource.get("id")) for resource in resources}
    return [text for text in find(stack, others, region) if _id(text) not in own]


def _id(text: str) -> str:
    """Return the id that Pulumi has for what `find` returned: a name, or the number of an API."""
    kind, _, name = text.partition(":")
    if kind == "log-group":
        return name
    return re.split("[/:]", text.partition(" (")[0])[-1]


class _Search:
    def __init__(self, stack: str, others: Collection[str], session: clients.Session) -> None:
        self._stack, self._others, self._app = stack, set(others) - {stack}, AppNames(stack)
        self._lambda, self._events = session.client("lambda"), session.client("events")
        self._logs, self._cloudwatch = session.client("logs"), session.client("cloudwatch")
        self._gateway, self._iam = session.client("apigatewayv2"), session.client("iam")
        self._tagging = session.client("resourcegroupstaggingapi")

    def found(self) -> Iterator[str]:
        yield from self._functions_and_rules()
        yield from self._alarms()
        yield from self._log_groups()
        yield from self._apis()
        yield from self._roles()
        yield from self._tagged()

    def _functions_and_rules(self) -> Iterator[str]:
        for name in (self._app.function, self._app.client):
            if self._has_function(name):
                yield f"function:{name}"
        if self._has_rule(self._app.schedule):
            yield f"rule/{self._app.schedule}"

    def _alarms(self) -> Iterator[str]:
        # Not by a prefix: which resource AWS then checks is not known.
        names = [self._app.errors_alarm, self._app.server_errors_alarm]
        for alarm in self._cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]:
            yield f"alarm:{alarm['AlarmName']}"

    def _log_groups(self) -> Iterator[str]:
        for folder in {group.rpartition("/")[0] for group in (self._app.log_group, self._app.access_log_group)}:
            pages = self._logs.get_paginator("describe_log_groups").paginate(
                logGroupNamePrefix=f"{folder}/{self._app.prefix}-"
            )
            for group in (group["logGroupName"] for page in pages for group in page["logGroups"]):
                if self._owner(group.rpartition("/")[2]) == self._stack:
                    yield f"log-group:{group}"

    def _apis(self) -> Iterator[str]:
        for page in self._gateway.get_paginator("get_apis").paginate():
            for api in page["Items"]:
                # CI can create no API of another name, and one of no stack need not have tags.
                is_orphan = API.fullmatch(api["Name"]) and self._owner(api["Name"]) is None
                if is_orphan or self._is_ours(api["Name"], api.get("Tags", {})):
                    yield f"/apis/{api['ApiId']} ({api['Name']})"

    def _roles(self) -> Iterator[str]:
        for page in self._iam.get_paginator("list_roles").paginate(PathPrefix=names.APP_ROLE_PATH):
            for role in page["Roles"]:
                if self._owner(role["RoleName"]) in (self._stack, None):
                    yield f"role{role['Path']}{role['RoleName']}"

    def _tagged(self) -> Iterator[str]:
        pages = self._tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": tags.PROJECT, "Values": [names.SERVICE]}], ResourceTypeFilters=SERVICES
        )
        for page in pages:
            for resource in page["ResourceTagMappingList"]:
                _, _, service, _, _, id = resource["ResourceARN"].split(":", 5)
                name = id.rpartition("/" if "/" in id else ":")[2]
                own = {tag["Key"]: tag["Value"] for tag in resource["Tags"]}
                if self._is_ours(name, own) and self._is_there(service, id, name):
                    yield id

    def _is_there(self, service: str, id: str, name: str) -> bool:
        """Whether a resource that has tags exists: AWS's index of tags may lag behind.

        https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
        """
        looks: dict[str, Callable[[], bool]] = {
            "lambda": lambda: self._has_function(name),
            "events": lambda: self._has_rule(name),
            "logs": lambda: self._has_log_group(id.partition(":")[2]),
            "cloudwatch": lambda: bool(self._cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]),
        }
        try:
            return looks[service]()
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("AccessDenied", "AccessDeniedException"):
                raise
            return True  # it has another name than the caller may read

    def _has_function(self, name: str) -> bool:
        return _exists(lambda: self._lambda.get_function(FunctionName=name))

    def _has_rule(self, name: str) -> bool:
        return _exists(lambda: self._events.describe_rule(Name=name))

    def _has_log_group(self, name: str) -> bool:
        groups = self._logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return any(group["logGroupName"] == name for group in groups)

    def _is_ours(self, name: str, own: dict[str, str]) -> bool:
        """Whether a resource is of this stack, or the project's and of no stack that there is. Its name comes before
        its tags, which whoever made it may have chosen."""
        owner = self._owner(name)
        if owner is None and own.get(tags.PROJECT) == names.SERVICE:
            owner = own.get(tags.STACK)
            return owner not in self._others
        return owner == self._stack

    def _owner(self, name: str) -> str | None:
        """Return the stack that a name is of: the longest of those that it may be of."""
        stacks = [stack for stack in (self._stack, *self._others) if name.startswith(f"{AppNames(stack).prefix}-")]
        return max(stacks, key=len, default=None)


def _exists(read: Callable[[], object]) -> bool:
    try:
        read()
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return False
    return True
