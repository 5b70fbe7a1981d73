"""Floor 4: regions.yaml -> the model, every error at its file:line:column."""
