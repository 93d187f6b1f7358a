"""The `aws` provider for the emulator: the resource types that the program declares, over boto3.

`core` implements a provider's operations, on plain JSON values as in Pulumi's checkpoints; `plugin` serves it to the
Pulumi CLI; each AWS service has a module with its resource types.
"""
