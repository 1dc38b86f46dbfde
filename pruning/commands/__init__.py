"""The commands of `python -m pruning`, one file each. Heavy imports wait until a command runs."""
