"""The `aws` provider for the emulator: the resource types that the program declares, over boto3.

`core` holds what a provider does, on plain JSON values as Pulumi's checkpoints have them; `plugin` offers it to
the Pulumi CLI; one module per AWS service knows the service's resources.
"""
