"""The verbs. Read by whatever python3 there is, before there is an environment: data, and nothing else."""

PROGRAM = ["requirements.in"]
LOCAL = PROGRAM + ["local_aws/requirements.in"]
EVALUATION = LOCAL + ["evaluation/requirements.in"]
TEST = EVALUATION + ["tests/requirements.in"]

# requirements, and what must be there to import once they are installed
MODULES = {
    "requirements.in": ["pulumi", "pulumi_aws", "boto3", "ruamel.yaml", "pip"],
    "local_aws/requirements.in": ["ministack", "cbor2", "trustme"],
    "evaluation/requirements.in": ["jsonschema", "markdown_it", "scipy", "jinja2", "plotly"],
    "tests/requirements.in": ["pytest", "xdist", "hypothesis", "ruff", "mypy", "importlinter", "awscli"],
}

# verb, which is the module's name in cli/; the requirements that it needs; what it does
VERBS = [
    ("rehearse", LOCAL, "run the whole incident lifecycle on an AWS emulator on this machine"),
    ("local", LOCAL, "an AWS emulator that stays, and operations on its stacks without the Pulumi CLI"),
    ("bootstrap", PROGRAM, "make the account's foundation: state bucket, key, CI's roles; once, by a person"),
    ("status", PROGRAM, "is a stack deployed, is an incident active in it, and since when"),
    ("check", PROGRAM, "is a deployed stack healthy, or failing, and does its telemetry agree"),
    ("truth", PROGRAM, "what happened in a stack's last incident: the change, its onset, its end, and is that certain"),
    ("timeline", EVALUATION, "a stack's last incident on one time axis, as a page or as Markdown"),
    ("evaluate", EVALUATION, "ask an investigator what is wrong with a stack, and compare its answer with the truth"),
    ("recover", PROGRAM, "repair the state of a stack whose update was killed"),
    ("summary", PROGRAM, "what a workflow's run did, as Markdown for its page"),
    ("test", TEST, "lint, types and tests"),
    ("benchmark", TEST, "how long things take, beside what people would use instead"),
]
