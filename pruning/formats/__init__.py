"""How the weights of a sub-model can be stored: plain, or small."""
