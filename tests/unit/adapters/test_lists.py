"""Official list formats, a few made-up entries each: what is read, by what it is recognised, what is refused."""

from __future__ import annotations

import gzip

import pytest

from qx.adapters.lists import forms
from qx.adapters.lists.parts import country, day
from qx.kernel.errors import QxError
from qx.model.sanctions import Listed

SDN = b"""\
36,"SANDVIKEN BANK B.S.C.",-0- ,"IRAN] [SDGT",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"SWIFT/BIC SNDVBHBM; a.k.a. 'SVB'."
37,"MOROZOV, Pavel","individual","SDGT",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"DOB 1960."
38,"OSPREY II","vessel","IRAN",-0- ,"Tanker",-0- ,-0- ,-0- ,-0- ,-0- ,"Vessel Registration Identification IMO 9218478."
\x1a
"""
ALT = b'36,12,"aka","SANDVIKEN",-0- \r\n37,13,"fka","MOROZOFF, Pavel",-0- \r\n'
ADD = b'36,25,"1 Quay","Manama","Bahrain",-0- \r\n36,26,-0- ,"Tehran","Iran",-0- \r\n'
BANK = Listed(uid="36", kind="entity", names=("SANDVIKEN BANK B.S.C.", "SANDVIKEN"), weak=("SVB",),
              programs=("IRAN", "SDGT"), country="BH", bic="SNDVBHBM")  # fmt: skip
MAN = Listed(uid="37", kind="person", names=("MOROZOV, Pavel", "MOROZOFF, Pavel"), programs=("SDGT",))
SHIP = Listed(uid="38", kind="vessel", names=("OSPREY II",), programs=("IRAN",), imo="9218478")

ADVANCED = b"""<?xml version="1.0" encoding="utf-8"?>
<Sanctions xmlns="https://www.un.org/sanctions/1.0">
<DateOfIssue><Year>2026</Year><Month>11</Month><Day>20</Day></DateOfIssue>
<ReferenceValueSets>
 <PartyTypeValues><PartyType ID="1">Individual</PartyType><PartyType ID="2">Entity</PartyType></PartyTypeValues>
 <PartySubTypeValues><PartySubType ID="1" PartyTypeID="4">Vessel</PartySubType>
  <PartySubType ID="3" PartyTypeID="2">Unknown</PartySubType><PartySubType ID="4" PartyTypeID="1">Unknown</PartySubType>
 </PartySubTypeValues>
 <NamePartTypeValues><NamePartType ID="1520">Last Name</NamePartType><NamePartType ID="1521">First Name</NamePartType>
 </NamePartTypeValues>
 <IDRegDocTypeValues><IDRegDocType ID="1626">Vessel Registration Identification</IDRegDocType></IDRegDocTypeValues>
 <SanctionsTypeValues><SanctionsType ID="1">Program</SanctionsType><SanctionsType ID="2">Block</SanctionsType>
 </SanctionsTypeValues>
 <ListValues><List ID="1550">SDN List</List><List ID="91243">Sectoral Sanctions Identifications List</List></ListValues>
 <CountryValues><Country ID="11065" ISO2="BH">Bahrain</Country></CountryValues>
</ReferenceValueSets>
<Locations><Location ID="7"><LocationCountry CountryID="11065"/></Location></Locations>
<IDRegDocuments><IDRegDocument IDRegDocTypeID="1626" IdentityID="92"><IDRegistrationNo>IMO 9218478</IDRegistrationNo>
 </IDRegDocument></IDRegDocuments>
<DistinctParties>
 <DistinctParty FixedRef="37"><Profile ID="37" PartySubTypeID="4"><Identity ID="91" Primary="true">
  <Alias AliasTypeID="1400" Primary="false" LowQuality="true"><DocumentedName>
   <DocumentedNamePart><NamePartValue NamePartGroupID="2">Pasha</NamePartValue></DocumentedNamePart>
  </DocumentedName></Alias>
  <Alias AliasTypeID="1403" Primary="true" LowQuality="false"><DocumentedName>
   <DocumentedNamePart><NamePartValue NamePartGroupID="2">Pavel</NamePartValue></DocumentedNamePart>
   <DocumentedNamePart><NamePartValue NamePartGroupID="1">MOROZOV</NamePartValue></DocumentedNamePart>
  </DocumentedName></Alias>
  <NamePartGroups><MasterNamePartGroup><NamePartGroup ID="1" NamePartTypeID="1520"/></MasterNamePartGroup>
   <MasterNamePartGroup><NamePartGroup ID="2" NamePartTypeID="1521"/></MasterNamePartGroup></NamePartGroups>
 </Identity><Feature FeatureTypeID="25"><FeatureVersion><VersionLocation LocationID="7"/></FeatureVersion></Feature>
 </Profile></DistinctParty>
 <DistinctParty FixedRef="38"><Profile ID="38" PartySubTypeID="1"><Identity ID="92"><Alias Primary="true">
  <DocumentedName><DocumentedNamePart><NamePartValue>OSPREY II</NamePartValue></DocumentedNamePart></DocumentedName>
 </Alias></Identity></Profile></DistinctParty>
 <DistinctParty FixedRef="39"><Profile ID="39" PartySubTypeID="3"><Identity ID="93"><Alias Primary="true">
  <DocumentedName><DocumentedNamePart><NamePartValue>SEVERNEFT</NamePartValue></DocumentedNamePart></DocumentedName>
 </Alias></Identity></Profile></DistinctParty>
</DistinctParties>
<SanctionsEntries>
 <SanctionsEntry ProfileID="37" ListID="1550"><EntryEvent><Date><Year>2012</Year><Month>5</Month><Day>1</Day></Date>
  </EntryEvent><SanctionsMeasure SanctionsTypeID="1"><Comment>SDGT</Comment></SanctionsMeasure>
  <SanctionsMeasure SanctionsTypeID="2"><Comment/></SanctionsMeasure></SanctionsEntry>
 <SanctionsEntry ProfileID="38" ListID="1550"><EntryEvent><Date><Year>2013</Year><Month>1</Month><Day>2</Day></Date>
  </EntryEvent><SanctionsMeasure SanctionsTypeID="1"><Comment>IRAN</Comment></SanctionsMeasure></SanctionsEntry>
 <SanctionsEntry ProfileID="39" ListID="91243"><EntryEvent><Date><Year>2014</Year><Month>9</Month><Day>12</Day></Date>
  </EntryEvent><SanctionsMeasure SanctionsTypeID="1"><Comment>UKRAINE-EO13662</Comment></SanctionsMeasure>
 </SanctionsEntry>
</SanctionsEntries></Sanctions>"""

UN = """<?xml version="1.0"?>
<CONSOLIDATED_LIST dateGenerated="2026-02-27T00:00:09.554Z"><INDIVIDUALS><INDIVIDUAL>
 <DATAID>1</DATAID><FIRST_NAME>PAVEL</FIRST_NAME><SECOND_NAME>MOROZOV</SECOND_NAME><UN_LIST_TYPE>DRC</UN_LIST_TYPE>
 <REFERENCE_NUMBER>CDi.001</REFERENCE_NUMBER><LISTED_ON>2012-12-31</LISTED_ON>
 <NAME_ORIGINAL_SCRIPT>Павел Морозов</NAME_ORIGINAL_SCRIPT><NATIONALITY><VALUE>Rwanda</VALUE></NATIONALITY>
 <INDIVIDUAL_ALIAS><QUALITY>Good</QUALITY><ALIAS_NAME>Pavlik</ALIAS_NAME></INDIVIDUAL_ALIAS>
 <INDIVIDUAL_ALIAS><QUALITY>Low</QUALITY><ALIAS_NAME>Pasha</ALIAS_NAME></INDIVIDUAL_ALIAS>
 <INDIVIDUAL_ALIAS><QUALITY/><ALIAS_NAME/></INDIVIDUAL_ALIAS>
</INDIVIDUAL></INDIVIDUALS><ENTITIES><ENTITY><FIRST_NAME>OSPREY SHIPPING</FIRST_NAME><DATAID>2</DATAID>
 <REFERENCE_NUMBER>KPe.001</REFERENCE_NUMBER><COMMENTS1>Ship, IMO number: 9218478.</COMMENTS1>
 <ENTITY_ADDRESS><COUNTRY>Democratic People's Republic of Korea</COUNTRY></ENTITY_ADDRESS>
</ENTITY></ENTITIES></CONSOLIDATED_LIST>""".encode()

EU_XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<export xmlns="http://eu.europa.ec/fpi/fsd/export" generationDate="2026-08-05T16:47:04.449+02:00">
<sanctionEntity designationDate="2022-02-25" euReferenceNumber="EU.1.1" logicalId="13">
 <regulation publicationDate="2024-01-01" programme="UKR"/><subjectType code="person" classificationCode="P"/>
 <nameAlias wholeName="Pavel MOROZOV" strong="true"><regulationSummary publicationDate="2022-02-25"/></nameAlias>
 <nameAlias wholeName="Pasha" strong="false"/><citizenship countryIso2Code="RU"/></sanctionEntity>
<sanctionEntity euReferenceNumber="EU.2.2" logicalId="14"><regulation publicationDate="2024-06-01" programme="IRN"/>
 <subjectType code="enterprise"/><nameAlias wholeName="Sandviken Bank" strong="true">
 <regulationSummary publicationDate="2010-07-26"/></nameAlias><address countryIso2Code="00"/>
 <identification identificationTypeCode="swiftbic" number="SNDVBHBM"/></sanctionEntity></export>"""
EU_CSV = """\ufeff\
fileGenerationDate;Entity_LogicalId;Entity_DesignationDate;Entity_SubjectType_ClassificationCode;\
Entity_Regulation_Programme;NameAlias_WholeName;NameAlias_Strong;Address_CountryIso2Code
05/08/2026;13;2022-02-25;P;UKR;Pavel MOROZOV;true;
05/08/2026;13;2022-02-25;P;UKR;Pasha;false;RU
05/08/2026;14;;E;IRN;Sandviken Bank;true;00
05/08/2026;15;;E;IRN;;true;
"""

UK = """Report Date: 23-Sep-2026
Last Updated,Unique ID,OFSI Group ID,Name 6,Name 1,Name 2,Name 3,Name 4,Name 5,Name type,Alias strength,\
Name non-latin script,Regime Name,Designation Type,Sanctions Imposed,Address Country,Date Designated,IMO number
01/02/2026,RUS0001,1,MOROZOFF,Pavel,,,,,Alias,Low quality,,Russia,Individual,Asset freeze|Travel Ban,,15/10/2025,
01/02/2026,RUS0001,1,MOROZOV,Pavel,,,,,Primary Name,,Павел Морозов,Russia,Individual,Asset freeze,Russia,15/10/2025,
01/02/2026,RUS0002,2,OSPREY II,,,,,,Primary Name,,,Russia,Ship,Specified ship,,20/05/2025,9218478
01/02/2026,RUS0003,3,SEVERNEFT,,,,,,Primary Name,,,Russia,Entity,Trust services,,21/03/2023,
""".encode()
OFSI = b"""Last Updated,03/06/2025
Name 6,Name 1,Name 2,Name 3,Name 4,Name 5,Name Non-Latin Script,Country,Group Type,Alias Type,Alias Quality,Regime,\
Listed On,Group ID
SANDVIKEN BANK,,,,,,,Bahrain,Entity,Primary name,,Iran,01/07/2010,555
"""


def test_three_files_of_ofac_are_one_list() -> None:
    (found,) = forms.read({"sdn.csv": SDN, "alt.csv": ALT, "add.csv.gz": gzip.compress(ADD)})
    assert (found.source, found.regime, found.version) == ("OFAC SDN", "US", "")
    assert found.entries == (BANK, MAN, SHIP)


def test_what_is_not_on_the_sdn_list_freezes_nothing() -> None:
    (found,) = forms.read({"cons_prim.csv": SDN})
    assert found.source == "OFAC non-SDN"
    assert {each.scope for each in found.entries} == {"sectoral"}
    assert forms.read({"x.csv": SDN}, "OFAC non-SDN")[0].entries == found.entries


def test_ofacs_advanced_xml() -> None:
    (found,) = forms.read({"SDN_ADVANCED.XML": ADVANCED})
    assert (found.source, found.version) == ("OFAC SDN", "2026-11-20")
    assert found.entries == (
        Listed(uid="37", kind="person", names=("MOROZOV, Pavel",), weak=("Pasha",), programs=("SDGT",), country="BH",
               since="2012-05-01"),
        Listed(uid="38", kind="vessel", names=("OSPREY II",), programs=("IRAN",), imo="9218478", since="2013-01-02"),
        Listed(uid="39", kind="entity", names=("SEVERNEFT",), programs=("UKRAINE-EO13662",), since="2014-09-12",
               scope="sectoral"),
    )  # fmt: skip


def test_the_uns_list() -> None:
    (found,) = forms.read({"consolidated.xml": UN})
    assert (found.source, found.version) == ("UN", "2026-02-27")
    assert found.entries == (
        Listed(uid="CDi.001", kind="person", names=("PAVEL MOROZOV", "Павел Морозов", "Pavlik"), weak=("Pasha",),
               programs=("DRC",), country="RW", since="2012-12-31"),
        Listed(uid="KPe.001", kind="entity", names=("OSPREY SHIPPING",), country="KP", imo="9218478"),
    )  # fmt: skip


def test_the_eus_list_in_both_forms() -> None:
    (xml,) = forms.read({"eu.xml": EU_XML})
    assert (xml.source, xml.version) == ("EU", "2026-08-05")
    assert xml.entries == (
        Listed(uid="EU.1.1", kind="person", names=("Pavel MOROZOV",), weak=("Pasha",), programs=("UKR",), country="RU",
               since="2022-02-25"),
        Listed(uid="EU.2.2", kind="entity", names=("Sandviken Bank",), programs=("IRN",), bic="SNDVBHBM",
               since="2010-07-26"),
    )  # fmt: skip
    (rows,) = forms.read({"eu.csv": EU_CSV.encode()})
    assert (rows.source, rows.version) == ("EU", "2026-08-05")
    assert rows.entries == (
        Listed(uid="13", kind="person", names=("Pavel MOROZOV",), weak=("Pasha",), programs=("UKR",), country="RU",
               since="2022-02-25"),
        Listed(uid="14", kind="entity", names=("Sandviken Bank",), programs=("IRN",)),
    )  # fmt: skip


def test_the_uks_list_and_the_one_before_it() -> None:
    (found,) = forms.read({"UK-Sanctions-List.csv": UK})
    assert (found.source, found.version) == ("UK", "2026-09-23")
    assert found.entries == (
        Listed(uid="RUS0001", kind="person", names=("Pavel MOROZOV", "Павел Морозов"), weak=("Pavel MOROZOFF",),
               programs=("Russia",), country="RU", since="2025-10-15"),
        Listed(uid="RUS0002", kind="vessel", names=("OSPREY II",), programs=("Russia",), imo="9218478",
               since="2025-05-20"),
        Listed(uid="RUS0003", kind="entity", names=("SEVERNEFT",), programs=("Russia",), since="2023-03-21",
               scope="sectoral"),
    )  # fmt: skip
    (before,) = forms.read({"ConList.csv": OFSI})
    assert (before.source, before.version) == ("UK", "2025-06-03")
    assert before.entries == (
        Listed(uid="555", kind="entity", names=("SANDVIKEN BANK",), programs=("Iran",), country="BH",
               since="2010-07-01"),
    )  # fmt: skip


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><CONSOLIDATED_LIST>&a;</CONSOLIDATED_LIST>'


@pytest.mark.parametrize(("files", "why"), [
    ({"a.txt": b"hello"}, "none of the lists"), ({"a": b""}, "none of the lists"), ({"a": b"\xff\xfe<\x00"}, "none of"),
    ({"a.xml": b"<html/>"}, "none of the lists"), ({"a.xml": BOMB}, "document type"),
    ({"a.xml": UN[:600]}, "no XML"), ({"a.xml": b"<CONSOLIDATED_LIST/>"}, "neither an individual"),
    ({"alt.csv": ALT}, "the file with the names is missing"), ({"a.csv": SDN, "b.csv": SDN}, "a second main file"),
    ({"a.gz": b"\x1f\x8bgarbage"}, "cannot be unpacked"), ({"a.gz": gzip.compress(SDN)[:-9]}, "cannot be unpacked"),
    ({"a.xml": b"<Sanctions></Sanctions>"}, "no sanctions entry"),
])  # fmt: skip
def test_what_is_no_list_is_refused_with_its_name(files: dict[str, bytes], why: str) -> None:
    with pytest.raises(QxError, match=why) as refused:
        forms.read(files)
    assert refused.value.code == "QX-LIST-001"


def test_another_list_than_the_one_that_was_named_is_refused() -> None:
    with pytest.raises(QxError, match="is the list UN, not EU"):
        forms.read({"un.xml": UN}, "EU")


@pytest.mark.parametrize(("text", "wanted"), [
    ("2026-11-22", "2026-11-22"), ("2026-11-22T10:00:00Z", "2026-11-22"), ("22/11/2026", "2026-11-22"),
    ("23-Sep-2026", "2026-09-23"), ("2012", ""), ("", ""), ("31/02/2026", ""),
])  # fmt: skip
def test_days(text: str, wanted: str) -> None:
    assert day(text) == wanted


def test_countries() -> None:
    told = ("Bahrain", "Iran", "RU", "Russia", "Atlantis", "", "Korea, North")
    assert [country(name) for name in told] == ["BH", "IR", "RU", "RU", "", "", "KP"]
