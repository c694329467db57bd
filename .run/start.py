"""From the words behind `./run` to the task's own process."""

import signal
import sys
import tomllib

from errors import RunError
from python_env import set_up_python
from steps import become, run_step
from tasks import NODE_TASK, ROOT, check_chain, check_node, needed_order, overview, read_tasks


def start(words: list[str]) -> int:
    """Run the task that `words` ask for; what a person can put right is printed without a traceback."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a child is then ended before we are
    try:
        return run_task(words)
    except RunError as error:
        message, code = str(error), error.code
    except KeyboardInterrupt:
        message, code = "interrupted; the next ./run goes on from what was complete.", 130
    print(f"run: {message}", file=sys.stderr, flush=True)
    return code


def run_task(words: list[str]) -> int:
    manifest = tomllib.loads((ROOT / "pixi.toml").read_text())
    tasks = read_tasks(manifest)
    if not words or words[0] in ("-h", "--help"):
        print(overview(tasks))
        return 0
    name, *arguments = words
    chain = [name] if {"-h", "--help"} & set(arguments) else needed_order(tasks, name)
    check_chain(tasks, name, chain)
    if NODE_TASK in chain:
        check_node(tasks, name, manifest["dependencies"]["nodejs"])
    set_up_python()
    for needed in chain[:-1]:
        run_step(needed, tasks[needed])
    return become(name, tasks[name], arguments)
