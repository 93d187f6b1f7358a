"""The resource options that every child of a component has."""

import pulumi


def child(parent: pulumi.Resource) -> pulumi.ResourceOptions:
    """A child of `parent`. It is deleted before it is replaced: the program names what it makes, and of two of one name
    the second would take the first one's place and then be deleted by its name (pulumi/pulumi#9909)."""
    return pulumi.ResourceOptions(parent=parent, delete_before_replace=True)


def retained_child(parent: pulumi.Resource, *, protect: bool) -> pulumi.ResourceOptions:
    """A child that, with `protect`, is not deleted by mistake, and stays when its stack goes."""
    kept = pulumi.ResourceOptions(protect=protect, retain_on_delete=protect)
    return pulumi.ResourceOptions.merge(child(parent), kept)
