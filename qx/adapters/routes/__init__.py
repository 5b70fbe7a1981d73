"""Where clients are sent: one module per driver of the Route port."""
