"""The panel an editor works in; it talks to the host bridge and to the engine's lines."""
