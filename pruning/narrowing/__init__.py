"""Whole parts removed from a model, so that it is really smaller: channels, heads, layers."""
