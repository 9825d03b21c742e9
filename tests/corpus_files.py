"""Writes the trees of the corpora with their tables, and prepares them."""

import functools
import io
import json
import zlib

import numpy as np
import pandas as pd
import soundfile
from corpus_trees import CORPORA
from data_prep.corpora import Corpora
from data_prep.manifest import SPLITS
from data_prep.prepare import prepare
from data_prep.scan import find_clips

COLUMNS = ["ID", "spk_id", "gender", "emotion", "sentence"]
SECOND = "second file of one name"


def write(path, text, encoding="utf-8"):
    """Writes a text file and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding)


@functools.cache
def audio(name, kind="WAV", channels=1):
    """Makes a file of 0.2 s of noise, different for each name."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    noise = rng.uniform(-0.5, 0.5, (1600, channels))
    file = io.BytesIO()
    soundfile.write(file, noise, 8000, format=kind)
    return file.getvalue()


def put(path, content=None):
    """Writes a file: noise, or the content that is given."""
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


def released_trees(tmp_path_factory):
    """Returns a function that writes the tree of a corpus as it is released,
    the first time it is asked for."""
    return functools.cache(
        lambda key: put_corpus(key, tmp_path_factory.mktemp(key) / "data")
    )


def open_corpora(key, folder, label_set="own"):
    """Opens one corpus, with default settings."""
    return Corpora(key, folder, label_set, "", "", "", "")


def index_of(folder):
    """Returns the path of an audio index that the trees of all tests share."""
    return folder.parents[1] / "index.sqlite"


def search(key, folder, label_set="own"):
    """Searches a tree; returns the table of its clips, and the reason of each
    excluded file."""
    corpora = open_corpora(key, folder, label_set)
    table, excluded = find_clips(corpora, 0.1, index_of(folder))
    return table, dict(zip(excluded["path"], excluded["reason"]))


def prepare_corpus(
    key, folder, save, protocol="default", fold=1, text_independent=False
):
    """Prepares a fold; returns the clips of its manifests with their split, the
    reason of each excluded file, and what split.json holds."""
    prepare(
        open_corpora(key, folder),
        save,
        protocol,
        fold,
        num_folds=5,
        text_independent=text_independent,
        valid_ratio=0.2,
        min_duration=0.1,
        audio_index=index_of(folder),
    )
    tables = [read(save / f"{name}.csv").assign(split=name) for name in SPLITS]
    excluded = read(save / "excluded.csv")
    facts = json.loads((save / "split.json").read_text("utf-8"))
    reasons = dict(zip(excluded["path"], excluded["reason"]))
    return pd.concat(tables), reasons, facts


def read(path):
    """Reads a table as text."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def rows_of(table):
    """Returns the rows, without what depends on where a file is."""
    return sorted(table[COLUMNS].itertuples(index=False, name=None))


def labels_of_iemocap(folder):
    """Writes labels as released, and beside them files that hold none."""
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
        clips = [c for c in CORPORA["meld"] if c.row[0].startswith(part)]
        for number, (speaker, clip) in enumerate(zip(people, clips)):
            rows.append(
                f'{number},"Oh my, that\u2019s $50!",{speaker},{clip.row[3]},'
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
        spaced = f"        {speaker}"
        values = (f"{name}.wav", emotion, text, text, spaced, sex, "23")
        rows.append("\t".join(values))
    write(folder / "data.tsv", "\n".join(rows) + "\n")


def labels_of_msp_podcast(folder, more=()):
    """Writes the labels that most raters chose, and further rows."""
    emotions = "angry happy sad neutral surprise fear disgust contempt"
    codes = dict(zip(emotions.split(), "AHSNUFDC"))
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


def table_of_emns(folder):
    """Writes metadata.csv, which says Surprised and names WebM files."""
    rows = [
        "id|utterance|description|emotion|date_created|status|gender|age|level"
        "|audio_recording|user_id"
    ]
    for number, clip in enumerate(CORPORA["emns"]):
        name, _, _, emotion, text = clip.row
        label = emotion.replace("surprise", "surprised").title()
        rows.append(
            f"{number}|{text}|said|{label}|2022-07-16 15:43:06|Complete|Female"
            f"|20s|3|wavs/{name}.webm|3"
        )
    write(folder / "metadata.csv", "\n".join(rows) + "\n")


def tables_of_emozionalmente(folder):
    """Writes samples.csv and users.csv, with names of 64 characters."""
    rows = ["file_name,sentence,sentence_language,actor,emotion_expressed"]
    users = {"username": "gender,age,mother_tongue"}
    for clip in CORPORA["emozionalmente"]:
        name, actor, sex, emotion, text = clip.row
        label = emotion.replace("neutral", "neutrality")
        rows.append(f"{name}.wav,{text},italian,{actor:0<64},{label}")
        sex = sex.replace("unknown", "other")
        users[f"{actor:0<64}"] = f"{sex},30,italian"
    write(folder / "metadata/samples.csv", "\n".join(rows) + "\n")
    rows = [f"{name},{facts}" for name, facts in users.items()]
    write(folder / "metadata/users.csv", "\n".join(rows) + "\n")


TABLES = {
    "emns": table_of_emns,
    "emozionalmente": tables_of_emozionalmente,
    "iemocap": labels_of_iemocap,
    "meld": tables_of_meld,
    "nemo": table_of_nemo,
    "msp_podcast": labels_of_msp_podcast,
}
