"""Campaigns: many trials of one investigator, planned by a seed, run on stacks, kept in a folder."""
