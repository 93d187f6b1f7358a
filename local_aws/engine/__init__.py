"""The engines: the Pulumi CLI, and an embedded one for machines without it, which does what `pulumi up` does.

`store` is the backend (a bucket or a folder), `stack` Pulumi's layout in it (state, history, lock), `program` runs the
project's program, `deployment` turns its resources into steps, `embedded` is the interface; `cli` is the same interface
over the Pulumi CLI, and `choice` chooses between them. The embedded engine refuses, by name, every feature of Pulumi
that the project does not use.
"""
