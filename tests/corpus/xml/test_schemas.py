"""Dumps of several languages and versions of the export format, which must all give the same corpus."""

from __future__ import annotations

import bz2
import codecs
from dataclasses import dataclass, replace
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest

from pipeline.corpus.build import build
from pipeline.corpus.xml.dump_reader import DumpReader
from pipeline.errors import PipelineError
from pipeline.store.artefact import open_artefact
from pipeline.store.files import read_json
from tests.corpus.fixture_corpus import CORPUS_CONFIG, dump_context, read_rows


@dataclass(frozen=True, kw_only=True)
class Wiki:
    """A wiki with four pages: an article, a redirect to it, a template, and a page in a local namespace."""

    language: str
    file: str
    template: str
    category: str
    help: str
    redirect: str
    """The word after "#" that makes a redirect."""
    title: str
    linked: str


WIKIS = [
    Wiki(language="de", file="Datei", template="Vorlage", category="Kategorie", help="Hilfe", redirect="WEITERLEITUNG",
         title="Über Öl", linked="Öl"),
    Wiki(language="ja", file="ファイル", template="テンプレート", category="カテゴリ", help="ヘルプ", redirect="転送",
         title="日本の城", linked="姫路城"),
    Wiki(language="ar", file="ملف", template="قالب", category="تصنيف", help="مساعدة", redirect="تحويل",
         title="تاريخ مصر", linked="القاهرة"),
    Wiki(language="he", file="קובץ", template="תבנית", category="קטגוריה", help="עזרה", redirect="הפניה",
         title="תולדות ירושלים", linked="ירושלים"),
    Wiki(language="th", file="ไฟล์", template="แม่แบบ", category="หมวดหมู่", help="วิธีใช้", redirect="เปลี่ยนทาง",
         title="ประเทศไทย", linked="กรุงเทพมหานคร"),
]  # fmt: skip
MODERN = ("0.10", "0.11")
"""Versions that have <ns>, the target of a redirect, the content model and the wiki's database name."""
NAMES = [wiki.language for wiki in WIKIS]


def siteinfo(wiki: Wiki, version: str) -> str:
    spaces = {0: "", 6: wiki.file, 10: wiki.template, 12: wiki.help, 14: wiki.category}
    named = "".join(f'<namespace key="{key}">{name}</namespace>' for key, name in spaces.items())
    dbname = f"<dbname>{wiki.language}wiki</dbname>" if version in MODERN else ""
    return (
        f"<siteinfo><sitename>Wikipedia</sitename>{dbname}<base>https://{wiki.language}.wikipedia.org/wiki/Main</base>"
        f"<case>first-letter</case><namespaces>{named}</namespaces></siteinfo>"
    )


def page(version: str, number: int, namespace: int, title: str, text: str, redirect: str = "") -> str:
    """Return a <page> in this version of the export format."""
    ns = f"<ns>{namespace}</ns>" if version in MODERN else ""
    led = f"<redirect title={quoteattr(redirect)} />" if redirect and version in MODERN else ""
    model = "<model>wikitext</model><format>text/x-wiki</format>" if version in MODERN else ""
    origin = f"<origin>{number}</origin>" if version == "0.11" else ""
    slot = (
        f"<content><role>mediainfo</role><origin>{number}</origin><model>wikibase-mediainfo</model>"
        "<format>application/json</format><text>{}</text></content>"
        if version == "0.11"
        else ""
    )
    return (
        f"<page><title>{escape(title)}</title>{ns}<id>{number}</id>{led}<revision><id>{100 + number}</id>"
        f"<timestamp>2006-01-01T00:00:00Z</timestamp><contributor><ip>127.0.0.1</ip></contributor>{origin}{model}"
        f'<text xml:space="preserve">{escape(text)}</text>{slot}</revision></page>'
    )


def pages(wiki: Wiki, version: str) -> list[str]:
    text = (
        f"{{{{{wiki.template}:Lead|x}}}} [[{wiki.linked}|AB]] c [[:{wiki.category}:X|D]].\n"
        f"[[{wiki.file}:A.jpg|thumb|E]]\n[[{wiki.category}:Y]]"
    )
    return [
        page(version, 1, 0, wiki.title, text),
        page(version, 2, 0, "Other name", f"#{wiki.redirect} [[{wiki.title}#Part]]", wiki.title),
        page(version, 3, 10, f"{wiki.template}:Lead", "<noinclude>Z</noinclude>It is {{{1}}}:"),
        page(version, 4, 12, f"{wiki.help}:Me", "Not an article, [[though]] linked."),
    ]


def export(wiki: Wiki, version: str, *, header: bool = True, only: slice = slice(None)) -> str:
    space = f'xmlns="http://www.mediawiki.org/xml/export-{version}/" version="{version}" xml:lang="{wiki.language}"'
    return f"<mediawiki {space}>{siteinfo(wiki, version) * header}{''.join(pages(wiki, version)[only])}</mediawiki>"


def check_corpus(root: Path, wiki: Wiki, language: str = "") -> None:
    [article] = read_rows(root, "articles")
    assert (article["id"], article["revision"], article["title"]) == ("1", "101", wiki.title)
    assert article["text"] == "It is x: AB c D.\n"
    assert article["links"] == [{"start": 9, "end": 11, "title": wiki.linked}]
    assert read_rows(root, "redirects") == [{"title": "Other name", "target": wiki.title}]
    counts = open_artefact(root / "corpus", stage="corpus").counts
    fates = {key: number for key, number in counts.items() if key.startswith("pages.")}
    assert fates == {
        "pages.articles": 1, "pages.redirects": 1, "pages.templates": 1, "pages.dropped.namespace_12": 1,
        "pages.seen": 4,
    }  # fmt: skip
    assert read_json(root / "corpus" / "site.json")["language"] == (language or wiki.language)


@pytest.mark.parametrize(
    ("wiki", "version"),
    [*((wiki, "0.3") for wiki in WIKIS), (WIKIS[0], "0.10"), (WIKIS[1], "0.11")],
    ids=[*NAMES, "0.10", "0.11"],
)
def test_namespaces_come_from_the_header_in_every_schema(tmp_path: Path, wiki: Wiki, version: str) -> None:
    build(CORPUS_CONFIG, dump_context(tmp_path, {"a.xml": export(wiki, version).encode()}))
    check_corpus(tmp_path, wiki)


@pytest.mark.parametrize("pack", [bytes, bz2.compress], ids=["xml", "bz2"])
@pytest.mark.parametrize(("encoding", "mark"), [("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE)])
@pytest.mark.parametrize("declared", ['<?xml version="1.0" encoding="utf-16"?>', ""], ids=["declared", "mark alone"])
def test_utf_16(tmp_path: Path, pack: type[bytes], encoding: str, mark: bytes, declared: str) -> None:
    (tmp_path / "a").write_bytes(export(WIKIS[1], "0.10").encode())
    (tmp_path / "b").write_bytes(pack(mark + (declared + export(WIKIS[1], "0.10")).encode(encoding)))
    dump = DumpReader(tmp_path / "b")
    assert list(dump) == list(DumpReader(tmp_path / "a"))
    assert (dump.site.namespaces[10], dump.truncated) == ("テンプレート", False)


def test_utf_16_through_the_stage(tmp_path: Path) -> None:
    data = bz2.compress(codecs.BOM_UTF16_LE + export(WIKIS[1], "0.10").encode("utf-16-le"))
    build(CORPUS_CONFIG, dump_context(tmp_path, {"a.xml.bz2": data}))
    check_corpus(tmp_path, WIKIS[1])


@pytest.mark.parametrize("wiki", [WIKIS[0], WIKIS[4]], ids=["de", "th"])
@pytest.mark.parametrize("with_header", [0, 1, 2])
def test_one_header_serves_all_files_of_a_wiki(tmp_path: Path, wiki: Wiki, with_header: int) -> None:
    """Without <ns>, only the header distinguishes templates from articles."""
    cuts = [slice(0, 1), slice(1, 2), slice(2, 4)]
    files = {
        f"{number}.xml": export(wiki, "0.3", header=number == with_header, only=cut).encode()
        for number, cut in enumerate(cuts)
    }
    build(CORPUS_CONFIG, dump_context(tmp_path, files))
    check_corpus(tmp_path, wiki)


def test_without_any_header_the_names_are_english(tmp_path: Path) -> None:
    wiki = Wiki(language="en", file="File", template="Template", category="Category", help="Help", redirect="REDIRECT",
                title="A b", linked="C")  # fmt: skip
    build(CORPUS_CONFIG, dump_context(tmp_path, {"a.xml": export(wiki, "0.3", header=False).encode()}))
    check_corpus(tmp_path, wiki)


def test_a_case_sensitive_wikis_header_serves_its_other_files(tmp_path: Path) -> None:
    header = siteinfo(WIKIS[0], "0.10").replace("first-letter", "case-sensitive")
    led = page("0.10", 1, 0, "iOS", "#REDIRECT [[ios system]]", "ios system")
    files = {
        "a.xml": f"<mediawiki>{header}{page('0.10', 2, 0, 'ios system', 'A [[kernel]].')}</mediawiki>".encode(),
        "b.xml": f"<mediawiki>{led}</mediawiki>".encode(),
    }
    build(CORPUS_CONFIG, dump_context(tmp_path, files))
    assert read_rows(tmp_path, "redirects") == [{"title": "iOS", "target": "ios system"}]
    assert [link["title"] for row in read_rows(tmp_path, "articles") for link in row["links"]] == ["kernel"]  # type: ignore


def test_the_language_of_a_wrong_header_can_be_overridden(tmp_path: Path) -> None:
    wiki = WIKIS[0]
    data = export(wiki, "0.10").replace('xml:lang="de"', 'xml:lang="en"').encode()
    build(replace(CORPUS_CONFIG, language="bar"), dump_context(tmp_path, {"a.xml": data}))
    check_corpus(tmp_path, wiki, language="bar")


def test_old_files_of_two_wikis_are_distinguished_by_their_url(tmp_path: Path) -> None:
    files = {"a.xml": export(WIKIS[0], "0.3").encode(), "b.xml": export(WIKIS[1], "0.3").encode()}
    with pytest.raises(PipelineError, match="files are of several wikis"):
        build(CORPUS_CONFIG, dump_context(tmp_path, files))


@pytest.mark.parametrize(
    ("version", "text", "redirect"),
    [
        ("0.3", "#REDIRECT [[B]]", "B"),
        ("0.3", " \n#redirect:[[B|b]]", "B"),
        ("0.3", "#पुनर्प्रेषित [[B]]", "B"),
        ("0.3", "#ĐỔI [[B]]", "B"),
        ("0.3", "# [[B]]", None),
        ("0.3", "#[[B]]", None),
        ("0.3", "#1 of the [[B]]", None),
        ("0.10", "#See [[B]]", None),
    ],
)
def test_a_redirect_without_its_element(tmp_path: Path, version: str, text: str, redirect: str | None) -> None:
    (tmp_path / "a").write_text(f"<mediawiki>{page(version, 1, 0, 'A', text)}</mediawiki>", encoding="utf-8")
    assert [each.redirect for each in DumpReader(tmp_path / "a")] == [redirect]


def test_a_redirect_element_without_a_target(tmp_path: Path) -> None:
    """Versions 0.4 and 0.5 mark redirects without their targets."""
    data = page("0.5", 1, 0, "A", "#REDIRECT [[B]]").replace("<id>1</id>", "<id>1</id><redirect />")
    (tmp_path / "a").write_text(f"<mediawiki>{data}</mediawiki>", encoding="utf-8")
    assert [each.redirect for each in DumpReader(tmp_path / "a")] == ["B"]


def test_a_slot_beside_the_text_is_not_taken_for_it(tmp_path: Path) -> None:
    """Version 0.11 has other slots as <content>, before or after the page's own text."""
    text, slot = "<text>Own.</text>", "<content><role>x</role><model>json</model><text>{}</text></content>"
    for order in (text + slot, slot + text):
        (tmp_path / "a").write_text(
            f"<mediawiki><page><title>A</title><ns>0</ns><id>1</id><revision><id>2</id>{order}</revision></page></mediawiki>"
        )
        assert [(each.text, each.model) for each in DumpReader(tmp_path / "a")] == [("Own.", "wikitext")]
