"""A thousand made-up company names that are nobody's, to measure by what a threshold costs in false alarms. Pure.

They are put together from words that trading companies use, so that they look like counterparties and like listed ones.
"""

from __future__ import annotations

from itertools import product

OWN = (
    "Harbour Lane", "Copper Gate", "Maris", "Northwind", "Tamarind", "Bellwether", "Quayside", "Osprey Point",
    "Juniper", "Larkfield", "Meridian Arc", "Oakhaven", "Saltmarsh", "Brightwater", "Kestrel", "Alderbrook",
    "Pemberton", "Vantage Hill", "Marlow", "Cobalt Bay", "Delphine", "Everstone", "Falconer", "Granary",
    "Hollybush", "Inverlea", "Jadewing", "Kingsmere", "Lodestar", "Millrace", "Novaterra", "Orchard Row",
    "Palisade", "Quillon", "Ravensworth", "Silverbeck", "Thornbury", "Umberfield", "Valebrook", "Westerly",
)  # fmt: skip
DOES = (
    "Energy Trading", "Petroleum", "Oil and Gas", "Shipping", "Marine Services", "Gas Supply", "Commodities",
    "Refining", "Fuel Logistics", "Crude Marketing", "Bunkering", "Tankers", "Pipelines", "Resources",
    "International Trading", "General Trading", "Petrochemicals", "Power", "Maritime", "Industrial Group",
    "Investments", "Trade Finance", "Bank", "Oilfield Services", "Terminals",
)  # fmt: skip
FORMS = ("Limited", "LLC", "DMCC", "W.L.L.", "S.A.", "GmbH", "Inc.", "Pte Ltd", "B.V.", "Company")


def innocents() -> tuple[str, ...]:
    return tuple(f"{own} {does} {FORMS[n % len(FORMS)]}" for n, (own, does) in enumerate(product(OWN, DOES)))
