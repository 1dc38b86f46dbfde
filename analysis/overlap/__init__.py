"""What the masks of several domains share, and views of them."""
