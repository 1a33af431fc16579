"""`leadline`: its commands, and how each of them ends."""

import signal
import sys

import typer

from suite.cli.experiments import REPORT_EXAMPLES, RUN_EXAMPLES, report, run
from suite.cli.exporting import EXPORT_EXAMPLES, export
from suite.cli.options import examples
from suite.cli.serving import UI_EXAMPLES, ui
from suite.cli.stopping import StoppedError
from suite.cli.timing import SPEED_EXAMPLES, speed
from suite.cli.trials import (
    RERUN_EXAMPLES,
    SHOW_EXAMPLES,
    VERIFY_EXAMPLES,
    rerun,
    show,
    verify,
)
from suite.cli.words import LIST_EXAMPLES, list_words
from suite.compare.options import COMPARE_EXAMPLES, compare
from suite.errors import InputError
from suite.execution.interrupts import interrupts_kept

INTERRUPTED = 128 + signal.SIGINT

app = typer.Typer(
    name="leadline",
    help="What does depth buy? Textbook claims about shallow and deep networks, put to the test.",
    epilog=examples(
        {
            "leadline run --profile quick": "a first taste of all claims",
            "leadline run depth_accuracy": "one experiment in full",
            "leadline compare a.csv --target y --output out": "a table of yours",
            "leadline list activations": "words for experiments",
        }
    ),
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=examples(RUN_EXAMPLES))(run)
app.command("list", epilog=examples(LIST_EXAMPLES))(list_words)
app.command(epilog=examples(COMPARE_EXAMPLES))(compare)
app.command(epilog=examples(REPORT_EXAMPLES))(report)
app.command(epilog=examples(UI_EXAMPLES))(ui)
app.command(epilog=examples(SHOW_EXAMPLES))(show)
app.command(epilog=examples(RERUN_EXAMPLES))(rerun)
app.command(epilog=examples(VERIFY_EXAMPLES))(verify)
app.command(epilog=examples(EXPORT_EXAMPLES))(export)
app.command(epilog=examples(SPEED_EXAMPLES))(speed)


def _stop(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command; what the user can mend ends in a few lines and exit code 2."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        with interrupts_kept():
            # Told not to stand alone, typer leaves it to us how a wrong option is reported.
            code = app(sys.argv[1:] or ["--help"], prog_name="leadline", standalone_mode=False)
    except InputError as error:
        code = _refuse(str(error))
    except typer.TyperException as error:
        code = _refuse(error.format_message().replace("Value error, ", ""))
    except StoppedError as stopped:
        sys.exit(_stopped(str(stopped)))
    except KeyboardInterrupt:
        code = INTERRUPTED
    # typer makes this code of a KeyboardInterrupt that a command raises.
    sys.exit(_stopped("stopped") if code == INTERRUPTED else code)


def _stopped(word: str) -> int:
    sys.stderr.write(f"{word}\n")
    return INTERRUPTED


def _refuse(problem: str) -> int:
    sys.stderr.write(f"leadline: {problem}\n")
    return 2
