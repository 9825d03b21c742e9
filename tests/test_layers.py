"""The layers: which module may import which, and how large files may grow."""

import ast

import pytest
from conftest import ROOT

# Data runs one way: a module imports those before it and none after it.
ORDER = (
    "ser.errors ser.workers ser.files ser.names ser.audio ser.defects ser.stream "
    "ser.batches ser.clips ser.hidden_states ser.encoder ser.pooling ser.head "
    "ser.speakers ser.encoding ser.store ser.embeddings ser.model ser.description ser.model_folder ser.onnx_network ser.torch_network "
    "ser.inference ser.timeline ser.checkpoint ser.epochs ser.history ser.lock "
    "ser.metrics ser.settings_file ser.arguments ser.settings ser.usage train ser.cluster ser.report cross_validation crossval"
).split()
CORE = ORDER[: ORDER.index("ser.report")]
PAGES = {"jinja2", "matplotlib", "gradio"}
READING = set(
    "ser.audio ser.defects ser.errors ser.files ser.names ser.workers".split()
)
EXTRAS = set(
    "app cross_validation crossval data_prep encoders export fork forking predict prediction "
    "score scoring ser.report sharing".split()
)
OWN = {*EXTRAS, "ser", "train", "benchmarks"}


def module_name(path):
    """Names a file as imports do."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_source(path):
    """Tells files of the repository from what a run or pip makes."""
    parts = path.relative_to(ROOT).parts
    return not {"cache", "results", "manifests"} & set(parts)


def find_files(*patterns):
    """Lists files of the repository, hidden folders left out."""
    return [
        path
        for pattern in patterns
        for path in [*ROOT.glob(pattern), *ROOT.glob(f"[!.]*/**/{pattern}")]
        if is_source(path)
    ]


MODULES = {
    module_name(path): path
    for path in find_files("*.py")
    if "templates" not in path.parts and "tests" not in path.parts
}


def imports(module):
    """Lists what a module imports, anywhere in it: own modules by their full
    names, packages of others by theirs."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, module
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name for name in inner if name in MODULES]
            names = names or [node.module]
        for name in names:
            package = name.split(".")[0]
            found.add(name if package in OWN else package)
    return found


def reached(*modules):
    """Lists what modules import, and what those do."""
    found, todo = set(), [*modules]
    while todo:
        for name in imports(todo.pop()):
            if name not in found:
                found.add(name)
                todo += [name] if name in MODULES else []
    return found


def is_within(name, package):
    """Tells whether a module is a package or in it."""
    return name == package or name.startswith(f"{package}.")


def within(names, packages):
    """Lists the names that are of some packages."""
    return {n for n in names if any(is_within(n, p) for p in packages)}


def modules_of(*packages):
    """Lists the modules of some packages."""
    found = within(MODULES, packages)
    assert found
    return sorted(found)


# A report may ask which encoder is built in, and knows nothing of its making.
MAKING = [name for name in modules_of("encoders") if name != "encoders"]


def test_the_order_is_complete():
    """No module of ser/ is left out of it."""
    top = {".".join(name.split(".")[:2]) for name in modules_of("ser")}
    assert top - {"ser"} == {n for n in ORDER if n.startswith("ser.")}


@pytest.mark.parametrize("module", CORE)
def test_the_core_knows_no_extras(module):
    """Neither directly nor through what it imports: no report, corpus,
    cross-validation, encoder's training or fork, and no library of pages."""
    found = reached(module)
    assert not within(found, EXTRAS)
    assert not found & PAGES


# The package itself only offers `load_model`.
@pytest.mark.parametrize(
    "module", [m for m in modules_of("ser", "train", "crossval") if m != "ser"]
)
def test_imports_follow_the_data(module):
    """A module imports those before it in the order alone."""

    def place(name):
        """Finds a module in the order."""
        return next(i for i, n in enumerate(ORDER) if is_within(name, n))

    own = within(imports(module), ["ser", "train", "crossval"])
    for name in own - {"ser"}:
        if not (
            is_within(module, "ser.report") and place(name) == place(module)
        ):
            assert place(name) < place(module), name


@pytest.mark.parametrize(
    "package, others",
    [
        ("ser.report", ["crossval", *MAKING, "fork", "forking", "train"]),
        (
            "data_prep",
            ["crossval", "encoders", "fork", "forking", "train", "ser.report"],
        ),
        ("encoders", ["crossval", "fork", "forking", "ser.report"]),
        ("prediction", ["crossval", "forking", "sharing", "train", "app"]),
        ("sharing", ["crossval", "prediction", "train", "app"]),
        ("scoring", ["crossval", "encoders", "prediction", "score", "train"]),
        ("crossval", ["encoders", "fork", "forking"]),
        ("forking", ["crossval", "encoders", "fork", "train", "ser.report"]),
    ],
)
def test_extras_know_no_later_ones(package, others):
    """Each stands on the core and on what is before it."""
    for module in modules_of(package):
        assert not within(imports(module), others), module


def test_the_built_in_encoder_is_found_alone():
    """Whoever asks for its folder gets no training of encoders with it."""
    assert "encoders.train" in MAKING
    assert not within(imports("encoders"), OWN)


def test_preparation_reads_audio_and_no_model():
    """Of ser/ it knows files, errors and the reading of audio."""
    for module in modules_of("data_prep"):
        found = within(imports(module), ["ser"])
        assert found <= READING, module


def count_lines(paths):
    """Counts the lines of files, by path."""
    return {path: len(path.read_text("utf-8").splitlines()) for path in paths}


def test_no_file_is_too_long():
    """The agreement of the maintainers: a file has 400 lines at most, tests
    and templates too, and train.py 350."""
    lines = count_lines(find_files("*.py", "*.yaml", "*.yml", "*.jinja"))
    assert len(lines) > 80
    assert {path: n for path, n in lines.items() if n > 400} == {}
    assert lines[ROOT / "train.py"] <= 350


def test_the_repository_does_not_grow():
    """Likewise: 17,300 lines of Python without tests, of which a third is for
    what comes after training and a sixth are corpora, and 700 of YAML."""
    python = [p for p in find_files("*.py") if p.parts[-2] != "tests"]
    assert sum(count_lines(python).values()) <= 17300
    benchmarks = [path for path in python if path.parts[-2] == "benchmarks"]
    assert sum(count_lines(benchmarks).values()) <= 600
    yaml = find_files("*.yaml", "*.yml", ".*.yaml")
    assert sum(count_lines(yaml).values()) <= 700
