"""The machine under everything: processor, files, locks, memory. Its face imports no numpy."""
