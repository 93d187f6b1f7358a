"""What an investigator says of the workload, read, and compared with what really happened."""
