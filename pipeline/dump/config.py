"""Which dump the line runs on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from pipeline.store.manifest import policy

LATEST = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpConfig:
    """The dump: one that ships in a wheel, files at hand, or one to download from Wikimedia."""

    name: str = field(metadata=policy())
    """Names the dump's folder, `data/<name>/`, under which everything made from it lies."""
    source: Literal["sample", "local", "wikimedia"]
    """Where the files come from; the fields below say for which source they are."""
    files: tuple[str, ...] = field(metadata=policy())
    """local: paths or glob patterns of .xml, .bz2 or .gz files. No part of the manifest: their digests are."""
    wiki: str
    """wikimedia: the wiki's database name, such as enwiki or jawiki."""
    date: Annotated[str, Field(coerce_numbers_to_str=True)]  # hydra takes dump.date=20260101 for a number
    """wikimedia: the dump's date as YYYYMMDD, or "latest": the newest one that is complete at the first build."""
    mirror: str = field(metadata=policy())
    """wikimedia: the URL under which `<wiki>/<date>/dumpstatus.json` lies, on Wikimedia's own server or a mirror's."""
    retries: int = field(metadata=policy())
    """wikimedia: attempts in a row that may fail, with not one byte gained, before the stage gives up."""
    retry_seconds: float = field(metadata=policy())
    """wikimedia: the wait after a failed attempt, doubled after each further one."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w[\w.-]*", self.name):
            raise ValueError(f"dump.name is {self.name!r}: give the dump's folder a name, such as dump.name=mywiki")
        if self.source == "local" and not self.files:
            raise ValueError("dump.source is local and dump.files is empty: name the files, dump.files=[a.xml.bz2]")
        if self.source != "local" and self.files:
            raise ValueError(f"dump.files is for dump=local, but dump.source is {self.source}")
        if self.source == "wikimedia":
            self.check_wikimedia()

    def check_wikimedia(self) -> None:
        if not re.fullmatch(r"[a-z0-9_]+", self.wiki):
            raise ValueError(f"dump.wiki is {self.wiki!r}: give a wiki's database name, such as dump.wiki=dewiki")
        if self.date != LATEST and not re.fullmatch(r"\d{8}", self.date):
            raise ValueError(f"dump.date is {self.date!r}: allowed are YYYYMMDD and {LATEST}")
        if not self.mirror.startswith(("https://", "http://")):
            raise ValueError(f"dump.mirror is {self.mirror!r}: a URL that begins with https:// or http:// is needed")
        if self.retries < 1 or self.retry_seconds < 0:
            raise ValueError(
                f"dump.retries is {self.retries} and dump.retry_seconds is {self.retry_seconds}: "
                f"at least 1 and at least 0 are needed"
            )
