"""A self-contained preparation script, from the definitions of several."""

import ast
import sys

from ser.errors import RecipeError

# Arguments of Corpus(...), and the template's names for them
DECLARED = {
    "classes": "CLASSES",
    "folds": "FOLDS",
    "defects": "DEFECTS",
    "describe": "describe",
}


class Script:
    """A script: its docstring, its imports (from names to pairs of module and
    what is imported) and its definitions (from names to source, with the
    comments right above, and names that it uses)."""

    def __init__(self, text):
        self.text, self.lines = text, text.splitlines()
        self.imports, self.definitions = {}, {}
        tree = ast.parse(text)
        self.docstring = "\n".join(self.lines[: tree.body[0].end_lineno])
        for node in tree.body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                for alias in node.names:
                    self.imports[alias.asname or alias.name] = (
                        getattr(node, "module", None),
                        alias.name,
                    )
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Assign)):
                self._define(node)

    def _define(self, node):
        """Cuts a definition out, and what Corpus(...) declares in place."""
        first = node.lineno - 1 - len(getattr(node, "decorator_list", []))
        while self.lines[first - 1].startswith("#"):
            first -= 1
        name = getattr(node, "name", None) or node.targets[0].id
        source = "\n".join(self.lines[first : node.end_lineno])
        self.definitions[name] = (source, names_in(node))
        for argument in node.value.keywords if name == "CORPUS" else ():
            name, value = DECLARED.get(argument.arg), argument.value
            if name and name != getattr(value, "id", None):
                source = ast.get_source_segment(self.text, value)
                source = f"{name} = " + source.replace("\n    ", "\n")
                self.definitions[name] = (source, names_in(value))


def names_in(node):
    """Lists the names that code uses and does not set itself."""
    nodes = list(ast.walk(node))
    names = [n for n in nodes if isinstance(n, ast.Name)]
    own = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    own |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    return {n.id for n in names} - own


def splice(template, corpus, file_names, modules):
    """Puts what a corpus declares in place of the declarations of a template,
    and adds all that the two use.

    Arguments
    ---------
    template : str
        A preparation script that defines the names of `DECLARED` itself, and
        last the function that must work.
    corpus : str
        The text of data_prep/<corpus>_prepare.py.
    file_names : str
        The text of data_prep/file_names.py, which it imports.
    modules : list of str
        The texts of modules that the template imports.

    Returns
    -------
    str
        The script, without what it does not use.

    Raises
    ------
    RecipeError
        If the corpus defines a name that the preparation has too.
    """
    template, corpus = Script(template), Script(corpus)
    scripts = [Script(file_names), corpus, *map(Script, modules), template]
    definitions, imports = {}, {}
    for script in scripts:
        definitions = definitions | script.definitions
        imports |= script.imports
    declared = corpus.definitions.keys() & DECLARED.values()
    definitions |= {name: corpus.definitions[name] for name in declared}
    used, todo = set(), [list(template.definitions)[-1]]
    while todo:
        name = todo.pop()
        if name not in used:
            used.add(name)
            todo += definitions[name][1] if name in definitions else ()
    clash = used & corpus.definitions.keys() - declared
    clash &= {n for s in scripts if s is not corpus for n in s.definitions}
    if clash:
        raise RecipeError(
            f"the script of the corpus defines {', '.join(sorted(clash))}, as "
            "the preparation does: choose other names there."
        )

    def is_late(name):
        """Tells what must keep its place from constants, which come first."""
        is_constant = not definitions[name][0].startswith(("def", "class"))
        return name in corpus.definitions or not is_constant

    text = template.docstring + "\n\n"
    text += sort_imports({n: imports[n] for n in used if n in imports})
    gap = 1
    for name in sorted(definitions, key=is_late):
        if name in used:
            source = definitions[name][0]
            is_function = source.startswith(("def", "class"))
            gap = 2 if is_function else max(gap, source.startswith("#"))
            text += "\n" * gap + source + "\n"
            gap = 2 if is_function else 0
    # Errors of this repository are an import of its own.
    return text.replace("RecipeError", "ValueError")


def sort_imports(imports):
    """Writes imports as SpeechBrain's linter sorts them, this repository's
    left out: the standard library, others, SpeechBrain."""
    sections = ({}, {}, {})
    for name, (module, what) in imports.items():
        package = (module or what).split(".")[0]
        section = 1 + (package == "speechbrain")
        if package in sys.stdlib_module_names:
            section = 0
        if module and package not in ("data_prep", "ser"):
            sections[section].setdefault((1, module), set()).add(what)
        elif not module:
            alias = f" as {name}" if name != what else ""
            sections[section][0, what + alias] = ()
    texts = []
    for section in filter(None, sections):
        for (_, module), names in sorted(section.items()):
            line = f"import {module}"
            if names:
                line = f"from {module} import {', '.join(sorted(names))}"
            texts.append(line)
        texts.append("")
    return "\n".join(texts)
