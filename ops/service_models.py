"""The models of AWS's services, as botocore has them: read once, whatever sessions there are.

Each session would read them anew, which is most of the time that it takes to make a client. Without boto3, whose import
takes longer than everything else that the resource plugin needs.
"""

import functools

import botocore.session
from botocore.loaders import Loader


def session() -> botocore.session.Session:
    """Return a new session of botocore that shares the models with the others."""
    new, loader = botocore.session.get_session(), _loader()
    loader.search_paths[:] = dict.fromkeys(loader.search_paths)  # boto3 adds its folder for each of its sessions
    new.register_component("data_loader", loader)
    return new


@functools.cache
def _loader() -> Loader:
    loader: Loader = botocore.session.get_session().get_component("data_loader")
    return loader
