"""The bundled shot of the first run: nine frames, their matte, and what they show."""
