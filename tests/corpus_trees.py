"""Clips with the names of the corpora's released files, and the row that each
must give in a manifest.
"""

from itertools import product
from pathlib import Path

import corpus_trees_of_emobox
from corpus_clips import SEX, Clip, pairs_of

# Corpora that fork.py made have a file of tests each.
FORKED = {p.stem.removeprefix("test_") for p in Path(__file__).parent.glob("*")}
NOT_CORPORA = {"demo", "folder", "table"} | FORKED


def clips_of_ravdess():
    """Two emotions of each of six actors."""
    emotions = "neutral calm happy sad angry fearful disgust surprised".split()
    pairs = pairs_of(dict(zip(range(1, 9), emotions)))
    for actor, pair in zip(("01", "04", "08", "03", "02", "06"), pairs):
        sex = "male" if actor in ("01", "03") else "female"
        for code, emotion in pair:
            name = f"03-01-{code:02}-01-02-01-{actor}"
            sentence = "Dogs are sitting by the door"
            row = name, actor, sex, emotion, sentence
            yield Clip(f"Actor_{actor}/{name}.wav", row)


def clips_of_emodb():
    """Two emotions of each speaker."""
    codes = dict(
        W="anger",
        L="boredom",
        E="disgust",
        A="fear",
        F="happiness",
        T="sadness",
        N="neutral",
    )
    numbers = (3, 8, 9, 10, 11, 12, 13, 14, 15, 16)
    for number, pair in zip(numbers, pairs_of(codes)):
        sex = "male" if number in (3, 10, 11, 12, 15) else "female"
        for code, emotion in pair:
            name = f"{number:02}a01{code}a"
            row = name, f"{number:02}", sex, emotion, "a01"
            yield Clip(f"wav/{name}.wav", row)


def clips_of_crema_d():
    """All codes of six actors; one name ends in a single X."""
    codes = dict(
        ANG="anger",
        DIS="disgust",
        FEA="fear",
        HAP="happy",
        NEU="neutral",
        SAD="sad",
    )
    actors = {1001: "m", 1002: "f", 1003: "f", 1005: "m", 1040: "m", 1091: "f"}
    for actor, code in product(actors, codes):
        level = "X" if (actor, code) == (1040, "SAD") else "XX"
        name = f"{actor}_ITH_{code}_{level}"
        row = name, str(actor), SEX[actors[actor]], codes[code], "ITH"
        yield Clip(f"AudioWAV/{name}.wav", row)


def clips_of_tess():
    """All emotions of two words."""
    folders = dict(
        angry="angry",
        disgust="disgust",
        fear="Fear",
        happy="happy",
        neutral="neutral",
        ps="Pleasant_surprise",
        sad="Sad",
    )
    for speaker, word in product(("OAF", "YAF"), ("back", "bar")):
        for code, folder in folders.items():
            name = f"{speaker}_{word}_{code}"
            emotion = "surprise" if code == "ps" else code
            row = name, speaker, "female", emotion, word
            yield Clip(f"{speaker}_{folder}/{name}.wav", row)


def clips_of_savee():
    """All codes of all speakers, two of which begin with the same letter."""
    codes = dict(
        a="anger",
        d="disgust",
        f="fear",
        h="happiness",
        n="neutral",
        sa="sadness",
        su="surprise",
    )
    for speaker, code in product(("DC", "JE", "JK", "KL"), codes):
        name = f"{speaker}_{code}01"
        row = name, speaker, "male", codes[code], ""
        yield Clip(f"AudioData/{speaker}/{code}01.wav", row, f"{name}.wav")


def clips_of_emovo():
    """All codes of all speakers."""
    codes = dict(
        dis="disgust",
        gio="joy",
        neu="neutral",
        pau="fear",
        rab="anger",
        sor="surprise",
        tri="sadness",
    )
    for speaker in ("f1", "f2", "f3", "m1", "m2", "m3"):
        for code, emotion in codes.items():
            name = f"{code}-{speaker}-b1"
            row = name, speaker, SEX[speaker[0]], emotion, "b1"
            yield Clip(f"{speaker}/{name}.wav", row)


def clips_of_urdu():
    """All codes of five speakers, of which each has files of one number."""
    codes = {"A": "angry", "H": "happy", "N": "neutral", "S": "sad"}
    speakers = ("SM1", "SM2", "SF1", "SF2", "SM5")
    for number, speaker in enumerate(speakers, start=1):
        for code, emotion in codes.items():
            name = f"{speaker}_F01_{code}{number:03}"
            sex = SEX[speaker[1].lower()]
            row = name, speaker, sex, emotion, ""
            yield Clip(f"{emotion.title()}/{name}.wav", row)


def clips_of_iemocap():
    """Both speakers of each session, in both dialogues of a scenario."""
    labels = {"0": "angry", "1": "happy", "2": "happy", "3": "neutral"}
    labels["4"] = "sad"
    for session in range(1, 6):
        for wearer, dialogue, scenario in (
            ("F", "impro05a", "impro05"),
            ("M", "script01_1b", "script01_1"),
        ):
            whole = f"Ses0{session}{wearer}_{dialogue}"
            folder = f"Session{session}/sentences/wav/{whole}"
            for letter in "FM":
                for turn, emotion in labels.items():
                    name = f"{whole}_{letter}00{turn}"
                    speaker, sex = f"Ses0{session}{letter}", letter.lower()
                    row = name, speaker, SEX[sex], emotion, scenario
                    yield Clip(f"{folder}/{name}.wav", row)


def clips_of_meld():
    """The same numbers in all splits."""
    folders = {
        "train": "train/train_splits",
        "dev": "dev/dev_splits_complete",
        "test": "test/output_repeated_splits_test",
    }
    emotions = "joy anger neutral disgust fear sadness surprise joy anger"
    emotions = iter(emotions.split())
    people = {
        "monica": "female",
        "richard's date": "unknown",
        "unknown": "unknown",  # Ross and Joey
    }
    for part, folder in folders.items():
        for number, (speaker, sex) in enumerate(people.items()):
            name = f"dia{number}_utt7"
            flat = f"{part}_{name}.wav"
            if part == "test" and number:
                name = f"final_videos_test{name}"
                flat = f"{name}.wav"
            ID = f"{part}_dia{number}_utt7"
            row = ID, speaker, sex, next(emotions), "oh my that s 50"
            yield Clip(f"{folder}/{name}.wav", row, flat)


def clips_of_esd():
    """The first or last number of each emotion."""
    numbers = {
        "neutral": (1, "001"),
        "angry": (700, "350"),
        "happy": (701, "001"),
        "sad": (1400, "350"),
        "surprise": (1750, "350"),
    }
    for speaker in range(1, 21):
        language = "mandarin" if speaker <= 10 else "english"
        for emotion, (number, text) in numbers.items():
            name = f"{speaker:04}_{number:06}"
            yield Clip(
                f"{speaker:04}/{emotion.title()}/train/{name}.wav",
                (name, name[:4], "unknown", emotion, f"{language} {text}"),
            )


def clips_of_jl_corpus():
    """Primary emotions."""
    folder = "Raw JL corpus (unchecked and unannotated)/JL(wav+txt)"
    for sex in ("female", "male"):
        for emotion in ("angry", "sad", "neutral", "happy", "excited"):
            for number in "12":
                speaker = sex + number
                name = f"{speaker}_{emotion}_10a_1"
                row = name, speaker, sex, emotion, "10"
                yield Clip(f"{folder}/{name}.wav", row)


def clips_of_emov_db():
    """One number and range for all speakers; josh is never angry."""
    sexes = {"bea": "f", "jenie": "f", "josh": "m", "sam": "m"}
    words = {
        "amused": "Amused",
        "anger": "Angry",
        "Disgust": "Disgusted",
        "neutral": "Neutral",
        "sleepiness": "Sleepy",
    }
    for speaker, sex in sexes.items():
        for word, folder in words.items():
            if speaker == "josh" and word in ("anger", "Disgust"):
                continue
            dash = "_" if speaker == "josh" else "-"
            stem = f"{word}_1{dash}28_0011"
            emotion = word.lower()
            ID = f"{speaker}_{emotion}_0011"
            yield Clip(
                f"{speaker}_{folder}/{stem}.wav",
                (ID, speaker, SEX[sex], emotion, "0011"),
                f"{speaker}_{stem}.wav",
            )


def clips_of_shemo():
    """All codes of three women and three men."""
    codes = dict(
        A="anger",
        F="fear",
        H="happiness",
        N="neutral",
        S="sadness",
        W="surprise",
    )
    for speaker in ("F01", "F02", "F31", "M01", "M02", "M56"):
        sex = SEX[speaker[0].lower()]
        for code, emotion in codes.items():
            name = f"{speaker}{code}01"
            yield Clip(f"{sex}/{name}.wav", (name, speaker, sex, emotion, ""))


def clips_of_cafe():
    """All codes of all actors; the name of one folder is misspelt."""
    codes = dict(
        C=("anger", "Col\u2030re"),
        D=("disgust", "D\u00e9go\u00fbt"),
        J=("happiness", "Joie"),
        N=("neutral", "Neutre"),
        P=("fear", "Peur"),
        S=("surprise", "Surprise"),
        T=("sadness", "Tristesse"),
    )
    for actor in range(1, 13):
        for code, (emotion, folder) in codes.items():
            name = f"{actor:02}-{code}-1-6"
            sex = "male" if actor % 2 else "female"
            yield Clip(
                f"CaFE_48k/{folder}/Faible/{name}.wav",
                (name, f"{actor:02}", sex, emotion, "6"),
            )


def clips_of_subesco():
    """Two emotions of each speaker; one name ends in a stray bracket."""
    emotions = "angry disgust fear surprise happy neutral sad".split()
    speakers = product("FM", range(1, 11))
    pairs = pairs_of(dict(zip(emotions, emotions)))
    for (letter, number), pair in zip(speakers, pairs):
        speaker = f"{letter}_{number:02}"
        for _, emotion in pair:
            ID = f"{speaker}_MONIKA_S_2_{emotion.upper()}_3"
            stray = "]" if ID == "F_02_MONIKA_S_2_SURPRISE_3" else ""
            row = ID, speaker, SEX[letter.lower()], emotion, "2"
            yield Clip(f"SUBESCO/{ID}{stray}.wav", row)


def clips_of_aesdd():
    """All speakers, second takes, and a speaker with a zero."""
    emotions = ("anger", "disgust", "fear", "happiness", "sadness")
    for emotion in emotions:
        code = emotion[0]
        for stem, ID, speaker in (
            ("03 (1)", "03_1", "1"),
            ("10 (01)", "10_1", "1"),
            ("03 (2)", "03_2", "2"),
            ("03 (3)", "03_3", "3"),
            ("03 (4)", "03_4", "4"),
            ("03 (5)", "03_5", "5"),
            ("03 (5)b", "03_5b", "5"),
            ("03 (6)", "03_6", "6"),
        ):
            row = code + ID, speaker, "unknown", emotion, ID[:2]
            yield Clip(f"{emotion}/{code}{stem}.wav", row)


def clips_of_mesd():
    """All emotions of the three voices, with a word that has a capital."""
    sexes = {"F": "female", "M": "male", "C": "unknown"}
    emotions = "Anger Disgust Fear Happiness Neutral Sadness".split()
    for voice, sex in sexes.items():
        for emotion in emotions:
            name = f"{emotion}_{voice}_A_Basta_ya"
            yield Clip(
                f"Mexican Emotional Speech Database (MESD)/{name}.wav",
                (name, voice, sex, emotion.lower(), "basta_ya"),
            )


def clips_of_nemo():
    """Two emotions of each speaker."""
    emotions = "anger fear happiness neutral sadness surprised".split()
    women = ("EB0", "IC0", "KD0", "MK0")
    speakers = (*women, "KS0", "MP0", "SM0", "TP0", "WR0")
    pairs = pairs_of(dict(zip(emotions, emotions)))
    for speaker, pair in zip(speakers, pairs):
        sex = "female" if speaker in women else "male"
        for _, emotion in pair:
            name = f"{speaker}_{emotion}_38"
            row = name, speaker, sex, emotion, '"Ród smoka” to serial'
            yield Clip(f"samples/{name}.wav", row)


def clips_of_msp_podcast():
    """All classes in the three splits."""
    emotions = "angry happy sad neutral surprise fear disgust contempt".split()
    for number in (1, 2, 3):  # train, development, test
        for turn, emotion in enumerate(emotions):
            name = f"MSP-PODCAST_{number:04}_{turn:04}"
            row = name, f"{number}", "female", emotion, ""
            if emotion == "contempt":
                row = name, "unknown", "unknown", emotion, ""
            yield Clip(f"Audios/{name}.wav", row)


CORPORA = {
    name.removeprefix("clips_of_"): list(value())
    for module in (globals(), vars(corpus_trees_of_emobox))
    for name, value in list(module.items())
    if name.startswith("clips_of_")
}


def expected(key):
    """Lists the rows that a tree must give."""
    return sorted(clip.row for clip in CORPORA[key])
