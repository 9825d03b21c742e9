"""Every emotion code of every corpus, as its authors publish it: names of
files, or of files and their row in the corpus's labels, and the emotion.
"""

from pathlib import Path, PurePath

import pytest
from data_prep.corpora import Corpora
from data_prep.corpus import all_corpora, find_corpus

# Corpora that fork.py made have a file of tests each; folder and table take
# any name.
OWN_TESTS = {
    path.stem[len("test_") :] for path in Path(__file__).parent.iterdir()
}
WITHOUT_CODES = {"folder", "table"} | OWN_TESTS

# None: a file that is no clip of one of the corpus's classes.
RAVDESS_SPEECH = {
    "Actor_01/03-01-01-01-01-01-01.wav": "neutral",
    "Actor_01/03-01-02-01-01-01-01.wav": "calm",
    "Actor_01/03-01-03-01-01-01-01.wav": "happy",
    "Actor_01/03-01-04-01-01-01-01.wav": "sad",
    "Actor_01/03-01-05-01-01-01-01.wav": "angry",
    "Actor_01/03-01-06-01-01-01-01.wav": "fearful",
    "Actor_01/03-01-07-01-01-01-01.wav": "disgust",
    "Actor_01/03-01-08-01-01-01-01.wav": "surprised",
    "Actor_01/03-01-09-01-01-01-01.wav": None,
}
RAVDESS_SONG = {
    "Actor_02/03-02-01-01-02-02-02.wav": "neutral",
    "Actor_02/03-02-02-02-02-02-02.wav": "calm",
    "Actor_02/03-02-03-02-02-02-02.wav": "happy",
    "Actor_02/03-02-04-02-02-02-02.wav": "sad",
    "Actor_02/03-02-05-02-02-02-02.wav": "angry",
    "Actor_02/03-02-06-02-02-02-02.wav": "fearful",
}
ESD_MANDARIN = {
    "0001/Neutral/0001_000001.wav": "neutral",
    "0001/Neutral/0001_000350.wav": "neutral",
    "0001/Angry/0001_000351.wav": "angry",
    "0001/Angry/0001_000700.wav": "angry",
    "0001/Happy/0001_000701.wav": "happy",
    "0001/Happy/0001_001050.wav": "happy",
    "0001/Sad/0001_001051.wav": "sad",
    "0001/Sad/0001_001400.wav": "sad",
    "0001/Surprise/0001_001401.wav": "surprise",
    "0001/Surprise/0001_001750.wav": "surprise",
    "0001_000351.wav": "angry",  # the number is enough
    "0001_000701.wav": "happy",
    "0001_001751.wav": None,
    "0001/Happy/0001_000351.wav": None,  # folder and number disagree
}
ESD_ENGLISH = {
    "0011/Neutral/0011_000200.wav": "neutral",
    "0011/Angry/0011_000500.wav": "angry",
    "0011/Happy/0011_000900.wav": "happy",
    "0011/Sad/0011_001200.wav": "sad",
    "0011/Surprise/0011_001600.wav": "surprise",
}
JL_PRIMARY = {
    "JL(wav+txt)/female1_angry_10a_1.wav": "angry",
    "JL(wav+txt)/female1_excited_10a_1.wav": "excited",
    "JL(wav+txt)/female1_happy_10a_1.wav": "happy",
    "JL(wav+txt)/male2_neutral_3b_2.wav": "neutral",
    "JL(wav+txt)/male2_sad_3b_2.wav": "sad",
}
JL_SECONDARY = {
    "JL(wav+txt)/female2_anxious_1a_1.wav": "anxious",
    "JL(wav+txt)/female2_apologetic_1a_1.wav": "apologetic",
    "JL(wav+txt)/female2_assertive_1a_1.wav": "assertive",
    "JL(wav+txt)/male1_concerned_15b_2.wav": "concerned",
    "JL(wav+txt)/male1_encouraging_15b_2.wav": "encouraging",
}


def nothing(clips):
    """The same files where none of them is a clip."""
    return dict.fromkeys(clips)


IN_NAMES = {
    "aesdd": {
        "anger/a01 (1).wav": "anger",
        "disgust/d01 (2).wav": "disgust",
        "fear/f01 (3).wav": "fear",
        "happiness/h01 (4).wav": "happiness",
        "sadness/s01 (5)b.wav": "sadness",
        "neutral/n01 (1).wav": None,
    },
    "cafe": {  # colère, dégoût, joie, neutre, peur, surprise, tristesse
        "Colère/Faible/01-C-1-1.wav": "anger",
        "Dégoût/Fort/02-D-2-2.wav": "disgust",
        "Joie/Faible/03-J-1-3.wav": "happiness",
        "Neutre/04-N-1-4.wav": "neutral",
        "Peur/Fort/05-P-2-5.wav": "fear",
        "Surprise/Faible/06-S-1-6.wav": "surprise",
        "Tristesse/Fort/07-T-2-1.wav": "sadness",
        "Ennui/08-E-1-1.wav": None,
    },
    "crema_d": {
        "AudioWAV/1001_DFA_ANG_XX.wav": "anger",
        "AudioWAV/1001_DFA_DIS_XX.wav": "disgust",
        "AudioWAV/1001_DFA_FEA_XX.wav": "fear",
        "AudioWAV/1001_DFA_HAP_XX.wav": "happy",
        "AudioWAV/1001_DFA_NEU_XX.wav": "neutral",
        "AudioWAV/1001_DFA_SAD_XX.wav": "sad",
        "AudioWAV/1001_IEO_FEA_LO.wav": "fear",
        "AudioWAV/1001_IEO_HAP_HI.wav": "happy",
        "AudioWAV/1001_DFA_SUR_XX.wav": None,
    },
    "demo": RAVDESS_SPEECH,  # RAVDESS's names
    "emodb": {  # Wut, Langeweile, Ekel, Angst, Freude, Trauer, neutral
        "wav/03a01Wa.wav": "anger",
        "wav/08b02La.wav": "boredom",
        "wav/03b10Ec.wav": "disgust",
        "wav/03a05Aa.wav": "fear",
        "wav/03a01Fa.wav": "happiness",
        "wav/03a05Tc.wav": "sadness",
        "wav/03a01Nc.wav": "neutral",
        "wav/03a01Sa.wav": None,
    },
    "emov_db": {  # file names say what the folders of the release do not
        "bea_Amused/amused_1-28_0001.wav": "amused",
        "bea_Angry/anger_1-28_0001.wav": "anger",
        "bea_Disgusted/disgust_1-28_0001.wav": "disgust",
        "bea_Neutral/neutral_1-28_0001.wav": "neutral",
        "bea_Sleepy/sleepiness_1-28_0001.wav": "sleepiness",
        "bea_Happy/happiness_1-28_0001.wav": None,
    },
    "emovo": {  # disgusto, gioia, neutro, paura, rabbia, sorpresa, tristezza
        "f1/dis-f1-b1.wav": "disgust",
        "f1/gio-f1-b2.wav": "joy",
        "f2/neu-f2-l1.wav": "neutral",
        "f3/pau-f3-n5.wav": "fear",
        "m1/rab-m1-d1.wav": "anger",
        "m2/sor-m2-b3.wav": "surprise",
        "m3/tri-m3-l4.wav": "sadness",
        "m3/noi-m3-l4.wav": None,
    },
    "esd": ESD_MANDARIN | ESD_ENGLISH,
    "esd_english": ESD_ENGLISH | nothing(ESD_MANDARIN),
    "esd_mandarin": ESD_MANDARIN | nothing(ESD_ENGLISH),
    "jl_corpus": JL_PRIMARY | nothing(JL_SECONDARY),
    "jl_corpus_all": JL_PRIMARY | JL_SECONDARY,
    "mesd": {
        "Anger_F_A_adios.wav": "anger",
        "Disgust_F_A_adios.wav": "disgust",
        "Fear_M_B_abajo.wav": "fear",
        "Happiness_M_B_abajo.wav": "happiness",
        "Neutral_C_A_antes.wav": "neutral",
        "Sadness_C_A_antes.wav": "sadness",
        "Surprise_C_A_antes.wav": None,
    },
    "ravdess": RAVDESS_SPEECH | nothing(RAVDESS_SONG),
    "ravdess_all": RAVDESS_SPEECH | RAVDESS_SONG,
    "ravdess_song": RAVDESS_SONG
    | nothing(RAVDESS_SPEECH)
    # Nobody sings these two.
    | nothing(["Actor_02/03-02-07-01-01-01-02.wav"])
    | nothing(["Actor_02/03-02-08-01-01-01-02.wav"]),
    "savee": {
        "DC/a01.wav": "anger",
        "DC/d02.wav": "disgust",
        "JE/f03.wav": "fear",
        "JE/h04.wav": "happiness",
        "JK/n30.wav": "neutral",
        "KL/sa06.wav": "sadness",
        "KL/su07.wav": "surprise",
        "KL_sa15.wav": "sadness",
        "DC_su01.wav": "surprise",
        "DC/s01.wav": None,
    },
    "shemo": {  # W is of wonder
        "female/F01A01.wav": "anger",
        "female/F21F01.wav": "fear",
        "female/F02H03.wav": "happiness",
        "male/M01N12.wav": "neutral",
        "male/M02S04.wav": "sadness",
        "male/M31W05.wav": "surprise",
        "male/M31D05.wav": None,
    },
    "subesco": {
        "F_01_OISHI_S_1_ANGRY_1.wav": "angry",
        "F_01_OISHI_S_1_DISGUST_1.wav": "disgust",
        "F_01_OISHI_S_2_FEAR_2.wav": "fear",
        "M_01_BASHIR_S_3_HAPPY_3.wav": "happy",
        "M_01_BASHIR_S_4_NEUTRAL_4.wav": "neutral",
        "M_01_BASHIR_S_5_SAD_5.wav": "sad",
        "M_01_BASHIR_S_10_SURPRISE_1.wav": "surprise",
        "M_01_BASHIR_S_10_CALM_1.wav": None,
    },
    "tess": {  # ps: pleasant surprise
        "OAF_angry/OAF_back_angry.wav": "angry",
        "OAF_disgust/OAF_back_disgust.wav": "disgust",
        "OAF_Fear/OAF_back_fear.wav": "fear",
        "OAF_happy/OAF_back_happy.wav": "happy",
        "YAF_neutral/YAF_back_neutral.wav": "neutral",
        "YAF_pleasant_surprised/YAF_back_ps.wav": "surprise",
        "YAF_sad/YAF_back_sad.wav": "sad",
        "YAF_calm/YAF_back_calm.wav": None,
    },
    "urdu": {
        "Angry/SM1_F01_A001.wav": "angry",
        "Happy/SM2_F03_H012.wav": "happy",
        "Neutral/SF1_F05_N023.wav": "neutral",
        "Sad/SF2_F07_S034.wav": "sad",
        "Fear/SF2_F07_F034.wav": None,
    },
}

# The label as it is in the file of labels, and the emotion.
IN_LABELS = {
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


def write(path, *rows):
    """Writes the rows of a text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


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
    "iemocap": label_iemocap,
    "meld": label_meld,
    "msp_podcast": label_msp_podcast,
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
