"""Assume a role with the job's token; export the session's credentials to the steps that follow."""

import json
import os
import urllib.request

from local_aws.provider.resource import Aws
from local_aws.rehearsal import github

request = urllib.request.Request(
    f"{os.environ['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=sts.amazonaws.com",
    headers={"Authorization": f"bearer {os.environ['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"},
)
with urllib.request.urlopen(request) as response:
    token = json.load(response)["value"]
for name in github.CREDENTIALS:
    os.environ.pop(name, None)
session = github.session(Aws(), os.environ["ROLE"], token, os.environ["SESSION"])
with open(os.environ["GITHUB_ENV"], "a") as file:
    file.writelines(f"{name}={value}\n" for name, value in session.items())
