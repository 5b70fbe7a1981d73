"""Words that tell little of who somebody is: legal forms, titles, particles, the common words of companies. Pure data.

All are folded. A legal form stands under the word that all its spellings become; a spelling may be several words.
"""

from __future__ import annotations

import re

LEGAL_FORMS: dict[str, tuple[str, ...]] = {
    "ltd": (
        "limited", "ltd", "ltda", "limitada", "private limited", "pvt ltd", "pvt limited", "pte ltd",
        "pte limited", "pty ltd", "pty limited", "company limited", "co ltd", "co limited", "company ltd",
        "pte", "pvt", "pty", "sdn bhd", "sendirian berhad", "bhd", "berhad", "limitee", "lda",
    ),
    "llc": (
        "llc", "l l c", "limited liability company", "limited liability co", "ltd liability company", "ooo",
        "ooo tk", "obshchestvo s ogranichennoy otvetstvennostyu",
        "obshchestvo s ogranichennoi otvetstvennostyu", "obschestvo s ogranichennoy otvetstvennostyu", "tov",
        "tzov", "too", "mchj", "wll", "w l l", "sarl", "s a r l", "srl", "s r l",
        "sociedad de responsabilidad limitada", "societe a responsabilite limitee",
        "societa a responsabilita limitata", "societatea cu raspundere limitata",
        "societate cu raspundere limitata", "gmbh", "g m b h", "gesellschaft mit beschrankter haftung",
        "gesellschaft mit beschraenkter haftung", "mbh", "sp z o o", "sp zoo", "sp z oo", "spzoo",
        "spolka z ograniczona odpowiedzialnoscia", "s r o", "sro", "d o o", "doo", "eood", "ood", "sia", "uab",
        "osauhing", "b v", "bv", "besloten vennootschap", "bvba", "b v b a", "s de rl", "s de r l",
        "s de rl de cv", "s de r l de c v", "kft", "fze", "fzco", "fzc", "fz llc", "fze llc", "dmcc", "s l",
        "sl", "sl u", "slu", "aps", "mas uliyyah mahdudah", "dhat masuliyah mahdudah",
    ),
    "jsc": (
        "jsc", "j s c", "joint stock company", "joint stock co", "open joint stock company", "ojsc", "oao",
        "ao", "zao", "cjsc", "closed joint stock company", "joint stock", "pjsc", "pao",
        "public joint stock company", "aktsionernoe obshchestvo", "otkrytoe aktsionernoe obshchestvo",
        "publichnoe aktsionernoe obshchestvo", "zakrytoe aktsionernoe obshchestvo", "prat", "pat", "saog",
        "saoc", "bsc", "b s c", "bsc c", "ksc", "kscc", "kscp", "qsc", "qpsc", "psc", "pssc", "sal", "s a l",
        "sae", "s a e", "a s", "as", "anonim sirketi", "asa", "ab", "aktiebolag", "oyj", "oy", "abp", "ag",
        "aktiengesellschaft", "aktiengeselschaft", "n v", "nv", "naamloze vennootschap", "sa", "s a",
        "sociedad anonima", "societe anonyme", "spolka akcyjna", "s a s", "sas",
        "societe par actions simplifiee", "spa", "s p a", "societa per azioni", "sa de cv", "s a de c v",
        "sociedad anonima de capital variable", "c a", "ca", "compania anonima", "saa", "se", "s e",
        "societas europaea", "plc", "p l c", "public limited company", "tbk", "kk", "k k", "kabushiki kaisha",
        "jshc", "ead", "ad", "a d", "d d", "dd", "sh a", "sha", "sherkat sahami", "sherkate sahami",
        "sherkat e sahami",
    ),
    "inc": (
        "inc", "incorporated", "corp", "corporation", "corporacion", "corporate", "incorporation",
    ),
    "lp": (
        "lp", "l p", "llp", "l l p", "limited partnership", "limited liability partnership", "kg",
        "gmbh and co kg", "kommanditgesellschaft", "ohg", "gbr", "cv", "c v", "kgaa", "snc", "scs",
    ),
    "na": (
        "n a", "na", "national association",
    ),
    "fz": (
        "fz", "free zone",
    ),
    "pt": (
        "pt", "p t", "perseroan terbatas",
    ),
}  # fmt: skip
COMPANY = frozenset({
    "company", "co", "cie", "compagnie", "compania", "companhia", "kompaniya", "kompania", "firm", "firma",
    "sherkat", "sharikat", "sharika", "gesellschaft", "group", "groupe", "grupo", "gruppa", "holding",
    "holdings", "enterprise", "enterprises", "empresa", "establishment", "est", "org", "organization",
    "organisation", "foundation", "the",
})  # fmt: skip
GENERIC = frozenset({
    "academy", "aerospace", "affairs", "agency", "agricultural", "agriculture", "air", "airline", "airlines",
    "airport", "airways", "asset", "assets", "associates", "association", "aviation", "bank", "banco",
    "banque", "bureau", "business", "capital", "cargo", "center", "centre", "central", "chemical", "chemicals",
    "city", "commerce", "commercial", "commission", "committee", "communications", "construction",
    "consulting", "contracting", "corporative", "council", "crude", "defence", "defense", "department",
    "development", "directorate", "drilling", "east", "economic", "education", "electric", "electrical",
    "electronic", "electronics", "energy", "engineering", "equipment", "estate", "exchange", "export",
    "exports", "factory", "federal", "finance", "financial", "fleet", "food", "foods", "force", "forces",
    "foreign", "freight", "front", "fuel", "fund", "gas", "general", "global", "gold", "government", "health",
    "heavy", "high", "home", "hotel", "import", "imports", "industrial", "industries", "industry",
    "information", "infrastructure", "institute", "insurance", "international", "investment", "investments",
    "iron", "islamic", "king", "lease", "leasing", "line", "lines", "logistics", "machine", "machinery",
    "main", "management", "manufacturing", "marine", "maritime", "market", "marketing", "material",
    "materials", "media", "medical", "metal", "metals", "military", "mining", "ministry", "movement",
    "national", "natural", "navigation", "new", "nile", "north", "office", "offshore", "oil", "operations",
    "organizations", "overseas", "park", "partners", "party", "petrochemical", "petroleum", "pharmaceutical",
    "pipeline", "pipelines", "plant", "plastics", "port", "ports", "power", "printing", "product",
    "production", "productions", "products", "project", "projects", "property", "properties", "public",
    "railway", "railways", "real", "refinery", "refining", "regional", "research", "resources", "royal",
    "sales", "school", "science", "sciences", "scientific", "sea", "security", "securities", "service",
    "services", "ship", "shipping", "society", "solution", "solutions", "south", "state", "station", "steel",
    "store", "stores", "studies", "supply", "system", "systems", "tanker", "tankers", "technical",
    "technological", "technologies", "technology", "telecom", "telecommunication", "telecommunications",
    "textile", "tourism", "trade", "trader", "traders", "trading", "transport", "transportation", "travel",
    "treyding", "trust", "union", "united", "university", "usa", "venture", "ventures", "water", "west",
    "works", "world", "worldwide", "red", "star", "blue", "white", "green", "black", "golden", "silver", "sun",
    "ocean", "gulf", "islands", "island", "first", "best", "good", "great", "prime", "alpha", "beta", "delta",
    "omega", "corp",
})  # fmt: skip
TITLES = frozenset({
    "mr", "mrs", "ms", "miss", "dr", "prof", "professor", "sir", "madam", "monsieur", "madame", "mme", "senor",
    "senora", "herr", "frau", "sheikh", "shaikh", "shaykh", "sheik", "shaik", "haji", "hajji", "hadji",
    "alhaj", "mullah", "mulla", "maulavi", "mawlawi", "maulvi", "molla", "ayatollah", "imam", "gen", "general",
    "col", "colonel", "capt", "captain", "lt", "maj", "brig", "president", "eng", "engineer", "qari", "na",
    "jr", "sr",
})  # fmt: skip
PARTICLES = frozenset({
    "al", "el", "ul", "ud", "ad", "as", "ar", "ash", "az", "an", "at", "bin", "ben", "ibn", "bint", "bn",
    "ould", "wald", "walad", "de", "da", "do", "dos", "das", "del", "della", "di", "du", "la", "le", "les",
    "los", "las", "van", "von", "der", "den", "ter", "ten", "zu", "zur", "und", "y", "e", "i", "and", "of",
    "the", "for", "in", "on", "et", "aka", "s",
})  # fmt: skip
NUMBERS = {
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "twenty": "20", "thirty": "30", "forty four": "44",
    "forty": "40", "fifty": "50", "hundred": "100",
}  # fmt: skip
ROMAN = {"ii": "2", "iii": "3", "iv": "4", "vii": "7", "viii": "8", "ix": "9", "xii": "12"}
NAMED_THINGS = {"mv", "mt", "ss", "ms", "vessel", "ship", "tanker", "sv", "fv"}  # before a ship's name

_SPELLINGS = {spelling: form for form, spellings in LEGAL_FORMS.items() for spelling in spellings}
_SEVERAL = re.compile(
    r"\b(?:" + "|".join(sorted((each for each in _SPELLINGS if " " in each), key=len, reverse=True)) + r")\b"
)
_FIRST = frozenset(each.partition(" ")[0] for each in _SPELLINGS if " " in each)


def parts(text: str) -> list[str]:
    """The words of a folded text; a legal form of several words is one."""
    words = text.split()
    if _FIRST.isdisjoint(words):  # the far most of them
        return words
    found: list[str] = []
    end = 0
    for several in _SEVERAL.finditer(text):
        found += text[end : several.start()].split()
        found.append(several.group())
        end = several.end()
    return found + text[end:].split()


def form_of(part: str) -> str:
    """The legal form that it is, or ''."""
    return _SPELLINGS.get(part, "")
