"""Renderers of templates for quantities, amounts of money, dates, durations and coordinates. Pure.

Each renderer returns the value as the page gives it, without the conversion that the template adds in parentheses.
"""

from __future__ import annotations

import re

from pipeline.corpus.render.templates.renderer import Call, Renderer

UNIT_NAMES = {
    "sqmi": "square miles", "sqkm": "km²", "km2": "km²", "m2": "m²", "sqft": "square feet", "cm2": "cm²", "mm2": "mm²",
    "mi2": "square miles", "ft2": "square feet", "sqin": "square inches", "in2": "square inches", "km3": "km³",
    "m3": "m³", "cm3": "cm³", "mm3": "mm³", "dm3": "dm³", "cc": "cm³", "cuft": "cubic feet", "cumi": "cubic miles",
    "cuyd": "cubic yards", "cuin": "cubic inches", "sqyd": "square yards", "acre.ft": "acre-feet",
    "acre-ft": "acre-feet",
    "C": "°C", "F": "°F", "K": "K", "degC": "°C", "degF": "°F", "kph": "km/h", "C-change": "°C", "F-change": "°F",
    "K-change": "K", "C°": "°C", "F°": "°F", "mpg": "miles per gallon", "mpgus": "miles per gallon",
    "mpgUS": "miles per gallon", "mpgimp": "miles per gallon", "L/100 km": "L/100 km", "L/100km": "L/100 km",
    "ft": "feet", "in": "inches", "mi": "miles", "yd": "yards", "lb": "pounds", "lbs": "pounds", "oz": "ounces",
    "nmi": "nautical miles", "impgal": "gallons", "USgal": "US gallons", "USdrygal": "US gallons", "acre": "acres",
    "kn": "knots", "knot": "knots", "fathom": "fathoms", "furlong": "furlongs", "chain": "chains", "rod": "rods",
    "league": "leagues", "hand": "hands", "ozt": "troy ounces", "troy oz": "troy ounces", "carat": "carats",
    "/sqkm": "per km²", "/km2": "per km²", "/sqmi": "per square mile", "PD/sqkm": "per km²", "PD/km2": "per km²",
    "PD/sqmi": "per square mile", "/acre": "per acre", "/ha": "per hectare",
    "foot": "feet", "inch": "inches", "mile": "miles", "yard": "yards", "pound": "pounds", "ounce": "ounces",
    "ha": "hectares", "hectare": "hectares", "t": "tonnes", "tonne": "tonnes", "kt": "kilotonnes", "Mt": "megatonnes",
    "MT": "tonnes", "LT": "long tons", "ST": "short tons", "long ton": "long tons", "short ton": "short tons",
    "hp": "horsepower", "bhp": "brake horsepower", "shp": "shaft horsepower", "ihp": "indicated horsepower",
    "PS": "PS", "lb-f": "lbf", "lbf": "lbf", "lbft": "lb⋅ft", "lb.ft": "lb⋅ft", "lbfft": "lbf⋅ft", "Nm": "N⋅m",
    "N.m": "N⋅m", "psi": "psi", "cuft/s": "cubic feet per second", "m3/s": "m³/s", "cuft/min": "cubic feet per minute",
    "ft/s": "feet per second", "ft/min": "feet per minute", "m/s2": "m/s²", "kg/m3": "kg/m³", "g/cm3": "g/cm³",
    "kg/m2": "kg/m²", "lb/sqft": "pounds per square foot", "lb/cuft": "pounds per cubic foot", "kg/cm2": "kg/cm²",
    "ly": "light-years", "pc": "parsecs", "AU": "AU", "oilbbl": "barrels", "bbl": "barrels", "USbbl": "barrels",
    "USbeerbbl": "barrels", "st": "stone", "l": "litres", "L": "litres", "impfloz": "fluid ounces",
    "USfloz": "US fluid ounces", "impbu": "bushels", "USbu": "bushels", "USqt": "US quarts", "impqt": "quarts",
    "USpt": "US pints", "imppt": "pints", "mcg": "μg", "ug": "μg", "um": "μm", "mt": "metric tons", "kW.h": "kWh",
    "metric ton": "metric tons", "BTU": "BTU", "cal": "calories", "kcal": "kilocalories", "Cal": "kilocalories",
    "mph": "mph", "km/h": "km/h", "m/s": "m/s", "acres": "acres", "u": "u",
}  # fmt: skip
"""Code of a unit -> its name after a number; a code that is missing here is shown as it is."""
SINGULARS = {"feet": "foot", "inches": "inch", "stone": "stone", "horsepower": "horsepower"}
"""Plural -> singular, for units whose plural is not the singular with an "s"."""
CONNECTORS = {
    "to": "to", "-": "–", "–": "–", "and": "and", "or": "or", "x": "×", "by": "by", "×": "×", "*": "×", "to(-)": "to",
    "and(-)": "and", "or(-)": "or", "to about": "to about", "+/-": "±", "±": "±", "+": "+", "by(x)": "by", "xx": "×",
}  # fmt: skip
"""Code between two numbers -> how it is written."""
POWER_CODE = re.compile(r"e(3|6|9|12)(.*)")
"""A power of ten before the code of a unit, as in "e6sqmi"."""
POWER_NAMES = {"3": "thousand", "6": "million", "9": "billion", "12": "trillion"}
COMPOUND_UNITS = {"ft": "in", "foot": "inch", "lb": "oz", "st": "lb", "mi": "yd", "yd": "ft"}
"""Unit -> the smaller unit that may follow it: {{convert|6|ft|2|in}}."""
MIXED_NUMBER = re.compile(r"^(\d+)\+(\d+/\d+)$")
"""A whole number and a fraction: {{convert|1+1/2|in}}."""
NUMBER_START = re.compile(r"[-−+]?[.\d]")
MONTHS = "January February March April May June July August September October November December".split()


def convert(call: Call) -> str:
    """Render {{convert|5|to|10|km|mi}} as "5 to 10 km", {{convert|5|mi|adj=on}} as "5-mile"."""
    words: list[str] = []
    parts = call.positional
    adjective = call.named.get("adj") in ("on", "mid")
    for index, part in enumerate(parts):
        if NUMBER_START.match(part):
            words.append(group_thousands(MIXED_NUMBER.sub(r"\1 \2", part)))
        elif part in CONNECTORS and index:
            words.append(CONNECTORS[part])
        elif index:
            unit = unit_name(part)
            compound = index + 2 < len(parts) and COMPOUND_UNITS.get(part) == parts[index + 2]
            if adjective and unit != part and unit.isascii() and unit[:4] != "per ":
                words[-1] += f"-{singular(unit).replace(' ', '-')}" + ("-" if compound else "")
            else:
                words.append(singular(unit) if words == ["1"] else unit)
            if not compound:
                tail = parts[-1] if call.named.get("adj") == "mid" and parts[-1].startswith("-") else ""
                return " ".join(words).replace(" – ", "–").replace("- ", "-") + tail
        else:
            return ""
    return ""


def group_thousands(number: str) -> str:
    """Return a number with commas between groups of three digits: "29,473"."""
    whole, point, rest = number.partition(".")
    return f"{int(whole):,}{point}{rest}" if whole.isdecimal() and whole[0] != "0" and len(whole) > 3 else number


def unit_name(code: str) -> str:
    """Return the name of a unit from its code: "e6sqmi" is "million square miles"."""
    power = POWER_CODE.match(code)
    if power and power[2] not in ("", "+"):
        return f"{POWER_NAMES[power[1]]} {UNIT_NAMES.get(power[2], power[2])}"
    return UNIT_NAMES.get(code, code)


def singular(unit: str) -> str:
    """Return a unit's name with its last word in the singular."""
    head, _, last = unit.rpartition(" ")
    last = SINGULARS.get(last, last.removesuffix("s") if last.islower() else last)
    return f"{head} {last}".strip()


def val(call: Call) -> str:
    """Render {{val|1234|0.5|u=km}} as "1234 ± 0.5 km", {{val|1.2|(3)|e=5}} as "1.2(3) × 10^5"."""
    number, over, under = call.get(1), call.get(2), call.get(3)
    number = re.sub(r"^([-−+]?[\d.,]+)[eE]([-−+]?\d+)$", r"\1×10^\2", number)
    if over.startswith("("):
        number += over
    elif NUMBER_START.match(over):
        number += f" +{over.lstrip('+')} −{under.lstrip('-−')}" if NUMBER_START.match(under) else f" ± {over}"
    exponent = f" × 10^{call.named['e']}" if call.named.get("e") else ""
    unit = call.named.get("u") or call.named.get("ul") or call.named.get("up") or call.named.get("upl") or ""
    space = "" if unit in ("%", "°", "′", "″") else " "
    return f"{call.named.get('p', '')}{number}{exponent}{space}{unit}".strip()


def power_of_ten(call: Call) -> str:
    """Render {{e|24}} as "×10^24"."""
    return f"×10^{call.get(1)}" if call.get(1) else ""


def fraction(call: Call) -> str:
    """Render {{frac|3|1|2}} as "3 1/2", {{frac|2|3}} as "2/3", {{frac|4}} as "1/4"."""
    match [part for part in call.positional if part]:
        case [whole, over, under]:
            return f"{whole} {over}/{under}"
        case [over, under]:
            return f"{over}/{under}"
        case [under]:
            return f"1/{under}"
    return ""


def range_with_unit(unit: str) -> Renderer:
    """Return a renderer of a number or a range with this unit, or of the unit alone without a number.

    {{Solar luminosity|96}} is "96 L☉", {{Ma|66|56}} is "66–56 Ma".
    """
    return lambda call: f"{'–'.join(part for part in call.positional[:2] if NUMBER_START.match(part))} {unit}".strip()


CURRENCIES = {
    name: sign
    for sign, names in {
        "US$": "us$, usd, us dollar", "A$": "a$, aud, au$", "CA$": "cad, ca$, c$", "NZ$": "nzd, nz$",
        "HK$": "hkd, hk$", "S$": "sgd, s$", "NT$": "ntd, nt$, twd", "R$": "brl, r$", "MX$": "mxn",
        "¥": "jpy, ¥, cny, yen, rmb, renminbi, cn¥",
        "£": "gbp, £, pound sterling, gb£", "€": "eur, €, euro", "₹": "inr, indian rupee, rupee, ₹",
        "₨": "pkr, pakistani rupee", "₩": "krw, ₩", "₽": "rub, ruble", "₱": "php, philippine peso, philippines peso",
        "₺": "try, turkish lira", "₴": "uah, hryvnia", "₪": "ils, nis, ₪", "฿": "thb, baht, ฿", "₫": "vnd",
        "RM": "myr, rm", "Rp": "idr", "CHF ": "chf", "₦": "ngn, naira",
    }.items()
    for name in names.split(", ")
}  # fmt: skip
"""Template's name in lower case -> the currency sign it shows."""


def money(sign: str) -> Renderer:
    """Return a renderer of an amount after its currency sign, {{US$|2 billion}}, or of the sign alone without one."""
    return lambda call: sign + call.get(1)


def population_density(call: Call) -> str:
    """Render {{Pop density|people|area|km2}} as the number of people "per km²"."""
    try:
        people, area = (float(call.get(number).replace(",", "")) for number in (1, 2))
        places = int(call.named.get("prec", "0"))
        return f"{people / area:,.{max(0, min(places, 3))}f} per {singular(UNIT_NAMES.get(call.get(3), call.get(3)))}"
    except (ValueError, ZeroDivisionError, OverflowError):
        return ""


def track_gauge(call: Call) -> str:
    """Render {{RailGauge|1435mm}} as "1,435 mm"."""
    match = re.fullmatch(r"(\d+) ?mm", call.get(1))
    return f"{int(match[1][:6]):,} mm" if match else ""


def duration(call: Call) -> str:
    """Render {{duration|3:05}} and {{duration|m=3|s=5}} as "3:05"."""
    given = [call.named.get(part) for part in "hms"]
    first, *rest = [part for part in given if part is not None] or [call.get(1)]
    return ":".join([first, *(f"{part:0>2}" for part in rest)])


def height(call: Call) -> str:
    """Render {{height|ft=6|in=2}} as "6 ft 2 in"."""
    named = call.named
    units = ("st", "lb", "ft", "in", "m", "cm", "kg")
    return " ".join(f"{named[unit]} {unit}" for unit in units if named.get(unit))


def angle(*signs: str) -> Renderer:
    """Return a renderer that puts one of `signs` after each number: {{RA|12|34|56}} is "12h 34m 56s"."""
    return lambda call: " ".join(
        f"{part}{sign}" for part, sign in zip(call.positional, signs, strict=False) if NUMBER_START.match(part)
    )


def coordinates(call: Call) -> str:
    """Render {{coord|13|19|N|169|9|W}} as "13°19′N 169°9′W", or as nothing if it is shown only in the page's title."""
    if "inline" not in call.named.get("display", "inline").lower() and call.named.get("display", "inline") not in (
        "it",
        "i",
    ):
        return ""
    signs, words, count = "°′″", [], 0
    numbers = [part for part in call.positional if part]
    for part in numbers:
        if part in ("N", "S", "E", "W"):
            words.append(part)
            count = 0
            if part in "EW":
                return "".join(words)
            words.append("&#32;")
        elif NUMBER_START.match(part) and count < len(signs):
            words.append(part + signs[count])
            count += 1
        else:
            break
    if len(numbers) >= 2 and NUMBER_START.match(numbers[0]) and NUMBER_START.match(numbers[1]):
        return f"{numbers[0]}°, {numbers[1]}°"
    return ""


def month_name(text: str) -> str:
    """Return the English name of a month's number, and any other text as it is."""
    return MONTHS[int(text) - 1] if text.isdecimal() and len(text) < 3 and 1 <= int(text) <= 12 else text


def as_of(call: Call) -> str:
    """Render {{As of|2010|5}} as "As of May 2010"."""
    if call.named.get("alt"):
        return call.named["alt"]
    since = call.named.get("since")
    start = ("since" if since else "as of") if call.named.get("lc") else ("Since" if since else "As of")
    day, name, year = call.get(3), month_name(call.get(2)), call.get(1)
    if day and call.named.get("df", "").upper() == "US":
        return f"{start} {name} {day}, {year}"
    parts = (start, day, name, year)
    return " ".join(part for part in parts if part) if call.get(1) else ""


def date(call: Call) -> str:
    """Render {{birth date|1969|7|20}} as "July 20, 1969", or with the day first if there is df=yes."""
    year, name, day = call.get(1), month_name(call.get(2)), call.get(3)
    if not year.isdecimal() or not name:
        return call.get(1)
    if len(year) < 3:  # other wikis write {{date|1|5|2000}}
        return ".".join(call.positional[:3])
    if call.named.get("df", "n")[:1] in "yt":
        return " ".join(part for part in (day, name, year) if part)
    return f"{name} {day}, {year}" if day else f"{name} {year}"


def old_style_date(call: Call) -> str:
    """Render {{OldStyleDate|February 2|1905|January 20}} as "February 2 [O.S. January 20] 1905"."""
    old = f"&#91;O.S. {call.get(3)}&#93;" if call.get(3) else ""
    return " ".join(part for part in (call.get(1), old, call.get(2)) if part)


def circa(call: Call) -> str:
    """Render {{circa|1500|1510}} as "c. 1500 – c. 1510", or as "c." without a year."""
    return " – ".join(f"c. {year}" for year in call.positional[:2] if year) or "c."


def ordinal(call: Call) -> str:
    """Render {{ordinal|21}} as "21st"."""
    number = call.get(1)
    if not number.isdecimal():
        return number
    teens = number[-2:-1] == "1"
    return number + ("th" if teens else {"1": "st", "2": "nd", "3": "rd"}.get(number[-1], "th"))


def year_range(prefix: str) -> Renderer:
    """Return a renderer of years after a prefix: {{reign|1066|1087}} is "r. 1066–1087"."""
    return lambda call: f"{prefix} " + "–".join(part for part in call.positional[:2] if part)
