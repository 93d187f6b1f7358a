"""Investigators: whoever can be asked the question. Each is a file, behind the interface in investigator.py."""

AGENTS = ("devops-agent", "command", "person", "runbook", "always-healthy", "last-change", "shotgun", "echo")
"""Their names, those first that a report is about, those last that answer without investigating."""
