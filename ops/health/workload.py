"""What there is to look at in an app stack, by its state."""

from dataclasses import dataclass
from typing import Any

from ops.errors import UsageError
from ops.stacks.urn import STACK_TYPE

FUNCTION_TYPE = "aws:lambda/function:Function"
PERMISSION_TYPE = "aws:lambda/permission:Permission"


@dataclass(frozen=True)
class Workload:
    """An app stack's workload, as its last deployment left it.

    `code_sha256` is the hash of the function's package, in Base64; `invokers` are the statements of the function's own
    policy, each as (id, principal, source ARN).
    """

    url: str
    api_id: str
    function: str
    log_group: str
    access_log_group: str
    client_log_group: str | None
    alarms: tuple[str, ...]
    region: str
    code_sha256: str
    invokers: frozenset[tuple[str, str, str]]

    @classmethod
    def of(cls, resources: list[dict[str, Any]]) -> "Workload":
        """The workload of a state's resources.

        Raises UsageError when they are not an app stack's.
        """
        outputs = stack_outputs(resources)
        try:
            name = outputs["functionName"]
            function = next(
                resource for resource in resources if resource["type"] == FUNCTION_TYPE and resource["id"] == name
            )
            permissions = [
                resource["inputs"]
                for resource in resources
                if resource["type"] == PERMISSION_TYPE and resource["inputs"]["function"] == name
            ]
            workload = cls(
                url=outputs["apiUrl"],
                api_id=outputs["apiId"],
                function=name,
                log_group=outputs["logGroupName"],
                access_log_group=outputs["accessLogGroupName"],
                client_log_group=outputs.get("clientLogGroupName"),
                alarms=tuple(outputs["alarmNames"]),
                region=outputs["functionArn"].split(":")[3],
                code_sha256=function["outputs"]["codeSha256"],
                invokers=frozenset(
                    (permission["statementId"], permission["principal"], permission["sourceArn"])
                    for permission in permissions
                ),
            )
            if not workload._is_of_texts():
                raise TypeError("texts in the outputs that check needs")
            return workload
        except (KeyError, StopIteration, TypeError, AttributeError, IndexError) as error:
            raise UsageError(
                f"the stack's state has no {error or FUNCTION_TYPE}: check looks at stacks of scope app, such as "
                "`--stack app`"
            ) from None

    def _is_of_texts(self) -> bool:
        texts = (
            self.url, self.api_id, self.function, self.log_group, self.access_log_group, self.client_log_group or "",
            self.region, self.code_sha256, *self.alarms, *(text for invoker in self.invokers for text in invoker),
        )  # fmt: skip
        return all(isinstance(text, str) for text in texts)


def stack_outputs(resources: list[dict[str, Any]] | None) -> dict[str, Any]:
    """The outputs of a stack with these resources; none where there are none."""
    for resource in resources or []:
        if resource["type"] == STACK_TYPE:
            return dict(resource.get("outputs") or {})
    return {}
