"""The same prompt continued by a model and by its sub-models, token by token."""
