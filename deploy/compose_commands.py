"""Prints what compose.yaml runs of shuniu: a line "command" or "command --option" for each use.

Usage: compose_commands.py compose.yaml. Fails when the file is no YAML, names an unknown service or volume, or runs
no command at all.
"""

import re
import shlex
import sys

import yaml


def scripts(service):
    """The shell texts and argument lists that a service runs."""
    in_shell = service.get("entrypoint") == ["sh", "-ec"]
    command = service.get("command") or []
    if in_shell:
        assert len(command) == 1, "sh -ec takes one text"
        yield command[0]
    else:
        yield shlex.join(["shuniu", *command])
    test = service.get("healthcheck", {}).get("test") or []
    yield shlex.join(word for word in test if word != "CMD")


def commands(script):
    """The commands of shuniu in a shell text, each as its words."""
    joined = script.replace("\\\n", " ").replace("$$", "$")
    for part in re.split(r"[\n;]|&&|\|\||\bthen\b|\bdo\b", joined):
        words = shlex.split(part)
        if "shuniu" in words:
            yield words[words.index("shuniu") + 1 :]


def check_names(file):
    services, volumes = file["services"], file.get("volumes") or {}
    networks = file.get("networks") or {}
    for name, service in services.items():
        for other in service.get("depends_on") or {}:
            assert other in services, f"{name} depends on {other}, which is no service"
        shared = str(service.get("network_mode") or "")
        if shared.startswith("service:"):
            assert shared.removeprefix("service:") in services, f"{name} uses the network of no service"
        for network in service.get("networks") or []:
            assert network in networks, f"{name} is in the network {network}, which is none"
        for volume in service.get("volumes") or []:
            assert volume.split(":")[0] in volumes, f"{name} mounts {volume}, which is no volume"


def main(path):
    with open(path, encoding="utf-8") as text:
        file = yaml.safe_load(text)
    check_names(file)
    found = set()
    for service in file["services"].values():
        for script in scripts(service):
            for words in commands(script):
                command = next(word for word in words if not word.startswith("-"))
                options = [word.split("=")[0] for word in words if word.startswith("--")]
                found.update([command] + [f"{command} {option}" for option in options])
    assert found, "no command of shuniu was found"
    print("\n".join(sorted(found)))


main(sys.argv[1])
