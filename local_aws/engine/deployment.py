"""One deployment: what the program declares, against what the state has, turned into steps and carried out.

Registrations arrive from several threads at once, each after everything that it depends on. The state is saved before
AWS is asked to change anything, with what is about to be done, and after it, with what was: so that whatever happens
next, what was made is not lost.
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

# What a registration may carry. Anything else asks for something that this engine does not do.
KNOWN = {
    "type",
    "name",
    "parent",
    "custom",
    "object",
    "protect",
    "retainOnDelete",
    # as this engine does it, asked or not
    "deleteBeforeReplace",
    "deleteBeforeReplaceDefined",
    "dependencies",
    "propertyDependencies",
    "version",
    "aliases",
    "aliasURNs",
    # what the SDK says of itself and of the program's lines
    "acceptSecrets",
    "acceptResources",
    "supportsPartialValues",
    "supportsResultReporting",
    "sourcePosition",
    "stackTrace",
}


STOP_DEADLINE_SECONDS = 60


class DeploymentError(LocalAwsError):
    """The deployment cannot be carried out, or a step of it failed."""


class Deployment:
    """An `up`, or its preview, against the resources of a state."""

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
        self._begun: set[str] = set()
        self._replaced: set[str] = set()
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
        """The first thing that failed. What the SDK raises after it is only that the program could not go on."""

    @property
    def resources(self) -> list[Resource]:
        """The state as it is now: what the program declared so far, then what it has not come to yet."""
        with self._lock:
            return without_dangling(
                [*self._news.values(), *(old for urn, old in self._olds.items() if urn not in self._news)]
            )

    @property
    def pending_operations(self) -> list[PendingOperation]:
        """What is under way, or was when the run was interrupted."""
        with self._lock:
            return list(self._pending.values())

    def register(self, urn: str, request: Any) -> tuple[str, Props]:
        """Bring one resource about; return its id ("" when not known yet) and its state."""
        try:
            with self._lock:
                if self.error:
                    raise self.error  # do not begin anything more
                if urn in self._begun:
                    raise DeploymentError(
                        f"{_name(urn)}: declared twice; every resource of a type needs a name of its own"
                    )
                self._begun.add(urn)
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
        """Begin nothing more, and return when what was under way has ended."""
        with self._lock:
            self.error = self.error or DeploymentError("interrupted")
            self._idle.wait_for(lambda: self._running == 0, STOP_DEADLINE_SECONDS)

    def register_outputs(self, urn: str, outputs: Props) -> None:
        if wire.has_secret(outputs):
            raise self._refuse_secret(urn)
        with self._lock:
            if self._news[urn]["type"] == STACK_TYPE:
                self.outputs = outputs  # the SDK sends what it has even when the program has failed
            else:
                self._news[urn]["outputs"] = outputs

    def invoke(self, token: str, args: Props) -> Props:
        return self._provider.invoke(token, args)

    def finish(self) -> None:
        """The program has ended well: what it exported is the stack's outputs, what it does not declare goes."""
        with self._lock:
            for resource in self._news.values():
                if resource["type"] == STACK_TYPE:
                    resource["outputs"] = self.outputs
            for urn in sorted(self._replaced - self._news.keys()):  # deleted for a replacement, and not made again
                self._tell(Step("delete", urn))
        self.delete_undeclared()

    def delete_undeclared(self) -> None:
        """Delete what the state has and the program did not declare, dependents first."""
        gone = [old for urn, old in self._olds.items() if urn not in self._news]
        refuse_protected(gone, "is not declared any more and would be deleted")
        for old in reversed(gone):
            self._delete(old)
            if old["type"] != PROVIDER_TYPE:
                self._tell(Step("delete", old["urn"]))

    def _register(self, urn: str, request: Any) -> tuple[str, Props]:
        inputs = wire.from_struct(request.object)
        if wire.has_secret(inputs):
            raise self._refuse_secret(urn)
        for option in sorted(_carried(request) - KNOWN):
            raise DeploymentError(
                f"{_name(urn)}: the embedded engine does not know the resource option {option}; "
                "run this program with the Pulumi CLI"
            )
        self._refuse_renaming(urn, request)
        new = self._described(urn, request, inputs)
        if not request.custom:
            old = self._olds.get(urn)
            new["outputs"] = old["outputs"] if old else {}
            self._done(Step("same" if old else "create", urn), new)
            return "", {}
        return self._custom(new, request.version)

    def _custom(self, new: Resource, version: str) -> tuple[str, Props]:
        token, urn = new["type"], new["urn"]
        new["provider"] = self._default_provider(token, version)
        new["inputs"] = inputs = self._provider.check(token, new["inputs"])
        old = self._olds.get(urn)
        diff = self._provider.diff(token, old["outputs"], inputs) if old else None

        if old is None or diff is None:
            operation: Operation = "replace" if urn in self._replaced else "create"
            return self._create(Step(operation, urn), new)
        if diff.replaces:
            # Everything here has a name of its own, so the old one must go before the new one can come.
            self._delete_for_replacement(old)
            return self._create(Step("replace", urn, tuple(sorted(diff.changed))), new)

        new["id"], new["created"] = old["id"], old["created"]
        if not diff.changed:
            new["outputs"], new["modified"] = old["outputs"], old["modified"]
            self._done(Step("same", urn), new)
        else:
            step = Step("update", urn, tuple(sorted(diff.changed)))
            with self._noted("updating", new):
                if self._preview:
                    new["outputs"] = {**old["outputs"], **inputs}
                else:
                    new["outputs"] = self._provider.update(token, old["id"], old["outputs"], inputs)
                self._done(step, new)
        return new["id"], new["outputs"]

    def _create(self, step: Step, new: Resource) -> tuple[str, Props]:
        with self._noted("creating", new):
            if self._preview:
                new["id"], new["outputs"] = "", new["inputs"]
            else:
                new["id"], new["outputs"] = self._provider.create(new["type"], new["inputs"])
            self._done(step, new)
        return new["id"], new["outputs"]

    def _delete_for_replacement(self, target: Resource) -> None:
        """Delete a resource, and before it those that must be replaced because it is."""
        with self._replacing:  # two that are replaced at once may share a dependent
            unknown = {target["urn"]}
            doomed = [target]
            with self._lock:
                olds = list(self._olds.values())
            for old in olds:
                stale = {key for key, urns in old.get("propertyDependencies", {}).items() if unknown & set(urns)}
                if not old["custom"] or not stale:
                    continue
                inputs = {**old["inputs"], **dict.fromkeys(stale, UNKNOWN)}
                if self._provider.diff(old["type"], old["outputs"], inputs).replaces:
                    unknown.add(old["urn"])
                    doomed.append(old)
            refuse_protected(doomed, "would be replaced")
            for old in reversed(doomed):
                self._replaced.add(old["urn"])
                self._delete(old)

    def _delete(self, old: Resource) -> None:
        with self._noted("deleting", old):
            if is_in_aws(old) and not old.get("retainOnDelete") and not self._preview:
                self._provider.delete(old["type"], old["id"], old["outputs"])
            with self._lock:
                del self._olds[old["urn"]]

    @contextlib.contextmanager
    def _noted(self, operation: str, resource: Resource) -> Iterator[None]:
        """Have the state say that an operation is under way, until it is known, and in the state, how it went."""
        if self._preview:
            yield
            return
        with self._lock:
            # A copy, because another thread's save may read it while this one adds to the resource.
            self._pending[resource["urn"]] = {"resource": dict(resource), "type": operation}
            self._save(self.resources, self.pending_operations)
        try:
            yield
        except Exception:
            self._strike_out(resource)
            raise
        self._strike_out(resource)  # of one that was interrupted nobody knows, so it stays

    def _strike_out(self, resource: Resource) -> None:
        with self._lock:
            del self._pending[resource["urn"]]
            self._save(self.resources, self.pending_operations)

    def _done(self, step: Step, new: Resource) -> None:
        with self._lock:
            self._news[step.urn] = new
            self._tell(step)

    def _tell(self, step: Step) -> None:
        with self._lock:
            self.steps.append(step)
            self._on_step(step)

    def _described(self, urn: str, request: Any, inputs: Props) -> Resource:
        """The resource as checkpoints have it, but for what bringing it about will add."""
        parent = self._news.get(request.parent, {})
        time = now()
        described: Resource = {
            "urn": urn,
            "custom": request.custom,
            "type": request.type,
            "inputs": inputs,
            "dependencies": list(request.dependencies),
            "propertyDependencies": {key: list(found.urns) for key, found in request.propertyDependencies.items()},
            "created": time,
            "modified": time,
        }
        for option in ("protect", "retainOnDelete"):  # children inherit both
            if getattr(request, option) if request.HasField(option) else parent.get(option):
                described[option] = True
        if request.parent:
            described["parent"] = request.parent
        return described

    def _default_provider(self, token: str, version: str) -> str:
        """A reference to the provider that resources use when they name none; it is a resource, too."""
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
                    "created": old["created"] if old else time,
                    "modified": old["modified"] if old else time,
                }
            return f"{urn}::{self._news[urn]['id']}"

    def _refuse_renaming(self, urn: str, request: Any) -> None:
        """The SDK sends aliases with everything; they count when the state has a resource under one of them."""
        formers = set(request.aliasURNs)
        for alias in request.aliases:
            spec = alias.spec
            parsed = urns.Urn.parse(urn)
            parents, _, type = parsed.qualified_type.rpartition("$")
            types = f"{parents}${spec.type or type}" if parents else spec.type or type
            renamed = str(parsed._replace(qualified_type=types, name=spec.name or request.name))
            formers.add(alias.urn or renamed)
        for former in sorted(formers & self._olds.keys() - {urn}):
            raise DeploymentError(
                f"{_name(urn)}: was {former}, and the embedded engine renames nothing; run this program with the "
                "Pulumi CLI"
            )

    def _refuse_secret(self, urn: str) -> DeploymentError:
        return DeploymentError(
            f"{_name(urn)}: a secret is among its values, and the embedded engine keeps none; run this program with "
            "the Pulumi CLI"
        )


def _carried(request: Any) -> set[str]:
    """The options that a registration sets; the SDK sends some as messages with nothing in them."""
    return {
        field.name
        for field, value in request.ListFields()
        if field.type != FieldDescriptor.TYPE_MESSAGE or field.is_repeated or value.ByteSize()
    }


def is_in_aws(resource: Resource) -> bool:
    """Whether AWS has it, too: components and providers are in the state alone."""
    return urns.is_in_aws(resource["type"])


def without_dangling(resources: list[Resource]) -> list[Resource]:
    """The resources without references to any that are gone: the CLI refuses a state that has such."""
    there = {resource["urn"] for resource in resources}
    return [
        {
            **resource,
            "dependencies": [urn for urn in resource.get("dependencies", []) if urn in there],
            "propertyDependencies": {
                key: [urn for urn in urns if urn in there]
                for key, urns in resource.get("propertyDependencies", {}).items()
            },
        }
        for resource in resources
    ]


def refuse_protected(resources: list[Resource], fate: str) -> None:
    """Raise DeploymentError when any of the resources is protected, naming each."""
    if protected := [_name(resource["urn"]) for resource in resources if resource.get("protect")]:
        raise DeploymentError(
            f"{', '.join(protected)}: protected, and {fate}; nothing was deleted. To let go of the protection, "
            "deploy with protect=False first"
        )


def _name(urn: str) -> str:
    return f"{urns.name_of(urn)} ({urns.type_of(urn)})"
