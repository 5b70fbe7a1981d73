"""Stores of the record of validations: one chain for each region, in SQLite or in that region's PostgreSQL."""
