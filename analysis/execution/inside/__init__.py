"""What runs inside the sandbox, as its first process: standard library only, no import from outside.

The folder is shown to the sandbox read-only; nothing in it is secret.
"""
