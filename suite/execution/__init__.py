"""Where cohorts train: in this process, in spawned processes, later on a cluster."""
