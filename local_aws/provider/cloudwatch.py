"""CloudWatch alarms."""

from typing import TYPE_CHECKING, Any

from local_aws.provider.resource import (
    Props,
    Resource,
    from_key_values,
    key_values,
    removed_tag_keys,
    restricted_to,
    to_api,
)

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricAlarmTypeDef

_TO_API = {"name": "alarmName"}


class MetricAlarm(Resource):
    token = "aws:cloudwatch/metricAlarm:MetricAlarm"
    inputs = frozenset(
        {
            "name",
            "alarmDescription",
            "namespace",
            "metricName",
            "dimensions",
            "statistic",
            "period",
            "evaluationPeriods",
            "comparisonOperator",
            "threshold",
            "treatMissingData",
            "tags",
        }
    )
    replaces = frozenset({"name"})

    def create(self, new: Props) -> tuple[str, Props]:
        self._put(new, Tags=key_values(new.get("tags")))
        alarm = self._describe(new["name"])
        assert alarm is not None
        return new["name"], {"arn": alarm["AlarmArn"]}

    def read(self, id: str, old: Props) -> Props | None:
        alarm = self._describe(id)
        if alarm is None:
            return None
        plain = {_TO_API.get(key, key): old.get(key) for key in self.inputs - {"dimensions", "tags"}}
        actual = restricted_to(plain, alarm)
        tags = self.aws.client("cloudwatch").list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
        return {
            **{key: actual.get(_TO_API.get(key, key)) for key in self.inputs - {"dimensions", "tags"}},
            "dimensions": {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]},
            "tags": from_key_values(tags),
            "arn": alarm["AlarmArn"],
        }

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        cloudwatch = self.aws.client("cloudwatch")
        if changed - {"tags"}:
            self._put(new)
        if "tags" in changed:
            if removed := removed_tag_keys(old, new):
                cloudwatch.untag_resource(ResourceARN=old["arn"], TagKeys=removed)
            if new.get("tags"):
                cloudwatch.tag_resource(ResourceARN=old["arn"], Tags=key_values(new["tags"]))
        return {}

    def delete(self, id: str, old: Props) -> None:
        self.aws.client("cloudwatch").delete_alarms(AlarmNames=[id])  # AWS ignores names that do not exist

    def _put(self, new: Props, **more: Any) -> None:
        # `Any`: what is spread has one type for all parameters.
        cloudwatch = self.aws.client("cloudwatch")
        plain = {_TO_API.get(key, key): value for key, value in new.items() if key not in ("dimensions", "tags")}
        dimensions: list[DimensionTypeDef] = [
            {"Name": name, "Value": value} for name, value in new.get("dimensions", {}).items()
        ]
        cloudwatch.put_metric_alarm(**to_api(cloudwatch, "PutMetricAlarm", plain), Dimensions=dimensions, **more)

    def _describe(self, name: str) -> "MetricAlarmTypeDef | None":
        alarms = self.aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return alarms[0] if alarms else None


RESOURCES = (MetricAlarm,)
