"""Programs that are expensive to analyse, as attackers or careless generators could write them."""

from __future__ import annotations

from pathlib import Path


def many_functions(root: Path, count: int = 1_000_000) -> Path:
    """Write one module with `count` arrow functions, and return its path."""
    return _write(root, {"app.mjs": "".join(f"export const f{n} = () => {n};\n" for n in range(count))})


def one_long_line(root: Path, size: int = 100_000_000) -> Path:
    """Write one module that is a single line of `size` bytes, and return its path."""
    piece = "f(1,[2,'three',{four:5}],(six)=>six+7);"
    return _write(root, {"app.mjs": "const f=()=>{};" + piece * (size // len(piece)) + "console.log('long');"})


def many_unresolved_imports(root: Path, count: int = 50_000) -> Path:
    """Write one module with `count` imports of packages that are not installed, and return its path."""
    return _write(root, {"app.mjs": "".join(f"import 'absent-{n}';\n" for n in range(count))})


def stars_of_all(root: Path, count: int = 200) -> Path:
    """Write `count` modules that all have `export *` from all others; return the path of one that imports a name."""
    files = {
        f"m{n}.mjs": "".join(f"export * from './m{k}.mjs';\n" for k in range(count) if k != n)
        + f"export const own{n} = {n};\n"
        for n in range(count)
    }
    files["app.mjs"] = f"import {{ own{count - 1} }} from './m0.mjs';\nconsole.log(own{count - 1});\n"
    return _write(root, files)


def long_specifiers(root: Path, count: int = 5_000, steps: int = 200) -> Path:
    """Write one module with `count` imports through `steps` parent directories each, and return its path."""
    up = "../" * steps
    return _write(root, {"app.mjs": "".join(f"import '{up}absent/{n}.mjs';\n" for n in range(count))})


def _write(root: Path, files: dict[str, str]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (root / name).write_text(content)
    return root / "app.mjs"
