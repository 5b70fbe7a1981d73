"""Who knows the customers: drivers of `qx.ports.kyc`."""
