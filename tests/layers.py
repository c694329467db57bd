"""Which folder may import what, as STYLE's table of folders has it; read from the source, nothing is run."""

import ast
from dataclasses import dataclass, field
from pathlib import Path

OURS = {"lake", "models", "pipeline", "loaders", "tests"}


@dataclass(frozen=True)
class Rule:
    """What one package may lean on."""

    ours: frozenset[str]
    not_imported: frozenset[str] = field(default_factory=frozenset)
    reason: str = ""
    opens_files: bool = True


RULES = {
    "models": Rule(
        ours=frozenset(),
        not_imported=frozenset({"lightning", "pytorch_lightning", "wandb", "logging", "pathlib", "os", "io", "shutil"}),
        reason="a network knows no trainer, no log and no file, so that it can be exported alone",
        opens_files=False,
    ),
    "lake": Rule(
        ours=frozenset(),
        not_imported=frozenset({"torch", "lightning", "pytorch_lightning", "torch_geometric"}),
        reason="the lake is read where there is no torch",
    ),
    "pipeline": Rule(ours=frozenset({"models", "lake"})),
    "loaders": Rule(
        ours=frozenset({"lake"}),
        not_imported=frozenset({"torch", "lightning", "pytorch_lightning", "torch_geometric"}),
        reason="the site is built where there is no torch",
    ),
}


def imports(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and module of every import, those inside functions too."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.append((node.lineno, node.module or ""))
        elif isinstance(node, ast.Call) and _imports_by_name(node):
            found.append((node.lineno, str(node.args[0].value)))  # type: ignore[attr-defined]
    return found


def _imports_by_name(call: ast.Call) -> bool:
    """`import_module("x")` and `__import__("x")` count as imports."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return name in ("import_module", "__import__") and bool(call.args) and isinstance(call.args[0], ast.Constant)


def faults_of(package: str, path: Path, source: str) -> list[str]:
    """What a file of the package imports or does against its rule, each with file, line and reason."""
    rule = RULES[package]
    tree = ast.parse(source)
    faults: list[str] = []
    for line, module in imports(tree):
        top = module.split(".")[0]
        if top in OURS - {package} - rule.ours:
            allowed = ", ".join(sorted(rule.ours)) or "nothing of ours"
            faults.append(f"{path}:{line}: imports {module}; {package} may import {allowed}")
        if top in rule.not_imported:
            faults.append(f"{path}:{line}: imports {module}; {rule.reason}")
    if not rule.opens_files:
        opened = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        opened = [node for node in opened if isinstance(node.func, ast.Name) and node.func.id == "open"]
        faults += [f"{path}:{node.lineno}: opens a file; {rule.reason}" for node in opened]
    return faults
