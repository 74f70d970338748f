"""The commands of `airworthy`, as typer knows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scripts.reference.markdown import first_paragraph, page, paragraphs, required, table


def cli() -> str:
    """Every command with its arguments and options."""
    parts = [
        "Commands of `airworthy` (in a fresh clone: `.venv/bin/airworthy`). `airworthy COMMAND --help` says the same.",
        table(
            ("command", "what it does"),
            ((f"[`{n}`](#{n})", first_paragraph(f"the command {n}", c.help)) for n, c in commands()),
        ),
    ]
    for name, command in commands():
        usage = " ".join(["airworthy", name, *(piece for p in command.params for piece in _usage(p))])
        parts += [f"## {name}", f"```text\n{usage}\n```", paragraphs(command.help)]
        rows = [(_spelled(p), required(f"{name} {p.name}", p.help), _default(p)) for p in command.params]
        if rows:
            parts.append(table(("argument or option", "what it says", "default"), rows))
    return page("Command line", *parts)


def commands() -> Iterator[tuple[str, Any]]:
    """Name and command, in the order of ``airworthy --help``."""
    import typer

    from airworthy.cli.main import app

    group: Any = typer.main.get_command(app)
    context = group.context_class(group, info_name="airworthy")
    for name in group.list_commands(context):
        yield name, group.resolve_command(context, [name])[1]


def _usage(parameter: Any) -> Iterator[str]:
    if parameter.param_type_name == "argument":
        name = parameter.name.upper() + ("..." if parameter.nargs == -1 else "")
        yield name if parameter.required else f"[{name}]"
    elif parameter.required:
        yield f"{parameter.opts[0]} {parameter.name.upper()}"


def _spelled(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.name.upper()}`"
    return ", ".join(f"`{spelling}`" for spelling in (*parameter.opts, *parameter.secondary_opts))


def _default(parameter: Any) -> str:
    said = "required" if parameter.required else ""
    default = parameter.default
    if isinstance(default, bool) and parameter.secondary_opts:
        said = f"`{(parameter.opts if default else parameter.secondary_opts)[0]}`"
    elif default not in (None, "", False) and not callable(default):
        said = f"`{default}`"
    variable = f"or `{parameter.envvar}`" if isinstance(parameter.envvar, str) else ""
    return " ".join(filter(None, [said, variable]))
