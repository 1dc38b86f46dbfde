"""Repair: a sub-model whose kept weights are fitted again, so that it answers like the dense model."""
