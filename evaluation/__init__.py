"""What an investigator says of the workload, read and held against what really happened."""
