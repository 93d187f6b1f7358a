"""`python -m tests.support.keeping`, in a checkout: its emulator, which stays, with bootstrap and the app deployed.

What `./sandbox rehearse --keep` leaves, without the incident that it has before: half of the time.
"""

from local_aws.emulator import process, registry
from local_aws.engine.choice import choose
from local_aws.rehearsal import github
from ops import project
from ops.project import ROOT

MESSAGE = "deploy"


def main() -> None:
    region = project.region(ROOT, "app")
    with registry.reserved(), process.running(region) as emulator:
        emulator.replace_environment()
        engines = choose("embedded", emulator)
        engines.bootstrap(github.REPOSITORY, MESSAGE)
        engines.stack("app").up(MESSAGE)
        registry.register(emulator)


if __name__ == "__main__":
    main()
