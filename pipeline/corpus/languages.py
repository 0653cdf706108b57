"""Tables of facts about languages and wikis that a dump does not contain.

A dump's <siteinfo> gives the language, the namespaces and the case rule. It does not give the prefixes of other wikis
(the interwiki map), the older names of the file and category namespaces that still work (aliases), and the letters
after a link that belong to its text (MediaWiki's `linkTrail`, set in the message file of each language).
"""

from __future__ import annotations

import re
from functools import cache

WIKIPEDIA_PREFIXES = frozenset(
    """
    aa ab ace ady af ak als alt am ami an ang ann anp ar arc ary arz as ast atj av avk awa ay az azb ba ban bar bat-smg
    bbc bcl bdr be be-tarask be-x-old bew bg bh bi bjn blk bm bn bo bpy br bs btm bug bxr ca cbk-zam cdo ce ceb ch cho
    chr chy ckb co cr crh cs csb cu cv cy da dag de dga din diq dsb dtp dty dv dz ee el eml en eo es et eu ext fa fat ff
    fi fiu-vro fj fo fon fr frp frr fur fy ga gag gan gcr gd gl glk gn gom gor got gpe gsw gu guc gur guw gv ha hak haw
    he hi hif ho hr hsb ht hu hy hyw hz ia iba id ie ig igl ii ik ilo inh io is it iu ja jam jbo jv ka kaa kab kaj kbd
    kbp kcg kg kge ki kj kk kl km kn knc ko koi kr krc ks ksh ku kus kv kw ky la lad lb lbe lez lfn lg li lij lld lmo ln
    lo lrc lt ltg lv lzh mad mai map-bms mdf mg mh mhr mi min mk ml mn mni mnw mo mos mr mrj ms mt mus mwl my myv mzn na
    nah nan nap nb nds nds-nl ne new ng nia nl nn no nov nqo nr nrm nso nup nv ny oc olo om or os pa pag pam pap pcd pcm
    pdc pfl pi pih pl pms pnb pnt ps pt pwn qu rm rmy rn ro roa-rup roa-tara rsk ru rue rup rw sa sah sat sc scn sco sd
    se sg sgs sh shi shn si simple sk skr sl sm smn sn so sq sr srn ss st stq su sv sw syl szl szy ta tay tcy tdd te tet
    tg th ti tig tk tl tly tn to tok tpi tr trv ts tt tum tw ty tyv udm ug uk ur uz ve vec vep vi vls vo vro wa war wo
    wuu xal xh xmf yi yo yue za zea zgh zh zh-classical zh-min-nan zh-yue zu
    """.split()
)
"""Prefixes of Wikipedias in other languages; such a link belongs to the sidebar and is not shown in the text."""

OTHER_WIKI_PREFIXES = frozenset(
    """
    b c commons d doi foundation iarchive incubator m mail mediawikiwiki meta metawikipedia mw n phab phabricator q rfc
    s species t translatewiki v voy w wikia wikibooks wikidata wikimedia wikinews wikipedia wikiquote wikisource
    wikispecies wikiversity wikivoyage wikt wiktionary wmf
    """.split()
)
"""Prefixes of other wikis and sites; such a link is shown in the text and leads out of the wiki."""

NAMESPACE_ALIASES = {
    6: """
    image bild bilde billede afbeelding imagen immagine imagem imaxe imatge grafika kép slika mynd resim kuva pilt
    soubor obrázok dosiero hình
    изображение зображення выява слика картинка εικόνα
    पत्र चित्र صورة تصویر پرونده תמונה
    画像 ファイル 圖像 圖片 图像 图片 檔案 文件 그림 파일 ภาพ
    """.split(),
    14: ["category"],
}
"""Namespace id -> older names, in all languages, that still work in addition to the one in <siteinfo>."""

ENGLISH_NAMESPACES = {
    "media": -2,
    "special": -1,
    "talk": 1,
    "user": 2,
    "user talk": 3,
    "project": 4,
    "wikipedia": 4,
    "wp": 4,
    "project talk": 5,
    "wikipedia talk": 5,
    "wt": 5,
    "file": 6,
    "file talk": 7,
    "image talk": 7,
    "mediawiki": 8,
    "mediawiki talk": 9,
    "template": 10,
    "template talk": 11,
    "help": 12,
    "help talk": 13,
    "category talk": 15,
}
"""English name -> namespace id; these names work on the wikis of all languages."""

MEDIA_FILE_NAME = re.compile(
    r"\.(?:jpe?g|png|svg|gif|tiff?|webp|xcf|djvu?|pdf|og[agvx]|opus|webm|wav|mp[34]|mpe?g|midi?|flac|stl)\s*$",
    re.IGNORECASE,
)
"""End of the name of an uploaded file, which identifies a media link whose prefix is in no table."""

LANGUAGE_NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "eu": "Basque", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "ga": "Irish", "gl": "Galician", "grc": "Ancient Greek", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "is": "Icelandic", "it": "Italian",
    "ja": "Japanese", "ka": "Georgian", "ko": "Korean", "la": "Latin", "lt": "Lithuanian", "lv": "Latvian",
    "ms": "Malay", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sa": "Sanskrit", "sk": "Slovak", "sl": "Slovene", "sq": "Albanian", "sr": "Serbian",
    "sv": "Swedish", "ta": "Tamil", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "vi": "Vietnamese", "yi": "Yiddish", "zh": "Chinese", "az": "Azerbaijani", "be": "Belarusian", "bn": "Bengali",
    "rus": "Russian", "grc-gre": "Greek", "uz": "Uzbek", "ps": "Pashto", "kk": "Kazakh", "mn": "Mongolian",
    "syc": "Syriac", "arc": "Aramaic", "non": "Old Norse", "fro": "Old French", "enm": "Middle English",
    "eo": "Esperanto", "et": "Estonian", "gd": "Scottish Gaelic", "ku": "Kurdish", "mk": "Macedonian",
    "mt": "Maltese", "sh": "Serbo-Croatian", "sco": "Scots", "ang": "Old English",
}  # fmt: skip
"""Language code -> English name, for templates of the English Wikipedia: {{lang-de|Wort}} gives "German: Wort"."""

DOTTED_I_LANGUAGES = frozenset(["tr", "az", "kaa"])
"""Languages in which the capital of i is İ, in the titles of their wikis too."""

LATIN = "a-zA-ZÀ-ÖØ-öø-ɏ"
CYRILLIC = "a-zа-џѐ-ӿА-Я"
LINK_TRAILS = {
    "a-z": "en simple ja id ms ko th vi",
    LATIN: "de fr es it pt nl pl cs sk sl hr bs hu ro tr sv da no nb nn fi et lv lt is fo ca gl eu oc br cy ga eo la "
    "lb nds fy af az sq sc ast an li vec scn sco hsb dsb szl csb uz tk kaa tt ltg",
    CYRILLIC: "ru uk be be-tarask be-x-old bg sr mk sh kk ky mn ba cv ce os tg sah udm av rue",
    "a-zα-ωάέήίόύώϊϋΐΰςΑ-ΩΆΈΉΊΌΎΏ": "el pnt",
    "a-zء-يپچژکگی‌": "ar arz ary fa ur ckb ps sd azb mzn glk pnb ug",
    "a-zא-ת": "he yi",
    "a-zա-ֆև": "hy hyw",
    "a-zა-ჰ": "ka xmf",
    "a-zఁ-౯": "te",
    "a-zം-ൿ": "ml",
    "": "zh zh-yue yue zh-classical lzh zh-min-nan nan wuu gan hak cdo",
}
"""Character class -> languages in which such letters directly after a link belong to its text, as in "[[dog]]s"."""


@cache
def link_trail(language: str) -> re.Pattern[str]:
    """Return a pattern of the text after a link that belongs to it; for an unknown language a to z, as in MediaWiki."""
    letters = next((letters for letters, codes in LINK_TRAILS.items() if language in codes.split()), "a-z")
    return re.compile(f"[{letters}]+" if letters else r"(?!)")
