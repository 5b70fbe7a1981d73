"""Option prices of futures and their averages, over whole arrays: pure numpy, each formula with its source.

Arguments broadcast against each other. `sign` is 1 of a call and -1 of a put; `vol` is for one year, `years` to
expiry, `rate` continuous. At or past expiry, or without volatility, a price is its discounted intrinsic value.
"""
