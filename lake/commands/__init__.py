"""The verbs of `./run lake`, a module for each group of them."""
