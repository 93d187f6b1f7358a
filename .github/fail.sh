#!/usr/bin/env bash
# Fails a step: says why as an annotation, and on the run's page. The text may be anybody's: neither is to read it as a
# command or as Markdown.
text=${1//$'\n'/ }
text=${text//$'\r'/ }
echo "::error::${text//%/%25}"
printf '~~~~\n%s\n~~~~\n' "$text" >> "$GITHUB_STEP_SUMMARY"
exit 1
