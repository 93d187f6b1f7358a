"""Investigators: whoever can be asked the question. Each is a file, behind the interface in investigator.py."""
