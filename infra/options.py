"""The resource options of a component's children."""

import pulumi


def child(parent: pulumi.Resource) -> pulumi.ResourceOptions:
    """Return the options of a child of `parent`. It is deleted before it is replaced: with a name of the program's own,
    a replacement would overwrite the old resource and then be deleted by that name (pulumi/pulumi#9909)."""
    return pulumi.ResourceOptions(parent=parent, delete_before_replace=True)


def retained_child(parent: pulumi.Resource, *, protect: bool) -> pulumi.ResourceOptions:
    """Return the options of a child that, with `protect`, is protected, and retained when its stack is destroyed."""
    retained = pulumi.ResourceOptions(protect=protect, retain_on_delete=protect)
    return pulumi.ResourceOptions.merge(child(parent), retained)
