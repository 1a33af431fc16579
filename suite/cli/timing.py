"""`leadline speed`: training timed against others."""

from pathlib import Path
from typing import Annotated

import typer

from suite.cli.options import Device, DeviceOption
from suite.cli.printing import make_console

SPEED_EXAMPLES = {
    "leadline speed": "against all that are installed",
    "leadline speed leadline jax --rounds 9": "against one, more exactly",
    "leadline speed --scaling": "how cost grows with size",
}


def speed(
    contenders: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CONTENDER",
            help="leadline, torch, scikit-learn, jax; all by default.",
            autocompletion=lambda incomplete: [
                name
                for name in ("leadline", "torch", "scikit-learn", "jax")
                if name.startswith(incomplete)
            ],
        ),
    ] = None,
    scaling: Annotated[
        bool, typer.Option("--scaling", help="How cost grows with size, instead of who is fastest.")
    ] = False,
    device: DeviceOption = Device.cpu,
    rounds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Timed laps; medians are reported.")
    ] = 5,
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="Epochs in a lap.")] = 1,
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Where speed.json and its figure go.")
    ] = Path("reports"),
) -> None:
    """Time the training of many small networks against others, on one thread each.

    Exits with 1 where the contenders did not reach the same loss.
    """
    from suite.benchmark import check_directory, default_workers, find_device
    from suite.speed.command import run_comparison, run_scaling

    check_directory(output)
    chosen, console = find_device(device.value), make_console()
    if scaling:
        cores = default_workers(chosen)
        run_scaling(device=chosen, cores=cores, rounds=rounds, output=output, console=console)
        return
    same = run_comparison(
        contenders or [],
        device=chosen,
        rounds=rounds,
        epochs=epochs,
        output=output,
        console=console,
    )
    raise typer.Exit(0 if same else 1)
