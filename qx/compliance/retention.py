"""Retention: the longest of all regimes that apply wins; who has the same data deleted sooner is named beside it. Pure.

Years of which some count from the end of something (a swap's life, a relationship) outlast the same number counted from
the record: of equal numbers all win, and each says what it counts from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.model.retention import Regime, Retention
from qx.model.rules import Citation

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from qx.model.rules import Status

TRADES, CUSTOMERS = ("trade_record",), ("kyc_pii", "customer_information")
PERSONAL = ("pii", "kyc_pii", "customer_information", "sanctions_result")
RECORD, RELATIONSHIP = "the record", "the end of the relationship or the transaction"


def _regime(
    identity: str, jurisdiction: str, years: int, classes: tuple[str, ...], cited: tuple[str, str, str],
    status: Status = "verified", counts_from: str = RECORD, *, deletes: bool = False, since: str = "", until: str = "",
    note: str = "",
) -> Regime:  # fmt: skip
    body, corpus, segment = cited
    return Regime(
        id=identity, jurisdiction=jurisdiction, years=years, classes=classes, status=status, counts_from=counts_from,
        citation=Citation(body=body, corpus=corpus, segment=segment), deletes=deletes, since=since, until=until,
        note=note,
    )  # fmt: skip


REGIMES = (
    _regime("US-CFTC-452", "US", 5, TRADES, ("CFTC", "17 CFR 45.2", "(c)"), counts_from="the end of the swap"),
    _regime("US-CFTC-131", "US", 5, TRADES, ("CFTC", "17 CFR 1.31", ""), "partial"),
    _regime("US-OFAC-REC-5", "US", 5, (*TRADES, *CUSTOMERS, "sanctions_result"), ("OFAC", "31 CFR 501.601", ""),
            until="2025-03-12"),
    _regime("US-OFAC-REC", "US", 10, (*TRADES, *CUSTOMERS, "sanctions_result"),
            ("OFAC", "31 CFR 501.601", "90 FR 13286"), since="2025-03-12"),
    _regime("US-FERC-RET", "US", 5, ("market_data",), ("FERC", "18 CFR 284.288, 284.403", "")),
    _regime("EU-AML-RET", "EU", 5, CUSTOMERS, ("EU", "Directive (EU) 2015/849", "Art. 40"), "unverified", RELATIONSHIP),
    _regime("EU-AML-DEL", "EU", 10, CUSTOMERS, ("EU", "Directive (EU) 2015/849", "Art. 40"), "unverified", RELATIONSHIP,
            deletes=True, note="five years, and at most five more where a member state says so"),
    _regime("EU-GDPR-5", "EU", 0, PERSONAL, ("EU", "Regulation (EU) 2016/679", "Art. 5(1)(e), 17"), "partial",
            "the end of their purpose", deletes=True, note="but for what another law has kept: Art. 17(3)(b)"),
    _regime("UK-MLR-40", "UK", 5, CUSTOMERS, ("United Kingdom", "Money Laundering Regulations 2017", "reg. 40"),
            "partial", RELATIONSHIP),
    _regime("UK-MLR-DEL", "UK", 5, CUSTOMERS, ("United Kingdom", "Money Laundering Regulations 2017", "reg. 40(5)"),
            "unverified", RELATIONSHIP, deletes=True, note="unless another enactment has them kept"),
    _regime("ME-UAE-RET", "AE", 5, (*TRADES, *CUSTOMERS), ("CBUAE", "AML guidance", "9.2.1"),
            counts_from=RELATIONSHIP),
    _regime("ME-ADGM-AML", "ADGM", 10, (*TRADES, *CUSTOMERS), ("FSRA", "AML Rulebook", "15.4.1"), "unverified",
            RELATIONSHIP, note="a later consolidation is said to have 6 years"),
    _regime("GY-AML-RET", "GY", 7, (*TRADES, *CUSTOMERS), ("FIU", "AML/CFT Act 2009", ""), "partial", RELATIONSHIP),
    _regime("BH-FC-711", "BH", 5, (*TRADES, *CUSTOMERS), ("CBB", "Rulebook", "FC-7.1.1"), counts_from=RELATIONSHIP),
    _regime("SG-PDPA-25", "SG", 0, PERSONAL, ("Singapore", "Personal Data Protection Act 2012", "s. 25"), "partial",
            "the end of their purpose", deletes=True),
)  # fmt: skip


def retained(
    data_class: str, jurisdictions: tuple[str, ...], on: date, regimes: Iterable[Regime] = REGIMES
) -> Retention:
    """`jurisdictions`: of the place that the data belong to, and of whoever else may ask for them."""
    day = on.isoformat()
    asked = [
        each
        for each in regimes
        if data_class in each.classes
        and each.jurisdiction in jurisdictions
        and (not each.since or each.since <= day)
        and (not each.until or day < each.until)
    ]
    keeps = sorted((each for each in asked if not each.deletes), key=lambda each: (-each.years, each.id))
    deletes = tuple(sorted((each for each in asked if each.deletes), key=lambda each: (each.years, each.id)))
    years = keeps[0].years if keeps else 0
    return Retention(
        data_class=data_class, jurisdictions=jurisdictions, as_of=day, years=years,
        wins=tuple(each for each in keeps if each.years == years), keeps=tuple(keeps), deletes=deletes,
        conflicts=tuple(each.id for each in deletes if keeps and each.years < years),
    )  # fmt: skip
