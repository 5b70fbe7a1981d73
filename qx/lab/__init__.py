"""Floor 8: local regions: real servers on one machine, and the network between them that can be broken."""
