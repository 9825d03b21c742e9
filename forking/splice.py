"""A self-contained preparation script, from the definitions of several."""

import ast
import re
import sys

from ser.errors import RecipeError

# Arguments of Corpus(...), and the template's names for them
DECLARED = {
    "classes": "CLASSES",
    "folds": "FOLDS",
    "defects": "DEFECTS",
    "describe": "describe",
}


def splice(template, corpus, modules):
    """Puts what a corpus declares in place of the declarations of a template,
    and adds all that the two use.

    Arguments
    ---------
    template : str
        A preparation script that defines the names of `DECLARED` itself, and
        last the function that must work.
    corpus : str
        The texts of data_prep/file_names.py and of the script of the corpus.
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
    imports, own = read_script(corpus)
    shared = {}
    for text in (*modules, template):
        more, definitions = read_script(text)
        imports, shared = imports | more, shared | definitions
    parts = own | shared | own
    used, todo = set(), [list(shared)[-1]]
    while todo:
        name = todo.pop()
        if name not in used:
            used.add(name)
            todo += names_in(parts[name][0]) if name in parts else ()
    clash = used & own.keys() & shared.keys() - DECLARED.values()
    if clash:
        raise RecipeError(
            f"the script of the corpus defines {', '.join(sorted(clash))}, as "
            "the preparation does: choose other names there."
        )

    def place(name):
        """Puts constants first, then what is the corpus's own."""
        is_function = isinstance(parts[name][0], ast.FunctionDef)
        return 1 if name in own else 2 * is_function

    head = sort_imports(imports[name] for name in used & imports.keys())
    script = template[: template.index('"""', 3) + 3] + f"\n\n{head}\n"
    for name in sorted(parts, key=place):
        if name in used:
            text = parts[name][1]
            script += text if place(name) else text.lstrip("\n")
    # Two empty lines after a function, as SpeechBrain's formatter has them
    script = re.sub(r"(\n +\S.*)\n+(?=[\w@#])", r"\1\n\n\n", script)
    return script.replace("RecipeError", "ValueError")


def read_script(text):
    """Finds what a script imports, but for this repository's modules (from
    names to lines), and what it defines or declares as a corpus (from names to
    nodes and texts, which begin with the empty lines and comments above)."""
    imports, definitions, end = {}, {}, 0
    for node in ast.parse(text).body:
        source = "\n".join(text.splitlines()[end : node.end_lineno]) + "\n"
        end, name = node.end_lineno, getattr(node, "name", None)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = getattr(node, "module", "")
            start = f"from {module} import " if module else "import "
            for alias in node.names:
                if module.split(".")[0] not in ("data_prep", "ser"):
                    line = start + ast.unparse(alias)
                    imports[alias.asname or alias.name] = line
        elif isinstance(node, ast.Assign):
            name = node.targets[0].id
        if name:
            definitions[name] = node, source
        for argument in node.value.keywords if name == "CORPUS" else ():
            name, value = DECLARED.get(argument.arg), argument.value
            if name and name != getattr(value, "id", None):
                source = ast.get_source_segment(text, value)
                source = f"{name} = " + source.replace("\n    ", "\n")
                # Of one line, if that is short enough for the formatter
                line = re.sub(r"\(\n +(.*[^,])\n\)", r"(\1)", source)
                source = line if len(line) <= 80 else source
                definitions[name] = value, f"\n{source}\n"
    return imports, definitions


def names_in(node):
    """Lists the names that code uses and does not set itself."""
    nodes = list(ast.walk(node))
    names = [n for n in nodes if isinstance(n, ast.Name)]
    own = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    own |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    return {n.id for n in names} - own


def sort_imports(lines):
    """Sorts imports of one name each as SpeechBrain's linter does, and joins
    those from one module: the standard library, others, SpeechBrain."""
    modules = {}
    for line in sorted(lines):
        start, name = line.split("import ")
        modules.setdefault(start or line, []).append(name)
    sections = ["", "", ""]
    for start in sorted(modules, key=lambda start: (start[0] != "i", start)):
        package = re.split("[ .]", start)[1]
        is_other = package not in sys.stdlib_module_names
        names = f"import {', '.join(modules[start])}" if start[0] == "f" else ""
        sections[is_other + (package == "speechbrain")] += f"{start}{names}\n"
    return "\n".join(filter(None, sections))
