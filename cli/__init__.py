"""What `./sandbox` runs: a file for each verb, which parses, calls, prints and returns an exit code."""
