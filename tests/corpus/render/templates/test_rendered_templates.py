"""Templates that are rendered without a definition, as pairs (wikitext, text) in which a link is [title|mention]."""

from __future__ import annotations

import pytest

from pipeline.corpus.render.page import render_page
from pipeline.corpus.render.templates.definitions import NO_DEFINITIONS
from pipeline.corpus.titles import default_site
from tests.corpus.render.templates.pages import mark_links

LANGUAGES = [
    ("{{IAST|dharma}}, {{lang|ur|{{nq|x}}}}, A{{nbhyph}}1, b{{\\}}c", "dharma, x, A-1, b / c"),
    ("{{IPA link|ɬ}}, {{IPA blink|ɬ}}, {{IPAslink|ɬ|ɬː}}", "ɬ, [ɬ], /ɬː/"),
    ("A ({{lang-rus|Москва|r=Moskva|a=Ru.ogg|p=mɐskˈva}})", "A (Russian: Москва, romanized: Moskva, IPA: [mɐskˈva])"),
    ("A ({{langx|de|Wort|lit=word}})", "A (German: Wort, lit. 'word')"),
    ("({{langx|ru|мир|mir|peace}})", "(Russian: мир, romanized: mir, lit. 'peace')"),
    ("{{langx|sr-Cyrl|реч|label=none}}; {{langx|xyz|a}}", "реч; a"),
    ("{{lang|fr|mot}}, {{translit|ru|slovo}}, {{transl|ar|ALA|qalb}}", "mot, slovo, qalb"),
    ("{{rtl-lang|he|שלום}} {{script|Hebr|א}} {{script/Arabic|ب}}", "שלום א ب"),
    ("{{wikt-lang|de|Hund}} {{wikt-lang|la|sum|est}} {{mention|en|dog}}", "Hund est dog"),
    ("{{nihongo|'''Tower'''|塔|Tō|extra|behind}}", "Tower (塔, Tō, extra) behind"),
    ("{{nihongo2|塔}} {{nihongo3|Tower|塔|Tō}} {{nihongo krt|Tower|塔|Tō}}", "塔 Tō (塔, Tower) 塔 (Tō, Tower)"),
    ("a {{nihongo foot|Tower|塔|Tō}} b", "a Tower b"),
    ("{{zh|s=汉语|t=漢語|p=Hànyǔ|l=Han}}",
     "simplified Chinese: 汉语; traditional Chinese: 漢語; pinyin: Hànyǔ; lit. 'Han'"),
    ("{{lang-zh|c=北京|labels=no}}", "北京"),
    ("{{korean|한국|韓國|rr=Hanguk}}", "Korean: 한국; Hanja: 韓國; RR: Hanguk"),
    ("{{IPA|/a/}} {{IPA|fr|mo}} {{IPA|de|vɔʁt|lang}} {{IPA-pl|ˈwutʂ}}", "/a/ [mo] [vɔʁt] [ˈwutʂ]"),
    ("{{IPAc-en|audio=A.ogg|UK|ˈ|k|æ|t}}", "/ˈkæt/"),
    ("{{IPAc-en|En-uk-A.ogg|ˈ|æ|l|i:|,_|ˈ|æ|l}}", "/ˈæliː, ˈæl/"),
    ("{{respell|AY|bee|_|SEE}}, {{pronunciation respelling|pruh|NUN}}", "AY-bee SEE, pruh-NUN"),
    ("{{audio|De-Berlin.ogg|Berlin}} {{audio|a.ogg|listen}} is", "Berlin is"),
    ("{{etymology|la|albus|white}}, {{gloss|white}}, {{lit|white}}", "from Latin albus 'white', 'white', lit. 'white'"),
    ("[http://x.y a] {{in lang|fr|de}} {{ru icon}}. A ({{née}} B), {{née|C}}",
     "a (in French and German) (in Russian). A (née B), née C"),
    ("{{okina}}Oahu, {{hamza}}, {{ayin}}, {{angbr|a}}", "ʻOahu, ʾ, ʿ, ⟨a⟩"),
]  # fmt: skip
MEASURES = [
    ("{{convert|5|-|10|km|mi|abbr=on}}, {{cvt|5|to|10|ft}}, {{convert|1.5|e6acre}}", "5–10 km, 5 to 10 feet, "
     "1.5 million acres"),
    ("{{convert|2|e9USgal}}, {{convert|12|cuft/s|m3/s}}, {{convert|1|mpgus}}", "2 billion US gallons, "
     "12 cubic feet per second, 1 miles per gallon"),
    ("a {{convert|3|ft|6|in|mm|adj=on}} gauge, {{convert|6|ft|2|in|m}}, {{convert|1+1/2|in|mm}}",
     "a 3-foot-6-inch gauge, 6 feet 2 inches, 1 1/2 inches"),
    ("{{convert|29473|km|mi}}, {{convert|1050.5|acre}}, {{convert|0.25|mi}}", "29,473 km, 1,050.5 acres, 0.25 miles"),
    ("a {{convert|5|mi|km|adj=mid|-long}} road of {{convert|3|acre.ft}}", "a 5-mile-long road of 3 acre-feet"),
    ("{{convert|70|F|C|order=flip}}, {{convert|6|ft|2|in|m|2}}, {{convert|3|by|4|in}}", "70 °F, 6 feet 2 inches, "
     "3 by 4 inches"),
    ("{{val|1.234|(56)|u=m}}, {{val|5|2|3|u=km}}, {{val|5.0e3}}, {{val|7|ul=GeV}}, {{val|9|u=%}}",
     "1.234(56) m, 5 +2 −3 km, 5.0×10^3, 7 GeV, 9%"),
    ("{{frac|3|1|2}}, {{sfrac|1|2}}, {{1/2}}, 6{{e|5}}, 10{{sup|6}}", "3 1/2, 1/2, 1/2, 6×10^5, 10⁶"),
    ("{{circa|1500|1510}}, {{c.|900}}, {{fl.|1200|1240}}, {{reign|1066|1087}}, {{born|1950}}",
     "c. 1500 – c. 1510, c. 900, fl. 1200–1240, r. 1066–1087, b. 1950"),
    ("{{as of|2010|5|2|lc=y}}, {{as of|2010|5|2|df=US}}", "as of 2 May 2010, As of May 2, 2010"),
    ("{{birth date|1969|7|20}}, {{start date and age|2001|3|df=y}}, "
     "{{birth year and age|1950}}",
     "July 20, 1969, March 2001, 1950"),
    ("{{mya|66|56}}, {{Ma|3}}, {{solar mass|2}}", "66–56 million years ago, 3 Ma, 2 M☉"),
    ("{{US$|5 million}}, {{GBP|3}}, {{INR|7}}, {{₹|2}}, {{CNY|1}}, {{A$|4}}", "US$5 million, £3, ₹7, ₹2, ¥1, A$4"),
    ("{{height|ft=6|in=2}}, {{height|m=1.88}}, {{RA|12|34|56}}, {{DEC|+1|2|3}}", "6 ft 2 in, 1.88 m, 12h 34m 56s, "
     "+1° 2′ 3″"),
    ("1{{frac|1|2}}, {{frac|3|4}} or 2{{sfrac|1|3}}", "1 1/2, 3/4 or 2 1/3"),
    ("{{duration|3:05}}, {{duration|m=3|s=5}}, {{duration|h=1|m=2|s=03}}", "3:05, 3:05, 1:02:03"),
    ("{{ordinal|21}}, {{formatnum:1234567}}, {{nts|5}}, {{ntsh|5}}x", "21st, 1,234,567, 5, x"),
    ("It cost $100 (equivalent to ${{Inflation|US|100|1950}} in 2020).", "It cost $100."),
    ("It landed in 1969 ({{age|1969|7|20}} years ago).", "It landed in 1969."),
    ("It cost £9 ({{GBP|{{Format price|{{Inflation|UK|9|1950}}}}}} in 2020) then.", "It cost £9 then."),
]  # fmt: skip
SCIENCE = [
    ("{{chem|H|2|O}}, {{chem2|SO4(2-)}}, {{chem2|C_{''n''}H_{2''n''+2} }}, {{ce|A -> B}}",
     "H2O, SO42−, CnH2n+2, A → B"),
    ("{{chem2|^{14}C}}, {{chem2|Na+}}, {{chem2|Cl-}}, {{chem2|CuSO4*5H2O}}", "14C, Na+, Cl−, CuSO4·5H2O"),
    ("{{math|''x'' {{=}} 2}}, {{mvar|y}}, {{pi}}, {{sqrt|2}}, {{abs|''x''}}, {{su|b=1|p=2}}",
     "x = 2, y, π, √2, |x|, 12"),
    ("where {{tmath|x^2 = y}} and {{tmath|\\int f}} hold", "where x² = y and hold"),
    ("{{mset|1, 2}} {{floor|x}} {{closed-open|0, 1}} {{ket|ψ}} {{bra|φ}}", "{1, 2} ⌊x⌋ [0, 1) |ψ⟩ ⟨φ|"),
    ("{{unichar|00E9}}, {{U+|0041}}", "U+00E9 é LATIN SMALL LETTER E WITH ACUTE, U+0041"),
    ("B{{music|flat}}, {{music|time|3|4}}, C{{sharp}}", "B♭, 3/4, C♯"),
]  # fmt: skip
WRAPPERS = [
    ("A {{post-nominals|country=GBR|KBE|FRS}}, B {{post-nominals|list=KBE, FRS}}", "A KBE FRS, B KBE, FRS"),
    ("a {{block indent|em=2|''b''}} {{OEIS|A000045}}\n{{cast listing|\n* [[C]] as D\n}}", "a\nb\n"
     "(sequence A000045 in the OEIS)\n[C|C] as D"),
    ("{{small|a}} {{big|b}} {{em|c}} {{strong|d}} {{u|e}} {{del|f}} {{s|g}} {{dfn|h}} {{samp|i}} {{kbd|j}}",
     "a b c d e f g h i j"),
    ("{{color|red|a}} {{font color|red|b}} {{background color|red|c}} {{tooltip|d|e}} {{abbr|f|g}} {{H:title|h|i}}",
     "a b c d f i"),
    ("{{not a typo|a}}, {{as written|b}}, {{proper name|c}}, {{sic|teh}}, {{sic|hide=y|d}}, {{sic}}",
     "a, b, c, teh [sic], d, [sic]"),
    ("{{nowrap|1=a = b}} {{citation needed span|text=c|date=May 2020}} {{vanchor|d|text=e}}", "a = b c e"),
    ("{{key press|Ctrl|C}}, {{keypress|A}}", "Ctrl+C, A"),
    ("{{blackletter|a}} {{polytonic|b}} {{unicode|c}} {{PIE|*d}}", "a b c *d"),
    ("{{crossref|(see [[b]])}} {{post-nominals|country=GBR|KBE|FRS}}", "(see [B|b]) KBE FRS"),
    ("a {{blockquote|text=b|author=c}} d {{poemquote|e}}", "a\nb\nd\ne"),
    ("a {{plainlist|\n* b\n* c\n}}", "a\nb\nc"),
    ("{{bibleverse|1|Corinthians|13:4|KJV}}; {{bibleverse||Genesis|1:1}}", "1 Corinthians 13:4; Genesis 1:1"),
    ("{{uscsub|18|3553|a}}, {{usc|18|1}}, {{ussc|410|113|1973}}, {{USPL|91|190}}",
     "18 U.S.C. § 3553(a), 18 U.S.C. § 1, 410 U.S. 113 (1973), Pub. L. 91–190"),
    ("{{URL|https://example.org/}} {{URL|example.org|label}} {{ISBN|1}} {{doi|2}} {{arxiv|3}}",
     "example.org label ISBN 1 doi:2 arXiv:3"),
]  # fmt: skip
SYMBOLS = [
    ("1914{{ndash}}18{{snd}}a{{spaced ndash}}b{{mdash}}c{{en dash}}d", "1914–18 – a – b—c–d"),
    ("a{{nbsp}}b{{thinsp}}c{{hair space}}d{{zwj}}e{{shy}}f{{space}}g", "a b c def g"),
    ("a {{bull}} b {{middot}} c{{dot}}d", "a · b · c · d"),
    ("{{(}}a{{)}} {{((}}b{{))}} {{lbrack}}c{{rbrack}} d{{!}}e {{=}}", "{a} {{b}} [c] d|e ="),
    ("{{'}}a{{'s}} {{\"'}}", "'a's \"'"),
    ("{{dagger}} {{double dagger}} {{times}} {{minus}} {{degree}} {{section sign}}", "† ‡ × − ° §"),
]
LINKED = [
    (
        "* {{fb|FRA}}\n* {{flagIOC|GEO|2008 Summer}} {{flagIOC|ITA}}\n* {{cr|IND}} {{flag|GEO}} {{flag|FIJ}}",
        "[France national football team|France]\n[Georgia at the 2008 Summer Olympics|Georgia] [Italy|Italy]\n"
        "[India national cricket team|India] [Georgia (country)|Georgia] [Fiji|Fiji]",
    ),
    (
        "the {{cfb link|year=2010|team=Michigan Wolverines|title=2010 team}}",
        "the [2010 Michigan Wolverines football team|2010 team]",
    ),
    ("{{ill|A|de|B}} {{ill|A|de|B|lt=c}} {{interlanguage link|D|fr}}", "[A|A] [A|c] [D|D]"),
    (
        "{{USS|Hornet|CV-12|6}} {{USS|Hornet|CV-12}} {{HMS|Ajax||2}} {{ship|French ship|Ville|1900|2}}",
        "[USS Hornet (CV-12)|USS Hornet] [USS Hornet (CV-12)|USS Hornet (CV-12)] [HMS Ajax|Ajax] "
        "[French ship Ville (1900)|Ville]",
    ),
    ("{{sclass|Nimitz|aircraft carrier}}s", "[Nimitz-class aircraft carrier|Nimitz-class aircraft carriers]"),
    (
        "{{flag|France}} {{flagcountry|JPN}} {{flagu|Peru}} {{flagicon|ITA}} {{FRA}}",
        "[France|France] [Japan|Japan] Peru [France|France]",
    ),
    ("{{slink|Page|Part}} {{rws|York}}", "[Page|Page § Part] [York railway station|York]"),
    ("{{jct|state=CA|I|5|SR|1}}", "I-5 / SR 1"),
]
DROPPED = [
    (
        "a{{citation needed|date=May 2020}} b{{sfn|C|2000|p=1}}{{efn|d}}{{rp|5}}, e{{when?}}{{dn}} f{{r|g}}.",
        "a b, e f.",
    ),
    ("{{see also|a}}\n{{main|b}}\n{{further|c}}\nd {{cite web|url=http://x.y|title=e}} f", "d f"),
    ("A ({{coord|1|2|display=title}}; {{IPA|}}) b{{anchor|c}}", "A b"),
    ("aged {{age|1950|1|1}}, he", "aged, he"),
]
PER_WIKI = {
    "ko": [("({{llang|en|X}}, {{lang|de|Y}}) {{임시링크|표제|en|Title}}", "(X, Y) [표제|표제]")],
    "tr": [("({{dil|en|X}})", "(X)")],
    "de": [("{{FRA}}a {{flag|Peru}} {{langx|fr|mot}} {{in lang|fr}}", "a Peru mot"),
           ("{{enS|dog}}, {{\"|Wort}}, {{IPA|vɔʁt}}, {{lang|fr|mot}}, {{laS}}", "englisch dog, „Wort“, [vɔʁt], mot, "
            "lateinisch")],
    "fr": [("le {{s|XIX}}, {{s-|XX|e}}, {{sp-|XIX|e|et|XX|e}}, {{-s|II}}, {{-s|Ier}}, {{XVIIIe siècle}}",
            "le XIXe siècle, XXe, XIXe et XXe, IIe siècle av. J.-C., Ier siècle av. J.-C., XVIIIe siècle"),
           ("{{unité|5|km|2}}, {{nb|1000}}, {{date|1|mai|2000}}, {{1er|mai}}, {{2e}}, {{M.}} A, {{n°|5}}, {{av JC}}",
            "5 km², 1000, 1 mai 2000, 1er mai, 2e, M. A, n° 5, av. J.-C."),
           ("{{M.|Dupont}} et {{Mme|Durand}}, {{Dr}} X", "M. Dupont et Mme Durand, Dr X"),
           ("{{citation|mot}}, {{langue|en|dog}}, {{lien|langue=en|trad=X|fr=Y|texte=y}}, {{référence nécessaire|a}}",
            "« mot », dog, [Y|y], a")],
    "es": [("{{unidad|5|km}}, el {{siglo|XIX}}, {{cita|voz}}, {{AFI|a}}, a{{cita requerida}}",
            "5 km, el siglo XIX, «voz», [a], a")],
    "it": [("{{M|5||km}}, {{citazione necessaria|testo}}", "5 km, testo")],
    "pt": [("{{séc|XIX}}, 50 {{AC}}, {{fmtn|5|km}}", "século XIX, 50 a.C., 5 km")],
    "ru": [("{{нп5|Дом|дома|en|House}} {{s|1990 год}}{{нет АИ|1|2}}{{тире}}а{{уд}} {{итд}} {{date|1|5|2000}}",
            "[Дом|дома] 1990 год — а\u0301 и т. д. 1.5.2000")],
    "zh": [("甲{{bd|1879年|3月14日|1955年|4月18日|catIdx=A}}", "甲（1879年3月14日－1955年4月18日）"),
           ("{{le|表題|Title|字}}、{{tsl|en|Title|表題}}", "[表題|字]、[表題|表題]")],
    "ar": [("({{إنج|dog}})", "(بالإنجليزية: dog)"),
           ("{{وإو|عر=أ|تر=B|لغ=en}} {{وصلة إنترويكي|عر=أ|تر=B|نص=ج}}", "[أ|أ] [أ|ج]")],
    "ja": [("甲（{{生年月日と年齢|1974|5|25}} - ）、乙（{{zzz}} - ）", "甲（1974年5月25日 - ）、乙"),
           ("{{仮リンク|表題|en|Title|label=字}}{{R|名}}、{{ill2|犬|en|Dog}}", "[表題|字]、[犬|犬]"),
           ("（{{Llang|en|言語記事名=英語|dog}}）", "（dog）")],
}  # fmt: skip
CASES = [
    *(
        pytest.param("en", *case, id=f"en: {case[0][:50]}")
        for cases in (LANGUAGES, MEASURES, SCIENCE, WRAPPERS, SYMBOLS, LINKED, DROPPED)
        for case in cases
    ),
    *(pytest.param(code, *case, id=f"{code}: {case[0][:50]}") for code, cases in PER_WIKI.items() for case in cases),
]


@pytest.mark.parametrize(("language", "wikitext", "text"), CASES)
def test_rendered_text(language: str, wikitext: str, text: str) -> None:
    page = render_page(wikitext, site=default_site(language), definitions=NO_DEFINITIONS, title="Page")
    assert mark_links(page).removesuffix("\n") == text
