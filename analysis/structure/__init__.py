"""How domains are related: families, regions of weights that some domains keep, loud channels."""
