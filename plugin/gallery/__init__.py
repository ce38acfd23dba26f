"""Pictures of every state of the panel, from real widgets on generated data."""
