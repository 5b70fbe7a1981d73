"""Floor 3: what the engine may ask of the world. Protocols only."""
