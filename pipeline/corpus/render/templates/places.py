"""Renderers of templates for the names of countries, teams, stations, roads and ships, mostly as links. Pure."""

from __future__ import annotations

from pipeline.corpus.render.templates.renderer import Call, Renderer, entries, wikilink

COUNTRY_TEMPLATES = dict(
    pair.split(":")
    for pair in (
        "ARG:Argentina,AUS:Australia,AUT:Austria,BEL:Belgium,BRA:Brazil,BUL:Bulgaria,BGR:Bulgaria,CAN:Canada,"
        "CHE:Switzerland,CHI:Chile,CHL:Chile,CHN:China,COL:Colombia,CRO:Croatia,HRV:Croatia,CUB:Cuba,"
        "CZE:Czech Republic,DEN:Denmark,DNK:Denmark,DEU:Germany,EGY:Egypt,ENG:England,ESP:Spain,EST:Estonia,"
        "ETH:Ethiopia,EU:European Union,FIN:Finland,FRA:France,GBR:United Kingdom,GER:Germany,GRC:Greece,GRE:Greece,"
        "HKG:Hong Kong,HUN:Hungary,IDN:Indonesia,INA:Indonesia,IND:India,IRE:Ireland,IRL:Ireland,IRI:Iran,IRN:Iran,"
        "ISL:Iceland,ISR:Israel,ITA:Italy,JAM:Jamaica,JPN:Japan,KEN:Kenya,KOR:South Korea,LAT:Latvia,LVA:Latvia,"
        "LTU:Lithuania,LUX:Luxembourg,MAR:Morocco,MAS:Malaysia,MYS:Malaysia,MEX:Mexico,NED:Netherlands,"
        "NLD:Netherlands,NGA:Nigeria,NIR:Northern Ireland,NOR:Norway,NZL:New Zealand,PAK:Pakistan,PER:Peru,"
        "PHI:Philippines,PHL:Philippines,POL:Poland,POR:Portugal,PRT:Portugal,PRC:China,ROC:Taiwan,ROU:Romania,"
        "ROM:Romania,RSA:South Africa,RUS:Russia,SCO:Scotland,SGP:Singapore,SIN:Singapore,SLO:Slovenia,SVN:Slovenia,"
        "SRB:Serbia,SUI:Switzerland,SVK:Slovakia,SWE:Sweden,THA:Thailand,TPE:Chinese Taipei,TUN:Tunisia,TUR:Turkey,"
        "TWN:Taiwan,UAE:United Arab Emirates,UK:United Kingdom,UKR:Ukraine,URS:Soviet Union,URU:Uruguay,"
        "US:United States,USA:United States,USSR:Soviet Union,VEN:Venezuela,VIE:Vietnam,VNM:Vietnam,WAL:Wales,"
        "YUG:Yugoslavia,ZAF:South Africa,ZIM:Zimbabwe,"
        "ABW:Aruba,AFG:Afghanistan,AIA:Anguilla,ALB:Albania,ALG:Algeria,DZA:Algeria,ANG:Angola,AGO:Angola,ARM:Armenia,"
        "AZE:Azerbaijan,BAN:Bangladesh,BGD:Bangladesh,BIH:Bosnia and Herzegovina,BLR:Belarus,BMU:Bermuda,BOL:Bolivia,"
        "BOT:Botswana,BVT:Bouvet Island,CAM:Cambodia,CIV:Ivory Coast,CMR:Cameroon,CRC:Costa Rica,CUW:Curaçao,"
        "CYM:Cayman Islands,CYP:Cyprus,DOM:Dominican Republic,ECU:Ecuador,ESA:El Salvador,FLK:Falkland Islands,"
        "FRO:Faroe Islands,GEO:Georgia (country),GGY:Guernsey,GHA:Ghana,GIB:Gibraltar,GRL:Greenland,GUA:Guatemala,"
        "HAI:Haiti,HON:Honduras,IOM:Isle of Man,IRQ:Iraq,JEY:Jersey,JOR:Jordan,KAZ:Kazakhstan,KOS:Kosovo,"
        "KSA:Saudi Arabia,SAU:Saudi Arabia,KUW:Kuwait,LBY:Libya,LIB:Lebanon,LKA:Sri Lanka,SRI:Sri Lanka,MDA:Moldova,"
        "MKD:North Macedonia,MLT:Malta,MNE:Montenegro,MNG:Mongolia,MOZ:Mozambique,MSR:Montserrat,MYA:Myanmar,"
        "NAM:Namibia,NCA:Nicaragua,NEP:Nepal,PAN:Panama,PAR:Paraguay,PLE:Palestine,PRI:Puerto Rico,PUR:Puerto Rico,"
        "PRK:North Korea,QAT:Qatar,SEN:Senegal,SHN:Saint Helena,SXM:Sint Maarten,SYR:Syria,TAN:Tanzania,TTO:"
        "Trinidad and Tobago,TRI:Trinidad and Tobago,UGA:Uganda,UZB:Uzbekistan,VGB:British Virgin Islands,ZAM:Zambia"
    ).split(",")
)
"""Code -> country, for codes that are also the names of templates: those of the IOC and of ISO 3166, and some that only
Wikipedia has."""


MORE_COUNTRY_CODES = dict(
    pair.split(":")
    for pair in (
        "AND:Andorra,ANT:Antigua and Barbuda,ARU:Aruba,ASA:American Samoa,BAH:The Bahamas,BHS:The Bahamas,"
        "BAR:Barbados,BRB:Barbados,BDI:Burundi,BEN:Benin,BER:Bermuda,BHR:Bahrain,BRN:Bahrain,BHU:Bhutan,BTN:Bhutan,"
        "BIZ:Belize,BRU:Brunei,BUR:Burkina Faso,BFA:Burkina Faso,BWA:Botswana,CAF:Central African Republic,"
        "CAY:Cayman Islands,CGO:Republic of the Congo,CHA:Chad,TCD:Chad,COD:Democratic Republic of the Congo,"
        "COK:Cook Islands,COM:Comoros,CPV:Cape Verde,DJI:Djibouti,DMA:Dominica,ERI:Eritrea,FIJ:Fiji,FJI:Fiji,"
        "FSM:Federated States of Micronesia,GAB:Gabon,GAM:The Gambia,GMB:The Gambia,GBS:Guinea-Bissau,"
        "GEQ:Equatorial Guinea,GRN:Grenada,GUI:Guinea,GUM:Guam,GUY:Guyana,HND:Honduras,HTI:Haiti,"
        "ISV:United States Virgin Islands,IVB:British Virgin Islands,KGZ:Kyrgyzstan,KHM:Cambodia,KIR:Kiribati,"
        "LAO:Laos,LBA:Libya,LBN:Lebanon,LBR:Liberia,LCA:Saint Lucia,LES:Lesotho,LSO:Lesotho,LIE:Liechtenstein,"
        "MAC:Macau,MAD:Madagascar,MDG:Madagascar,MAW:Malawi,MWI:Malawi,MDV:Maldives,MGL:Mongolia,"
        "MHL:Marshall Islands,MLI:Mali,MON:Monaco,MCO:Monaco,MRI:Mauritius,MUS:Mauritius,MTN:Mauritania,"
        "NIC:Nicaragua,NIG:Niger,NER:Niger,NGR:Nigeria,NPL:Nepal,NRU:Nauru,OMA:Oman,OMN:Oman,PLW:Palau,"
        "PNG:Papua New Guinea,PRY:Paraguay,PYF:French Polynesia,RWA:Rwanda,SAM:Samoa,WSM:Samoa,"
        "SCG:Serbia and Montenegro,SEY:Seychelles,SKN:Saint Kitts and Nevis,SLE:Sierra Leone,SLV:El Salvador,"
        "SMR:San Marino,SOL:Solomon Islands,SOM:Somalia,STP:São Tomé and Príncipe,SUD:Sudan,SSD:South Sudan,"
        "SUR:Suriname,SWZ:Eswatini,TCH:Czechoslovakia,TGA:Tonga,TJK:Tajikistan,TKM:Turkmenistan,TLS:Timor-Leste,"
        "TOG:Togo,TUV:Tuvalu,TZA:Tanzania,GDR:East Germany,FRG:West Germany,URY:Uruguay,VAN:Vanuatu,"
        "VAT:Vatican City,VCT:Saint Vincent and the Grenadines,VIN:Saint Vincent and the Grenadines,YEM:Yemen,"
        "ZMB:Zambia,ZWE:Zimbabwe"
    ).split(",")
)
"""Code -> country, for codes that occur only as arguments."""


def country_name(code: str) -> str:
    """Return the country of a code, and any other text as it is."""
    return COUNTRY_TEMPLATES.get(code) or MORE_COUNTRY_CODES.get(code, code)


def country_link(call: Call) -> str:
    """Render {{flag|France}}, {{flagcountry|FRA|name=French}} as a link to the country."""
    name = country_name(call.get(1))
    return wikilink(name, call.named.get("name") or name.partition(" (")[0]) if "[" not in name else name


def country_page(title_format: str) -> Renderer:
    """Return a renderer that shows a country's name, linked to a page about it.

    {{fb|FRA}} links to the football team, {{flagIOC|FRA|2008 Summer}} to France at these Olympic games.

    Args:
        title_format: the page's title, with {0} for the country and {1} for the second argument.
    """

    def render(call: Call) -> str:
        name = country_name(call.get(1)).partition(" (")[0]
        title = title_format.format(name, call.get(2)) if call.get(2) or "{1}" not in title_format else name
        return wikilink(title, name) if name else ""

    return render


def team_season(call: Call) -> str:
    """Render {{cfb link|year=2010|team=Michigan Wolverines|title=2010 team}} as a link to the team's season."""
    year, team = call.named.get("year", ""), call.named.get("team", "")
    return wikilink(f"{year} {team} football team" if team else "", call.named.get("title") or f"{year} {team}".strip())


def country_from_name(call: Call) -> str:
    """Render {{FRA}}, whose name is a country's code, as a link to the country."""
    name = COUNTRY_TEMPLATES[call.name.upper()]
    return wikilink(name, name.partition(" (")[0])


TEAM_RENDERERS: dict[str, Renderer] = {
    **entries(country_page("{0} at the {1} Olympics"), "flagioc, flagiocteam"),
    **entries(country_page("{0} national football team"), "fb, fb-rt, fb-big"),
    **entries(country_page("{0} women's national football team"), "fbw, fbw-rt"),
    **entries(country_page("{0} national cricket team"), "cr, cr-rt"),
    **entries(team_season, "cfb link"),
}
"""Name in lower case -> renderer of a link with an English title."""


def place_link(kind: str) -> Renderer:
    """Return a renderer of a link to a place of this kind: {{rws|York}} is "York", linked to "York railway station"."""
    return lambda call: wikilink(f"{call.get(1)} {kind}" if call.get(1) else "", call.get(2) or call.get(1))


def junction(call: Call) -> str:
    """Render {{jct|state=CA|I|5|SR|1}} as "I-5 / SR 1"."""
    parts = call.positional
    roads = zip(parts[0::2], parts[1::2], strict=False)
    return " / ".join(f"{kind}-{number}" if kind == "I" else f"{kind} {number}" for kind, number in roads if number)


def ship(call: Call) -> str:
    """Render {{USS|Enterprise|CV-6}}, {{ship|USS|Enterprise|CV-6}} as a link to the ship's page.

    A further argument selects which of prefix, name and number are shown.
    """
    parts = tuple(part.strip("'") for part in call.positional) + ("",) * 4
    prefix, name, number, form = parts[:4] if call.name == "ship" else (call.name.upper(), *parts[:3])
    if not name:
        return ""
    full = f"{prefix} {name}".strip()
    title = f"{full} ({number})" if number else full
    return wikilink(
        title,
        {"1": number, "2": name, "3": f"{name} ({number})" if number else name, "5": full, "6": full}.get(form)
        or title,
    )


def ship_class(call: Call) -> str:
    """Render {{sclass|Nimitz|aircraft carrier}} as a link, "Nimitz-class aircraft carrier"."""
    name, kind, form = call.get(1), call.get(2), call.get(3)
    return wikilink(f"{name}-class {kind}", f"{name} class" if form in ("3", "4", "5") else "") if name and kind else ""
