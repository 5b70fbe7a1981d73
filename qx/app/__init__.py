"""Floor 7: wiring. The only place that knows everybody: configuration -> adapters -> use cases."""
