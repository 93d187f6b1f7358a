"""The embedded engine: what `pulumi up` does, for rehearsals on machines without the Pulumi CLI.

`store` is where state lives (a bucket or a folder), `stack` Pulumi's layout in it (state, history, lock), `program`
runs the project's program, `deployment` turns what the program declares into steps, `embedded` is the interface.
What the project does not use of Pulumi, the engine refuses by name rather than guess.
"""
