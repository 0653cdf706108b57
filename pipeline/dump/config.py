"""Config of the dump stage: one class per source, chosen by `dump.source`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from pipeline.store.manifest import not_fingerprinted

LATEST = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleDumpConfig:
    """The small dump that the wheel of gensim contains."""

    source: Literal["sample"]
    name: str = field(metadata=not_fingerprinted())
    """Name of the dump's folder, `data/<name>/`, which holds everything made from the dump."""

    def __post_init__(self) -> None:
        check_name(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalDumpConfig:
    """Dump files on this machine."""

    source: Literal["local"]
    name: str = field(metadata=not_fingerprinted())
    """Name of the dump's folder, `data/<name>/`, which holds everything made from the dump."""
    files: tuple[str, ...] = field(metadata=not_fingerprinted())
    """Paths or glob patterns of .xml, .bz2 or .gz files. The manifest records the files' digests instead."""

    def __post_init__(self) -> None:
        check_name(self.name)
        if not self.files:
            raise ValueError("files is empty: name the dump's files, dump.files=[a.xml.bz2]")


@dataclass(frozen=True, slots=True, kw_only=True)
class WikimediaDumpConfig:
    """A dump to download from Wikimedia or a mirror."""

    source: Literal["wikimedia"]
    name: str = field(metadata=not_fingerprinted())
    """Name of the dump's folder, `data/<name>/`, which holds everything made from the dump."""
    wiki: str
    """The wiki's database name, for example enwiki or jawiki."""
    date: Annotated[str, Field(coerce_numbers_to_str=True)]  # hydra takes dump.date=20260101 for a number
    """The dump's date as YYYYMMDD, or "latest": the newest one that is complete at the first build."""
    mirror: str = field(metadata=not_fingerprinted())
    """The URL of the server that has `<wiki>/<date>/dumpstatus.json`: Wikimedia's own or a mirror."""
    retries: int = field(metadata=not_fingerprinted())
    """Attempts in a row that may fail without receiving a byte before the stage gives up."""
    retry_seconds: float = field(metadata=not_fingerprinted())
    """Wait after a failed attempt; it doubles after each further one."""

    def __post_init__(self) -> None:
        check_name(self.name)
        if not re.fullmatch(r"[a-z0-9_]+", self.wiki):
            raise ValueError(f"wiki is {self.wiki!r}: give a wiki's database name, for example dump.wiki=dewiki")
        if self.date != LATEST and not re.fullmatch(r"\d{8}", self.date):
            raise ValueError(f"date is {self.date!r}: YYYYMMDD or {LATEST} is needed")
        if not self.mirror.startswith(("https://", "http://")):
            raise ValueError(f"mirror is {self.mirror!r}: a URL that begins with https:// or http:// is needed")
        if self.retries < 1:
            raise ValueError(f"retries is {self.retries}: at least 1 is needed")
        if self.retry_seconds < 0:
            raise ValueError(f"retry_seconds is {self.retry_seconds}: it cannot be negative")


DumpConfig = Annotated[
    SampleDumpConfig | LocalDumpConfig | WikimediaDumpConfig,
    Field(discriminator="source"),
]
"""The dump that all later stages start from."""


def check_name(name: str) -> None:
    """Raise ValueError unless `name` can name a folder."""
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise ValueError(f"name is {name!r}: give the dump's folder a name, for example dump.name=mywiki")
