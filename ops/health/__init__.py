"""The deployed workload: its responses, its telemetry, and the judgement on both. Reading only."""
