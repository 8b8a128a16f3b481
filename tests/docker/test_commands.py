"""Only commands, options and targets that exist are named, in docker/ and in the documents."""

import re
import shlex

import click
import pytest
import typer.main
from deployment_files import COMPOSE, DOCKER, DOCUMENTS, MANIFESTS, ROOT, containers
from ray.scripts.scripts import cli as ray_cli
from typer.exceptions import TyperException

from alignsearch.cli.app import app

COMMANDS = {"alignsearch": typer.main.get_command(app), "ray": ray_cli}


def check(words):
    """Parse a command as its program would, without running it."""
    program, *arguments = words
    command = COMMANDS[program]
    with click.Context(command, info_name=program) as outer:
        # A group alone lists what it has.
        while hasattr(command, "commands") and arguments and arguments[0][:1] != "-":
            name = arguments.pop(0)
            assert name in command.commands, f"{program} has no {name}"
            command = command.commands[name]
        # A verb alone is named, not called.
        if arguments and not arguments[0].endswith("-completion"):
            command.make_context(command.name, arguments, parent=outer)


def compose_commands():
    for name, service in COMPOSE["services"].items():
        entry = service.get("entrypoint", ["alignsearch"])
        if "command" in service:
            program = "alignsearch" if entry == ["join-ray"] else entry[0]
            yield f"compose {name}", [program, *service["command"]]
        tested = service.get("healthcheck", {}).get("test", [""])[1:]
        if tested and tested[0] in COMMANDS:
            yield f"health of {name}", tested
        for hook in service.get("pre_stop", []):
            yield f"before the end of {name}", hook["command"]


def kubernetes_commands():
    for name, document in MANIFESTS:
        for container in containers(document):
            if container.get("command", ["join-ray"]) == ["join-ray"] and "args" in container:
                yield f"{name} {container['name']}", ["alignsearch", *container["args"]]
            asked = {
                "preStop": container.get("lifecycle", {}).get("preStop"),
                "readiness": container.get("readinessProbe"),
                "liveness": container.get("livenessProbe"),
            }
            for what, each in asked.items():
                command = (each or {}).get("exec", {}).get("command", [""])
                if command[0] in COMMANDS:
                    yield f"{name} {container['name']} {what}", command


PLACEHOLDERS = {'"$@"': "status", "TID": "7", "experiment NAME": "experiment"}
"""An example for each placeholder that a script or a document has in a command."""


def written_commands():
    """Yield the commands in scripts, in the `ray up` file and in the documents' code."""
    files = [*DOCKER.glob("*.sh"), DOCKER / "ray-gcp-tpu.yaml"]
    for path in (*files, *DOCUMENTS):
        text = re.sub(r"\\\n\s*|\n {4}(?=--)", " ", path.read_text())
        for line in lines_of_code(text) if path.suffix == ".md" else text.splitlines():
            found = re.search(
                r"(?<![-\w./])(?<!from )(alignsearch|ray) (?=[a-z-]+( |$))([^;|`#>'&]*)", line
            )
            if not found:
                continue
            said = found.group()
            for placeholder, example in PLACEHOLDERS.items():
                said = said.replace(placeholder, example)
            words = shlex.split(said)
            if path.suffix == ".md" or words[1] in COMMANDS[words[0]].commands:
                yield f"{path.name}: {found.group()}", words


def lines_of_code(text):
    """Yield the code of a Markdown document: indented lines, and text between backticks."""
    fenced = re.sub(r"(?ms)^```.*?^```$", "", text)
    yield from (line for line in fenced.splitlines() if line.startswith("    "))
    spans = "\n".join(line for line in fenced.splitlines() if not line.startswith("    "))
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", spans))


ALL = [*compose_commands(), *kubernetes_commands(), *written_commands()]


@pytest.mark.parametrize("words", [words for _, words in ALL], ids=[name for name, _ in ALL])
def test_only_commands_and_options_that_exist_are_used(words):
    check(words)


def test_documents_name_only_options_and_targets_that_exist():
    known = {name for command in leaves(COMMANDS["alignsearch"]) for name in options(command)}
    # Options of other programs, which the documents say are theirs.
    known |= {"--no-deps", "--target", "--help"}
    targets = set(re.findall(r"(?m)^([a-z][a-z-]*):", (ROOT / "Makefile").read_text()))
    for path in DOCUMENTS:
        for whole in lines_of_code(path.read_text()):
            # The options after a lone -- are those of the user's own program.
            line = whole.partition(" -- ")[0]
            if re.match(r"\s*(docker|kubectl|git|pip|python|ray|sbatch|srun|ssh) ", line):
                continue
            assert set(re.findall(r"(?<![-\w])--[a-z][a-z-]+", line)) <= known, (path.name, line)
            made = re.match(r"\s*make ((?:[a-z-]+ ?)+)(?=$| )", line)
            if made:
                assert made[1].split()[0] in targets, (path.name, line)


def leaves(command):
    if hasattr(command, "commands"):
        # A table of commands has options of its own, as --version.
        yield command
        for each in command.commands.values():
            yield from leaves(each)
    else:
        yield command


def options(command):
    return (name for each in command.params for name in (*each.opts, *each.secondary_opts))


def test_a_command_that_does_not_exist_is_found():
    with pytest.raises(TyperException, match="--no-such-option"):
        check(["alignsearch", "serve", "--no-such-option"])
