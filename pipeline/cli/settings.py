"""The page that `make settings` prints: each setting of an experiment, the file that sets it, and its source.

hydra's defaults list says which files a config is composed of, in which order. Each file is read once more as YAML with
positions, because the composed config keeps neither the file of a value nor the comment after it, which names the
value's source (a paper's section, an upstream file). Nothing is checked here, so a page can be printed while a required
value, such as the files of a dump, is still missing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.cli.paths import CONFIGS
from pipeline.execution.console import print_page
from pipeline.stages import STAGES
from pipeline.store.files import JsonValue

COMMAND_LINE = "command line"
TOP_LEVEL = "top level"
PLAIN_WIDTH = 200
"""Columns when the output is not a terminal: enough to fold few lines."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of the composed config."""

    key: str
    value: str
    file: str
    """The file below configs/ that sets it, or `command line`."""
    source: str
    """The comment after the value in that file."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The place where a value is written."""

    file: str
    comment: str


def print_settings(composed: DictConfig) -> None:
    """Print the settings that decide what the stages build, grouped by config group, and the files that set them."""
    overrides = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)  # they may have interpolations
    settings = list_settings(composed, cast(list[str], overrides))
    is_terminal = sys.stdout.isatty()
    console = Console(width=None if is_terminal else PLAIN_WIDTH, highlight=False)
    with console.capture() as page:
        console.print(settings_table(settings), files_table(settings), sep="\n")
        console.print(
            "\nOptional settings without a value are left out; python -m pipeline --cfg job stage=all prints all."
        )
    lines = page.get().splitlines()
    print_page("\n".join(lines if is_terminal else map(str.rstrip, lines)))


def settings_table(settings: Sequence[Setting]) -> Table:
    """Return key, value, file and source of each setting."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for column in ("key", "value", "file", "source"):
        table.add_column(column, overflow="fold", no_wrap=column in ("key", "file"))
    for group, keys in key_groups().items():
        table.add_row(Text(group, style="bold"))
        for row in settings:
            if row.key.partition(".")[0] in keys:
                key = row.key if group == TOP_LEVEL else row.key.partition(".")[2]
                table.add_row(f"  {key}", Text(row.value), Text(row.file, style="cyan"), Text(row.source, style="dim"))
    return table


def files_table(settings: Sequence[Setting]) -> Table:
    """Return each file of the settings with the comment at its top."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column("file", no_wrap=True)
    table.add_column("comment", overflow="fold")
    table.add_row(Text("files in configs/", style="bold"))
    for file in dict.fromkeys(setting.file for setting in settings):
        if (CONFIGS / file).is_file():
            table.add_row(Text(f"  {file}", style="cyan"), Text(top_comment(CONFIGS / file)))
    return table


def top_comment(file: Path) -> str:
    """Return the comment at the top of a YAML file, on one line."""
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if "@package" not in line:
            lines.append(line.removeprefix("#").strip())
    return " ".join(lines)


def key_groups() -> dict[str, tuple[str, ...]]:
    """Return the headings of the page, each with its top-level keys."""
    stages = [name for stage in STAGES.values() for name in stage.configs]
    return {TOP_LEVEL: ("run", "runs", "seed", "validation_share"), **{name: (name,) for name in stages}}


def list_settings(composed: DictConfig, overrides: Sequence[str]) -> list[Setting]:
    """Return the settings of a composed config in the page's order, without optional ones that have no value.

    Args:
        composed: the config as hydra composed it from `overrides`; values may be missing.
        overrides: the command line's overrides.
    """
    origins = find_origins(overrides)
    top_level = [key for keys in key_groups().values() for key in keys]
    tree = OmegaConf.to_container(composed, resolve=False)
    assert isinstance(tree, dict)
    settings = []
    for key, written in iterate_leaves({key: tree[key] for key in top_level if key in tree}):
        value = resolve_value(composed, key, written)
        origin = find_origin(key, written, origins)
        if value not in (None, "", [], {}) or origin.comment:
            settings.append(Setting(key, to_yaml(value), origin.file, origin.comment))
    return settings


def iterate_leaves(tree: Mapping[str, JsonValue], prefix: str = "") -> Iterator[tuple[str, JsonValue]]:
    """Yield the dotted key and the value of every leaf."""
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from iterate_leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def resolve_value(composed: DictConfig, key: str, written: JsonValue) -> JsonValue:
    """Return the resolved value of a key, or the text in the file if the value is missing or cannot be resolved."""
    try:
        node = OmegaConf.select(composed, key, throw_on_missing=True)
        return cast(JsonValue, OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node)
    except OmegaConfBaseException:
        return "(missing)" if written == "???" else written


def to_yaml(value: JsonValue) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, str):
        return value or '""'
    return str(yaml.safe_dump(value, default_flow_style=True, width=float("inf"))).removesuffix("...\n").strip()


# -------------------------------------------------------------------------------------------- where a value is written


def find_origin(key: str, written: JsonValue, origins: Mapping[str, Origin]) -> Origin:
    """Return the origin of a key's value; for an interpolated value, the origin of the key that it refers to."""
    parts = key.split(".")
    places = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    origin = next((origins[place] for place in places if place in origins), Origin("", ""))
    reference = re.fullmatch(r"\$\{(\w[\w.]*)\}", written) if isinstance(written, str) else None
    if reference is None:
        return origin
    target = origins.get(reference[1], origin)
    note = f"{reference[1]}: {target.comment}" if target.comment else f"the same as {reference[1]}"
    return Origin(target.file, origin.comment or note)


def find_origins(overrides: Sequence[str]) -> dict[str, Origin]:
    """Return the origin of each key that is set by a file of the defaults list or by the command line."""
    defaults = GlobalHydra.instance().config_loader().compute_defaults_list("config", list(overrides), RunMode.RUN)
    origins: dict[str, Origin] = {}
    for default in defaults.defaults:
        package = default.package or ""
        if default.config_path and not package.startswith("hydra"):
            file = f"{default.config_path}.yaml"
            for key, comment in read_yaml_comments(CONFIGS / file):
                origins[f"{package}.{key}" if package else key] = Origin(file, comment)
    for override in defaults.config_overrides:
        key, value = str(override.key_or_group), override.value()
        for path, _ in iterate_leaves({key: value}):
            origins[path] = Origin(COMMAND_LINE, "")
    return origins


def read_yaml_comments(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the dotted key of every value in a YAML file, with the comment after it."""
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()

    def values(node: yaml.Node | None, prefix: str) -> Iterator[tuple[str, str]]:
        if not isinstance(node, yaml.MappingNode):
            return
        for key, value in node.value:
            if isinstance(value, yaml.MappingNode) and value.value:
                yield from values(value, f"{prefix}{key.value}.")
            else:
                rest = lines[value.end_mark.line][value.end_mark.column :]
                yield f"{prefix}{key.value}", rest.strip().removeprefix("#").strip()

    for key, comment in values(yaml.compose(text, Loader=yaml.SafeLoader), ""):
        if key != "defaults":
            yield key, comment
