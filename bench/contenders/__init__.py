"""What the calibration benchmark compares, each a program of its own: `python -m bench.contenders.X`."""
