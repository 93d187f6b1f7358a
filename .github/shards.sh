#!/usr/bin/env bash
# Checks evaluate's inputs, and writes a shard for each stack, as JSON, and each shard's part of the money.
set -e
read -ra stacks <<< "$STACKS"
read -ra spaces <<< "$SPACES"
count=${#stacks[@]}
most=$((count * 11)) # of half an hour each in the six hours that a job lasts at most
if ! [[ "$TRIALS" =~ ^[1-9][0-9]{0,3}$ ]] || ((TRIALS > most)); then
  exec .github/fail.sh "trials is '$TRIALS': it must be a number from 1 to $most, because a job lasts 6 hours at most; \
name more stacks for more."
fi
for stack in "${stacks[@]}"; do
  if ! [[ "$stack" =~ ^[A-Za-z0-9_][A-Za-z0-9_-]{0,27}$ ]] || [ "$stack" = bootstrap ]; then
    exec .github/fail.sh "stacks has '$stack': it must have app stacks' plain names, separated by spaces."
  fi
done
if [ "$AGENT" = devops-agent ] && ((${#spaces[@]} != count)); then
  exec .github/fail.sh "spaces has ${#spaces[@]} agent spaces for $count stacks: name one for each, because a space \
investigates one thing at a time."
fi
if ! [[ "$MAX_USD" =~ ^[0-9]+(\.[0-9]+)?$ ]]; then
  exec .github/fail.sh "max_usd is '$MAX_USD': it must be a number of US dollars."
fi
shards=
for index in "${!stacks[@]}"; do
  shards+="${shards:+,}{\"stack\":\"${stacks[$index]}\",\"shard\":\"$((index + 1))/$count\"}"
done
{
  echo "shards=[$shards]"
  # In other locales awk writes, and some read, a comma.
  echo "max_usd=$(LC_ALL=C awk -v all="$MAX_USD" -v count="$count" 'BEGIN { printf "%.2f", all / count }')"
} >> "$GITHUB_OUTPUT"
