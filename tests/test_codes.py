"""Every emotion code of every corpus, as its authors publish it: names of
files, or of files and their row in the corpus's labels, and the emotion.
"""

from pathlib import Path, PurePath

import pytest
from codes_in_names import IN_NAMES
from data_prep.corpora import Corpora
from data_prep.corpus import all_corpora, find_corpus

# Corpora that fork.py made have a file of tests each; folder and table take
# any name.
OWN_TESTS = {
    path.stem[len("test_") :] for path in Path(__file__).parent.iterdir()
}
WITHOUT_CODES = {"folder", "table"} | OWN_TESTS

# The label as it is in the file of labels, and the emotion.
IN_LABELS = {
    "emns": {
        "Angry": "angry",
        "Disgust": "disgust",
        "Excited": "excited",
        "Happy": "happy",
        "Neutral": "neutral",
        "Sad": "sad",
        "Sarcastic": "sarcastic",
        "Surprised": "surprise",
        "Bored": None,
    },
    "emozionalmente": {
        "anger": "anger",
        "disgust": "disgust",
        "fear": "fear",
        "joy": "joy",
        "neutrality": "neutral",
        "sadness": "sadness",
        "surprise": "surprise",
        "no_agreement": None,
    },
    "iemocap": {
        "ang": "angry",
        "hap": "happy",
        "exc": "happy",  # as the field does
        "neu": "neutral",
        "sad": "sad",
        "dis": None,
        "fea": None,
        "fru": None,
        "oth": None,
        "sur": None,
        "xxx": None,
    },
    "meld": {
        "anger": "anger",
        "disgust": "disgust",
        "fear": "fear",
        "joy": "joy",
        "neutral": "neutral",
        "sadness": "sadness",
        "surprise": "surprise",
        "calm": None,
    },
    "msp_podcast": {
        "A": "angry",
        "C": "contempt",
        "D": "disgust",
        "F": "fear",
        "H": "happy",
        "N": "neutral",
        "S": "sad",
        "U": "surprise",
        "O": None,
        "X": None,
    },
    "nemo": {
        "anger": "anger",
        "fear": "fear",
        "happiness": "happiness",
        "neutral": "neutral",
        "sadness": "sadness",
        "surprised": "surprised",
        "calm": None,
    },
}
# Variants that differ in the clips they take.
IN_LABELS["iemocap_improvised"] = IN_LABELS["iemocap"]
IN_LABELS["msp_podcast_test2"] = IN_LABELS["msp_podcast"]


def write(path, *rows):
    """Writes the rows of a text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def label_emns(folder, labels):
    """Labels a recording each."""
    rows = ["id|utterance|description|emotion|gender|audio_recording|user_id"]
    clips = [f"recorded_audio_RF6OuQ{turn}" for turn in range(len(labels))]
    for clip, label in zip(clips, labels):
        rows.append(f"390|Hi.|said|{label}|Female|wavs/{clip}.webm|3")
    write(folder / "metadata.csv", *rows)
    return [f"cleaned_webm/{clip}.wav" for clip in clips]


def label_emozionalmente(folder, labels):
    """Labels a recording each, all by one actor."""
    rows = ["file_name,sentence,sentence_language,actor,emotion_expressed"]
    clips = [f"161495163153{turn}.wav" for turn in range(len(labels))]
    for clip, label in zip(clips, labels):
        rows.append(f"{clip},Tornerà a casa presto,italian,a071,{label}")
    write(folder / "metadata/samples.csv", *rows)
    users = ("username,gender,age,mother_tongue", "a071,male,30,italian")
    write(folder / "metadata/users.csv", *users)
    return [f"audio/{clip}" for clip in clips]


def label_iemocap(folder, labels):
    """Labels the turns of one dialogue."""
    name, rows, clips = "Ses01F_impro01", ["% [START_TIME - END_TIME] ..."], []
    for turn, label in enumerate(labels):
        clip = f"{name}_F{turn:03}"
        rows += ["", f"[6.29 - 8.23]\t{clip}\t{label}\t[2.5, 2.5, 2.5]"]
        rows += ["C-E2:\tSadness;\t()"]  # of a single rater
        clips.append(f"Session1/sentences/wav/{name}/{clip}.wav")
    write(folder / f"Session1/dialog/EmoEvaluation/{name}.txt", *rows)
    return clips


def label_meld(folder, labels):
    """Labels the utterances of one dialogue of the training set."""
    rows = [
        "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID"
    ]
    for turn, label in enumerate(labels):
        rows.append(f"{turn + 1},Oh my God!,Monica,{label},neutral,0,{turn}")
    write(folder / "train/train_sent_emo.csv", *rows)
    return [
        f"train/train_splits/dia0_utt{turn}.mp4" for turn in range(len(labels))
    ]


def label_msp_podcast(folder, labels):
    """Labels the turns of one podcast."""
    rows = ["FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set"]
    clips = [f"MSP-PODCAST_0001_{turn:04}.wav" for turn in range(len(labels))]
    for clip, label in zip(clips, labels):
        rows.append(f"{clip},{label},4.2,3.1,4.0,7,Female,Train")
    write(folder / "Labels/labels_consensus.csv", *rows)
    return [f"Audios/{clip}" for clip in clips]


def label_nemo(folder, labels):
    """Labels a recording each; names have no emotion that could be read."""
    columns = "file_id emotion raw_text normalized_text speaker_id gender age"
    rows = ["\t".join(columns.split())]
    for turn, label in enumerate(labels):
        row = (f"SK0_x_{turn}.wav", label, "Tak.", "tak", "SK0", "female", "23")
        rows.append("\t".join(row))
    write(folder / "data.tsv", *rows)
    return [f"samples/SK0_x_{turn}.wav" for turn in range(len(labels))]


LABEL = {
    "emns": label_emns,
    "emozionalmente": label_emozionalmente,
    "iemocap": label_iemocap,
    "iemocap_improvised": label_iemocap,
    "meld": label_meld,
    "msp_podcast": label_msp_podcast,
    "msp_podcast_test2": label_msp_podcast,
    "nemo": label_nemo,
}


def emotion_of(corpus, name):
    """Gives the emotion of a file, None where it is no clip of a class."""
    try:
        emotion = corpus.describe(PurePath(name))["emotion"]
    except ValueError:
        return None
    return emotion if emotion in corpus.classes else None


@pytest.mark.parametrize("key, clips", IN_NAMES.items(), ids=IN_NAMES)
def test_codes_in_names(key, clips):
    """Each code of the names gives its emotion."""
    corpus = find_corpus(key)
    assert {name: emotion_of(corpus, name) for name in clips} == clips


@pytest.mark.parametrize("key, emotions", IN_LABELS.items(), ids=IN_LABELS)
def test_codes_in_labels(key, emotions, tmp_path):
    """Each code of the files of labels gives its emotion."""
    clips = LABEL[key](tmp_path, emotions)
    corpora = Corpora(
        corpus=key,
        data_folder=tmp_path,
        label_set="own",
        test_corpus="",
        test_data_folder="",
        columns="",
        speaker_pattern="",
    )
    corpora.read()
    (corpus,) = corpora.all
    found = {
        label: emotion_of(corpus, name) for label, name in zip(emotions, clips)
    }
    assert found == emotions


def test_all_classes_of_all_corpora_have_a_code():
    """No corpus and no class is left out of the tables above."""
    tables = IN_NAMES | IN_LABELS
    corpora = {
        key: corpus
        for key, corpus in all_corpora().items()
        if key not in WITHOUT_CODES
    }
    assert tables.keys() == corpora.keys()
    for key, corpus in corpora.items():
        classes = {emotion for emotion in tables[key].values() if emotion}
        assert sorted(corpus.classes) == sorted(classes), key
