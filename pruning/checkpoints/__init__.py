"""Checkpoint files as they lie on disk: headers, tensors, shards, and the small form of a matrix."""
