#!/usr/bin/env bash
# Sets, in this checkout, what the variables decide for the selected stack and not its committed file.
set -e
region=$(pulumi config get aws:region 2> /dev/null || true)
if [ -n "$region" ] && [ "$region" != "$AWS_REGION" ]; then
  exec .github/fail.sh "Pulumi.$STACK.yaml has aws:region $region, and the variable AWS_REGION is $AWS_REGION: make them the same."
fi
exec pulumi config set-all --plaintext aws:region="$AWS_REGION" --plaintext githubRepository="$GITHUB_REPOSITORY"
