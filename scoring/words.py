"""The words of other systems for emotions."""

import re
from pathlib import Path

from ser.errors import RecipeError

# Words for one emotion, of EmoBox's metadata, nkululeko and others
SAME = [
    set(words.split())
    for words in (
        "angry anger ang",
        "happy happiness hap joy joyful",
        "sad sadness",
        "neutral neutrality neu",
        "fear fearful fea afraid scared",
        "disgust disgusted dis",
        "surprise surprised sur",
        "boredom bored boredem",
        "calm calmness",
        "contempt contemptuous",
        "excited excitement exc",
        "sleepiness sleepy",
        "enthusiasm enthusiastic",
    )
]


def read_words(given):
    """Reads what a system's words mean where they do not tell by themselves.

    Arguments
    ---------
    given : list of str
        Pairs such as "0=angry", or files in the format of SpeechBrain's
        CategoricalEncoder, such as EmoBox's label_encoder.txt.

    Returns
    -------
    dict
        From words in lower case to what they mean.

    Raises
    ------
    RecipeError
        If it is neither.
    """
    words = {}
    for item in given:
        word, equals, meaning = item.partition("=")
        if Path(item).is_file():
            lines = Path(item).read_text("utf-8", "replace").split("\n===")[0]
            found = re.findall(r"^'(.+)' => (\d+)$", lines, re.MULTILINE)
            words |= {number: name for name, number in found}
        elif equals and word.strip():
            words[word.strip().lower()] = meaning.strip()
        else:
            raise RecipeError(
                f"--words has '{item}': expected a pair such as 0=angry, or a "
                "file such as EmoBox's label_encoder.txt."
            )
    return words


def find_class(word, classes, words):
    """Finds the class that a word stands for.

    Arguments
    ---------
    word : str
        Of a system, such as "Anger" or "0".
    classes : list of str
        Of the corpus.
    words : dict
        As `read_words` returns it.

    Returns
    -------
    str or None
        None if it stands for none, or for two.
    """
    word = words.get(word.strip().lower(), word).strip().lower()
    exact = [name for name in classes if name.lower() == word]
    group = next((group for group in SAME if word in group), set())
    found = exact or [name for name in classes if name.lower() in group]
    return found[0] if len(found) == 1 else None
