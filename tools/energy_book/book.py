"""portfolio.csv: what a trading house of four desks might hold on the last day of prices.csv."""

from __future__ import annotations

COLUMNS = (
    "position_id", "book", "desk", "strategy", "region", "instrument", "underlying", "contract", "quantity", "unit",
    "lot_size", "price", "price_unit", "currency", "option_type", "strike", "expiry", "exercise", "style", "vol_factor",
    "underlying_2", "ratio_2", "vol_factor_2", "correlation", "delta", "gamma", "vega", "location", "grade",
    "basis_factor", "volume_tolerance_pct", "pricing_window", "liquidity_days", "counterparty", "limit_group",
)  # fmt: skip

Told = dict[str, object]
Row = tuple[str, str, str, str, int, str, Told]


def _option(kind: str, strike: float, expiry: str, vol: str, *, american: bool = False) -> Told:
    exercise = "american" if american else "european"
    return {
        "option_type": kind, "strike": strike, "expiry": expiry, "exercise": exercise, "style": "black76",
        "vol_factor": vol,
    }  # fmt: skip


def _at(price: float, price_unit: str) -> Told:
    minor, _, _ = price_unit.partition("/")
    return {"price": price, "price_unit": price_unit, "currency": {"GBp": "GBP"}.get(minor, minor)}


# (id, instrument, underlying, contract, quantity, unit, the rest); within a book what all of it shares.
_BOOKS: tuple[tuple[Told, tuple[Row, ...]], ...] = (
    ({"book": "CRUDE-US", "desk": "Houston", "region": "us-east", "limit_group": "oil"}, (
        ("CU-01", "future", "CL", "2027-01", 350, "lot", {"strategy": "flow", **_at(66.92, "USD/bbl")}),
        ("CU-02", "future", "CL", "2027-03", -280, "lot", {"strategy": "calendar", **_at(67.40, "USD/bbl")}),
        ("CU-03", "future", "CL", "2027-12", 150, "lot", {"strategy": "calendar", **_at(65.85, "USD/bbl")}),
        ("CU-04", "swap", "CL", "2027-01..2027-06", -600_000, "bbl",
         {"strategy": "producer", "counterparty": "Permian Basin Partners", **_at(68.10, "USD/bbl")}),
        ("CU-05", "option", "CL", "2027-02", 400, "lot",
         {"strategy": "volatility", **_at(1.62, "USD/bbl"), **_option("call", 70, "2027-01-14", "VCL", american=True)}),
        ("CU-06", "option", "CL", "2027-02", -400, "lot",
         {"strategy": "volatility", **_at(1.18, "USD/bbl"), **_option("put", 62, "2027-01-14", "VCL", american=True)}),
        ("CU-07", "asian_option", "CL", "2027-01", 300_000, "bbl",
         {"strategy": "consumer", "counterparty": "Gulf Coast Air", **_at(2.05, "USD/bbl"),
          **_option("call", 68.5, "2027-01-29", "VCL")}),
        ("CU-08", "cargo", "CL", "2027-01", 700_000, "bbl",
         {"strategy": "physical", "location": "Houston", "grade": "crude", "basis_factor": "MEH",
          "volume_tolerance_pct": 5, "counterparty": "Brazos Midstream", **_at(68.60, "USD/bbl")}),
    )),
    ({"book": "CRUDE-EU", "desk": "London", "region": "eu-west", "limit_group": "oil"}, (
        ("CE-01", "future", "BZ", "2027-01", -420, "lot", {"strategy": "hedge", **_at(68.05, "USD/bbl")}),
        ("CE-02", "future", "BZ", "2027-06", 300, "lot", {"strategy": "calendar", **_at(68.10, "USD/bbl")}),
        ("CE-03", "swap", "BZ", "2027-01..2027-03", 500_000, "bbl",
         {"strategy": "flow", "counterparty": "Hanse Energie", **_at(67.75, "USD/bbl")}),
        ("CE-04", "option", "BZ", "2027-03", 250, "lot",
         {"strategy": "volatility", **_at(1.95, "USD/bbl"), **_option("put", 65, "2027-01-26", "VBZ")}),
        ("CE-05", "cargo", "BZ", "2027-01", 600_000, "bbl",
         {"strategy": "physical", "location": "Sullom Voe", "grade": "crude", "volume_tolerance_pct": 5,
          "pricing_window": "2026-11-16..2026-11-27", "counterparty": "Shetland Crude", **_at(67.90, "USD/bbl")}),
        ("CE-06", "cargo", "BZ", "2027-02", -80_000, "t",
         {"strategy": "physical", "location": "Mongstad", "grade": "7.15 bbl/t", "volume_tolerance_pct": 5,
          "counterparty": "Rhein Raffinerie", **_at(68.80, "USD/bbl")}),
        ("CE-07", "spread_option", "BZ", "2027-02", 200_000, "bbl",
         {"strategy": "arbitrage", **_at(1.90, "USD/bbl"), **_option("call", 2, "2027-01-14", "VBZ"),
          "underlying_2": "CL", "ratio_2": 1, "vol_factor_2": "VCL", "correlation": 0.94}),
        ("CE-08", "option", "BZ", "2027-06", 1, "lot",
         {"strategy": "structured", "option_type": "call", "strike": 75, "expiry": "2027-04-27", "vol_factor": "VBZ",
          "delta": -120_000, "gamma": -9_500, "vega": -1_450_000, "price_unit": "USD/bbl", "currency": "USD",
          "counterparty": "Nordsee Bank"}),
    )),
    ({"book": "CRUDE-ME", "desk": "Manama", "region": "me-central", "limit_group": "oil"}, (
        ("CM-01", "swap", "DUB", "2027-01..2027-02", -450_000, "bbl",
         {"strategy": "hedge", "counterparty": "Awal Trading", **_at(70.35, "USD/bbl")}),
        ("CM-02", "cargo", "DUB", "2027-02", 500_000, "bbl",
         {"strategy": "physical", "location": "Sitra", "grade": "crude", "volume_tolerance_pct": 3,
          "liquidity_days": 40, "counterparty": "Awal Trading", **_at(69.70, "USD/bbl")}),
        ("CM-03", "cash", "BHD", "", 900_000, "BHD", {"strategy": "margin", "currency": "BHD"}),
    )),
    ({"book": "PRODUCTS", "desk": "London", "region": "eu-west", "limit_group": "oil"}, (
        ("PR-01", "future", "HO", "2027-01", 180, "lot", {"strategy": "crack", **_at(2.1480, "USD/gal")}),
        ("PR-02", "future", "RB", "2027-01", -150, "lot", {"strategy": "crack", **_at(1.9125, "USD/gal")}),
        ("PR-03", "future", "GO", "2027-01", -220, "lot",
         {"strategy": "arbitrage", "lot_size": 100, **_at(583.25, "USD/t")}),
        ("PR-04", "swap", "HO", "2026-12..2027-02", -4_200_000, "gal",
         {"strategy": "consumer", "counterparty": "Gulf Coast Air", **_at(2.2050, "USD/gal")}),
        ("PR-05", "spread_option", "HO", "2027-01", -150_000, "bbl",
         {"strategy": "crack", **_at(2.60, "USD/bbl"), **_option("call", 25, "2026-12-28", "VHO"), "underlying_2": "CL",
          "ratio_2": 1, "vol_factor_2": "VCL", "correlation": 0.86}),
        ("PR-06", "asian_option", "HO", "2027-01", 2_100_000, "gal",
         {"strategy": "consumer", "counterparty": "Gulf Coast Air", **_at(0.0610, "USD/gal"),
          **_option("put", 2.15, "2027-01-29", "VHO")}),
        ("PR-07", "cargo", "RB", "2027-01", 33_000, "t",
         {"strategy": "physical", "location": "New York Harbor", "grade": "gasoline", "volume_tolerance_pct": 10,
          "counterparty": "Rhein Raffinerie", **_at(1.8890, "USD/gal")}),
        ("PR-08", "cargo", "GO", "2026-12", -30_000, "t",
         {"strategy": "physical", "location": "Rotterdam", "grade": "gasoil", "volume_tolerance_pct": 10,
          "counterparty": "Hanse Energie", **_at(574.50, "USD/t")}),
    )),
    ({"book": "GAS-US", "desk": "Houston", "region": "us-east", "limit_group": "gas"}, (
        ("GU-01", "future", "NG", "2027-01", 420, "lot", {"strategy": "seasonal", **_at(4.105, "USD/MMBtu")}),
        ("GU-02", "future", "NG", "2027-05", -450, "lot", {"strategy": "seasonal", **_at(3.090, "USD/MMBtu")}),
        ("GU-03", "swap", "NG", "2027-01..2027-03", -1_800_000, "MMBtu",
         {"strategy": "producer", "counterparty": "Permian Basin Partners", **_at(4.020, "USD/MMBtu")}),
        ("GU-04", "swap", "WAHA", "", 1_200_000, "MMBtu",
         {"strategy": "basis", "counterparty": "Permian Basin Partners", **_at(-1.620, "USD/MMBtu")}),
        ("GU-05", "option", "NG", "2027-02", 300, "lot",
         {"strategy": "volatility", **_at(0.245, "USD/MMBtu"), **_option("call", 5, "2027-01-26", "VNG")}),
        ("GU-06", "option", "NG", "2027-02", -250, "lot",
         {"strategy": "volatility", **_at(0.210, "USD/MMBtu"), **_option("put", 3.5, "2027-01-26", "VNG")}),
        ("GU-07", "asian_option", "NG", "2027-01", -750_000, "MMBtu",
         {"strategy": "consumer", "counterparty": "Bayou Power", **_at(0.335, "USD/MMBtu"),
          **_option("call", 4.5, "2027-01-29", "VNG")}),
    )),
    ({"book": "GAS-EU", "desk": "London", "region": "eu-west", "limit_group": "gas"}, (
        ("GE-01", "future", "TTF", "2027-01", 74_400, "MWh", {"strategy": "flow", **_at(32.850, "EUR/MWh")}),
        ("GE-02", "swap", "TTF", "2026-12..2027-02", -150_000, "MWh",
         {"strategy": "consumer", "counterparty": "Hanse Energie", **_at(33.900, "EUR/MWh")}),
        ("GE-03", "future", "NBP", "2027-01", 1_550_000, "therm", {"strategy": "arbitrage", **_at(70.80, "GBp/therm")}),
        ("GE-04", "cash", "EUR", "", -1_800_000, "EUR", {"strategy": "margin", "currency": "EUR"}),
    )),
    ({"book": "LNG", "desk": "Singapore", "region": "ap-southeast", "limit_group": "gas"}, (
        ("LN-01", "cargo", "JKM", "2027-01", 34_000, "t",
         {"strategy": "physical", "location": "Senoko", "grade": "51.7 MMBtu/t", "volume_tolerance_pct": 5,
          "liquidity_days": 60, "counterparty": "Straits LNG", **_at(8.420, "USD/MMBtu")}),
        ("LN-02", "swap", "JKM", "2027-01", -1_200_000, "MMBtu",
         {"strategy": "hedge", "counterparty": "Straits LNG", **_at(8.310, "USD/MMBtu")}),
        ("LN-03", "cash", "SGD", "", 2_400_000, "SGD", {"strategy": "margin", "currency": "SGD"}),
    )),
    ({"book": "TREASURY", "desk": "London", "region": "eu-west", "limit_group": "money"}, (
        ("TR-01", "fx", "EUR", "", 6_000_000, "EUR", {"strategy": "hedge", **_at(1.0790, "USD")}),
        ("TR-02", "fx", "GBP", "", -1_500_000, "GBP", {"strategy": "hedge", **_at(1.2910, "USD")}),
        ("TR-03", "fx", "SGD", "", -4_000_000, "SGD", {"strategy": "hedge", **_at(0.7605, "USD")}),
        ("TR-04", "cash", "USD", "", 12_000_000, "USD", {"strategy": "margin", "currency": "USD"}),
    )),
)  # fmt: skip


def portfolio() -> str:
    lines = [",".join(COLUMNS)]
    for shared, positions in _BOOKS:
        for name, instrument, underlying, contract, quantity, unit, rest in positions:
            told = {
                **shared, "position_id": name, "instrument": instrument, "underlying": underlying, "contract": contract,
                "quantity": quantity, "unit": unit, **rest,
            }  # fmt: skip
            if not told.keys() <= set(COLUMNS):
                raise ValueError(told.keys() - set(COLUMNS))
            lines.append(",".join(str(told.get(column, "")) for column in COLUMNS))
    return "\n".join(lines) + "\n"
