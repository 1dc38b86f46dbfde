"""A sub-model as a folder: planned, written, recorded, verified, published."""
