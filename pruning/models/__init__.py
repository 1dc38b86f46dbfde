"""A model: where it comes from, what it is made of, whether it is supported, and how it is held."""
