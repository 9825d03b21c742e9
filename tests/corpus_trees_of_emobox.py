"""Clips of further corpora, with names as in EmoBox's metadata (of BAVED: as in
its repository), and the row that each must give in a manifest.
"""

import unicodedata
from itertools import product

from corpus_clips import SEX, Clip


def clips_of_casia():
    """All emotions of the four speakers, the first and the last number."""
    speakers = ("liuchanhg", "wangzhe", "zhaoquanyin", "zhaozuoxiang")
    emotions = "angry fear happy neutral sad surprise".split()
    for speaker, emotion in product(speakers, emotions):
        for number in ("201", "250"):
            path = f"{speaker}/{emotion}/{number}.wav"
            ID = f"{speaker}_{emotion}_{number}"
            yield Clip(path, (ID, speaker, "unknown", emotion, number), path)


def clips_of_polish():
    """All codes of the five speakers."""
    codes = {"a": "anger", "n": "neutral", "s": "fear"}
    for speaker, code in product(("m1", "m2", "m3", "m4", "m5"), codes):
        name = f"{speaker}.{code}_trzymaj_5"
        row = name, speaker, "male", codes[code], "trzymaj"
        yield Clip(f"{name}.wav", row)


def clips_of_ased():
    """All codes of six speakers; one name has a capital."""
    codes = {
        "n1": ("neutral", "01Neutral"),
        "f2": ("fear", "02Fearful"),
        "h3": ("happy", "03Happy"),
        "s4": ("sad", "04Sad"),
        "a5": ("angry", "05Angry"),
    }
    sexes = {"01": "f", "29": "f", "47": "f", "02": "m", "50": "m", "65": "m"}
    for (speaker, sex), (code, value) in product(sexes.items(), codes.items()):
        emotion, folder = value
        if (speaker, code) == ("29", "s4"):
            code = "S4"
        name = f"{code}-04-02-{'01' if sex == 'f' else '02'}-{speaker}"
        row = name, speaker, SEX[sex], emotion, "04"
        yield Clip(f"{folder}/{name}.wav", row)


def clips_of_baved():
    """All levels of six speakers."""
    names = """17-m-23-0-0-114 17-m-23-0-1-116 17-m-23-0-2-117 46-m-20-0-0-156
    46-m-20-0-1-157 46-m-20-0-2-158 48-m-21-0-0-173 48-m-21-0-1-174
    48-m-21-0-2-175 50-f-5-0-0-10 50-f-5-0-1-19 50-f-5-0-2-29 100-f-6-0-0-0
    100-f-6-0-1-1 100-f-6-0-2-2 101-m-20-0-0-9 101-m-20-0-1-10
    101-m-20-0-2-11"""
    levels = ("low", "neutral", "high")
    for name in names.split():
        speaker, sex, _, word, level, _ = name.split("-")
        row = name, speaker, SEX[sex], levels[int(level)], word
        yield Clip(f"{word}/{name}.wav", row)


def clips_of_turev_db():
    """All codes of the six speakers; one name ends in a digit."""
    codes = {"kz": "Angry", "sk": "Calm", "mt": "Happy", "hl": "Sad"}
    speakers = ("1157", "1234", "1358", "1984", "6783", "7895")
    for speaker, code in product(speakers, codes):
        digit = "1" if (speaker, code) == ("7895", "hl") else ""
        name = f"{speaker}_{code}_ogul{digit}"
        row = name, speaker, "unknown", codes[code].lower(), "ogul"
        yield Clip(f"Sound Source/{codes[code]}/{name}.wav", row)


def clips_of_enterface():
    """All codes of six subjects, of whom 3, 11 and 16 have odd names."""
    codes = {
        "an": "anger",
        "di": "disgust",
        "fe": "fear",
        "ha": "happiness",
        "sa": "sadness",
        "su": "surprise",
    }
    names = {"1": "s1", "3": "s_3", "11": "s12", "12": "s12", "16": "s16"}
    names |= {"44": "s44"}
    for (subject, start), code in product(names.items(), codes):
        end = "avi" if (subject, code) == ("16", "su") else ""
        emotion = codes[code]
        folder = f"subject {subject}"
        name = f"{start}_{code}_3{end}.wav"
        row = f"s{subject}_{emotion}_3", f"s{subject}", "unknown", emotion
        yield Clip(
            f"{folder}/{emotion}/sentence 3/{name}",
            (*row, f"{emotion} 3"),
            f"{folder}/{name}" if subject == "11" else name,
        )


def clips_of_resd():
    """All codes, in three turns; names of some dialogues have a space."""
    emotions = "anger disgust enthusiasm fear happiness neutral sadness".split()
    dialogues = """02_anger_sadness 03_disgust_neutral 15_enthusiasm_sadness
    22_fear_anger 32_happiness_enthusiasm 17_neutral_disgust
    08_sadness_anger""".split()
    for emotion, dialogue in zip(emotions, dialogues):
        space = " " if dialogue.startswith("0") else "_"
        folder = dialogue if space == " " else f"{dialogue[3:]}_{dialogue[:2]}"
        for turn in ("010", "053", "120"):
            name = f"{dialogue}{space}{emotion[0]}_{turn}"
            row = name, "unknown", "unknown", emotion, ""
            yield Clip(f"train/{folder}/{name}.wav", row)


def clips_of_oreau():
    """All codes of five speakers; the accent of the folder is a character of
    its own."""
    codes = dict(
        C="anger",
        D="disgust",
        J="happiness",
        N="neutral",
        P="fear",
        S="surprise",
        T="sadness",
    )
    speakers = {"07": "m", "10": "f", "11": "f", "41": "m", "42": "f"}
    for (speaker, sex), code in product(speakers.items(), codes):
        sentence = f"{'z' if speaker == '07' else 'a'}02{code}"
        name = f"{speaker}{sentence}a"
        row = name, speaker, SEX[sex], codes[code], sentence
        path = f"OréauFR_02/{sex}/sess{code.lower()}/{name}.wav"
        yield Clip(unicodedata.normalize("NFD", path), row)


def clips_of_asvp_esd():
    """All codes of six actors; names differ in length, one has a space."""
    emotions = """boredom neutral happy sad angry fear disgust surprise excited
    pleasure pain disappointment""".split()
    ends = {
        "01": "02-02",
        "02": "02-03-03",
        "36": "02-02-01-39",
        "37": "02-02-02-33-01",
        "150": "04-01-00-14 -01",
        "00": "02-01-01",
    }
    for (actor, end), code in product(ends.items(), range(1, 13)):
        name = f"03-01-{code:02}-01-06-{actor}-{end}"
        sex = "female" if int(actor) % 2 else "male"
        sex = "unknown" if actor in ("00", "150") else sex
        folder = "Bonus" if actor == "150" else "Audio"
        row = name, actor, sex, emotions[code - 1], ""
        yield Clip(f"{folder}/actor_{int(actor)}/{name}.wav", row)


def clips_of_mead():
    """All emotions of six speakers."""
    emotions = "angry contempt disgusted fear happy neutral sad surprised"
    speakers = ("M003", "M022", "M042", "W009", "W019", "W040")
    for speaker, emotion in product(speakers, emotions.split()):
        path = f"{speaker}/audio/{emotion}/level_1/001.wav"
        ID = f"{speaker}_{emotion}_1_001"
        sex = "female" if speaker.startswith("W") else "male"
        yield Clip(path, (ID, speaker, sex, emotion, ""), path)


def clips_of_emns():
    """Three clips of each emotion."""
    emotions = "angry disgust excited happy neutral sad sarcastic surprise"
    sentence = "In all other instances the copular verb acts regularly."
    for emotion, letter in product(emotions.split(), "QRS"):
        name = f"recorded_audio_{letter}{emotion:F<6.6}"
        row = name, "3", "female", emotion, sentence
        yield Clip(f"cleaned_webm/{name}.wav", row)


def clips_of_emozionalmente():
    """All emotions of six actors, one of whom is neither man nor woman."""
    emotions = "anger disgust fear joy neutral sadness surprise".split()
    actors = {
        "d4bbc504": "female",
        "a1c2d056": "female",
        "33fae022": "female",
        "0b691c4f": "male",
        "58960209": "male",
        "f76bf1db": "unknown",
    }
    clips = product(actors.items(), emotions)
    for number, ((actor, sex), emotion) in enumerate(clips):
        name = f"{1614951631538 + number}"
        row = name, actor, sex, emotion, "E’ andato a scuola dopo pranzo"
        yield Clip(f"audio/{name}.wav", row)
