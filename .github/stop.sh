#!/usr/bin/env bash
# Ends a step: says why as an annotation, and on the run's page.
echo "::error::$1"
echo "$1" >> "$GITHUB_STEP_SUMMARY"
exit 1
