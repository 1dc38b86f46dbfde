"""What pages share: frame, choices kept in the address, the library behind caches, the job view."""
