"""One deployment: compares what the program declares with the state, and carries out the resulting steps.

Registrations arrive from several threads at once, each after all that it depends on. The state is saved before each
change in AWS, with the pending operation, and after it, with the result: so a run that is killed loses no resource.
"""

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from local_aws.engine.interface import Operation, Step
from local_aws.engine.stack import PendingOperation, Resource, now
from local_aws.errors import LocalAwsError
from local_aws.provider import wire
from local_aws.provider.core import UNKNOWN, Provider
from local_aws.provider.resource import Props
from ops.stacks import urn as urns
from ops.stacks.urn import PROVIDER_TYPE, STACK_TYPE

# The options that a registration may set. Any other needs a feature that this engine does not have.
KNOWN_OPTIONS = {
    "type",
    "name",
    "parent",
    "custom",
    "object",
    "protect",
    "retainOnDelete",
    # this engine always does as these say
    "deleteBeforeReplace",
    "deleteBeforeReplaceDefined",
    "dependencies",
    "propertyDependencies",
    "version",
    "aliases",
    "aliasURNs",
    # the SDK's own features, and the program's source lines
    "acceptSecrets",
    "acceptResources",
    "supportsPartialValues",
    "supportsResultReporting",
    "sourcePosition",
    "stackTrace",
}


STOP_DEADLINE_SECONDS = 60


class DeploymentError(LocalAwsError):
    """The deployment is impossible, or one of its steps failed."""


class Deployment:
    """An `up`, or its preview, with the resources of a state."""

    def __init__(
        self,
        provider: Provider,
        resources: list[Resource],
        *,
        preview: bool,
        save: Callable[[list[Resource], list[PendingOperation]], None],
        on_step: Callable[[Step], None],
    ) -> None:
        self._provider = provider
        self._olds = {resource["urn"]: resource for resource in resources}
        self._news: dict[str, Resource] = {}
        self._registered: set[str] = set()
        self._replaced_urns: set[str] = set()
        self._pending: dict[str, PendingOperation] = {}
        self._preview = preview
        self._save = save
        self._on_step = on_step
        self._lock = threading.RLock()
        self._idle = threading.Condition(self._lock)
        self._running = 0
        self._replacing = threading.Lock()
        self.steps: list[Step] = []
        self.outputs: Props = {}
        self.error: LocalAwsError | None = None
        """The first failure. The SDK's own error after it only says that the program could not continue."""

    @property
    def resources(self) -> list[Resource]:
        """Return the current state: what the program has declared so far, then the old resources that it has not."""
        with self._lock:
            return without_dangling(
                [*self._news.values(), *(old for urn, old in self._olds.items() if urn not in self._news)]
            )

    @property
    def pending_operations(self) -> list[PendingOperation]:
        """Return the operations that are running, or were when the run was interrupted."""
        with self._lock:
            return list(self._pending.values())

    def register(self, urn: str, request: Any) -> tuple[str, Props]:
        """Deploy one resource; return its id ("" when it is not known yet) and its state."""
        try:
            with self._lock:
                if self.error:
                    raise self.error  # start no further operations
                if urn in self._registered:
                    raise DeploymentError(
                        f"{_name(urn)}: declared twice; resources of the same type must have different names"
                    )
                self._registered.add(urn)
                self._running += 1
            try:
                return self._register(urn, request)
            finally:
                with self._lock:
                    self._running -= 1
                    self._idle.notify_all()
        except LocalAwsError as error:
            failure = error if isinstance(error, DeploymentError) else DeploymentError(f"{_name(urn)}: {error}")
            with self._lock:
                self.error = self.error or failure
            raise failure from error

    def stop(self) -> None:
        """Start no further operations, and return when the running ones have ended, or after STOP_DEADLINE_SECONDS."""
        with self._lock:
            self.error = self.error or DeploymentError("interrupted")
            self._idle.wait_for(lambda: self._running == 0, STOP_DEADLINE_SECONDS)

    def register_outputs(self, urn: str, outputs: Props) -> None:
        if wire.has_secret(outputs):
            raise self._secret_error(urn)
        with self._lock:
            if self._news[urn]["type"] == STACK_TYPE:
                self.outputs = outputs  # the SDK sends outputs even when the program has failed
            else:
                self._news[urn]["outputs"] = outputs

    def invoke(self, token: str, args: Props) -> Props:
        return self._provider.invoke(token, args)

    def finish(self) -> None:
        """Set the stack's outputs, and delete what the program did not declare. Call when the program has succeeded."""
        with self._lock:
            for resource in self._news.values():
                if resource["type"] == STACK_TYPE:
                    resource["outputs"] = self.outputs
            # Deleted for a replacement, and not declared again.
            for urn in sorted(self._replaced_urns - self._news.keys()):
                self._report(Step("delete", urn))
        self.delete_undeclared()

    def delete_undeclared(self) -> None:
        """Delete the resources that the program did not declare, dependents first."""
        undeclared = [old for urn, old in self._olds.items() if urn not in self._news]
        refuse_protected(undeclared, "is not declared any more and would be deleted")
        for old in reversed(undeclared):
            self._delete(old)
            if old["type"] != PROVIDER_TYPE:
                self._report(Step("delete", old["urn"]))

    def _register(self, urn: str, request: Any) -> tuple[str, Props]:
        inputs = wire.from_struct(request.object)
        if wire.has_secret(inputs):
            raise self._secret_error(urn)
        for option in sorted(_options(request) - KNOWN_OPTIONS):
            raise DeploymentError(
                f"{_name(urn)}: the embedded engine does not know the resource option {option}; "
                "run this program with the Pulumi CLI"
            )
        self._refuse_aliases(urn, request)
        new = self._new_resource(urn, request, inputs)
        if not request.custom:
            old = self._olds.get(urn)
            new["outputs"] = old["outputs"] if old else {}
            self._complete(Step("same" if old else "create", urn), new)
            return "", {}
        return self._register_custom(new, request.version)

    def _register_custom(self, new: Resource, version: str) -> tuple[str, Props]:
        token, urn = new["type"], new["urn"]
        new["provider"] = self._default_provider(token, version)
        new["inputs"] = inputs = self._provider.check(token, new["inputs"])
        old = self._olds.get(urn)
        diff = self._provider.diff(token, old["outputs"], inputs) if old else None

        if old is None or diff is None:
            operation: Operation = "replace" if urn in self._replaced_urns else "create"
            return self._create(Step(operation, urn), new)
        if diff.replaces:
            # Every resource has a physical name, so the old one must be deleted before the new one is created.
            self._delete_for_replacement(old)
            return self._create(Step("replace", urn, tuple(sorted(diff.changed))), new)

        new["id"] = old["id"]
        new["created"] = old.get("created", new["created"])  # older CLIs wrote none
        if not diff.changed:
            new["outputs"], new["modified"] = old["outputs"], old.get("modified", new["modified"])
            self._complete(Step("same", urn), new)
        else:
            step = Step("update", urn, tuple(sorted(diff.changed)))
            with self._pending_operation("updating", new):
                if self._preview:
                    new["outputs"] = {**old["outputs"], **inputs}
                else:
                    new["outputs"] = self._provider.update(token, old["id"], old["outputs"], inputs)
                self._complete(step, new)
        return new["id"], new["outputs"]

    def _create(self, step: Step, new: Resource) -> tuple[str, Props]:
        with self._pending_operation("creating", new):
            if self._preview:
                new["id"], new["outputs"] = "", new["inputs"]
            else:
                new["id"], new["outputs"] = self._provider.create(new["type"], new["inputs"])
            self._complete(step, new)
        return new["id"], new["outputs"]

    def _delete_for_replacement(self, target: Resource) -> None:
        """Delete a resource, and before it those that must be replaced with it."""
        with self._replacing:  # two replacements at once may share a dependent
            unknown_urns = {target["urn"]}
            replaced = [target]
            with self._lock:
                olds = list(self._olds.values())
            for old in olds:
                dependencies = old.get("propertyDependencies", {})
                unknown_inputs = {key for key, urns in dependencies.items() if unknown_urns & set(urns)}
                if not old["custom"] or not unknown_inputs:
                    continue
                inputs = {**old["inputs"], **dict.fromkeys(unknown_inputs, UNKNOWN)}
                if self._provider.diff(old["type"], old["outputs"], inputs).replaces:
                    unknown_urns.add(old["urn"])
                    replaced.append(old)
            refuse_protected(replaced, "would be replaced")
            for old in reversed(replaced):
                self._replaced_urns.add(old["urn"])
                self._delete(old)

    def _delete(self, old: Resource) -> None:
        with self._pending_operation("deleting", old):
            if is_in_aws(old) and not old.get("retainOnDelete") and not self._preview:
                self._provider.delete(old["type"], old["id"], old["outputs"])
            with self._lock:
                del self._olds[old["urn"]]

    @contextlib.contextmanager
    def _pending_operation(self, operation: str, resource: Resource) -> Iterator[None]:
        """Record a pending operation in the state, until its result is in the state."""
        if self._preview:
            yield
            return
        with self._lock:
            # A copy, because another thread may save the state while this one changes the resource.
            self._pending[resource["urn"]] = {"resource": dict(resource), "type": operation}
            self._save(self.resources, self.pending_operations)
        try:
            yield
        except Exception:
            self._remove_pending(resource)
            raise
        self._remove_pending(resource)  # not after an interrupt: its result is unknown, so it stays pending

    def _remove_pending(self, resource: Resource) -> None:
        with self._lock:
            del self._pending[resource["urn"]]
            self._save(self.resources, self.pending_operations)

    def _complete(self, step: Step, new: Resource) -> None:
        with self._lock:
            self._news[step.urn] = new
            self._report(step)

    def _report(self, step: Step) -> None:
        with self._lock:
            self.steps.append(step)
            self._on_step(step)

    def _new_resource(self, urn: str, request: Any, inputs: Props) -> Resource:
        """Return the resource as in checkpoints, without what its deployment adds."""
        parent = self._news.get(request.parent, {})
        time = now()
        resource: Resource = {
            "urn": urn,
            "custom": request.custom,
            "type": request.type,
            "inputs": inputs,
            "dependencies": list(request.dependencies),
            "propertyDependencies": {key: list(value.urns) for key, value in request.propertyDependencies.items()},
            "created": time,
            "modified": time,
        }
        for option in ("protect", "retainOnDelete"):  # children inherit both
            if getattr(request, option) if request.HasField(option) else parent.get(option):
                resource[option] = True
        if request.parent:
            resource["parent"] = request.parent
        return resource

    def _default_provider(self, token: str, version: str) -> str:
        """Return a reference to the default provider, and add it to the state, because it is a resource, too."""
        package = token.split(":")[0]
        if package != "aws":
            raise DeploymentError(f"{token}: the embedded engine has only the aws provider, not {package}")
        root = next(iter(self._news))
        name = f"default_{version.replace('.', '_')}"
        urn = str(urns.Urn.parse(root)._replace(qualified_type=PROVIDER_TYPE, name=name))
        with self._lock:
            if urn not in self._news:
                old = self._olds.get(urn)
                inputs = {"version": version, "region": self._provider.region}
                time = now()
                self._news[urn] = {
                    "urn": urn,
                    "custom": True,
                    "id": old["id"] if old else str(uuid.uuid4()),
                    "type": PROVIDER_TYPE,
                    "inputs": inputs,
                    "outputs": inputs,
                    "created": old.get("created", time) if old else time,
                    "modified": old.get("modified", time) if old else time,
                }
            return f"{urn}::{self._news[urn]['id']}"

    def _refuse_aliases(self, urn: str, request: Any) -> None:
        """Raise DeploymentError when the state has a resource under an alias: the SDK sends aliases with everything."""
        old_urns = set(request.aliasURNs)
        for alias in request.aliases:
            spec = alias.spec
            parsed = urns.Urn.parse(urn)
            parent_types, _, type = parsed.qualified_type.rpartition("$")
            types = f"{parent_types}${spec.type or type}" if parent_types else spec.type or type
            renamed = str(parsed._replace(qualified_type=types, name=spec.name or request.name))
            old_urns.add(alias.urn or renamed)
        for old_urn in sorted(old_urns & self._olds.keys() - {urn}):
            raise DeploymentError(
                f"{_name(urn)}: was {old_urn}, and the embedded engine cannot rename resources; run this program with "
                "the Pulumi CLI"
            )

    def _secret_error(self, urn: str) -> DeploymentError:
        return DeploymentError(
            f"{_name(urn)}: one of its values is a secret, and the embedded engine does not store secrets; run this "
            "program with the Pulumi CLI"
        )


def _options(request: Any) -> set[str]:
    """Return the options that a registration sets; some that it does not set are sent as empty messages."""
    return {
        field.name
        for field, value in request.ListFields()
        if field.type != FieldDescriptor.TYPE_MESSAGE or field.is_repeated or value.ByteSize()
    }


def is_in_aws(resource: Resource) -> bool:
    """Return whether AWS has such a resource, too: components and providers are in the state alone."""
    return urns.is_in_aws(resource["type"])


def without_dangling(resources: list[Resource]) -> list[Resource]:
    """Remove references to resources that are not among these: the CLI rejects a state with such references."""
    known_urns = {resource["urn"] for resource in resources}
    return [
        {
            **resource,
            "dependencies": [urn for urn in resource.get("dependencies", []) if urn in known_urns],
            "propertyDependencies": {
                key: [urn for urn in urns if urn in known_urns]
                for key, urns in resource.get("propertyDependencies", {}).items()
            },
        }
        for resource in resources
    ]


def refuse_protected(resources: list[Resource], consequence: str) -> None:
    """Raise DeploymentError when any of the resources is protected, naming each."""
    if protected := [_name(resource["urn"]) for resource in resources if resource.get("protect")]:
        raise DeploymentError(
            f"{', '.join(protected)}: protected, and {consequence}; nothing was deleted. To remove the protection, "
            "deploy with protect=False first"
        )


def _name(urn: str) -> str:
    return f"{urns.name_of(urn)} ({urns.type_of(urn)})"
