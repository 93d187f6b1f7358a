"""EventBridge rules and their targets."""

from typing import Any

from local_aws.provider.resource import Props, Resource, from_key_values, key_values, removed_tag_keys


class EventRule(Resource):
    token = "aws:cloudwatch/eventRule:EventRule"
    inputs = frozenset({"name", "description", "scheduleExpression", "state", "tags"})
    replaces = frozenset({"name"})

    def create(self, new: Props) -> tuple[str, Props]:
        arn = self._put(new, Tags=key_values(new.get("tags")))
        return new["name"], {"arn": arn}

    def read(self, id: str, old: Props) -> Props | None:
        events = self.aws.client("events")
        rule = events.describe_rule(Name=id)
        tags = from_key_values(events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"])
        actual = {
            "name": id,
            "description": rule.get("Description", ""),
            "scheduleExpression": rule.get("ScheduleExpression"),
            "state": rule["State"],
        }
        return {**{key: value for key, value in actual.items() if key in old}, "tags": tags, "arn": rule["Arn"]}

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        events = self.aws.client("events")
        if changed - {"tags"}:
            self._put(new)
        if "tags" in changed:
            if removed := removed_tag_keys(old, new):
                events.untag_resource(ResourceARN=old["arn"], TagKeys=removed)
            if new.get("tags"):
                events.tag_resource(ResourceARN=old["arn"], Tags=key_values(new["tags"]))
        return {}

    def delete(self, id: str, old: Props) -> None:
        self.aws.client("events").delete_rule(Name=id)

    def _put(self, new: Props, **more: Any) -> str:
        # `Any`: what is spread has one type for all parameters.
        response = self.aws.client("events").put_rule(
            Name=new["name"],
            Description=new.get("description", ""),
            ScheduleExpression=new["scheduleExpression"],
            State=new.get("state", "ENABLED"),
            **more,
        )
        return str(response["RuleArn"])


class EventTarget(Resource):
    token = "aws:cloudwatch/eventTarget:EventTarget"
    inputs = frozenset({"rule", "targetId", "arn"})
    replaces = frozenset({"rule", "targetId"})

    def create(self, new: Props) -> tuple[str, Props]:
        self._put(new)
        return f"{new['rule']}-{new['targetId']}", {}

    def read(self, id: str, old: Props) -> Props | None:
        targets = self.aws.client("events").list_targets_by_rule(Rule=old["rule"])["Targets"]
        arns = [target["Arn"] for target in targets if target["Id"] == old["targetId"]]
        return {"arn": arns[0]} if arns else None

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        self._put(new)
        return {}

    def delete(self, id: str, old: Props) -> None:
        self.aws.client("events").remove_targets(Rule=old["rule"], Ids=[old["targetId"]])

    def _put(self, new: Props) -> None:
        client = self.aws.client("events")
        client.put_targets(Rule=new["rule"], Targets=[{"Id": new["targetId"], "Arn": new["arn"]}])


RESOURCES = (EventRule, EventTarget)
