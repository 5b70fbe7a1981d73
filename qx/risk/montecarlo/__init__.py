"""Monte Carlo in blocks: pure work on one at a time, the same digits in any order and on any number of workers."""
