"""Text through the dense model, once: the sums of squares of what every weight reads."""
