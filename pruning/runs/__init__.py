"""Calibration runs and the workspace that holds them: sums, tokens, manifests, and what is kept."""
