import pruning as pruning  # before numpy, whose speed it sets
