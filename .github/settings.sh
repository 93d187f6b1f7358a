#!/usr/bin/env bash
# Sets, in this checkout, what the repository decides for the selected stack and not its committed file.
set -e
region=$(sed -n 's/^ *aws:region: *//p' "Pulumi.$STACK.yaml" || true)
if [ -n "$region" ] && [ "$region" != "$AWS_REGION" ]; then
  exec .github/stop.sh \
    "Pulumi.$STACK.yaml has aws:region $region, and the repository variable AWS_REGION is $AWS_REGION: make them the same."
fi
exec pulumi config set-all --plaintext aws:region="$AWS_REGION" --plaintext githubRepository="$GITHUB_REPOSITORY"
