"""The embedded demo: a small language model trained on seven domains, and the programs that made it."""
