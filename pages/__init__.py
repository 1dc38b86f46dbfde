"""The app's pages: widgets -> spec -> library call -> figure. They never import torch."""
