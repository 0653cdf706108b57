"""Write the tokenizer files of an exported model.

`LukeTokenizer` needs two marker tokens after the words, `<ent>` and `<ent2>`, and an entity vocabulary that ends with
[MASK2]. transformers 4 reads entity_vocab.json; transformers 5 reads the file that tokenizer_config.json names. Saving
through `LukeTokenizer` itself would write the whole entity vocabulary into tokenizer_config.json and no
entity_vocab.json, so this module writes the files.

For a SentencePiece tokenizer, the folder has the tokenizer with markers and entity_vocab.json. MLukeTokenizer, the
class of transformers 5.23 for such models, uses another normalizer than SentencePiece's and maps unknown characters to
`<s>`. Its ids differ from those of pretraining, so tokenizer_config.json does not name it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, models

from pipeline.records import SECOND_MASK, SPECIAL_ENTITIES
from pipeline.store.files import atomic_write, read_json, write_json
from pipeline.vocab.entities import MASK, PAD, UNK, EntityVocab
from pipeline.vocab.specials import ENTITY_MARKERS

MARKER_SOURCES = ("@", "#")
"""Tokens whose embeddings are copied to the markers, as in upstream's convert script."""


def copy_word_tokenizer(words: Path, target: Path) -> None:
    """Copy all files of the vocabulary's tokenizer folder: four for BPE, two for SentencePiece."""
    for path in words.iterdir():
        shutil.copyfile(path, target / path.name)


def write_luke_tokenizer(words: Path, entities: EntityVocab, target: Path, *, max_mention_length: int) -> None:
    """Write the word tokenizer with markers, and the entity vocabulary.

    Args:
        words: the vocabulary's tokenizer folder.
        entities: the entity vocabulary.
        target: the exported folder.
        max_mention_length: largest number of tokens in a mention, as in the dataset.
    """
    copy_word_tokenizer(words, target)
    tokenizer = Tokenizer.from_file(str(words / "tokenizer.json"))
    tokenizer.add_special_tokens([AddedToken(marker, special=True, normalized=False) for marker in ENTITY_MARKERS])
    tokenizer.save(str(target / "tokenizer.json"))
    with atomic_write(target / "entity_vocab.json") as file:
        json.dump(exported_entity_ids(entities), file, ensure_ascii=False)
    settings = read_json(words / "tokenizer_config.json")
    if isinstance(tokenizer.model, models.Unigram):
        write_json(target / "tokenizer_config.json", settings | {"extra_special_tokens": list(ENTITY_MARKERS)})
        return
    write_json(
        target / "tokenizer_config.json",
        settings
        | {
            "tokenizer_class": "LukeTokenizer",
            "entity_vocab_file": "entity_vocab.json",
            "entity_token_1": ENTITY_MARKERS[0],
            "entity_token_2": ENTITY_MARKERS[1],
            "additional_special_tokens": list(ENTITY_MARKERS),
            "entity_unk_token": SPECIAL_ENTITIES[UNK],
            "entity_pad_token": SPECIAL_ENTITIES[PAD],
            "entity_mask_token": SPECIAL_ENTITIES[MASK],
            "entity_mask2_token": SECOND_MASK,
            "max_entity_length": 32,
            "max_mention_length": max_mention_length,
            "task": None,
        },
    )


def exported_entity_ids(entities: EntityVocab) -> dict[str, int]:
    """Return title -> id of the exported model: the vocabulary's ids, then [MASK2]."""
    return {entities.title(index): index for index in range(entities.size)} | {SECOND_MASK: entities.size}
