"""TypeScript in an editor: what Node makes of it, at the places of the text with types."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types

from e2e.lsp.editor import Editor, an_editor, at, between, visual_studio_code
from e2e.lsp.shared_server import SharedServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

APP = """\
import { greet, type Name } from "./lib/greet.ts";
import type { Shape } from "./lib/shapes.ts";
const name: Name = "é";
type Later = import("./lib/shapes.ts").Shape;
export const shape: Shape = { sides: greet(name).length };
"""
GREET = """\
export type Name = string;
interface Hidden { a: 1 }
export function greet(name: Name): string {
  return `hello ${name}`;
}
"""
SHAPES = "export interface Shape { sides: number }\nexport type { Other } from './other.ts';\n"
FILES = {
    "package.json": '{"name": "demo", "type": "module", "main": "app.ts"}',
    "app.ts": APP,
    "lib/greet.ts": GREET,
    "lib/shapes.ts": SHAPES,
    "lib/other.ts": "export type Other = 1;\n",
    "lib/all.ts": "export * from './shapes.ts';\n",
    "old.cts": "import type { Shape } from './lib/shapes.ts';\nrequire('./lib/greet.ts').greet('a' as string);\n",
}
COLORS = "import { greet } from './lib/greet.ts';\nexport enum Color { Red }\ngreet('');\n"
ERROR, HINT = types.DiagnosticSeverity.Error, types.DiagnosticSeverity.Hint


@pytest_asyncio.fixture(loop_scope="session", params=["pull", "push"])
async def editor(
    request: pytest.FixtureRequest, pulling: SharedServer, pushing: SharedServer, tmp_path: Path
) -> AsyncIterator[Editor]:
    server = pulling if request.param == "pull" else pushing
    async with server.a_folder(tmp_path, FILES) as editor:
        yield editor


def only_errors(found: list[types.Diagnostic]) -> list[types.Diagnostic]:
    return [one for one in found if one.severity == ERROR]


async def errors(editor: Editor, name: str, expected: Sequence[str]) -> list[types.Diagnostic]:
    """Return a file's errors when they have these codes; the server may have warmed the file by then, or not yet."""
    found = await editor.diagnostics(name, lambda found: [one.code for one in only_errors(found)] == list(expected))
    return only_errors(found)


async def test_cold_until_it_is_saved(pulling: SharedServer, tmp_path: Path) -> None:
    async with pulling.a_folder(tmp_path, {}, warmOnSave=True) as editor:
        editor.write("package.json", '{"type": "module"}')
        editor.write("app.ts", GREET)
        editor.open("app.ts")
        await editor.codes("app.ts", ["cache-cold"])
        editor.save("app.ts", GREET + "export default 1;\n")
        await editor.codes("app.ts", [])
        await editor.asked(
            lambda: editor.request("esmcache/lookup", uri=editor.uri("app.ts")), lambda found: found["codeCachePath"]
        )


@pytest.mark.parametrize(
    ("text", "code", "wrong", "message"),
    [
        (
            "const é = 1;\nenum Color { Red }\n",
            "unsupported-typescript-syntax",
            "enum Color { Red }",
            "TypeScript enum",
        ),
        (
            "class Box {\n  constructor(private x: number) {}\n}\n",
            "unsupported-typescript-syntax",
            "x: number",
            "TypeScript parameter property",
        ),
        ("const a: = 1;\n", "syntax-error", "=", "Unexpected token `=`"),
        ("let a: number = 1;\nlet a = 2;\n", "syntax-error", "", "Identifier 'a' has already been declared"),
    ],
    ids=["an enum", "a parameter property", "no type", "declared twice"],
)
async def test_syntax_that_node_refuses(editor: Editor, text: str, code: str, wrong: str, message: str) -> None:
    name = "wrong.ts"
    editor.write(name, text)
    editor.open(name)
    (found,) = await errors(editor, name, [code])
    assert message in found.message
    if wrong:
        assert found.range == between(text, wrong)
    editor.retype(name, "export const right: number = 1;\n")
    await errors(editor, name, [])


async def test_an_import_of_a_type_that_node_cannot_find(editor: Editor) -> None:
    text = 'import { Shape } from "./lib/shapes.ts";\nimport { Shape as S, Other } from "./lib/all.ts";\n'
    editor.open("app.ts", text)
    found = await errors(editor, "app.ts", ["missing-export"] * 3)
    assert [one.message.split(", ")[1] for one in found] == ["only a type of this name"] * 3
    titles = []
    for one in found:
        context = types.CodeActionContext([one], [types.CodeActionKind.QuickFix])
        params = types.CodeActionParams(editor.place("app.ts"), one.range, context)
        for action in await editor.client.text_document_code_action_async(params) or ():
            assert isinstance(action, types.CodeAction) and action.edit is not None
            titles.append(action.title)
    assert titles == ["Add type", "Add type", "Add type"]


async def test_a_missing_export_that_is_no_type(editor: Editor) -> None:
    text = 'import { gone, Hidden } from "./lib/greet.ts";\n'
    editor.open("app.ts", text)
    found, _ = await errors(editor, "app.ts", ["missing-export"] * 2)
    assert (found.range, found.message) == (between(text, "gone"), "greet.ts has no export named 'gone'")


async def test_an_import_that_cannot_be_resolved(editor: Editor) -> None:
    text = "import type { A } from './gone.ts';\nlet é: A;\nimport { greet } from './nowhere.ts';\ngreet(é);\n"
    editor.open("app.ts", text)
    (found,) = await errors(editor, "app.ts", ["unresolved-import"])
    assert found.range == between(text, "'./nowhere.ts'")


@pytest.mark.parametrize(
    ("specifier", "replacement"),
    [
        ("./lib/greet", "./lib/greet.ts"),
        ("./lib/greet.js", "./lib/greet.ts"),
        ("./old.cjs", "./old.cts"),
        ("./lib", "./lib/index.ts"),
    ],
)
async def test_a_specifier_of_other_tools_is_mended(editor: Editor, specifier: str, replacement: str) -> None:
    editor.write("lib/index.ts", "export {};\n")
    text = f"import {{}} from '{specifier}';\n"
    editor.open("app.ts", text)
    (found,) = await errors(editor, "app.ts", ["unresolved-import"])
    assert found.message.endswith(f'did you mean "{replacement}"?')
    assert found.range == between(text, specifier)


async def test_a_path_of_tsconfig_is_followed_and_no_error(editor: Editor) -> None:
    editor.write("tsconfig.json", '{ "compilerOptions": { "paths": { "@/*": ["./lib/*"], }, }, } // for tsc\n')
    text = "import { greet } from '@/greet';\ngreet('');\n"
    editor.open("app.ts", text)
    found = await editor.diagnostics("app.ts", lambda found: any(one.code == "not-served" for one in found))
    (hint,) = [one for one in found if one.code == "not-served"]
    assert (hint.severity, hint.range) == (HINT, between(text, "@/greet"))
    assert 'the path "@/*" of tsconfig.json matches it' in hint.message
    links = await editor.client.text_document_document_link_async(types.DocumentLinkParams(editor.place("app.ts")))
    assert [one.target for one in links or ()] == [editor.uri("lib/greet.ts")]


async def test_navigation(editor: Editor) -> None:
    editor.open("app.ts")
    editor.open("lib/greet.ts")
    links = await editor.client.text_document_document_link_async(types.DocumentLinkParams(editor.place("app.ts")))
    assert [(one.target, one.range) for one in links or ()] == [
        (editor.uri("lib/greet.ts"), between(APP, "./lib/greet.ts"))
    ]
    use = types.Position(4, APP.splitlines()[4].index("greet"))
    answer = await editor.client.text_document_definition_async(types.DefinitionParams(editor.place("app.ts"), use))
    assert isinstance(answer, list)
    (found,) = answer
    assert isinstance(found, types.LocationLink)
    assert (found.target_uri, found.target_range) == (editor.uri("lib/greet.ts"), between(GREET, "greet"))
    declared = between(GREET, "greet").start
    params = types.ReferenceParams(types.ReferenceContext(False), editor.place("lib/greet.ts"), declared)
    places = await editor.client.text_document_references_async(params)
    assert [(one.uri, one.range) for one in places or ()] == [(editor.uri("app.ts"), between(APP, "greet"))]


async def test_hover_says_what_node_loads(editor: Editor) -> None:
    editor.open("app.ts")
    await editor.warm()
    params = types.HoverParams(editor.place("app.ts"), between(APP, "./lib/greet.ts").start)
    hover = await editor.client.text_document_hover_async(params)
    assert hover is not None and isinstance(hover.contents, types.MarkupContent)
    assert "module-typescript" in hover.contents.value


async def lens_of(editor: Editor, name: str) -> str:
    """Return the first words of a file's only code lens."""
    editor.open(name)
    (lens,) = await editor.client.text_document_code_lens_async(types.CodeLensParams(editor.place(name))) or ()
    assert lens.command is not None
    return lens.command.title.split(" · ")[0]


async def test_a_lens_says_that_a_file_is_warm(editor: Editor) -> None:
    editor.configure(codeLens=True)
    await editor.warm()
    assert await lens_of(editor, "app.ts") == "esmcache: warm"


async def test_a_file_that_node_cannot_run_is_native_everywhere(tmp_path: Path, node: Path) -> None:
    text = f"import './colors.ts';\n{APP}"
    files = {**FILES, "colors.ts": COLORS, "app.ts": text}
    settings = {"codeLens": True, "include": ["*.ts"], "warmOnStart": True}
    async with an_editor(tmp_path, node, files, visual_studio_code(), **settings) as editor:
        await editor.until(lambda: editor.status.get("native") == 1 and editor.status["quiescent"])
        assert (editor.status["stale"], editor.status["cold"]) == (0, 0)
        uri = editor.uri("colors.ts")
        assert (await editor.request("esmcache/lookup", uri=uri))["state"] == "native"
        assert (await editor.command("esmcache.explain", uri))["state"] == "native"
        packages = (await editor.request("esmcache/modules"))["packages"]
        states = {one["name"]: one["state"] for package in packages for one in package["modules"]}
        assert (states["app.ts"], states["colors.ts"]) == ("fresh", "native")
        graph = await editor.command("esmcache.graph", editor.uri("app.ts"))
        drawn = {one["name"]: one["state"] for one in graph["nodes"]}
        assert drawn == {"app.ts": "fresh", "lib/greet.ts": "fresh", "colors.ts": "native"}
        editor.open("app.ts")
        params = types.HoverParams(editor.place("app.ts"), between(text, "./colors.ts").start)
        hover = await editor.client.text_document_hover_async(params)
        assert hover is not None and isinstance(hover.contents, types.MarkupContent)
        assert "native: Node loads it itself" in hover.contents.value
        assert await lens_of(editor, "colors.ts") == "esmcache: native"


async def test_a_file_that_node_cannot_strip_can_be_navigated(editor: Editor) -> None:
    text = (
        "/* é */ enum Color { Red }\nimport { greet as hello, type Name } from './lib/greet.ts';\n"
        "import './gone.ts'; import type { Shape } from './lib/shapes.ts';\n"
        'class Box { constructor(private color = Color.Red) { import("./app.ts"); } }\nhello(`${new Box()}`);\n'
    )
    editor.write("colors.ts", text)
    editor.open("colors.ts")
    found = await errors(editor, "colors.ts", ["unsupported-typescript-syntax", "unresolved-import"])
    assert found[1].range == between(text, "'./gone.ts'")
    place = editor.place("colors.ts")
    links = await editor.client.text_document_document_link_async(types.DocumentLinkParams(place))
    assert [(one.range, one.target) for one in links or ()] == [
        (between(text, "./lib/greet.ts"), editor.uri("lib/greet.ts")),
        (between(text, "./app.ts"), editor.uri("app.ts")),
    ]
    for wanted, target in (("greet", between(GREET, "greet")), ("./lib/greet.ts", at(0, 0, 0))):
        asked = between(text, wanted).start
        answer = await editor.client.text_document_definition_async(types.DefinitionParams(place, asked))
        assert isinstance(answer, list) and isinstance(answer[0], types.LocationLink)
        assert (answer[0].target_uri, answer[0].target_range) == (editor.uri("lib/greet.ts"), target)
        hover = await editor.client.text_document_hover_async(types.HoverParams(place, asked))
        assert hover is not None and isinstance(hover.contents, types.MarkupContent)
        assert "greet.ts" in hover.contents.value
    declared = between(GREET, "greet").start
    params = types.ReferenceParams(types.ReferenceContext(False), editor.place("lib/greet.ts"), declared)
    places = await editor.client.text_document_references_async(params)
    assert [(one.uri, one.range) for one in places or ()] == [(editor.uri("colors.ts"), between(text, "hello"))]


async def test_typing_changes_what_is_imported(editor: Editor) -> None:
    editor.open("app.ts")
    for text in ("import './gone.ts';\n" + APP, APP + "const x: string = 1 as any;\n", APP):
        editor.retype("app.ts", text)
        await errors(editor, "app.ts", ["unresolved-import"] * ("gone" in text))


async def edits_of_move(server: SharedServer, directory: Path, old: str, new: str) -> dict[str, list[str]]:
    """Return the new texts of the edits for a move, by file."""
    async with server.a_folder(directory, {**FILES, "colors.ts": COLORS}) as editor:
        renames = types.RenameFilesParams([types.FileRename(editor.uri(old), editor.uri(new))])
        edit = await editor.client.workspace_will_rename_files_async(renames)
        assert edit is not None and edit.document_changes is not None
        changes = [one for one in edit.document_changes if isinstance(one, types.TextDocumentEdit)]
        return {
            one.text_document.uri.removeprefix(f"{editor.root.as_uri()}/"): [
                getattr(edit, "new_text", "") for edit in one.edits
            ]
            for one in changes
        }


async def test_a_move_edits_imports_of_types_too(pulling: SharedServer, tmp_path: Path) -> None:
    assert await edits_of_move(pulling, tmp_path, "lib/shapes.ts", "forms.ts") == {
        "app.ts": ["./forms.ts", "./forms.ts"],
        "lib/all.ts": ["../forms.ts"],
        "lib/shapes.ts": ["./lib/other.ts"],
        "old.cts": ["./forms.ts"],
    }


async def test_a_file_that_node_cannot_strip_is_edited_by_a_move(pulling: SharedServer, tmp_path: Path) -> None:
    assert await edits_of_move(pulling, tmp_path, "lib/greet.ts", "lib/hello.ts") == {
        "app.ts": ["./lib/hello.ts"],
        "colors.ts": ["./lib/hello.ts"],
        "old.cts": ["./lib/hello.ts"],
    }


async def test_tsx_is_left_to_others(pulling: SharedServer, tmp_path: Path) -> None:
    view = "import type { Shape } from './lib/shapes.ts';\nexport const view = ({ sides }: Shape) => <b>{sides}</b>;\n"
    async with pulling.a_folder(tmp_path, {**FILES, "view.tsx": view}, warmOnSave=True) as editor:
        for name in ("view.tsx", "app.ts"):
            editor.open(name)
            editor.save(name, view if name == "view.tsx" else APP)
        # Saves are handled in their order.
        await editor.codes("app.ts", [])
        (found,) = await editor.codes("view.tsx", ["not-served"])
        assert found.severity == HINT and 'Unknown file extension ".tsx"' in found.message
        assert found.range == at(0, 0, 0)


async def test_typescript_of_packages_is_never_served(editor: Editor) -> None:
    editor.write("node_modules/tool/package.json", '{"name": "tool", "type": "module"}')
    editor.write("node_modules/tool/tool.ts", "export const tool: number = 1;\n")
    editor.open("node_modules/tool/tool.ts")
    (found,) = await editor.codes("node_modules/tool/tool.ts", ["not-served"])
    assert found.severity == HINT and "Node strips no types below node_modules" in found.message
