"""VaR and ES held against P&L: counts, independence, traffic light, ES. Pure; whole tables of books at once.

An exception is a day whose P&L lies below -VaR. `chance` is that of an exception, 1 - level.
"""
