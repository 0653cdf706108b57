"""The tokenizer files of an exported LUKE.

`LukeTokenizer` wants two marker tokens after the words, `<ent>` and `<ent2>`, and the entity vocabulary with [MASK2]
after the entities; transformers 4 reads entity_vocab.json by name, transformers 5 only by the name that
tokenizer_config.json gives it. Saving through `LukeTokenizer` itself would write the whole entity vocabulary into
tokenizer_config.json and no entity_vocab.json, so the files are written here.

Of a SentencePiece vocabulary the folder has the word tokenizer with markers, and entity_vocab.json beside it. The class
that transformers 5.23 has for such models, MLukeTokenizer, replaces SentencePiece's normalizer by another and takes
unknown characters for `<s>`: other ids than the model was trained with, so it is not named.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, models

from pipeline.records import SECOND_MASK, SPECIAL_ENTITIES
from pipeline.store.files import read_json, write_json, atomic_write
from pipeline.vocab.entities import MASK, PAD, UNK, EntityVocab
from pipeline.vocab.specials import MARKERS

MARKER_SOURCES = ("@", "#")
"""The tokens whose embeddings the markers start from (upstream's convert script)."""


def copy_word_tokenizer(words: Path, target: Path) -> None:
    """The files of a words-only model: all of the vocabulary's, which are a BPE's four or a SentencePiece's two."""
    for path in words.iterdir():
        shutil.copyfile(path, target / path.name)


def write_luke_tokenizer(words: Path, entities: EntityVocab, target: Path, *, max_mention: int) -> None:
    """The word tokenizer with markers, and the entity vocabulary.

    Args:
        words: the vocabulary's tokenizer folder.
        max_mention: longest mention in tokens, as the dataset had it.
    """
    copy_word_tokenizer(words, target)
    tokenizer = Tokenizer.from_file(str(words / "tokenizer.json"))
    tokenizer.add_special_tokens([AddedToken(marker, special=True, normalized=False) for marker in MARKERS])
    tokenizer.save(str(target / "tokenizer.json"))
    with atomic_write(target / "entity_vocab.json") as file:
        json.dump(entity_ids(entities), file, ensure_ascii=False)
    settings = read_json(words / "tokenizer_config.json")
    if isinstance(tokenizer.model, models.Unigram):
        write_json(target / "tokenizer_config.json", settings | {"extra_special_tokens": list(MARKERS)})
        return
    write_json(
        target / "tokenizer_config.json",
        settings
        | {
            "tokenizer_class": "LukeTokenizer",
            "entity_vocab_file": "entity_vocab.json",
            "entity_token_1": MARKERS[0],
            "entity_token_2": MARKERS[1],
            "additional_special_tokens": list(MARKERS),
            "entity_unk_token": SPECIAL_ENTITIES[UNK],
            "entity_pad_token": SPECIAL_ENTITIES[PAD],
            "entity_mask_token": SPECIAL_ENTITIES[MASK],
            "entity_mask2_token": SECOND_MASK,
            "max_entity_length": 32,
            "max_mention_length": max_mention,
            "task": None,
        },
    )


def entity_ids(entities: EntityVocab) -> dict[str, int]:
    """Title -> id as the exported model has them: the vocabulary's own, then [MASK2]."""
    return {entities.title(index): index for index in range(entities.size)} | {SECOND_MASK: entities.size}
