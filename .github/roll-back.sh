#!/usr/bin/env bash
# Makes the stack $STACK healthy again at the end of a job: $1 is how its last step ended, $2 the message of the update.
set -e
if [ "$1" = cancelled ]; then # and maybe killed, with its lock held; the stack is this job's until it ends
  pulumi cancel --yes --stack "$STACK"
  ./sandbox recover --stack "$STACK"
fi
pulumi config set failMode false
pulumi up --yes --skip-preview --stack "$STACK" --message "$2" --event-log "$RUNNER_TEMP/rollback.json"
# GitHub gives a cancelled run five minutes in all, often less than CloudWatch needs to show OK.
if [ "$JOB_STATUS" = cancelled ]; then
  exec ./sandbox check --stack "$STACK" --expect recovering --timeout 90 --json "$RUNNER_TEMP/again.json"
fi
exec ./sandbox check --stack "$STACK" --expect healthy --timeout 300 --json "$RUNNER_TEMP/again.json"
