"""Market risk: what a portfolio may lose. Pure, numpy only; P&L has gains positive, VaR and ES have losses positive."""
