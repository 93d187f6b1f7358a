"""Incidents of a stack, rendered for people."""
