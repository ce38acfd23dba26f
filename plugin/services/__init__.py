"""The panel's ends to the world: engine processes, host, storage, settings."""
