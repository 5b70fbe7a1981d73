"""Official sanctions lists as they are published -> SanctionsList: OFAC, UN, EU, UK."""
