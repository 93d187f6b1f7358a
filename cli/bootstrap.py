"""`./sandbox bootstrap`: the account's foundation, made once by a person."""

import argparse
import os
import shlex
import sys
from pathlib import Path

from ops import foundation, project
from ops.console import Console
from ops.errors import UsageError
from ops.foundation import Account, Result
from ops.stacks import automation


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox bootstrap",
        description="Make the account's foundation, or bring it up to date: state bucket, key, CI's roles and their "
        "trust. Run by a person, with AWS credentials in the shell. When it was interrupted, run it again: it goes on.",
    )
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set a value in Pulumi.bootstrap.yaml first, such as githubRepository=OWNER/NAME",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before anything is changed")
    return parser


def main(argv: list[str]) -> int:
    options = arguments().parse_args(argv)
    if os.environ.get("CI", "").lower() in ("true", "1"):
        raise UsageError(
            f"CI is {os.environ['CI']!r}: bootstrap is run by a person, because it makes the roles that limit CI; run "
            "it in a shell of your own"
        )
    if not options.yes and not sys.stdin.isatty():
        raise UsageError("standard input is no terminal to ask on: add --yes to go on without being asked")
    config = [project.setting(text) for text in options.config]
    folder = project.folder()
    cli = automation.cli()
    account = foundation.current_account(project.region(folder, foundation.STACK))
    console = Console()
    console.line(f"bootstrap of account {account.number} in {account.region}, as {account.caller}")
    result = foundation.run(cli, folder, account, config, console, ask=None if options.yes else _ask)
    if result is None:
        console.line("nothing was changed in AWS" + (f"; --config is in {_stack_file(folder)}" if config else ""))
        return 1
    _print(result, account, folder, console)
    return 0


def _ask(console: Console) -> bool:
    console.line("Go on? Only `yes` does.")
    return sys.stdin.readline().strip() == "yes"


def _stack_file(folder: Path) -> Path:
    return project.stack_file(folder, foundation.STACK)


def _print(result: Result, account: Account, folder: Path, console: Console) -> None:
    repository = project.stack_config(folder, foundation.STACK)[foundation.REPOSITORY]
    console.line(f"\nThe foundation is in place, its state in s3://{account.bucket}")
    if result.kept:
        console.line(f"The first state is kept in {result.kept}")
        console.line(f"Commit {_stack_file(folder).name}, which names the key")
    variables = result.outputs["githubVariables"]
    environment = variables["repository"]["DEPLOY_ENVIRONMENT"]
    console.line(f"\nVariables of the GitHub environment {environment}, and of the repository for previews:")
    for owner, values in variables.items():
        option = f" --env {shlex.quote(environment)}" if owner == "environment" else ""
        for name, value in values.items():
            console.line(f"  gh variable set {name} --body {shlex.quote(value)} --repo {repository}{option}")
    console.line("\nNext:")
    if os.environ.get("PULUMI_BACKEND_URL") != account.backend_url:
        console.line(f"  export PULUMI_BACKEND_URL={shlex.quote(account.backend_url)}")
    console.line(f"  pulumi stack init app --secrets-provider {shlex.quote(result.outputs['secretsProvider'])}")
    console.line("  pulumi up --stack app")
