"""Sums to scores, scores to masks, and which masks make one sub-model."""
