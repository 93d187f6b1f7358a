"""CloudWatch Logs."""

from local_aws.provider.resource import Props, Resource, removed_tag_keys


class LogGroup(Resource):
    token = "aws:cloudwatch/logGroup:LogGroup"
    inputs = frozenset({"name", "retentionInDays", "tags"})
    replaces = frozenset({"name"})

    def create(self, new: Props) -> tuple[str, Props]:
        logs = self.aws.client("logs")
        logs.create_log_group(logGroupName=new["name"], tags=new.get("tags") or {})
        arn = f"arn:{self.aws.partition}:logs:{self.aws.region}:{self.aws.account}:log-group:{new['name']}"
        return new["name"], {"arn": arn}

    def complete(self, id: str, new: Props) -> None:
        if new.get("retentionInDays"):
            self._put_retention(new)

    def read(self, id: str, old: Props) -> Props | None:
        logs = self.aws.client("logs")
        groups = [
            group
            for group in logs.describe_log_groups(logGroupNamePrefix=id)["logGroups"]
            if group["logGroupName"] == id
        ]
        if not groups:
            return None
        arn = groups[0]["arn"].removesuffix(":*")
        tags = logs.list_tags_for_resource(resourceArn=arn)["tags"]
        return {"name": id, "arn": arn, "retentionInDays": groups[0].get("retentionInDays"), "tags": tags}

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        logs = self.aws.client("logs")
        if "retentionInDays" in changed:
            self._put_retention(new)
        if "tags" in changed:
            if removed := removed_tag_keys(old, new):
                logs.untag_resource(resourceArn=old["arn"], tagKeys=removed)
            if new.get("tags"):
                logs.tag_resource(resourceArn=old["arn"], tags=new["tags"])
        return {}

    def delete(self, id: str, old: Props) -> None:
        self.aws.client("logs").delete_log_group(logGroupName=id)

    def _put_retention(self, new: Props) -> None:
        logs = self.aws.client("logs")
        if new.get("retentionInDays"):
            logs.put_retention_policy(logGroupName=new["name"], retentionInDays=int(new["retentionInDays"]))
        else:
            logs.delete_retention_policy(logGroupName=new["name"])


RESOURCES = (LogGroup,)
