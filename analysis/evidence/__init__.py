"""Whether two domains differ by more than two draws of one."""
