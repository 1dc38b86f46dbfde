"""The commands of `python -m analysis`, one file each. Heavy imports wait until a command runs."""
