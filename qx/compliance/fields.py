"""The fields of a transaction (schema v1): path -> what stands there. Whatever is not listed here is not a field.

Kinds: text; decimal (a number without an exponent in its canonical form, never a float); bool; day and instant (UTC);
country (ISO 3166-1 alpha-2); currency (ISO 4217); choice (one of `words`); texts (a list); records (a list of mappings,
whose fields are `RECORDS[path]`).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["text", "decimal", "bool", "day", "instant", "country", "currency", "choice", "texts", "records"]


class Field(NamedTuple):
    kind: Kind
    about: str
    words: tuple[str, ...] = ()  # of a choice


def _texts(about: str) -> Field:
    return Field("text", about)


def _choice(about: str, *words: str) -> Field:
    return Field("choice", about, words)


TRANSACTION_TYPES = ("spot", "forward", "future", "option", "swap", "salam", "murabaha", "physical_transfer")
COMMODITIES = (
    "crude_oil", "natural_gas", "lng", "gasoline", "heating_oil", "gasoil", "jet", "fuel_oil", "power",
)  # fmt: skip

DATA_CLASSES = (
    "pii", "kyc_pii", "customer_information", "trade_record", "market_data", "petroleum_data", "session",
    "sanctions_result",
)  # fmt: skip

FIELDS: dict[str, Field] = {
    "transactionId": _texts("yours, 1 to 52 characters, unique in a batch"),
    "uti": _texts("unique transaction identifier, ISO 23897"),
    "asOf": Field("instant", "the moment that it is judged at"),
    "tradeDate": Field("day", "the day it was agreed"),
    "executionTs": Field("instant", "when it was executed"),
    "settlementDate": Field("day", "the day it settles"),
    "contractDate": Field("day", "the day of the contract that it is under"),
    "transactionType": _choice("what kind of trade", *TRANSACTION_TYPES),
    "commodityType": _choice("what is traded", *COMMODITIES),
    "amount": Field("decimal", "money, in `currency`"),
    "currency": Field("currency", "of `amount`"),
    "quantity": Field("decimal", "in `unit`"),
    "unit": _choice("UN/CEFACT Rec 20", "BBL", "MT", "MMBTU", "M3", "MWH", "GAL"),
    "unitPrice": Field("decimal", "in `currency` per `priceUnit`, or per `unit`"),
    "priceUnit": _texts("what the price is for"),
    "hsCode": _texts("WCO Harmonized System: 2709, 2710..."),
    "originCountry": Field("country", "where the goods come from"),
    "loadPort": _texts("UN/LOCODE"),
    "dischargePort": _texts("UN/LOCODE"),
    "destinationCountry": Field("country", "where they go"),
    "refineryCountry": Field("country", "where a product was refined"),
    "crudeOrigin": Field("country", "where a product's crude came from"),
    "relationship": _choice("with the counterparty", "existing", "new", "occasional"),
    "linkGroup": _texts("transactions that belong together share it"),
    "linkedAmount": Field("decimal", "in `currency`, of this and its linked transactions; without one `amount` counts"),
    "venue": _texts("ISO 10383 MIC, or XOFF"),
    "isin": _texts("ISO 6166"),
    "upi": _texts("ISO 4914"),
    "islamic": Field("bool", "Sharia rules apply"),
    "cleared": Field("bool", "by a central counterparty"),
    "counterparty.name": _texts("as in its register"),
    "counterparty.aliases": Field("texts", "other names"),
    "counterparty.type": _choice("what it is", "company", "person", "bank", "fund", "government"),
    "counterparty.country": Field("country", "where it is registered"),
    "counterparty.lei": _texts("ISO 17442"),
    "counterparty.registrationNo": _texts("in its register"),
    "counterparty.bic": _texts("ISO 9362"),
    "counterparty.sector": _texts("what it lives of"),
    "counterparty.pep": Field("bool", "politically exposed"),
    "counterparty.stateOwned": Field("bool", "a state owns it"),
    "counterparty.owners": Field("records", "who owns it"),
    "counterparty.debtToCapPct": Field("decimal", "interest-bearing debt, % of market capitalisation"),
    "counterparty.depositsToCapPct": Field("decimal", "interest-bearing deposits, % of market capitalisation"),
    "counterparty.impermissibleIncomePct": Field("decimal", "% of its income"),
    "ourEntity.lei": _texts("ISO 17442"),
    "ourEntity.region": _texts("where it is licensed"),
    "ourEntity.licence.regulator": _texts("who licensed it"),
    "ourEntity.licence.volume": Field("decimal", "CBB rulebook volume, 1 to 7"),
    "ourEntity.licence.no": _texts("its number"),
    "ourEntity.formedOn": Field("day", "when it was organised"),
    "ourEntity.type": _choice("EMIR, Dodd-Frank", "FC", "NFC", "SD", "MSP", "DCO"),
    "ourEntity.acerCode": _texts("REMIT registration"),
    "ourEntity.otcCommodityNotional": Field("decimal", "EUR, hedges excluded where an NFC may"),
    "ourEntity.unclearedNotional": Field("decimal", "EUR"),
    "ourEntity.trailingDealingNotional": Field("decimal", "USD, twelve months"),
    "vessel.name": _texts("the ship's"),
    "vessel.imo": _texts("IMO number, 7 digits"),
    "vessel.flag": Field("country", "where it is registered"),
    "vessel.owner": _texts("who owns it"),
    "payment.method": _choice("how", "wire", "cash", "lc"),
    "payment.direction": _choice("for us", "inward", "outward"),
    "payment.originator.name": _texts("who pays"),
    "payment.originator.account": _texts("IBAN or account number"),
    "payment.originator.address": _texts("or an identity number, or day and place of birth"),
    "payment.originator.idNo": _texts("identity number"),
    "payment.originator.dob": Field("day", "day of birth"),
    "payment.beneficiary.name": _texts("who is paid"),
    "payment.beneficiary.account": _texts("IBAN or account number"),
    "payment.bank": _texts("whose bank"),
    "payment.bic": _texts("ISO 9362"),
    "payment.accountPurpose": _texts("foreign_government_deposit_fund, ..."),
    "payment.currencyForm": _choice("what is paid in", "fiat", "gold", "crypto"),
    "payment.monthCashTotal": Field("decimal", "in `currency`: cash this month, this one included"),
    "kyc.status": _choice("of the counterparty", "verified", "pending", "failed", "none"),
    "kyc.reviewedAt": Field("day", "last review"),
    "kyc.riskRating": _choice("of the counterparty", "low", "standard", "high"),
    "kyc.pep": Field("bool", "an owner or director is politically exposed"),
    "kyc.approvals": Field("texts", "senior_management, ..."),
    "kyc.sourceOfFunds": _choice("of the money", "verified", "stated", "unknown"),
    "kyc.ubosComplete": Field("bool", "every owner of 25 % or more is identified"),
    "kyc.source": _texts("the provider that was asked, put there by qx"),
    "kyc.answer": _choice("of that provider, put there by qx", "found", "not_found", "no_answer"),
    "surveillance.flag": Field("bool", "something looked wrong"),
    "surveillance.abnormal": Field("bool", "significant or abnormal for this customer"),
    "position.contract": _texts("CL, NG, HO, RB, ..."),
    "position.month": _texts("YYYY-MM"),
    "position.isSpotMonth": Field("bool", "the contract is in its spot month"),
    "position.lastTradingDay": Field("day", "of the contract"),
    "position.grossLong": Field("decimal", "contracts"),
    "position.grossShort": Field("decimal", "contracts"),
    "position.futuresEquivalent": Field("decimal", "net, contracts"),
    "position.physical": Field("bool", "a physical-delivery position is held too"),
    "position.aggregationGroup": _texts("accounts under one control"),
    "position.hedge.flag": Field("bool", "held as a hedge"),
    "position.hedge.basis": _texts("enumerated, non-enumerated"),
    "position.hedge.evidence": _texts("where it is kept"),
    "position.venueLimit": Field("decimal", "contracts, as the venue has set it"),
    "attestations": Field("records", "signed statements"),
    "sharia.contract": _texts("kind"),
    "sharia.approvalRef": _texts("of the Shari'a board"),
    "sharia.titleDocument": _texts("warehouse receipt, bill of lading"),
    "sharia.titleHolder": _choice("who holds the title", "seller", "buyer", "other"),
    "sharia.received": Field("bool", "goods bought by salam have been received"),
    "sharia.paidPct": Field("decimal", "% of the price paid at the contract"),
    "sharia.paymentDelayDays": Field("decimal", "days from the contract to the payment"),
    "sharia.deliveryDelayDays": Field("decimal", "days from the contract to the delivery"),
    "sharia.lateInterest": Field("bool", "interest on late payment"),
    "sharia.deliveryIntent": Field("bool", "goods are to be delivered"),
    "permit.no": _texts("environmental permit"),
    "permit.kind": _texts("what for"),
    "permit.expiry": Field("day", "its last day"),
    "flare.tCO2e": Field("decimal", "t CO2e above the routine"),
    "flare.days": Field("decimal", "days"),
    "flare.cause": _choice("why", "special_circumstances", "start_up", "routine"),
    "flare.requestedAt": Field("instant", "when approval was sought"),
    "localContent.category": _texts("First Schedule"),
    "localContent.localPct": Field("decimal", "% local"),
    "localContent.supplierCert": _texts("Local Content Register"),
    "localContent.certExpiry": Field("day", "its last day"),
    "dataFlow.class": _choice("data that leave their jurisdiction because of it", *DATA_CLASSES),
    "dataFlow.from": _texts("jurisdiction that they belong to: EU, UK, ADGM, else ISO 3166-1 alpha-2"),
    "dataFlow.to": _texts("jurisdiction where they would live, likewise"),
    "dataFlow.safeguards": Field("texts", "scc, bcr, tia, ..."),
    "dataFlow.approvals": Field("texts", "permissions of authorities: OM-2.8.1, ..."),
    "dataFlow.keysHeldBy": _choice("who holds the keys that they are encrypted with", "licensee", "provider", "none"),
    "dataFlow.recipient.dpf": Field("bool", "the recipient is certified under the Data Privacy Framework"),
    "workflow.createdBy": _texts("who entered it"),
    "workflow.approvedBy": _texts("who approved it"),
    "workflow.settledBy": _texts("who settles it"),
    "contract.governingLaw": _texts("US-NY, EN, ..."),
    "contract.forum": _texts("courts or arbitration"),
    "contract.kind": _choice("REMIT", "standard", "non-standard"),
    "terms.lateInterest": Field("bool", "interest on late payment"),
    "financing.kind": _choice("of the funding leg", "none", "interest", "murabaha", "equity"),
}

RECORDS: dict[str, dict[str, Field]] = {
    "counterparty.owners": {
        "name": _texts("as in the register"),
        "country": Field("country", "nationality or registration"),
        "pct": Field("decimal", "% of shares; without it: not known, 0 to 100"),
        "votingPct": Field("decimal", "% of votes"),
        "control": Field("bool", "controls it otherwise"),
        "listedUid": _texts("uid on a sanctions list, if you know it"),
    },
    "attestations": {
        "kind": _texts("no_manipulation, ..."),
        "by": _texts("who"),
        "at": Field("instant", "when"),
    },
}

COUNTRIES = tuple(path for path, each in FIELDS.items() if each.kind == "country")
