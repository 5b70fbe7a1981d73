"""PostgreSQL 14 to 18 over its own protocol: what a node tells of itself, and what qx asks it to do."""
