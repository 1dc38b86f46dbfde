"""Models that do not fit into memory: one decoder layer at a time from the checkpoint's shards."""
