"""The parts of `make bench-data`: the repeated dump, the cost of processes, and the arithmetic."""

from __future__ import annotations

import bz2
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.corpus.xml.dump_reader import DumpReader
from scripts import scale
from scripts.bench_data import Results, summarize
from scripts.bench_dump import RepeatedDump, repeat_dump
from scripts.commands import Cost, measure_command

PAGES = """\
  <page>
    <title>A &amp; B</title>
    <ns>0</ns>
    <id>10</id>
    <revision>
      <id>11</id>
      <parentid>9</parentid>
      <model>wikitext</model>
      <text xml:space="preserve">[[C]] &lt;é&gt; &lt;id&gt;5&lt;/id&gt;</text>
    </revision>
  </page>
  <page>
    <title>C</title>
    <ns>0</ns>
    <id>20</id>
    <redirect title="A &amp; B" />
    <revision>
      <id>21</id>
      <text xml:space="preserve">#REDIRECT [[A &amp; B]]</text>
    </revision>
  </page>
"""
HEADER = '<mediawiki xml:lang="en">\n  <siteinfo><dbname>xwiki</dbname></siteinfo>\n'


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "small.xml"
    path.write_text(f"{HEADER}{PAGES}</mediawiki>\n")
    return path


def test_a_dump_repeated_is_a_multistream_dump_with_its_index(source: Path, tmp_path: Path) -> None:
    size = len("[[C]] <é> <id>5</id>".encode())
    dump = repeat_dump(source, tmp_path / "out", 101 * size - 1)
    assert (dump.pages, dump.articles, dump.wikitext_bytes) == (202, 101, 101 * size)
    pages = list(DumpReader(dump.dump))
    assert len({page.id for page in pages}) == len({page.title for page in pages}) == 202
    assert [page.title for page in pages[:4]] == ["A & B", "C", "A & B (copy 2)", "C (copy 2)"]
    assert {page.redirect for page in pages[1::2]} == {"A & B"}
    assert {page.text for page in pages[::2]} == {"[[C]] <é> <id>5</id>"}
    entries = [line.split(":", 2) for line in bz2.decompress(dump.index.read_bytes()).decode().splitlines()]
    assert [(number, title) for _, number, title in entries] == [(page.id, page.title) for page in pages]
    heads = sorted({int(offset) for offset, _, _ in entries})
    content = dump.dump.read_bytes()
    assert len(heads) == 3
    assert [bz2.BZ2Decompressor().decompress(content[head:]).count(b"<page>") for head in heads] == [100, 100, 2]
    assert bz2.BZ2Decompressor().decompress(content) == HEADER.encode()


def test_a_dump_without_articles_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.xml").write_text(HEADER)
    with pytest.raises(ValueError, match="holds no article"):
        repeat_dump(tmp_path / "empty.xml", tmp_path, 1)


USE_CPU = "import time\nwhile time.process_time() < 0.4: pass\n"
LEAVE_PROCESS = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {USE_CPU!r}])"


def test_a_process_that_outlives_its_parent_counts(tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "60"])  # an earlier child is neither waited for nor counted
    process_cost = measure_command([sys.executable, "-c", LEAVE_PROCESS], tmp_path / "log")
    assert other.poll() is None
    other.kill()
    other.wait()
    assert process_cost.cpu_seconds > 0.4
    assert 5 < process_cost.peak_mb < 200


def test_a_failure_shows_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with 3:\nlost"):
        measure_command([sys.executable, "-c", "print('lost'); raise SystemExit(3)"], tmp_path / "log")


def test_figures_are_medians_of_the_rounds() -> None:
    dump = RepeatedDump(Path(), Path(), pages=2, articles=1, wikitext_bytes=50_000_000, xml_bytes=60_000_000)
    costs = {
        "corpus": [Cost(10, 20, 300), Cost(11, 21, 300), Cost(30, 90, 300)],
        "dataset": [Cost(20, 19, 500)] * 3,
        "corpus, 1 worker": [Cost(40, 20, 300), Cost(41, 21, 300), Cost(90, 90, 300)],
        "dataset, 1 worker": [Cost(80, 19, 500)] * 3,
        "corpus, 2 workers": [Cost(12, 12, 310)] * 3,
        "dataset, 2 workers": [Cost(22, 10, 200), Cost(22, 10, 320), Cost(22, 10, 200)],
        "wikipedia2vec": [Cost(70, 70, 100), Cost(66, 70, 100), Cost(150, 170, 100)],
        "upstream's dataset": [Cost(100, 100, 100)] * 3,
    }
    assert summarize(dump, Results(costs, {"ours": 6_000_000, "upstream": 5_000_000})) == {
        "corpus_mb_per_cpu_s": 4.55,
        "corpus_vs_wikipedia2vec": 6.0,
        "dataset_tokens_per_cpu_s": 300_000,
        "dataset_vs_upstream": 6.0,
        "scaling_1_to_2": 1.82,
        "peak_mb_per_worker": 320,
    }


def test_the_cost_of_a_wiki_is_proportional_to_its_bytes() -> None:
    wiki = scale.Wiki(articles=1e6, compressed_gb=6, xml_gb=40, wikitext_gb=20)
    rates = scale.Rates(
        xml=1.25, seconds={"corpus": 0.18, "dataset": 0.36}, disk={"corpus": 0.25, "dataset": 0.5}, tokens=100_000
    )
    assert scale.cost_table(rates, wiki).splitlines()[2:] == [
        "| stage | core-hours | GB on disk |",
        "|---|---|---|",
        "| dump | 0.0 | 6 |",
        "| corpus | 1.3 | 5 |",  # an hour, and 15 GB of XML more than the bench's dump would have
        "| dataset | 2.0 | 10 |",
        "| together | 3.3 | 21 |",
    ]
