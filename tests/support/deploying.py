"""This project's own stacks, deployed by the embedded engine."""

from pathlib import Path
from urllib.parse import urlsplit

from local_aws.engine.embedded import EmbeddedEngine
from local_aws.engine.store import Bucket, Folder
from local_aws.provider.resource import Aws


def app_over_bootstrap(root: Path, aws: Aws, folder: Path, **settings: str) -> tuple[EmbeddedEngine, Bucket, str]:
    """Deploy bootstrap with its state in a folder and with these settings, and prepare the app without deploying it.

    Return the app's engine, the bucket of its state, and the backendUrl of bootstrap.
    """
    bootstrap = EmbeddedEngine(root, "bootstrap", aws, Folder(folder))
    for key, value in {"githubRepository": "octo-org/octo-repo", **settings}.items():
        bootstrap.set_config(key, value)
    outputs = bootstrap.up().outputs
    store = Bucket(aws, urlsplit(outputs["backendUrl"]).netloc)
    app = EmbeddedEngine(root, "app", aws, store, secrets_provider=lambda: str(outputs["secretsProvider"]))
    return app, store, outputs["backendUrl"]
