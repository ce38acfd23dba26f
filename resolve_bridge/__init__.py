"""What speaks with DaVinci Resolve: the agent inside it and the Python end outside."""
