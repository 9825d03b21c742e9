"""The facts of corpora, as tables in READMEs."""

import re
from pathlib import Path

from data_prep.corpus import all_corpora, find_corpus


def list_corpora():
    """Makes a Markdown table (str) of all corpora."""
    rows = []
    for key, corpus in all_corpora().items():
        name = corpus.name
        row = (
            f"`{key}`",
            f"[{name}]({corpus.address})" if corpus.address else name,
            corpus.language,
            sum(corpus.clips.values()),
            len(corpus.speakers),
            len(corpus.classes),
            corpus.protocol,
            corpus.licence,
        )
        rows.append([cell or "–" for cell in row])
    head = "corpus | name | language | clips | speakers | classes | protocol"
    return to_table(f"| {head} | licence |", rows)


def list_facts(corpus):
    """Makes a Markdown table (str) of the facts of a `Corpus`."""
    classes = (
        f"{name} {corpus.clips[name]}" if name in corpus.clips else name
        for name in corpus.classes
    )
    protocol = corpus.protocol
    if corpus.folds:
        folds = ("{" + ", ".join(fold) + "}" for fold in corpus.folds)
        protocol += f", {len(corpus.folds)} folds: {' '.join(folds)}"
    facts = {
        "Language": corpus.language,
        "Clips": sum(corpus.clips.values()),
        "Speakers": len(corpus.speakers),
        f"Classes ({len(corpus.classes)})": ", ".join(classes),
        "Default protocol": protocol,
        "Licence": corpus.licence,
        "Where": f"<{corpus.address}>" if corpus.address else "",
        "Cite": corpus.citation,
    }
    rows = [(name, fact) for name, fact in facts.items() if fact]
    return to_table("| | |", rows)


def to_table(head, rows):
    """Writes rows of cells as Markdown, below a heading."""
    lines = ("| " + " | ".join(map(str, row)) + " |" for row in rows)
    return "\n".join([head, "|---" * len(rows[0]) + "|", *lines])


def between_marks(text, mark, content):
    """Replaces what is between `<!-- mark -->` and `<!-- end -->` in a text.

    Example
    -------
    >>> between_marks("<!-- a -->\\nold\\n<!-- end -->", "a", "new")
    '<!-- a -->\\nnew\\n<!-- end -->'
    """
    return re.sub(
        rf"(<!-- {mark} -->\n).*?(?=<!-- end -->)",
        lambda start: f"{start[1]}{content}\n",
        text,
        flags=re.DOTALL,
    )


def derived_readmes(root):
    """Derives the READMEs that hold facts of corpora; takes the root of the
    repository, and returns a dict from paths, relative to it, to texts."""
    root = Path(root)
    texts = {}
    for path in sorted(root.glob("recipes/*/README.md")):
        facts = list_facts(find_corpus(path.parent.name))
        text = between_marks(path.read_text("utf-8"), "facts", facts)
        texts[path.relative_to(root).as_posix()] = text
    path = "data_prep/README.md"
    text = (root / path).read_text("utf-8")
    texts[path] = between_marks(text, "corpora", list_corpora())
    return texts
