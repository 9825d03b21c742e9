"""The scripts of the corpora, on trees with the names of the real ones."""

import io
import json
import shutil
import subprocess
import sys
import zlib
from pathlib import Path, PurePath

import numpy as np
import pandas as pd
import pytest
import soundfile

from data_prep.corpus import (
    COMMON,
    PROTOCOLS,
    Corpora,
    all_corpora,
    find_corpus,
)
from data_prep.manifest import find_clips, prepare
from data_prep.protocol import make_protocol, split
from ser.errors import RecipeError

SPLITS = ("train", "valid", "test")
COLUMNS = ["ID", "spk_id", "gender", "emotion", "sentence"]
# Those that fork.py makes have a file of tests each.
FORKED = {path.stem[len("test_") :] for path in Path(__file__).parent.glob("*")}
NOT_CORPORA = {"demo", "folder", "table"} | FORKED
SECOND = "second file of one name"
SEX = {"f": "female", "m": "male"}


# ----------------------------------- TREES -----------------------------------


class Clip:
    """A clip of a tree: where it is, its name where no folder says anything,
    and its row in a manifest."""

    def __init__(self, path, row, flat=None):
        self.path = PurePath(path)
        self.row = tuple(row)
        self.flat = PurePath(flat or self.path.name)


def clips_of_ravdess():
    """Two emotions of six actors."""
    for actor in ("01", "04", "08", "03", "02", "06"):
        for code, emotion in (("02", "calm"), ("06", "fearful")):
            name = f"03-01-{code}-01-02-01-{actor}"
            sex = "female" if actor in ("04", "08", "02", "06") else "male"
            sentence = "Dogs are sitting by the door"
            row = name, actor, sex, emotion, sentence
            yield Clip(f"Actor_{actor}/{name}.wav", row)


def clips_of_emodb():
    """Two emotions of all speakers."""
    for number in (3, 8, 9, 10, 11, 12, 13, 14, 15, 16):
        sex = "male" if number in (3, 10, 11, 12, 15) else "female"
        for code, emotion in (("W", "anger"), ("A", "fear")):
            name = f"{number:02}a01{code}a"
            yield Clip(
                f"wav/{name}.wav", (name, f"{number:02}", sex, emotion, "a01")
            )


def clips_of_crema_d():
    """Two emotions of six actors; one name ends in a single X."""
    actors = {1001: "m", 1002: "f", 1003: "f", 1005: "m", 1040: "m", 1091: "f"}
    for actor, sex in actors.items():
        level = "X" if actor == 1040 else "XX"
        for name, emotion, sentence in (
            (f"{actor}_ITH_SAD_{level}", "sad", "ITH"),
            (f"{actor}_DFA_NEU_XX", "neutral", "DFA"),
        ):
            row = name, str(actor), SEX[sex], emotion, sentence
            yield Clip(f"AudioWAV/{name}.wav", row)


def clips_of_tess():
    """Three emotions of four words."""
    folders = {"angry": "angry", "ps": "Pleasant_surprise", "sad": "Sad"}
    names = {"angry": "angry", "ps": "surprise", "sad": "sad"}
    for speaker in ("OAF", "YAF"):
        for word in ("back", "bar", "base", "bath"):
            for code, emotion in names.items():
                name = f"{speaker}_{word}_{code}"
                yield Clip(
                    f"{speaker}_{folders[code]}/{name}.wav",
                    (name, speaker, "female", emotion, word),
                )


def clips_of_savee():
    """Letters that begin two codes, and others."""
    codes = {"sa": "sadness", "su": "surprise", "a": "anger", "n": "neutral"}
    for speaker in ("DC", "JE", "JK", "KL"):
        for code, emotion in codes.items():
            name = f"{speaker}_{code}01"
            yield Clip(
                f"AudioData/{speaker}/{code}01.wav",
                (name, speaker, "male", emotion, ""),
                f"{name}.wav",
            )


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
    """Speakers who share the number of a file."""
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
    for part, folder in folders.items():
        for number, (speaker, sex, emotion) in enumerate(
            (
                ("monica", "female", "joy"),
                ("richard's date", "unknown", "anger"),
                ("unknown", "unknown", "neutral"),  # Ross and Joey
            )
        ):
            name = f"dia{number}_utt7"
            flat = f"{part}_{name}.wav"
            if part == "test" and number:
                flat = name = f"final_videos_test{name}"
                flat += ".wav"
            ID = f"{part}_dia{number}_utt7"
            row = ID, speaker, sex, emotion, "oh my that s 50"
            yield Clip(f"{folder}/{name}.wav", row, flat)


def clips_of_esd():
    """The first and last number of emotions."""
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
                (
                    name,
                    f"{speaker:04}",
                    "unknown",
                    emotion,
                    f"{language} {text}",
                ),
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
    """All codes of all actors, in folders of which one is spelled badly."""
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
    """Two emotions of all speakers; one name ends in a stray bracket."""
    for letter in "FM":
        for number in range(1, 11):
            speaker = f"{letter}_{number:02}"
            for emotion in ("angry", "surprise"):
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
    """All emotions of the three voices."""
    sexes = {"F": "female", "M": "male", "C": "unknown"}
    emotions = "Anger Disgust Fear Happiness Neutral Sadness".split()
    for voice, sex in sexes.items():
        for emotion in emotions:
            name = f"{emotion}_{voice}_A_basta_ya"
            yield Clip(
                f"Mexican Emotional Speech Database (MESD)/{name}.wav",
                (name, voice, sex, emotion.lower(), "basta_ya"),
            )


def clips_of_nemo():
    """Two emotions of all speakers."""
    women = ("EB0", "IC0", "KD0", "MK0")
    for speaker in (*women, "KS0", "MP0", "SM0", "TP0", "WR0"):
        sex = "female" if speaker in women else "male"
        for emotion in ("anger", "surprised"):
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
    for name, value in list(globals().items())
    if name.startswith("clips_of_")
}


# ----------------------------------- TABLES ----------------------------------


def labels_of_iemocap(folder):
    """Writes labels as they are, and files that are none beside them."""
    labels = dict(enumerate(("ang", "hap", "exc", "neu", "sad", "fru", "xxx")))
    for session in range(1, 6):
        for dialogue in ("F_impro05a", "M_script01_1b"):
            whole = f"Ses0{session}{dialogue}"
            place = folder / f"Session{session}/dialog/EmoEvaluation"
            text = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
            rater = ""
            for letter in "FM":
                for turn, label in labels.items():
                    name = f"{whole}_{letter}00{turn}"
                    text += (
                        f"[6.2901 - 8.2357]\t{name}\t{label}"
                        "\t[2.5000, 2.5000, 2.5000]\n"
                        f"C-E2:\tSadness;\t()\n"
                    )
                    rater += f"{name} :Fear; ()\n"
            write(place / f"{whole}.txt", text)
            write(place / f"Categorical/{whole}_e2_cat.txt", rater)
            write(place / f"._{whole}.txt", "\x00\x05\x16\x07")
            spoken = f"{whole}_F000 [6.2901-8.2357]: [LAUGHTER]\tang\t[\n"
            write(place.parent / f"transcriptions/{whole}.txt", spoken)


def tables_of_meld(folder, encoding="utf-8"):
    """Writes the three tables, as in the release."""
    people = ("Monica ", "Richard\u2019s Date", "Ross and Joey")
    for part in ("train", "dev", "test"):
        rows = [
            "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,"
            "Utterance_ID,Season,Episode,StartTime,EndTime"
        ]
        emotions = ("joy", "anger", "neutral")
        for number, (speaker, emotion) in enumerate(zip(people, emotions)):
            rows.append(
                f'{number},"Oh my, that\u2019s $50!",{speaker},{emotion},'
                f'neutral,{number},7,4,7,"00:20:57,256","00:21:00,049"'
            )
        broken = {"train": "125,3", "dev": "110,7", "test": "125,3"}[part]
        rows.append(f"9,Well,Ross,neutral,neutral,{broken},4,7,0:1,0:2")
        write(folder / f"{part}_sent_emo.csv", "\n".join(rows) + "\n", encoding)


def table_of_nemo(folder):
    """Writes data.tsv with the spaces that the real one has."""
    rows = [
        "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage"
    ]
    for clip in CORPORA["nemo"]:
        name, speaker, sex, emotion, text = clip.row
        values = (
            f"{name}.wav",
            emotion,
            text,
            text,
            f"        {speaker}",
            sex,
            "23",
        )
        rows.append("\t".join(values))
    write(folder / "data.tsv", "\n".join(rows) + "\n")


def labels_of_msp_podcast(folder, more=()):
    """Writes the consensus."""
    codes = dict(
        zip(
            "angry happy sad neutral surprise fear disgust contempt".split(),
            "AHSNUFDC",
        )
    )
    splits = {"1": "Train", "2": "Development", "3": "Test1"}
    rows = ["FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set"]
    for clip in CORPORA["msp_podcast"]:
        name, speaker, sex, emotion, _ = clip.row
        speaker, sex = speaker.replace("unknown", "Unknown"), sex.title()
        split = splits[name[15]]
        rows.append(
            f"{name}.wav,{codes[emotion]},4.2,3.1,4.0,{speaker},{sex},{split}"
        )
    text = "\n".join([*rows, *more]) + "\n"
    write(folder / "Labels/labels_consensus.csv", text)


TABLES = {
    "iemocap": labels_of_iemocap,
    "meld": tables_of_meld,
    "nemo": table_of_nemo,
    "msp_podcast": labels_of_msp_podcast,
}


# ----------------------------------- TOOLS -----------------------------------


def write(path, text, encoding="utf-8"):
    """Writes a text file and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding)


def audio(name, kind="WAV", channels=1):
    """The bytes of 0.2 s of noise that no other name gives."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    noise = rng.uniform(-0.5, 0.5, (1600, channels))
    file = io.BytesIO()
    soundfile.write(file, noise, 8000, format=kind)
    return file.getvalue()


def put(path, content=None):
    """Writes a file, noise of its own unless told otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(audio(path.name) if content is None else content)
    return path


def put_corpus(key, folder, place=lambda clip: clip.path, kind="WAV"):
    """Writes a tree and its tables."""
    for clip in CORPORA[key]:
        put(folder / place(clip), audio(clip.row[0], kind))
    if key in TABLES:
        TABLES[key](folder)
    return folder


def run(
    corpus,
    folder,
    save,
    label_set="own",
    protocol="default",
    fold=1,
    text_independent=False,
):
    """Prepares a fold; gives clips with their split, excluded files and what
    is said of the split."""
    corpora = Corpora(corpus, folder, label_set, "", "", "", "")
    index = save.parent / "index.sqlite"
    prepare(corpora, save, protocol, fold, 5, text_independent, 0.2, 0.1, index)
    tables = [read(save / f"{name}.csv").assign(split=name) for name in SPLITS]
    excluded = read(save / "excluded.csv")
    facts = json.loads((save / "split.json").read_text("utf-8"))
    reasons = dict(zip(excluded["path"], excluded["reason"]))
    return pd.concat(tables), reasons, facts


def read(path):
    """Reads a table as text."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def folds_of(key, folder):
    """Splits by the default protocol; gives its words, and the clips of each
    fold with their split."""
    corpora = Corpora(key, folder, "own", "", "", "", "")
    index = folder.parent / "index.sqlite"
    table, _ = find_clips(corpora, 0.1, index)
    plan = make_protocol(table, corpora, "default", 5, False)
    folds = []
    for fold in range(1, len(plan.folds) + 1):
        splits, left_out = split(table, plan, fold, 0.2)
        assert left_out == []
        clips = [c.assign(split=name) for name, c in splits.items()]
        folds.append(pd.concat(clips))
        assert sorted(folds[-1]["ID"]) == sorted(table["ID"])
        assert set(folds[-1]["split"]) == set(SPLITS)
        shared = folds[-1].groupby("spk_id")["split"].nunique() > 1
        assert not shared.any()
    return plan.words, folds


def speakers_tested(clips):
    """The speakers of the test set."""
    return sorted(set(clips["spk_id"][clips["split"] == "test"]))


def rows_of(table):
    """The rows, without what depends on where a file is."""
    return sorted(table[COLUMNS].itertuples(index=False, name=None))


def expected(key):
    """The rows that a tree must give."""
    return sorted(clip.row for clip in CORPORA[key])


def in_capitals(clip):
    """A path somewhere below, its folders in capitals."""
    folders = (part.upper() for part in clip.path.parts[:-1])
    return PurePath("a", "b", *folders, clip.path.name)


# Where the clips are, and in which format.
LAYOUTS = {
    "as released": (lambda clip: clip.path, "WAV"),
    "flat": (lambda clip: clip.flat.with_suffix(".FLAC"), "FLAC"),
    "nested": (lambda clip: in_capitals(clip).with_suffix(".ogg"), "OGG"),
}


# ----------------------------------- LAYOUTS ---------------------------------


def test_every_corpus_has_a_tree_here():
    """No script is left out."""
    scripts = Path(find_corpus.__code__.co_filename).parent
    scripts = scripts.glob("*_prepare.py")
    keys = {path.stem.removesuffix("_prepare") for path in scripts}
    assert keys - NOT_CORPORA == set(CORPORA)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("key", CORPORA)
def test_every_layout_gives_the_same_rows(tmp_path, key, layout):
    """Where the files are and in which format does not matter."""
    folder = put_corpus(key, tmp_path / "data", *LAYOUTS[layout])
    table, excluded, _ = run(key, folder, tmp_path / "m")
    assert rows_of(table) == expected(key)
    assert excluded == {}


@pytest.mark.parametrize("key", CORPORA)
def test_second_tree_and_other_files(tmp_path, key):
    """A mirror that holds the tree twice gives each clip once; what has
    another name is no clip."""
    folder = put_corpus(key, tmp_path / "data")
    put_corpus(key, folder / "copy", lambda clip: clip.flat)
    put(folder / "my recording.wav")
    put(folder / f"._{CORPORA[key][0].path.name}", b"\x00\x05\x16\x07")
    table, excluded, _ = run(key, folder, tmp_path / "m")
    assert rows_of(table) == expected(key)
    seconds = {p for p, why in excluded.items() if why.startswith(SECOND)}
    assert len(seconds) == len(expected(key))
    others = {p: why for p, why in excluded.items() if p not in seconds}
    assert len(others) == 2
    for path, reason in others.items():
        assert PurePath(path).stem not in reason.split(":")[0]


# ------------------------------------ FACTS ----------------------------------


@pytest.mark.parametrize("key", sorted(set(all_corpora()) - NOT_CORPORA))
def test_facts_are_declared_and_agree(key):
    """Name, licence, address, citation and language; and no count or fold of
    what is not there."""
    corpus = all_corpora()[key]
    for fact in ("name", "licence", "address", "citation", "language"):
        assert getattr(corpus, fact)
    assert corpus.address.startswith("http")
    assert "http" in corpus.citation
    assert corpus.protocol in PROTOCOLS
    assert set(corpus.clips) <= set(corpus.classes)
    assert len(set(corpus.classes)) == len(corpus.classes) > 1
    tested = [speaker for fold in corpus.folds for speaker in fold]
    assert set(tested) <= set(corpus.speakers)
    if corpus.protocol == "emobox":
        assert sorted(tested) == sorted(corpus.speakers)


def test_names_of_corpora_are_forgiving():
    """Capitals, hyphens and underscores do not matter."""
    for name, key in {
        "EMO-DB": "emodb",
        "jl-corpus": "jl_corpus",
        "JL corpus": "jl_corpus",
        "EmoV-DB": "emov_db",
        "MSP-Podcast": "msp_podcast",
        "ESD-English": "esd_english",
    }.items():
        assert find_corpus(name).key == key


TOTALS = {
    "ravdess": 1440,
    "ravdess_song": 1012,
    "emodb": 535,
    "crema_d": 7442,
    "tess": 2800,
    "savee": 480,
    "emovo": 588,
    "urdu": 400,
    "iemocap": 5531,
    "meld": 13708,
    "esd": 35000,
    "esd_english": 17500,
    "jl_corpus": 1200,
    "jl_corpus_all": 2400,
    "emov_db": 6887,
    "shemo": 3000,
    "cafe": 936,
    "subesco": 7000,
    "aesdd": 604,
    "mesd": 864,
    "nemo": 4481,
}


@pytest.mark.parametrize("key", TOTALS)
def test_counts_add_up_to_the_published_number(key):
    """Those of the papers, and of EmoBox's metadata."""
    assert sum(find_corpus(key).clips.values()) == TOTALS[key]


# ---------------------------------- PROTOCOLS --------------------------------

EMOBOX = {
    "savee": "JE|KL|DC|JK",
    "emovo": "f2|m3|m2|f3|f1|m1",
    "jl_corpus": "male2|female1|male1|female2",
    "iemocap": "Ses01F Ses01M|Ses02F Ses02M|Ses03F Ses03M|Ses04F Ses04M|"
    "Ses05F Ses05M",
    "esd": "0005 0011 0016 0018|0012 0014 0015 0019|0003 0004 0006 0009|"
    "0007 0008 0013 0020|0001 0002 0010 0017",
    "subesco": "F_03 M_03 M_08 M_09|F_01 F_04 F_10 M_07|F_06 F_08 M_05 M_06|"
    "F_05 F_07 F_09 M_04|F_02 M_01 M_02 M_10",
    "cafe": "01 07 08 10|02 04 09 12|03 05 06 11",
}


@pytest.mark.parametrize("key", EMOBOX)
def test_folds_are_those_of_emobox(tmp_path, key):
    """Test speakers fold by fold, and none of them anywhere else."""
    folder = put_corpus(key, tmp_path / "data")
    words, folds = folds_of(key, folder)
    tested = [" ".join(speakers_tested(fold)) for fold in folds]
    assert "|".join(tested) == EMOBOX[key]
    assert words.startswith("emobox")
    table, _, facts = run(key, folder, tmp_path / "m", fold=2)
    assert speakers_tested(table) == speakers_tested(folds[1])
    assert facts["num_folds"] == len(folds)
    assert not facts["shares_speakers"]


@pytest.mark.parametrize("key", ["emodb", "emov_db", "aesdd", "mesd", "nemo"])
def test_one_speaker_is_left_out(tmp_path, key):
    """Each speaker, or voice, is tested in a fold of its own."""
    words, folds = folds_of(key, put_corpus(key, tmp_path / "data"))
    tested = [speakers_tested(fold) for fold in folds]
    assert tested == [[name] for name in sorted(find_corpus(key).speakers)]
    assert words.startswith("loso")


@pytest.mark.parametrize("key", ["crema_d", "urdu", "shemo"])
def test_folds_of_unseen_speakers(tmp_path, key):
    """Five folds test each speaker once."""
    words, folds = folds_of(key, put_corpus(key, tmp_path / "data"))
    tested = [name for fold in folds for name in speakers_tested(fold)]
    assert sorted(tested) == sorted({row[1] for row in expected(key)})
    assert len(folds) == 5
    assert words.startswith("kfold")


@pytest.mark.parametrize("key", ["meld", "msp_podcast"])
def test_official_split(tmp_path, key):
    """Each clip is where its table says."""
    folder = put_corpus(key, tmp_path / "data")
    table, _, facts = run(key, folder, tmp_path / "m")
    place = {
        "dev": "valid",
        "MSP-PODCAST_0001": "train",
        "MSP-PODCAST_0002": "valid",
        "MSP-PODCAST_0003": "test",
    }
    for clip in table.itertuples():
        start = clip.ID.rsplit("_", 2 if key == "meld" else 1)[0]
        assert clip.split == place.get(start, start)
    assert facts["protocol"].startswith("official")
    assert facts["shares_speakers"] == (key == "meld")


def test_two_speakers_are_shared_and_it_is_said(tmp_path):
    """TESS has no other split, and each score says so."""
    folder = put_corpus("tess", tmp_path / "data")
    _, _, facts = run("tess", folder, tmp_path / "m")
    assert facts["protocol"].startswith("random")
    assert "speakers shared" in facts["protocol"]
    assert "two speakers" in find_corpus("tess").notice
    with pytest.raises(RecipeError, match="2 speakers"):
        run("tess", folder, tmp_path / "loso", protocol="loso")


def test_scenarios_of_iemocap_stay_together(tmp_path):
    """What is tested of a script or a scenario is not trained on."""
    folder = put_corpus("iemocap", tmp_path / "data")
    table, _, _ = run("iemocap", folder, tmp_path / "m", text_independent=True)
    test = table["split"] == "test"
    assert not set(table["sentence"][test]) & set(table["sentence"][~test])


# ------------------------------- LABELS, VARIANTS ----------------------------

COMMON_NAMES = {
    "aesdd": "anger happiness sadness",
    "cafe": "anger happiness neutral sadness",
    "crema_d": "anger happy neutral sad",
    "emodb": "anger happiness neutral sadness",
    "emov_db": "anger neutral",
    "emovo": "anger joy neutral sadness",
    "esd": "angry happy neutral sad",
    "iemocap": "angry happy neutral sad",
    "jl_corpus": "angry happy neutral sad",
    "meld": "anger joy neutral sadness",
    "mesd": "anger happiness neutral sadness",
    "msp_podcast": "angry happy neutral sad",
    "nemo": "anger happiness neutral sadness",
    "ravdess": "angry happy neutral sad",
    "savee": "anger happiness neutral sadness",
    "shemo": "anger happiness neutral sadness",
    "subesco": "angry happy neutral sad",
    "tess": "angry happy neutral sad",
    "urdu": "angry happy neutral sad",
}


@pytest.mark.parametrize("key", CORPORA)
def test_common_label_set(tmp_path, key):
    """Which emotions have a place in it, and which place."""
    classes = find_corpus(key).classes
    assert sorted(set(classes) & set(COMMON)) == COMMON_NAMES[key].split()
    place = dict(
        anger="angry",
        angry="angry",
        happy="happy",
        happiness="happy",
        joy="happy",
        neutral="neutral",
        sad="sad",
        sadness="sad",
    )
    if key in ("ravdess", "emodb", "subesco", "crema_d", "nemo"):
        return  # their trees here have but two emotions
    folder = put_corpus(key, tmp_path / "data")
    kept = {row[0]: place[row[3]] for row in expected(key) if row[3] in place}
    table, excluded, _ = run(key, folder, tmp_path / "m", label_set="common")
    assert dict(zip(table["ID"], table["emotion"])) == kept
    assert len(excluded) == len(expected(key)) - len(kept)
    reason = "emotion not in the common label set"
    assert all(why.startswith(reason) for why in excluded.values())


def test_jl_corpus_has_five_emotions_and_all_ten(tmp_path):
    """The secondary ones are a variant."""
    folder = put_corpus("jl_corpus", tmp_path / "data")
    put(folder / "female1_anxious_10a_1.wav")
    table, excluded, _ = run("jl-corpus", folder, tmp_path / "m")
    assert set(table["emotion"]) == set(
        "angry sad neutral happy excited".split()
    )
    assert excluded == {
        "female1_anxious_10a_1.wav": "emotion not in the class set: anxious"
    }
    table, excluded, _ = run("jl_corpus_all", folder, tmp_path / "all")
    assert "anxious" in set(table["emotion"])
    assert len(find_corpus("jl_corpus_all").classes) == 10
    assert excluded == {}


@pytest.mark.parametrize("language", ["english", "mandarin"])
def test_one_language_of_esd(tmp_path, language):
    """The other one is excluded, and a speaker at a time is tested."""
    folder = put_corpus("esd", tmp_path / "data")
    table, excluded, facts = run(f"esd_{language}", folder, tmp_path / "m")
    assert table["sentence"].str.startswith(language).all()
    assert facts["num_folds"] == table["spk_id"].nunique() == 10
    assert set(excluded.values()) == {"of the other language"}
    assert len(excluded) == 50


def test_song_of_ravdess_is_a_variant(tmp_path):
    """Speech and song are not mixed unasked."""
    folder = put_corpus("ravdess", tmp_path / "data")
    song = put(folder / "03-02-02-01-02-01-01.wav").name
    assert run("ravdess", folder, tmp_path / "m")[1] == {
        song: "song, not speech"
    }
    table, _, _ = run("ravdess_all", folder, tmp_path / "all")
    assert PurePath(song).stem in set(table["ID"])


# ----------------------------------- DEFECTS ---------------------------------


def test_tess_name_that_lacks_a_letter(tmp_path):
    """It is the older speaker's, with and without a mended copy."""
    folder = put_corpus("tess", tmp_path / "data")
    put(folder / "OA_bite_neutral.wav")
    put(folder / "mended/OAF_bite_neutral.wav")
    table, excluded, _ = run("tess", folder, tmp_path / "m")
    clip = table.set_index("ID").loc["OAF_bite_neutral"]
    assert (clip["spk_id"], clip["emotion"]) == ("OAF", "neutral")
    (reason,) = excluded.values()
    assert reason.startswith(SECOND)


def test_tess_aiff_named_wav(tmp_path):
    """Content decides the format."""
    folder = put_corpus("tess", tmp_path / "data")
    put(folder / "YAF_germ_angry.wav", audio("germ", "AIFF"))
    table, excluded, _ = run("tess", folder, tmp_path / "m")
    assert "YAF_germ_angry" in set(table["ID"])
    assert excluded == {}


def test_emovo_mono_and_stereo(tmp_path):
    """One file is mono, the others are not."""
    folder = put_corpus("emovo", tmp_path / "data")
    put(folder / "f2/tri-f2-b1.wav", audio("x", channels=2))
    table, _, _ = run("emovo", folder, tmp_path / "m")
    channels = table.set_index("ID")["channels"]
    assert channels["tri-f2-b1"] == "2" and channels["rab-f1-b1"] == "1"


def test_crema_d_recordings_with_two_labels(tmp_path):
    """All six names of three recordings are excluded, also where copies in
    another format are not identical any more."""
    folder = put_corpus("crema_d", tmp_path / "data")
    names = (
        "1006_TIE_HAP_XX 1006_TIE_NEU_XX 1013_WSI_DIS_XX 1013_WSI_SAD_XX "
        "1017_IWW_ANG_XX 1017_IWW_FEA_XX"
    ).split()
    for name in names:
        put(folder / f"{name}.wav")
    silent = "1076_MTI_SAD_XX.wav"
    soundfile.write(folder / silent, np.zeros(1600), 8000)
    pointer = b"version https://git-lfs.github.com/spec/v1\n"
    put(folder / "1001_WSI_HAP_XX.wav", pointer)
    table, excluded, _ = run("crema_d", folder, tmp_path / "m")
    assert rows_of(table) == expected("crema_d")
    twins = {
        f"{name}.wav": "identical audio under two labels" for name in names
    }
    assert twins.items() <= excluded.items()
    assert excluded[silent] == "silence"
    assert "Git-LFS" in excluded["1001_WSI_HAP_XX.wav"]


def test_ravdess_identical_audio(tmp_path):
    """One actor's two statements are one recording; both keep to one side."""
    folder = put_corpus("ravdess", tmp_path / "data")
    for name in ("03-01-03-01-02-01-07", "03-01-03-01-02-02-07"):
        put(folder / f"{name}.wav", audio("same"))
    table, _, _ = run("ravdess", folder, tmp_path / "m")
    assert (table.groupby("sha256")["split"].nunique() == 1).all()


def test_esd_folder_that_contradicts_the_number(tmp_path):
    """Neither can be trusted."""
    folder = put_corpus("esd", tmp_path / "data")
    put(folder / "0011/Sad/0011_000002.wav")
    _, excluded, _ = run("esd", folder, tmp_path / "m")
    assert excluded == {
        "0011/Sad/0011_000002.wav": "its folder and its number say two emotions"
    }


@pytest.mark.parametrize("key", ["savee", "emov_db"])
def test_nobody_says_who_speaks(tmp_path, key):
    """A name without its folder is not enough."""
    folder = put_corpus(key, tmp_path / "data")
    name = {"savee": "d07.wav", "emov_db": "amused_1-28_0012.wav"}[key]
    put(folder / name)
    _, excluded, _ = run(key, folder, tmp_path / "m")
    assert excluded[name].startswith("no speaker")


def test_emov_db_of_openslr(tmp_path):
    """Speakers and emotions in folders of their own, in lower case."""
    folder = put_corpus(
        "emov_db",
        tmp_path / "data",
        lambda c: PurePath(*c.path.parts[0].lower().split("_"), c.path.name),
    )
    table, _, _ = run("emov_db", folder, tmp_path / "m")
    assert rows_of(table) == expected("emov_db")


# ------------------------------ IEMOCAP, MELD, MSP ---------------------------


def test_iemocap_excludes_with_a_reason(tmp_path):
    """Other emotions, whole dialogues, macOS's files and unlabelled turns."""
    folder = put_corpus("iemocap", tmp_path / "data")
    start = "Session1/sentences/wav/Ses01F_impro05a/Ses01F_impro05a_M00"
    for turn in "569":
        put(folder / f"{start}{turn}.wav")
    whole = "Session1/dialog/wav/Ses01F_impro05a.wav"
    put(folder / whole)
    table, excluded, _ = run("iemocap", folder, tmp_path / "m")
    assert rows_of(table) == expected("iemocap")
    assert excluded == {
        f"{start}5.wav": "emotion not in the class set: fru",
        f"{start}6.wav": "emotion not in the class set: xxx",
        f"{start}9.wav": "no label in the files of EmoEvaluation",
        whole: "a whole dialogue, not an utterance",
    }


def test_iemocap_without_labels(tmp_path):
    """The error names what was expected."""
    folder = put_corpus("iemocap", tmp_path / "data")
    with pytest.raises(RecipeError, match="EmoEvaluation/Ses01F_impro01.txt"):
        run("iemocap", folder / "Session1/sentences", tmp_path / "m")


def test_iemocap_of_two_sessions(tmp_path):
    """Folds are of what is there."""
    folder = put_corpus("iemocap", tmp_path / "data")
    for session in (3, 4, 5):
        shutil.rmtree(folder / f"Session{session}")
    table, _, facts = run("iemocap", folder, tmp_path / "m")
    assert set(table["spk_id"]) == {"Ses01F", "Ses01M", "Ses02F", "Ses02M"}
    assert "that are there" in facts["protocol"]


@pytest.fixture
def meld_videos(tmp_path):
    """MELD as it is released, but that a video is its samples."""
    folder = tmp_path / "MELD.Raw"
    for clip in CORPORA["meld"]:
        content = audio(clip.row[0])[44:]
        put(folder / clip.path.with_suffix(".mp4"), content)
    for name in (
        "train/train_splits/dia125_utt3.mp4",
        "dev/dev_splits_complete/dia110_utt7.mp4",
        "test/output_repeated_splits_test/dia125_utt3.mp4",
        "test/output_repeated_splits_test/dia99_utt99.mp4",
    ):
        put(folder / name, b"broken")
    put(folder / "train/train_splits/._dia0_utt7.mp4", b"\x00\x05")
    tables_of_meld(folder)
    return folder


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """An ffmpeg that copies samples, and lists what it was asked for."""
    if sys.platform == "win32":
        pytest.skip("the stand-in for ffmpeg is a shell script")
    program, asked = tmp_path / "bin/ffmpeg", tmp_path / "asked"
    write(
        program,
        "#!/bin/sh\n"
        'while [ "$1" != -i ]; do shift; done\n'
        f'echo "$2" >> "{asked}"\n'
        'if [ "$(head -c 6 "$2")" = broken ]; then\n'
        "  echo half; echo moov atom not found >&2; exit 1\n"
        "fi\n"
        'cat "$2"\n',
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return asked


def test_meld_audio_is_taken_from_its_videos(tmp_path, meld_videos, ffmpeg):
    """Each clip once; what cannot be read is excluded and ends nothing; a
    second run takes what is missing only."""
    table, excluded, _ = run("meld", meld_videos, tmp_path / "m")
    assert rows_of(table) == expected("meld")
    assert (table["sample_rate"] == "16000").all()
    test = "test/output_repeated_splits_test"
    assert excluded == {
        "train/train_splits/dia125_utt3.mp4": "its MP4 is broken",
        "dev/dev_splits_complete/dia110_utt7.mp4": "its MP4 is broken",
        f"{test}/dia125_utt3.mp4": "ffmpeg takes no audio from it: "
        "moov atom not found",
        f"{test}/dia99_utt99.mp4": "not in the CSV file of its split",
    }
    assert len(ffmpeg.read_text().splitlines()) == len(CORPORA["meld"]) + 1
    assert not list(meld_videos.rglob("*.unfinished"))

    (meld_videos / CORPORA["meld"][0].path).unlink()
    ffmpeg.unlink()
    again = run("meld", meld_videos, tmp_path / "again")
    assert rows_of(again[0]) == rows_of(table) and again[1] == excluded
    assert len(ffmpeg.read_text().splitlines()) == 2


def test_meld_without_ffmpeg(tmp_path, meld_videos, monkeypatch):
    """One sentence with the command; none where the WAVs are there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RecipeError) as error:
        run("meld", meld_videos, tmp_path / "m")
    assert "ffmpeg -i dia0_utt0.mp4 -vn -ac 1 -ar 16000" in str(error.value)
    assert "10 clips" in str(error.value)
    put_corpus("meld", meld_videos)
    (meld_videos / "test/output_repeated_splits_test/dia125_utt3.mp4").unlink()
    table, excluded, _ = run("meld", meld_videos, tmp_path / "m")
    assert rows_of(table) == expected("meld")
    assert len(excluded) == 3


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not there")
def test_meld_with_the_real_ffmpeg(tmp_path, meld_videos):
    """A video of two channels at 44.1 kHz becomes 16 kHz, mono."""
    for path in meld_videos.rglob("*dia?_utt7.mp4"):
        if path.name.startswith("._"):
            continue
        wav = path.with_suffix(".stereo")
        noise = np.random.default_rng(len(str(path))).uniform(-1, 1, (44100, 2))
        noise[0] = zlib.crc32(str(path).encode()) / 2**32
        soundfile.write(wav, noise, 44100, format="WAV")
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", wav, path])
        wav.unlink()
    table, excluded, _ = run("meld", meld_videos, tmp_path / "m")
    assert rows_of(table) == expected("meld")
    assert set(table["sample_rate"]) == {"16000"}
    assert set(table["channels"]) == {"1"}
    assert table["duration"].astype(float).between(0.9, 1.1).all()
    assert len(excluded) == 4


def test_meld_tables_in_windows_1252(tmp_path):
    """They give the same speakers and texts."""
    folder = put_corpus("meld", tmp_path / "data")
    tables_of_meld(folder, encoding="cp1252")
    table, _, _ = run("meld", folder, tmp_path / "m")
    assert rows_of(table) == expected("meld")


def test_meld_known_broken_audio(tmp_path):
    """What someone took from the two broken clips is of no use."""
    folder = put_corpus("meld", tmp_path / "data")
    name = "train/train_splits/dia125_utt3.wav"
    put(folder / name)
    _, excluded, _ = run("meld", folder, tmp_path / "m")
    assert excluded == {name: "its MP4 is broken"}


@pytest.mark.parametrize(
    "key, words",
    [
        ("meld", "train_sent_emo.csv"),
        ("nemo", "data.tsv"),
        ("msp_podcast", "labels_consensus.csv"),
    ],
)
def test_table_that_is_not_there(tmp_path, key, words):
    """The error names it."""
    put(tmp_path / "data" / CORPORA[key][0].path)
    with pytest.raises(RecipeError, match=words):
        run(key, tmp_path / "data", tmp_path / "m")


@pytest.mark.parametrize(
    "key, name",
    [
        ("meld", "dev_sent_emo.csv"),
        ("nemo", "data.tsv"),
        ("msp_podcast", "labels_consensus.csv"),
    ],
)
def test_table_with_other_columns(tmp_path, key, name):
    """The error names those that were expected."""
    put(tmp_path / "data" / CORPORA[key][0].path)
    write(tmp_path / "data" / name, "file,label\na.wav,sad\n")
    with pytest.raises(RecipeError, match="(?i)columns?.*emotion|EmoClass"):
        run(key, tmp_path / "data", tmp_path / "m")


def test_msp_podcast_excludes_with_a_reason(tmp_path):
    """Labels that are no emotion, and test sets that are not the first."""
    folder = put_corpus("msp_podcast", tmp_path / "data")
    reasons = {
        "O,1,1,1,1,Male,Train": "another emotion",
        "X,1,1,1,1,Male,Train": "raters did not agree on an emotion",
        "A,1,1,1,9,Male,Test2": "neither of train, development nor test 1: Test2",
        "X,1,1,1,9,Male,Test3": "neither of train, development nor test 1: Test3",
    }
    names = [f"Audios/MSP-PODCAST_0009_{i}.wav" for i in range(5)]
    for name in names:
        put(folder / name)
    more = [f"{PurePath(name).name},{row}" for name, row in zip(names, reasons)]
    labels_of_msp_podcast(folder, more)
    table, excluded, _ = run("msp_podcast", folder, tmp_path / "m")
    assert rows_of(table) == expected("msp_podcast")
    assert excluded == dict(
        zip(names, [*reasons.values(), "not in labels_consensus.csv"])
    )


@pytest.mark.parametrize(
    "folder, release",
    [
        ("MSP-PODCAST-Publish-1.11", "1.11"),
        ("v1.12", "1.12"),
        ("Release 1.8", "1.8"),
        ("1.10", "1.10"),
        ("podcasts", "unknown"),
    ],
)
def test_msp_podcast_release_is_said(tmp_path, folder, release):
    """With every score."""
    labels_of_msp_podcast(tmp_path / folder)
    corpora = Corpora("msp_podcast", tmp_path / folder, "own", *[""] * 4)
    corpora.read()
    assert f"release {release}." in corpora.notice


def test_msp_podcast_of_two_releases(tmp_path):
    """Which one is meant is not guessed."""
    labels_of_msp_podcast(tmp_path / "v1.10")
    labels_of_msp_podcast(tmp_path / "v1.11", ["MSP.wav,A,1,1,1,1,Male,Train"])
    with pytest.raises(RecipeError, match="2 files labels_consensus.csv"):
        Corpora("msp_podcast", tmp_path, "own", *[""] * 4).read()
