"""What pruning buys today: bytes on disk, bytes in memory and tokens per second, measured."""
