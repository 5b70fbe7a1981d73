"""Redis 6.2 and later, Valkey, and their Sentinels, over their own protocol."""
