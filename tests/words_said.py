"""Which texts the pages say, and which words stand in them that no language can replace.

`python -m tests.words_said` lists what each language lacks, by catalogue, and sorts the catalogues.
"""

import ast
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from townsquare import web
from townsquare.web.languages import languages

WEB = Path(str(web.__file__)).parent
PACKAGE = WEB.parent
STRING = r'"((?:[^"\\]|\\.)*)"'
ONE = re.compile(rf"(?<![\w.])(?:t|_|later)\(\s*{STRING}")
MANY = re.compile(rf"(?<![\w.])(?:tn|n_)\([^\"]*?{STRING},\s*{STRING}")
CALLS = {"text": 1, "later": 1, "text_of": 2}
WORD = re.compile(r"[^\W\d_]{3,}")
READ_OUT = re.compile(r'\s(?:aria-label|aria-description|title|placeholder|alt|label)="([^"$]*)"')
OPENS = re.compile(r"\b(?:html|svg)`")
# The same in every language.
NAMES = {
    "Townsquare",
    "Backspace",
    "notify",
    "CSV",
    "PDF",
    "PNG",
    "JSON",
    "GeoJSON",
    "UTC",
    "CAP",
    "Matrix",
    "ntfy",
    "URL",
}


def singles() -> set[str]:
    written = {english for file in _written() for english in _plain(ONE.findall(_source(file)))}
    called = {one for name, texts in _called() if name != "text_of" for one in texts}
    return written | called | set(_declared())


def plurals() -> set[tuple[str, str]]:
    """As one and as many."""
    found = {pair for file in _written() for pair in MANY.findall(_source(file))}
    told = {(texts[0], texts[1]) for name, texts in _called() if name == "text_of"}
    return {(_unescaped(one), _unescaped(other)) for one, other in found} | told


def scripts() -> list[Path]:
    return sorted((WEB / "static").rglob("*.js"))


def templates() -> list[Path]:
    return sorted((WEB / "templates").glob("*.html"))


def bare(file: Path) -> set[str]:
    """Words that stand in the page itself."""
    text = file.read_text()
    parts = [_shown(text)] if file.suffix == ".html" else list(_markup(text))
    found = {part for one in parts for part in (*_between_tags(one), *READ_OUT.findall(one))}
    return {part.strip() for part in found if set(WORD.findall(part)) - NAMES}


def _written() -> list[Path]:
    return [*templates(), *scripts()]


def _source(file: Path) -> str:
    """Without what explains the code."""
    return re.sub(r"/\*.*?\*/|\{#.*?#\}|(?m:^\s*//[^\n]*$)", "", file.read_text(), flags=re.DOTALL)


def _plain(texts: list[str]) -> list[str]:
    return [_unescaped(text) for text in texts]


def _unescaped(text: str) -> str:
    return text.replace('\\"', '"').replace("\\n", "\n")


def _called() -> Iterator[tuple[str, list[str]]]:
    """Calls in Python: the function, and the texts it is given."""
    for file in sorted(PACKAGE.rglob("*.py")):
        source = file.read_text()
        if "townsquare.model.texts" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
                if node.func.id in CALLS and texts:
                    yield node.func.id, [str(one) for one in texts]


def _declared() -> Iterator[str]:
    """Titles and words of types of entities."""
    for file in sorted(PACKAGE.rglob("*.py")):
        source = file.read_text()
        if "model.declaration import" not in source:
            continue
        tree = ast.parse(source)
        for call in _calls(tree, "EntityType"):
            yield from _texts(one.value for one in call.keywords if one.arg == "title")
        for call in _calls(tree, "Words"):
            yield from _texts(call.args[:1])
            yield from _texts(value for one in _dicts(call, tree) for value in one.values)


def _calls(tree: ast.AST, name: str) -> list[ast.Call]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [one for one in calls if isinstance(one.func, ast.Name) and one.func.id == name]


def _dicts(call: ast.Call, tree: ast.AST) -> Iterator[ast.Dict]:
    """Those in it, and those that it names."""
    names = {node.id for node in ast.walk(call) if isinstance(node, ast.Name)}
    named = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and names & {ast.unparse(one) for one in node.targets}
    ]
    for part in (call, *named):
        yield from (node for node in ast.walk(part) if isinstance(node, ast.Dict))


def _texts(nodes: Iterable[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            yield node.value


def _shown(template: str) -> str:
    said = re.sub(r"\{#.*?#\}|<script.*?</script>|<code>.*?</code>", "", template, flags=re.DOTALL)
    said = re.sub(r"\{\{.*?\}\}", "", said, flags=re.DOTALL)
    said = re.sub(r"<\w[^<>]*>", lambda tag: re.sub(r"\{%.*?%\}", "", tag[0]), said)
    return ">" + re.sub(r"\{%.*?%\}", "<>", said, flags=re.DOTALL) + "<"


def _between_tags(markup: str) -> list[str]:
    return re.findall(r">([^<>]+)<", markup)


def _markup(source: str) -> Iterator[str]:
    """What Lit's templates say, each without the code in it (whose own templates follow)."""
    for start in OPENS.finditer(source):
        yield ">" + _static(source, start.end()) + "<"


def _static(source: str, at: int) -> str:
    """From behind a back quote to the one that ends it."""
    said, depth, inner = [], 0, 0
    while at < len(source):
        two, here = source[at : at + 2], source[at]
        if depth == 0 and here == "`":
            break
        if two == "${":
            depth, at = depth + 1, at + 2
            continue
        if depth and here == "`":
            inner = _end(source, at + 1)
            at = inner + 1
            continue
        if depth:
            depth += {"{": 1, "}": -1}.get(here, 0)
        else:
            said.append(here)
        at += 1
    return "".join(said)


def _end(source: str, at: int) -> int:
    """Where the template that begins here ends."""
    depth = 0
    while at < len(source):
        if depth == 0 and source[at] == "`":
            return at
        if source[at : at + 2] == "${":
            depth, at = depth + 1, at + 2
            continue
        if depth and source[at] == "`":
            at = _end(source, at + 1) + 1
            continue
        if depth:
            depth += {"{": 1, "}": -1}.get(source[at], 0)
        at += 1
    return at


def catalogues() -> dict[str, set[str]]:
    """What belongs into each: what scripts say is sent to browsers, and read by the server too."""
    texts, counted = singles(), plurals()
    scripted = {one for file in scripts() for one in _plain(ONE.findall(_source(file)))} | {
        _unescaped(pair[1]) for file in scripts() for pair in MANY.findall(_source(file))
    }
    said = texts | {other for _, other in counted}
    return {"static/texts": scripted, "texts": said - scripted}


def kept() -> Iterator[tuple[str, Path, dict[str, str | dict[str, str]]]]:
    """Each catalogue's folder, its file of a language, and what stands in it."""
    for folder in catalogues():
        for tag in languages():
            if tag != "en":
                path = WEB / folder / f"{tag}.json"
                yield folder, path, json.loads(path.read_text())


def missing() -> dict[str, list[str]]:
    """By file."""
    said = catalogues()
    return {str(path.relative_to(WEB)): sorted(said[f] - set(has)) for f, path, has in kept()}


def unneeded() -> dict[str, list[str]]:
    said = catalogues()
    return {str(path.relative_to(WEB)): sorted(set(has) - said[f]) for f, path, has in kept()}


def tidy(texts: dict[str, str | dict[str, str]]) -> str:
    lines = [
        f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(texts[key], ensure_ascii=False)}"
        for key in sorted(texts)
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    for _, path, has in kept():
        path.write_text(tidy(has))
    json.dump(missing(), sys.stdout, ensure_ascii=False, indent=1)
