"""Pulumi's state and history of this project's stacks: where they are, what is in them, and how they are repaired."""
