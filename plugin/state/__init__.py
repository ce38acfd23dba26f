"""What the panel knows: typed observable models in plain Python, no Qt."""
